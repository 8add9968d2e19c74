// AsioStream: one TCP connection of AsioTransport. AsioConnection is the handle that owners hold.
//
// Reading: waits until the socket is readable, then reads into the one buffer that all connections
// of the transport share, so an idle connection costs no buffer. Writing: what a loop turn sends is
// gathered and leaves in one write at the end of the turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/logger.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"
#include "common/net/frame.h"
#include "common/net/transport.h"

namespace baton {

// What the connections of one transport have in common.
struct AsioShared {
  static constexpr std::size_t kReadBytes = std::size_t{256} << 10;

  AsioShared(AsioLoop& loop_in, Logger& logger_in, AsioTransportOptions options_in)
      : loop(loop_in), logger(logger_in), options(options_in), read_buffer(kReadBytes) {}

  AsioLoop& loop;
  Logger& logger;
  const AsioTransportOptions options;
  std::vector<char> read_buffer;  // valid inside one read callback
  std::size_t receive_bytes = 0;  // of unfinished frames
  bool stopped = false;           // the transport is gone: no new connections are delivered
};

class AsioStream : public std::enable_shared_from_this<AsioStream> {
 public:
  // `socket` is connected.
  AsioStream(std::shared_ptr<AsioShared> shared, boost::asio::ip::tcp::socket socket);
  ~AsioStream();

  // As in Connection.
  void start(Connection::Events events);
  void send(v1::FrameType type, std::uint64_t request_id,
            const google::protobuf::MessageLite& metadata,
            std::span<const std::string_view> payload);
  void close(Status reason);
  void pause_reading() { paused_ = true; }
  void resume_reading();
  void set_frame_bytes_max(std::size_t bytes) { decoder_.set_frame_bytes_max(bytes); }
  [[nodiscard]] std::size_t bytes_queued() const {
    return pending_.size() + writing_.size() - written_;
  }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }

  // The owner is gone: no callback from now on.
  void abandon();

 private:
  enum class State : std::uint8_t {
    kOpen,
    kClosing,    // close() was called: sends what is queued
    kLingering,  // everything is sent and reported; waits for the peer to read it
    kClosed,
  };

  void wait_readable();
  void on_readable();
  // Takes one read's worth; false when there was no more.
  bool read_once();
  void peer_is_done();
  void take(std::string_view bytes);
  void account_buffered();
  void watch_unfinished_frame(bool new_frame);
  void check_unfinished_frame();
  [[nodiscard]] MonoTime frame_due() const;

  void schedule_flush();
  void flush();
  void wait_writable();
  void tell_writable();
  void trim(std::string& buffer, std::size_t used);

  // A fault of the peer's bytes: it is told, then the connection closes.
  void refuse(const std::string& answer, Status reason);
  void all_is_sent();
  void fail(Status reason);  // at once
  void shut();
  void report(Status reason);

  const std::shared_ptr<AsioShared> shared_;
  boost::asio::ip::tcp::socket socket_;
  const std::string peer_;
  Connection::Events events_;
  State state_ = State::kOpen;
  Status reason_;
  bool abandoned_ = false;
  bool reported_ = false;

  FrameDecoder decoder_;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t frames_received_ = 0;
  std::size_t buffered_ = 0;  // what shared_->receive_bytes counts for us
  bool reading_ = false;      // a wait for readability is under way
  bool paused_ = false;
  bool peer_done_ = false;  // end of stream was read
  MonoTime unfinished_since_{};
  Loop::TimerId frame_timer_ = 0;

  std::string pending_;      // queued since the last write began
  std::string writing_;      // being written
  std::size_t written_ = 0;  // of writing_
  bool flush_posted_ = false;
  bool waiting_writable_ = false;
  Loop::TimerId close_timer_ = 0;
};

class AsioConnection final : public Connection {
 public:
  explicit AsioConnection(std::shared_ptr<AsioStream> stream) : stream_(std::move(stream)) {}
  ~AsioConnection() override { stream_->abandon(); }
  AsioConnection(const AsioConnection&) = delete;
  AsioConnection& operator=(const AsioConnection&) = delete;

  void start(Events events) override { stream_->start(std::move(events)); }
  void send(v1::FrameType type, std::uint64_t request_id,
            const google::protobuf::MessageLite& metadata,
            std::span<const std::string_view> payload) override {
    stream_->send(type, request_id, metadata, payload);
  }
  void close(Status reason) override { stream_->close(std::move(reason)); }
  [[nodiscard]] std::size_t bytes_queued() const override { return stream_->bytes_queued(); }
  [[nodiscard]] std::uint64_t bytes_received() const override { return stream_->bytes_received(); }
  void pause_reading() override { stream_->pause_reading(); }
  void resume_reading() override { stream_->resume_reading(); }
  void set_frame_bytes_max(std::size_t bytes) override { stream_->set_frame_bytes_max(bytes); }
  [[nodiscard]] std::string peer() const override { return stream_->peer(); }

 private:
  const std::shared_ptr<AsioStream> stream_;
};

// "1.2.3.4:5", "[::1]:5".
std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace baton
