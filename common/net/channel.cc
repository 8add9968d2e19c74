#include "common/net/channel.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/net/server.h"

namespace baton {
namespace {

// A connection that lasted so long was good: the next failure counts as the first.
constexpr Duration kProvenAfter = std::chrono::seconds(1);

class FrameChannel final : public Channel {
 public:
  FrameChannel(Loop& loop, Transport& transport, Logger& logger, std::uint64_t seed,
               ChannelOptions options, ChannelEvents events)
      : loop_(loop),
        transport_(transport),
        logger_(logger),
        options_(std::move(options)),
        events_(std::move(events)),
        policy_(Random(seed)) {}

  ~FrameChannel() override { cancel_timers(); }
  FrameChannel(const FrameChannel&) = delete;
  FrameChannel& operator=(const FrameChannel&) = delete;

  void start() override;
  void stop(Status reason) override;
  void reconnect(Status reason) override;
  void set_addresses(std::vector<Address> addresses) override;

  [[nodiscard]] bool is_open() const override { return state_ == State::kOpen; }
  [[nodiscard]] Address address() const override { return address_; }
  [[nodiscard]] const Status& last_error() const override { return last_error_; }
  [[nodiscard]] std::size_t bytes_queued() const override {
    return connection_ ? connection_->bytes_queued() : 0;
  }
  [[nodiscard]] std::size_t frame_bytes_max() const override { return frame_bytes_max_; }

  std::uint64_t next_request_id() override { return ++last_request_id_; }
  void send(v1::FrameType type, std::uint64_t request_id,
            const google::protobuf::MessageLite& metadata,
            std::span<const std::string_view> payload) override;
  void set_outstanding(bool outstanding) override;

 private:
  enum class State : std::uint8_t {
    kIdle,     // not started
    kWaiting,  // for the time of the next attempt
    kConnecting,
    kHello,  // connected, no HELLO_OK yet
    kOpen,
    kStopped,
  };

  void attempt();
  void on_connected(Result<ConnectionPtr> result);
  void say_hello();
  void send_frame(v1::FrameType type, std::uint64_t request_id,
                  const google::protobuf::MessageLite& metadata,
                  std::span<const std::string_view> payload = {});

  void on_frame(const Frame& frame);
  void on_hello_answer(const Frame& frame);
  void on_hello_ok(const v1::HelloOk& answer);
  void on_goodbye(const Frame& frame);
  void on_connection_error(const Frame& frame);

  void arm_ping();
  void on_ping_time(MonoTime due);
  [[nodiscard]] bool bytes_moved();

  void end_connection(Status reason);
  void tell_end(bool was_open, const Status& reason);
  void schedule_attempt();
  void cancel_timers();

  // A call that comes back later: nothing happens when the channel or that connection is gone by
  // then.
  template <class Call>
  auto guarded(Call call) {
    return [this, alive = std::weak_ptr<char>(alive_), connection = connection_number_,
            call](auto&&... args) {
      if (!alive.expired() && connection == connection_number_)
        call(std::forward<decltype(args)>(args)...);
    };
  }

  Loop& loop_;
  Transport& transport_;
  Logger& logger_;
  ChannelOptions options_;
  const ChannelEvents events_;
  ReconnectPolicy policy_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>('\0');

  State state_ = State::kIdle;
  std::size_t next_address_ = 0;  // of options_.addresses
  Address address_;
  ConnectionPtr connection_;
  std::uint64_t connection_number_ = 0;  // grows with each attempt and each end
  Status last_error_;
  Status told_reason_;  // what the daemon said about the connection before it closed it
  std::uint64_t last_request_id_ = 0;
  std::uint64_t hello_request_ = 0;
  std::size_t frame_bytes_max_ = 0;
  Duration retry_after_{0};
  MonoTime opened_at_{};
  Loop::TimerId timer_ = 0;  // of the attempt, the HELLO or the GOODBYE: one at a time

