#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

v1::RegisterOutcome refused(v1::RegisterResult result, std::uint64_t created_hi = 1) {
  v1::RegisterOutcome outcome;
  outcome.set_result(result);
  outcome.set_created_hi(created_hi);
  outcome.set_epoch(8);
  outcome.mutable_life()->set_lo(42);
  return outcome;
}

TEST_CASE_METHOD(NodeWorld, "a manager finds a center that starts later") {
  REQUIRE(start().ok());
  run_for(std::chrono::seconds(3));
  center.start();
  until([&] { return !center.beats.empty(); }, std::chrono::seconds(15));
  CHECK(center.beats.back().shard() == kShard);
  CHECK(center.beats.back().incarnation() == 900);
  CHECK(center.last(v1::Command::kEnroll).enroll().name() == "m1");
  CHECK(center.last(v1::Command::kEnroll).enroll().address() == "m1:7101");
}

TEST_CASE_METHOD(
    NodeWorld, "a new life registers with a later epoch and the CRC of the last reported record") {
  center.start();
  start_registered();
  const auto producer = client();
  produce(*producer, 1, {"a"});
  until([&] { return center.created_hi == 2; });
  const std::uint32_t crc = center.last(v1::Command::kCreated).created().crc_last();
  const v1::Register first = center.last(v1::Command::kRegister).register_();
  kill();
  start_registered();
  const v1::Register second = center.last(v1::Command::kRegister).register_();
  CHECK(second.epoch() == first.epoch() + 1);
  CHECK(second.life().lo() != first.life().lo());
  CHECK(second.next_offset() == 2);
  CHECK(second.created_hi_seen() == 2);
  CHECK(second.crc_below() == crc);
}

TEST_CASE_METHOD(NodeWorld, "nothing is stored while the center has not answered a register") {
  center.start();
  start_registered();
  kill();
  center.silent = {v1::Command::kRegister};
  REQUIRE(start().ok());
  until([&] { return center.count(v1::Command::kRegister) == 2; }, std::chrono::seconds(15));
  const auto producer = client();
  CHECK(producer->hello_ok.shard() == 0);
  CHECK(produce(*producer, 1, {"a"}).run(0).code() == v1::UNAVAILABLE);
}

TEST_CASE_METHOD(
    NodeWorld,
    "a store that was rolled back is sealed, stays readable, and appends to a new shard") {
  center.start();
  start_registered();
  auto producer = client();
  produce(*producer, 1, {"old"});
  until([&] { return center.created_hi == 2; });
  kill();
  center.register_script = {refused(v1::REGISTER_ROLLED_BACK)};
  v1::EnrollOutcome same;
  same.set_shard(kShard);
  same.set_created_hi(center.created_hi);
  v1::EnrollOutcome next;
  next.set_shard(8);
  next.set_created_hi(1);
  center.enroll_script = {same, next};
  center.created_hi = 1;
  center.shard = 8;
  start_registered();
  until([&] { return !center.beats.empty() && center.beats.back().shard() == 8; });
  const v1::Seal seal = center.last(v1::Command::kSeal).seal();
  CHECK(seal.shard() == kShard);
  CHECK(seal.epoch() == 8);
  CHECK(seal.life().lo() == 42);
  CHECK(seal.next_offset() == 2);
  CHECK(center.last(v1::Command::kEnroll).enroll().sealed() == kShard);

  producer = client();
  CHECK(produce(*producer, 2, {"new"}).run(0).first_task() ==
        TaskId(ShardId(8), Offset(1)).value());
  consume(*producer);
  center.grant(grant(1, task(1)));
  CHECK(producer->await(v1::TASKS).payload == "old");

  kill();
  start_registered();
  CHECK(center.last(v1::Command::kRegister).register_().shard() == 8);
}

