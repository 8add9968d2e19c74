// The center as managers meet it, over a simulated network and disk.
#include <catch2/catch.hpp>

#include "center/storage/wire_values.h"
#include "tests/unit/center_service/center_fixture.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::testing;

namespace {

// One manager, three tasks in queue "q", one consumer that allows `total` grants.
TestManager& with_three_tasks(CenterWorld& world, std::uint64_t total) {
  REQUIRE(world.start_center().ok());
  TestManager& manager = world.join_manager("m1");
  const auto reported = manager.send({created(manager, Offset(1), 3, "q")});
  REQUIRE(reported.outcome(0).created().code() == v1::OK);
  manager.next_offset = manager.durable_end = Offset(4);
  manager.crc = 4 * 31;
  const auto waiting = manager.send({attach(kSession, 1), demand(kSession, 1, 1, "q", total)});
  REQUIRE(waiting.outcome(0).attach().code() == v1::OK);
  REQUIRE(waiting.outcome(1).simple().code() == v1::OK);
  world.run(10ms);
  return manager;
}

v1::TaskInfo show(TestManager& manager, std::uint64_t task) {
  v1::Query query;
  query.mutable_task_show()->set_task(task);
  const v1::ChannelAnswer answer = manager.ask_client(query);
  REQUIRE(answer.code() == v1::OK);
  return answer.answer().task();
}

v1::ManagerInfo manager_info(TestManager& asked, const std::string& name) {
  v1::Query query;
  query.mutable_manager_list();
  const v1::ChannelAnswer answer = asked.ask_client(query);
  for (const v1::ManagerInfo& manager : answer.answer().managers().manager()) {
    if (manager.name() == name) return manager;
  }
  FAIL("no manager " << name);
  return {};
}

}  // namespace

TEST_CASE("register, created, attach, demand, grant, ack: the conversation of a task") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 2);

  REQUIRE(manager.grants.size() == 2);
  CHECK(TaskId(manager.grants[0].task()) == TaskId(manager.shard, Offset(1)));
  CHECK(TaskId(manager.grants[1].task()) == TaskId(manager.shard, Offset(2)));
  CHECK(manager.grants[0].number() == 1);
  CHECK(manager.grants[1].token() > manager.grants[0].token());
  CHECK(show(manager, manager.grants[0].task()).state() == v1::CLAIMED);

  const auto acked = manager.send({ack(kSession, 1, manager.grants[0])});
  CHECK(acked.outcome(0).operations().outcome(0).code() == v1::OK);
  CHECK(show(manager, manager.grants[0].task()).state() == v1::DONE);

  // A token that is not current is refused, whoever sends it.
  v1::Grant stale = manager.grants[1];
  stale.set_token(stale.token() - 1);
  const auto refused = manager.send({ack(kSession, 2, stale)});
  CHECK(refused.outcome(0).operations().outcome(0).code() == v1::CLAIM_SUPERSEDED);
}

TEST_CASE("the outcomes of an entry come before its grants") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.order.clear();

  manager.send({demand(kSession, 1, 1, "q", 3)});
  world.run(10ms);

  CHECK(manager.order == std::vector<std::string>{"outcomes", "grants"});
  CHECK(manager.grants.size() == 3);
}

TEST_CASE("the answer to the end of a wait comes after the grants of its entry") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.order.clear();
  v1::Command end;
  to_wire(kSession, end.mutable_end_wait()->mutable_session());
  end.mutable_end_wait()->set_conn_epoch(1);
  end.mutable_end_wait()->set_line(1);

  // Something else in the entry gives the line its last task.
  manager.send({demand(kSession, 1, 1, "q", 1), end});

  REQUIRE(manager.grants.size() == 1);
  CHECK(manager.order == std::vector<std::string>{"grants", "outcomes"});
}

