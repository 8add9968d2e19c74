#include "common/net/asio_transport.h"

#include <cerrno>

#include <boost/system/error_code.hpp>
#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "tests/unit/net/test_world.h"

namespace baton {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::KeptFrame;
using testing::NetWorld;
using testing::RawClient;

const Address kAnyPort{"127.0.0.1", 0};

// One end of a connection, and what it heard.
struct End {
  ConnectionPtr connection;
  std::vector<KeptFrame> frames;
  Status reason;
  int closes = 0;
  int writable = 0;

  void start(ConnectionPtr in) {
    connection = std::move(in);
    connection->start({[this](const Frame& frame) { frames.push_back(testing::keep(frame)); },
                       [this](const Status& why) {
                         ++closes;
                         reason = why;
                       },
                       [this] { ++writable; }});
  }
};

// A listener and the last end that it accepted.
struct Accepting {
  End end;
  std::unique_ptr<Listener> listener;

  explicit Accepting(NetWorld& world, const Address& address = kAnyPort) {
    auto result = world.transport.listen(
        address, [this](ConnectionPtr connection) { end.start(std::move(connection)); });
    REQUIRE(result.ok());
    listener = std::move(result).value();
  }
};

void connect(NetWorld& world, const Address& address, End& end) {
  world.transport.connect(address, seconds(5), [&](Result<ConnectionPtr> result) {
    REQUIRE(result.ok());
    end.start(std::move(result).value());
  });
  REQUIRE(world.wait([&] { return end.connection != nullptr; }));
}

v1::Ping ping(std::int64_t sent) {
  v1::Ping message;
  message.set_sent(sent);
  return message;
}

TEST_CASE("frames travel in order, in both directions, with their payload") {
  NetWorld world;
  Accepting server(world);
  End client;
  connect(world, server.listener->address(), client);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));

  const std::string_view payload[] = {"one", "two"};
  client.connection->send(v1::PRODUCE, 1, ping(1), payload);
  client.connection->send(v1::PING, 2, ping(2), {});
  server.end.connection->send(v1::PONG, 3, ping(3), {});

  REQUIRE(world.wait([&] { return server.end.frames.size() == 2 && client.frames.size() == 1; }));
  CHECK(server.end.frames[0].payload == "onetwo");
  CHECK(server.end.frames[1].request_id == 2);
  CHECK(client.frames[0].type == v1::PONG);
}

TEST_CASE("a large frame arrives whole, and the bytes received tell of it on the way") {
  NetWorld world;
  Accepting server(world);
  End client;
  connect(world, server.listener->address(), client);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));
  server.end.connection->set_frame_bytes_max(kFrameBytesHardMax);
  std::string big(std::size_t{16} << 20, 'x');
  big.back() = 'y';

  const std::string_view payload[] = {big};
  client.connection->send(v1::PRODUCE, 1, ping(1), payload);

  REQUIRE(world.wait([&] { return server.end.frames.size() == 1; }));
  CHECK(server.end.frames[0].payload == big);
  CHECK(server.end.connection->bytes_received() > big.size());
  CHECK(client.connection->bytes_queued() == 0);
  CHECK(client.writable > 0);
}

TEST_CASE("what is queued before close still arrives, and both ends hear the close once") {
  NetWorld world;
  Accepting server(world);
  End client;
  connect(world, server.listener->address(), client);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));

  server.end.connection->send(v1::GOODBYE, 0, v1::Goodbye(), {});
  server.end.connection->close(Status(ErrorCode::kUnavailable, "stopping"));
  CHECK(server.end.closes == 0);  // never inside the call
  server.end.connection->send(v1::GOODBYE, 0, v1::Goodbye(), {});

  REQUIRE(world.wait([&] { return client.closes == 1 && server.end.closes == 1; }));
  CHECK(client.frames.size() == 1);
  CHECK(server.end.reason.message() == "stopping");
  CHECK(client.reason.code() == ErrorCode::kUnavailable);
  world.run_for(milliseconds(50));
  CHECK(client.closes == 1);
  CHECK(server.end.closes == 1);
}

