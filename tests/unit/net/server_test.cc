// The server against well-behaved and bad peers, over real loopback sockets: the bad-input table of
// docs/protocol.md, row by row.
#include "common/net/server.h"

#include <catch2/catch.hpp>

#include "common/net/frame.h"
#include "tests/unit/net/test_world.h"

namespace baton {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::frame_bytes;
using testing::hello_bytes;
using testing::KeptFrame;
using testing::NetWorld;
using testing::ping_bytes;
using testing::RawClient;

// Serves one request: PRODUCE is answered by PRODUCED with the same payload. QUERY makes it send
// `flood` bytes.
class EchoHandler final : public ServerHandler {
 public:
  Result<v1::HelloOk> on_hello(Peer& peer, const v1::Hello& hello) override {
    REQUIRE(peer.role() == hello.role());  // known before it is let in
    if (hello.name() == "refused") return Status(ErrorCode::kDenied, "not you");
    peer.set_data(std::make_unique<Name>(hello.name()));
    v1::HelloOk answer;
    answer.set_name("echo");
    return answer;
  }
  void on_open(Peer& peer) override { opened.push_back(peer.id()); }
  Status on_frame(Peer& peer, const Frame& frame) override {
    switch (frame.type) {
      case v1::PRODUCE: {
        v1::Produce request;
        BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, request));
        const std::string_view payload[] = {frame.payload};
        peer.send(v1::PRODUCED, frame.request_id, v1::Produced(), payload);
        return {};
      }
      case v1::QUERY: {
        const std::string bytes(flood, 'x');
        const std::string_view payload[] = {bytes};
        peer.send(v1::ANSWER, frame.request_id, v1::Answer(), payload);
        queued = peer.bytes_queued();
        behind = peer.is_behind();
        return {};
      }
      default:
        peer.refuse_type(frame);
        return {};
    }
  }
  void on_drained(Peer& peer) override {
    CHECK_FALSE(peer.is_behind());
    ++drained;
  }
  void on_closed(Peer& peer, const Status& reason) override {
    closed.push_back(peer.data<Name>()->text + ": " + reason.to_string());
  }

  struct Name : Peer::Data {
    explicit Name(std::string in) : text(std::move(in)) {}
    std::string text;
  };
  std::size_t flood = 0;
  std::size_t queued = 0;  // right behind the flood
  bool behind = false;
  int drained = 0;
  std::vector<PeerId> opened;
  std::vector<std::string> closed;
};

class ServerWorld : public NetWorld {
 public:
  explicit ServerWorld(ServerOptions options = {}, AsioTransportOptions transport_options = {})
      : NetWorld(transport_options) {
    options.listen = Address{"127.0.0.1", 0};
    auto opened = Server::open(loop, transport, logger, handler, options);
    REQUIRE(opened.ok());
    server = std::move(opened).value();
  }

  [[nodiscard]] std::uint16_t port() const { return server->address().port; }
  [[nodiscard]] const ServerCounters& counters() const { return server->counters(); }

  bool wait_frames(RawClient& client, std::size_t count) {
    return wait([&] {
      client.read();
      return client.frames().size() >= count;
    });
  }
  // Until the client saw the end, and the server's own report of it, posted before, has run.
  bool wait_closed(RawClient& client) {
    const bool closed = wait([&] {
      client.read();
      return client.closed();
    });
    bool reported = false;
    loop.post([&] { reported = true; });
    return wait([&] { return reported; }) && closed;
  }
  // Says HELLO and waits for the answer.
  std::unique_ptr<RawClient> enter(int receive_buffer_bytes = 0) {
    auto client = std::make_unique<RawClient>(port(), receive_buffer_bytes);
    client->write(hello_bytes());
    REQUIRE(wait_frames(*client, 1));
    REQUIRE(client->frames()[0].type == v1::HELLO_OK);
    return client;
  }
  // Sends `bytes` on a new connection; everything that came back until it was closed.
  std::string answer_to(const std::string& bytes) {
    RawClient client(port());
    client.write(bytes);
    REQUIRE(wait_closed(client));
    return client.bytes();
  }

  EchoHandler handler;
  std::unique_ptr<Server> server;
};

v1::Error error_of(const KeptFrame& frame) {
  v1::Error error;
  REQUIRE(frame.type == v1::ERROR);
  REQUIRE(parse_metadata(frame.metadata, error).ok());
  return error;
}

