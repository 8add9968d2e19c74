// Claim::State: what the copies of a Claim share. Used by any thread; the consumer lives on its
// loop.
#pragma once

#include <memory>
#include <optional>

#include "client/consumer.h"
#include "client/operation_queue.h"
#include "client/threads.h"

namespace baton::client {

class ConsumerEngine;

class Claim::State {
 public:
  State(Delivery delivery, std::shared_ptr<Home> home, std::weak_ptr<ConsumerEngine> consumer)
      : delivery_(std::move(delivery)), home_(std::move(home)), consumer_(std::move(consumer)) {}
  // Releases the claim if nobody ended it.
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[nodiscard]] const Delivery& delivery() const { return delivery_; }

  // Passes an operation to the consumer, with task and token filled in; a second final one gets
  // conflict.
  void operate(Operation operation);

  // By the consumer: the handler may not end it any more. False when it has done so already.
  bool end() { return ended_.set(); }
  // The first call decides; no cause: nobody said.
  void set_superseded(std::optional<LostCause> cause) {
    if (cause) cause_.set(static_cast<int>(*cause));
    superseded_.set();
  }
  [[nodiscard]] bool superseded() const { return superseded_.is_set(); }
  [[nodiscard]] std::optional<LostCause> lost_cause() const {
    const int cause = superseded() ? cause_.get() : 0;
    return cause == 0 ? std::nullopt : std::optional(static_cast<LostCause>(cause));
  }

 private:
  void post(Operation operation) const;

  const Delivery delivery_;
  const std::shared_ptr<Home> home_;
  const std::weak_ptr<ConsumerEngine> consumer_;
  Flag ended_;
  Flag superseded_;
  SetOnce cause_;  // a LostCause
};

}  // namespace baton::client
