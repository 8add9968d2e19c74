// The consumer against managers that say what the test tells them to.
#include <map>
#include <optional>
#include <set>

#include "tests/unit/client/consumer_rig.h"

namespace baton::client {
namespace {

// A consumer with one task, delivered as token 71.
struct AtWork {
  explicit AtWork(ClientWorld& where) : world(where) {
    consumer = consume(world, handler, options_for(1));
    greeted = attach(world.manager());
    world.manager().expect(v1::DEMAND);
    deliver(greeted, 1, {{1, 71}});
    world.run_until([&] { return handler.claims.size() == 1; });
  }
  [[nodiscard]] const Claim& claim() const { return handler.claims.at(0); }
  // The next operation, answered with OK.
  v1::Operation operation(std::string* payload = nullptr) {
    const Received operations = world.manager().expect(v1::OPERATIONS);
    if (payload != nullptr) *payload = operations.payload;
    operations.answer(v1::OPERATIONS_DONE, done(operations));
    return operations.as<v1::Operations>().operation(0);
  }
  // The claim is lost, as the manager pushes it.
  void lose(v1::LostCause cause) const {
    v1::ClaimsLost lost;
    v1::LostClaim& claim = *lost.add_claim();
    claim.set_token(71);
    claim.set_cause(cause);
    greeted.push(v1::CLAIMS_LOST, lost);
  }

  ClientWorld& world;
  Handler handler;
  std::unique_ptr<Consumer> consumer;
  Received greeted;
};

TEST_CASE("a consumer attaches, states its window, and hands over what comes") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(2, 10s));
  const Received greeted = attach(world.manager());
  CHECK(greeted.as<v1::Attach>().conn_epoch() == 1);
  CHECK(greeted.as<v1::Attach>().consumer() == "test");
  CHECK(held(greeted).empty());
  const auto demand = world.manager().expect(v1::DEMAND).as<v1::Demand>();
  CHECK(demand.queue() == "mail");
  CHECK(demand.total() == 2);
  CHECK(demand.lease_ms() == 10'000);
  CHECK(demand.line() == 1);

  deliver(greeted, 1, {{1, 71, "first"}, {2, 72, "second"}}, 10s);

  world.run_until([&] { return handler.claims.size() == 2; });
  const Delivery& second = handler.claims[1].delivery();
  CHECK(second.payload == "second");
  CHECK(second.task == TaskId(1072));
  CHECK(second.token == Token(72));
  CHECK(second.queue == "mail");
  CHECK(second.attempt == 1);
  CHECK(second.lease == Millis(10s));
  CHECK(second.manager == "m1");
}

TEST_CASE("an ack carries its result and wants the next task, and its answer frees the slot") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  CHECK(total(world.manager().expect(v1::DEMAND)) == 1);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });

  handler.claims[0].ack("the result", handler.keep());

  const Received operations = world.manager().expect(v1::OPERATIONS);
  const auto message = operations.as<v1::Operations>();
  REQUIRE(message.operation_size() == 1);
  CHECK(message.answered_through() == 0);
  CHECK(message.operation(0).seq() == 1);
  CHECK(message.operation(0).kind() == v1::ACK);
  CHECK(message.operation(0).task() == 1071);
  CHECK(message.operation(0).token() == 71);
  CHECK(message.operation(0).wants_next());
  CHECK(operations.payload == "the result");

  operations.answer(v1::OPERATIONS_DONE, done(operations));
  deliver(greeted, 1, {{2, 72}});
  world.run_until([&] { return handler.claims.size() == 2; });
  REQUIRE(handler.answers.size() == 1);
  CHECK(handler.answers[0].status.ok());
  // The ledger raised the credit itself: no statement is needed.
  CHECK_FALSE(world.manager().has(v1::DEMAND));

  handler.claims[1].nack("no luck");
  const auto next = world.manager().expect(v1::OPERATIONS).as<v1::Operations>();
  CHECK(next.answered_through() == 1);
  CHECK(next.operation(0).seq() == 2);
  CHECK(next.operation(0).kind() == v1::NACK);
}

TEST_CASE("without a lease of its own a consumer asks for that of the queue") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options;
  options.queues = {"mail"};
  const auto consumer = consume(world, handler, options);
  attach(world.manager());
  CHECK(world.manager().expect(v1::DEMAND).as<v1::Demand>().lease_ms() == 0);
  options.lease = 1s;
  CHECK(world.client().make_consumer(options, {}).status().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE(
    "a delivery tells the task's options and expiries, and what an attempt before has saved") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(2));
  const Received greeted = attach(world.manager());
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  for (std::uint64_t i = 1; i <= 2; ++i) {
    v1::Delivery& delivery = *tasks.add_delivery();
    delivery.set_number(i);
    delivery.set_token(70 + i);
    delivery.set_task(1070 + i);
    delivery.set_lease_ms(30'000);
    delivery.set_length(4);
  }
  v1::Delivery& first = *tasks.mutable_delivery(0);
  first.set_checkpoint_length(5);
  first.set_expiries(2);
  first.set_percent(40);
  first.set_progress("page 4");
  first.mutable_options()->set_priority(8);
  first.mutable_options()->set_type("letter");
  first.mutable_options()->set_key(std::string("\0k", 2));
  first.mutable_options()->set_parent(99);
  greeted.push(v1::TASKS, tasks, "worksavedwork");
  world.run_until([&] { return handler.claims.size() == 2; });

  const Delivery& with = handler.claims[0].delivery();
  CHECK(with.payload == "work");
  CHECK(with.checkpoint == "saved");
  CHECK(with.expiries == 2);
  CHECK(with.percent == 40U);
  CHECK(with.progress == "page 4");
  CHECK(with.options.priority == 8);
  CHECK(with.options.type == "letter");
  CHECK(with.options.key == std::string("\0k", 2));
  CHECK(with.options.parent == TaskId(99));
  const Delivery& without = handler.claims[1].delivery();
  CHECK(without.payload == "work");
  CHECK(without.checkpoint.empty());
  CHECK_FALSE(without.percent.has_value());
  CHECK(without.progress.empty());
  CHECK(without.options == TaskOptions());
}

