// A center whose machine loses power at any write: every restart opens, and what was answered
// holds.
#include <cstdlib>
#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/center_service/center_fixture.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::testing;

namespace {

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : random_(seed), world_(seed) {
    world_.options.snapshot_log_bytes = 1500;
  }

  void run() {
    REQUIRE(world_.start_center().ok());
    manager_ = &world_.join_manager("m1");
    manager_->send({attach(kSession, 1), demand(kSession, 1, 1, "q", 1000)});
    for (int life = 0; life < 6; ++life) {
      world_.env.crash_at(world_.env.operations() + 1 + random_.below(60));
      work_until_crash();
      restart();
      check();
    }
  }

 private:
  void work_until_crash() {
    for (int step = 0; step < 200 && !world_.env.stopped(); ++step) {
      if (!manager_->is_open()) {
        world_.run(20ms);
        continue;
      }
      random_.below(2) == 0 ? report() : acknowledge();
      world_.run(std::chrono::microseconds(random_.below(3000)));
    }
  }

  void report() {
    const auto count = static_cast<std::uint32_t>(1 + random_.below(5));
    const auto answer = manager_->try_send({created(*manager_, Offset(reported_), count, "q")});
    if (!answer || answer->code() != v1::OK) return;
    REQUIRE(answer->outcome(0).created().code() == v1::OK);
    reported_ = answer->outcome(0).created().created_hi();
  }

  void acknowledge() {
    if (next_grant_ == manager_->grants.size()) return;
    const v1::Grant grant = manager_->grants[next_grant_];
    const auto answer = manager_->try_send({ack(kSession, next_grant_ + 1, grant)});
    if (!answer || answer->code() != v1::OK) return;
    CHECK(answer->outcome(0).operations().outcome(0).code() == v1::OK);
    done_.insert(grant.task());
    ++next_grant_;
  }

  void restart() {
    world_.kill_center(sim::Death::kMachine);
    // The start itself may meet the next crash.
    while (true) {
      if (random_.one_in(3)) world_.env.crash_at(world_.env.operations() + 1 + random_.below(30));
      const Status started = world_.start_center();
      if (started.ok()) break;
      CAPTURE(started.to_string());
      REQUIRE(world_.env.stopped());
      world_.kill_center(sim::Death::kMachine);
    }
    const bool back = world_.scheduler.run_until(
        [&] { return manager_->is_open() || world_.env.stopped(); }, 30s);
    REQUIRE(back);
    if (world_.env.stopped()) return restart();
    const auto registered = manager_->try_register(Offset(reported_));
    if (!registered) return restart();
    // A report whose answer was lost may be known all the same.
    if (registered->result() == v1::REGISTER_EXPECTED) FAIL("the same life is always known");
    REQUIRE(registered->result() == v1::REGISTERED);
    CHECK(registered->created_hi() >= reported_);
    reported_ = registered->created_hi();
    resync();
  }

  // Grants that were lost on their way, as a manager asks for them.
  void resync() {
    v1::ChannelQuery query;
    v1::ResyncSession* session = query.mutable_resync()->add_session();
    session->mutable_session()->set_hi(7);
    session->mutable_session()->set_lo(7);
    session->set_conn_epoch(1);
    session->set_last_number(manager_->grants.empty() ? 0 : manager_->grants.back().number());
    const auto answer = manager_->try_ask(query);
    if (!answer) return restart();
    REQUIRE(answer->resync().session_size() == 1);
    for (const v1::Grant& claim : answer->resync().session(0).claim())
      manager_->grants.push_back(claim);
  }

  void check() {
    std::uint64_t token = 0;
    std::set<std::uint64_t> tasks;
    for (const v1::Grant& grant : manager_->grants) {
      CHECK(grant.token() > token);  // never given twice, in no life
      token = grant.token();
      CHECK(tasks.insert(grant.task()).second);  // nothing expired: one grant each
    }
    for (const std::uint64_t task : done_) {
      v1::ChannelQuery query;
      query.mutable_query()->mutable_task_show()->set_task(task);
      const auto answer = manager_->try_ask(query);
      if (!answer) return;  // the next crash
      CHECK(answer->answer().task().state() == v1::DONE);
    }
  }

  Random random_;
  CenterWorld world_;
  TestManager* manager_ = nullptr;
  std::uint64_t reported_ = 1;  // created_hi as it was answered
  std::size_t next_grant_ = 0;
  std::set<std::uint64_t> done_;
};

}  // namespace

TEST_CASE("whatever write the power fails at, the center comes back with all it has answered") {
  const char* given = std::getenv("BATON_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const std::uint64_t runs = given != nullptr ? 1 : 40;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    CAPTURE(seed);
    CrashRun(seed).run();
  }
}
