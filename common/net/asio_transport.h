// AsioTransport: Transport over TCP.
//
// One read takes all that the kernel has, all frames in it are delivered, and all that a loop turn
// queued leaves in one write. An idle connection holds no buffer. A frame that stays unfinished for
// 10 s, and one more for every 256 KiB that have come of it, closes its connection.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "common/base/logger.h"
#include "common/net/asio_loop.h"
#include "common/net/transport.h"

namespace baton {

struct AsioShared;

struct AsioTransportOptions {
  Duration frame_timeout = std::chrono::seconds(10);  // for the rest of a frame that has begun
  // What has come of it gives it more time: 16 MiB take a minute on a slow line, and a trickle of
  // bytes gains nothing.
  std::size_t frame_bytes_per_second = std::size_t{256} << 10;
  Duration close_flush = std::chrono::seconds(1);  // how long close() tries to send what is queued
  // After accept failed (no file descriptors left).
  Duration accept_backoff = std::chrono::milliseconds(100);
  // Unfinished frames of all connections together; the connection that would exceed it is closed.
  std::size_t receive_bytes_max = std::size_t{256} << 20;
};

class AsioTransport : public Transport {
 public:
  // `loop` and `logger` outlive the transport; connections and listeners may outlive it.
  AsioTransport(AsioLoop& loop, Logger& logger, AsioTransportOptions options = {});
  ~AsioTransport() override;
  AsioTransport(const AsioTransport&) = delete;
  AsioTransport& operator=(const AsioTransport&) = delete;

  void connect(const Address& address, Duration timeout,
               std::function<void(Result<ConnectionPtr>)> done) override;
  Result<std::unique_ptr<Listener>> listen(const Address& address,
                                           std::function<void(ConnectionPtr)> on_accept) override;

 private:
  std::shared_ptr<AsioShared> shared_;
};

}  // namespace baton
