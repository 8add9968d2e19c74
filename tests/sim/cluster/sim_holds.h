// SimHolds: which claims programs believe to hold at this moment. No lease ends early.
//
// A task may be granted again only when its holder has ended it, was told that it is lost, has
// given it up because of its own deadline, is dead, or stands still. Otherwise two programs work on
// one task without anybody having been slow: the fence would keep it safe, but work is done twice,
// and a lease, or the time that it is measured in, was wrong (R13, R15).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/base/ids.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

class SimHolds {
 public:
  struct Hold {
    SimTime since{};
    // Until then the program may hold it without having heard of the ledger again: the third of the
    // lease in which the first heartbeat must be answered. A delivery that was slow may be void by
    // then.
    Duration first_heartbeat{};
    std::function<bool()> stands_still;
  };

  // A program got the task. Says what is wrong with that, if anything is.
  std::optional<std::string> take(TaskId task, Token token, Hold hold);
  void let_go(TaskId task, Token token);

 private:
  std::map<TaskId, std::map<Token, Hold>> holds_;
};

}  // namespace baton::sim
