// One consumer that waits on several queues: a line for each, and one credit for all of them.
#include <map>
#include <set>

#include "common/base/random.h"
#include "tests/unit/client/consumer_rig.h"

namespace baton::client {
namespace {

ConsumerOptions options_of(std::vector<std::string> queues, std::size_t concurrency) {
  ConsumerOptions options = options_for(concurrency);
  options.queues = std::move(queues);
  return options;
}

// The next demands, by the queue that each is for.
std::map<std::string, Received> demands(FakeManager& manager, std::size_t count) {
  std::map<std::string, Received> found;
  for (std::size_t i = 0; i < count; ++i) {
    Received demand = manager.expect(v1::DEMAND);
    const std::string queue = demand.as<v1::Demand>().queue();
    CHECK(found.emplace(queue, std::move(demand)).second);
  }
  return found;
}

std::uint32_t line(const Received& demand) { return demand.as<v1::Demand>().line(); }

// A manager with a ledger behind it that has tasks in every queue, and gives the lines their turns.
class TurnLedger {
 public:
  explicit TurnLedger(FakeManager& manager) : manager_(manager) {}

  // Takes the consumer's next connection; what it names as held is kept.
  void attach() {
    connection_ = manager_.expect(v1::ATTACH);
    const std::vector<std::uint64_t> named = held(connection_);
    std::erase_if(
        held_, [&](std::uint64_t token) { return std::ranges::find(named, token) == named.end(); });
    lines_.clear();
    credit_ = granted_ = 0;
    connection_.answer(v1::ATTACHED, attached(connection_, {held_.begin(), held_.end()}));
  }

  void pump() {
    for (const v1::FrameType type : {v1::HEARTBEAT, v1::OPERATIONS, v1::DEMAND}) {
      while (manager_.has(type)) {
        const Received frame = manager_.expect(type);
        if (frame.connection != connection_.connection) continue;  // lost with its connection
        if (type == v1::HEARTBEAT) frame.answer(v1::HEARTBEAT_DONE, v1::HeartbeatDone());
        if (type == v1::OPERATIONS) operate(frame);
        if (type == v1::DEMAND) demand(frame.as<v1::Demand>());
      }
    }
    while (!lines_.empty() && granted_ < credit_) grant();
  }

  [[nodiscard]] std::size_t peak() const { return peak_; }
  [[nodiscard]] std::size_t finished() const { return finished_.size(); }

 private:
  void demand(const v1::Demand& demand) {
    lines_[demand.line()] = demand.queue();
    credit_ = std::max(credit_, demand.total());
  }

  void operate(const Received& frame) {
    const auto message = frame.as<v1::Operations>();
    for (const v1::Operation& operation : message.operation()) {
      if (!finished_.insert(operation.seq()).second) continue;  // repeated
      held_.erase(operation.token());
      if (operation.wants_next() && !lines_.empty()) ++credit_;
    }
    frame.answer(v1::OPERATIONS_DONE, done(frame));
  }

  void grant() {
    auto next = lines_.upper_bound(served_);
    if (next == lines_.end()) next = lines_.begin();
    served_ = next->first;
    held_.insert(++token_);
    peak_ = std::max(peak_, held_.size());
    deliver(connection_, connection_.as<v1::Attach>().conn_epoch(),
            {{++granted_, token_, next->second, next->first}});
  }

  FakeManager& manager_;
  Received connection_;
  std::map<std::uint32_t, std::string> lines_;
  std::uint32_t served_ = 0;
  std::uint64_t credit_ = 0;
  std::uint64_t granted_ = 0;
  std::uint64_t token_ = 0;
  std::set<std::uint64_t> held_;
  std::set<std::uint64_t> finished_;  // numbers of operations
  std::size_t peak_ = 0;
};

TEST_CASE("a consumer opens a line for each of its queues, and says which queue a task is of") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk", "news"}, 4));
  const Received greeted = attach(world.manager());
  const auto opened = demands(world.manager(), 3);
  std::set<std::uint32_t> lines;
  for (const auto& [queue, demand] : opened) {
    CHECK(total(demand) == 4);
    lines.insert(line(demand));
  }
  CHECK(lines == std::set<std::uint32_t>{1, 2, 3});

