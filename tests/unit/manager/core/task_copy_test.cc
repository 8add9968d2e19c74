#include "manager/core/task_copy.h"

#include <catch2/catch.hpp>

namespace baton::manager {
namespace {

TaskOptions stored_options() {
  TaskOptions stored;
  stored.priority = 8;
  stored.not_before = WallTime{1000};
  stored.time_to_live = std::chrono::hours(1);
  stored.attempt_timeout = std::chrono::minutes(1);
  stored.max_attempts = 3;
  stored.key = "invoice";
  stored.order_key = "customer";
  stored.fair_key = "tenant";
  stored.fair_weight = 4;
  stored.type = "resize";
  stored.after = {TaskId(ShardId(1), Offset(1))};
  stored.parent = TaskId(ShardId(1), Offset(2));
  stored.parent_token = Token(9);
  stored.with_completion = true;
  stored.retry_of = TaskId(ShardId(1), Offset(3));
  return stored;
}

TEST_CASE("a copy asks for what the ended task asked for, without its relations, key and time") {
  TaskOptions given;
  given.retry_of = TaskId(ShardId(1), Offset(4));

  const TaskOptions copy = copy_options(stored_options(), given);

  TaskOptions expected = stored_options();
  expected.not_before = WallTime{0};
  expected.key.clear();
  expected.after.clear();
  expected.parent = TaskId();
  expected.parent_token = Token();
  expected.with_completion = false;
  expected.retry_of = given.retry_of;
  CHECK(copy == expected);
}

TEST_CASE("what the request for a copy says goes first") {
  TaskOptions given;
  given.retry_of = TaskId(ShardId(1), Offset(4));
  given.priority = 2;
  given.not_before = WallTime{5000};
  given.type = "thumbnail";
  given.key = "again";

  const TaskOptions copy = copy_options(stored_options(), given);

  CHECK(copy.priority == 2);
  CHECK(copy.not_before == WallTime{5000});
  CHECK(copy.type == "thumbnail");
  CHECK(copy.key == "again");
  CHECK(copy.max_attempts == 3);
}

}  // namespace
}  // namespace baton::manager