TEST_CASE("a nack may name its own delay, or say that the task is dead") {
  ClientWorld world;
  AtWork work(world);
  work.claim().nack("later", {.delay = Millis(90'000)}, {});
  v1::Operation nack = work.operation();
  CHECK(nack.kind() == v1::NACK);
  CHECK(nack.delay_ms() == 90'000);
  CHECK_FALSE(nack.dead());

  deliver(work.greeted, 1, {{2, 72}});
  world.run_until([&] { return work.handler.claims.size() == 2; });
  work.handler.claims[1].nack("never", {.dead = true}, {});
  nack = work.operation();
  CHECK(nack.dead());
  CHECK_FALSE(nack.has_delay_ms());
}

TEST_CASE("a delay of zero is a delay, and one below is refused") {
  ClientWorld world;
  AtWork work(world);
  work.claim().nack("soon", {.delay = Millis(-1)}, work.handler.keep());
  work.claim().nack("soon", {.delay = Millis(0)}, {});
  CHECK(work.operation().has_delay_ms());
  REQUIRE(work.handler.answers.size() == 1);
  CHECK(work.handler.answers[0].status.code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("an ack says of which type its result is, and what a failed child means") {
  ClientWorld world;
  AtWork work(world);
  work.claim().ack(
      "{}", {.content_type = "application/json", .on_failed_child = FailurePolicy::kIgnore}, {});
  std::string payload;
  const v1::Operation ack = work.operation(&payload);
  CHECK(ack.content_type() == "application/json");
  CHECK(ack.on_failed_child() == v1::IGNORE);
  CHECK(payload == "{}");
}

TEST_CASE("progress and a checkpoint are saved while the claim stays") {
  ClientWorld world;
  AtWork work(world);
  work.claim().save({.percent = 40, .text = "page 4", .checkpoint = "four"}, work.handler.keep());
  std::string payload;
  const v1::Operation save = work.operation(&payload);
  CHECK(save.kind() == v1::SAVE);
  CHECK(save.seq() == 1);
  CHECK(save.percent() == 40);
  CHECK(save.progress() == "page 4");
  CHECK(save.checkpoint());
  CHECK(payload == "four");
  CHECK_FALSE(save.wants_next());

  work.claim().save({.text = "page 5"});
  const v1::Operation second = work.operation();
  CHECK_FALSE(second.checkpoint());
  CHECK_FALSE(second.has_percent());
  work.claim().save({.checkpoint = ""});
  CHECK(work.operation().checkpoint());  // there is none any more
  work.claim().ack();
  CHECK(work.operation().kind() == v1::ACK);
  CHECK(work.handler.answers.at(0).status.ok());
}

TEST_CASE("what cannot be saved is refused, and nothing is sent") {
  ClientWorld world;
  AtWork work(world);
  work.claim().save({.percent = 101}, work.handler.keep());
  work.claim().save({.text = std::string(201, 'x')}, work.handler.keep());
  work.claim().save({.text = "\xff"}, work.handler.keep());
  work.claim().save({.checkpoint = std::string(kResultBytesMax + 1, 'x')}, work.handler.keep());
  work.claim().save({}, work.handler.keep());
  world.run_until([&] { return work.handler.answers.size() == 5; });
  CHECK(work.handler.answers[4].status.code() == ErrorCode::kInvalidArgument);
  CHECK(work.handler.answers[0].status.code() == ErrorCode::kInvalidArgument);
  CHECK(work.handler.answers[1].status.code() == ErrorCode::kTooLarge);
  CHECK(work.handler.answers[2].status.code() == ErrorCode::kInvalidArgument);
  CHECK(work.handler.answers[3].status.code() == ErrorCode::kTooLarge);
  CHECK_FALSE(world.manager().has(v1::OPERATIONS));
}

TEST_CASE("a checkpoint that no frame of the manager carries leaves the progress, and says so") {
  ClientWorld world;
  world.manager().set_payload_bytes_max(1000);
  AtWork work(world);
  work.claim().save({.percent = 50, .checkpoint = std::string(kFrameMetadataBytesMax + 1, 'x')},
                    work.handler.keep());
  const v1::Operation save = work.operation();
  CHECK(save.kind() == v1::SAVE);
  CHECK(save.percent() == 50);
  CHECK_FALSE(save.checkpoint());
  world.run_until([&] { return work.handler.answers.size() == 1; });
  CHECK(work.handler.answers[0].status.code() == ErrorCode::kTooLarge);
}

TEST_CASE("a claim that the manager says is lost ends at once, with its cause") {
  const std::vector<std::pair<v1::LostCause, std::optional<LostCause>>> causes = {
      {v1::LOST_CANCELLED, LostCause::kCancelled},
      {v1::LOST_LEASE, LostCause::kLease},
      {v1::LOST_TIMEOUT, LostCause::kTimeout},
      {v1::LOST_DECIDED, LostCause::kDecided},
      {v1::LOST_NONE, std::nullopt}};
  for (const auto& [told, cause] : causes) {
    ClientWorld world;
    AtWork work(world);
    CHECK_FALSE(work.claim().lost_cause().has_value());
    const MonoTime before = world.now();
    work.lose(told);
    world.run_until([&] { return work.handler.superseded.size() == 1; });
    CHECK(world.now() - before < 1s);
    CHECK(work.claim().superseded());
    CHECK(work.claim().lost_cause() == cause);
    work.lose(told);  // twice changes nothing
    world.run_for(100ms);
    CHECK(work.handler.superseded.size() == 1);
  }
}

TEST_CASE("a lost claim whose ack is on its way is decided by the ack's answer") {
  ClientWorld world;
  AtWork work(world);
  work.claim().ack("", work.handler.keep());
  const Received operations = world.manager().expect(v1::OPERATIONS);
  work.lose(v1::LOST_CANCELLED);
  world.run_for(100ms);
  CHECK(work.handler.superseded.empty());
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.run_until([&] { return work.handler.answers.size() == 1; });
  CHECK(work.handler.answers[0].status.ok());
}

TEST_CASE("an ack that crossed the loss of its claim is refused, and the claim says why") {
  const std::vector<std::pair<v1::LostCause, std::optional<LostCause>>> causes = {
      {v1::LOST_CANCELLED, LostCause::kCancelled}, {v1::LOST_NONE, std::nullopt}};
  for (const auto& [told, cause] : causes) {
    ClientWorld world;
    AtWork work(world);
    work.claim().ack("", work.handler.keep());
    const Received operations = world.manager().expect(v1::OPERATIONS);
    work.lose(told);
    world.run_for(100ms);
    CHECK_FALSE(work.claim().superseded());
    operations.answer(v1::OPERATIONS_DONE, done(operations, v1::CLAIM_SUPERSEDED));
    world.run_until([&] { return work.handler.answers.size() == 1; });
    CHECK(work.claim().superseded());
    CHECK(work.claim().lost_cause() == cause);
    CHECK(work.handler.superseded.empty());  // it had ended its work
  }
}

TEST_CASE("an ack that was refused raises nothing, so that the credit is stated") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack("", handler.keep());
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations, v1::CLAIM_SUPERSEDED));

  CHECK(total(world.manager().expect(v1::DEMAND)) == 2);
  REQUIRE(handler.answers.size() == 1);
  CHECK(handler.answers[0].status.code() == ErrorCode::kClaimSuperseded);
}

TEST_CASE("a demand that the manager cannot take now is sent again, until it is taken") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  for (int times = 0; times < 3; ++times) {
    const Received demand = world.manager().expect(v1::DEMAND);
    CHECK(total(demand) == 1);
    v1::Error away;
    away.set_code(v1::UNAVAILABLE);
    away.set_message("the center cannot be reached");
    demand.answer(v1::ERROR, away);
  }

  CHECK(total(world.manager().expect(v1::DEMAND)) == 1);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
}

TEST_CASE("numbers that died raise the total, each once") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(3));
  const Received greeted = attach(world.manager());
  CHECK(total(world.manager().expect(v1::DEMAND)) == 3);
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  tasks.add_died(2);
  tasks.add_died(3);
  greeted.push(v1::TASKS, tasks);
  CHECK(total(world.manager().expect(v1::DEMAND)) == 5);
  greeted.push(v1::TASKS, tasks);
  world.run_for(1s);
  CHECK_FALSE(world.manager().has(v1::DEMAND));
}