  deliver(
      greeted, 1,
      {{1, 71, "a letter", line(opened.at("mail"))}, {2, 72, "an issue", line(opened.at("news"))}});
  world.run_until([&] { return handler.claims.size() == 2; });
  CHECK(handler.claims[0].delivery().queue == "mail");
  CHECK(handler.claims[1].delivery().queue == "news");
}

TEST_CASE("credit that has grown is stated once, for all lines") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 2));
  const Received greeted = attach(world.manager());
  demands(world.manager(), 2);
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  tasks.add_died(1);
  greeted.push(v1::TASKS, tasks);
  const Received grown = world.manager().expect(v1::DEMAND);
  CHECK(total(grown) == 3);
  world.run_for(1s);
  CHECK_FALSE(world.manager().has(v1::DEMAND));
}

TEST_CASE("over several queues no more is held than the concurrency, whatever is lost on the way") {
  const std::uint64_t seed = 11;
  INFO("seed " << seed);
  ClientWorld world(1, seed);
  Random random(seed);
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk", "news"}, 3));
  TurnLedger ledger(world.manager());
  ledger.attach();
  std::map<std::string, int> served;
  for (int step = 0; step < 3000; ++step) {
    world.run_for(1ms);
    ledger.pump();
    REQUIRE(ledger.peak() <= 3);
    REQUIRE(handler.claims.size() <= 3);
    if (random.one_in(100)) {
      world.manager().drop_connections();
      ledger.attach();
    }
    if (handler.claims.empty() || !random.one_in(2)) continue;
    const auto at =
        handler.claims.begin() + static_cast<std::ptrdiff_t>(random.below(handler.claims.size()));
    const Claim claim = *at;
    handler.claims.erase(at);
    CHECK(claim.delivery().queue == claim.delivery().payload);  // as the ledger says
    ++served[claim.delivery().queue];
    if (random.one_in(4)) {
      claim.nack("failed");
    } else {
      claim.ack();
    }
  }
  CHECK(ledger.peak() == 3);
  CHECK(ledger.finished() > 500);
  CHECK(served.size() == 3);
  for (const auto& [queue, count] : served) CHECK(count > 100);
  CHECK(handler.superseded.empty());
}

TEST_CASE("after a lost connection all lines are opened anew, with what is held taken off") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 3));
  const Received first = attach(world.manager());
  const auto before = demands(world.manager(), 2);
  deliver(first, 1, {{1, 71, "x", line(before.at("bulk"))}});
  world.run_until([&] { return handler.claims.size() == 1; });
  world.manager().drop_connections();

  const Received second = attach(world.manager(), {71});
  CHECK(held(second) == std::vector<std::uint64_t>{71});
  const auto after = demands(world.manager(), 2);
  for (const auto& [queue, demand] : after) {
    CHECK(total(demand) == 2);
    CHECK(line(demand) == line(before.at(queue)));  // numbers count anew with the connection
  }
  deliver(second, 2, {{1, 72, "x", line(after.at("mail"))}});
  world.run_until([&] { return handler.claims.size() == 2; });
  CHECK(handler.claims[1].delivery().queue == "mail");
  CHECK(handler.superseded.empty());
}

TEST_CASE("with every slot held no line is opened, and all of them are once an answer comes") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 1));
  const Received first = attach(world.manager());
  demands(world.manager(), 2);
  deliver(first, 1, {{1, 71}});
  world.run_until([&] { return handler.claims.size() == 1; });
  world.manager().drop_connections();
  attach(world.manager(), {71});
  world.run_for(1s);
  CHECK_FALSE(world.manager().has(v1::DEMAND));

  handler.claims[0].ack();
  const Received operations = world.manager().expect(v1::OPERATIONS);
  operations.answer(v1::OPERATIONS_DONE, done(operations));
  for (const auto& [queue, demand] : demands(world.manager(), 2)) CHECK(total(demand) == 1);
}

