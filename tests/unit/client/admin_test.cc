// Queries against managers that say what the test tells them to.
#include <optional>

#include "tests/unit/client/fake_manager.h"

namespace baton::client {
namespace {

TEST_CASE("a query is answered with the manager's words translated") {
  ClientWorld world;
  std::optional<Result<TaskInfo>> info;
  world.client().admin().task(TaskId(17), 5s, [&](Result<TaskInfo> got) { info = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  CHECK(query.as<v1::Query>().task_show().task() == 17);
  CHECK(query.as<v1::Query>().timeout_ms() <= 5001);
  v1::Answer answer;
  answer.mutable_task()->set_task(17);
  answer.mutable_task()->set_queue("mail");
  answer.mutable_task()->set_state(v1::CLAIMED);
  answer.mutable_task()->set_token(99);
  query.answer(v1::ANSWER, answer);
  world.run_until([&] { return info.has_value(); });
  REQUIRE(info->ok());
  CHECK(info->value().queue == "mail");
  CHECK(info->value().state == TaskState::kClaimed);
  CHECK(info->value().token == Token(99));
}

TEST_CASE("a result comes as bytes") {
  ClientWorld world;
  std::optional<Result<TaskResult>> result;
  world.client().admin().task_result(TaskId(17), 5s,
                                     [&](Result<TaskResult> got) { result = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  v1::Answer answer;
  answer.mutable_result()->set_task(17);
  answer.mutable_result()->set_token(3);
  query.answer(v1::ANSWER, answer, std::string_view("a\0b", 3));
  world.run_until([&] { return result.has_value(); });
  REQUIRE(result->ok());
  CHECK(result->value().result == std::string("a\0b", 3));
}

TEST_CASE("an error that is about the question is final") {
  ClientWorld world;
  std::optional<Status> status;
  world.client().admin().remove_manager("m9", 5s, [&](const Status& got) { status = got; });
  const Received query = world.manager().expect(v1::QUERY);
  CHECK(query.as<v1::Query>().manager_remove().name() == "m9");
  v1::Answer answer;
  answer.set_code(v1::NOT_FOUND);
  answer.set_message("no manager is called m9");
  query.answer(v1::ANSWER, answer);
  world.run_until([&] { return status.has_value(); });
  CHECK(*status == Status(ErrorCode::kNotFound, "no manager is called m9"));
}

TEST_CASE("a manager that cannot answer now is left for another") {
  ClientWorld world(2);
  std::optional<Result<CenterInfo>> info;
  world.client().admin().center_status(5s, [&](Result<CenterInfo> got) { info = std::move(got); });
  world.manager(1).expect(v1::QUERY).refuse(v1::UNAVAILABLE);
  v1::Answer answer;
  answer.mutable_center()->set_index(12);
  world.manager(2).expect(v1::QUERY).answer(v1::ANSWER, answer);
  world.run_until([&] { return info.has_value(); });
  REQUIRE(info->ok());
  CHECK(info->value().index == 12);
}

TEST_CASE("a query that a lost connection left open is asked again") {
  ClientWorld world;
  std::optional<Result<std::vector<ManagerInfo>>> managers;
  world.client().admin().list_managers(
      5s, [&](Result<std::vector<ManagerInfo>> got) { managers = std::move(got); });
  world.manager().expect(v1::QUERY);
  world.manager().drop_connections();
  v1::Answer answer;
  answer.mutable_managers()->add_manager()->set_name("m1");
  world.manager().expect(v1::QUERY).answer(v1::ANSWER, answer);
  world.run_until([&] { return managers.has_value(); });
  REQUIRE(managers->ok());
  CHECK(managers->value().at(0).name == "m1");
}

TEST_CASE("a removal whose answer was lost is not reported as not found") {
  ClientWorld world;
  std::optional<Status> status;
  world.client().admin().remove_manager("m9", 5s, [&](const Status& got) { status = got; });
  world.manager().expect(v1::QUERY);
  world.manager().drop_connections();  // it was done, and nobody could say so
  v1::Answer answer;
  answer.set_code(v1::NOT_FOUND);
  world.manager().expect(v1::QUERY).answer(v1::ANSWER, answer);
  world.run_until([&] { return status.has_value(); });
  CHECK(*status == Status());
}

TEST_CASE("a removal that was not taken at first may still be not found") {
  ClientWorld world;
  std::optional<Status> status;
  world.client().admin().remove_manager("m9", 5s, [&](const Status& got) { status = got; });
  world.manager().expect(v1::QUERY).refuse(v1::RETRY_LATER);
  v1::Answer answer;
  answer.set_code(v1::NOT_FOUND);
  world.manager().expect(v1::QUERY).answer(v1::ANSWER, answer);
  world.run_until([&] { return status.has_value(); });
  CHECK(status->code() == ErrorCode::kNotFound);
}

TEST_CASE("without an answer the last error comes at the deadline") {
  ClientWorld world;
  std::optional<Result<QueuePage>> page;
  const MonoTime asked = world.now();
  world.client().admin().list_queues("", 10, "", 2s,
                                     [&](Result<QueuePage> got) { page = std::move(got); });
  world.run_for(1s);
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.run_until([&] { return page.has_value(); });
  CHECK(world.now() - asked == 2s);
  CHECK(page->status().code() == ErrorCode::kUnavailable);

  page.reset();
  world.client().admin().list_queues("", 10, "", 2s,
                                     [&](Result<QueuePage> got) { page = std::move(got); });
  world.manager().listen();
  world.manager().expect(v1::QUERY);
  world.run_until([&] { return page.has_value(); });
  CHECK_FALSE(page->ok());
}

TEST_CASE("pages keep their cursor and index") {
  ClientWorld world;
  std::optional<Result<TaskPage>> page;
  world.client().admin().list_tasks("mail", TaskState::kReady, 2, "from here", 5s,
                                    [&](Result<TaskPage> got) { page = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  const auto list = query.as<v1::Query>().task_list();
  CHECK(list.queue() == "mail");
  CHECK(list.state() == v1::READY);
  CHECK(list.limit() == 2);
  CHECK(list.cursor() == "from here");
  v1::Answer answer;
  answer.set_index(77);
  answer.mutable_tasks()->add_task()->set_task(5);
  answer.mutable_tasks()->set_next("go on");
  query.answer(v1::ANSWER, answer);
  world.run_until([&] { return page.has_value(); });
  REQUIRE(page->ok());
  CHECK(page->value().tasks.at(0).task == TaskId(5));
  CHECK(page->value().next == "go on");
  CHECK(page->value().index == 77);
}

TEST_CASE("states have names, and a wrong name is answered with all of them") {
  CHECK(to_string(TaskState::kQuarantined) == "quarantined");
  CHECK(parse_task_state("ready").value() == TaskState::kReady);
  const Status status = parse_task_state("redy").status();
  CHECK(status.code() == ErrorCode::kInvalidArgument);
  CHECK(status.message().find("delayed, ready, claimed") != std::string::npos);
}

TEST_CASE("a client needs a manager, and addresses that are some") {
  CHECK(Client::open({.managers = {}}).status().code() == ErrorCode::kInvalidArgument);
  CHECK(Client::open({.managers = {"nonsense"}}).status().code() == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace baton::client