TEST_CASE("after a lost connection the held tokens are named, and the total counts from there") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(3));
  const Received first = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  deliver(first, 1, {{1, 71}, {2, 72}});
  world.run_until([&] { return handler.claims.size() == 2; });
  handler.claims[0].ack();
  world.manager().expect(v1::OPERATIONS);  // executed or not: nobody answers
  world.manager().drop_connections();

  const Received second = world.manager().expect(v1::ATTACH);
  CHECK(second.as<v1::Attach>().conn_epoch() == 2);
  CHECK(second.as<v1::Attach>().session().hi() == first.as<v1::Attach>().session().hi());
  CHECK(held(second) == std::vector<std::uint64_t>{71, 72});  // an unanswered ack is still held
  second.answer(v1::ATTACHED, attached(second, {71, 72}));

  // window 3 - held 2
  const Received demand = world.manager().expect(v1::DEMAND);
  CHECK(total(demand) == 1);
  const Received again = world.manager().expect(v1::OPERATIONS);
  CHECK(again.as<v1::Operations>().operation(0).seq() == 1);
  again.answer(v1::OPERATIONS_DONE, done(again));
  CHECK(total(world.manager().expect(v1::DEMAND)) == 2);  // + 1 answered
  CHECK(handler.superseded.empty());
}

