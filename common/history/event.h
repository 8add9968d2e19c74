// Event: one line of a history.
//
// An operation is an invoke event and, later, one that ends it; a process that died leaves it open,
// which counts as unknown. What merely happens to a process (a delivery) is a single event with
// outcome kOk. A look at a task's state is an operation as well, or a single event where nothing
// can happen between the question and the answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace baton::check {

enum class Action : std::uint8_t {
  kProduce,   // invoke: producer, number, content. ok: task
  kGrant,     // the ledger gave a claim; only where the ledger is visible, in its own order
  kDelivery,  // a consumer got a claim: task, token, attempt, lease, and what the payload says
  kAck,
  kNack,
  kRelease,
  kExtend,
  kState,  // a look at a task. ok: its state and, of a done one, the token that did it if known
};
inline constexpr std::uint8_t kActions = 8;
std::string_view to_string(Action action);

enum class Outcome : std::uint8_t {
  kInvoke,
  kOk,
  kFail,     // refused: had no effect and never will. Of ack, nack, release and extend: since the
             // claim is over (claim_superseded, not_found); any other refusal is noted as unknown
  kUnknown,  // may have had its effect, or may have it later
};
inline constexpr std::uint8_t kOutcomes = 4;
std::string_view to_string(Outcome outcome);

// The states that matter to a checker.
enum class FinalState : std::uint8_t {
  kNotFound,
  kWaiting,
  kClaimed,
  kDone,
  kDead,
  kQuarantined,
  kOther,
  kCancelled,
};
inline constexpr std::uint8_t kFinalStates = 8;
std::string_view to_string(FinalState state);

struct Event {
  Duration at{0};
  Action action = Action::kProduce;
  Outcome outcome = Outcome::kOk;
  FinalState state = FinalState::kNotFound;
  std::uint32_t attempt = 0;
  // Of a delivery: the claim ends no sooner, unless this process ends it by an operation that is in
  // the history. Of an extend: what it asks for. 0: not known, the claim may end at any time.
  std::uint32_t lease_ms = 0;
  std::uint64_t operation = 0;  // ties an invoke to its end; 0 for single events
  std::uint64_t process = 0;    // who; for claims the session, one number per session
  TaskId task;
  Token token;
  // What was produced: a producer and its number name one task for ever, and payloads say which
  // they are.
  std::uint64_t producer = 0;
  std::uint64_t number = 0;
  std::uint64_t content = 0;  // hash of the payload

  friend bool operator==(const Event&, const Event&) = default;
};
// "12.345678s ack ok process 3 task 17592186044417 token 9"
std::string to_string(const Event& event);

// True for ack, nack, release and extend.
bool is_claim_operation(Action action);
// True for a delivery and a grant.
bool is_claim(Action action);

// How much of something a process used at one time.
struct ResourceSample {
  Duration at{0};
  std::uint64_t process = 0;
  std::string what;  // "resident_bytes", "open_files", "disk_bytes", "sessions", ...
  std::uint64_t value = 0;
  std::uint64_t cap = 0;  // 0: no number is promised, but it must level off

  friend bool operator==(const ResourceSample&, const ResourceSample&) = default;
};

}  // namespace baton::check
