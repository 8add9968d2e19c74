// A Transport without sockets: the test decides which connects succeed and what the other side
// sends.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/loop.h"
#include "common/net/transport.h"
#include "tests/unit/net/test_world.h"

namespace baton::testing {

// The connecting side's end. Keeps what was sent through it.
class FakeConnection final : public Connection {
 public:
  explicit FakeConnection(Loop& loop) : loop_(loop) {}

  void start(Events events) override { events_ = std::move(events); }
  void send(v1::FrameType type, std::uint64_t request_id,
            const google::protobuf::MessageLite& metadata,
            std::span<const std::string_view> payload) override;
  void close(Status reason) override;
  [[nodiscard]] std::size_t bytes_queued() const override { return queued; }
  [[nodiscard]] std::uint64_t bytes_received() const override { return received; }
  void pause_reading() override {}
  void resume_reading() override {}
  void set_frame_bytes_max(std::size_t bytes) override { frame_bytes_max = bytes; }
  [[nodiscard]] std::string peer() const override { return "fake"; }

  // What the other side does.
  void deliver(v1::FrameType type, std::uint64_t request_id,
               const google::protobuf::MessageLite& metadata);
  void break_off(const Status& reason);

  [[nodiscard]] std::size_t count_sent(v1::FrameType type) const;

  std::vector<KeptFrame> sent;
  bool closed = false;
  std::size_t queued = 0;
  std::uint64_t received = 0;
  std::size_t frame_bytes_max = 0;

 private:
  Loop& loop_;
  Events events_;
};

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(Loop& loop) : loop_(loop) {}

  void connect(const Address& address, Duration timeout,
               std::function<void(Result<ConnectionPtr>)> done) override;
  Result<std::unique_ptr<Listener>> listen(const Address&,
                                           std::function<void(ConnectionPtr)>) override {
    return Status(ErrorCode::kInternal, "a fake does not listen");
  }

  // Called at every connect: whether it succeeds.
  std::function<bool(const Address&)> reachable = [](const Address&) { return true; };
  std::vector<Address> connects;
  std::vector<MonoTime> connect_times;
  std::vector<std::weak_ptr<FakeConnection>> connections;

  // The latest connection that is still held by somebody. REQUIRES: there is one.
  std::shared_ptr<FakeConnection> last();

 private:
  Loop& loop_;
};

}  // namespace baton::testing
