// ACT, and the questions about single tasks and queues.
#include <catch2/catch.hpp>

#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

class ActWorld : public NodeWorld {
 public:
  ActWorld() {
    center.start();
    start_registered();
    person = client();
    produce(*person, 1, {"first", "second"});
  }

  static v1::Act act(const std::vector<TaskId>& tasks, v1::TaskAction action = v1::CANCEL) {
    v1::Act act;
    act.set_action(action);
    for (const TaskId task : tasks) act.add_task(task.value());
    return act;
  }
  v1::Acted say(const v1::Act& act) {
    person->say(v1::ACT, ++request_, act);
    return person->await_message<v1::Acted>(v1::ACTED, request_);
  }
  v1::ErrorCode refused(const v1::Act& act) {
    person->say(v1::ACT, ++request_, act);
    return person->await_message<v1::Error>(v1::ERROR, request_).code();
  }
  FakePeer::Heard ask(const v1::Query& query) {
    person->say(v1::QUERY, ++request_, query);
    return person->await(v1::ANSWER, request_);
  }
  v1::Answer answer(const v1::Query& query) {
    v1::Answer answer;
    REQUIRE(parse_metadata(ask(query).metadata, answer).ok());
    return answer;
  }
  static v1::ActedItem item(v1::ErrorCode code, v1::TaskState state = v1::STATE_NONE) {
    v1::ActedItem item;
    item.set_code(code);
    item.set_state(state);
    return item;
  }

  std::unique_ptr<FakePeer> person;

 private:
  std::uint64_t request_ = 100;
};

TEST_CASE_METHOD(ActWorld, "a connection may have 1,024 questions open, and no more") {
  center.on_query = [](const v1::Query&) { return v1::ChannelAnswer(); };
  v1::Query query;
  query.mutable_center_status();
  constexpr std::uint64_t kFirst = 10'000;
  for (std::uint64_t i = 0; i < 1025; ++i) person->say(v1::QUERY, kFirst + i, query);
  const auto code = [&](std::uint64_t request) {
    return person->await_message<v1::Answer>(v1::ANSWER, kFirst + request).code();
  };
  CHECK(code(1024) == v1::RETRY_LATER);
  for (std::uint64_t i = 0; i < 1024; ++i) REQUIRE(code(i) == v1::OK);
  CHECK(answer(query).code() == v1::OK);
}

TEST_CASE_METHOD(ActWorld, "each task of an act has its own outcome, in order") {
  center.acted[task(2).value()] = {item(v1::CONFLICT, v1::DONE)};
  v1::Act all = act({task(1), task(1), task(2), TaskId(1)}, v1::KILL);
  all.set_reason("no more");
  const v1::Acted acted = say(all);

  REQUIRE(acted.run_size() == 3);
  CHECK(acted.run(0).count() == 2);
  CHECK(acted.run(0).code() == v1::OK);
  CHECK(acted.run(0).state() == v1::CANCELLED);
  CHECK(acted.run(1).code() == v1::CONFLICT);
  CHECK(acted.run(1).state() == v1::DONE);
  CHECK(acted.run(2).code() == v1::NOT_FOUND);
  const v1::ActOn& told = center.last(v1::Command::kActOn).act_on();
  CHECK(told.action() == v1::KILL);
  CHECK(told.reason() == "no more");
  CHECK(told.task_size() == 3);
}

TEST_CASE_METHOD(ActWorld,
                 "a task that the ledger has not heard of yet is asked for again, alone") {
  const TaskId far(ShardId(9), Offset(4));
  center.acted[far.value()] = {item(v1::UNAVAILABLE), item(v1::UNAVAILABLE),
                               item(v1::OK, v1::CANCELLED)};
  const v1::Acted acted = say(act({task(1), far}));
  REQUIRE(acted.run_size() == 1);
  CHECK(acted.run(0).count() == 2);
  CHECK(center.count(v1::Command::kActOn) == 3);
  CHECK(center.last(v1::Command::kActOn).act_on().task_size() == 1);
}

TEST_CASE_METHOD(ActWorld, "a task that never comes is unavailable when the time is over") {
  const TaskId far(ShardId(9), Offset(4));
  center.acted[far.value()] = {item(v1::UNAVAILABLE)};
  v1::Act patient = act({far});
  patient.set_timeout_ms(300);
  CHECK(say(patient).run(0).code() == v1::UNAVAILABLE);
}

TEST_CASE_METHOD(ActWorld, "a task that the shard here does not have is not_found at once") {
  center.acted[task(7).value()] = {item(v1::UNAVAILABLE)};
  CHECK(say(act({task(7)})).run(0).code() == v1::NOT_FOUND);
  CHECK(center.count(v1::Command::kActOn) == 1);
}

