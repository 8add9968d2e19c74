#include "common/net/asio_connection.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/base/check.h"

namespace asio = boost::asio;
using boost::system::error_code;

namespace baton {
namespace {

// Reads per wake-up: one busy connection must not keep the others waiting.
constexpr int kReadsPerTurn = 4;
// Send buffers up to this size are kept for the next write.
constexpr std::size_t kKeptBufferBytes = std::size_t{256} << 10;
constexpr std::size_t kSmallBufferBytes = std::size_t{16} << 10;
// Unsent bytes that the kernel may hold for us: what lies there is out of our sight, and pings
// queue behind it.
constexpr int kUnsentBytesMax = 256 << 10;
// Sent bytes that stay unacknowledged so long end the connection.
constexpr int kUserTimeoutMs = 10'000;
constexpr int kKeepaliveIdleSeconds = 30;  // finds dead peers of idle connections
constexpr int kKeepaliveIntervalSeconds = 10;
constexpr int kKeepaliveProbes = 3;

void set_option(asio::ip::tcp::socket& socket, int level, int name, int value) {
  // Best effort: a socket without it works, only less well.
  (void)::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

void set_options(asio::ip::tcp::socket& socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
  set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

std::string peer_text(const asio::ip::tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "unknown" : endpoint_text(endpoint);
}

}  // namespace

std::string endpoint_text(const asio::ip::tcp::endpoint& endpoint) {
  return Address{endpoint.address().to_string(), endpoint.port()}.to_string();
}

AsioStream::AsioStream(std::shared_ptr<AsioShared> shared, asio::ip::tcp::socket socket)
    : shared_(std::move(shared)), socket_(std::move(socket)), peer_(peer_text(socket_)) {
  set_options(socket_);
}

AsioStream::~AsioStream() { shared_->receive_bytes -= buffered_; }

void AsioStream::start(Connection::Events events) {
  events_ = std::move(events);
  wait_readable();
}

// ---- reading ------------------------------------------------------------------------------------

void AsioStream::wait_readable() {
  if (reading_ || peer_done_ || state_ == State::kClosed) return;
  if (paused_ && state_ == State::kOpen) return;
  reading_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const error_code& error) {
                       self->reading_ = false;
                       if (!error) self->on_readable();
                     });
}

void AsioStream::on_readable() {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (state_ == State::kClosed || (paused_ && state_ == State::kOpen)) return;
    if (!read_once()) break;
  }
  wait_readable();
}

bool AsioStream::read_once() {
  error_code error;
  const std::size_t bytes = socket_.read_some(asio::buffer(shared_->read_buffer), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return false;
  if (error == asio::error::eof) {
    peer_is_done();
    return false;
  }
  if (error) {
    fail(Status(ErrorCode::kUnavailable, "connection lost: " + error.message()));
    return false;
  }
  bytes_received_ += bytes;
  // While closing, bytes are read only to be thrown away: unread ones would reset the connection
  // and with it destroy what we have just sent.
  if (state_ == State::kOpen) take(std::string_view(shared_->read_buffer.data(), bytes));
  return bytes == AsioShared::kReadBytes;
}

// It will send no more, but may still read: what is queued for it goes out first.
void AsioStream::peer_is_done() {
  peer_done_ = true;
  if (state_ == State::kLingering) return shut();
  close(decoder_.bytes_buffered() > 0
            ? Status(ErrorCode::kBadFrame, "the peer closed the connection inside a frame")
            : Status(ErrorCode::kUnavailable, "the peer closed the connection"));
}

void AsioStream::take(std::string_view bytes) {
  const std::uint64_t frames_before = frames_received_;
  const Status status = decoder_.feed(bytes, [this](const Frame& frame) {
    ++frames_received_;
    events_.on_frame(frame);
    return state_ == State::kOpen;
  });
  account_buffered();
  if (state_ != State::kOpen) return;
  if (!status.ok()) {
    return refuse(fault_answer(decoder_.fault(), status, decoder_.frame_bytes_max()), status);
  }
  if (shared_->receive_bytes > shared_->options.receive_bytes_max) {
    const Status full(ErrorCode::kRetryLater, "too many bytes of unfinished frames");
    std::string answer;
    append_frame(answer, v1::ERROR, 0, to_error(full));
    return refuse(answer, full);
  }
  watch_unfinished_frame(frames_received_ != frames_before);
}

void AsioStream::account_buffered() {
  shared_->receive_bytes = shared_->receive_bytes - buffered_ + decoder_.bytes_buffered();
  buffered_ = decoder_.bytes_buffered();
}

void AsioStream::watch_unfinished_frame(bool new_frame) {
  if (buffered_ == 0) return;
  if (new_frame || unfinished_since_ == MonoTime{}) unfinished_since_ = shared_->loop.now();
  if (frame_timer_ != 0) return;  // it looks at frame_due() itself
  frame_timer_ = shared_->loop.call_at(frame_due(), [self = weak_from_this()] {
    if (const auto stream = self.lock()) stream->check_unfinished_frame();
  });
}

MonoTime AsioStream::frame_due() const {
  const auto earned =
      std::chrono::duration<double>(static_cast<double>(buffered_) /
                                    static_cast<double>(shared_->options.frame_bytes_per_second));
  return unfinished_since_ + shared_->options.frame_timeout +
         std::chrono::duration_cast<Duration>(earned);
}

void AsioStream::check_unfinished_frame() {
  frame_timer_ = 0;
  if (state_ != State::kOpen) return;
  if (buffered_ == 0) {
    unfinished_since_ = MonoTime{};
    return;
  }
  const bool overdue = shared_->loop.now() >= frame_due();
  if (!overdue || paused_) return watch_unfinished_frame(paused_);
  const Status late(ErrorCode::kBadFrame, "a frame stayed unfinished for too long");
  std::string answer;
  append_frame(answer, v1::ERROR, 0, to_error(late));
  refuse(answer, late);
}

void AsioStream::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  // The pause was ours, not the peer's.
  if (buffered_ > 0) unfinished_since_ = shared_->loop.now();
  wait_readable();
}

