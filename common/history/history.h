// History: what the processes of a run asked for and were told, in the order it happened.
//
// One append-only list, fed by the simulation (and later by programs that drive real daemons); the
// checkers (checkers.h) read nothing else. An operation is an invoke event and, later, one that
// ends it; a process that died leaves it open, which counts as unknown. Things that merely happen
// to a process (a delivery) or are looked up (a task's state) are single events with outcome kOk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace baton::check {

enum class Action : std::uint8_t {
  kProduce,   // invoke: producer, number, content. ok: task
  kGrant,     // the ledger gave a claim; only where the ledger is visible, in its own order
  kDelivery,  // a consumer got a claim: task, token, attempt, and what the payload says
  kAck,
  kNack,
  kRelease,
  kExtend,
  kState,  // the state of a task, as asked for at the end
};
std::string_view to_string(Action action);

enum class Outcome : std::uint8_t {
  kInvoke,
  kOk,
  kFail,     // refused: had no effect and never will
  kUnknown,  // may have had its effect, or may have it later
};
std::string_view to_string(Outcome outcome);

// The states that matter to a checker.
enum class FinalState : std::uint8_t {
  kNotFound,
  kWaiting,
  kClaimed,
  kDone,
  kDead,
  kQuarantined,
  kOther
};
std::string_view to_string(FinalState state);

struct Event {
  Duration at{0};
  Action action = Action::kProduce;
  Outcome outcome = Outcome::kOk;
  std::uint64_t operation = 0;  // ties an invoke to its end; 0 for single events
  std::uint64_t process = 0;    // who; for claims the session, one number per session
  TaskId task;
  Token token;
  std::uint32_t attempt = 0;
  // What was produced: a producer and its number name one task for ever, and payloads say which
  // they are.
  std::uint64_t producer = 0;
  std::uint64_t number = 0;
  std::uint64_t content = 0;  // hash of the payload
  FinalState state = FinalState::kNotFound;
};
// "12.345678s ack ok process 3 task 17592186044417 token 9"
std::string to_string(const Event& event);

class History {
 public:
  // Returns the operation's number, to end it with.
  std::uint64_t invoke(Event event);
  // Ends an operation; task, token and the rest are those of its invoke where `end` leaves them
  // out.
  void end(std::uint64_t operation, Duration at, Outcome outcome, TaskId task = {});
  // A single event.
  void note(Event event);

  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  // The events of one task, or of one producer's number, as lines: what a person wants to see of a
  // violation.
  [[nodiscard]] std::string story(TaskId task) const;

 private:
  std::vector<Event> events_;
  std::vector<std::size_t> invoked_at_;  // by operation - 1: where its invoke is
};

}  // namespace baton::check