TEST_CASE("with every slot held at attach nothing is stated until an answer comes") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received first = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  deliver(first, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  world.manager().drop_connections();
  attach(world.manager(), {71});
  world.run_for(1s);
  CHECK_FALSE(world.manager().has(v1::DEMAND));

  handler.claims[0].ack();
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  CHECK(total(world.manager().expect(v1::DEMAND)) == 1);
}

TEST_CASE("a held token that is not kept is superseded") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(2));
  const Received first = attach(world.manager());
  deliver(first, 1, {{1, 71}, {2, 72}});
  world.run_until([&] { return handler.claims.size() == 2; });
  world.manager().drop_connections();
  attach(world.manager(), {72});
  world.run_until([&] { return !handler.superseded.empty(); });
  CHECK(handler.superseded == std::vector<Token>{Token(71)});
  CHECK(handler.claims[0].superseded());
  CHECK_FALSE(handler.claims[1].superseded());

  // The handler ends it nevertheless: refused at once, and given back in case it is current after
  // all.
  handler.claims[0].ack("late", handler.keep());
  const auto message = world.manager().expect(v1::OPERATIONS).as<v1::Operations>();
  CHECK(message.operation(0).kind() == v1::RELEASE);
  CHECK(message.operation(0).token() == 71);
  REQUIRE(handler.answers.size() == 1);
  CHECK(handler.answers[0].status.code() == ErrorCode::kClaimSuperseded);
}

TEST_CASE("deliveries of another conn_epoch, and numbers that came before, are dropped") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(4));
  attach(world.manager());
  world.manager().expect(v1::DEMAND);
  world.manager().drop_connections();
  const Received second = attach(world.manager());
  world.manager().expect(v1::DEMAND);

  deliver(second, 1, {{1, 70}});
  deliver(second, 2, {{1, 71}});
  deliver(second, 2, {{1, 72}});
  deliver(second, 2, {{2, 71}});
  deliver(second, 2, {{3, 73}});

  world.run_until([&] { return handler.claims.size() == 2; });
  world.run_for(100ms);
  REQUIRE(handler.claims.size() == 2);
  CHECK(handler.claims[0].delivery().token == Token(71));
  CHECK(handler.claims[1].delivery().token == Token(73));
  CHECK(world.client().metrics().deliveries_dropped == 3);
}

TEST_CASE("deliveries before the attach is answered are dropped") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received request = world.manager().expect(v1::ATTACH);
  deliver(request, 1, {{1, 71}});
  world.run_for(100ms);
  CHECK(handler.claims.empty());
}

TEST_CASE("an operation that asks for patience is repeated with its number until it is answered") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack("r", handler.keep());
  for (int i = 0; i < 3; ++i) {
    const Received operations = world.manager().expect(v1::OPERATIONS);
    CHECK(operations.as<v1::Operations>().operation(0).seq() == 1);
    CHECK(operations.payload == "r");
    if (i == 0) operations.answer(v1::OPERATIONS_DONE, done(operations, v1::UNAVAILABLE));
    if (i == 1) operations.refuse(v1::RETRY_LATER);
    if (i == 2) operations.answer(v1::OPERATIONS_DONE, done(operations));
  }
  world.run_until([&] { return handler.answers.size() == 1; });
  CHECK(handler.answers[0].status.ok());
}

TEST_CASE("heartbeats list exactly the held tokens and keep the claims") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(2, 3s));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}, {2, 72}}, 3s);
  world.run_until([&] { return handler.claims.size() == 2; });
  const MonoTime arrived = world.now();

  Received heartbeat = world.manager().expect(v1::HEARTBEAT);
  CHECK(world.now() - arrived < 1s);
  auto tokens = heartbeat.as<v1::Heartbeat>().token();
  CHECK(std::set<std::uint64_t>(tokens.begin(), tokens.end()) == std::set<std::uint64_t>{71, 72});
  heartbeat.answer(v1::HEARTBEAT_DONE, v1::HeartbeatDone());

  handler.claims[0].ack();
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  for (int i = 0; i < 20; ++i) {
    const MonoTime before = world.now();
    heartbeat = world.manager().expect(v1::HEARTBEAT);
    CHECK(world.now() - before <= 1100ms);  // a third of the lease
    CHECK(heartbeat.as<v1::Heartbeat>().token_size() == 1);
    CHECK(heartbeat.as<v1::Heartbeat>().token(0) == 72);
    heartbeat.answer(v1::HEARTBEAT_DONE, v1::HeartbeatDone());
  }
  CHECK(handler.superseded.empty());
}

TEST_CASE("a token that a heartbeat names as lost is superseded") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(2, 3s));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}, {2, 72}}, 3s);
  const Received heartbeat = world.manager().expect(v1::HEARTBEAT);
  v1::HeartbeatDone lost;
  lost.add_lost(72);
  heartbeat.answer(v1::HEARTBEAT_DONE, lost);
  world.run_until([&] { return !handler.superseded.empty(); });
  CHECK(handler.superseded == std::vector<Token>{Token(72)});
  CHECK(world.manager().expect(v1::HEARTBEAT).as<v1::Heartbeat>().token_size() == 1);
}

