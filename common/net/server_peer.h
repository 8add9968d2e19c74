// ServerPeer: one accepted connection of a Server, from accept to close.
//
// Keeps the watch over what the peer does not read: above the soft limit its requests wait, above
// the hard one, or without progress, it is cut off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "common/net/server.h"

namespace baton {

// Why we closed a connection; kNone while we have not.
enum class CloseCause : std::uint8_t {
  kNone,
  kHelloTimeout,
  kHandshakesFull,
  kConnectionsFull,
  kBeforeHello,
  kSecondHello,
  kVersion,
  kRefused,
  kUnparsable,
  kSlowReader,
  kHandler,
  kDraining,
};

class ServerPeer final : public Peer {
 public:
  ServerPeer(PeerId id, ConnectionPtr connection, const ServerOptions& options,
             ServerCounters& counters, MonoTime accepted_at)
      : id_(id),
        connection_(std::move(connection)),
        options_(options),
        counters_(counters),
        address_(connection_->peer()),
        accepted_at_(accepted_at) {}

  [[nodiscard]] PeerId id() const override { return id_; }
  [[nodiscard]] v1::Role role() const override { return hello_.role(); }
  [[nodiscard]] const v1::Hello& hello() const override { return hello_; }
  [[nodiscard]] std::string address() const override { return address_; }
  [[nodiscard]] std::size_t bytes_queued() const override { return connection_->bytes_queued(); }
  [[nodiscard]] bool is_behind() const override { return paused_; }
  void send(v1::FrameType type, std::uint64_t request_id,
            const google::protobuf::MessageLite& metadata,
            std::span<const std::string_view> payload = {}) override;
  void send_error(std::uint64_t request_id, const Status& status, Millis retry_after) override;
  void refuse_type(const Frame& frame) override;
  void close(Status reason) override { close_for(CloseCause::kHandler, std::move(reason)); }

  // Sends `error` unless the peer does not read, then closes.
  void close_for(CloseCause cause, Status reason) { close_for(cause, std::move(reason), nullptr); }
  void close_for(CloseCause cause, Status reason, const v1::Error* error);
  // What it asked could not be parsed: it is told; the last time it is closed.
  void refuse_unparsable(std::uint64_t request_id, const Status& status);

  // Who it says it is; before that it has no role.
  void set_hello(v1::Hello hello) { hello_ = std::move(hello); }
  // The handshake is over: from now on it may send whole frames.
  void open();
  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] bool closing() const { return cause_ != CloseCause::kNone; }
  [[nodiscard]] CloseCause cause() const { return cause_; }
  [[nodiscard]] MonoTime accepted_at() const { return accepted_at_; }
  [[nodiscard]] Connection& connection() { return *connection_; }

  // Reads on when enough was taken; true when that ended a pause.
  bool resume_if_drained();
  // One look in a regular series: cut off when so many in a row saw no progress.
  void sweep(int sweeps_max);

 private:
  void check_queue();

  const PeerId id_;
  const ConnectionPtr connection_;
  const ServerOptions& options_;
  ServerCounters& counters_;
  const std::string address_;
  const MonoTime accepted_at_;
  v1::Hello hello_;
  bool open_ = false;
  CloseCause cause_ = CloseCause::kNone;
  int unparsable_ = 0;

  bool paused_ = false;
  std::uint64_t bytes_sent_ = 0;     // handed to the connection
  std::uint64_t bytes_drained_ = 0;  // of these, taken by the kernel at the last sweep
  int sweeps_without_progress_ = 0;
};

}  // namespace baton