TEST_CASE("a grant goes to the manager of the session, wherever the task is") {
  CenterWorld world;
  TestManager& one = with_three_tasks(world, 0);
  TestManager& two = world.join_manager("m2");
  const SessionId other(Uuid{8, 8});

  two.send({attach(other, 1), demand(other, 1, 1, "q", 1)});
  world.run(10ms);

  CHECK(one.grants.empty());
  REQUIRE(two.grants.size() == 1);
  CHECK(TaskId(two.grants[0].task()).shard() == one.shard);
}

TEST_CASE("commands out of range are refused one by one, the others have their effect") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  v1::Command no_lease = demand(kSession, 1, 2, "q", 1);
  no_lease.mutable_demand()->set_lease_ms(1);
  v1::Command tick;
  tick.mutable_tick()->set_elapsed_ms(1000);

  const auto outcomes = manager.send({no_lease, tick, demand(kSession, 1, 1, "q", 1)});

  REQUIRE(outcomes.outcome_size() == 3);
  CHECK(outcomes.outcome(0).simple().code() == v1::INVALID_ARGUMENT);
  CHECK(outcomes.outcome(1).simple().code() == v1::DENIED);
  CHECK(outcomes.outcome(2).simple().code() == v1::OK);
  world.run(10ms);
  CHECK(manager.grants.size() == 1);
}

TEST_CASE("frames of an incarnation that is over, or of another store's, are denied") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  TestManager& thief = world.join_manager("m2");
  const Incarnation own = thief.incarnation;

  thief.incarnation = manager.incarnation;
  CHECK(thief.send({demand(kSession, 1, 1, "q", 3)}).code() == v1::DENIED);
  thief.incarnation = Incarnation(99);
  CHECK(thief.send({demand(kSession, 1, 1, "q", 3)}).code() == v1::DENIED);
  thief.incarnation = own;
  CHECK(thief.send({heartbeat(kSession, {})}).code() == v1::OK);
  thief.incarnation = {};
  const auto anonymous = thief.send({demand(kSession, 1, 1, "q", 3)});
  CHECK(anonymous.outcome(0).simple().code() == v1::DENIED);
}

TEST_CASE("a manager that is silent is declared offline, and up again when it registers") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  TestManager& watcher = world.join_manager("m2");
  world.run(3s);  // past the grace of the start
  const std::int64_t since = manager_info(watcher, "m1").since_wall_ms();
  CHECK(manager_info(watcher, "m1").up());
  CHECK(since > 1'790'000'000'000);

  manager.stop_beating();
  world.run(500ms);
  CHECK(manager_info(watcher, "m1").up());
  world.run(500ms);
  CHECK_FALSE(manager_info(watcher, "m1").up());
  CHECK(manager_info(watcher, "m1").since_wall_ms() > since + 3000);
  CHECK(world.center->metrics().shards_declared_offline == 1);
  CHECK(world.logger.contains("shard silent, declared offline"));

  world.reconnect(manager);
  CHECK(manager.register_again().result() == v1::REGISTERED);
  CHECK(manager_info(watcher, "m1").up());
}

TEST_CASE(
    "a manager that was declared offline while its connection lived is made to register again") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  world.run(3s);
  const int closed = manager.closed;

  manager.stop_beating();
  world.run(1s);

  CHECK(manager.closed == closed + 1);
}

TEST_CASE("what a manager said to be durable must be there at its next register") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.durable_end = Offset(10);  // stored, but not reported yet
  world.run(3s);

  SECTION("when it was declared offline") {
    manager.stop_beating();
    world.run(1s);
  }
  SECTION("when it comes back at once") {}
  manager.disconnect();
  world.run(20ms);
  manager.new_life();
  manager.next_offset = Offset(8);  // an older copy of its disk
  manager.start(world.options.listen);
  REQUIRE(world.scheduler.run_until([&] { return manager.is_open(); }, 1s));

  CHECK(manager.register_again().result() == v1::REGISTER_ROLLED_BACK);
}

TEST_CASE("a manager that restarts registers at once: its old connection is gone") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  const Incarnation before = manager.incarnation;

  manager.disconnect();
  world.run(20ms);
  manager.new_life();
  manager.start(world.options.listen);
  REQUIRE(world.scheduler.run_until([&] { return manager.is_open(); }, 1s));

  CHECK(manager.register_again().result() == v1::REGISTERED);
  CHECK(manager.incarnation > before);
}