// The next life is told that it was rolled back, and gets shard 8; `known` is how far the ledger
// knows the old one, and its epoch there is 8.
void roll_back(NodeWorld& world, std::uint64_t known) {
  FakeCenter& center = world.center;
  center.register_script = {refused(v1::REGISTER_ROLLED_BACK)};
  v1::EnrollOutcome same;
  same.set_shard(NodeWorld::kShard);
  same.set_created_hi(known);
  v1::EnrollOutcome next;
  next.set_shard(8);
  next.set_created_hi(1);
  center.enroll_script = {same, next};
  center.created_hi = 1;
  center.shard = 8;
  center.sealed_created_hi[NodeWorld::kShard] = known;
  center.on_live = [&center](const v1::Live& asked) {
    v1::LiveAnswer answer;
    const bool sealed = asked.shard() == NodeWorld::kShard;
    answer.set_created_hi(sealed ? center.sealed_created_hi[NodeWorld::kShard] : center.created_hi);
    answer.set_epoch(8);
    return answer;
  };
}

TEST_CASE_METHOD(NodeWorld,
                 "what a sealed shard's store has and nobody reported is reported under the "
                 "epoch that the ledger names") {
  center.start();
  start_registered();
  const auto producer = client();
  produce(*producer, 1, {"reported"});
  until([&] { return center.created_hi == 2; });
  center.silent = {v1::Command::kCreated};
  produce(*producer, 2, {"confirmed", "too"});
  until([&] { return center.count(v1::Command::kCreated) == 2; });  // heard, and not answered
  kill();
  center.silent.clear();
  center.commands.clear();
  roll_back(*this, 2);

  start_registered();
  until([&] { return center.sealed_created_hi[kShard] == 4; });

  const v1::Created& created = center.last(v1::Command::kCreated).created();
  CHECK(created.shard() == kShard);
  CHECK(created.epoch() == 8);
  CHECK(created.from() == 2);
  CHECK(created.run(0).count() == 2);
  CHECK(created.run(0).queue() == "mail");
}

TEST_CASE_METHOD(NodeWorld, "damage is told again until the ledger has answered") {
  options.stretch_bytes = 16 << 10;
  center.start();
  start_registered();
  const auto producer = client();
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    produce(*producer, seq, {std::string(8 << 10, 'x')});
  }
  until([&] { return center.created_hi == 11; });
  kill();
  spoil_batch(Lsn(3), "xxx");
  const bool sealed = GENERATE(false, true);
  if (sealed) roll_back(*this, 11);
  center.silent = {v1::Command::kQuarantine};
  start_registered();
  until([&] { return center.count(v1::Command::kQuarantine) > 0; });
  const std::size_t before = center.count(v1::Command::kQuarantine);

  center.silent.clear();
  center.drop_connections();
  until([&] { return center.count(v1::Command::kQuarantine) > before; }, std::chrono::seconds(15));

  const v1::Quarantine& told = center.last(v1::Command::kQuarantine).quarantine();
  CHECK(told.shard() == kShard);
  CHECK((!sealed || told.epoch() == 8));
  REQUIRE(told.offset_size() == 1);
  CHECK(told.offset(0) == 3);
  const std::size_t answered = center.count(v1::Command::kQuarantine);
  run_for(std::chrono::seconds(3));
  CHECK(center.count(v1::Command::kQuarantine) == answered);
}

TEST_CASE_METHOD(NodeWorld,
                 "a copy of a data directory whose original runs is refused with a clear error") {
  center.start();
  for (int i = 0; i < 1000; ++i) center.register_script.push_back(refused(v1::REGISTER_IN_USE));
  REQUIRE(start().ok());
  until([&] { return !failure.ok(); }, std::chrono::seconds(30));
  CHECK(failure.message().find("copy") != std::string::npos);
  CHECK(logger.has("registration refused verdict=in use shard=5"));
}

TEST_CASE_METHOD(NodeWorld,
                 "a center of another cluster ends the manager, whoever finds it first") {
  center.checks_hello = GENERATE(true, false);
  center.start();
  start_registered();
  kill();
  center.cluster = Uuid{1, 1};
  REQUIRE(start().ok());
  until([&] { return !failure.ok(); });
  CHECK_THAT(failure.message(), Catch::StartsWith("foreign cluster: "));
}

TEST_CASE_METHOD(NodeWorld,
                 "a center whose ledger went back ends the manager, whoever finds it first") {
  center.checks_hello = GENERATE(true, false);
  center.start();
  start_registered();
  kill();
  center.index = 1;
  REQUIRE(start().ok());
  until([&] { return !failure.ok(); });
  CHECK_THAT(failure.message(), Catch::StartsWith("ledger went back: "));
}

