#include "manager/core/dedup_table.h"

#include <map>

#include <catch2/catch.hpp>

#include "common/base/limits.h"
#include "common/base/random.h"
#include "manager/core/produce_admission.h"

namespace baton::manager {
namespace {

const ProducerId kProducer(Uuid{1, 2});
constexpr MonoTime kNow{std::chrono::seconds(100)};

ProduceNumbers numbers(std::uint64_t seq, std::size_t count, std::uint64_t resolved_below = 1) {
  return {kProducer, ProducerSeq(seq), ProducerSeq(resolved_below), count, false};
}

std::uint64_t hash_of_item(std::size_t item) { return 1000 + item; }

void store(DedupTable& table, std::uint64_t seq, std::size_t count, std::uint64_t offset,
           std::uint64_t lsn) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < count; ++i) hashes.push_back(hash_of_item(i));
  table.record(kProducer, ProducerSeq(seq), Offset(offset), hashes, Lsn(lsn));
}

TEST_CASE("a number that was stored is found with its offset, content and batch") {
  DedupTable table;
  store(table, 7, 3, 40, 5);

  const DedupTable::Stored* found = table.find(kProducer, ProducerSeq(8));
  REQUIRE(found != nullptr);
  CHECK(found->offset == Offset(41));
  CHECK(found->content_hash == 1001);
  CHECK(found->lsn == Lsn(5));
  CHECK(table.find(kProducer, ProducerSeq(10)) == nullptr);
  CHECK(table.find(ProducerId(Uuid{9, 9}), ProducerSeq(8)) == nullptr);
}

TEST_CASE("a number that waited is known to have, and is not stored as a plain one") {
  DedupTable table;
  table.record_waiting(kProducer, ProducerSeq(7), 2);
  store(table, 9, 1, 40, 5);

  CHECK(table.waited(kProducer, ProducerSeq(7)));
  CHECK(table.waited(kProducer, ProducerSeq(8)));
  CHECK_FALSE(table.waited(kProducer, ProducerSeq(9)));
  CHECK(table.find(kProducer, ProducerSeq(8)) == nullptr);
  CHECK(table.find(kProducer, ProducerSeq(9)) != nullptr);
  CHECK_FALSE(table.waited(kProducer, ProducerSeq(6)));
  table.resolve(kProducer, ProducerSeq(8));
  CHECK_FALSE(table.waited(kProducer, ProducerSeq(7)));
}