TEST_CASE("a copy of a running manager is refused") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  TestManager& copy = world.add_manager("copy");
  copy.store = manager.store;
  copy.shard = manager.shard;
  copy.next_offset = manager.next_offset;
  copy.crc = manager.crc;
  copy.epoch = manager.epoch + 1;
  REQUIRE(world.scheduler.run_until([&] { return copy.is_open(); }, 1s));

  CHECK(copy.register_again().result() == v1::REGISTER_IN_USE);
  CHECK(manager.send({heartbeat(kSession, {})}).code() == v1::OK);
}

TEST_CASE("a restarted center replays its log: claims, credit and tokens are as before") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 2);
  REQUIRE(manager.grants.size() == 2);
  const v1::Grant claim = manager.grants[0];

  world.restart_center();
  REQUIRE(world.scheduler.run_until([&] { return manager.closed > 0 && manager.is_open(); }, 10s));
  CHECK(manager.register_again().result() == v1::REGISTERED);

  v1::ChannelQuery query;
  v1::ResyncSession* session = query.mutable_resync()->add_session();
  session->mutable_session()->set_hi(7);
  session->mutable_session()->set_lo(7);
  session->set_conn_epoch(1);
  session->set_last_number(1);
  const v1::ChannelAnswer resynced = manager.ask(query);
  REQUIRE(resynced.resync().session_size() == 1);
  CHECK(resynced.resync().session(0).code() == v1::OK);
  CHECK(resynced.resync().session(0).grants() == 2);
  REQUIRE(resynced.resync().session(0).claim_size() == 1);
  CHECK(resynced.resync().session(0).claim(0).token() == manager.grants[1].token());

  CHECK(show(manager, claim.task()).token() == claim.token());
  const auto acked = manager.send({ack(kSession, 1, claim)});
  CHECK(acked.outcome(0).operations().outcome(0).code() == v1::OK);
}

TEST_CASE("what managers ask before the log is replayed is held and answered, not refused") {
  CenterWorld world;
  world.options.sync_mode = SyncMode::kWorker;
  world.worker_mode = sim::SimWorker::Mode::kDelayed;
  world.sync_delay_max = 500ms;  // of the term's first entry, too
  REQUIRE(world.start_center().ok());

  TestManager& manager = world.join_manager("m1");

  CHECK(manager.failures.empty());
  CHECK(world.logger.contains("manager connected"));
  CHECK(world.logger.find("manager connected") < world.logger.find("serving"));
}

TEST_CASE("snapshots cut the log, and a restart begins with them") {
  CenterWorld world;
  world.options.snapshot_log_bytes = 2048;
  REQUIRE(world.start_center().ok());
  TestManager& manager = world.join_manager("m1");
  manager.send({attach(kSession, 1), demand(kSession, 1, 1, "q", 5)});
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto reported = manager.send({created(manager, Offset(1 + i * 10), 10, "q")});
    REQUIRE(reported.outcome(0).created().code() == v1::OK);
  }
  world.run(1s);
  REQUIRE(world.center->metrics().snapshots >= 2);
  const std::string claimed = std::to_string(manager.grants.size());
  v1::Query status;
  status.mutable_center_status();
  const v1::CenterInfo before = manager.ask_client(status).answer().center();

  world.restart_center();
  REQUIRE(world.scheduler.run_until([&] { return manager.closed > 0 && manager.is_open(); }, 10s));
  const v1::CenterInfo after = manager.ask_client(status).answer().center();

  CHECK(world.center->metrics().entries < 100);
  CHECK(after.snapshot_index() > 0);
  CHECK(after.tasks_waiting() == 995);
  CHECK(after.tasks_claimed() == 5);
  CHECK(after.cluster().hi() == before.cluster().hi());
  CHECK(after.term() > before.term());
  CHECK(after.index() > before.index());
}