// The one ERROR frame in what a connection received after its HELLO_OK, if any.
v1::Error last_error(const RawClient& client) {
  const auto frames = client.frames();
  REQUIRE_FALSE(frames.empty());
  return error_of(frames.back());
}

v1::Error error_in(const std::string& bytes) {
  FrameDecoder decoder(1 << 20);
  v1::Error error;
  int frames = 0;
  REQUIRE(decoder
              .feed(bytes,
                    [&](const Frame& frame) {
                      error = error_of(testing::keep(frame));
                      ++frames;
                      return true;
                    })
              .ok());
  REQUIRE(frames == 1);
  return error;
}

std::string produce_bytes(std::uint64_t request_id, std::string_view payload) {
  return frame_bytes(v1::PRODUCE, request_id, v1::Produce(), payload);
}

// ---- the good -----------------------------------------------------------------------------------

TEST_CASE("HELLO is answered with version and limits, then requests are served") {
  ServerWorld world;
  const auto client = world.enter();
  v1::HelloOk answer;
  REQUIRE(parse_metadata(client->frames()[0].metadata, answer).ok());
  CHECK(answer.version() == kProtocolVersion);
  CHECK(answer.name() == "echo");
  CHECK(answer.payload_bytes_max() == kPayloadBytesDefaultMax);
  CHECK(answer.frame_bytes_max() == kPayloadBytesDefaultMax + kFrameMetadataBytesMax);

  client->write(produce_bytes(7, "hello") + ping_bytes(8));
  REQUIRE(world.wait_frames(*client, 3));
  CHECK(client->frames()[1].type == v1::PRODUCED);
  CHECK(client->frames()[1].request_id == 7);
  CHECK(client->frames()[1].payload == "hello");
  CHECK(client->frames()[2].type == v1::PONG);
  CHECK(client->frames()[2].request_id == 8);
  CHECK(client->frames()[2].metadata == ping_bytes(8).substr(kFrameHeaderBytes));
}