TEST_CASE("a number below resolved_below is forgotten and refused") {
  DedupTable table;
  store(table, 1, 4, 1, 1);

  CHECK(table.admit(kProducer, ProducerSeq(5), 1, ProducerSeq(4), kNow).ok());

  CHECK(table.find(kProducer, ProducerSeq(3)) == nullptr);
  CHECK(table.find(kProducer, ProducerSeq(4)) != nullptr);
  CHECK(table.admit(kProducer, ProducerSeq(3), 1, ProducerSeq(1), kNow).code() ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("a manager admits no number that the ledger would refuse to learn of") {
  DedupTable table;
  const std::uint64_t last = kProducerSeqEnd - 1;
  CHECK(table.admit(kProducer, ProducerSeq(last - 9), 10, ProducerSeq(last - 9), kNow).ok());
  CHECK(table.admit(kProducer, ProducerSeq(last - 8), 10, ProducerSeq(last - 8), kNow).code() ==
        ErrorCode::kInvalidArgument);
  CHECK(table.admit(kProducer, ProducerSeq(last + 1), 1, ProducerSeq(last + 1), kNow).code() ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("a producer has a window of 1,024 unresolved numbers") {
  DedupTable table;
  CHECK(table.admit(kProducer, ProducerSeq(1), kProducerWindow, ProducerSeq(1), kNow).ok());
  CHECK(table.admit(kProducer, ProducerSeq(kProducerWindow + 1), 1, ProducerSeq(1), kNow).code() ==
        ErrorCode::kInvalidArgument);
  CHECK(table.admit(kProducer, ProducerSeq(kProducerWindow + 1), 1, ProducerSeq(2), kNow).ok());
  CHECK(table.admit(kProducer, ProducerSeq(), 1, ProducerSeq(), kNow).code() ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("a rebuilt table keeps the newest numbers of a producer") {
  DedupTable table;
  for (std::uint64_t seq = 1; seq <= 5000; ++seq) {
    const std::uint64_t hash = seq;
    table.record(kProducer, ProducerSeq(seq), Offset(seq), {&hash, 1}, Lsn(1));
  }
  CHECK(table.find(kProducer, ProducerSeq(5000)) != nullptr);
  CHECK(table.find(kProducer, ProducerSeq(5000 - kProducerWindow + 1)) != nullptr);
  CHECK(table.find(kProducer, ProducerSeq(5000 - kProducerWindow)) == nullptr);
  CHECK(table.slots() == kProducerWindow);
}

TEST_CASE("a producer with one number in flight needs few slots, a resolved one none") {
  DedupTable table;
  for (std::uint64_t seq = 1; seq <= 5000; ++seq) {
    REQUIRE(table.admit(kProducer, ProducerSeq(seq), 1, ProducerSeq(seq), kNow).ok());
    const std::uint64_t hash = seq;
    table.record(kProducer, ProducerSeq(seq), Offset(seq), {&hash, 1}, Lsn(1));
  }
  CHECK(table.slots() <= 8);
  table.resolve(kProducer, ProducerSeq(5001));
  CHECK(table.slots() == 0);
}

TEST_CASE(
    "a full table forgets the producer that was silent longest, and refuses while all are active") {
  DedupTable table({.producers_max = 2, .slots_max = 1024, .idle_min = std::chrono::seconds(60)});
  const ProducerId first(Uuid{1, 1});
  const ProducerId second(Uuid{2, 2});
  const ProducerId third(Uuid{3, 3});
  const std::uint64_t hash = 1;
  REQUIRE(table.admit(first, ProducerSeq(1), 1, ProducerSeq(1), kNow).ok());
  table.record(first, ProducerSeq(1), Offset(1), {&hash, 1}, Lsn(1));
  REQUIRE(
      table.admit(second, ProducerSeq(1), 1, ProducerSeq(1), kNow + std::chrono::seconds(1)).ok());
  table.record(second, ProducerSeq(1), Offset(2), {&hash, 1}, Lsn(1));

  CHECK(table.admit(third, ProducerSeq(1), 1, ProducerSeq(1), kNow + std::chrono::seconds(59))
            .code() == ErrorCode::kRetryLater);
  CHECK(table.find(first, ProducerSeq(1)) != nullptr);

  CHECK(
      table.admit(third, ProducerSeq(1), 1, ProducerSeq(1), kNow + std::chrono::seconds(60)).ok());
  CHECK(table.find(first, ProducerSeq(1)) == nullptr);
  CHECK(table.find(second, ProducerSeq(1)) != nullptr);
}

TEST_CASE("the table agrees with a map of everything, whatever order the numbers come in") {
  const std::uint64_t seed = 20261122;
  CAPTURE(seed);
  Random random(seed);
  DedupTable table;
  std::map<std::uint64_t, std::uint64_t> oracle;  // seq -> offset
  std::uint64_t resolved = 1;
  std::uint64_t offset = 1;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t seq = resolved + random.below(kProducerWindow + 32);
    const std::uint64_t next_resolved = resolved + random.below(3);
    const Status status =
        table.admit(kProducer, ProducerSeq(seq), 1, ProducerSeq(next_resolved), kNow);
    resolved = next_resolved;
    oracle.erase(oracle.begin(), oracle.lower_bound(resolved));
    const bool in_window = seq >= resolved && seq - resolved < kProducerWindow;
    REQUIRE(status.ok() == in_window);
    if (!in_window) continue;
    const auto* found = table.find(kProducer, ProducerSeq(seq));
    REQUIRE((found != nullptr) == oracle.contains(seq));
    if (found != nullptr) {
      REQUIRE(found->offset.value() == oracle[seq]);
      continue;
    }
    const std::uint64_t hash = seq;
    table.record(kProducer, ProducerSeq(seq), Offset(offset), {&hash, 1}, Lsn(1));
    oracle[seq] = offset++;
  }
}

TEST_CASE("a request of new numbers is appended whole, without looking at the content") {
  DedupTable table;
  auto runs = admit_produce(table, numbers(1, 5), kNow, [](std::size_t) -> std::uint64_t {
    FAIL("content of a new number was hashed");
    return 0;
  });
  REQUIRE(runs.ok());
  REQUIRE(runs.value().size() == 1);
  CHECK(runs.value()[0].fate == ItemFate::kAppend);
  CHECK(runs.value()[0].count == 5);
}

TEST_CASE("a repeated request names the first tasks and gates the reply with their batch") {
  DedupTable table;
  store(table, 1, 3, 10, 8);

  auto runs = admit_produce(table, numbers(1, 5), kNow, hash_of_item);

  REQUIRE(runs.ok());
  REQUIRE(runs.value().size() == 2);
  CHECK(runs.value()[0].fate == ItemFate::kStored);
  CHECK(runs.value()[0].count == 3);
  CHECK(runs.value()[0].offset == Offset(10));
  CHECK(runs.value()[0].lsn == Lsn(8));
  CHECK(runs.value()[1].fate == ItemFate::kAppend);
  CHECK(runs.value()[1].item == 3);
  CHECK(runs.value()[1].count == 2);
}

TEST_CASE("the same number with other content is a conflict, the first stays") {
  DedupTable table;
  store(table, 1, 1, 10, 8);

  auto runs =
      admit_produce(table, numbers(1, 1), kNow, [](std::size_t) { return std::uint64_t{77}; });

  REQUIRE(runs.ok());
  CHECK(runs.value()[0].fate == ItemFate::kConflict);
  CHECK(runs.value()[0].lsn == Lsn(8));
  CHECK(table.find(kProducer, ProducerSeq(1))->content_hash == 1000);
}

TEST_CASE("a moved request is appended anew even where the shard has the plain record") {
  DedupTable table;
  store(table, 1, 2, 10, 8);
  ProduceNumbers moved = numbers(1, 2);
  moved.moved = true;

  auto runs = admit_produce(table, moved, kNow, hash_of_item);

  REQUIRE(runs.ok());
  REQUIRE(runs.value().size() == 1);
  CHECK(runs.value()[0].fate == ItemFate::kAppend);
}

TEST_CASE("without a producer nothing is a repetition") {
  DedupTable table;
  auto runs = admit_produce(table, {ProducerId(), ProducerSeq(), ProducerSeq(), 4, false}, kNow,
                            hash_of_item);
  REQUIRE(runs.ok());
  CHECK(runs.value()[0].count == 4);
  CHECK(table.producers() == 0);
}

}  // namespace
}  // namespace baton::manager
