// Checkers: what must be true of every history, whatever went wrong in the run. One idea per file.
//
// C1 ... C9 are numbered as in docs/testing.md; the promises behind them are in docs/guarantees.md.
// A checker looks at a whole history and returns every violation it finds. Each has a test in which
// a wrong history is planted and found: a checker that cannot fail checks nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/history/history.h"

namespace baton::check {

struct Violation {
  std::string_view checker;  // "C1" ...
  std::string what;          // one line
  TaskId task;               // for History::story
};

// Whether something that is no part of the history explains how a task ended: an operator, a time
// limit, a parent. Empty: nothing does.
using Explained = std::function<bool(TaskId task, FinalState state)>;

// C1 total delivery: what was confirmed is completed or still waiting, nothing else appears.
//
// Needs a look at every confirmed task at the end (kState). A confirmed task counts as there when
// its completion was accepted or its state is done, waiting, claimed or dead; in quarantine only
// where the run damages or takes back disks.
struct DeliveryOptions {
  bool quarantine_allowed = false;
  bool states_asked = true;  // false: nobody looked, so what was not completed may be anywhere
  Explained explained = {};
};
std::vector<Violation> check_delivery(const History& history, DeliveryOptions options = {});

// C2 claims: a token is granted once, to one session; tokens of a task grow; no operation of an
// older token is accepted once a newer claim of the task is known to somebody.
// `redriven`: the tasks whose attempts may count from the beginning again. Empty: none.
std::vector<Violation> check_claims(const History& history,
                                    const std::function<bool(TaskId)>& redriven = {});

// C3 completion: at most one accepted per task, and no claim of the task is newer than the one it
// completed.
std::vector<Violation> check_completion(const History& history);

// C5 linearizability: the events of each task fit into one order in which one ledger could have done
// them (task_machine.h), every step between its question and its answer.
struct LinearizabilityOptions {
  double lease_share = 0.9;        // a claim lasts at least this part of its lease
  std::uint32_t max_attempts = 5;  // dead at so many nacks; 0: not known
  bool outside = false;            // see TaskRules
  std::uint64_t budget = 200'000;  // steps tried for one task; beyond, it is undecided
};
struct Linearizability {
  std::vector<Violation> violations;
  std::uint64_t tasks = 0;
  std::uint64_t steps = 0;
  std::uint64_t undecided = 0;  // tasks of which nothing is known: not evidence of anything
};
Linearizability check_linearizability(const History& history, LinearizabilityOptions options = {});

// C6 produced once: a producer's number names one task, a task one number.
std::vector<Violation> check_identity(const History& history);

// C7 payloads arrive as they were produced.
std::vector<Violation> check_payloads(const History& history);

// C8 liveness, for a history that ends after everything was healed and consumers had time: every
// confirmed task is completed, or seen as done (or dead, where handlers refuse tasks too often).
struct LivenessOptions {
  bool dead_allowed = false;
  bool quarantine_allowed = false;
  Explained explained = {};
};
std::vector<Violation> check_liveness(const History& history, LivenessOptions options = {});

// C9 resources: no sample is above its cap; what has no cap levels off: of the samples of one
// resource of one process, the last quarter is not throughout more than twice the most of the first
// half. (Of fewer than 16 samples nothing can be said, and nothing is.)
std::vector<Violation> check_resources(const History& history);

// What the run did, to see that it tried something: a run without any is no evidence.
struct Totals {
  std::uint64_t produced = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t produce_failed = 0;
  std::uint64_t produce_unknown = 0;  // also those left open
  std::uint64_t recovered = 0;        // unknown ones that exist
  std::uint64_t deliveries = 0;
  std::uint64_t redeliveries = 0;  // of a task that was delivered before
  std::uint64_t completed = 0;
  std::uint64_t superseded = 0;  // operations refused
  std::uint64_t ack_unknown = 0;
};
Totals totals(const History& history);

// Where in the order of confirmation the lost tasks are: a lost postfix is a missing sync, a lost
// prefix a truncation, a lost middle a hole.
struct LostShape {
  std::uint64_t prefix = 0;
  std::uint64_t middle = 0;
  std::uint64_t postfix = 0;
};
LostShape shape_of_lost(const History& history, DeliveryOptions options = {});

}  // namespace baton::check
