#include "manager/core/result_watch.h"

#include <catch2/catch.hpp>

namespace baton::manager {
namespace {

using std::chrono::seconds;

const MonoTime kStart{seconds(100)};

ResultKey key(std::uint64_t lsn, RecordKind kind = RecordKind::kCheckpoint) {
  return {TaskId(ShardId(5), Offset(1)), Token(9), kind, ShardId(5), Lsn(lsn)};
}

TEST_CASE("a record is in doubt until the operation that names it is answered") {
  ResultWatch watch;
  watch.written(key(1), kStart);
  CHECK(watch.in_doubt(key(1)));
  CHECK_FALSE(watch.in_doubt(key(1, RecordKind::kResult)));
  watch.answered(key(1));
  CHECK_FALSE(watch.in_doubt(key(1)));
}

TEST_CASE("a record that two operations name is in doubt until both are answered") {
  ResultWatch watch;
  watch.written(key(1), kStart);
  watch.written(key(1), kStart);
  watch.answered(key(1));
  CHECK(watch.in_doubt(key(1)));
  CHECK(watch.due(kStart + seconds(120), 10).empty());
  watch.answered(key(1));
  CHECK(watch.size() == 0);
}

TEST_CASE("what was abandoned is asked about, but not while another operation names it") {
  ResultWatch watch;
  watch.written(key(1), kStart);
  watch.written(key(1), kStart);
  watch.abandoned(key(1));
  CHECK(watch.due(kStart + seconds(120), 10).empty());
  watch.answered(key(1));
  CHECK(watch.in_doubt(key(1)));
  CHECK(watch.due(kStart + seconds(120), 10).size() == 1);

  watch.settled(key(1), SettleVerdict::kOpen, kStart + seconds(120));
  CHECK(watch.due(kStart + seconds(121), 10).empty());
  watch.settled(key(1), SettleVerdict::kDrop, kStart + seconds(200));
  CHECK(watch.size() == 0);
}

}  // namespace
}  // namespace baton::manager
