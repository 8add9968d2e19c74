#include "tests/unit/net/fake_transport.h"

#include <catch2/catch.hpp>

namespace baton::testing {

void FakeConnection::send(v1::FrameType type, std::uint64_t request_id,
                          const google::protobuf::MessageLite& metadata,
                          std::span<const std::string_view> payload) {
  if (closed) return;
  KeptFrame frame{type, request_id, metadata.SerializeAsString(), {}};
  for (const std::string_view piece : payload) frame.payload += piece;
  sent.push_back(std::move(frame));
}

void FakeConnection::close(Status reason) { break_off(reason); }

void FakeConnection::break_off(const Status& reason) {
  if (closed) return;
  closed = true;
  loop_.post([events = events_, reason] { events.on_closed(reason); });
}

void FakeConnection::deliver(v1::FrameType type, std::uint64_t request_id,
                             const google::protobuf::MessageLite& metadata) {
  REQUIRE_FALSE(closed);
  const std::string bytes = metadata.SerializeAsString();
  Frame frame;
  frame.type = type;
  frame.request_id = request_id;
  frame.metadata = bytes;
  events_.on_frame(frame);
}

std::size_t FakeConnection::count_sent(v1::FrameType type) const {
  std::size_t count = 0;
  for (const KeptFrame& frame : sent) count += frame.type == type ? 1 : 0;
  return count;
}

void FakeTransport::connect(const Address& address, Duration,
                            std::function<void(Result<ConnectionPtr>)> done) {
  connects.push_back(address);
  connect_times.push_back(loop_.now());
  if (!reachable(address)) {
    loop_.post([done] { done(Status(ErrorCode::kUnavailable, "refused")); });
    return;
  }
  auto connection = std::make_shared<FakeConnection>(loop_);
  connections.push_back(connection);
  loop_.post([done, connection] { done(ConnectionPtr(connection)); });
}

std::shared_ptr<FakeConnection> FakeTransport::last() {
  REQUIRE_FALSE(connections.empty());
  auto connection = connections.back().lock();
  REQUIRE(connection != nullptr);
  return connection;
}

}  // namespace baton::testing