TEST_CASE("HELLO and requests may come in one packet") {
  ServerWorld world;
  RawClient client(world.port());
  client.write(hello_bytes() + produce_bytes(2, std::string(100'000, 'x')));
  REQUIRE(world.wait_frames(client, 2));
  CHECK(client.frames()[1].payload.size() == 100'000);
}

TEST_CASE("the handler hears of every open and close, with the peer's own data") {
  ServerWorld world;
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(v1::ROLE_MANAGER);
  hello.set_name("m1");
  {
    RawClient client(world.port());
    client.write(frame_bytes(v1::HELLO, 1, hello));
    REQUIRE(world.wait_frames(client, 1));
    REQUIRE(world.handler.opened.size() == 1);
    Peer* peer = world.server->find(world.handler.opened[0]);
    REQUIRE(peer != nullptr);
    CHECK(peer->role() == v1::ROLE_MANAGER);
    CHECK(peer->hello().name() == "m1");
    CHECK(world.counters().open == 1);
  }
  REQUIRE(world.wait([&] { return world.handler.closed.size() == 1; }));
  CHECK(world.handler.closed[0] == "m1: unavailable: the peer closed the connection");
  CHECK(world.server->find(world.handler.opened[0]) == nullptr);
  CHECK(world.counters().open == 0);
  CHECK(world.counters().closed_by_peer == 1);
}

// ---- bytes that are no frames -------------------------------------------------------------------

TEST_CASE("foreign protocols are closed at once, without a byte, and named in the log") {
  ServerWorld world;
  CHECK(world.answer_to("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").empty());
  CHECK(world.answer_to(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)).empty());
  CHECK(world.answer_to("SSH-2.0-OpenSSH_9.2\r\n").empty());
  CHECK(world.answer_to(std::string(28, '\0')).empty());

  CHECK(world.counters().closed_foreign_protocol == 4);
  CHECK(world.logger.contains("HTTP on a Baton port"));
  CHECK(world.logger.contains("TLS on a plain port"));
  CHECK(world.handler.opened.empty());
}

TEST_CASE("another frame version is told which one is spoken") {
  ServerWorld world;
  std::string bytes = hello_bytes();
  bytes[3] = 2;
  const v1::Error error = error_in(world.answer_to(bytes));
  CHECK(error.code() == v1::UNSUPPORTED_VERSION);
  CHECK(error.version_min() == 1);
  CHECK(error.version_max() == 1);
  CHECK(world.counters().closed_version == 1);
}

TEST_CASE("before HELLO a frame may have 4 KiB, whatever comes later") {
  ServerWorld world;
  const v1::Error error =
      error_in(world.answer_to(produce_bytes(1, std::string(5000, 'x')).substr(0, 40)));
  CHECK(error.code() == v1::TOO_LARGE);
  CHECK(error.limit() == kFrameBytesBeforeHello);
  CHECK(world.counters().closed_too_large == 1);
}

TEST_CASE("a frame over the stated limit is refused from its header") {
  ServerWorld world;
  const auto client = world.enter();
  client->write(produce_bytes(1, std::string(2 << 20, 'x')).substr(0, kFrameHeaderBytes));
  REQUIRE(world.wait_closed(*client));
  CHECK(last_error(*client).code() == v1::TOO_LARGE);
  CHECK(last_error(*client).limit() == kPayloadBytesDefaultMax + kFrameMetadataBytesMax);
}

TEST_CASE("a peer that goes on sending its oversize frame still reads why it was refused") {
  ServerWorld world;
  const auto client = world.enter();
  const std::string oversize = produce_bytes(1, std::string(std::size_t{4} << 20, 'x'));
  std::size_t sent = 0;
  REQUIRE(world.wait([&] {
    if (sent < oversize.size())
      sent += client->write_some(std::string_view(oversize).substr(sent, 65536));
    client->read();
    return client->closed() || (client->frames().size() == 2 && sent == oversize.size());
  }));
  CHECK(last_error(*client).code() == v1::TOO_LARGE);
}

TEST_CASE("a wrong checksum, a type 0 and unknown flags are bad frames") {
  ServerWorld world;
  std::string checksum = hello_bytes();
  checksum.back() ^= 1;
  std::string no_type = hello_bytes();
  no_type[4] = 0;
  std::string flags = hello_bytes();
  flags[7] = 1;
  for (const std::string& bytes : {checksum, no_type, flags}) {
    CHECK(error_in(world.answer_to(bytes)).code() == v1::BAD_FRAME);
  }
  CHECK(world.counters().closed_bad_frame == 3);
}

TEST_CASE("a truncated frame is a bad frame") {
  ServerWorld world;
  {
    RawClient client(world.port());
    client.write(hello_bytes().substr(0, 30));
    REQUIRE(world.wait([&] { return world.counters().accepted == 1; }));
  }
  REQUIRE(world.wait([&] { return world.counters().closed_bad_frame == 1; }));
  CHECK(world.logger.contains("inside a frame"));
}

TEST_CASE("a frame that stays unfinished is cut off, also after HELLO") {
  AsioTransportOptions transport;
  transport.frame_timeout = milliseconds(50);
  ServerWorld world({}, transport);
  const auto client = world.enter();
  client->write(produce_bytes(1, "payload").substr(0, 33));
  REQUIRE(world.wait_closed(*client));
  CHECK(last_error(*client).code() == v1::BAD_FRAME);
  CHECK(world.handler.closed.size() == 1);
}

// ---- frames that are no requests ----------------------------------------------------------------

TEST_CASE("metadata that cannot be parsed is answered, and the third time closed") {
  ServerWorld world;
  const auto client = world.enter();
  v1::Goodbye text;
  text.set_reason("\x22\x7f");
  // In Produce, field 1 is a message, and this text is none.
  const std::string bad = frame_bytes(v1::PRODUCE, 41, text);

  client->write(bad);
  REQUIRE(world.wait_frames(*client, 2));
  CHECK(error_of(client->frames()[1]).code() == v1::INVALID_ARGUMENT);
  CHECK(client->frames()[1].request_id == 41);
  client->write(produce_bytes(42, "fine"));
  REQUIRE(world.wait_frames(*client, 3));
  CHECK(client->frames()[2].type == v1::PRODUCED);

  client->write(bad + bad);
  REQUIRE(world.wait_closed(*client));
  CHECK(world.counters().unparsable_requests == 3);
  CHECK(world.counters().closed_unparsable == 1);
}

TEST_CASE("an unknown frame type is refused and the connection stays") {
  ServerWorld world;
  const auto client = world.enter();
  for (std::uint64_t i = 0; i < 5; ++i) {
    client->write(frame_bytes(static_cast<v1::FrameType>(9999), 50 + i, v1::Ping()));
  }
  client->write(ping_bytes(60));
  REQUIRE(world.wait_frames(*client, 7));
  CHECK(error_of(client->frames()[1]).code() == v1::INVALID_ARGUMENT);
  CHECK(client->frames()[1].request_id == 50);
  CHECK(client->frames()[6].type == v1::PONG);
  CHECK(world.counters().unknown_types == 5);
}

TEST_CASE("a client's metadata has a limit of its own") {
  ServerWorld world;
  const auto client = world.enter();
  v1::Goodbye large;
  large.set_reason(std::string(kFrameMetadataBytesMax, 'x'));
  client->write(frame_bytes(v1::PRODUCE, 9, large));
  REQUIRE(world.wait_frames(*client, 2));
  CHECK(error_of(client->frames()[1]).code() == v1::TOO_LARGE);
  CHECK(error_of(client->frames()[1]).limit() == kFrameMetadataBytesMax);
}

// ---- handshakes ---------------------------------------------------------------------------------

TEST_CASE("a request before HELLO is unauthenticated") {
  ServerWorld world;
  const v1::Error error = error_in(world.answer_to(ping_bytes(1)));
  CHECK(error.code() == v1::UNAUTHENTICATED);
  CHECK(world.counters().closed_before_hello == 1);
}

TEST_CASE("a second HELLO closes the connection") {
  ServerWorld world;
  const auto client = world.enter();
  client->write(hello_bytes());
  REQUIRE(world.wait_closed(*client));
  CHECK(last_error(*client).code() == v1::BAD_FRAME);
  CHECK(world.counters().closed_second_hello == 1);
}

TEST_CASE("a HELLO without a common version is told the versions") {
  ServerWorld world;
  v1::Hello hello;
  hello.set_version_min(2);
  hello.set_version_max(5);
  hello.set_role(v1::ROLE_CLIENT);
  const v1::Error error = error_in(world.answer_to(frame_bytes(v1::HELLO, 1, hello)));
  CHECK(error.code() == v1::UNSUPPORTED_VERSION);
  CHECK(error.version_min() == 1);
  CHECK(error.version_max() == 1);
}

TEST_CASE("a HELLO of a newer client that still speaks version 1 is welcome") {
  ServerWorld world;
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(9);
  hello.set_role(v1::ROLE_CLIENT);
  RawClient client(world.port());
  client.write(frame_bytes(v1::HELLO, 1, hello));
  REQUIRE(world.wait_frames(client, 1));
  CHECK(client.frames()[0].type == v1::HELLO_OK);
}

TEST_CASE("a HELLO that is none, or names no role, is refused") {
  ServerWorld world;
  CHECK(error_in(world.answer_to(frame_bytes(v1::HELLO, 1, v1::Hello()))).code() ==
        v1::INVALID_ARGUMENT);
  v1::Attach attach;
  attach.mutable_session()->set_hi(1);
  attach.set_consumer(std::string("\xff", 1));
  std::string bytes = frame_bytes(v1::HELLO, 1, attach);
  CHECK(error_in(world.answer_to(bytes)).code() == v1::INVALID_ARGUMENT);
}

TEST_CASE("the handler's refusal reaches the peer, who is never open") {
  ServerWorld world;
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(v1::ROLE_MANAGER);
  hello.set_name("refused");
  const v1::Error error = error_in(world.answer_to(frame_bytes(v1::HELLO, 1, hello)));
  CHECK(error.code() == v1::DENIED);
  CHECK(error.message() == "not you");
  CHECK(world.handler.opened.empty());
  CHECK(world.handler.closed.empty());
  CHECK(world.counters().closed_refused == 1);
}

TEST_CASE("no HELLO in time closes the connection, also when bytes trickle in") {
  ServerOptions options;
  options.hello_timeout = milliseconds(60);
  ServerWorld world(options);
  RawClient silent(world.port());
  RawClient trickling(world.port());
  const std::string hello = hello_bytes();
  std::size_t sent = 0;
  REQUIRE(world.wait([&] {
    if (sent < 20) sent += trickling.write_some(std::string_view(hello).substr(sent, 1));
    silent.read();
    trickling.read();
    return silent.closed() && trickling.closed() && world.counters().closed_hello_timeout == 2;
  }));
  CHECK(last_error(silent).code() == v1::DEADLINE_EXCEEDED);
}

TEST_CASE("of too many unfinished handshakes the oldest goes first") {
  ServerOptions options;
  options.handshakes_max = 3;
  ServerWorld world(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::uint64_t i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    REQUIRE(world.wait([&] { return world.counters().accepted == i + 1; }));
  }
  REQUIRE(world.wait_closed(*clients[0]));
  REQUIRE(world.wait_closed(*clients[1]));
  CHECK(last_error(*clients[0]).code() == v1::RETRY_LATER);
  CHECK(world.counters().handshaking == 3);
  CHECK(world.counters().closed_handshakes_full == 2);
  clients[2]->write(hello_bytes());
  CHECK(world.wait_frames(*clients[2], 1));
}

TEST_CASE("beyond the connection limit a HELLO gets retry_later with a time") {
  ServerOptions options;
  options.connections_max = 1;
  ServerWorld world(options);
  auto first = world.enter();
  const v1::Error error = error_in(world.answer_to(hello_bytes()));
  CHECK(error.code() == v1::RETRY_LATER);
  CHECK(error.retry_after_ms() == 1000);
  CHECK(world.counters().closed_connections_full == 1);

  first.reset();
  REQUIRE(world.wait([&] { return world.counters().open == 0; }));
  CHECK(world.enter() != nullptr);
}

// ---- peers that do not read ---------------------------------------------------------------------

TEST_CASE("who does not read gets no more requests served, and goes on after reading") {
  ServerWorld world;
  world.handler.flood = std::size_t{3} << 20;  // above the soft limit, below the hard one
  const auto client = world.enter(4096);
  client->write(frame_bytes(v1::QUERY, 1, v1::Query()));
  REQUIRE(world.wait([&] { return world.counters().frames_out == 2; }));
  client->write(produce_bytes(2, "later"));
  world.run_for(milliseconds(50));
  CHECK(world.counters().frames_in == 2);  // HELLO and QUERY

  REQUIRE(world.wait([&] {
    client->read();
    return world.counters().frames_out == 3;
  }));
  CHECK(world.handler.drained == 1);
  REQUIRE(world.wait_frames(*client, 3));
  CHECK(client->frames()[2].payload == "later");
}

TEST_CASE("a burst that the kernel takes at once ends the pause at once") {
  ServerOptions options;
  options.queue_bytes_soft = 1000;
  options.stalled_after = std::chrono::minutes(10);  // its sweep, which also looks, comes too late
  ServerWorld world(options);
  world.handler.flood = 5000;
  const auto client = world.enter();
  client->write(frame_bytes(v1::QUERY, 1, v1::Query()));
  REQUIRE(world.wait([&] { return world.handler.drained == 1; }));
  client->write(produce_bytes(2, "later"));
  CHECK(world.wait_frames(*client, 3));
}

TEST_CASE(
    "a peer is behind above the soft limit, not at it, and whoever is behind gets on_drained") {
  const std::size_t over = GENERATE(std::size_t{0}, std::size_t{1});
  ServerOptions options;
  options.queue_bytes_soft = 5000;
  ServerWorld world(options);
  world.handler.flood = 5000 - kFrameHeaderBytes + over;
  const auto client = world.enter();
  client->write(frame_bytes(v1::QUERY, 1, v1::Query()));
  REQUIRE(world.wait_frames(*client, 2));
  CHECK(world.handler.queued == 5000 + over);
  CHECK(world.handler.behind == (over == 1));
  world.run_for(milliseconds(20));
  CHECK(world.handler.drained == (over == 1 ? 1 : 0));
}

TEST_CASE("beyond the hard limit, a peer that does not read is cut off") {
  ServerWorld world;
  world.handler.flood = std::size_t{1} << 20;
  const auto client = world.enter(4096);
  Peer* peer = world.server->find(world.handler.opened[0]);
  REQUIRE(peer != nullptr);
  const std::string bytes(std::size_t{1} << 20, 'x');
  const std::string_view payload[] = {bytes};
  for (int i = 0; i < 12; ++i) peer->send(v1::TASKS, 0, v1::Tasks(), payload);

  REQUIRE(world.wait([&] { return world.handler.closed.size() == 1; }));
  CHECK(world.counters().closed_slow_reader == 1);
}

TEST_CASE("a peer that makes no progress is cut off, one that is only slow is not") {
  ServerOptions options;
  options.stalled_after = milliseconds(300);
  ServerWorld world(options);
  world.handler.flood = std::size_t{6} << 20;
  const auto stuck = world.enter(4096);
  const auto slow = world.enter(4096);
  stuck->write(frame_bytes(v1::QUERY, 1, v1::Query()));
  slow->write(frame_bytes(v1::QUERY, 1, v1::Query()));

  REQUIRE(world.wait([&] {
    slow->read();
    return world.counters().closed_slow_reader == 1;
  }));
  CHECK(world.counters().open == 1);
  REQUIRE(world.wait_frames(*slow, 2));
  CHECK(slow->frames()[1].payload.size() == world.handler.flood);
}

TEST_CASE("a flood of requests is served in bounded memory") {
  ServerWorld world;
  const auto client = world.enter();
  const std::string request = produce_bytes(1, std::string(60'000, 'x'));
  std::string burst;
  for (int i = 0; i < 20; ++i) burst += request;
  std::size_t queued_max = 0;
  std::size_t sent = 0;
  const std::size_t total = burst.size() * 20;  // 24 MB in, 24 MB out
  REQUIRE(world.wait([&] {
    if (sent < total)
      sent += client->write_some(std::string_view(burst).substr(sent % burst.size(), 1 << 18));
    if (Peer* peer = world.server->find(world.handler.opened[0])) {
      queued_max = std::max(queued_max, peer->bytes_queued());
    }
    if (queued_max > 0 || sent > (2 << 20)) client->read();
    return client->bytes().size() >= total;
  }));
  CHECK(queued_max <= (std::size_t{2} << 20));
  CHECK(world.counters().closed_slow_reader == 0);
}

// ---- the end ------------------------------------------------------------------------------------

TEST_CASE("drain says GOODBYE, sends what is queued, closes and accepts nobody more") {
  ServerWorld world;
  const auto client = world.enter();
  RawClient waiting(world.port());
  REQUIRE(world.wait([&] { return world.counters().accepted == 2; }));
  const Address address = world.server->address();
  client->write(produce_bytes(3, "last"));
  REQUIRE(world.wait_frames(*client, 2));

  bool drained = false;
  world.server->drain([&] { drained = true; });
  CHECK_FALSE(drained);
  REQUIRE(world.wait([&] { return drained; }));

  REQUIRE(world.wait_closed(*client));
  REQUIRE(client->frames().size() == 3);
  CHECK(client->frames()[2].type == v1::GOODBYE);
  CHECK(world.wait_closed(waiting));
  CHECK(world.handler.closed.size() == 1);
  Status status;
  world.transport.connect(address, seconds(5),
                          [&](Result<ConnectionPtr> result) { status = result.status(); });
  CHECK(world.wait([&] { return status.code() == ErrorCode::kUnavailable; }));
}

TEST_CASE("after GOODBYE a peer is still served until the drain") {
  ServerWorld world;
  const auto client = world.enter();
  world.server->say_goodbye("moving");
  REQUIRE(world.wait_frames(*client, 2));
  v1::Goodbye goodbye;
  REQUIRE(parse_metadata(client->frames()[1].metadata, goodbye).ok());
  CHECK(goodbye.reason() == "moving");

  client->write(produce_bytes(4, "still"));
  REQUIRE(world.wait_frames(*client, 3));
  CHECK(client->frames()[2].payload == "still");
  bool drained = false;
  world.server->drain([&] { drained = true; });
  CHECK(world.wait([&] { return drained; }));
}

TEST_CASE("drain does not wait for ever for who does not read") {
  ServerOptions options;
  options.drain_flush = milliseconds(100);
  ServerWorld world(options);
  world.handler.flood = std::size_t{6} << 20;
  const auto client = world.enter(4096);
  client->write(frame_bytes(v1::QUERY, 1, v1::Query()));
  REQUIRE(world.wait([&] { return world.counters().frames_out == 2; }));
  bool drained = false;
  world.server->drain([&] { drained = true; });
  CHECK(world.loop.run_until([&] { return drained; }, milliseconds(900)));
}

TEST_CASE("drain of a server without peers ends as well") {
  ServerWorld world;
  bool drained = false;
  world.server->drain([&] { drained = true; });
  CHECK_FALSE(drained);
  CHECK(world.wait([&] { return drained; }));
}

TEST_CASE("a handler's close is told to the peer and reported once") {
  ServerWorld world;
  const auto client = world.enter();
  world.server->find(world.handler.opened[0])->close(Status(ErrorCode::kConflict, "replaced"));
  CHECK(world.server->find(world.handler.opened[0]) == nullptr);
  REQUIRE(world.wait_closed(*client));
  CHECK(last_error(*client).code() == v1::CONFLICT);
  REQUIRE(world.handler.closed.size() == 1);
  CHECK(world.counters().closed_by_handler == 1);
}

}  // namespace
}  // namespace baton
