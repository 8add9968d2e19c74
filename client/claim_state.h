// Claim::State: what the copies of a Claim share. Used by any thread; the consumer lives on its
// loop.
#pragma once

#include <memory>

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

  // Passes an operation to the consumer; a second final one gets conflict.
  void operate(OperationKind kind, std::string bytes, Millis lease, bool started,
               OperationCallback done);

  // By the consumer: the handler may not end it any more. False when it has done so already.
  bool end() { return ended_.set(); }
  void set_superseded() { superseded_.set(); }
  [[nodiscard]] bool superseded() const { return superseded_.is_set(); }

 private:
  void post(Operation operation) const;

  const Delivery delivery_;
  const std::shared_ptr<Home> home_;
  const std::weak_ptr<ConsumerEngine> consumer_;
  Flag ended_;
  Flag superseded_;
};

}  // namespace baton::client
