#include "common/net/channel.h"

#include <catch2/catch.hpp>

#include "common/net/server.h"
#include "tests/support/manual_loop.h"
#include "tests/unit/net/fake_transport.h"

namespace baton {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeConnection;
using testing::FakeTransport;
using testing::ManualLoop;

const Address kA{"a", 1};
const Address kB{"b", 2};
const Address kC{"c", 3};

// A channel to daemons that the test plays, in time that the test moves.
class ChannelWorld {
 public:
  explicit ChannelWorld(std::vector<Address> addresses = {kA, kB, kC}, std::uint64_t seed = 7) {
    ChannelOptions options;
    options.addresses = std::move(addresses);
    options.what = "daemon";
    ChannelEvents events;
    events.fill_hello = [](v1::Hello& hello) { hello.set_name("tester"); };
    events.on_open = [this](const v1::HelloOk& answer) {
      log += "open(" + answer.name() + ") ";
      return accept_daemon;
    };
    events.on_frame = [this](const Frame& frame) {
      log += "frame(" + std::to_string(frame.request_id) + ") ";
    };
    events.on_goodbye = [this] { log += "goodbye "; };
    events.on_closed = [this](const Status& reason) { log += "closed(" + reason.message() + ") "; };
    events.on_failed = [this](const Status& reason) { log += "failed(" + reason.message() + ") "; };
    channel = Channel::create(loop, transport, logger, seed, options, std::move(events));
  }

  // The daemon at the other end of the latest connection answers HELLO.
  void answer_hello(const std::string& name = "d") {
    v1::HelloOk answer;
    answer.set_version(kProtocolVersion);
    answer.set_name(name);
    answer.set_frame_bytes_max(std::size_t{2} << 20);
    const auto connection = transport.last();
    REQUIRE(connection->sent.front().type == v1::HELLO);
    connection->deliver(v1::HELLO_OK, connection->sent.front().request_id, answer);
  }
  void open() {
    channel->start();
    loop.run_posted();
    answer_hello();
    log.clear();
  }
  std::string take_log() { return std::exchange(log, {}); }

