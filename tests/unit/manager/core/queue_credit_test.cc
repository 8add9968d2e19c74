#include "manager/core/queue_credit.h"

#include <algorithm>
#include <optional>

#include <catch2/catch.hpp>

#include "common/base/random.h"

namespace baton::manager {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

struct World {
  QueueCredit credit;
  MonoTime now{seconds(100)};
  std::uint64_t offset = 1;

  explicit World(bool tasks = true, bool bytes = false) {
    credit.set_rule({"mail", false, tasks, bytes});
  }
  bool take(std::uint64_t bytes = 10) {
    if (!credit.take("mail", bytes, now)) return false;
    credit.stored("mail", Offset(++offset), {1, bytes});
    return true;
  }
  std::uint64_t take_all() {
    std::uint64_t taken = 0;
    while (take()) ++taken;
    return taken;
  }
  QueueCredit::Ask ask() {
    const auto asks = credit.take_asks(now);
    REQUIRE(asks.size() == 1);
    return asks.front();
  }
  [[nodiscard]] bool asks_nothing() { return credit.take_asks(now).empty(); }
  void lend(std::uint64_t tasks, std::uint64_t bytes = 0) {
    credit.answered("mail", {tasks, bytes}, now);
    now += milliseconds(300);
  }
};

// ---- rules ----

TEST_CASE("a queue without a rule needs nothing") {
  QueueCredit credit;
  CHECK(credit.find_rule("mail") == nullptr);
  CHECK(credit.take("mail", 1 << 20, MonoTime{}));
  CHECK(credit.take_asks(MonoTime{}).empty());
}

TEST_CASE("an ordered queue without a limit needs no credit") {
  QueueCredit credit;
  credit.set_rule({"mail", true, false, false});
  REQUIRE(credit.find_rule("mail") != nullptr);
  CHECK(credit.find_rule("mail")->ordered);
  CHECK(credit.take("mail", 10, MonoTime{}));
  CHECK(credit.take_asks(MonoTime{}).empty());
}

TEST_CASE("a rule that says nothing ends it, and so does a list in which it is missing") {
  QueueCredit credit;
  credit.set_rule({"a", true, false, false});
  credit.set_rule({"a", false, false, false});
  CHECK(credit.rules() == 0);

  credit.set_rule({"a", true, false, false});
  credit.set_rule({"b", true, false, false});
  credit.begin_list();
  credit.set_rule({"b", false, true, false});
  credit.end_list();
  CHECK(credit.find_rule("a") == nullptr);
  CHECK(*credit.find_rule("b") == QueueRule{"b", false, true, 0});
}

TEST_CASE("rules are bounded") {
  QueueCredit credit({.rules_max = 1});
  credit.set_rule({"a", true, false, false});
  credit.set_rule({"b", true, false, false});
  CHECK(credit.rules() == 1);
  CHECK(credit.find_rule("b") == nullptr);
}

// ---- lending ----

TEST_CASE("without credit nothing is taken, and it is asked for") {
  World world;
  CHECK_FALSE(world.take());
  const QueueCredit::Ask ask = world.ask();
  CHECK(ask.have == CreditAmount{0, 0});
  CHECK(ask.want.tasks == 1024);
  CHECK(world.credit.asking("mail"));
  CHECK(world.asks_nothing());

  world.lend(100);
  CHECK(world.take_all() == 100);
}

TEST_CASE("what is stored and not reported counts as had") {
  World world;
  world.take();
  world.ask();
  world.lend(10);
  for (int i = 0; i < 4; ++i) REQUIRE(world.take());

  const QueueCredit::Ask ask = world.ask();
  CHECK(ask.have.tasks == 10);
  CHECK(ask.want.tasks == 1024 + 4);

  world.credit.reported(Offset(world.offset - 1));
  world.lend(10);
  CHECK(world.credit.credit("mail").tasks == 6);
  REQUIRE(world.take());
  CHECK(world.ask().have.tasks == 5 + 2);
}

TEST_CASE("what is taken while a question is on its way is not had twice") {
  World world;
  world.take();
  world.ask();
  world.lend(10);
  world.take();
  world.ask();
  for (int i = 0; i < 5; ++i) REQUIRE(world.take());
  // The ledger's answer is older than these five.
  world.lend(20);
  CHECK(world.credit.credit("mail").tasks == 20 - 1 - 5);
}

TEST_CASE("an answer that takes credit away takes no more than there is") {
  World world;
  world.take();
  world.ask();
  world.lend(10);
  for (int i = 0; i < 8; ++i) world.take();
  world.ask();
  world.lend(3);
  CHECK(world.credit.credit("mail").tasks == 0);
  CHECK_FALSE(world.take());
}

TEST_CASE("more is asked for ahead, when half is gone, and twice of what was used lately") {
  World world;
  world.take();
  world.ask();
  world.lend(10'000);
  CHECK(world.asks_nothing());
  while (world.credit.credit("mail").tasks > 512) REQUIRE(world.take());
  const QueueCredit::Ask ask = world.ask();
  CHECK(ask.want.tasks == 2 * 9488 + 9488);
}

TEST_CASE("a limit that is reached is asked about again, but not all the time") {
  World world;
  CHECK_FALSE(world.take());
  world.ask();
  world.credit.answered("mail", {0, 0}, world.now);
  CHECK_FALSE(world.take());
  CHECK(world.asks_nothing());
  world.now += milliseconds(200);
  CHECK(world.ask().want.tasks == 1024);
}

TEST_CASE("bytes are lent like tasks, and at least what one task needs") {
  World world(false, true);
  CHECK_FALSE(world.take(6 * kMiB));
  const QueueCredit::Ask ask = world.ask();
  CHECK(ask.want.tasks == 0);
  CHECK(ask.want.bytes == 6 * kMiB);
  world.lend(0, 6 * kMiB);
  CHECK(world.take(6 * kMiB));
  CHECK_FALSE(world.take(1));
}

TEST_CASE("of two limits both must have room") {
  World world(true, true);
  world.take();
  world.ask();
  world.lend(2, 100);
  CHECK(world.take(60));
  CHECK_FALSE(world.take(60));
  CHECK(world.take(40));
  CHECK_FALSE(world.take(0));
}

// ---- giving back ----

TEST_CASE("credit that nobody used for some seconds is given back, and cannot be spent meanwhile") {
  World world;
  world.take();
  world.ask();
  world.lend(100);
  REQUIRE(world.take());
  world.ask();
  world.lend(100);
  world.now += seconds(5);

  const QueueCredit::Ask ask = world.ask();
  CHECK(ask.have.tasks == 100);
  CHECK(ask.want.tasks == 1);
  CHECK_FALSE(world.take());
  world.lend(1);
  CHECK(world.credit.credit("mail").tasks == 0);
}

TEST_CASE("what the ledger still counts as lent, though it was reported meanwhile, is given back") {
  World world;
  CHECK_FALSE(world.take());
  world.ask();
  world.lend(1);
  REQUIRE(world.take());
  CHECK_FALSE(world.take());
  CHECK(world.ask().have.tasks == 1);  // stored, and not reported
  // The report comes to the ledger before the question does: what it lends nobody needs any more.
  world.credit.reported(Offset(world.offset));
  world.lend(1);
  world.now += seconds(6);
  const QueueCredit::Ask back = world.ask();
  CHECK(back.have.tasks == 0);
  CHECK(back.want.tasks == 0);
  world.lend(0);
  CHECK(world.asks_nothing());
}

TEST_CASE("what was given back is not given back again") {
  World world;
  world.take();
  world.ask();
  world.lend(100);
  world.now += seconds(5);
  CHECK(world.ask().want.tasks == 0);
  world.lend(0);
  world.now += seconds(60);
  CHECK(world.asks_nothing());
}

TEST_CASE("giving back is repeated until the ledger has heard it") {
  World world;
  world.take();
  world.ask();
  world.lend(100);
  world.now += seconds(5);
  world.ask();
  world.credit.failed("mail", world.now);
  CHECK(world.asks_nothing());
  world.now += seconds(1);
  CHECK(world.ask().want.tasks == 0);
}

// ---- the channel ----

TEST_CASE("credit is spent on while the center is away, and dies with the next registration") {
  World world;
  world.take();
  world.ask();
  world.lend(10);
  world.credit.channel_lost();
  REQUIRE(world.take());

  world.credit.registered();
  CHECK_FALSE(world.take());
  const QueueCredit::Ask ask = world.ask();
  CHECK(ask.have.tasks == 1);
  CHECK(ask.want.tasks == 1025);
}

TEST_CASE("a question whose answer was lost with the channel is asked again") {
  World world;
  CHECK_FALSE(world.take());
  world.ask();
  world.credit.channel_lost();
  CHECK_FALSE(world.credit.asking("mail"));
  world.credit.registered();
  CHECK_FALSE(world.take());
  CHECK(world.ask().want.tasks == 1024);
}

TEST_CASE("a late answer changes nothing") {
  World world;
  world.credit.answered("mail", {50, 0}, world.now);
  CHECK(world.credit.credit("mail").tasks == 0);
  world.credit.answered("other", {50, 0}, world.now);
  world.credit.failed("other", world.now);
}

TEST_CASE("a limit that ended and came back lends nothing of before") {
  World world;
  world.take();
  world.ask();
  world.lend(50);
  REQUIRE(world.take());
  world.credit.set_rule({"mail", false, false, false});
  CHECK(world.take());
  world.credit.set_rule({"mail", false, true, false});
  CHECK_FALSE(world.take());
  CHECK(world.ask().have.tasks == 0);
}

TEST_CASE("another shard begins without stored tasks") {
  World world;
  world.take();
  world.ask();
  world.lend(50);
  REQUIRE(world.take());
  world.credit.shard_changed();
  REQUIRE(world.take());
  CHECK(world.ask().have.tasks == 49);
}

// A ledger that lends and takes away at will, answers late, and forgets with a registration.
TEST_CASE("a manager never stores more than it was lent") {
  Random random(3);
  std::uint64_t taken = 0;
  for (int round = 0; round < 200; ++round) {
    World world;
    std::uint64_t share = 0;   // what the ledger counts as lent, at least
    std::uint64_t stored = 0;  // and not reported
    std::optional<QueueCredit::Ask> open;
    for (int step = 0; step < 300; ++step) {
      world.now += random.one_in(40) ? seconds(6) : milliseconds(random.below(400));
      const std::uint64_t chosen = random.below(100);
      if (chosen < 40) {
        for (std::uint64_t i = random.below(20); i > 0 && world.take(); --i) {
          ++stored;
          ++taken;
        }
      } else if (chosen < 60 && !open) {
        if (const auto asks = world.credit.take_asks(world.now); !asks.empty()) {
          open = asks.front();
          share = std::min(share, open->want.tasks);
        }
      } else if (chosen < 80 && open) {
        share = std::min(open->want.tasks, std::max(open->have.tasks, random.below(60)));
        world.credit.answered("mail", {share, 0}, world.now);
        open.reset();
      } else if (chosen < 98 && !open) {
        const std::uint64_t reported = random.below(stored + 1);
        world.credit.reported(Offset(world.offset - (stored - reported)));
        stored -= reported;
        share -= std::min(share, reported);
      } else if (chosen >= 98) {
        world.credit.channel_lost();
        world.credit.registered();
        open.reset();
        share = stored;
      }
      INFO("round " << round << ", step " << step);
      const bool within = world.credit.credit("mail").tasks + stored <= std::max(share, stored);
      if (!within) FAIL("it has more than it was lent");
    }
  }
  CHECK(taken > 10'000);
}

}  // namespace
}  // namespace baton::manager