TEST_CASE("a claim counts as lost by the client's own deadline, before anybody else can have it") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1, 3s));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}}, 3s);
  world.run_until([&] { return handler.claims.size() == 1; });
  const Received heartbeat = world.manager().expect(v1::HEARTBEAT);
  const MonoTime sent = world.now();
  heartbeat.answer(v1::HEARTBEAT_DONE, v1::HeartbeatDone());
  world.run_for(1ms);
  world.manager().stop_listening();
  world.manager().drop_connections();

  world.run_until([&] { return !handler.superseded.empty(); });
  CHECK(world.now() - sent <= 2700ms);
  CHECK(world.now() - sent > 2600ms);
  CHECK(world.client().metrics().claims_superseded == 1);
}

TEST_CASE("without any answered heartbeat a claim is believed for a third of its lease") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1, 3s));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}}, 3s);
  world.run_until([&] { return handler.claims.size() == 1; });
  const MonoTime arrived = world.now();
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.run_until([&] { return !handler.superseded.empty(); });
  CHECK(world.now() - arrived == 1s);
}

TEST_CASE("a manager that leaves heartbeats unanswered is changed, and the claim goes along") {
  ClientWorld world(2);
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1, 3s));
  const Received greeted = attach(world.manager(1));
  deliver(greeted, 1, {{1, 71}}, 3s);
  world.manager(1).expect(v1::HEARTBEAT);

  const Received moved = world.manager(2).expect(v1::ATTACH);
  CHECK(held(moved) == std::vector<std::uint64_t>{71});
  CHECK(moved.as<v1::Attach>().conn_epoch() == 2);
  moved.answer(v1::ATTACHED, attached(moved, {71}));
  const Received heartbeat = world.manager(2).expect(v1::HEARTBEAT);
  heartbeat.answer(v1::HEARTBEAT_DONE, v1::HeartbeatDone());
  world.run_for(2s);
  CHECK(handler.superseded.empty());
}

TEST_CASE("a manager that lacks the center is changed at the first refused heartbeat") {
  ClientWorld world(2);
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1, 30s));
  const Received greeted = attach(world.manager(1));
  deliver(greeted, 1, {{1, 71}});
  v1::HeartbeatDone unavailable;
  unavailable.set_code(v1::UNAVAILABLE);
  world.manager(1).expect(v1::HEARTBEAT).answer(v1::HEARTBEAT_DONE, unavailable);
  CHECK(held(world.manager(2).expect(v1::ATTACH)) == std::vector<std::uint64_t>{71});
}

TEST_CASE("an attach that is refused for now is tried at the others and then more slowly") {
  ClientWorld world(2);
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  world.manager(1).expect(v1::ATTACH).refuse(v1::UNAVAILABLE);
  world.manager(2).expect(v1::ATTACH).refuse(v1::UNAVAILABLE);
  const Received third = attach(world.manager(1));
  CHECK(third.as<v1::Attach>().conn_epoch() == 3);
  CHECK(total(world.manager(1).expect(v1::DEMAND)) == 1);
}

TEST_CASE("a conn_epoch that is too low is raised above the ledger's") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received first = world.manager().expect(v1::ATTACH);
  v1::Attached conflict;
  conflict.set_code(v1::CONFLICT);
  conflict.set_conn_epoch(17);
  first.answer(v1::ATTACHED, conflict);
  CHECK(world.manager().expect(v1::ATTACH).as<v1::Attach>().conn_epoch() == 18);
}

TEST_CASE("a session that is not known any more attaches again") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  attach(world.manager());
  world.run_for(119s);
  CHECK_FALSE(world.manager().has(v1::HEARTBEAT));
  v1::HeartbeatDone unknown;
  unknown.set_code(v1::NOT_FOUND);
  const Received heartbeat = world.manager().expect(v1::HEARTBEAT);  // shows that it still waits
  CHECK(heartbeat.as<v1::Heartbeat>().token_size() == 0);
  heartbeat.answer(v1::HEARTBEAT_DONE, unknown);
  CHECK(world.manager().expect(v1::ATTACH).as<v1::Attach>().conn_epoch() == 2);
}

TEST_CASE("stop with kFinish releases what was not started and lets the handler end the rest") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.prefetch_max = 3;
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  CHECK(total(world.manager().expect(v1::DEMAND)) == 1);
  // Two more come although only one was asked for: they wait their turn.
  deliver(greeted, 1, {{1, 71}, {2, 72}, {3, 73}});
  world.run_until([&] { return handler.claims.size() == 1; });

  consumer->stop(Consumer::StopMode::kFinish);

  const Received released = world.manager().expect(v1::OPERATIONS);
  const auto message = released.as<v1::Operations>();
  REQUIRE(message.operation_size() == 2);
  CHECK(message.operation(0).kind() == v1::RELEASE);
  CHECK_FALSE(message.operation(0).started());
  CHECK_FALSE(message.operation(0).wants_next());
  released.answer(v1::OPERATIONS_DONE, done(released));
  world.manager().expect(v1::END_WAIT);
  world.run_for(3s);
  CHECK_FALSE(handler.summary.has_value());

  handler.claims[0].ack("", handler.keep());
  const Received ack = world.manager().expect(v1::OPERATIONS);
  CHECK(ack.as<v1::Operations>().operation(0).kind() == v1::ACK);
  ack.answer(v1::OPERATIONS_DONE, done(ack));
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kStopped);
  CHECK(handler.summary->handled == 1);
  CHECK(handler.answers.size() == 1);
}

