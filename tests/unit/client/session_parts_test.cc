// Credit, NumberSet, LeaseTable, OperationQueue: the values that a session is made of.
#include <chrono>

#include <catch2/catch.hpp>

#include "client/credit.h"
#include "client/lease_table.h"
#include "client/number_set.h"
#include "client/operation_queue.h"
#include "client/session_lines.h"
#include "common/base/limits.h"

namespace baton::client {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1h};

TEST_CASE("credit states window minus held, and only what has grown") {
  Credit credit;
  credit.set_window(4);
  credit.attach(0);
  CHECK(credit.take_statement() == 4U);
  CHECK_FALSE(credit.take_statement().has_value());
  credit.answered(false);
  CHECK(credit.take_statement() == 5U);
  credit.set_window(2);
  CHECK_FALSE(credit.take_statement().has_value());
}

TEST_CASE("credit that was refused is stated again") {
  Credit credit;
  credit.set_window(4);
  credit.attach(0);
  CHECK(credit.take_statement() == 4U);
  credit.refused();
  CHECK(credit.take_statement() == 4U);
  CHECK_FALSE(credit.take_restatement().has_value());
}

TEST_CASE("a line that is opened states the total that the ledger has, and what has grown once") {
  Credit credit;
  credit.set_window(4);
  credit.attach(4);
  CHECK_FALSE(credit.take_opening().has_value());
  credit.answered(false);
  CHECK(credit.take_opening() == 1U);
  CHECK(credit.take_opening() == 1U);
  CHECK_FALSE(credit.take_statement().has_value());
  credit.answered(true);  // the ledger has raised it
  CHECK(credit.take_opening() == 2U);
  CHECK_FALSE(credit.take_restatement().has_value());
}

TEST_CASE("a total that is not positive states nothing until answers make it so") {
  Credit credit;
  credit.set_window(2);
  credit.attach(3);
  CHECK(credit.total() == -1);
  CHECK_FALSE(credit.take_statement().has_value());
  credit.answered(false);
  CHECK_FALSE(credit.take_statement().has_value());
  credit.answered(false);
  CHECK(credit.take_statement() == 1U);
}

TEST_CASE("a grant that died frees its slot") {
  Credit credit;
  credit.set_window(1);
  credit.attach(0);
  CHECK(credit.take_statement() == 1U);
  credit.died();
  CHECK(credit.take_statement() == 2U);
}

TEST_CASE("what the ledger raised itself is not stated, except by a restatement") {
  Credit credit;
  credit.set_window(1);
  credit.attach(0);
  CHECK(credit.take_statement() == 1U);
  credit.answered(true);
  CHECK_FALSE(credit.take_statement().has_value());
  CHECK(credit.take_restatement() == 2U);
  CHECK_FALSE(credit.take_restatement().has_value());
}

TEST_CASE("a new attach counts from nothing") {
  Credit credit;
  credit.set_window(3);
  credit.attach(0);
  credit.answered(false);
  credit.died();
  CHECK(credit.take_statement() == 5U);
  credit.attach(1);
  CHECK(credit.take_statement() == 2U);
}

TEST_CASE("each line has numbers of its own, above all that were given, which tell its queue") {
  SessionLines lines({"mail", "bulk", "news"});
  CHECK_FALSE(lines.any_open());
  CHECK(lines.queue_of(1) == nullptr);
  for (SessionLines::Line* line : lines.to_open(kStart)) lines.open(*line);
  CHECK(lines.to_open(kStart).empty());
  REQUIRE(lines.to_end(kStart).size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) CHECK(lines.to_end(kStart)[i]->number == i + 1);

  std::uint32_t highest = 3;
  for (const std::size_t which : {2U, 0U, 0U, 1U, 2U, 2U}) {
    SessionLines::Line& line = *lines.to_end(kStart)[which];
    SessionLines::close(line);
    lines.open(line);
    CHECK(line.number > highest);
    CHECK(line.number <= highest + 3);
    CHECK(*lines.queue_of(line.number) == line.queue);
    highest = line.number;
  }
  CHECK(*lines.queue_of(1) == "mail");  // not used any more
  CHECK(*lines.queue_of(3) == "news");
  CHECK(lines.queue_of(highest + 1) == nullptr);
  CHECK(lines.queue_of(0) == nullptr);
  lines.reset();
  CHECK_FALSE(lines.any_open());
  CHECK(lines.queue_of(1) == nullptr);
}

