// Channel: the connecting side. One connection at a time to the first daemon of a list that
// answers, with HELLO, pings, fail-over and reconnecting (R29).
//
// Used by clients (to managers), managers (to the center and to each other). Lives on its node's
// loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/net/frame.h"
#include "common/net/reconnect_policy.h"
#include "common/net/transport.h"

namespace baton {

struct ChannelOptions {
  std::vector<Address> addresses;  // tried in this order, round and round
  v1::Role role = v1::ROLE_CLIENT;
  std::string software = "baton";
  Duration connect_timeout = std::chrono::seconds(2);
  Duration hello_timeout = std::chrono::seconds(5);
  Duration ping_interval = kPingInterval;  // while something is outstanding
  // Without a byte from the peer while something is outstanding.
  Duration dead_after = kPeerDeadAfter;
  // For answers that are still outstanding after GOODBYE.
  Duration goodbye_patience = std::chrono::seconds(2);
  std::string what = "peer";  // "center", "manager": for log lines
};

// Events come from the loop, never inside a call to the channel. All but on_frame may be left
// empty.
struct ChannelEvents {
  // Fills in what this connection's HELLO says besides version, role and software.
  std::function<void(v1::Hello&)> fill_hello;
  // HELLO_OK came. Not ok: this daemon is not acceptable (wrong cluster, ...): it is left, which
  // counts as a failed attempt, and the next address is tried. The channel is open inside this
  // call.
  std::function<Status(const v1::HelloOk&)> on_open;
  // Every frame but PING, PONG and GOODBYE; ERROR frames with a request id too (those without one
  // become the reason of on_closed).
  std::function<void(const Frame&)> on_frame;
  // The daemon is stopping: send it nothing new. The channel moves on by itself when nothing is
  // outstanding, or when patience ends; reconnect() moves at once.
  std::function<void()> on_goodbye;
  // An open channel is closed: answers that are outstanding will not come. A new attempt is under
  // way unless stop() was called. Follows every on_open that returned ok.
  std::function<void(const Status&)> on_closed;
  // An attempt failed before on_open.
  std::function<void(const Status&)> on_failed;
};

class Channel {
 public:
  // REQUIRES: at least one address by the time of start(). What is referred to outlives the
  // channel.
  static std::unique_ptr<Channel> create(Loop& loop, Transport& transport, Logger& logger,
                                         std::uint64_t seed, ChannelOptions options,
                                         ChannelEvents events);
  // Drops the connection without a callback.
  virtual ~Channel() = default;

  // Begins to connect, at once. Called once.
  virtual void start() = 0;
  // Closes for good; on_closed follows if the channel was open.
  virtual void stop(Status reason) = 0;

  [[nodiscard]] virtual bool is_open() const = 0;
  // The daemon of the current or last attempt.
  [[nodiscard]] virtual Address address() const = 0;
  [[nodiscard]] virtual const Status& last_error() const = 0;  // ok before the first failure
  [[nodiscard]] virtual std::size_t bytes_queued() const = 0;
  // The frame limit that the daemon stated, header excluded; 0 before the first HELLO_OK.
  [[nodiscard]] virtual std::size_t frame_bytes_max() const = 0;

  // Unique within this channel, from 1.
  virtual std::uint64_t next_request_id() = 0;
  // Dropped when the channel is not open: whoever needs an answer repeats it after on_open.
  virtual void send(v1::FrameType type, std::uint64_t request_id,
                    const google::protobuf::MessageLite& metadata,
                    std::span<const std::string_view> payload = {}) = 0;
  // Whether an answer is awaited. Pings run, and silence kills the connection, only meanwhile.
  virtual void set_outstanding(bool outstanding) = 0;

  // Leaves the current daemon (if any) for the next address. on_closed follows if the channel was
  // open.
  virtual void reconnect(Status reason) = 0;
  // Replaces the list from the next attempt on; the current connection stays. REQUIRES: not empty.
  virtual void set_addresses(std::vector<Address> addresses) = 0;
};

}  // namespace baton