// ---- writing ------------------------------------------------------------------------------------

void AsioStream::send(v1::FrameType type, std::uint64_t request_id,
                      const google::protobuf::MessageLite& metadata,
                      std::span<const std::string_view> payload) {
  if (state_ != State::kOpen) return;
  append_frame(pending_, type, request_id, metadata, payload);
  schedule_flush();
}

void AsioStream::schedule_flush() {
  if (flush_posted_ || waiting_writable_) return;
  flush_posted_ = true;
  shared_->loop.post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
    self->tell_writable();
  });
}

void AsioStream::flush() {
  if (state_ != State::kOpen && state_ != State::kClosing) return;
  while (bytes_queued() > 0) {
    if (written_ == writing_.size()) {
      trim(writing_, written_);
      std::swap(pending_, writing_);
      written_ = 0;
    }
    error_code error;
    // Asio passes MSG_NOSIGNAL: a peer that is gone is an error, not a signal.
    written_ += socket_.write_some(
        asio::buffer(writing_.data() + written_, writing_.size() - written_), error);
    if (error == asio::error::would_block || error == asio::error::interrupted)
      return wait_writable();
    if (error) return fail(Status(ErrorCode::kUnavailable, "connection lost: " + error.message()));
  }
  trim(writing_, written_);
  written_ = 0;
  if (state_ == State::kClosing) all_is_sent();
}

void AsioStream::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const error_code& error) {
                       self->waiting_writable_ = false;
                       if (error) return;
                       self->flush();
                       self->tell_writable();
                     });
}

void AsioStream::tell_writable() {
  if (state_ == State::kOpen && events_.on_writable) events_.on_writable();
}

// Empties a buffer whose `used` bytes were sent, and gives its memory back when it is out of
// proportion.
void AsioStream::trim(std::string& buffer, std::size_t used) {
  const bool too_big = buffer.capacity() > kKeptBufferBytes;
  const bool idle = buffer.capacity() > kSmallBufferBytes && used < buffer.capacity() / 8;
  buffer.clear();
  if (too_big || idle) buffer = std::string();
}

// ---- the end ------------------------------------------------------------------------------------

void AsioStream::refuse(const std::string& answer, Status reason) {
  pending_.append(answer);
  close(std::move(reason));
}

void AsioStream::close(Status reason) {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  reason_ = std::move(reason);
  close_timer_ =
      shared_->loop.call_after(shared_->options.close_flush, [self = shared_from_this()] {
        self->close_timer_ = 0;
        if (self->state_ != State::kClosed) self->fail(self->reason_);
      });
  wait_readable();
  schedule_flush();
}

void AsioStream::all_is_sent() {
  report(reason_);
  if (peer_done_) return shut();
  state_ = State::kLingering;
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void AsioStream::fail(Status reason) {
  if (state_ == State::kClosing) reason = reason_;  // why we wanted to close matters more
  shut();
  report(std::move(reason));
}

void AsioStream::shut() {
  state_ = State::kClosed;
  error_code ignored;
  socket_.close(ignored);
  shared_->loop.cancel(std::exchange(close_timer_, 0));
  shared_->loop.cancel(std::exchange(frame_timer_, 0));
  pending_ = std::string();
  writing_ = std::string();
  written_ = 0;
}

void AsioStream::report(Status reason) {
  if (std::exchange(reported_, true)) return;
  shared_->loop.post([self = shared_from_this(), reason = std::move(reason)] {
    const Connection::Events events = std::move(self->events_);
    if (!self->abandoned_) events.on_closed(reason);
  });
}

void AsioStream::abandon() {
  abandoned_ = true;
  if (state_ == State::kOpen) shut();
  // Posted: the owner may be gone while one of its callbacks is still running.
  if (!reported_) report(Status());
}

}  // namespace baton
