#include "tests/support/sim_network.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/broker.pb.h"

namespace baton::sim {
namespace {

// One process on its own host.
struct Host {
  Host(SimScheduler& scheduler, SimNetwork& network, const std::string& name)
      : loop(scheduler, name), transport(network, loop, name) {}

  SimLoop loop;
  SimTransport transport;
};

// One end of a connection and what came out of it.
struct End {
  ConnectionPtr connection;
  std::vector<std::string> frames;  // payloads
  int closed = 0;
  Status reason;

  void take(ConnectionPtr taken) {
    connection = std::move(taken);
    connection->set_frame_bytes_max(1 << 20);
    connection->start(
        {.on_frame = [this](const Frame& frame) { frames.emplace_back(frame.payload); },
         .on_closed =
             [this](const Status& status) {
               closed++;
               reason = status;
             }});
  }
  void say(std::string_view payload) const {
    const std::string_view pieces[] = {payload};
    connection->send(v1::PING, 1, v1::Ping(), pieces);
  }
};

struct World {
  explicit World(std::uint64_t seed = 1) : scheduler(seed), network(scheduler) {}

  // `left` dials `right`; both ends are open afterwards.
  void connect() {
    auto listening = right.transport.listen(
        {"right", 7101}, [&](ConnectionPtr connection) { accepted.take(std::move(connection)); });
    REQUIRE(listening.ok());
    listener = std::move(listening).value();
    left.transport.connect({"right", 7101}, 1s, [&](Result<ConnectionPtr> result) {
      REQUIRE(result.ok());
      dialled.take(std::move(result).value());
    });
    REQUIRE(scheduler.run_until([&] { return dialled.connection && accepted.connection; }, 1s));
  }
  // The outcome of dialling, once it is there.
  Status dial(const Address& address, Duration timeout) {
    bool answered = false;
    Status status;
    left.transport.connect(address, timeout, [&](Result<ConnectionPtr> result) {
      answered = true;
      status = result.status();
    });
    scheduler.run_until([&] { return answered; }, 1h);
    CHECK(answered);
    return status;
  }