  bool outstanding_ = false;
  bool leaving_ = false;  // GOODBYE came
  Loop::TimerId ping_timer_ = 0;
  MonoTime heard_at_{};
  std::uint64_t bytes_received_ = 0;  // at the last ping
  std::uint64_t bytes_sent_ = 0;      // handed to the connection
  std::uint64_t bytes_drained_ = 0;   // of these, gone at the last ping
};

// ---- connecting ---------------------------------------------------------------------------------

void FrameChannel::start() {
  BATON_CHECK(state_ == State::kIdle && !options_.addresses.empty());
  attempt();
}

void FrameChannel::attempt() {
  state_ = State::kConnecting;
  ++connection_number_;
  address_ = options_.addresses[next_address_++ % options_.addresses.size()];
  transport_.connect(
      address_, options_.connect_timeout,
      guarded([this](Result<ConnectionPtr> result) { on_connected(std::move(result)); }));
}

void FrameChannel::on_connected(Result<ConnectionPtr> result) {
  if (!result.ok()) return end_connection(result.status());
  connection_ = std::move(result).value();
  state_ = State::kHello;
  // The daemon lists its fellows in HELLO_OK, which needs more room than a HELLO.
  connection_->set_frame_bytes_max(kFrameMetadataBytesMax);
  connection_->start({guarded([this](const Frame& frame) { on_frame(frame); }),
                      guarded([this](const Status& reason) {
                        end_connection(told_reason_.ok() ? reason : told_reason_);
                      })});
  say_hello();
  timer_ =
      loop_.call_after(options_.hello_timeout, guarded([this] {
                         end_connection(Status(ErrorCode::kDeadlineExceeded,
                                               "no answer to HELLO from " + address_.to_string()));
                       }));
}

void FrameChannel::say_hello() {
  v1::Hello hello;
  if (events_.fill_hello) events_.fill_hello(hello);
  hello.set_version_min(kProtocolVersion);
  hello.set_version_max(kProtocolVersion);
  hello.set_role(options_.role);
  hello.set_software(options_.software);
  hello_request_ = next_request_id();
  send_frame(v1::HELLO, hello_request_, hello);
}

void FrameChannel::on_hello_answer(const Frame& frame) {
  if (frame.type == v1::ERROR) {
    v1::Error error;
    const Status parsed = parse_metadata(frame.metadata, error);
    retry_after_ = Millis(error.retry_after_ms());
    return end_connection(parsed.ok() ? from_error(error) : parsed);
  }
  v1::HelloOk answer;
  if (frame.type != v1::HELLO_OK || frame.request_id != hello_request_) {
    return end_connection(Status(ErrorCode::kBadFrame, "another frame than HELLO_OK came first"));
  }
  if (const Status parsed = parse_metadata(frame.metadata, answer); !parsed.ok())
    return end_connection(parsed);
  if (answer.version() != kProtocolVersion) {
    return end_connection(Status(ErrorCode::kUnsupportedVersion,
                                 "the daemon chose version " + std::to_string(answer.version())));
  }
  on_hello_ok(answer);
}

void FrameChannel::on_hello_ok(const v1::HelloOk& answer) {
  loop_.cancel(std::exchange(timer_, 0));
  // A daemon may not make us buffer more than any flag allows.
  const std::uint64_t stated =
      std::max<std::uint64_t>(answer.frame_bytes_max(), kFrameMetadataBytesMax);
  frame_bytes_max_ = static_cast<std::size_t>(std::min<std::uint64_t>(stated, kFrameBytesHardMax));
  connection_->set_frame_bytes_max(frame_bytes_max_);
  state_ = State::kOpen;
  opened_at_ = loop_.now();
  heard_at_ = opened_at_;
  arm_ping();
  logger_.debug("channel open", {kv("to", options_.what), kv("address", address_.to_string())});
  if (!events_.on_open) return;

  const std::weak_ptr<char> alive = alive_;
  const std::uint64_t connection = connection_number_;
  const Status accepted = events_.on_open(answer);
  if (alive.expired() || connection != connection_number_ || accepted.ok()) return;
  state_ = State::kHello;  // it never was open for the owner
  end_connection(accepted);
}

// ---- frames -------------------------------------------------------------------------------------

void FrameChannel::send(v1::FrameType type, std::uint64_t request_id,
                        const google::protobuf::MessageLite& metadata,
                        std::span<const std::string_view> payload) {
  if (state_ == State::kOpen) send_frame(type, request_id, metadata, payload);
}

void FrameChannel::send_frame(v1::FrameType type, std::uint64_t request_id,
                              const google::protobuf::MessageLite& metadata,
                              std::span<const std::string_view> payload) {
  const std::size_t before = connection_->bytes_queued();
  connection_->send(type, request_id, metadata, payload);
  bytes_sent_ += connection_->bytes_queued() - before;
}

void FrameChannel::on_frame(const Frame& frame) {
  heard_at_ = loop_.now();
  if (state_ == State::kHello) return on_hello_answer(frame);
  switch (frame.type) {
    case v1::PONG:
      return;
    case v1::PING: {
      v1::Ping ping;
      if (parse_metadata(frame.metadata, ping).ok()) send_frame(v1::PONG, frame.request_id, ping);
      return;
    }
    case v1::GOODBYE:
      return on_goodbye(frame);
    case v1::ERROR:
      if (frame.request_id == 0) return on_connection_error(frame);
      break;
    default:
      break;
  }
  if (events_.on_frame) events_.on_frame(frame);
}

void FrameChannel::on_connection_error(const Frame& frame) {
  v1::Error error;
  const Status parsed = parse_metadata(frame.metadata, error);
  told_reason_ = parsed.ok() ? from_error(error) : parsed;
}

void FrameChannel::on_goodbye(const Frame& frame) {
  if (leaving_) return;
  v1::Goodbye goodbye;
  const bool parsed = parse_metadata(frame.metadata, goodbye).ok();
  told_reason_ = Status(ErrorCode::kUnavailable, parsed ? goodbye.reason() : "goodbye");
  leaving_ = true;
  timer_ = loop_.call_after(outstanding_ ? options_.goodbye_patience : Duration(0),
                            guarded([this] { end_connection(told_reason_); }));
  if (events_.on_goodbye) events_.on_goodbye();
}

// ---- signs of life ------------------------------------------------------------------------------

void FrameChannel::set_outstanding(bool outstanding) {
  if (std::exchange(outstanding_, outstanding) == outstanding || state_ != State::kOpen) return;
  if (!outstanding) {
    loop_.cancel(std::exchange(ping_timer_, 0));
    if (leaving_) end_connection(told_reason_);
    return;
  }
  heard_at_ = loop_.now();
  arm_ping();
}

void FrameChannel::arm_ping() {
  if (!outstanding_ || ping_timer_ != 0) return;
  const MonoTime due = loop_.now() + options_.ping_interval;
  ping_timer_ = loop_.call_at(due, guarded([this, due] {
                                ping_timer_ = 0;
                                on_ping_time(due);
                              }));
}

// A large frame in either direction keeps pings or their answers waiting: moving bytes are life
// too.
bool FrameChannel::bytes_moved() {
  const std::uint64_t received = connection_->bytes_received();
  const std::uint64_t drained = bytes_sent_ - connection_->bytes_queued();
  const bool sending = connection_->bytes_queued() > 0 && drained != bytes_drained_;
  const bool moved = received != bytes_received_ || sending;
  bytes_received_ = received;
  bytes_drained_ = drained;
  return moved;
}

void FrameChannel::on_ping_time(MonoTime due) {
  const MonoTime now = loop_.now();
  // When we ourselves were stopped, what the peer sent meanwhile is still unread.
  const bool we_slept = now - due > options_.ping_interval;
  if (bytes_moved() || we_slept) heard_at_ = now;
  if (now - heard_at_ >= options_.dead_after) {
    return end_connection(
        Status(ErrorCode::kUnavailable, "no sign of life from " + address_.to_string()));
  }
  v1::Ping ping;
  ping.set_sent(now.time_since_epoch().count());
  send_frame(v1::PING, next_request_id(), ping);
  arm_ping();
}

// ---- the end of a connection --------------------------------------------------------------------

void FrameChannel::reconnect(Status reason) {
  if (state_ == State::kIdle || state_ == State::kWaiting || state_ == State::kStopped) return;
  end_connection(std::move(reason));
}

void FrameChannel::stop(Status reason) {
  if (state_ == State::kStopped) return;
  const bool was_open = state_ == State::kOpen;
  if (!was_open) last_error_ = reason;
  options_.addresses.clear();  // no further attempt
  end_connection(std::move(reason));
}

void FrameChannel::set_addresses(std::vector<Address> addresses) {
  BATON_CHECK(!addresses.empty());
  if (state_ == State::kStopped) return;
  options_.addresses = std::move(addresses);
  next_address_ = 0;
}

void FrameChannel::cancel_timers() {
  loop_.cancel(std::exchange(timer_, 0));
  loop_.cancel(std::exchange(ping_timer_, 0));
}

void FrameChannel::end_connection(Status reason) {
  const bool was_open = state_ == State::kOpen;
  const bool stopping = options_.addresses.empty();
  cancel_timers();
  ++connection_number_;  // nothing more is heard of this connection
  if (connection_) {
    connection_->close(reason);
    // Its callback may be what called us: it goes when that has returned.
    loop_.post([connection = std::exchange(connection_, nullptr)] {});
  }
  last_error_ = reason;
  told_reason_ = Status();
  leaving_ = false;
  bytes_received_ = bytes_sent_ = bytes_drained_ = 0;
  if (was_open && loop_.now() - opened_at_ >= kProvenAfter) policy_.reset();
  if (was_open || !stopping) {
    loop_.post([this, alive = std::weak_ptr<char>(alive_), was_open, reason] {
      if (!alive.expired()) tell_end(was_open, reason);
    });
  }
  state_ = stopping ? State::kStopped : State::kWaiting;
  if (!stopping) schedule_attempt();
}

void FrameChannel::tell_end(bool was_open, const Status& reason) {
  const LogField fields[] = {kv("to", options_.what), kv("reason", reason)};
  const LogLevel level = was_open ? LogLevel::kInfo : LogLevel::kDebug;
  if (logger_.enabled(level))
    logger_.write(level, was_open ? "channel closed" : "cannot connect", fields);
  const auto& event = was_open ? events_.on_closed : events_.on_failed;
  if (event) event(reason);
}

void FrameChannel::schedule_attempt() {
  const Duration delay = std::max(policy_.next_delay(), std::exchange(retry_after_, Duration(0)));
  timer_ = loop_.call_after(delay, guarded([this] {
                              timer_ = 0;
                              attempt();
                            }));
}

}  // namespace

std::unique_ptr<Channel> Channel::create(Loop& loop, Transport& transport, Logger& logger,
                                         std::uint64_t seed, ChannelOptions options,
                                         ChannelEvents events) {
  return std::make_unique<FrameChannel>(loop, transport, logger, seed, std::move(options),
                                        std::move(events));
}

}  // namespace baton
