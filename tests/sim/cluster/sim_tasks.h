// SimTasks: what the programs of a run share about the life of tasks: the book that the checkers read,
// the tasks that are known to exist, and the keys that are in use.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "tests/sim/cluster/sim_plan.h"
#include "tests/sim/life/life_book.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

// What a program is about to produce.
struct Wished {
  std::string queue;
  std::string payload;
  TaskOptions options;
};

class SimTasks {
 public:
  struct Known {
    TaskId task;
    std::string queue;
    std::uint64_t content = 0;
  };

  SimTasks(const check::History& history, const LifePlan& plan) : book(history), plan_(plan) {}

  // What the plan wants a task to ask for beside its payload. An idempotency key that is in use may
  // come with the payload and options of its first task, or with other ones.
  void wish(Wished& wished, SimTime now, Random& random);
  // Of a task of a running one.
  void wish_child(Wished& wished, TaskId parent, Token token, Random& random);
  // A copy of a task that exists; false when there is none. `name`: by which its delivery says which
  // one it is ("<producer>/<number>"), since it has the payload of the other.
  bool wish_copy(Wished& wished, std::string name, std::uint64_t& content, Random& random);

  void exists(TaskId task, std::string queue, std::uint64_t content) {
    known_.push_back({task, std::move(queue), content});
  }
  // What the calendar says, where it is exact.
  static WallTime calendar(SimTime at) { return SimClock().wall(at); }
  // One of the latest; null when there is none.
  [[nodiscard]] const Known* any_known(Random& random) const;

  // Its claims may end before their lease, and before their holder can have heard.
  void ends_early(std::uint64_t producer, std::uint64_t number) {
    early_.emplace(producer, number);
  }
  [[nodiscard]] bool may_end_early(std::uint64_t producer, std::uint64_t number) const {
    return any_ends_early || early_.contains({producer, number});
  }

  check::LifeBook book;
  bool any_ends_early = false;  // a queue has such a time for all
  bool settled = false;         // the operator has decided what was left to decide

 private:
  // Who asks with a key after so long does so for a task of his own: the other may be forgotten.
  static constexpr Duration kKeyUsed = std::chrono::seconds(20);

  struct Keyed {
    Wished wished;
    SimTime since;
  };

  // What was asked for with a key, or is now.
  void use_key(Wished& wished, SimTime now, Random& random);

  const LifePlan& plan_;
  std::vector<Known> known_;
  std::map<std::string, Keyed> keyed_;  // by key: of the first who asked
  std::set<std::pair<std::uint64_t, std::uint64_t>> early_;
};

}  // namespace baton::sim
