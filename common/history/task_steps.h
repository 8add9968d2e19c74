// TaskSteps: a history cut into tasks, and each task into steps of which nobody knows exactly when
// they took place, only between which events: what the search of C5 (task_search.h) puts in order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/history/history.h"

namespace baton::check {

struct Step {
  enum class Kind : std::uint8_t { kGrant, kAck, kNack, kRelease, kExtend, kLook };
  enum class Need : std::uint8_t {
    kMust,     // took place
    kMay,      // may have, at any time since it was asked for
    kRefused,  // was refused: the claim was over at some time in between
  };
  static constexpr std::uint64_t kOpen = UINT64_MAX;

  TaskId task;
  Kind kind = Kind::kGrant;
  Need need = Need::kMust;
  FinalState state = FinalState::kNotFound;  // kLook: what was seen
  std::uint32_t lease_ms = 0;
  Token token;
  std::uint64_t process = 0;  // 0: not known, any may be meant
  // It took place after `begin` and before `end`: places in the history, of which each event has
  // two, so that one that merely happened has room for itself. kOpen: not over at the end.
  std::uint64_t begin = 0;
  std::uint64_t end = kOpen;
  // The same in time.
  Duration begin_at{0};
  Duration end_at{0};
};
// "ack of token 9 by process 3"
std::string to_string(const Step& step);

// The steps of all tasks whose hash falls into slice `slice` of `slices`, sorted by task, then by
// begin. (A whole history of millions of operations at once would take too much memory.)
//
// Each token is one grant, which came after the produce was asked for and before anybody had the
// token. Tokens of a task grow, so a grant also lies before those with higher tokens. Without `births`
// nothing is said of the produce: one that names a task by its idempotency key may come later.
std::vector<Step> collect_steps(const History& history, std::uint64_t slice, std::uint64_t slices,
                                bool births = true);

}  // namespace baton::check
