#include "manager/core/registration.h"

#include <catch2/catch.hpp>

namespace baton::manager {
namespace {

constexpr MonoTime kNow{std::chrono::seconds(100)};
const Life kLife(Uuid{7, 7});

ShardFacts facts(std::uint32_t shard, std::uint64_t epoch, std::uint64_t next_offset) {
  return {ShardId(shard), Epoch(epoch), kLife, Offset(next_offset)};
}

template <class Expected>
Expected expect(const Registration::Step& step) {
  REQUIRE(std::holds_alternative<Expected>(step));
  return std::get<Expected>(step);
}

RegisterAnswer answer(RegisterResult verdict, std::uint64_t created_hi = 1) {
  return {verdict, Offset(created_hi), Incarnation(9), Epoch(5), Life(Uuid{8, 8})};
}

TEST_CASE("a new store enrolls, opens the shard it is given and registers it") {
  Registration machine{ShardFacts{}};
  CHECK_FALSE(expect<Registration::SendEnroll>(machine.connected()).sealed);
  CHECK(expect<Registration::OpenShard>(machine.enrolled(Status(), ShardId(3), Offset(1), kNow))
            .shard == ShardId(3));
  const auto request = expect<Registration::SendRegister>(machine.opened(facts(3, 1, 1)));
  CHECK(request.created_hi_seen == Offset(1));
  CHECK(request.crc_below == 0);
  const auto registered =
      expect<Registration::Registered>(machine.answered(answer(RegisterResult::kRegistered), kNow));
  CHECK(registered.incarnation == Incarnation(9));
  CHECK(machine.registered());
}

TEST_CASE("a store with records proves itself with the CRC of the last reported one") {
  Registration machine(facts(3, 4, 120));
  machine.connected();
  CHECK(expect<Registration::ReadCrc>(machine.enrolled(Status(), ShardId(3), Offset(100), kNow))
            .offset == Offset(99));
  const auto request =
      expect<Registration::SendRegister>(machine.crc_read(std::uint32_t{0xabcd}, kNow));
  CHECK(request.created_hi_seen == Offset(100));
  CHECK(request.crc_below == 0xabcd);
}

TEST_CASE("a record that the disk does not give now is read again, and nothing is sealed") {
  Registration machine(facts(3, 4, 120));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(100), kNow);

  const auto retry = expect<Registration::RetryAt>(
      machine.crc_read(Status(ErrorCode::kUnavailable, "an I/O error"), kNow));

  CHECK(retry.at > kNow);
  expect<Registration::SendEnroll>(machine.retry());
  machine.enrolled(Status(), ShardId(3), Offset(100), kNow);
  expect<Registration::SendRegister>(machine.crc_read(std::uint32_t{1}, kNow));
}

TEST_CASE("a damaged record below created_hi ends the process, and the shard is not sealed") {
  const auto code = GENERATE(ErrorCode::kDataLoss, ErrorCode::kNotFound);
  Registration machine(facts(3, 4, 100));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(100), kNow);

  expect<Registration::SendRegister>(machine.crc_read(Status(code, "wrong checksum"), kNow));
  const auto failed = expect<Registration::Failed>(
      machine.answered(answer(RegisterResult::kRolledBack, 100), kNow));

  CHECK(failed.status.code() == ErrorCode::kDataLoss);
  CHECK(failed.status.message().find("shard 3") != std::string::npos);
  CHECK(failed.status.message().find("offset 99") != std::string::npos);
  CHECK(failed.status.message().find("wrong checksum") != std::string::npos);
}

TEST_CASE("a record that was reported as unreadable is no reason to refuse its store") {
  Registration machine(facts(3, 4, 100));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(100), kNow);
  const auto request = expect<Registration::SendRegister>(
      machine.crc_read(Status(ErrorCode::kDataLoss, "wrong checksum"), kNow));
  CHECK(request.crc_below == 0);
  expect<Registration::Registered>(
      machine.answered(answer(RegisterResult::kRegistered, 100), kNow));
}

TEST_CASE("an unexpected created_hi is read and asked again") {
  Registration machine(facts(3, 4, 120));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(100), kNow);
  machine.crc_read(std::uint32_t{1}, kNow);
  CHECK(
      expect<Registration::ReadCrc>(machine.answered(answer(RegisterResult::kExpected, 110), kNow))
          .offset == Offset(109));
}