TEST_CASE("stop with kRelease gives back what the handler has") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(2));
  const Received greeted = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  consumer->stop(Consumer::StopMode::kRelease);

  const Received released = world.manager().expect(v1::OPERATIONS);
  CHECK(released.as<v1::Operations>().operation(0).kind() == v1::RELEASE);
  CHECK(released.as<v1::Operations>().operation(0).started());
  released.answer(v1::OPERATIONS_DONE, done(released));
  const Received end = world.manager().expect(v1::END_WAIT);
  // A task that crossed the end of the wait is given back too.
  deliver(greeted, 1, {{2, 72}});
  const Received crossed = world.manager().expect(v1::OPERATIONS);
  CHECK(crossed.as<v1::Operations>().operation(0).token() == 72);
  crossed.answer(v1::OPERATIONS_DONE, done(crossed));
  CHECK_FALSE(handler.summary.has_value());
  v1::WaitEnded ended;
  ended.set_line(1);
  end.answer(v1::WAIT_ENDED, ended);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.claims.size() == 1);

  handler.claims[0].ack("", handler.keep());
  world.run_until([&] { return handler.answers.size() == 1; });
  CHECK(handler.answers[0].status.code() == ErrorCode::kConflict);
}

TEST_CASE("when no answer comes the consumer ends with its patience, and says unavailable") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack("", handler.keep());
  world.manager().expect(v1::OPERATIONS);
  const MonoTime before = world.now();
  consumer->stop(Consumer::StopMode::kFinish, 2s);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(world.now() - before >= 2s);
  CHECK(world.now() - before < 3s);
  REQUIRE(handler.answers.size() == 1);
  CHECK(handler.answers[0].status.code() == ErrorCode::kUnavailable);
}

TEST_CASE("tasks_max caps the credit, and the consumer ends when the last one is answered") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(2);
  options.tasks_max = 3;
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  CHECK(total(world.manager().expect(v1::DEMAND)) == 2);
  deliver(greeted, 1, {{1, 71}, {2, 72}});
  world.run_until([&] { return handler.claims.size() == 2; });
  handler.claims[0].ack();
  const Received first = world.manager().expect(v1::OPERATIONS);
  CHECK(first.as<v1::Operations>().operation(0).wants_next());
  first.answer(v1::OPERATIONS_DONE, done(first));
  handler.claims[1].nack("failed");
  const Received second = world.manager().expect(v1::OPERATIONS);
  CHECK_FALSE(second.as<v1::Operations>().operation(0).wants_next());
  second.answer(v1::OPERATIONS_DONE, done(second));
  deliver(greeted, 1, {{3, 73}});
  world.run_until([&] { return handler.claims.size() == 3; });
  handler.claims[2].ack();
  const Received third = world.manager().expect(v1::OPERATIONS);
  CHECK_FALSE(third.as<v1::Operations>().operation(0).wants_next());
  third.answer(v1::OPERATIONS_DONE, done(third));
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kTasksMax);
  CHECK(handler.summary->handled == 3);
  CHECK_FALSE(world.manager().has(v1::DEMAND));
}

TEST_CASE("a task that was lost before the handler got it does not count towards tasks_max") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.tasks_max = 2;
  const auto consumer = consume(world, handler, options);
  const Received first = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  deliver(first, 1, {{1, 71}, {2, 72}});
  world.run_until([&] { return handler.claims.size() == 1; });
  world.manager().drop_connections();
  const Received second = attach(world.manager(), {71});
  Received operations = world.manager().expect(v1::OPERATIONS);
  CHECK(operations.as<v1::Operations>().operation(0).token() == 72);  // given back unseen
  operations.answer(v1::OPERATIONS_DONE, done(operations, v1::CLAIM_SUPERSEDED));
  CHECK(handler.superseded.empty());
  handler.claims[0].ack();
  operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  CHECK(total(world.manager().expect(v1::DEMAND)) == 1);
  CHECK_FALSE(handler.summary.has_value());

  deliver(second, 2, {{1, 73}});
  world.run_until([&] { return handler.claims.size() == 2; });
  handler.claims[1].ack();
  operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->handled == 2);
}

TEST_CASE("the next task that an ack asked for is given back when the consumer stops meanwhile") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack();
  Received operations = world.manager().expect(v1::OPERATIONS);
  CHECK(operations.as<v1::Operations>().operation(0).wants_next());
  consumer->stop(Consumer::StopMode::kFinish);
  const Received end = world.manager().expect(v1::END_WAIT);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.run_for(100ms);
  CHECK_FALSE(handler.summary.has_value());

  deliver(greeted, 1, {{2, 72}});
  operations = world.manager().expect(v1::OPERATIONS);
  CHECK(operations.as<v1::Operations>().operation(0).token() == 72);
  CHECK(operations.as<v1::Operations>().operation(0).kind() == v1::RELEASE);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  v1::WaitEnded ended;
  ended.set_line(1);
  end.answer(v1::WAIT_ENDED, ended);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.claims.size() == 1);
}