TEST_CASE("an idle center proposes nothing; one with claims ticks, and an abandoned claim ends") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  // Sessions wait for lease time, too: until the idle one is removed, and the grace is over.
  world.run(30min);
  const std::uint64_t idle = world.center->metrics().entries;
  world.run(60s);
  CHECK(world.center->metrics().entries == idle);

  manager.send({attach(kSession, 2), demand(kSession, 2, 1, "q", 1, 3s)});
  world.run(1s);
  REQUIRE(manager.grants.size() == 1);
  CHECK(world.center->metrics().ticks > 5);
  CHECK(show(manager, manager.grants[0].task()).state() == v1::CLAIMED);
  world.run(6s);
  // The session allows no more grants: the task is ready again.
  CHECK(show(manager, manager.grants[0].task()).state() == v1::READY);
  CHECK(show(manager, manager.grants[0].task()).expiries() == 1);
}

TEST_CASE("heartbeats keep a claim for as long as they come") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.send({demand(kSession, 1, 1, "q", 1, 3s)});
  world.run(10ms);
  REQUIRE(manager.grants.size() == 1);

  for (int i = 0; i < 20; ++i) {
    world.run(1s);
    const auto renewed = manager.send({heartbeat(kSession, {manager.grants[0].token()})});
    CHECK(renewed.outcome(0).heartbeat().lost_size() == 0);
  }

  CHECK(show(manager, manager.grants[0].task()).state() == v1::CLAIMED);
}

TEST_CASE("a question about a task that is not reported yet waits for the report") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.durable_end = Offset(5);
  v1::Query query;
  query.mutable_task_show()->set_task(TaskId(manager.shard, Offset(4)).value());
  query.set_timeout_ms(2000);

  SECTION("and is answered with it") {
    world.scheduler.after(
        1s, [&] { manager.send_without_waiting({created(manager, Offset(4), 1, "q")}); });
    const v1::ChannelAnswer answer = manager.ask_client(query);
    CHECK(answer.code() == v1::OK);
    CHECK(answer.answer().task().state() == v1::READY);
  }
  SECTION("or until its time is over") {
    const v1::ChannelAnswer answer = manager.ask_client(query);
    CHECK(answer.code() == v1::UNAVAILABLE);
  }
  SECTION("or until its manager says that there is none") {
    manager.durable_end = Offset(4);
    const v1::ChannelAnswer answer = manager.ask_client(query);
    CHECK(answer.code() == v1::NOT_FOUND);
  }
}

TEST_CASE("lists, members, live offsets and settlements are answered with their index") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 1);
  REQUIRE(manager.grants.size() == 1);

  v1::Query tasks;
  tasks.mutable_task_list()->set_queue("q");
  tasks.mutable_task_list()->set_state(v1::READY);
  const v1::ChannelAnswer ready = manager.ask_client(tasks);
  CHECK(ready.answer().index() > 0);
  CHECK(ready.answer().tasks().task_size() == 2);
  CHECK(ready.answer().tasks().task(0).manager() == "m1");

  v1::Query queues;
  queues.mutable_queue_list();
  CHECK(manager.ask_client(queues).answer().queues().queue(0).claimed() == 1);

  v1::ChannelQuery members;
  members.mutable_members();
  CHECK(manager.ask(members).members().member(0).address() == "m1:7101");

  v1::ChannelQuery live;
  live.mutable_live()->set_shard(manager.shard.value());
  live.mutable_live()->set_from(1);
  live.mutable_live()->set_to(10);
  const v1::ChannelAnswer lives = manager.ask(live);
  CHECK(lives.live().created_hi() == 4);
  CHECK(lives.index() > 0);

  v1::ChannelQuery settle;
  v1::SettleItem* item = settle.mutable_settle()->add_item();
  item->set_task(manager.grants[0].task());
  item->set_token(manager.grants[0].token());
  item->set_shard(manager.shard.value());
  item->set_lsn(5);
  item->set_kind(v1::RECORD_RESULT);
  v1::SettleItem* of_a_newer_baton = settle.mutable_settle()->add_item();
  *of_a_newer_baton = settle.settle().item(0);
  of_a_newer_baton->set_kind(static_cast<v1::RecordKind>(257));
  CHECK(manager.ask(settle).settle().verdict(0) == v1::OPEN);
  manager.send({ack(kSession, 1, manager.grants[0])});
  CHECK(manager.ask(settle).settle().verdict(0) == v1::DROP);
  CHECK(manager.ask(settle).settle().verdict(1) == v1::KEEP);

  v1::Query unknown;
  CHECK(manager.ask_client(unknown).code() == v1::INVALID_ARGUMENT);
}