TEST_CASE(
    "a line that is refused for now is opened later under a higher number; the others go on") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"new", "mail"}, 1));
  const Received greeted = attach(world.manager());
  auto opened = demands(world.manager(), 2);
  opened.at("new").refuse(v1::RETRY_LATER);
  // The manager may know the line although its ledger does not.
  CHECK(world.manager().expect(v1::END_WAIT).as<v1::EndWait>().line() == 1);

  std::uint32_t highest = 2;
  for (int times = 0; times < 8; ++times) {
    auto again = demands(world.manager(), 2);
    CHECK(line(again.at("mail")) == 2);  // its line is open: it states the total for both
    CHECK(total(again.at("mail")) == total(again.at("new")));
    CHECK(line(again.at("new")) > highest);
    highest = line(again.at("new"));
    // Meanwhile the other queue is served without delay.
    const auto count = static_cast<std::uint64_t>(times) + 1;
    deliver(greeted, 1, {{count, 70 + count, "x", 2}});
    world.run_until([&] { return handler.claims.size() == count; });
    const MonoTime before = world.now();
    handler.claims.back().ack();
    const Received operations = world.manager().expect(v1::OPERATIONS);
    CHECK(world.now() - before < 20ms);
    operations.answer(v1::OPERATIONS_DONE, done(operations));
    again.at("new").refuse(v1::RETRY_LATER);
    CHECK(world.manager().expect(v1::END_WAIT).as<v1::EndWait>().line() == highest);
  }

  const auto last = demands(world.manager(), 2);
  CHECK(line(last.at("new")) > highest);
  deliver(greeted, 1, {{9, 99, "x", line(last.at("new"))}});
  world.run_until([&] { return handler.claims.size() == 9; });
  CHECK(handler.claims.back().delivery().queue == "new");
  CHECK(world.manager().greeted() == 1);
}

TEST_CASE("a refused growth costs the line that stated it, which is opened anew") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 1));
  const Received greeted = attach(world.manager());
  demands(world.manager(), 2);
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  tasks.add_died(1);
  greeted.push(v1::TASKS, tasks);
  const Received grown = world.manager().expect(v1::DEMAND);
  CHECK(line(grown) == 1);
  grown.refuse(v1::UNAVAILABLE);
  CHECK(world.manager().expect(v1::END_WAIT).as<v1::EndWait>().line() == 1);
  const auto again = demands(world.manager(), 2);
  CHECK(total(again.at("bulk")) == 2);
  CHECK(line(again.at("bulk")) == 2);
  CHECK(line(again.at("mail")) == 3);
}

TEST_CASE("a line that is refused for good ends the consumer, with the reason") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 1));
  attach(world.manager());
  demands(world.manager(), 2).at("bulk").refuse(v1::INVALID_ARGUMENT);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kRefused);
  CHECK(handler.summary->status.code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a task of a line that was never opened is no task: the manager is left") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 1));
  const Received greeted = attach(world.manager());
  demands(world.manager(), 2);
  deliver(greeted, 1, {{1, 71, "x", 3}});
  CHECK(world.manager().expect(v1::ATTACH).as<v1::Attach>().conn_epoch() == 2);
  CHECK(handler.claims.empty());
}

TEST_CASE("every line is ended, and the consumer ends with the last of them") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk", "news"}, 1));
  const Received greeted = attach(world.manager());
  const auto opened = demands(world.manager(), 3);
  consumer->stop(Consumer::StopMode::kFinish);
  std::vector<Received> ends;
  std::set<std::uint32_t> lines;
  for (int i = 0; i < 3; ++i) {
    ends.push_back(world.manager().expect(v1::END_WAIT));
    lines.insert(ends.back().as<v1::EndWait>().line());
  }
  CHECK(lines == std::set<std::uint32_t>{1, 2, 3});
  const auto wait_ended = [](const Received& end) {
    v1::WaitEnded ended;
    ended.set_line(end.as<v1::EndWait>().line());
    end.answer(v1::WAIT_ENDED, ended);
  };
  wait_ended(ends[0]);
  wait_ended(ends[2]);
  world.run_for(100ms);
  CHECK_FALSE(handler.summary.has_value());
  // What crossed the end of the last line is given back.
  deliver(greeted, 1, {{1, 71, "x", line(opened.at("bulk"))}});
  const Received released = world.manager().expect(v1::OPERATIONS);
  CHECK(released.as<v1::Operations>().operation(0).kind() == v1::RELEASE);
  released.answer(v1::OPERATIONS_DONE, done(released));
  wait_ended(ends[1]);
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kStopped);
  CHECK(handler.claims.empty());
}