TEST_CASE("a consumer that nothing comes to ends after its wait, unless its slots are taken") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.wait_max = 2s;
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  world.manager().expect(v1::DEMAND);
  world.run_for(1s);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  const Received heartbeat = world.manager().expect(v1::HEARTBEAT);
  heartbeat.answer(v1::HEARTBEAT_DONE, v1::HeartbeatDone());
  world.run_for(5s);
  CHECK_FALSE(handler.summary.has_value());

  handler.claims[0].ack();
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  const MonoTime free = world.now();
  const Received end = world.manager().expect(v1::END_WAIT);
  CHECK(world.now() - free >= 2s);
  CHECK(world.now() - free < 2500ms);
  v1::WaitEnded ended;
  ended.set_line(1);
  end.answer(v1::WAIT_ENDED, ended);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kNothingCame);
  CHECK(handler.summary->status.ok());
}

TEST_CASE("a wait of nothing still gives a task that is there the time to come") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.wait_max = Duration(0);
  const MonoTime began = world.now();
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  world.run_for(100ms);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack();
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.manager().expect(v1::END_WAIT).answer(v1::WAIT_ENDED, v1::WaitEnded());
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kNothingCame);
  CHECK(world.now() - began < 2s);
}

TEST_CASE("a consumer that no manager takes says so once, and again after it was taken") {
  ClientWorld world;
  world.manager().stop_listening();
  Handler handler;
  std::vector<Status> told;
  ConsumerHandlers handlers = handler.handlers();
  handlers.on_cut_off = [&](const Status& why) { told.push_back(why); };
  const auto consumer = world.client().make_consumer(options_for(1), handlers);
  REQUIRE(consumer.ok());
  world.run_for(2900ms);
  CHECK(told.empty());
  world.run_for(60s);
  REQUIRE(told.size() == 1);
  CHECK(told[0].code() == ErrorCode::kUnavailable);

  world.manager().listen();
  attach(world.manager());
  world.run_for(60s);
  CHECK(told.size() == 1);
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.run_for(60s);
  CHECK(told.size() == 2);
}

TEST_CASE("a wait that ends without any manager says that they were unavailable") {
  ClientWorld world;
  world.manager().stop_listening();
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.wait_max = 2s;
  const auto consumer = consume(world, handler, options);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kNothingCame);
  CHECK(handler.summary->status.code() == ErrorCode::kUnavailable);
}

TEST_CASE("a wait that ends while nobody can say that no task comes says so, and does not last") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.wait_max = 2s;
  const auto consumer = consume(world, handler, options);
  attach(world.manager());
  world.manager().expect(v1::DEMAND);
  world.manager().expect(v1::END_WAIT);  // its manager has lost the center, and does not answer
  const MonoTime over = world.now();
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(world.now() - over < 6s);
  CHECK(handler.summary->end == ConsumerEnd::kNothingCame);
  CHECK(handler.summary->status.code() == ErrorCode::kUnavailable);
}

TEST_CASE("waiting for one task names it and ends with it") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(4);
  options.task = TaskId(1071);
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  const auto demand = world.manager().expect(v1::DEMAND).as<v1::Demand>();
  CHECK(demand.task() == 1071);
  CHECK(demand.total() == 1);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack();
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kTasksMax);
}

TEST_CASE("round robin places each pull at the next manager, in sessions of its own") {
  ClientWorld world(3);
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.pick = Pick::kRoundRobin;
  const auto consumer = consume(world, handler, options);
  std::map<std::size_t, Received> sessions;
  for (std::size_t i = 1; i <= 3; ++i) sessions.emplace(i, attach(world.manager(i)));
  CHECK(sessions.at(1).as<v1::Attach>().session().hi() !=
        sessions.at(2).as<v1::Attach>().session().hi());

  std::vector<std::size_t> order;
  std::map<std::size_t, std::uint64_t> numbers;
  for (std::uint64_t token = 1; token <= 6; ++token) {
    world.run_until([&] {
      return world.manager(1).has(v1::DEMAND) || world.manager(2).has(v1::DEMAND) ||
             world.manager(3).has(v1::DEMAND);
    });
    world.run_for(10ms);
    std::size_t at = 0;
    for (std::size_t i = 1; i <= 3; ++i) {
      if (world.manager(i).has(v1::DEMAND)) {
        CHECK(at == 0);  // one slot: one pull at a time
        at = i;
      }
    }
    REQUIRE(at != 0);
    order.push_back(at);
    world.manager(at).expect(v1::DEMAND);
    deliver(sessions.at(at), 1, {{++numbers[at], token}});
    world.run_until([&] { return handler.claims.size() == token; });
    handler.claims.back().ack();
    const Received operations = world.manager(at).expect(v1::OPERATIONS);
    CHECK_FALSE(operations.as<v1::Operations>().operation(0).wants_next());
    operations.answer(v1::OPERATIONS_DONE, done(operations));
  }
  const std::vector<std::size_t> second(order.begin() + 1, order.end());
  for (std::size_t i = 1; i < order.size(); ++i) CHECK(order[i] == order[i - 1] % 3 + 1);
}

TEST_CASE("random picks use every manager") {
  const std::uint64_t seed = 7;
  INFO("seed " << seed);
  ClientWorld world(3, seed);
  Handler handler;
  ConsumerOptions options = options_for(60);
  options.pick = Pick::kRandom;
  const auto consumer = consume(world, handler, options);
  std::uint64_t sum = 0;
  world.run_for(1s);
  for (std::size_t i = 1; i <= 3; ++i) attach(world.manager(i));
  for (std::size_t i = 1; i <= 3; ++i) {
    const std::uint64_t placed = total(world.manager(i).expect(v1::DEMAND));
    CHECK(placed > 5);
    sum += placed;
  }
  CHECK(sum == 60);
}

