#include "common/net/server.h"

#include <set>
#include <utility>

#include "common/net/server_peer.h"

namespace baton {
namespace {

// How often unread answers are looked at, in parts of options.stalled_after.
constexpr int kSweepsUntilStalled = 10;
constexpr Millis kRetryWhenFull = std::chrono::seconds(1);

std::uint64_t& counter_of(CloseCause cause, const Status& reason, ServerCounters& counters) {
  switch (cause) {
    case CloseCause::kHelloTimeout:
      return counters.closed_hello_timeout;
    case CloseCause::kHandshakesFull:
      return counters.closed_handshakes_full;
    case CloseCause::kConnectionsFull:
      return counters.closed_connections_full;
    case CloseCause::kBeforeHello:
      return counters.closed_before_hello;
    case CloseCause::kSecondHello:
      return counters.closed_second_hello;
    case CloseCause::kVersion:
      return counters.closed_version;
    case CloseCause::kRefused:
      return counters.closed_refused;
    case CloseCause::kUnparsable:
      return counters.closed_unparsable;
    case CloseCause::kSlowReader:
      return counters.closed_slow_reader;
    case CloseCause::kHandler:
      return counters.closed_by_handler;
    case CloseCause::kDraining:
      return counters.closed_draining;
    case CloseCause::kNone:
      break;
  }
  // The transport closed it: for the peer's bytes, or because the peer went away.
  if (is_foreign_protocol(reason)) return counters.closed_foreign_protocol;
  if (reason.code() == ErrorCode::kBadFrame) return counters.closed_bad_frame;
  if (reason.code() == ErrorCode::kTooLarge) return counters.closed_too_large;
  if (reason.code() == ErrorCode::kUnsupportedVersion) return counters.closed_version;
  return counters.closed_by_peer;
}

Status check_role(v1::Role role) {
  if (role == v1::ROLE_CLIENT || role == v1::ROLE_MANAGER) return {};
  return Status(ErrorCode::kInvalidArgument, "HELLO names no role that is known here");
}

bool speaks_our_version(const v1::Hello& hello) {
  return hello.version_min() <= kProtocolVersion && hello.version_max() >= kProtocolVersion;
}

class FrameServer final : public Server {
 public:
  FrameServer(Loop& loop, Logger& logger, ServerHandler& handler, ServerOptions options)
      : loop_(loop), logger_(logger), handler_(handler), options_(std::move(options)) {}

  ~FrameServer() override {
    loop_.cancel(handshake_timer_);
    loop_.cancel(sweep_timer_);
    loop_.cancel(drain_timer_);
  }
  FrameServer(const FrameServer&) = delete;
  FrameServer& operator=(const FrameServer&) = delete;

  Status listen(Transport& transport) {
    BATON_ASSIGN_OR_RETURN(listener_,
                           transport.listen(options_.listen, [this](ConnectionPtr connection) {
                             accept(std::move(connection));
                           }));
    address_ = listener_->address();
    return {};
  }

  [[nodiscard]] Address address() const override { return address_; }
  [[nodiscard]] const ServerCounters& counters() const override { return counters_; }

  [[nodiscard]] Peer* find(PeerId id) override {
    const auto found = peers_.find(id);
    const bool usable =
        found != peers_.end() && found->second->is_open() && !found->second->closing();
    return usable ? found->second.get() : nullptr;
  }

  void for_each(const std::function<void(Peer&)>& visit) override {
    for (const auto& [id, peer] : peers_) {
      if (peer->is_open() && !peer->closing()) visit(*peer);
    }
  }

  void say_goodbye(std::string_view reason) override;
  void drain(std::function<void()> done) override;

 private:
  using PeerPtr = std::shared_ptr<ServerPeer>;

  void accept(ConnectionPtr connection);
  void make_room_for_handshake();
  void arm_handshake_timer();
  void end_late_handshakes();
  void end_handshake(const ServerPeer& peer);

  void on_frame(ServerPeer& peer, const Frame& frame);
  void on_first_frame(ServerPeer& peer, const Frame& frame);
  void on_hello(ServerPeer& peer, std::uint64_t request_id, v1::Hello hello);
  Status on_ping(ServerPeer& peer, const Frame& frame);
  Status serve(ServerPeer& peer, const Frame& frame);
  void on_writable(ServerPeer& peer);
  void on_closed(PeerId id, const Status& reason);

  void arm_sweep();
  void sweep();
  void finish_drain();

  Loop& loop_;
  Logger& logger_;
  ServerHandler& handler_;
  const ServerOptions options_;
  ServerCounters counters_;
  std::unique_ptr<Listener> listener_;
  Address address_;