  ManualLoop loop;
  FakeTransport transport{loop};
  testing::CollectingLogger logger;
  Status accept_daemon;
  std::string log;
  std::unique_ptr<Channel> channel;
};

v1::Error error(v1::ErrorCode code, const std::string& message) {
  v1::Error message_out;
  message_out.set_code(code);
  message_out.set_message(message);
  return message_out;
}

v1::Goodbye goodbye(const std::string& reason) {
  v1::Goodbye message;
  message.set_reason(reason);
  return message;
}

TEST_CASE("a channel says HELLO and is open when the daemon accepts it") {
  ChannelWorld world;
  world.channel->start();
  world.loop.run_posted();
  const auto connection = world.transport.last();
  v1::Hello hello;
  REQUIRE(connection->sent.size() == 1);
  REQUIRE(parse_metadata(connection->sent[0].metadata, hello).ok());
  CHECK(hello.name() == "tester");
  CHECK(hello.version_min() == kProtocolVersion);
  CHECK(hello.role() == v1::ROLE_CLIENT);
  CHECK_FALSE(world.channel->is_open());
  world.channel->send(v1::PRODUCE, 5, v1::Produce());
  CHECK(connection->sent.size() == 1);  // not before it is open

  world.answer_hello("d1");
  CHECK(world.take_log() == "open(d1) ");
  CHECK(world.channel->is_open());
  CHECK(world.channel->address() == kA);
  CHECK(world.channel->frame_bytes_max() == std::size_t{2} << 20);
  CHECK(connection->frame_bytes_max == std::size_t{2} << 20);
  world.channel->send(v1::PRODUCE, 5, v1::Produce());
  CHECK(connection->sent.back().type == v1::PRODUCE);
}

TEST_CASE("request ids are never repeated, also across connections") {
  ChannelWorld world;
  world.open();
  const std::uint64_t first = world.channel->next_request_id();
  world.transport.last()->break_off(Status(ErrorCode::kUnavailable, "reset"));
  world.loop.advance(milliseconds(100));
  CHECK(world.channel->next_request_id() > first);
}

TEST_CASE("the addresses are tried in turn until one answers, the second within 100 ms") {
  ChannelWorld world;
  world.transport.reachable = [](const Address& address) { return address == kC; };
  const MonoTime begin = world.loop.now();
  world.channel->start();
  world.loop.advance(milliseconds(250));
  CHECK(world.transport.connects == std::vector<Address>{kA, kB, kC});
  CHECK(world.transport.connect_times[1] - begin <= milliseconds(100));
  CHECK(world.take_log() == "failed(refused) failed(refused) ");
  world.answer_hello("c");
  CHECK(world.take_log() == "open(c) ");
}

TEST_CASE("retries double and then spread out, and never stop") {
  ChannelWorld world({kA});
  world.transport.reachable = [](const Address&) { return false; };
  world.channel->start();
  world.loop.advance(seconds(120));
  const auto& times = world.transport.connect_times;
  REQUIRE(times.size() > 10);
  CHECK(times[1] - times[0] <= milliseconds(100));
  CHECK(times[2] - times[1] == milliseconds(100));
  CHECK(times[3] - times[2] == milliseconds(200));
  CHECK(times[4] - times[3] == milliseconds(400));
  CHECK(times[5] - times[4] == milliseconds(800));
  for (std::size_t i = 6; i < times.size(); ++i) CHECK(times[i] - times[i - 1] <= seconds(10));
}

TEST_CASE("a lost connection is reported once and followed by an attempt at the next address") {
  ChannelWorld world;
  world.open();
  world.transport.last()->break_off(Status(ErrorCode::kUnavailable, "reset"));
  world.loop.run_posted();
  CHECK(world.take_log() == "closed(reset) ");
  CHECK_FALSE(world.channel->is_open());
  CHECK(world.channel->last_error().message() == "reset");
  world.loop.advance(milliseconds(100));
  CHECK(world.transport.connects == std::vector<Address>{kA, kB});
  world.answer_hello("b");
  CHECK(world.take_log() == "open(b) ");
}

TEST_CASE("a connection that lasted starts the back-off anew, one that broke at once does not") {
  ChannelWorld world({kA});
  world.open();
  for (int i = 0; i < 4; ++i) {
    world.transport.last()->break_off(Status(ErrorCode::kUnavailable, "flapping"));
    world.loop.run_posted();
    while (world.transport.connections.back().expired() || world.transport.last()->closed) {
      world.loop.advance(milliseconds(10));
    }
    world.answer_hello();
  }
  const auto& times = world.transport.connect_times;
  CHECK(times[4] - times[3] >= milliseconds(400));

  world.loop.advance(seconds(2));
  const MonoTime lost = world.loop.now();
  world.transport.last()->break_off(Status(ErrorCode::kUnavailable, "once"));
  world.loop.advance(milliseconds(100));
  CHECK(times.back() - lost <= milliseconds(100));
}

TEST_CASE("a daemon that refuses HELLO is left for the next one, with its reason") {
  ChannelWorld world;
  world.channel->start();
  world.loop.run_posted();
  world.transport.last()->deliver(v1::ERROR, 0, error(v1::DENIED, "not you"));
  world.loop.advance(milliseconds(100));
  CHECK(world.take_log() == "failed(not you) ");
  CHECK(world.channel->last_error().code() == ErrorCode::kDenied);
  CHECK(world.transport.connects == std::vector<Address>{kA, kB});
}

TEST_CASE("a daemon that is full says how long to stay away") {
  ChannelWorld world({kA});
  world.channel->start();
  world.loop.run_posted();
  v1::Error full = error(v1::RETRY_LATER, "full");
  full.set_retry_after_ms(1000);
  world.transport.last()->deliver(v1::ERROR, 0, full);
  world.loop.advance(milliseconds(999));
  CHECK(world.transport.connects.size() == 1);
  world.loop.advance(milliseconds(1));
  CHECK(world.transport.connects.size() == 2);
}

TEST_CASE("a daemon that the owner does not accept was never open") {
  ChannelWorld world;
  world.accept_daemon = Status(ErrorCode::kConflict, "another cluster");
  world.channel->start();
  world.loop.run_posted();
  world.answer_hello("x");
  world.loop.run_posted();
  CHECK(world.take_log() == "open(x) failed(another cluster) ");
  CHECK_FALSE(world.channel->is_open());
}

TEST_CASE("silence instead of HELLO_OK ends the attempt after 5 s") {
  ChannelWorld world;
  world.channel->start();
  world.loop.advance(milliseconds(4999));
  CHECK(world.transport.connects.size() == 1);
  world.loop.advance(milliseconds(101));
  CHECK(world.transport.connects.size() == 2);
  CHECK(world.take_log() == "failed(no answer to HELLO from a:1) ");
}

TEST_CASE("another frame than HELLO_OK, another version or garbage is no handshake") {
  for (int wrong = 0; wrong < 3; ++wrong) {
    ChannelWorld world;
    world.channel->start();
    world.loop.run_posted();
    v1::HelloOk answer;
    answer.set_version(wrong == 1 ? 9 : kProtocolVersion);
    if (wrong == 0) world.transport.last()->deliver(v1::PRODUCED, 1, v1::Produced());
    if (wrong == 1) world.transport.last()->deliver(v1::HELLO_OK, 1, answer);
    if (wrong == 2) world.transport.last()->deliver(v1::HELLO_OK, 1, goodbye("not a number"));
    world.loop.run_posted();
    CHECK_FALSE(world.channel->is_open());
    CHECK(world.take_log().starts_with("failed("));
  }
}

// ---- signs of life ------------------------------------------------------------------------------

TEST_CASE("nothing outstanding, nothing sent, and silence is no death") {
  ChannelWorld world;
  world.open();
  world.loop.advance(seconds(60));
  CHECK(world.transport.last()->count_sent(v1::PING) == 0);
  CHECK(world.channel->is_open());
}

TEST_CASE("while something is outstanding it pings every 200 ms, and 600 ms of silence are death") {
  ChannelWorld world;
  world.open();
  const auto connection = world.transport.last();
  world.channel->set_outstanding(true);
  world.loop.advance(milliseconds(599));
  CHECK(connection->count_sent(v1::PING) == 2);
  CHECK(world.channel->is_open());
  world.loop.advance(milliseconds(1));
  CHECK(world.take_log() == "closed(no sign of life from a:1) ");
  world.loop.advance(milliseconds(100));
  CHECK(world.transport.connects.back() == kB);
}

TEST_CASE("any frame is a sign of life") {
  ChannelWorld world;
  world.open();
  world.channel->set_outstanding(true);
  for (int i = 0; i < 20; ++i) {
    world.loop.advance(milliseconds(400));
    world.transport.last()->deliver(v1::PONG, 1, v1::Ping());
  }
  CHECK(world.channel->is_open());
  CHECK(world.take_log().empty());
}

TEST_CASE("bytes of a large frame on their way are a sign of life, in either direction") {
  ChannelWorld world;
  world.open();
  world.channel->set_outstanding(true);
  const auto connection = world.transport.last();
  for (int i = 0; i < 10; ++i) {
    connection->received += 1000;
    world.loop.advance(milliseconds(200));
  }
  CHECK(world.channel->is_open());
  connection->queued = 1'000'000;
  for (int i = 0; i < 10; ++i) {
    connection->queued -= 1000;
    world.loop.advance(milliseconds(200));
  }
  CHECK(world.channel->is_open());
  world.loop.advance(milliseconds(600));
  CHECK_FALSE(world.channel->is_open());
}

TEST_CASE("the silence before something became outstanding does not count") {
  ChannelWorld world;
  world.open();
  world.loop.advance(seconds(10));
  world.channel->set_outstanding(true);
  world.loop.advance(milliseconds(599));
  CHECK(world.channel->is_open());
  world.channel->set_outstanding(false);
  world.loop.advance(seconds(10));
  CHECK(world.channel->is_open());
}

TEST_CASE("the daemon's pings are answered") {
  ChannelWorld world;
  world.open();
  v1::Ping ping;
  ping.set_sent(9);
  world.transport.last()->deliver(v1::PING, 3, ping);
  CHECK(world.transport.last()->sent.back().type == v1::PONG);
  CHECK(world.transport.last()->sent.back().metadata == ping.SerializeAsString());
}

// ---- going elsewhere ----------------------------------------------------------------------------

TEST_CASE("GOODBYE with nothing outstanding moves to another address at once") {
  ChannelWorld world;
  world.open();
  world.transport.last()->deliver(v1::GOODBYE, 0, goodbye("stopping"));
  CHECK(world.take_log() == "goodbye ");
  world.loop.advance(milliseconds(100));
  CHECK(world.take_log() == "closed(stopping) ");
  CHECK(world.transport.connects == std::vector<Address>{kA, kB});
}

TEST_CASE("GOODBYE with answers outstanding waits for them") {
  ChannelWorld world;
  world.open();
  world.channel->set_outstanding(true);
  world.transport.last()->deliver(v1::GOODBYE, 0, goodbye("stopping"));
  world.loop.advance(milliseconds(300));
  CHECK(world.channel->is_open());
  world.transport.last()->deliver(v1::PRODUCED, 77, v1::Produced());
  world.channel->set_outstanding(false);
  CHECK(world.take_log() == "goodbye frame(77) ");  // on_closed never inside the call
  world.loop.advance(milliseconds(100));
  CHECK(world.take_log() == "closed(stopping) ");
  CHECK(world.transport.connects.back() == kB);
}

TEST_CASE("GOODBYE with answers that never come does not wait for ever") {
  ChannelWorld world;
  world.open();
  world.channel->set_outstanding(true);
  world.transport.last()->deliver(v1::GOODBYE, 0, goodbye("stopping"));
  for (int i = 0; i < 10; ++i) {
    if (!world.channel->is_open()) break;
    world.transport.last()->deliver(v1::PONG, 1, v1::Ping());
    world.loop.advance(milliseconds(200));
  }
  CHECK(world.take_log() == "goodbye closed(stopping) ");
}

TEST_CASE(
    "an ERROR about the connection becomes the reason of its end, one about a request is passed "
    "on") {
  ChannelWorld world;
  world.open();
  world.transport.last()->deliver(v1::ERROR, 12, error(v1::INVALID_ARGUMENT, "that request"));
  CHECK(world.take_log() == "frame(12) ");
  world.transport.last()->deliver(v1::ERROR, 0, error(v1::BAD_FRAME, "bad checksum"));
  world.transport.last()->break_off(
      Status(ErrorCode::kUnavailable, "the peer closed the connection"));
  world.loop.run_posted();
  CHECK(world.take_log() == "closed(bad checksum) ");
}

TEST_CASE("reconnect leaves the daemon, and reports it after the call") {
  ChannelWorld world;
  world.open();
  const std::weak_ptr<FakeConnection> first = world.transport.last();
  world.channel->reconnect(Status(ErrorCode::kUnavailable, "had enough"));
  CHECK(world.log.empty());
  CHECK_FALSE(world.channel->is_open());
  world.loop.advance(milliseconds(100));
  CHECK(world.take_log() == "closed(had enough) ");
  CHECK(first.expired());
  CHECK(world.transport.connects.back() == kB);
}

TEST_CASE("new addresses are used from the next attempt on") {
  ChannelWorld world;
  world.open();
  world.channel->set_addresses({kC});
  CHECK(world.channel->is_open());
  world.transport.last()->break_off(Status(ErrorCode::kUnavailable, "reset"));
  world.loop.advance(milliseconds(100));
  CHECK(world.transport.connects.back() == kC);
}

TEST_CASE("stop closes for good") {
  ChannelWorld world;
  world.open();
  world.channel->stop(Status(ErrorCode::kUnavailable, "done"));
  CHECK(world.log.empty());
  world.loop.advance(seconds(60));
  CHECK(world.take_log() == "closed(done) ");
  CHECK(world.transport.connects.size() == 1);
  world.channel->stop(Status(ErrorCode::kUnavailable, "again"));
  world.channel->reconnect(Status(ErrorCode::kUnavailable, "again"));
  world.loop.advance(seconds(60));
  CHECK(world.log.empty());
}

TEST_CASE("stop while connecting ends quietly") {
  ChannelWorld world;
  world.channel->start();
  world.channel->stop(Status(ErrorCode::kUnavailable, "done"));
  world.loop.advance(seconds(60));
  CHECK(world.log.empty());
  CHECK(world.transport.connects.size() == 1);
}

TEST_CASE("a destroyed channel leaves nothing that runs") {
  ChannelWorld world;
  world.open();
  world.channel->set_outstanding(true);
  world.channel->reconnect(Status(ErrorCode::kUnavailable, "x"));
  world.channel.reset();
  world.loop.advance(seconds(60));
  CHECK(world.log.empty());
  CHECK(world.transport.connects.size() == 1);
}

// ---- over real sockets --------------------------------------------------------------------------

class SilentHandler final : public ServerHandler {
 public:
  Result<v1::HelloOk> on_hello(Peer&, const v1::Hello&) override { return v1::HelloOk(); }
  Status on_frame(Peer& peer, const Frame& frame) override {
    peer.send(v1::PRODUCED, frame.request_id, v1::Produced());
    return {};
  }
  void on_closed(Peer&, const Status&) override {}
};

TEST_CASE(
    "channel and server find each other, and a drained server's clients move to the other one") {
  testing::NetWorld world;
  SilentHandler handler;
  ServerOptions options;
  options.listen = Address{"127.0.0.1", 0};
  auto first = Server::open(world.loop, world.transport, world.logger, handler, options);
  auto second = Server::open(world.loop, world.transport, world.logger, handler, options);
  REQUIRE(first.ok());
  REQUIRE(second.ok());

  ChannelOptions channel_options;
  channel_options.addresses = {first.value()->address(), second.value()->address()};
  int opened = 0;
  int answered = 0;
  ChannelEvents events;
  events.on_open = [&](const v1::HelloOk&) {
    ++opened;
    return Status();
  };
  events.on_frame = [&](const Frame&) { ++answered; };
  const auto channel =
      Channel::create(world.loop, world.transport, world.logger, 1, channel_options, events);
  channel->start();
  REQUIRE(world.wait([&] { return opened == 1; }));
  channel->send(v1::PRODUCE, channel->next_request_id(), v1::Produce());
  REQUIRE(world.wait([&] { return answered == 1; }));

  bool drained = false;
  first.value()->drain([&] { drained = true; });
  REQUIRE(world.wait([&] { return drained && opened == 2; }));
  CHECK(channel->address() == second.value()->address());
  channel->send(v1::PRODUCE, channel->next_request_id(), v1::Produce());
  CHECK(world.wait([&] { return answered == 2; }));
}

}  // namespace
}  // namespace baton
