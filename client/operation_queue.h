// OperationQueue: the operations of a session that have no answer yet, numbered without gaps (R11).
//
// An operation is repeated, under its number, on every connection until it is answered. Values
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/consumer.h"
#include "common/base/ids.h"
#include "common/base/protocol_enums.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::client {

inline bool ends_claim(OperationKind kind) {
  return kind != OperationKind::kExtend && kind != OperationKind::kSave;
}

struct Operation {
  OpSeq seq{};
  OperationKind kind = OperationKind::kAck;
  TaskId task{};
  Token token{};
  std::string bytes{};            // ack: result; nack: reason; save: checkpoint
  std::string text{};             // ack: content type; save: progress in words
  Millis lease{0};                // extend
  std::optional<Millis> delay{};  // nack
  bool dead = false;              // nack
  FailurePolicy on_failed_child = FailurePolicy::kDefault;  // ack
  std::optional<std::uint32_t> percent{};                   // save
  bool checkpoint = false;                                  // save: `bytes` is one
  bool started = false;
  bool wants_next = false;
  OperationCallback done{};
  Status instead{};  // told in place of OK

  bool answered = false;
  bool sent = false;         // ever
  bool anticipated = false;  // the ledger raises our credit itself when it accepts this
  MonoTime sent_at{};        // the last time
};

class OperationQueue {
 public:
  // Gives it the next number.
  Operation& add(Operation operation);

  // Null when it is answered, or was never there.
  [[nodiscard]] Operation* find(OpSeq seq);

  // Marks it answered and moves answered_through() on. References to it end.
  Operation take_answered(OpSeq seq);

  // A new connection: everything without an answer is to be sent again. Returns how many of those
  // had been sent before.
  std::size_t send_all_again();
  // The answer asked for patience, or the request was lost.
  void send_again(OpSeq seq);

  // The next ones to send, in order, at most `items_max` and, from the second on, within
  // `bytes_max` of payload and what a frame's metadata may have. They count as sent from now on.
  std::vector<Operation*> take_to_send(std::size_t items_max, std::size_t bytes_max, MonoTime now);
  [[nodiscard]] bool has_to_send() const { return !to_send_.empty(); }

  // We have the answers of all up to this one.
  [[nodiscard]] OpSeq answered_through() const { return OpSeq(first_.value() - 1); }
  [[nodiscard]] bool empty() const { return operations_.empty(); }
  // True while the ledger can remember the outcome of one more.
  [[nodiscard]] bool may_send(OpSeq seq) const;
  // Our statement of credit may have met these in either order: none of them is anticipated any
  // more.
  void forget_anticipation();
  // The callbacks of all that are unanswered, which then are forgotten.
  std::vector<OperationCallback> abandon();

 private:
  OpSeq first_{1};                    // of operations_.front()
  std::deque<Operation> operations_;  // dense from first_; the front has no answer
  std::set<OpSeq> to_send_;
};

}  // namespace baton::client
