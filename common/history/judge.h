// judge: all checkers over one history, for everybody who has one: the simulation, the bench,
// baton_judge.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/history/checkers.h"

namespace baton::check {

struct JudgeOptions {
  bool quarantine_allowed = false;            // disks were damaged or taken back
  bool twice_allowed = false;                 // two copies of a store were in use: no word on C6
  bool dead_allowed = false;                  // handlers refuse tasks
  bool states_asked = true;                   // every confirmed task was looked at in the end (C1)
  bool healed = false;                        // and consumers had time after the last fault (C8)
  Explained explained = {};                   // ends that C1 and C8 accept
  std::function<bool(TaskId)> redriven = {};  // whose attempts may go back (C2)
  LinearizabilityOptions order{};             // C5
};

struct Judgement {
  std::vector<Violation> violations;
  Totals totals;
  Linearizability order;  // its violations are among the others
  std::uint64_t samples = 0;

  // An undecided task is no violation, but no evidence either.
  [[nodiscard]] bool good() const { return violations.empty() && order.undecided == 0; }
  // Violations of one checker, "C1" ...
  [[nodiscard]] std::uint64_t count(std::string_view checker) const;
  // One line each, violations and then what was undecided.
  [[nodiscard]] std::vector<std::string> lines() const;
  // The stories of the tasks that violations name, each once, of at most `tasks_max` tasks.
  [[nodiscard]] std::string stories(const History& history, std::size_t tasks_max = 20) const;
};

Judgement judge(const History& history, JudgeOptions options = {});

}  // namespace baton::check
