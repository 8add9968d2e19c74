// Queries against managers that say what the test tells them to.
#include <optional>

#include "common/base/wire_options.h"
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

TEST_CASE("a list may be filtered by the manager") {
  ClientWorld world;
  TaskFilter filter;
  filter.reason_has = "timed out";
  filter.created_before = WallTime{5000};
  filter.attempts_min = 3;
  filter.order_key = "o";
  filter.fair_key = "f";
  world.client().admin().list_tasks("mail", TaskState::kDead, filter, 2, "", 5s,
                                    [](const Result<TaskPage>&) {});
  const auto list = world.manager().expect(v1::QUERY).as<v1::Query>().task_list();
  CHECK(list.state() == v1::DEAD);
  CHECK(list.reason_has() == "timed out");
  CHECK(list.created_before_wall_ms() == 5000);
  CHECK(list.attempts_min() == 3);
  CHECK(list.order_key() == "o");
  CHECK(list.fair_key() == "f");
}

// ---- acting -----------------------------------------------------------------------------------

// What an action on these tasks gives.
class Acting {
 public:
  Acting(ClientWorld& world, TaskAction action, const std::vector<std::uint64_t>& tasks) {
    std::vector<TaskId> ids;
    for (const std::uint64_t task : tasks) ids.emplace_back(task);
    world.client().admin().act(
        action, std::move(ids), "because", 5s,
        [this](Result<std::vector<ActOutcome>> got) { outcomes = std::move(got); });
  }
  std::optional<Result<std::vector<ActOutcome>>> outcomes;
};

v1::Acted acted(std::uint32_t count, v1::ErrorCode code, v1::TaskState state) {
  v1::Acted acted;
  v1::ActedRun& run = *acted.add_run();
  run.set_count(count);
  run.set_code(code);
  run.set_state(state);
  return acted;
}

TEST_CASE("an action has an outcome for each task, in their order") {
  ClientWorld world;
  Acting acting(world, TaskAction::kCancel, {17, 18, 19});
  const Received act = world.manager().expect(v1::ACT);
  const auto message = act.as<v1::Act>();
  CHECK(message.action() == v1::CANCEL);
  CHECK(message.reason() == "because");
  CHECK(message.task_size() == 3);
  CHECK(message.timeout_ms() <= 5001);
  v1::Acted answer = acted(2, v1::OK, v1::CANCELLED);
  answer.MergeFrom(acted(1, v1::CONFLICT, v1::DONE));
  act.answer(v1::ACTED, answer);
  world.run_until([&] { return acting.outcomes.has_value(); });
  REQUIRE(acting.outcomes->ok());
  const auto& outcomes = acting.outcomes->value();
  REQUIRE(outcomes.size() == 3);
  CHECK(outcomes[1].task == TaskId(18));
  CHECK(outcomes[1].status.ok());
  CHECK(outcomes[1].state == TaskState::kCancelled);
  CHECK(outcomes[2].status.code() == ErrorCode::kConflict);
  CHECK(outcomes[2].state == TaskState::kDone);
}

TEST_CASE("an action whose answer was lost is repeated, and what it had done is not a conflict") {
  ClientWorld world;
  Acting acting(world, TaskAction::kCancel, {17, 18});
  world.manager().expect(v1::ACT);
  world.manager().drop_connections();
  v1::Acted answer = acted(1, v1::CONFLICT, v1::CANCELLED);
  answer.MergeFrom(acted(1, v1::CONFLICT, v1::DONE));
  world.manager().expect(v1::ACT).answer(v1::ACTED, answer);
  world.run_until([&] { return acting.outcomes.has_value(); });
  CHECK(acting.outcomes->value().at(0).status.ok());
  CHECK(acting.outcomes->value().at(1).status.code() == ErrorCode::kConflict);
}

TEST_CASE(
    "a completion whose answer was lost is done, also when nothing of the task is kept since") {
  ClientWorld world;
  Acting acting(world, TaskAction::kComplete, {17, 18});
  world.manager().expect(v1::ACT);
  world.manager().drop_connections();
  v1::Acted answer = acted(1, v1::CONFLICT, v1::STATE_NONE);
  answer.MergeFrom(acted(1, v1::CONFLICT, v1::DEAD));
  world.manager().expect(v1::ACT).answer(v1::ACTED, answer);
  world.run_until([&] { return acting.outcomes.has_value(); });
  CHECK(acting.outcomes->value().at(0).status.ok());
  CHECK(acting.outcomes->value().at(1).status.code() == ErrorCode::kConflict);
}

