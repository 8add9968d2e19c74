// Server: the listening side of every daemon. Handshakes, limits and misbehaving peers are its
// business, so that a handler sees only frames of peers that said HELLO.
//
// It refuses what docs/protocol.md refuses: no HELLO in time, bad frames, requests that cannot be
// parsed (three of them), peers that do not read their answers. Every close has a reason, a counter
// and a log line. Lives on its node's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/limits.h"
#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/base/status.h"
#include "common/net/frame.h"
#include "common/net/transport.h"

namespace baton {

inline constexpr std::uint32_t kProtocolVersion = 1;

struct ServerOptions {
  Address listen;
  std::string software = "baton";        // sent in HELLO_OK, for people
  std::size_t connections_max = 10'000;  // with a finished handshake
  std::size_t handshakes_max = 1024;     // unfinished ones: the oldest goes first
  Duration hello_timeout = std::chrono::seconds(5);
  std::uint64_t payload_bytes_max = kPayloadBytesDefaultMax;
  std::size_t frame_bytes_max = kPayloadBytesDefaultMax + kFrameMetadataBytesMax;
  // Parsing may take many times the memory of the bytes: a client's metadata has a limit of its
  // own.
  std::size_t client_metadata_bytes_max = kFrameMetadataBytesMax;
  // Unread answers: from the first on nothing is read from the peer, beyond the second (plus one
  // frame) it is cut off.
  std::size_t queue_bytes_soft = std::size_t{1} << 20;
  std::size_t queue_bytes_hard = std::size_t{8} << 20;
  Duration stalled_after = std::chrono::seconds(10);  // unread answers without progress: cut off
  int unparsable_max = 3;                             // requests that cannot be parsed until close
  Duration drain_flush = std::chrono::seconds(2);     // how long drain() waits for peers to read
};

// All only grow, but for `open` and `handshaking`.
struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;  // peers with a finished handshake
  std::uint64_t handshaking = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  // Why connections were closed by us.
  std::uint64_t closed_foreign_protocol = 0;  // wrong magic, HTTP, TLS
  std::uint64_t closed_bad_frame = 0;
  std::uint64_t closed_too_large = 0;
  std::uint64_t closed_version = 0;
  std::uint64_t closed_hello_timeout = 0;
  std::uint64_t closed_handshakes_full = 0;
  std::uint64_t closed_connections_full = 0;
  std::uint64_t closed_before_hello = 0;  // a request came first
  std::uint64_t closed_second_hello = 0;
  std::uint64_t closed_refused = 0;  // by the handler's on_hello
  std::uint64_t closed_unparsable = 0;
  std::uint64_t closed_slow_reader = 0;
  std::uint64_t closed_by_handler = 0;
  std::uint64_t closed_draining = 0;
  std::uint64_t closed_by_peer = 0;
  std::uint64_t unknown_types = 0;
  std::uint64_t unparsable_requests = 0;
};

using PeerId = std::uint64_t;  // never reused within a process; 0 is none

// One connection with a finished handshake. Owned by the server; a handler that answers later keeps
// the id and asks Server::find.
class Peer {
 public:
  // What the handler keeps with a connection.
  struct Data {
    virtual ~Data() = default;
  };

  virtual ~Peer() = default;

  [[nodiscard]] virtual PeerId id() const = 0;
  [[nodiscard]] virtual v1::Role role() const = 0;
  [[nodiscard]] virtual const v1::Hello& hello() const = 0;
  [[nodiscard]] virtual std::string address() const = 0;  // HOST:PORT of the other end, for logs
  [[nodiscard]] virtual std::size_t bytes_queued() const = 0;
  // It has more than options.queue_bytes_soft to read and on_drained has not followed yet.
  [[nodiscard]] virtual bool is_behind() const = 0;

  // Ignored once the connection is closing.
  virtual void send(v1::FrameType type, std::uint64_t request_id,
                    const google::protobuf::MessageLite& metadata,
                    std::span<const std::string_view> payload = {}) = 0;
  // Answers a request with ERROR. `retry_after` tells the client of retry_later how long to wait at
  // least.
  virtual void send_error(std::uint64_t request_id, const Status& status,
                          Millis retry_after = Millis(0)) = 0;
  // Answers a frame whose type the handler does not serve; the connection stays.
  virtual void refuse_type(const Frame& frame) = 0;
  // Sends ERROR (request id 0) and what is queued, then closes. on_closed follows, not inside this
  // call.
  virtual void close(Status reason) = 0;

  void set_data(std::unique_ptr<Data> data) { data_ = std::move(data); }
  template <class T>
  T* data() const {
    return static_cast<T*>(data_.get());
  }

 private:
  std::unique_ptr<Data> data_;
};

class ServerHandler {
 public:
  virtual ~ServerHandler() = default;

  // A peer introduced itself with a version we speak. The answer's version, software and limits are
  // filled in by the server where left empty. Not ok: the peer gets that error and is closed;
  // on_closed does not follow.
  virtual Result<v1::HelloOk> on_hello(Peer& peer, const v1::Hello& hello) = 0;

  // HELLO_OK is on its way: frames may be sent from now on.
  virtual void on_open(Peer&) {}

  // Any frame but HELLO and PING. Not ok means that the request could not be understood (the status
  // of parse_metadata and its like): the server answers with it and closes the peer after the
  // third. What is understood but fails is answered by the handler itself.
  virtual Status on_frame(Peer& peer, const Frame& frame) = 0;

  // The peer is no longer behind (Peer::is_behind). Whoever pushes large things stops when it is
  // and goes on here, or in on_closed; a peer beyond the hard limit is cut off.
  virtual void on_drained(Peer&) {}

  // The last word about a peer that on_hello let in.
  virtual void on_closed(Peer& peer, const Status& reason) = 0;
};

class Server {
 public:
  // Listens at once. unavailable when the port is taken or the address is not ours. Everything
  // referred to outlives the server. Destroying it drops every connection without a callback.
  static Result<std::unique_ptr<Server>> open(Loop& loop, Transport& transport, Logger& logger,
                                              ServerHandler& handler, ServerOptions options);
  virtual ~Server() = default;

  [[nodiscard]] virtual Address address() const = 0;
  // Null when the peer is gone or closing.
  [[nodiscard]] virtual Peer* find(PeerId id) = 0;
  // Every open peer, in the order they came. `visit` must not close peers other than the one it is
  // given.
  virtual void for_each(const std::function<void(Peer&)>& visit) = 0;
  [[nodiscard]] virtual const ServerCounters& counters() const = 0;

  // Stops accepting and tells every peer GOODBYE; they can still send and be answered. Once.
  virtual void say_goodbye(std::string_view reason) = 0;
  // Closes every peer when what is queued for it is sent, at the latest after options.drain_flush,
  // then calls `done`. Says GOODBYE first unless that has been done.
  virtual void drain(std::function<void()> done) = 0;
};

}  // namespace baton