TEST_CASE_METHOD(ActWorld,
                 "a task that its shard elsewhere does not have is not_found before long") {
  const TaskId far(ShardId(9), Offset(4));
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.codes[far.value()] = v1::NOT_FOUND;
  enroll_peer();
  run_for(std::chrono::milliseconds(1500));
  SECTION("and neither has the ledger since") {
    center.acted[far.value()] = {item(v1::UNAVAILABLE)};
    const auto began = scheduler.now();
    CHECK(say(act({far})).run(0).code() == v1::NOT_FOUND);
    CHECK(scheduler.now() - began < std::chrono::seconds(1));
    CHECK(center.count(v1::Command::kActOn) > 1);
  }
  SECTION("but the ledger has heard of it meanwhile: it has ended, and was collected") {
    center.acted[far.value()] = {item(v1::UNAVAILABLE), item(v1::CONFLICT)};
    CHECK(say(act({far})).run(0).code() == v1::CONFLICT);
  }
}

TEST_CASE_METHOD(ActWorld, "without the center an act is unavailable") {
  center.stop();
  run_for(std::chrono::seconds(1));
  CHECK(say(act({task(1)})).run(0).code() == v1::UNAVAILABLE);
}

TEST_CASE_METHOD(ActWorld, "wrong acts are refused whole") {
  CHECK(refused(act({})) == v1::INVALID_ARGUMENT);
  CHECK(refused(act({task(1)}, v1::ACTION_NONE)) == v1::INVALID_ARGUMENT);
  CHECK(refused(act({task(1)}, static_cast<v1::TaskAction>(50))) == v1::INVALID_ARGUMENT);
  v1::Act wordy = act({task(1)});
  wordy.set_reason(std::string(kReasonBytesMax + 1, 'x'));
  CHECK(refused(wordy) == v1::INVALID_ARGUMENT);
  CHECK(refused(act(std::vector<TaskId>(kBatchItemsMax + 1, task(1)))) == v1::INVALID_ARGUMENT);
  CHECK(center.count(v1::Command::kActOn) == 0);
}

// ---- questions ----

TEST_CASE_METHOD(ActWorld, "a payload is asked for with its task, and follows the answer") {
  std::vector<v1::Query> asked;
  center.on_query = [&](const v1::Query& query) {
    asked.push_back(query);
    v1::ChannelAnswer answer;
    answer.mutable_answer()->mutable_task()->set_task(query.task_show().task());
    return answer;
  };
  v1::Query query;
  query.mutable_task_payload()->set_task(task(2).value());
  const FakePeer::Heard heard = ask(query);
  CHECK(heard.payload == "second");
  v1::Answer told;
  REQUIRE(parse_metadata(heard.metadata, told).ok());
  CHECK(told.task().payload_bytes() == 6);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].has_task_show());

  query.mutable_task_payload()->set_task(task(9).value());
  CHECK(answer(query).code() == v1::NOT_FOUND);
  query.mutable_task_payload()->set_task(TaskId(ShardId(9), Offset(1)).value());
  CHECK(answer(query).code() == v1::UNAVAILABLE);
}

TEST_CASE_METHOD(ActWorld,
                 "waiting and explaining are the center's to answer, for tasks that are") {
  v1::Query wait;
  wait.mutable_task_wait()->set_task(task(1).value());
  v1::Query explain;
  explain.mutable_task_explain()->set_task(task(1).value());
  center.on_query = [&](const v1::Query& query) {
    v1::ChannelAnswer answer;
    if (query.has_task_wait()) {
      answer.mutable_answer()->mutable_task()->set_state(v1::DONE);
    } else {
      answer.mutable_answer()->mutable_explanation()->set_because(v1::EXPLAIN_TURN);
    }
    return answer;
  };
  CHECK(answer(wait).task().state() == v1::DONE);
  CHECK(answer(explain).explanation().because() == v1::EXPLAIN_TURN);

  wait.mutable_task_wait()->set_task(1);
  CHECK(answer(wait).code() == v1::NOT_FOUND);
  explain.mutable_task_explain()->set_task(1);
  CHECK(answer(explain).code() == v1::NOT_FOUND);
}