  SimScheduler scheduler;
  SimNetwork network;
  Host left{scheduler, network, "left"};
  Host right{scheduler, network, "right"};
  std::unique_ptr<Listener> listener;
  End dialled;
  End accepted;
};

TEST_CASE("frames arrive whole, in order, in both directions, however the bytes were cut") {
  for (std::uint64_t seed = 1; seed <= 30; seed++) {
    World world(seed);
    world.connect();
    std::vector<std::string> sent;
    for (int i = 0; i < 40; i++) {
      sent.push_back(
          std::string(static_cast<std::size_t>(i * 17), static_cast<char>('a' + i % 26)));
      world.dialled.say(sent.back());
      world.accepted.say(sent.back());
      if (i % 7 == 0) world.scheduler.run_for(50us);
    }

    world.scheduler.run_for(1s);

    CHECK(world.accepted.frames == sent);
    CHECK(world.dialled.frames == sent);
  }
}

TEST_CASE("nobody listening means refused, a dead machine means no answer") {
  World world;
  CHECK(world.dial({"right", 7101}, 1s).code() == ErrorCode::kUnavailable);

  world.right.loop.kill();
  world.network.crash("right", Death::kMachine);

  const SimTime before = world.scheduler.now();
  CHECK(world.dial({"right", 7101}, 2s).code() == ErrorCode::kDeadlineExceeded);
  CHECK(world.scheduler.now() - before >= 2s);
}

TEST_CASE("dialling through a partition succeeds once it heals in time") {
  World world;
  auto listener = world.right.transport.listen({"right", 7101}, [](ConnectionPtr) {});
  REQUIRE(listener.ok());
  world.network.block("right", "left");  // one way is enough
  world.scheduler.after(1s, [&] { world.network.unblock("right", "left"); });

  CHECK(world.dial({"right", 7101}, 3s).ok());
}

TEST_CASE("a port is taken until its listener is gone, and belongs to its host") {
  World world;
  auto first = world.right.transport.listen({"right", 0}, [](ConnectionPtr) {});
  REQUIRE(first.ok());
  const Address address = first.value()->address();
  CHECK(address.port != 0);
  CHECK(world.right.transport.listen(address, {}).status().code() == ErrorCode::kUnavailable);
  CHECK(world.right.transport.listen({"left", 0}, {}).status().code() == ErrorCode::kUnavailable);

  first.value().reset();

  CHECK(world.right.transport.listen(address, [](ConnectionPtr) {}).ok());
}

TEST_CASE("close sends what is queued, then ends both sides once") {
  World world;
  world.connect();
  world.dialled.say("last words");
  world.dialled.connection->close(Status(ErrorCode::kUnavailable, "done here"));
  world.dialled.say("too late");
  CHECK(world.dialled.closed == 0);

  world.scheduler.run_for(1s);

  CHECK(world.accepted.frames == std::vector<std::string>{"last words"});
  CHECK(world.accepted.closed == 1);
  CHECK(world.dialled.closed == 1);
  CHECK(world.dialled.reason.message() == "done here");
  CHECK(world.network.open_connections() == 0);
}

TEST_CASE("a reset ends both sides") {
  World world;
  world.connect();

  CHECK(world.network.reset("left", "right") == 1);
  world.scheduler.run_for(1s);

  CHECK(world.dialled.closed == 1);
  CHECK(world.accepted.closed == 1);
  CHECK(world.network.reset("left", "right") == 0);
}

TEST_CASE("a cut ends the connection in the middle of a frame, which is never delivered") {
  int cut_frames = 0;
  for (std::uint64_t seed = 1; seed <= 40; seed++) {
    World world(seed);
    world.connect();
    REQUIRE(world.network.cut_one(150));
    world.dialled.say(std::string(100, 'x'));
    world.accepted.say(std::string(100, 'y'));
    world.scheduler.run_for(1s);
    for (const auto& frame : world.accepted.frames) CHECK(frame == std::string(100, 'x'));
    for (const auto& frame : world.dialled.frames) CHECK(frame == std::string(100, 'y'));
    if (world.dialled.closed == 1 && world.accepted.closed == 1) cut_frames++;
  }
  CHECK(cut_frames > 20);
}

TEST_CASE("what is sent into a partition arrives after it, in order") {
  World world;
  world.connect();
  world.network.partition("left", "right");
  world.dialled.say("a");
  world.scheduler.run_for(3s);
  world.dialled.say("b");
  world.scheduler.run_for(3s);
  CHECK(world.accepted.frames.empty());

  world.network.heal();
  world.scheduler.run_for(1s);

  CHECK(world.accepted.frames == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a one-way partition stops one direction only") {
  World world;
  world.connect();
  world.network.block("left", "right");
  world.dialled.say("lost for now");
  world.accepted.say("arrives");
  world.scheduler.run_for(3s);

  CHECK(world.accepted.frames.empty());
  CHECK(world.dialled.frames == std::vector<std::string>{"arrives"});
}

TEST_CASE("a sender whose kernel gives up is told; the other side learns it when it speaks") {
  World world;
  world.connect();
  world.network.partition("left", "right");
  world.dialled.say("into the void");
  world.scheduler.run_for(20s);
  CHECK(world.dialled.closed == 1);
  CHECK(world.accepted.closed == 0);

  world.network.heal();
  world.accepted.say("hello?");
  world.scheduler.run_for(1s);

  CHECK(world.accepted.closed == 1);
  CHECK(world.accepted.frames.empty());
}

TEST_CASE("half open: one side has forgotten, the other is told when it speaks") {
  for (std::uint64_t seed = 1; seed <= 10; seed++) {
    World world(seed);
    world.connect();
    REQUIRE(world.network.half_open_one());
    world.scheduler.run_for(1s);
    CHECK(world.dialled.closed + world.accepted.closed == 1);
    End& believer = world.dialled.closed == 0 ? world.dialled : world.accepted;

    believer.say("still there?");
    world.scheduler.run_for(1s);

    CHECK(believer.closed == 1);
  }
}

TEST_CASE("a process that dies is noticed, a machine that dies is not") {
  for (const Death death : {Death::kProcess, Death::kMachine}) {
    World world;
    world.connect();
    world.scheduler.run_for(1s);
    world.right.loop.kill();
    world.network.crash("right", death);
    world.scheduler.run_for(5s);

    CHECK(world.dialled.closed == (death == Death::kProcess ? 1 : 0));
    CHECK(world.accepted.closed == 0);  // nobody there to tell
  }
}

TEST_CASE("a machine that came back answers for connections it has forgotten with a reset") {
  World world;
  world.connect();
  world.right.loop.kill();
  world.network.crash("right", Death::kMachine);
  world.dialled.say("anybody?");
  world.scheduler.run_for(2s);
  CHECK(world.dialled.closed == 0);

  world.network.revive("right");
  world.scheduler.run_for(1s);

  CHECK(world.dialled.closed == 1);
}

TEST_CASE("what a process queued in the turn in which it died never leaves") {
  World world;
  world.connect();
  bool power = true;
  world.left.loop.set_death_probe([&] { return !power; });
  world.left.loop.post([&] {
    power = false;
    world.dialled.say("from beyond");
  });

  world.scheduler.run_for(1s);

  CHECK(world.accepted.frames.empty());
}

TEST_CASE("a paused process accepts in its kernel and reads when it goes on") {
  World world;
  auto listening = world.right.transport.listen({"right", 7101}, [&](ConnectionPtr connection) {
    world.accepted.take(std::move(connection));
  });
  REQUIRE(listening.ok());
  world.right.loop.pause_until(world.scheduler.now() + 5s);
  world.left.transport.connect({"right", 7101}, 1s, [&](Result<ConnectionPtr> result) {
    REQUIRE(result.ok());
    world.dialled.take(std::move(result).value());
    world.dialled.say("patience");
  });
  world.scheduler.run_for(4s);
  CHECK(world.dialled.connection);
  CHECK_FALSE(world.accepted.connection);

  world.scheduler.run_for(2s);

  CHECK(world.accepted.frames == std::vector<std::string>{"patience"});
}

TEST_CASE("a reader that pauses makes the sender's queue grow, and gets everything afterwards") {
  World world;
  world.connect();
  world.accepted.connection->pause_reading();
  const std::string block(100'000, 'z');
  for (int i = 0; i < 10; i++) world.dialled.say(block);
  world.scheduler.run_for(1s);
  CHECK(world.accepted.frames.empty());
  CHECK(world.dialled.connection->bytes_queued() > 500'000);

  world.accepted.connection->resume_reading();
  world.scheduler.run_for(1s);

  CHECK(world.accepted.frames.size() == 10);
  CHECK(world.dialled.connection->bytes_queued() == 0);
}

TEST_CASE("a frame over the limit closes the connection with the reason") {
  World world;
  world.connect();
  world.accepted.connection->set_frame_bytes_max(1000);
  world.dialled.say(std::string(2000, 'x'));
  world.scheduler.run_for(1s);

  CHECK(world.accepted.frames.empty());
  CHECK(world.accepted.closed == 1);
  CHECK(world.accepted.reason.code() == ErrorCode::kTooLarge);
  CHECK(world.dialled.closed == 1);
}

TEST_CASE("a connection that is dropped without being started is closed") {
  World world;
  auto listening = world.right.transport.listen({"right", 7101}, [](ConnectionPtr) {});
  REQUIRE(listening.ok());
  world.left.transport.connect({"right", 7101}, 1s, [&](Result<ConnectionPtr> result) {
    REQUIRE(result.ok());
    world.dialled.take(std::move(result).value());
  });

  world.scheduler.run_for(1s);

  CHECK(world.dialled.closed == 1);
}

TEST_CASE("one seed gives one run of the network") {
  const auto run = [](std::uint64_t seed) {
    World world(seed);
    world.connect();
    for (int i = 0; i < 50; i++) {
      world.dialled.say(std::string(static_cast<std::size_t>(i * 31), 'q'));
      world.scheduler.run_for(100us);
      world.scheduler.trace("right", std::to_string(world.accepted.frames.size()));
    }
    return world.scheduler.trace_hash();
  };

  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

}  // namespace
}  // namespace baton::sim