  PeerId last_id_ = 0;
  std::map<PeerId, PeerPtr> peers_;  // every connection that is not closed; ids grow with age
  std::set<PeerId> handshaking_;     // those of them without a HELLO, so the oldest is the first
  Loop::TimerId handshake_timer_ = 0;
  Loop::TimerId sweep_timer_ = 0;
  Loop::TimerId drain_timer_ = 0;
  bool said_goodbye_ = false;
  std::function<void()> drained_;
};

// ---- handshakes ---------------------------------------------------------------------------------

void FrameServer::accept(ConnectionPtr connection) {
  ++counters_.accepted;
  make_room_for_handshake();
  const PeerId id = ++last_id_;
  const PeerPtr peer =
      std::make_shared<ServerPeer>(id, std::move(connection), options_, counters_, loop_.now());
  peers_.emplace(id, peer);
  handshaking_.insert(id);
  ++counters_.handshaking;
  peer->connection().set_frame_bytes_max(kFrameBytesBeforeHello);
  ServerPeer& reference = *peer;  // outlives its connection, which makes the calls
  peer->connection().start({[this, &reference](const Frame& frame) { on_frame(reference, frame); },
                            [this, id](const Status& reason) { on_closed(id, reason); },
                            [this, &reference] { on_writable(reference); }});
  arm_handshake_timer();
  arm_sweep();
}

void FrameServer::make_room_for_handshake() {
  if (handshaking_.size() < options_.handshakes_max) return;
  ServerPeer& oldest = *peers_.at(*handshaking_.begin());
  end_handshake(oldest);
  oldest.close_for(CloseCause::kHandshakesFull,
                   Status(ErrorCode::kRetryLater, "too many unfinished handshakes"));
}

void FrameServer::end_handshake(const ServerPeer& peer) {
  counters_.handshaking -= handshaking_.erase(peer.id());
}

// All handshakes have the same time, so one timer for the oldest is enough.
void FrameServer::arm_handshake_timer() {
  if (handshake_timer_ != 0 || handshaking_.empty()) return;
  const MonoTime deadline =
      peers_.at(*handshaking_.begin())->accepted_at() + options_.hello_timeout;
  handshake_timer_ = loop_.call_at(deadline, [this] {
    handshake_timer_ = 0;
    end_late_handshakes();
    arm_handshake_timer();
  });
}

void FrameServer::end_late_handshakes() {
  while (!handshaking_.empty()) {
    ServerPeer& oldest = *peers_.at(*handshaking_.begin());
    if (loop_.now() < oldest.accepted_at() + options_.hello_timeout) return;
    end_handshake(oldest);
    oldest.close_for(CloseCause::kHelloTimeout,
                     Status(ErrorCode::kDeadlineExceeded, "no HELLO in time"));
  }
}

void FrameServer::on_first_frame(ServerPeer& peer, const Frame& frame) {
  if (frame.type != v1::HELLO) {
    return peer.close_for(CloseCause::kBeforeHello,
                          Status(ErrorCode::kUnauthenticated, "HELLO must come first"));
  }
  v1::Hello hello;
  Status status = parse_metadata(frame.metadata, hello);
  if (status.ok()) status = check_role(hello.role());
  if (!status.ok()) {
    ++counters_.unparsable_requests;
    return peer.close_for(CloseCause::kUnparsable, status);
  }
  on_hello(peer, frame.request_id, std::move(hello));
}

void FrameServer::on_hello(ServerPeer& peer, std::uint64_t request_id, v1::Hello hello) {
  if (!speaks_our_version(hello)) {
    const Status status(ErrorCode::kUnsupportedVersion, "no common protocol version");
    v1::Error error = to_error(status);
    error.set_version_min(kProtocolVersion);
    error.set_version_max(kProtocolVersion);
    return peer.close_for(CloseCause::kVersion, status, &error);
  }
  if (counters_.open >= options_.connections_max) {
    const Status status(ErrorCode::kRetryLater, "too many connections");
    v1::Error error = to_error(status);
    error.set_retry_after_ms(static_cast<std::uint32_t>(kRetryWhenFull.count()));
    return peer.close_for(CloseCause::kConnectionsFull, status, &error);
  }
  peer.set_hello(std::move(hello));
  Result<v1::HelloOk> accepted = handler_.on_hello(peer, peer.hello());
  if (peer.closing()) return;
  if (!accepted.ok()) return peer.close_for(CloseCause::kRefused, accepted.status());

  v1::HelloOk& answer = accepted.value();
  answer.set_version(kProtocolVersion);
  if (answer.software().empty()) answer.set_software(options_.software);
  if (answer.payload_bytes_max() == 0) answer.set_payload_bytes_max(options_.payload_bytes_max);
  if (answer.frame_bytes_max() == 0) answer.set_frame_bytes_max(options_.frame_bytes_max);
  end_handshake(peer);
  peer.open();
  ++counters_.open;
  peer.send(v1::HELLO_OK, request_id, answer);
  handler_.on_open(peer);
}

// ---- frames -------------------------------------------------------------------------------------

void FrameServer::on_frame(ServerPeer& peer, const Frame& frame) {
  if (peer.closing()) return;
  ++counters_.frames_in;
  if (!peer.is_open()) return on_first_frame(peer, frame);
  const Status status = serve(peer, frame);
  if (!status.ok()) peer.refuse_unparsable(frame.request_id, status);
}

Status FrameServer::serve(ServerPeer& peer, const Frame& frame) {
  switch (frame.type) {
    case v1::HELLO:
      peer.close_for(CloseCause::kSecondHello, Status(ErrorCode::kBadFrame, "a second HELLO"));
      return {};
    case v1::PING:
      return on_ping(peer, frame);
    case v1::PONG:
    case v1::ERROR:
    case v1::GOODBYE:
      return {};  // nothing to answer
    default:
      break;
  }
  if (peer.role() == v1::ROLE_CLIENT &&
      frame.metadata.size() > options_.client_metadata_bytes_max) {
    v1::Error error;
    error.set_code(v1::TOO_LARGE);
    error.set_message("metadata of " + std::to_string(frame.metadata.size()) + " bytes");
    error.set_limit(options_.client_metadata_bytes_max);
    peer.send(v1::ERROR, frame.request_id, error);
    return {};
  }
  return handler_.on_frame(peer, frame);
}

Status FrameServer::on_ping(ServerPeer& peer, const Frame& frame) {
  v1::Ping ping;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, ping));
  peer.send(v1::PONG, frame.request_id, ping);
  return {};
}