TEST_CASE("who waits for a task is told how it ended, also when no row of it is kept") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  const auto wait_for = [&manager](std::uint64_t offset) {
    v1::Query query;
    query.set_timeout_ms(20'000);
    query.mutable_task_wait()->set_task(TaskId(manager.shard, Offset(offset)).value());
    return manager.post_client_query(query);
  };
  const std::uint64_t purged = wait_for(1);
  const std::uint64_t another = wait_for(1);
  world.run(10ms);
  v1::Query purge;
  purge.mutable_queue_purge()->set_queue("q");
  CHECK(manager.ask_client(purge).answer().purge().tasks() == 3);

  for (const std::uint64_t request : {purged, another}) {
    const v1::TaskInfo task = manager.await_answer(request).answer().task();
    CHECK(task.state() == v1::CANCELLED);
    CHECK(task.reason() == "its queue was purged");
  }
}

TEST_CASE("who changes a queue is told what holds then") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  v1::Query set;
  set.mutable_queue_set()->set_queue("q");
  set.mutable_queue_set()->mutable_settings()->set_weight(7);
  const v1::ChannelAnswer changed = manager.ask_client(set);
  CHECK(changed.answer().queue().settings().weight() == 7);
  CHECK(changed.answer().queue().settings().max_attempts() == 5);
  CHECK(changed.answer().queue().info().ready() == 3);

  set.mutable_queue_set()->mutable_settings()->set_weight(101);
  const v1::ChannelAnswer refused = manager.ask_client(set);
  CHECK(refused.code() == v1::INVALID_ARGUMENT);
  CHECK_FALSE(refused.answer().has_queue());
}

TEST_CASE("the lag of a manager is what it has durable and the ledger does not know") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.durable_end = Offset(104);
  world.run(300ms);

  CHECK(manager_info(manager, "m1").lag() == 100);
}

TEST_CASE("a manager that is down can be removed, one that is up cannot") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  TestManager& other = world.join_manager("m2");
  world.run(3s);
  v1::Query remove;
  remove.mutable_manager_remove()->set_name("m1");

  CHECK(other.ask_client(remove).code() == v1::CONFLICT);
  manager.stop_beating();
  manager.disconnect();
  world.run(1s);
  CHECK(other.ask_client(remove).code() == v1::OK);
  remove.mutable_manager_remove()->set_name("nobody");
  CHECK(other.ask_client(remove).code() == v1::NOT_FOUND);
  // Managers look at names themselves; one that does not must not bring the center down with it.
  remove.mutable_manager_remove()->set_name("no spaces");
  CHECK(other.ask_client(remove).code() == v1::INVALID_ARGUMENT);
  world.run(1s);
  remove.mutable_manager_remove()->set_name("nobody");
  CHECK(other.ask_client(remove).code() == v1::NOT_FOUND);
}

TEST_CASE("a center that is behind what a manager has seen refuses it") {
  CenterWorld world;
  REQUIRE(world.start_center().ok());
  TestManager& manager = world.join_manager("m1");
  manager.index_seen = 5000;

  manager.disconnect();
  world.run(50ms);
  manager.start(world.options.listen);
  REQUIRE(world.scheduler.run_until([&] { return !manager.failures.empty(); }, 5s));

  CHECK(manager.failures.back().code() == ErrorCode::kDataLoss);
  CHECK_THAT(manager.failures.back().message(),
             Catch::Contains("ledger went back: manager m1 has seen index 5000"));
  CHECK(world.logger.contains("ledger went back"));
}