TEST_CASE("a line that is left alone is neither opened nor ended until its time") {
  SessionLines lines({"mail", "bulk"});
  CHECK(lines.next_try(kStart) == MonoTime::max());
  SessionLines::Line& bulk = *lines.to_open(kStart)[1];
  bulk.not_before = kStart + 1s;
  CHECK(lines.to_open(kStart).size() == 1);
  CHECK(lines.next_try(kStart) == kStart + 1s);
  CHECK(lines.to_open(kStart + 1s).size() == 2);
  CHECK(lines.next_try(kStart + 1s) == MonoTime::max());
  lines.open(bulk);
  CHECK(lines.to_end(kStart).empty());
  CHECK(lines.to_end(kStart + 1s).size() == 1);
}

TEST_CASE("an answer is for the line that asked, and what opened none for the one that states") {
  SessionLines lines({"mail", "bulk"});
  CHECK(lines.demanded_by(7) == nullptr);
  CHECK(lines.ended_by(0) == nullptr);
  std::uint64_t request = 10;
  for (SessionLines::Line* line : lines.to_open(kStart)) {
    lines.open(*line);
    line->opening = request++;
  }
  CHECK(lines.demanded_by(11)->queue == "bulk");
  CHECK(lines.demanded_by(12)->queue == "mail");
  lines.demanded_by(11)->ending = 13;
  CHECK(lines.ended_by(13)->queue == "bulk");
  CHECK(lines.ended_by(14) == nullptr);
  SessionLines::close(*lines.demanded_by(10));
  CHECK(lines.first_open()->queue == "bulk");
  CHECK(lines.demanded_by(10)->queue == "bulk");
}

TEST_CASE("a grant number counts once, in any order") {
  NumberSet numbers;
  CHECK_FALSE(numbers.insert(0));
  CHECK(numbers.insert(2));
  CHECK(numbers.insert(1));
  CHECK_FALSE(numbers.insert(2));
  CHECK_FALSE(numbers.insert(1));
  CHECK(numbers.insert(3));
  numbers.clear();
  CHECK(numbers.insert(1));
}

TEST_CASE("a claim is believed for a third of its lease until a heartbeat is answered") {
  LeaseTable leases;
  leases.add(Token(7), TaskId(1), 30s, kStart);
  CHECK(leases.heartbeat_due() == kStart + 3750ms);
  CHECK(leases.expire(kStart + 9999ms).empty());
  CHECK(leases.expire(kStart + 10s) == std::vector<Token>{Token(7)});
  CHECK(leases.find(Token(7))->lost);
  CHECK(leases.expire(kStart + 1h).empty());
  CHECK(leases.held() == std::vector<Token>{Token(7)});  // until its operation is answered
  CHECK(leases.to_renew().empty());
}

TEST_CASE("an answered heartbeat counts from when it was sent") {
  LeaseTable leases;
  leases.add(Token(7), TaskId(1), 30s, kStart);
  leases.renewed({Token(7), Token(8)}, kStart + 4s);
  CHECK(leases.deadline() == kStart + 4s + 27s);
  CHECK(leases.heartbeat_due() == kStart + 14s);
}

TEST_CASE("a claim whose end is on the way has no deadline, but is renewed") {
  LeaseTable leases;
  leases.add(Token(7), TaskId(1), 3s, kStart);
  leases.find(Token(7))->ending = true;
  CHECK(leases.deadline() == MonoTime::max());
  CHECK(leases.expire(kStart + 1h).empty());
  CHECK(leases.to_renew() == std::vector<Token>{Token(7)});
  CHECK_FALSE(leases.lose(Token(7)));  // nobody works on it
}

TEST_CASE("neither a heartbeat nor a shorter extension makes a lease shorter") {
  LeaseTable leases;
  leases.add(Token(7), TaskId(1), 3s, kStart);
  leases.extended(Token(7), 60s, kStart + 1s);
  CHECK(leases.deadline() == kStart + 1s + 54s);
  leases.renewed({Token(7)}, kStart + 2s);
  leases.extended(Token(7), 3s, kStart + 2s);
  CHECK(leases.deadline() == kStart + 1s + 54s);
  leases.renewed({Token(7)}, kStart + 100s);
  CHECK(leases.deadline() == kStart + 100s + 2700ms);
}

