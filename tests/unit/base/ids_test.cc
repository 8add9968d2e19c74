#include "common/base/ids.h"

#include <catch2/catch.hpp>

using namespace baton;

TEST_CASE("a task id keeps its shard and its offset, up to the largest of each") {
  const TaskId task{ShardId(kShardIdMax), Offset(kOffsetMax)};

  CHECK(task.shard() == ShardId(kShardIdMax));
  CHECK(task.offset() == Offset(kOffsetMax));
  CHECK(task.value() == ~std::uint64_t{0});
}

TEST_CASE("a task id is read back from its text, and nothing else is") {
  const TaskId task{ShardId(3), Offset(17)};

  CHECK(parse_task_id(to_string(task)).value() == task);
  for (const char* text :
       {"", "x", "-1", "1", "17592186044416", "18446744073709551616", "52776558133265 "}) {
    CAPTURE(text);
    CHECK(parse_task_id(text).status().code() == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("a uuid is read back from its 32 hex digits, and nothing else is") {
  const Uuid uuid{0x0123456789abcdefU, 0xfedcba9876543210U};

  CHECK(to_string(uuid) == "0123456789abcdeffedcba9876543210");
  CHECK(parse_uuid(to_string(uuid)).value() == uuid);
  CHECK_FALSE(parse_uuid("0123456789abcdeffedcba987654321").ok());
  CHECK_FALSE(parse_uuid("0123456789abcdef-edcba9876543210").ok());
}