TEST_CASE("a center that lost entries is refused although it has written more since") {
  CenterWorld world;
  REQUIRE(world.start_center().ok());
  TestManager& manager = world.join_manager("m1");
  TestManager& other = world.join_manager("m2");
  manager.disconnect();
  world.run(50ms);
  const sim::SimDisk older = world.env.disk().copy();
  world.reconnect(manager);
  manager.send({created(manager, Offset(1), 1, "q")});
  manager.index_seen = manager.send({created(manager, Offset(2), 1, "q")}).index();

  world.kill_center();
  manager.disconnect();
  world.env.disk() = older.copy();
  REQUIRE(world.start_center().ok());
  world.reconnect(other);
  REQUIRE(other.register_again().result() == v1::REGISTERED);
  std::uint64_t index = 0;
  for (std::uint64_t i = 1; index <= manager.index_seen; ++i) {
    index = other.send({created(other, Offset(i), 1, "q")}).index();
  }
  manager.start(world.options.listen);
  REQUIRE(world.scheduler.run_until([&] { return !manager.failures.empty(); }, 5s));

  CHECK(manager.failures.back().code() == ErrorCode::kDataLoss);
  CHECK_THAT(manager.failures.back().message(), Catch::Contains("ledger went back"));
}

TEST_CASE("a manager of another cluster is refused") {
  CenterWorld world;
  REQUIRE(world.start_center().ok());
  TestManager& manager = world.add_manager("m1");
  manager.cluster = ClusterId(Uuid{1, 2});

  REQUIRE(world.scheduler.run_until([&] { return !manager.failures.empty(); }, 5s));

  CHECK(manager.failures.back().code() == ErrorCode::kConflict);
  CHECK_THAT(manager.failures.back().message(),
             Catch::StartsWith("foreign cluster: manager m1 belongs to cluster"));
}

TEST_CASE("below the disk floor reports of new tasks are postponed, acks go on") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 1);
  REQUIRE(manager.grants.size() == 1);

  world.env.set_capacity(world.env.disk().used_bytes() + world.options.disk_free_min / 2);
  world.run(2500ms);

  const auto outcomes =
      manager.send({created(manager, Offset(4), 1, "q"), ack(kSession, 1, manager.grants[0])});
  CHECK(outcomes.outcome(0).created().code() == v1::RETRY_LATER);
  CHECK(outcomes.outcome(1).operations().outcome(0).code() == v1::OK);

  world.env.set_capacity(std::uint64_t{1} << 40);
  world.run(2500ms);
  CHECK(manager.send({created(manager, Offset(4), 1, "q")}).outcome(0).created().code() == v1::OK);
}

TEST_CASE("after a failed write nothing more is answered, and the node says so once") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 1);
  const int closed = manager.closed;

  world.env.fail_at(world.env.operations() + 1, sim::Fault::kNoSpace, true);
  manager.send_without_waiting({ack(kSession, 1, manager.grants[0])});
  world.run(2s);

  CHECK(world.failures.size() == 1);
  CHECK(manager.closed > closed);
  CHECK_FALSE(manager.is_open());
}

TEST_CASE("a center that drains answers what it has, says goodbye and ends in time") {
  CenterWorld world;
  TestManager& manager = with_three_tasks(world, 0);
  manager.order.clear();
  bool drained = false;

  manager.send_without_waiting({heartbeat(kSession, {})});
  world.run(1ms);
  world.center->drain([&] { drained = true; });
  REQUIRE(world.scheduler.run_until([&] { return drained; }, 10s));

  CHECK(manager.order == std::vector<std::string>{"outcomes"});
  REQUIRE(world.failures.empty());
}

TEST_CASE("a second center on the same data directory is refused in one sentence") {
  CenterWorld world;
  REQUIRE(world.start_center().ok());
  NodeContext context{*world.loop, *world.worker, *world.transport, world.env, world.logger, 1};

  const Status second = CenterNode::open(context, world.options, {}).status();

  CHECK(second.code() == ErrorCode::kUnavailable);
  CHECK_THAT(second.message(), Catch::Contains("/center"));
}
