// SimDaemon: a machine with a disk and a clock on which a daemon runs, dies and is started again.
//
// Disk and clock survive the process; memory and connections do not. Whoever looks after daemons
// (SimCluster) calls bury_if_dead() after every event, since a daemon may meet its end in the
// middle of a file operation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/logger.h"
#include "common/base/status.h"
#include "tests/sim/cluster/sim_boot.h"
#include "tests/sim/cluster/sim_world.h"
#include "tests/support/sim_env.h"

namespace baton::sim {

class SimDaemon {
 public:
  SimDaemon(SimWorld& world, std::string host, Boot boot);
  ~SimDaemon();
  SimDaemon(const SimDaemon&) = delete;
  SimDaemon& operator=(const SimDaemon&) = delete;

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool up() const { return life_ != nullptr; }

  // Starts now; nothing if it runs.
  void start();
  // kill -9. What was written but not synced stays in the page cache, until the next power cut.
  void kill(Duration back_after);
  // What was not synced is lost, in whole or in part.
  void cut_power(Duration back_after);
  // The same at one of the next file operations, in the middle of it as a rule; also while
  // starting.
  void cut_power_at_write(std::uint64_t operations, Duration back_after);
  // SIGTERM: it drains and is started again.
  void restart(Duration back_after);
  void pause(Duration length);
  void jump_wall(std::int64_t ms);
  // One of its next operations that change the disk fails, sticky: and every later one. It must end
  // itself for that, name the file, and touch the disk no more.
  void fail_disk(std::uint64_t operations, Fault fault, bool sticky);
  // One of its next reads fails. It may end itself for that.
  void fail_read(std::uint64_t reads);
  // There is only so much room left, for a while. It may end itself for that.
  void fill_disk(std::uint64_t bytes_left, Duration length);
  // Every sync takes up to `time_max`, for a while.
  void slow_disk(Duration time_max, Duration length);
  // The directory as it is now: what a backup or a copy of it would be.
  [[nodiscard]] SimDisk copy_of_disk() { return env_.disk().copy(); }
  // Its directory says nothing yet of whom it belongs to.
  [[nodiscard]] bool is_new() const { return env_.disk().find("/data/identity") == nullptr; }
  // REQUIRES: not up.
  void set_disk(const SimDisk& disk) { env_.set_disk(disk); }
  // The machine ends, and has this disk when it is back.
  void put_back(const SimDisk& disk, Duration back_after);
  // It is killed, and one bit of a payload in one of its tables flips; nothing when there is none.
  void damage_payload(Duration back_after);
  // Nothing that happens to this directory's owner is held against it any more: it may be refused,
  // and tries again.
  void forgive_refusals() { may_be_refused_ = true; }
  // Called whenever this or a later life logs the event.
  void when_logged(std::string event, Closure call) {
    log_watches_.emplace_back(std::move(event), std::move(call));
  }

  // No more surprises: an armed power cut is called off, and it starts now if it is down.
  void heal();
  // For good.
  void shut_down();
  void bury_if_dead();

 private:
  struct Life;

  void bury(bool power_cut, Duration back_after);
  void start_later(Duration delay);
  void count_metrics();
  // What the disk has done to this life so far explains its end.
  [[nodiscard]] bool has_an_excuse() const;
  void ended(const char* how, const Status& why);
  void on_operation(const char* kind);
  void on_log(LogLevel level, std::string_view event, const std::string& line);

  SimWorld& world_;
  const std::string host_;
  const Boot boot_;
  Random random_;
  SimClock clock_;
  SimEnv env_;
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  std::uint64_t start_turn_ = 0;  // of the start that is planned: a later plan replaces it
  bool was_cut_ = false;          // the last life ended with the power
  bool refused_ = false;          // it said that it must not run: never started again
  bool may_be_refused_ = false;
  std::vector<std::pair<std::string, Closure>> log_watches_;
  Duration back_after_cut_{};
  std::uint64_t faults_before_ = 0;  // that earlier lives met
  std::uint64_t write_faults_before_ = 0;
  bool disk_error_armed_ = false;  // ... and when it strikes, this life must end
  bool disk_was_full_ = false;     // in this life
  std::uint64_t room_turn_ = 0;
  std::optional<SimDisk> good_disk_;  // as it was before it was damaged
  SimTime good_until_{0};
  bool restore_good_disk_ = false;
  SimTime slow_until_{0};
  Duration slow_sync_max_{};
};

}  // namespace baton::sim
