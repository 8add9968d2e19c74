// What the tests of connections stand on: a real loop and transport, a log that is kept, a raw
// socket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/logger.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"
#include "common/net/frame.h"

namespace baton::testing {

// Keeps every line as `event key=value ...`.
class CollectingLogger final : public Logger {
 public:
  void write(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }

  [[nodiscard]] bool contains(std::string_view text) const;
  std::vector<std::string> lines;
};

// One frame, kept.
struct KeptFrame {
  v1::FrameType type = v1::FRAME_NONE;
  std::uint64_t request_id = 0;
  std::string metadata;
  std::string payload;
};
KeptFrame keep(const Frame& frame);

// A client that can misbehave: a plain socket to 127.0.0.1, driven beside the loop.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // As much as the kernel takes now; the number of bytes taken.
  std::size_t write_some(std::string_view bytes);
  // All of it. REQUIRES: the server reads, or the bytes fit the kernel's buffers.
  void write(std::string_view bytes);
  void end_writing();
  // Takes what has arrived.
  void read();
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  // Frames among the bytes so far. REQUIRES: they are frames.
  [[nodiscard]] std::vector<KeptFrame> frames() const;

 private:
  int fd_ = -1;
  bool closed_ = false;
  std::string bytes_;
};

class NetWorld {
 public:
  explicit NetWorld(AsioTransportOptions options = {}) : transport(loop, logger, options) {}

  // Runs the loop until `ready` or 10 s have passed; the last value of `ready`.
  bool wait(const std::function<bool()>& ready) {
    return loop.run_until(ready, std::chrono::seconds(10));
  }
  void run_for(Duration time) {
    (void)loop.run_until([] { return false; }, time);
  }

  CollectingLogger logger;
  AsioLoop loop;
  AsioTransport transport;
};

std::string frame_bytes(v1::FrameType type, std::uint64_t request_id,
                        const google::protobuf::MessageLite& metadata,
                        std::string_view payload = {});
std::string hello_bytes(v1::Role role = v1::ROLE_CLIENT);
std::string ping_bytes(std::uint64_t request_id);

}  // namespace baton::testing