TEST_CASE_METHOD(ActWorld,
                 "settings of a queue are checked one by one before the center is asked") {
  std::size_t asked = 0;
  center.on_query = [&](const v1::Query&) {
    ++asked;
    return v1::ChannelAnswer();
  };
  const auto set = [&](const std::function<void(v1::QueueSettings&)>& change) {
    v1::Query query;
    query.mutable_queue_set()->set_queue("mail");
    change(*query.mutable_queue_set()->mutable_settings());
    return answer(query).code();
  };
  using S = v1::QueueSettings;
  const std::vector<std::function<void(S&)>> wrongs = {
      [](S& s) { s.set_lease_ms(10); },
      [](S& s) { s.set_lease_ms(UINT32_MAX); },
      [](S& s) { s.set_max_attempts(0); },
      [](S& s) { s.set_max_attempts(1001); },
      [](S& s) { s.set_max_expiries(0); },
      [](S& s) { s.set_backoff_min_ms(UINT64_MAX); },
      [](S& s) { s.set_backoff_max_ms(UINT64_MAX); },
      [](S& s) {
        s.set_backoff_min_ms(10);
        s.set_backoff_max_ms(9);
      },
      [](S& s) { s.set_backoff_factor_percent(99); },
      [](S& s) { s.set_backoff_jitter_percent(101); },
      [](S& s) { s.set_keep(static_cast<v1::KeepFinished>(9)); },
      [](S& s) { s.set_keep_age_ms(UINT64_MAX); },
      [](S& s) { s.set_keep_count(UINT64_MAX); },
      [](S& s) { s.set_max_rate(UINT32_MAX); },
      [](S& s) { s.set_paused_until_wall_ms(-1); },
      [](S& s) { s.set_weight(0); },
      [](S& s) { s.set_weight(101); },
      [](S& s) { s.set_ageing(UINT32_MAX); },
      [](S& s) { s.set_key_window_ms(1); },
      [](S& s) { s.set_key_count(0); },
      [](S& s) { s.set_on_uncertain(static_cast<v1::OnUncertain>(9)); },
      [](S& s) { s.set_on_dead(static_cast<v1::OnDead>(9)); },
      [](S& s) { s.set_time_to_live_ms(UINT64_MAX); },
      [](S& s) { s.set_wait_timeout_ms(UINT64_MAX); },
      [](S& s) { s.set_attempt_timeout_ms(0); },
      [](S& s) { s.set_total_timeout_ms(UINT64_MAX); },
  };
  for (std::size_t i = 0; i < wrongs.size(); ++i) {
    INFO("wrong setting " << i);
    CHECK(set(wrongs[i]) == v1::INVALID_ARGUMENT);
  }
  CHECK(asked == 0);
  // What it means together with the queue's other settings only the ledger knows.
  CHECK(set([](S& s) { s.set_backoff_min_ms(3'600'000); }) == v1::OK);
  CHECK(set([](S& s) { s.set_backoff_max_ms(1); }) == v1::OK);
  CHECK(asked == 2);
}

TEST_CASE_METHOD(ActWorld, "questions about queues are passed on when they name one") {
  std::vector<v1::Query> asked;
  center.on_query = [&](const v1::Query& query) {
    asked.push_back(query);
    v1::ChannelAnswer answer;
    answer.mutable_answer()->mutable_purge()->set_tasks(7);
    return answer;
  };
  v1::Query purge;
  purge.mutable_queue_purge()->set_queue("mail");
  CHECK(answer(purge).purge().tasks() == 7);
  v1::Query show;
  show.mutable_queue_show()->set_queue("mail");
  CHECK(answer(show).code() == v1::OK);
  CHECK(asked.size() == 2);

  for (const char* wrong : {"", "two words"}) {
    purge.mutable_queue_purge()->set_queue(wrong);
    CHECK(answer(purge).code() == v1::INVALID_ARGUMENT);
    show.mutable_queue_show()->set_queue(wrong);
    CHECK(answer(show).code() == v1::INVALID_ARGUMENT);
    v1::Query set;
    set.mutable_queue_set()->set_queue(wrong);
    CHECK(answer(set).code() == v1::INVALID_ARGUMENT);
  }
}

TEST_CASE_METHOD(ActWorld, "filters of a list are bounded") {
  const auto list = [&](const std::function<void(v1::TaskList&)>& change) {
    v1::Query query;
    v1::TaskList& list = *query.mutable_task_list();
    list.set_queue("mail");
    list.set_limit(10);
    list.set_state(v1::DEAD);
    change(list);
    return answer(query).code();
  };
  CHECK(list([](auto&) {}) == v1::OK);
  CHECK(list([](auto& l) { l.set_limit(1001); }) == v1::INVALID_ARGUMENT);
  CHECK(list([](auto& l) { l.set_state(static_cast<v1::TaskState>(99)); }) == v1::INVALID_ARGUMENT);
  CHECK(list([](auto& l) { l.set_reason_has(std::string(1025, 'x')); }) == v1::INVALID_ARGUMENT);
  CHECK(list([](auto& l) { l.set_order_key(std::string(201, 'x')); }) == v1::INVALID_ARGUMENT);
  CHECK(list([](auto& l) { l.set_fair_key(std::string(201, 'x')); }) == v1::INVALID_ARGUMENT);
}

TEST_CASE_METHOD(ActWorld, "a cursor that no list has had is refused, and not taken for the end") {
  v1::Query tasks;
  tasks.mutable_task_list()->set_queue("mail");
  tasks.mutable_task_list()->set_limit(10);
  tasks.mutable_task_list()->set_state(v1::DEAD);
  for (const char* cursor : {"x", "-1", "1.5", "1 ", "99999999999999999999"}) {
    tasks.mutable_task_list()->set_cursor(cursor);
    CHECK(answer(tasks).code() == v1::INVALID_ARGUMENT);
  }
  tasks.mutable_task_list()->set_cursor("17592186044417");
  CHECK(answer(tasks).code() == v1::OK);
  v1::Query queues;
  queues.mutable_queue_list()->set_limit(10);
  CHECK(answer(queues).code() == v1::OK);
  queues.mutable_queue_list()->set_cursor("mail");
  CHECK(answer(queues).code() == v1::OK);
  queues.mutable_queue_list()->set_cursor("no name");
  CHECK(answer(queues).code() == v1::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace baton::manager