TEST_CASE("goodbye moves the session to another manager with its claims") {
  ClientWorld world(2);
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager(1));
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  world.manager(1).say_goodbye();
  CHECK(held(world.manager(2).expect(v1::ATTACH)) == std::vector<std::uint64_t>{71});
}

TEST_CASE("a claim whose last copy is dropped is released as started") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims.clear();
  const auto message = world.manager().expect(v1::OPERATIONS).as<v1::Operations>();
  CHECK(message.operation(0).kind() == v1::RELEASE);
  CHECK(message.operation(0).started());
}

TEST_CASE("extend carries the lease and moves the client's own deadline") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1, 3s));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}}, 3s);
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].extend(60s, handler.keep());
  const Received operations = world.manager().expect(v1::OPERATIONS);
  CHECK(operations.as<v1::Operations>().operation(0).kind() == v1::EXTEND);
  CHECK(operations.as<v1::Operations>().operation(0).lease_ms() == 60'000);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.run_until([&] { return handler.answers.size() == 1; });
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.run_for(50s);
  CHECK(handler.superseded.empty());
  world.run_for(10s);
  CHECK(handler.superseded.size() == 1);
}

TEST_CASE("a claim is ended once, and a result over the limit leaves it open") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack(std::string(kResultBytesMax + 1, 'x'), handler.keep());
  world.run_until([&] { return handler.answers.size() == 1; });
  CHECK(handler.answers[0].status.code() == ErrorCode::kTooLarge);
  handler.claims[0].nack("too much came out");
  handler.claims[0].ack("", handler.keep());
  world.run_until([&] { return handler.answers.size() == 2; });
  CHECK(handler.answers[1].status.code() == ErrorCode::kConflict);
  const auto message = world.manager().expect(v1::OPERATIONS).as<v1::Operations>();
  REQUIRE(message.operation_size() == 1);
  CHECK(message.operation(0).kind() == v1::NACK);
}

TEST_CASE("a result that this manager's frames cannot carry becomes a nack that says so") {
  ClientWorld world;
  world.manager().set_payload_bytes_max(1000);
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack(std::string(100'000, 'x'), handler.keep());
  const Received operations = world.manager().expect(v1::OPERATIONS);
  CHECK(operations.as<v1::Operations>().operation(0).kind() == v1::NACK);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  world.run_until([&] { return handler.answers.size() == 1; });
  CHECK(handler.answers[0].status.code() == ErrorCode::kTooLarge);
}

TEST_CASE("prefetch follows what the handler finishes") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_for(1);
  options.prefetch_max = 2;
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  CHECK(total(world.manager().expect(v1::DEMAND)) == 1);
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  handler.claims[0].ack();
  // One finished just now: one more is wanted beside the one at work.
  CHECK(total(world.manager().expect(v1::DEMAND)) == 2);
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  CHECK(total(world.manager().expect(v1::DEMAND)) == 3);
}

TEST_CASE("a refusal for good ends the consumer with its reason") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  world.manager().expect(v1::ATTACH).refuse(v1::DENIED);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kRefused);
  CHECK(handler.summary->status.code() == ErrorCode::kDenied);
}

TEST_CASE("what a handler does after a refusal for good is answered, once") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_for(1));
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  world.manager().drop_connections();
  world.manager().expect(v1::ATTACH).refuse(v1::DENIED);
  world.run_until([&] { return handler.summary.has_value(); });

  handler.claims[0].extend(60s, handler.keep());
  handler.claims[0].ack("late", handler.keep());
  world.run_for(1s);
  REQUIRE(handler.answers.size() == 2);
  CHECK(handler.answers[0].status.code() == ErrorCode::kUnavailable);
  CHECK(handler.answers[1].status.code() == ErrorCode::kUnavailable);
}

TEST_CASE("a consumer may be destroyed inside its own handler") {
  ClientWorld world;
  std::unique_ptr<Consumer> consumer;
  int calls = 0;
  ConsumerHandlers handlers;
  handlers.on_task = [&](const Claim&) {
    ++calls;
    consumer.reset();
  };
  auto made = world.client().make_consumer(options_for(2), handlers);
  REQUIRE(made.ok());
  consumer = std::move(made).value();
  const Received greeted = attach(world.manager());
  deliver(greeted, 1, {{1, 71}, {2, 72}});
  world.run_until([&] { return calls > 0; });
  world.run_for(1s);
  CHECK(calls == 1);
  CHECK(world.manager().connections() == 0);
}

TEST_CASE("options out of their range are refused") {
  ClientWorld world;
  const auto code = [&](const ConsumerOptions& options) {
    return world.client().make_consumer(options, {}).status().code();
  };
  ConsumerOptions options = options_for(1);
  CHECK(code(options) == ErrorCode::kOk);
  options.queues = {""};
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options = options_for(1, 1s);
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options = options_for(0);
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options = options_for(1000);
  options.prefetch_max = 25;
  CHECK(code(options) == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace baton::client
