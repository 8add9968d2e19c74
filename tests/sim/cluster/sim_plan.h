// SimPlan: everything about a run that is decided before it begins, drawn from its seed.
//
// Each seed is another cluster under other weather, so that no setting is tried only once and none
// is tried always. What a test wants fixed it changes after drawing.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/storage/commit_pacer.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"

namespace baton::sim {

// How often each kind of fault is chosen, relative to the others.
struct FaultWeights {
  std::uint64_t quiet = 8;         // nothing happens: progress must be possible in between
  std::uint64_t kill_process = 3;  // kill -9 of a daemon: what it wrote stays in the page cache
  std::uint64_t power_cut = 3;     // of a daemon's machine: what was not synced is lost or torn
  std::uint64_t cut_at_write = 4;  // a power cut at one of its next file operations
  std::uint64_t pause = 2;         // SIGSTOP of a daemon
  std::uint64_t restart = 1;       // SIGTERM and start
  std::uint64_t reset = 4;         // one connection
  std::uint64_t cut_frame = 3;     // one connection, in the middle of a frame
  std::uint64_t half_open = 2;     // one connection, one side only
  std::uint64_t partition = 3;     // two hosts, one way or both
  std::uint64_t isolate = 2;       // a manager and the center, for longer than short leases
  std::uint64_t slow = 2;          // the whole network
  std::uint64_t wall_jump = 1;     // a machine's calendar
  std::uint64_t disk_error = 2;  // one of a daemon's next file operations fails, or all from there
  std::uint64_t read_error = 1;  // one of its next reads fails
  std::uint64_t disk_full = 1;   // hardly any room, for a while
  std::uint64_t disk_slow = 1;   // every sync takes long, for a while
  std::uint64_t put_back = 0;    // a manager's directory becomes what it was a while ago
  std::uint64_t damage = 0;      // a manager is killed, and a bit of a payload on its disk flips
  std::uint64_t copy = 0;        // a copy of a manager's directory is started beside it
  std::uint64_t client_vanish = 3;  // kill -9 of a client
  std::uint64_t client_pause = 3;   // SIGSTOP of a client, sometimes longer than its leases
};

// How far calendars are apart where they are exact.
inline constexpr Duration kCalendarSpread = std::chrono::milliseconds(41);

// How much of the life cycle of tasks a run uses; nothing of it when it is not `on`. Drawn apart from
// the rest, so that a run without it is what it was before there was any.
struct LifePlan {
  bool on = false;
  // Of a hundred tasks, those that ask for it.
  std::uint64_t priorities = 0;
  std::uint64_t delays = 0;
  std::uint64_t times_to_live = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t keys = 0;  // idempotency keys, most of them used again
  std::uint64_t order_keys = 0;
  std::uint64_t fair_keys = 0;
  std::uint64_t after = 0;
  // Of a hundred claims, those that do it.
  std::uint64_t children = 0;
  std::uint64_t saves = 0;
  std::uint64_t nacks = 0;  // ... of their nacks: with a delay, or dead
  // What the operator does, relative to the others, and how often he does anything.
  Duration operator_interval{std::chrono::seconds(1)};
  std::uint64_t cancels = 0;
  std::uint64_t kills = 0;
  std::uint64_t decisions = 0;  // about what is dead, held, blocked
  std::uint64_t copies = 0;
  std::uint64_t settings = 0;
  std::uint64_t pauses = 0;
  std::uint64_t purges = 0;
  std::uint64_t pauses_until = 0;  // a time: nobody resumes the queue
  std::uint64_t waits = 0;         // for the end of a task
  std::uint64_t rates = 0;         // low ones
  std::uint64_t losses = 0;        // after how many attempts cut off a task is dead
  // Of a hundred tasks, those that are to run at a time; of lives of consumers, those that ask for one
  // task by its name.
  std::uint64_t times = 0;
  std::uint64_t picks = 0;
  // Of queues, those that remember keys for a minute only, or keep few finished tasks.
  std::uint64_t key_windows = 0;
  std::uint64_t retentions = 0;
  std::uint64_t key_counts = 0;  // bit i: queue i remembers few keys
  bool ordered = false;          // the first queue
  bool keep_all = false;         // finished tasks of all queues
  bool hold = false;             // what was cut off waits for a person
  bool exact_calendar = false;   // of the daemons: so that a delay can be measured
  bool calm = false;             // only clients fail: so that turns can be counted
  bool strict = false;           // no priority gives way
  bool tenants = false;          // a fairness key always has the same weight

  [[nodiscard]] std::uint64_t acts() const {
    return cancels + kills + decisions + copies + settings + pauses + purges + pauses_until +
           waits + rates + losses;
  }
  [[nodiscard]] bool forgets_keys(std::string_view queue) const {
    return (key_counts >> (queue.back() - '0') & 1) != 0;
  }
  // Each number of above, with a name for "no-<name>" (sim_shrink.h).
  struct Part {
    const char* name;
    std::uint64_t LifePlan::* amount;
  };
  static std::span<const Part> parts();
  static LifePlan draw(std::uint64_t seed);

 private:
  // What only half of the runs have, so that the others are what they were before there was any. The
  // last of it was added still later, and half of those have it.
  void draw_more(Random& random);
};

struct SimPlan {
  std::size_t managers = 3;
  std::size_t producers = 2;
  std::size_t consumers = 3;
  std::size_t rogues = 0;
  std::size_t queues = 2;

  Duration fault_phase{};     // how long faults go on
  Duration heal_limit{};      // how long the healed cluster may take to finish everything
  Duration fault_interval{};  // between two faults, on average
  // After everything is finished nothing happens for so long, and then there is work once more.
  Duration night{};
  FaultWeights weights;
  LifePlan life;

  std::uint64_t items_max = 0;  // tasks that all producers together may produce
  Duration produce_interval{};  // between two bursts of one producer, on average
  std::size_t burst_max = 1;    // tasks of a burst
  std::size_t payload_bytes_max = 0;
  Duration produce_timeout{};
  Duration lease{};
  std::size_t concurrency = 1;
  std::size_t prefetch = 0;
  bool well_behaved = false;     // consumers only ack
  std::uint64_t slow_tasks = 5;  // of a hundred: held by heartbeats, for up to two leases
  bool large_results = false;    // as payloads are

  SyncMode sync = SyncMode::kAdaptive;
  Duration sync_time_max{};  // a sync takes up to this long; on the loop it holds everything up
  std::size_t stretch_bytes = 0;
  SimWorker::Mode worker = SimWorker::Mode::kMixed;
  Duration worker_delay_max{};
  Duration timer_slack{};
  LinkQuality network;
  std::int64_t clock_error_ppm = 0;  // rates are within 1,000,000 +- this
  std::uint64_t snapshot_log_bytes = 0;

  static SimPlan draw(std::uint64_t seed);
  // The clocks of one machine.
  [[nodiscard]] SimClock draw_clock(Random& random) const;
  // Directories are put back, copied or damaged: there are alarms, and tasks in quarantine. What was
  // confirmed between copy and return may even be lost without alarm (SimWorld::make_uncertain).
  [[nodiscard]] bool disks_lie() const {
    return weights.put_back + weights.copy + weights.damage > 0;
  }
};

}  // namespace baton::sim
