// What the model test checks after every entry: that two ledgers say the same, and that the
// invariants hold.
//
// Each check returns what is wrong, or nothing.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "center/core/ledger.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

using Complaint = std::optional<std::string>;

// The same outcomes (but for messages), grants in the same order, and the same transitions, in any
// order.
Complaint compare_effects(const Effects& real, const Effects& expected);

// The same state of every task, queue and session, and of every count.
Complaint compare_state(const Ledger& real, const Oracle& expected);

// Looks only at what goes in and comes out, and knows no more of the ledger than the invariants of
// docs/guarantees.md say: I3 tokens grow; I4 one claim per task; I5 an accepted operation carries
// the current token and session; I6 one completion; I7 no grant of a task that is not ready; I8 an
// expiry is of the current token; and no session gets more than its credit.
class InvariantChecker {
 public:
  Complaint check(const Entry& entry, const Effects& effects);

 private:
  struct Task {
    TaskState state = TaskState::kNone;
    Token token;
    SessionId session;
    Token last_token;
  };
  Complaint check_transition(const Transition& transition);
  Complaint check_grant(const Grant& grant);
  Complaint check_operations(const SessionOperations& asked, const OperationsOutcome& answered);
  static Complaint check_completions(const Entry& entry, const Effects& effects);
  // What the session allows by its own words, so far.
  Complaint hear(const Command& command, const Outcome& outcome);
  void hear(const AttachSession& asked, const AttachOutcome& answered);
  void hear(const SessionDemand& asked, const SimpleOutcome& answered);

  struct Session {
    ConnEpoch conn_epoch;
    std::uint64_t allowed = 0;  // grants since attach
    std::int64_t heard_ms = 0;
    bool unsure = false;  // whether it still exists
    std::map<OpSeq, ErrorCode> answers;
  };

  std::map<TaskId, Task> tasks_;
  Token highest_;
  std::int64_t now_ms_ = 0;
  std::map<SessionId, Session> sessions_;
};

}  // namespace baton::center::model
