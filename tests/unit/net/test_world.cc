#include "tests/unit/net/test_world.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/server.h"

namespace baton::testing {

void CollectingLogger::write(LogLevel, std::string_view event, std::span<const LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields)
    line.append(" ").append(field.key).append("=").append(field.value);
  lines.push_back(std::move(line));
}

bool CollectingLogger::contains(std::string_view text) const {
  for (const std::string& line : lines) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

KeptFrame keep(const Frame& frame) {
  return {frame.type, frame.request_id, std::string(frame.metadata), std::string(frame.payload)};
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes)
    : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
  REQUIRE(fd_ >= 0);
  if (receive_buffer_bytes > 0) {
    REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                         sizeof receive_buffer_bytes) == 0);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The listener's backlog completes this without the loop.
  REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

RawClient::~RawClient() { ::close(fd_); }

std::size_t RawClient::write_some(std::string_view bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void RawClient::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::end_writing() { ::shutdown(fd_, SHUT_WR); }

void RawClient::read() {
  char buffer[65536];
  while (!closed_) {
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) {
      bytes_.append(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      closed_ = true;
    } else {
      return;
    }
  }
}

std::vector<KeptFrame> RawClient::frames() const {
  FrameDecoder decoder(kFrameBytesHardMax);
  std::vector<KeptFrame> frames;
  const Status status = decoder.feed(bytes_, [&](const Frame& frame) {
    frames.push_back(keep(frame));
    return true;
  });
  REQUIRE(status.ok());
  return frames;
}

std::string frame_bytes(v1::FrameType type, std::uint64_t request_id,
                        const google::protobuf::MessageLite& metadata, std::string_view payload) {
  std::string bytes;
  const std::string_view pieces[] = {payload};
  append_frame(bytes, type, request_id, metadata, pieces);
  return bytes;
}

std::string hello_bytes(v1::Role role) {
  v1::Hello hello;
  hello.set_version_min(kProtocolVersion);
  hello.set_version_max(kProtocolVersion);
  hello.set_role(role);
  return frame_bytes(v1::HELLO, 1, hello);
}

std::string ping_bytes(std::uint64_t request_id) {
  v1::Ping ping;
  ping.set_sent(5);
  return frame_bytes(v1::PING, request_id, ping);
}

}  // namespace baton::testing