TEST_CASE("dropping a connection closes it without a callback") {
  NetWorld world;
  Accepting server(world);
  End client;
  connect(world, server.listener->address(), client);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));

  client.connection.reset();

  REQUIRE(world.wait([&] { return server.end.closes == 1; }));
  CHECK(client.closes == 0);
}

TEST_CASE("a connection may be dropped inside its own callback") {
  NetWorld world;
  ConnectionPtr dropped;
  bool called = false;
  auto listener = world.transport.listen(kAnyPort, [&](ConnectionPtr connection) {
    dropped = std::move(connection);
    dropped->start({[&](const Frame&) {
                      dropped.reset();
                      called = true;
                    },
                    [](const Status&) { FAIL("closed callback of a dropped connection"); }});
  });
  REQUIRE(listener.ok());
  RawClient client(listener.value()->address().port);
  client.write(testing::ping_bytes(1) + testing::ping_bytes(2));

  REQUIRE(world.wait([&] {
    client.read();
    return client.closed();
  }));
  CHECK(called);
}

TEST_CASE("a paused connection delivers nothing more until it is resumed") {
  NetWorld world;
  Accepting server(world);
  End client;
  connect(world, server.listener->address(), client);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));
  server.end.connection->pause_reading();

  client.connection->send(v1::PING, 1, ping(1), {});
  world.run_for(milliseconds(50));
  CHECK(server.end.frames.empty());

  server.end.connection->resume_reading();
  CHECK(world.wait([&] { return server.end.frames.size() == 1; }));
}

TEST_CASE("what a peer does not read stays queued and is counted") {
  NetWorld world;
  Accepting server(world);
  RawClient client(server.listener->address().port, 4096);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));
  const std::string big(std::size_t{1} << 20, 'x');
  const std::string_view payload[] = {big};

  for (int i = 0; i < 20; ++i) server.end.connection->send(v1::TASKS, 0, ping(1), payload);
  world.run_for(milliseconds(100));
  const std::size_t queued = server.end.connection->bytes_queued();
  CHECK(queued > std::size_t{10} << 20);

  REQUIRE(world.wait([&] {
    client.read();
    return server.end.connection->bytes_queued() == 0;
  }));
  CHECK(server.end.writable > 0);
}

TEST_CASE("a frame that stays unfinished closes the connection") {
  AsioTransportOptions options;
  options.frame_timeout = milliseconds(50);
  NetWorld world(options);
  Accepting server(world);
  RawClient client(server.listener->address().port);
  client.write(testing::ping_bytes(1).substr(0, 30));

  REQUIRE(world.wait([&] { return server.end.closes == 1; }));
  CHECK(server.end.reason.code() == ErrorCode::kBadFrame);
}

TEST_CASE("a slow frame that does get finished in time closes nothing") {
  AsioTransportOptions options;
  options.frame_timeout = seconds(5);
  NetWorld world(options);
  Accepting server(world);
  RawClient client(server.listener->address().port);
  for (const char byte : testing::ping_bytes(1)) {
    client.write(std::string_view(&byte, 1));
    world.run_for(milliseconds(1));
  }
  CHECK(world.wait([&] { return server.end.frames.size() == 1; }));
  CHECK(server.end.closes == 0);
}