TEST_CASE("an action that the ledger did not hear of is repeated until its time is over") {
  ClientWorld world;
  Acting acting(world, TaskAction::kKill, {17, 18});
  world.manager().expect(v1::ACT).answer(v1::ACTED, acted(2, v1::UNAVAILABLE, v1::STATE_NONE));
  world.manager().expect(v1::ACT).answer(v1::ACTED, acted(2, v1::OK, v1::DEAD));
  world.run_until([&] { return acting.outcomes.has_value(); });
  REQUIRE(acting.outcomes->ok());
  CHECK(acting.outcomes->value().at(1).state == TaskState::kDead);
}

TEST_CASE("an answer that names another number of tasks is an error, not an outcome") {
  ClientWorld world;
  Acting acting(world, TaskAction::kKill, {17, 18});
  world.manager().expect(v1::ACT).answer(v1::ACTED, acted(1, v1::OK, v1::DEAD));
  world.run_until([&] { return acting.outcomes.has_value(); });
  CHECK(acting.outcomes->status().code() == ErrorCode::kBadFrame);
}

TEST_CASE("an action on no task, or on too many, is refused here") {
  ClientWorld world;
  Acting none(world, TaskAction::kCancel, {});
  Acting many(world, TaskAction::kCancel, std::vector<std::uint64_t>(1025, 17));
  world.run_until([&] { return none.outcomes.has_value() && many.outcomes.has_value(); });
  CHECK(none.outcomes->status().code() == ErrorCode::kInvalidArgument);
  CHECK(many.outcomes->status().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("an action that no manager takes in time has the last error") {
  ClientWorld world;
  Acting acting(world, TaskAction::kCancel, {17});
  world.manager().expect(v1::ACT).refuse(v1::UNAVAILABLE);
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.run_until([&] { return acting.outcomes.has_value(); });
  CHECK(acting.outcomes->status().code() == ErrorCode::kUnavailable);
}

// ---- waiting ----------------------------------------------------------------------------------

TEST_CASE("a wait goes on, without a pause or another manager, until the task has finished") {
  ClientWorld world(2);
  std::optional<Result<TaskInfo>> info;
  world.client().admin().wait_task(TaskId(17), 60s,
                                   [&](Result<TaskInfo> got) { info = std::move(got); });
  for (int i = 0; i < 3; ++i) {
    const Received wait = world.manager(1).expect(v1::QUERY);
    CHECK(wait.as<v1::Query>().task_wait().task() == 17);
    CHECK(wait.as<v1::Query>().timeout_ms() <= 5001);
    v1::Answer not_yet;
    not_yet.set_code(v1::DEADLINE_EXCEEDED);
    wait.answer(v1::ANSWER, not_yet);
  }
  v1::Answer answer;
  answer.mutable_task()->set_state(v1::DONE);
  world.manager(1).expect(v1::QUERY).answer(v1::ANSWER, answer);
  world.run_until([&] { return info.has_value(); });
  CHECK(info->value().state == TaskState::kDone);
  CHECK_FALSE(world.manager(2).has(v1::QUERY));
}

TEST_CASE("a task that has not finished in time is told apart from a cluster that is away") {
  ClientWorld world;
  std::optional<Result<TaskInfo>> info;
  const auto keep = [&](Result<TaskInfo> got) { info = std::move(got); };
  world.client().admin().wait_task(TaskId(17), 2s, keep);
  const Received wait = world.manager().expect(v1::QUERY);
  v1::Answer not_yet;
  not_yet.set_code(v1::DEADLINE_EXCEEDED);
  wait.answer(v1::ANSWER, not_yet);
  world.run_until([&] { return info.has_value(); });
  CHECK(info->status().code() == ErrorCode::kDeadlineExceeded);

  info.reset();
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.client().admin().wait_task(TaskId(17), 2s, keep);
  world.run_until([&] { return info.has_value(); });
  CHECK(info->status().code() == ErrorCode::kUnavailable);
}

// ---- queues and payloads ----------------------------------------------------------------------

TEST_CASE("an explanation has a sentence, a code, and the task that is waited for") {
  ClientWorld world;
  std::optional<Result<Explanation>> explanation;
  world.client().admin().explain_task(
      TaskId(17), 5s, [&](Result<Explanation> got) { explanation = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  CHECK(query.as<v1::Query>().task_explain().task() == 17);
  v1::Answer answer;
  answer.mutable_explanation()->mutable_task()->set_task(17);
  answer.mutable_explanation()->set_sentence("it waits for task 16");
  answer.mutable_explanation()->set_because(v1::EXPLAIN_ORDER_KEY);
  answer.mutable_explanation()->set_other(16);
  query.answer(v1::ANSWER, answer);
  world.run_until([&] { return explanation.has_value(); });
  CHECK(explanation->value().sentence == "it waits for task 16");
  CHECK(to_string(explanation->value().because) == "order_key");
  CHECK(explanation->value().other == TaskId(16));
}

TEST_CASE("every reason of an explanation has a name of its own") {
  CHECK(to_string(ExplainCode::kNone) == "none");
  CHECK(to_string(ExplainCode::kFairKeyLimit) == "fair_key_limit");
  CHECK(to_string(ExplainCode::kManagerAway) == "manager_away");
  CHECK(to_string(ExplainCode::kPurging) == "purging");
}

TEST_CASE("a payload comes as bytes") {
  ClientWorld world;
  std::optional<Result<std::string>> payload;
  world.client().admin().task_payload(TaskId(17), 5s,
                                      [&](Result<std::string> got) { payload = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  CHECK(query.as<v1::Query>().task_payload().task() == 17);
  query.answer(v1::ANSWER, v1::Answer(), std::string_view("a\0b", 3));
  world.run_until([&] { return payload.has_value(); });
  CHECK(payload->value() == std::string("a\0b", 3));
}

TEST_CASE("a queue is shown with all its settings") {
  ClientWorld world;
  std::optional<Result<QueueDetail>> detail;
  world.client().admin().show_queue("mail", 5s,
                                    [&](Result<QueueDetail> got) { detail = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  CHECK(query.as<v1::Query>().queue_show().queue() == "mail");
  v1::Answer answer;
  v1::QueueDetail& queue = *answer.mutable_queue();
  queue.mutable_info()->set_name("mail");
  queue.mutable_info()->set_blocked(3);
  queue.mutable_settings()->set_lease_ms(60'000);
  queue.mutable_settings()->set_on_uncertain(v1::HOLD);
  queue.set_keys(9);
  queue.mutable_info()->set_key_window_ms(70'000);
  query.answer(v1::ANSWER, answer);
  world.run_until([&] { return detail.has_value(); });
  REQUIRE(detail->ok());
  CHECK(detail->value().info.blocked == 3);
  CHECK(detail->value().settings.lease == Millis(60'000));
  CHECK(detail->value().settings.on_uncertain == OnUncertain::kHold);
  CHECK(detail->value().settings.max_attempts == kMaxAttemptsDefault);
  CHECK(detail->value().info.key_window == Millis(70'000));
}

TEST_CASE("only the settings that are named are changed") {
  ClientWorld world;
  std::optional<Status> status;
  QueueChange change;
  change.max_attempts = 7;
  change.paused = false;
  world.client().admin().set_queue("mail", change, 5s, [&](const Status& got) { status = got; });
  const Received query = world.manager().expect(v1::QUERY);
  const auto set = query.as<v1::Query>().queue_set();
  CHECK(set.queue() == "mail");
  CHECK(queue_change_from_wire(set.settings()) == change);
  query.answer(v1::ANSWER, v1::Answer());
  world.run_until([&] { return status.has_value(); });
  CHECK(status->ok());
}

TEST_CASE("a purge says how many tasks it ends") {
  ClientWorld world;
  std::optional<Result<std::uint64_t>> tasks;
  world.client().admin().purge_queue("mail", 5s,
                                     [&](Result<std::uint64_t> got) { tasks = std::move(got); });
  const Received query = world.manager().expect(v1::QUERY);
  CHECK(query.as<v1::Query>().queue_purge().queue() == "mail");
  v1::Answer answer;
  answer.mutable_purge()->set_tasks(41);
  query.answer(v1::ANSWER, answer);
  world.run_until([&] { return tasks.has_value(); });
  CHECK(tasks->value() == 41);
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
