// What tests of the consumer share: a handler that keeps what it gets, and what managers say to it.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/client/fake_manager.h"

namespace baton::client {

// Handlers that keep what they get.
class Handler {
 public:
  std::vector<Claim> claims;
  std::vector<Token> superseded;
  std::optional<ConsumerSummary> summary;
  std::vector<OperationResult> answers;

  ConsumerHandlers handlers() {
    return {[this](Claim claim) { claims.push_back(std::move(claim)); },
            [this](const Claim& claim) { superseded.push_back(claim.delivery().token); },
            [this](const ConsumerSummary& end) { summary = end; }};
  }
  OperationCallback keep() {
    return [this](const OperationResult& result) { answers.push_back(result); };
  }
};

inline ConsumerOptions options_for(std::size_t concurrency, Millis lease = 30s) {
  ConsumerOptions options;
  options.queues = {"mail"};
  options.concurrency = concurrency;
  options.lease = lease;
  return options;
}

inline std::unique_ptr<Consumer> consume(ClientWorld& world, Handler& handler,
                                         const ConsumerOptions& options) {
  auto consumer = world.client().make_consumer(options, handler.handlers());
  REQUIRE(consumer.ok());
  return std::move(consumer).value();
}

// Greets an attach, keeping nothing or these tokens; returns the attach.
inline Received attach(FakeManager& manager, const std::vector<std::uint64_t>& kept = {}) {
  Received request = manager.expect(v1::ATTACH);
  request.answer(v1::ATTACHED, attached(request, kept));
  return request;
}

inline std::vector<std::uint64_t> held(const Received& attach) {
  const auto message = attach.as<v1::Attach>();
  std::vector<std::uint64_t> tokens(message.held().begin(), message.held().end());
  std::ranges::sort(tokens);
  return tokens;
}

struct Task {
  std::uint64_t number;
  std::uint64_t token;
  std::string payload = "work";
  std::uint32_t line = 1;
};

inline void deliver(const Received& to, std::uint64_t conn_epoch, const std::vector<Task>& tasks,
                    Millis lease = 30s) {
  v1::Tasks message;
  message.set_conn_epoch(conn_epoch);
  std::string payload;
  for (const Task& task : tasks) {
    v1::Delivery& delivery = *message.add_delivery();
    delivery.set_number(task.number);
    delivery.set_line(task.line);
    delivery.set_task(1000 + task.token);
    delivery.set_token(task.token);
    delivery.set_attempt(1);
    delivery.set_lease_ms(static_cast<std::uint32_t>(lease.count()));
    delivery.set_length(static_cast<std::uint32_t>(task.payload.size()));
    payload += task.payload;
  }
  to.push(v1::TASKS, message, payload);
}

inline std::uint64_t total(const Received& demand) { return demand.as<v1::Demand>().total(); }

}  // namespace baton::client