TEST_CASE("a large frame has more time, the more of it has come") {
  AsioTransportOptions options;
  options.frame_timeout = milliseconds(50);
  options.frame_bytes_per_second = 10'000;
  NetWorld world(options);
  Accepting server(world);
  RawClient client(server.listener->address().port);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));
  server.end.connection->set_frame_bytes_max(1 << 20);
  const std::string frame =
      testing::frame_bytes(v1::PRODUCE, 1, v1::Ping(), std::string(100'000, 'x'));
  for (std::size_t at = 0; at < frame.size(); at += 20'000) {
    client.write(frame.substr(at, 20'000));  // worth two seconds
    world.run_for(milliseconds(30));
  }
  CHECK(world.wait([&] { return server.end.frames.size() == 1; }));
  CHECK(server.end.closes == 0);
}

TEST_CASE("a frame that trickles in does not gain time by that") {
  AsioTransportOptions options;
  options.frame_timeout = milliseconds(100);
  NetWorld world(options);
  Accepting server(world);
  RawClient client(server.listener->address().port);
  REQUIRE(world.wait([&] { return server.end.connection != nullptr; }));
  server.end.connection->set_frame_bytes_max(1 << 20);
  const std::string frame =
      testing::frame_bytes(v1::PRODUCE, 1, v1::Ping(), std::string(100'000, 'x'));
  std::size_t sent = 0;
  REQUIRE(world.wait([&] {
    if (sent < 10'000) sent += client.write_some(std::string_view(frame).substr(sent, 1));
    return server.end.closes == 1;
  }));
  CHECK(server.end.reason.code() == ErrorCode::kBadFrame);
}

TEST_CASE("a connection that ends inside a frame says so") {
  NetWorld world;
  Accepting server(world);
  {
    RawClient client(server.listener->address().port);
    client.write(testing::ping_bytes(1).substr(0, 20));
    REQUIRE(world.wait([&] {
      return server.end.connection != nullptr && server.end.connection->bytes_received() > 0;
    }));
  }
  REQUIRE(world.wait([&] { return server.end.closes == 1; }));
  CHECK(server.end.reason.code() == ErrorCode::kBadFrame);
}

TEST_CASE("who ends his side still gets his answers") {
  NetWorld world;
  Accepting server(world);
  RawClient client(server.listener->address().port);
  client.write(std::string("BTN\x01junkjunkjunkjunkjunkjunkjunk"));
  client.end_writing();
  REQUIRE(world.wait([&] {
    client.read();
    return client.closed();
  }));
  REQUIRE(client.frames().size() == 1);
  CHECK(client.frames()[0].type == v1::ERROR);
}

TEST_CASE("unfinished frames of all connections together are bounded") {
  AsioTransportOptions options;
  options.receive_bytes_max = 10'000;
  NetWorld world(options);
  std::vector<std::unique_ptr<End>> ends;
  auto listener = world.transport.listen(kAnyPort, [&](ConnectionPtr connection) {
    connection->set_frame_bytes_max(1 << 20);
    ends.push_back(std::make_unique<End>());
    ends.back()->start(std::move(connection));
  });
  REQUIRE(listener.ok());
  const std::string frame =
      testing::frame_bytes(v1::PRODUCE, 1, v1::Ping(), std::string(8000, 'x'));
  RawClient first(listener.value()->address().port);
  RawClient second(listener.value()->address().port);
  first.write(frame.substr(0, 7000));
  second.write(frame.substr(0, 7000));

  const auto closed = [&] {
    int count = 0;
    for (const auto& end : ends) count += end->closes;
    return count;
  };
  REQUIRE(world.wait([&] { return closed() == 1; }));
  first.write(frame.substr(7000));
  second.write_some(frame.substr(7000));
  // The other one is served, and the room is free again.
  CHECK(world.wait([&] { return ends[0]->frames.size() + ends[1]->frames.size() == 1; }));
  RawClient third(listener.value()->address().port);
  third.write(frame);
  CHECK(world.wait([&] { return ends.size() == 3 && ends[2]->frames.size() == 1; }));
}

TEST_CASE("a port that is taken is one clear error") {
  NetWorld world;
  Accepting first(world);
  const auto second = world.transport.listen(first.listener->address(), [](ConnectionPtr) {});
  REQUIRE_FALSE(second.ok());
  CHECK(second.status().code() == ErrorCode::kUnavailable);
  CHECK(second.status().message() ==
        "cannot listen on " + first.listener->address().to_string() + ": Address already in use");
}

TEST_CASE("a destroyed listener frees its port and accepts nothing more") {
  NetWorld world;
  Accepting server(world);
  const Address address = server.listener->address();
  server.listener.reset();
  world.run_for(milliseconds(10));
  Accepting again(world, address);
  CHECK(again.listener->address() == address);
}

TEST_CASE("IPv6 works where the machine has it") {
  NetWorld world;
  End accepted;
  auto listener = world.transport.listen(
      Address{"::1", 0}, [&](ConnectionPtr connection) { accepted.start(std::move(connection)); });
  if (!listener.ok()) {
    WARN("no IPv6 on this machine");
    return;
  }
  End client;
  connect(world, listener.value()->address(), client);
  client.connection->send(v1::PING, 1, ping(1), {});
  CHECK(world.wait([&] { return accepted.frames.size() == 1; }));
  CHECK(accepted.connection->peer().starts_with("[::1]:"));
}

TEST_CASE("names are looked up") {
  NetWorld world;
  Accepting server(world);
  End client;
  connect(world, Address{"localhost", server.listener->address().port}, client);
  CHECK(client.connection != nullptr);
}

TEST_CASE("a refused connection is unavailable and names the address") {
  NetWorld world;
  Address address;
  {
    Accepting server(world);
    address = server.listener->address();
  }
  Status status;
  bool done = false;
  world.transport.connect(address, seconds(5), [&](Result<ConnectionPtr> result) {
    status = result.status();
    done = true;
  });
  CHECK_FALSE(done);  // never inside the call
  REQUIRE(world.wait([&] { return done; }));
  CHECK(status.code() == ErrorCode::kUnavailable);
  CHECK(status.message() == "cannot connect to " + address.to_string() + ": Connection refused");
}

TEST_CASE("a socket that the system connected to itself counts as refused") {
  NetWorld world;
  // Connecting sockets draw their own ports from the same range, Linux the even ones first: trying
  // on and on meets this one.
  Address nobody;
  {
    Accepting server(world);
    nobody = server.listener->address();
    nobody.port = static_cast<std::uint16_t>(nobody.port & ~1U);
  }
  int refused = 0;
  int accepted = 0;
  std::function<void(Result<ConnectionPtr>)> again = [&](const Result<ConnectionPtr>& result) {
    (result.ok() ? accepted : refused) += 1;
    if (refused + accepted < 40'000) world.transport.connect(nobody, seconds(5), again);
  };
  world.transport.connect(nobody, seconds(5), again);
  REQUIRE(world.loop.run_until([&] { return refused + accepted == 40'000; }, seconds(100)));
  CHECK(accepted == 0);
}

TEST_CASE("a connect that nobody answers ends in time") {
  NetWorld world;
  Status status;
  // Port 0 of a blackhole address (TEST-NET-1): dropped or refused by the network, but never
  // answered.
  world.transport.connect(Address{"192.0.2.1", 9}, milliseconds(50),
                          [&](Result<ConnectionPtr> result) { status = result.status(); });
  REQUIRE(world.wait([&] { return !status.ok(); }));
  CHECK(
      (status.code() == ErrorCode::kDeadlineExceeded || status.code() == ErrorCode::kUnavailable));
}

TEST_CASE("running out of file descriptors is waited out") {
  AsioTransportOptions options;
  options.accept_backoff = milliseconds(10);
  NetWorld world(options);
  Accepting server(world);
  RawClient waiting(server.listener->address().port);  // in the backlog: the loop has not run yet

  // The sanitizer opens pipes when it meets a type of object for the first time: it meets them all
  // here.
  Logger& logger = world.logger;
  logger.error("warm up");
  CHECK(world.logger.contains("warm up"));
  for (const auto* category :
       {&boost::system::system_category(), &boost::system::generic_category()})
    CHECK(!boost::system::error_code(EMFILE, *category).message().empty());
  world.loop.cancel(world.loop.call_after(seconds(1), [] {}));

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{3, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool said = world.wait([&] { return world.logger.contains("cannot accept connections"); });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);

  CHECK(said);
  CHECK(world.wait([&] { return server.end.connection != nullptr; }));
}

TEST_CASE("connections that are open when the loop is destroyed do no harm") {
  End client;
  End accepted;
  {
    NetWorld world;
    auto listener = world.transport.listen(
        kAnyPort, [&](ConnectionPtr connection) { accepted.start(std::move(connection)); });
    REQUIRE(listener.ok());
    connect(world, listener.value()->address(), client);
    REQUIRE(world.wait([&] { return accepted.connection != nullptr; }));
    accepted.connection->close(Status(ErrorCode::kUnavailable, "bye"));
    accepted.connection.reset();
    client.connection.reset();
  }
  CHECK(client.closes == 0);
}

}  // namespace
}  // namespace baton
