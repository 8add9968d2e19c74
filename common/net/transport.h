// Transport: connections that carry whole frames. Everything above is written against it.
//
// The real one is asio_transport.h, the simulator has its own. All calls and callbacks happen on
// the node's loop. A frame is delivered whole and checked (frame.h), or the connection closes with
// the reason.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "proto/broker.pb.h"

#include "common/base/loop.h"
#include "common/base/status.h"

namespace baton {

// HOST:PORT. Port 0 in a listen address: any free one.
struct Address {
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const;  // by its text: 127.x.y.z, ::1, localhost
  friend bool operator==(const Address&, const Address&) = default;
};
// "127.0.0.1:7101", "[::1]:7101", "host:7101"; invalid_argument with the reason otherwise.
Result<Address> parse_address(std::string_view text);
// A comma-separated list of at least one.
Result<std::vector<Address>> parse_addresses(std::string_view text);

// A received frame. The views are valid only inside the callback.
struct Frame {
  v1::FrameType type = v1::FRAME_NONE;
  std::uint64_t request_id = 0;
  std::string_view metadata;
  std::string_view payload;
};

// One frame stream. Kept alive by whoever talks through it; after on_closed it is inert. Dropping
// the last reference closes it without a callback (gracefully when close() was called before).
class Connection {
 public:
  struct Events {
    std::function<void(const Frame&)> on_frame;
    // Exactly once, never inside a call to this connection.
    std::function<void(const Status&)> on_closed;
    // May be empty. bytes_queued() has fallen because the kernel took some; never inside a call to
    // this connection. A transport that never queues need not call it.
    std::function<void()> on_writable = {};
  };

  virtual ~Connection() = default;

  // Frames arrive from now on. Called once, first.
  virtual void start(Events events) = 0;

  // Queues a frame; frames leave in order, all that a loop turn queued in one write. Ignored after
  // close. `payload` pieces are copied before the call returns.
  virtual void send(v1::FrameType type, std::uint64_t request_id,
                    const google::protobuf::MessageLite& metadata,
                    std::span<const std::string_view> payload = {}) = 0;

  // Sends what is queued, as far as that is quick, then closes. on_closed gets `reason`.
  virtual void close(Status reason) = 0;

  // Bytes queued but not yet taken by the kernel: the owner's measure of a slow reader.
  [[nodiscard]] virtual std::size_t bytes_queued() const = 0;
  // All bytes ever received, whole frames or not: a sign of life while a large frame is under way.
  // A transport that delivers only whole frames may leave it at 0.
  [[nodiscard]] virtual std::uint64_t bytes_received() const { return 0; }
  // Backpressure: while paused nothing more is read. The effect may lag by what is already
  // buffered.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // The largest frame accepted from now on (header excluded). 4 KiB until raised after HELLO.
  virtual void set_frame_bytes_max(std::size_t bytes) = 0;

  [[nodiscard]] virtual std::string peer() const = 0;  // HOST:PORT, for logs
};
using ConnectionPtr = std::shared_ptr<Connection>;

class Listener {
 public:
  virtual ~Listener() = default;                      // stops accepting
  [[nodiscard]] virtual Address address() const = 0;  // with the port that was given
};

class Transport {
 public:
  virtual ~Transport() = default;

  // `done` gets the connection, or unavailable / deadline_exceeded. Never called inside connect().
  virtual void connect(const Address& address, Duration timeout,
                       std::function<void(Result<ConnectionPtr>)> done) = 0;

  // unavailable when the port is taken or the address is not ours.
  virtual Result<std::unique_ptr<Listener>> listen(
      const Address& address, std::function<void(ConnectionPtr)> on_accept) = 0;
};

}  // namespace baton