TEST_CASE("a rolled back store is sealed against what it was refused for, and gets a new shard") {
  const auto verdict = GENERATE(RegisterResult::kRolledBack, RegisterResult::kBehind);
  Registration machine(facts(3, 4, 90));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(100), kNow);
  machine.crc_read(Status(ErrorCode::kNotFound, "no such record"), kNow);
  const auto seal = expect<Registration::SendSeal>(machine.answered(answer(verdict), kNow));
  CHECK(seal.shard == ShardId(3));
  CHECK(seal.epoch == Epoch(5));
  CHECK(seal.life == Life(Uuid{8, 8}));
  CHECK(seal.next_offset == Offset(90));

  CHECK(expect<Registration::SendEnroll>(machine.seal_answered(Status(), kNow)).sealed ==
        ShardId(3));
  const auto opened =
      expect<Registration::OpenShard>(machine.enrolled(Status(), ShardId(8), Offset(1), kNow));
  CHECK(opened.shard == ShardId(8));
  CHECK(opened.sealed == ShardId(3));
  expect<Registration::SendRegister>(machine.opened(facts(8, 1, 1)));
  expect<Registration::Registered>(machine.answered(answer(RegisterResult::kRegistered), kNow));
}

TEST_CASE("a store that was killed between seal and new shard goes on where it was") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  const auto opened =
      expect<Registration::OpenShard>(machine.enrolled(Status(), ShardId(8), Offset(1), kNow));
  CHECK(opened.sealed == ShardId(3));
}

TEST_CASE("a shard that was sealed meanwhile is replaced") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(1), kNow);
  CHECK(expect<Registration::SendEnroll>(machine.answered(answer(RegisterResult::kSealed), kNow))
            .sealed == ShardId(3));
}

TEST_CASE("a copy of a directory whose original lives is refused for good after a while") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  MonoTime now = kNow;
  for (;;) {
    machine.enrolled(Status(), ShardId(3), Offset(1), now);
    const auto step = machine.answered(answer(RegisterResult::kInUse), now);
    if (std::holds_alternative<Registration::Failed>(step)) break;
    now = std::get<Registration::RetryAt>(step).at;
    expect<Registration::SendEnroll>(machine.retry());
  }
  CHECK(now - kNow >= std::chrono::seconds(10));
  CHECK(machine.state() == Registration::State::kFailed);
}

TEST_CASE("an earlier life of this store that is not yet known to be dead is waited for") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(1), kNow);
  machine.answered(answer(RegisterResult::kInUse), kNow);
  machine.retry();
  machine.enrolled(Status(), ShardId(3), Offset(1), kNow);
  expect<Registration::Registered>(machine.answered(answer(RegisterResult::kRegistered), kNow));
}

TEST_CASE("a name of another store ends the process with the center's sentence") {
  Registration machine{ShardFacts{}};
  machine.connected();
  const auto failed = expect<Registration::Failed>(
      machine.enrolled(Status(ErrorCode::kConflict, "the name a belongs to another store"),
                       ShardId(), Offset(), kNow));
  CHECK(failed.status.message() == "the name a belongs to another store");
}

TEST_CASE("a center that cannot enroll now is asked again") {
  Registration machine{ShardFacts{}};
  machine.connected();
  const auto retry = expect<Registration::RetryAt>(
      machine.enrolled(Status(ErrorCode::kRetryLater, "low disk"), ShardId(), Offset(), kNow));
  CHECK(retry.at > kNow);
  expect<Registration::SendEnroll>(machine.retry());
}

TEST_CASE("a shard that the center does not know ends the process") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(1), kNow);
  expect<Registration::Failed>(machine.answered(answer(RegisterResult::kUnknown), kNow));
}

TEST_CASE("a center that knows more tasks than are stored is not believed") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  machine.enrolled(Status(), ShardId(3), Offset(1), kNow);
  expect<Registration::Failed>(machine.answered(answer(RegisterResult::kRegistered, 91), kNow));
}

TEST_CASE("answers of a channel that was lost change nothing") {
  Registration machine(facts(3, 5, 90));
  machine.connected();
  machine.disconnected();
  expect<Registration::Nothing>(machine.enrolled(Status(), ShardId(3), Offset(1), kNow));
  expect<Registration::Nothing>(machine.crc_read(std::uint32_t{1}, kNow));
  expect<Registration::Nothing>(machine.answered(answer(RegisterResult::kRegistered), kNow));
  CHECK_FALSE(machine.registered());
  expect<Registration::SendEnroll>(machine.connected());
}

}  // namespace
}  // namespace baton::manager