void FrameServer::on_writable(ServerPeer& peer) {
  if (peer.resume_if_drained()) handler_.on_drained(peer);
}

void FrameServer::on_closed(PeerId id, const Status& reason) {
  const auto found = peers_.find(id);
  const PeerPtr peer = found->second;
  peers_.erase(found);
  end_handshake(*peer);
  std::uint64_t& counter = counter_of(peer->cause(), reason, counters_);
  ++counter;

  const bool expected =
      &counter == &counters_.closed_by_peer || peer->cause() == CloseCause::kDraining;
  const LogLevel level = expected ? LogLevel::kDebug : LogLevel::kWarn;
  if (logger_.enabled(level)) {
    const LogField fields[] = {kv("peer", peer->address()), kv("reason", reason),
                               kv("hello", peer->is_open() ? "yes" : "no")};
    logger_.write(level, "connection closed", fields);
  }
  if (peer->is_open()) {
    --counters_.open;
    handler_.on_closed(*peer, reason);
  }
  loop_.post([peer] {});  // its connection is still inside this call
  if (drained_ && peers_.empty()) finish_drain();
}

// ---- peers that do not read ---------------------------------------------------------------------

void FrameServer::arm_sweep() {
  if (sweep_timer_ != 0) return;
  sweep_timer_ = loop_.call_after(options_.stalled_after / kSweepsUntilStalled, [this] {
    sweep_timer_ = 0;
    sweep();
  });
}

void FrameServer::sweep() {
  for (const auto& [id, peer] : peers_) {
    peer->sweep(kSweepsUntilStalled);
    on_writable(*peer);  // for transports that do not say so themselves
  }
  if (!peers_.empty()) arm_sweep();
}

// ---- the end ------------------------------------------------------------------------------------

void FrameServer::say_goodbye(std::string_view reason) {
  if (std::exchange(said_goodbye_, true)) return;
  listener_.reset();
  v1::Goodbye goodbye;
  goodbye.set_reason(std::string(reason));
  for (const auto& [id, peer] : peers_) {
    if (peer->is_open()) {
      peer->send(v1::GOODBYE, 0, goodbye);
    } else {
      peer->close_for(CloseCause::kDraining,
                      Status(ErrorCode::kUnavailable, "the daemon is stopping"));
    }
  }
}

void FrameServer::drain(std::function<void()> done) {
  say_goodbye("the daemon is stopping");
  drained_ = std::move(done);
  for (const auto& [id, peer] : peers_) {
    peer->close_for(CloseCause::kDraining,
                    Status(ErrorCode::kUnavailable, "the daemon is stopping"));
  }
  // Also when there is nobody to wait for, so that `done` is never called inside drain().
  const Duration patience = peers_.empty() ? Duration(0) : options_.drain_flush;
  drain_timer_ = loop_.call_after(patience, [this] { finish_drain(); });
}

void FrameServer::finish_drain() {
  loop_.cancel(std::exchange(drain_timer_, 0));
  if (drained_) loop_.post(std::exchange(drained_, nullptr));
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(Loop& loop, Transport& transport, Logger& logger,
                                             ServerHandler& handler, ServerOptions options) {
  auto server = std::make_unique<FrameServer>(loop, logger, handler, std::move(options));
  BATON_RETURN_IF_ERROR(server->listen(transport));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace baton