TEST_CASE("an end of a wait that is refused for now is asked for again") {
  ClientWorld world;
  Handler handler;
  const auto consumer = consume(world, handler, options_of({"mail", "bulk"}, 1));
  attach(world.manager());
  demands(world.manager(), 2);
  consumer->stop(Consumer::StopMode::kFinish);
  const Received first = world.manager().expect(v1::END_WAIT);
  world.manager().expect(v1::END_WAIT).answer(v1::WAIT_ENDED, v1::WaitEnded());
  first.refuse(v1::UNAVAILABLE);
  const Received again = world.manager().expect(v1::END_WAIT);
  CHECK(again.as<v1::EndWait>().line() == first.as<v1::EndWait>().line());
  again.answer(v1::WAIT_ENDED, v1::WaitEnded());
  world.run_until([&] { return handler.summary.has_value(); });
}

TEST_CASE("tasks_max counts the tasks of all queues") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_of({"mail", "bulk"}, 1);
  options.tasks_max = 3;
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  const auto opened = demands(world.manager(), 2);
  for (const char* queue : {"mail", "bulk", "mail"}) {
    const auto count = handler.claims.size() + 1;
    deliver(greeted, 1, {{count, 70 + count, "x", line(opened.at(queue))}});
    world.run_until([&] { return handler.claims.size() == count; });
    handler.claims.back().ack();
    const Received operations = world.manager().expect(v1::OPERATIONS);
    CHECK(operations.as<v1::Operations>().operation(0).wants_next() == (count < 3));
    operations.answer(v1::OPERATIONS_DONE, done(operations));
  }
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kTasksMax);
  CHECK(handler.summary->handled == 3);
}

TEST_CASE("a wait is over when for so long nothing came of any queue") {
  ClientWorld world;
  Handler handler;
  ConsumerOptions options = options_of({"mail", "bulk"}, 1);
  options.wait_max = 2s;
  const auto consumer = consume(world, handler, options);
  const Received greeted = attach(world.manager());
  const auto opened = demands(world.manager(), 2);
  for (const char* queue : {"mail", "bulk", "mail"}) {
    world.run_for(1500ms);  // whichever of them it is, the wait begins anew
    const auto count = handler.claims.size() + 1;
    deliver(greeted, 1, {{count, 70 + count, "x", line(opened.at(queue))}});
    world.run_until([&] { return handler.claims.size() == count; });
    handler.claims.back().ack();
    const Received operations = world.manager().expect(v1::OPERATIONS);
    operations.answer(v1::OPERATIONS_DONE, done(operations));
  }
  const MonoTime free = world.now();
  const Received first = world.manager().expect(v1::END_WAIT);
  CHECK(world.now() - free >= 2s);
  CHECK(world.now() - free < 2500ms);
  first.answer(v1::WAIT_ENDED, v1::WaitEnded());
  world.manager().expect(v1::END_WAIT).answer(v1::WAIT_ENDED, v1::WaitEnded());
  world.run_until([&] { return handler.summary.has_value(); });
  CHECK(handler.summary->end == ConsumerEnd::kNothingCame);
  CHECK(handler.summary->handled == 3);
}

TEST_CASE("a consumer names 1 to 64 queues, each once, and one when it waits for one task") {
  ClientWorld world;
  const auto refusal = [&](const ConsumerOptions& options) {
    return world.client().make_consumer(options, {}).status();
  };
  const auto many = [](std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("q" + std::to_string(i));
    return names;
  };
  CHECK(refusal(options_of(many(64), 1)).ok());
  CHECK(refusal(options_of(many(65), 1)).message() == "a consumer waits on 1 to 64 queues");
  CHECK(refusal(options_of({}, 1)).code() == ErrorCode::kInvalidArgument);
  CHECK(refusal(options_of({"mail", "two words"}, 1)).code() == ErrorCode::kInvalidArgument);
  CHECK(refusal(options_of({"mail", "bulk", "mail"}, 1)).message() ==
        "the queue mail is named twice");
  ConsumerOptions one = options_of({"mail", "bulk"}, 1);
  one.task = TaskId(1071);
  CHECK(refusal(one).message() == "one task is of one queue");
  one.queues.pop_back();
  CHECK(refusal(one).ok());
}

}  // namespace
}  // namespace baton::client