TEST_CASE_METHOD(
    NodeWorld, "a running manager ends too when its center comes back as another or an older one") {
  const bool foreign = GENERATE(true, false);
  center.start();
  start_registered();
  center.stop();
  if (foreign) center.cluster = Uuid{1, 1};
  if (!foreign) center.index = 1;
  center.start();
  until([&] { return !failure.ok(); }, std::chrono::seconds(20));
  CHECK_THAT(failure.message(),
             Catch::StartsWith(foreign ? "foreign cluster: " : "ledger went back: "));
}

TEST_CASE_METHOD(NodeWorld, "a manager says once that its center cannot be reached, and why") {
  REQUIRE(start().ok());
  until([&] { return logger.has("center cannot be reached"); }, std::chrono::seconds(1));
  CHECK(logger.lines.back().find("reason=unavailable: ") != std::string::npos);
  CHECK(logger.lines.back().find("address=center:10000") != std::string::npos);
  run_for(std::chrono::seconds(50));
  CHECK(logger.count("center cannot be reached") == 1);
  run_for(std::chrono::seconds(30));
  CHECK(logger.count("center cannot be reached") == 2);

  center.start();
  until([&] { return logger.has("registered"); }, std::chrono::seconds(15));
  CHECK(logger.count("center reached") == 1);
  run_for(std::chrono::seconds(2));
  center.stop();
  until([&] { return logger.count("center cannot be reached") == 3; }, std::chrono::seconds(2));
}

TEST_CASE_METHOD(NodeWorld, "a center that refuses for a while is asked again") {
  center.refusal = Status(ErrorCode::kUnavailable, "this center does not serve now");
  center.start();
  REQUIRE(start().ok());
  run_for(std::chrono::seconds(3));
  CHECK(failure.ok());
  CHECK(logger.count("center cannot be reached reason=unavailable: this center does not serve") ==
        1);
  center.refusal = Status();
  until([&] { return !center.beats.empty(); }, std::chrono::seconds(15));
}

TEST_CASE_METHOD(NodeWorld, "a frame that the center should not send is named in the log") {
  center.start();
  start_registered();
  center.say(v1::PRODUCED);
  until([&] { return logger.has("unexpected frame peer=center type=PRODUCED"); });
  center.say(static_cast<v1::FrameType>(999));
  until([&] { return logger.has("unexpected frame peer=center type=999"); });
}

TEST_CASE_METHOD(NodeWorld, "a manager keeps the name of its first start") {
  center.start();
  options.name.clear();
  start_registered();
  CHECK(client()->hello_ok.name() == "m1:7101");
  kill();
  options.name = "other";
  const Status status = start();
  CHECK(status.code() == ErrorCode::kConflict);
  CHECK(status.message().find("m1:7101") != std::string::npos);
}

TEST_CASE_METHOD(NodeWorld,
                 "a name that another store has ends the manager with the center's sentence") {
  v1::EnrollOutcome conflict;
  conflict.set_code(v1::CONFLICT);
  conflict.set_message("the name m1 belongs to another store");
  center.enroll_script = {conflict};
  center.start();
  REQUIRE(start().ok());
  until([&] { return !failure.ok(); });
  CHECK(failure.message() == "the name m1 belongs to another store");
}

TEST_CASE_METHOD(NodeWorld, "HELLO_OK lists every manager that is up, this one first") {
  for (const char* name : {"m1", "m2", "m3"}) {
    v1::Member member;
    member.set_name(name);
    member.set_address(std::string(name) + ":7101");
    member.set_online(std::string(name) != "m3");
    center.members.push_back(member);
  }
  center.start();
  start_registered();
  run_for(std::chrono::seconds(1));
  const auto hello = client()->hello_ok;
  REQUIRE(hello.manager_size() == 2);
  CHECK(hello.manager(0) == "m1:7101");
  CHECK(hello.manager(1) == "m2:7101");
}

TEST_CASE_METHOD(NodeWorld, "wrong settings are refused at start") {
  options.centers.clear();
  CHECK(start().code() == ErrorCode::kInvalidArgument);
  options.centers = {{"center", 10000}};
  options.payload_bytes_max = std::size_t{17} << 20;
  CHECK(start().code() == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace baton::manager
