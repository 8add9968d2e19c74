// FakeManager: a manager that says only what a test tells it to. And ClientWorld: a client, some
// fake managers and simulated time.
//
// A fake manager greets, pongs, and keeps every other frame until the test expects it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/broker.pb.h"

#include "client/embedded.h"
#include "common/net/frame.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_scheduler.h"

namespace baton::client {

using namespace std::chrono_literals;

// A frame that a fake manager received.
struct Received {
  v1::FrameType type = v1::FRAME_NONE;
  std::uint64_t request_id = 0;
  std::string metadata;
  std::string payload;
  ConnectionPtr connection;

  template <class Message>
  [[nodiscard]] Message as() const {
    Message message;
    REQUIRE(parse_metadata(metadata, message).ok());
    return message;
  }
  // Answers it: same request id, same connection.
  void answer(v1::FrameType with, const google::protobuf::MessageLite& message,
              std::string_view bytes = {}) const;
  void refuse(v1::ErrorCode code, std::uint32_t retry_after_ms = 0) const;
  // Not an answer.
  void push(v1::FrameType with, const google::protobuf::MessageLite& message,
            std::string_view bytes = {}) const;
};

class FakeManager {
 public:
  FakeManager(sim::SimScheduler& scheduler, sim::SimNetwork& network, const std::string& name,
              std::uint32_t shard);
  ~FakeManager();
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;

  // The next frame of this type; others before it stay. The test fails when none comes within 10 s.
  Received expect(v1::FrameType type);
  // Whether one came, after some time for it to come.
  [[nodiscard]] bool has(v1::FrameType type) const;
  [[nodiscard]] std::size_t count(v1::FrameType type) const;
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] std::size_t greeted() const { return greeted_; }
  [[nodiscard]] std::string address() const { return name_ + ":7101"; }

  // Closes all connections, as a manager that dies; it goes on listening.
  void drop_connections();
  // Refuses connections from now on.
  void stop_listening() { listener_.reset(); }
  void listen();
  void say_goodbye();
  void set_shard(std::uint32_t shard) { shard_ = shard; }
  void set_payload_bytes_max(std::uint64_t bytes) { payload_bytes_max_ = bytes; }

 private:
  void accept(const ConnectionPtr& connection);
  void on_frame(const ConnectionPtr& connection, const Frame& frame);

  sim::SimScheduler& scheduler_;
  const std::string name_;
  sim::SimLoop loop_;
  sim::SimTransport transport_;
  std::unique_ptr<Listener> listener_;
  std::uint32_t shard_;
  std::uint64_t payload_bytes_max_ = std::uint64_t{1} << 20;
  std::vector<ConnectionPtr> connections_;
  std::size_t greeted_ = 0;
  std::deque<Received> received_;
};

class SilentLog final : public Logger {
 public:
  void write(LogLevel, std::string_view, std::span<const LogField>) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

// A client with `managers` fake managers m1, m2, ... that store in shards 1, 2, ...
class ClientWorld {
 public:
  explicit ClientWorld(std::size_t managers = 1, std::uint64_t seed = 1);
  ~ClientWorld();
  ClientWorld(const ClientWorld&) = delete;
  ClientWorld& operator=(const ClientWorld&) = delete;

  [[nodiscard]] Client& client() { return *client_; }
  [[nodiscard]] FakeManager& manager(std::size_t i = 1) { return *managers_.at(i - 1); }
  [[nodiscard]] MonoTime now() const { return loop_->now(); }
  void run_for(Duration length) { scheduler_.run_for(length); }
  // Runs until it holds; the test fails when it does not within `limit`.
  void run_until(const std::function<bool()>& done, Duration limit = 10s) {
    REQUIRE(scheduler_.run_until(done, limit));
  }

 private:
  sim::SimScheduler scheduler_;
  sim::SimNetwork network_{scheduler_};
  SilentLog logger_;
  std::vector<std::unique_ptr<FakeManager>> managers_;
  std::unique_ptr<sim::SimLoop> loop_;
  std::unique_ptr<sim::SimTransport> transport_;
  std::unique_ptr<Client> client_;
};

// ---- answers as managers give them ----------------------------------------------------------

// All items of the request stored, ids counting up from `first_task`.
v1::Produced stored(const Received& produce, std::uint64_t first_task, std::uint32_t shard);
// All items refused with this code.
v1::Produced refused(const Received& produce, v1::ErrorCode code, std::uint32_t retry_after_ms = 0);
v1::Attached attached(const Received& attach, const std::vector<std::uint64_t>& kept = {});
v1::OperationsDone done(const Received& operations, v1::ErrorCode code = v1::OK);

}  // namespace baton::client
