#include "manager/storage/reclaimer.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/manual_loop.h"

namespace baton::manager {
namespace {

struct Rig {
  void settle() { baton::testing::run_until_idle(loop, background); }

  baton::testing::ManualLoop loop;
  baton::testing::ManualWorker background{loop};
  std::vector<std::string> compacted;
  Reclaimer reclaimer{loop, background, [this](const std::string& from, const std::string& to) {
                        compacted.push_back(from + ".." + to);
                      }};
};

TEST_CASE("a little is given back once nothing more comes for a while, neighbours as one") {
  Rig rig;
  rig.reclaimer.add("a", "b", 1000);
  rig.loop.advance(Reclaimer::kQuiet - std::chrono::seconds(1));
  rig.reclaimer.add("b", "c", 1000);
  rig.reclaimer.add("x", "y", 1000);
  rig.loop.advance(Reclaimer::kQuiet - std::chrono::seconds(1));
  rig.settle();
  CHECK(rig.compacted.empty());
  rig.loop.advance(std::chrono::seconds(1));
  rig.settle();
  CHECK(rig.compacted == std::vector<std::string>{"a..c", "x..y"});
  CHECK(rig.reclaimer.idle());
}

TEST_CASE("much is given back at once, in ranges that do not last long") {
  Rig rig;
  rig.reclaimer.add("a", "b", Reclaimer::kBytes);
  rig.settle();
  CHECK(rig.compacted == std::vector<std::string>{"a..b"});
  rig.reclaimer.add("b", "c", Reclaimer::kBytes);
  CHECK_FALSE(rig.reclaimer.idle());
  // While that one lasts, more comes than one range takes.
  rig.reclaimer.add("c", "d", Reclaimer::kBytes);
  rig.reclaimer.add("d", "e", Reclaimer::kBytes);
  rig.reclaimer.add("e", "f", Reclaimer::kBytes);
  rig.settle();
  CHECK(rig.compacted == std::vector<std::string>{"a..b", "b..c", "c..e", "e..f"});
}

TEST_CASE("what waits when its owner goes is left alone") {
  baton::testing::ManualLoop loop;
  baton::testing::ManualWorker background(loop);
  int compactions = 0;
  {
    Reclaimer reclaimer(loop, background,
                        [&](const std::string&, const std::string&) { ++compactions; });
    reclaimer.add("a", "b", Reclaimer::kBytes);
    reclaimer.add("b", "c", 1);
  }
  loop.advance(Reclaimer::kQuiet);
  baton::testing::run_until_idle(loop, background);
  CHECK(compactions == 0);
}

}  // namespace
}  // namespace baton::manager
