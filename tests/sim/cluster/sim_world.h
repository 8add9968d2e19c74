// SimWorld: what all machines of one run share, and one life of a process in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/history/history.h"
#include "tests/sim/cluster/sim_holds.h"
#include "tests/sim/cluster/sim_logger.h"
#include "tests/sim/cluster/sim_plan.h"
#include "tests/sim/cluster/sim_tasks.h"
#include "tests/sim/cluster/sometimes.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

struct SimFailure {
  std::string what;  // one line
  TaskId task;       // none: it is about no task
};

struct SimWorld {
  SimWorld(std::uint64_t seed, SimPlan run_plan)
      : plan(run_plan), scheduler(seed), network(scheduler), tasks(history, plan.life) {
    network.set_quality(plan.network);
    // Elsewhere nothing can be said of a delay.
    tasks.book.set_calendar_begin(SimTasks::calendar(SimTime(0)));
    tasks.book.set_calendar_spread(plan.life.exact_calendar ? kCalendarSpread : 10'000h);
  }

  // Something that must not happen and is no matter of the history: a daemon that refuses to start,
  // ... `task`: whose story says more.
  void fail(std::string what, TaskId task = {}) {
    scheduler.trace("world", "FAILED " + what);
    failures.push_back({std::move(what), task});
  }
  void trace(const std::string& what) { scheduler.trace("world", what); }
  // What was confirmed in this time may be gone with a disk that went back. Nobody may count on it.
  void make_uncertain(SimTime from, SimTime to) { uncertain.emplace_back(from, to); }
  [[nodiscard]] bool is_uncertain(SimTime asked, SimTime confirmed) const {
    return std::ranges::any_of(uncertain, [=](const auto& span) {
      return span.first <= confirmed && asked <= span.second;
    });
  }
  // Names a session or a producer in the history: each life of each has its own.
  std::uint64_t next_process() { return ++last_process; }

  const SimPlan plan;
  SimScheduler scheduler;
  SimNetwork network;
  check::History history;
  SimTasks tasks;
  SimHolds holds;
  std::map<TaskId, std::string> results;  // of accepted acks
  PhraseCounts phrases;
  Sometimes sometimes;
  std::vector<SimFailure> failures;
  std::vector<std::pair<SimTime, SimTime>> uncertain;
  // A copy of a directory was registered while its original was cut off: what that had stored and
  // not reported may have been stored elsewhere since (docs/models, "Where the rules end").
  bool copy_took_over = false;
  std::uint64_t items_produced = 0;
  std::uint64_t last_process = 0;
  bool healed = false;  // no more faults; consumers only finish tasks
};

// One life of a process. What runs on it is destroyed before it.
struct SimLife {
  SimLife(SimWorld& world, const std::string& host, const SimClock& clock)
      : loop(world.scheduler, host, clock),
        worker(loop, world.plan.worker, world.plan.worker_delay_max),
        logger(world.scheduler, host, world.phrases),
        transport(world.network, loop, host) {
    loop.set_timer_slack(world.plan.timer_slack);
  }

  SimLoop loop;
  SimWorker worker;
  SimLogger logger;
  SimTransport transport;
};

}  // namespace baton::sim