TEST_CASE("a lease is lost once") {
  LeaseTable leases;
  leases.add(Token(7), TaskId(1), 3s, kStart);
  CHECK(leases.lose(Token(7)));
  CHECK_FALSE(leases.lose(Token(7)));
  CHECK_FALSE(leases.lose(Token(9)));
  leases.renewed({Token(7)}, kStart + 1s);
  CHECK(leases.deadline() == MonoTime::max());
}

Operation ack(std::uint64_t token, std::string result = {}) {
  return Operation{.kind = OperationKind::kAck, .token = Token(token), .bytes = std::move(result)};
}

TEST_CASE("operations are numbered from 1 and answered_through follows the gapless answers") {
  OperationQueue queue;
  for (std::uint64_t token = 1; token <= 3; ++token) queue.add(ack(token));
  CHECK(queue.take_to_send(10, 100, kStart).size() == 3);
  CHECK(queue.take_answered(OpSeq(2)).token == Token(2));
  CHECK(queue.answered_through() == OpSeq(0));
  CHECK(queue.find(OpSeq(2)) == nullptr);
  queue.take_answered(OpSeq(1));
  CHECK(queue.answered_through() == OpSeq(2));
  CHECK(queue.add(ack(4)).seq == OpSeq(4));
}

TEST_CASE("after a reconnect everything without an answer is sent again, in order") {
  OperationQueue queue;
  for (std::uint64_t token = 1; token <= 3; ++token) queue.add(ack(token));
  CHECK(queue.take_to_send(2, 100, kStart).size() == 2);
  queue.take_answered(OpSeq(1));
  CHECK(queue.send_all_again() == 1);  // the third was never sent
  const auto again = queue.take_to_send(10, 100, kStart);
  REQUIRE(again.size() == 2);
  CHECK(again[0]->seq == OpSeq(2));
  CHECK(again[1]->seq == OpSeq(3));
}

TEST_CASE("a repetition is not anticipated, since its first sending may have raised the credit") {
  OperationQueue queue;
  Operation& first = queue.add(ack(1));
  first.anticipated = true;
  queue.take_to_send(1, 100, kStart);
  Operation& second = queue.add(ack(2));
  second.anticipated = true;
  queue.send_all_again();
  CHECK_FALSE(queue.find(OpSeq(1))->anticipated);
  CHECK(queue.find(OpSeq(2))->anticipated);
}

TEST_CASE("a batch is bounded in items and bytes, but never empty") {
  OperationQueue queue;
  queue.add(ack(1, std::string(200, 'x')));
  queue.add(ack(2, std::string(60, 'x')));
  queue.add(ack(3, std::string(60, 'x')));
  CHECK(queue.take_to_send(10, 100, kStart).size() == 1);
  CHECK(queue.take_to_send(10, 100, kStart).size() == 1);
  CHECK(queue.take_to_send(10, 100, kStart).size() == 1);
  CHECK_FALSE(queue.has_to_send());
}

TEST_CASE("no more operations are on the way than the ledger remembers") {
  OperationQueue queue;
  for (std::uint64_t token = 1; token <= kSessionOutcomesMax + 5; ++token) queue.add(ack(token));
  std::size_t taken = 0;
  for (int i = 0; i < 5; ++i) taken += queue.take_to_send(kBatchItemsMax, 1, kStart).size();
  CHECK(taken == kSessionOutcomesMax);
  CHECK(queue.take_to_send(kBatchItemsMax, 1, kStart).empty());
  queue.take_answered(OpSeq(1));
  CHECK(queue.take_to_send(kBatchItemsMax, 1, kStart).size() == 1);
}

TEST_CASE("what operations say beside their payload fits a frame's metadata") {
  OperationQueue queue;
  for (std::uint64_t token = 1; token <= 400; ++token) {
    queue.add(Operation{.kind = OperationKind::kAck,
                        .token = Token(token),
                        .text = std::string(kTaskTextBytesMax, 't')});
  }
  const std::size_t first = queue.take_to_send(kBatchItemsMax, 1, kStart).size();
  CHECK(first * kTaskTextBytesMax < kFrameMetadataBytesMax);
  CHECK(first > 200);
  CHECK(queue.take_to_send(kBatchItemsMax, 1, kStart).size() == 400 - first);
}

}  // namespace
}  // namespace baton::client
