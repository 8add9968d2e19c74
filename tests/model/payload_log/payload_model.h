// PayloadModel: one run of random commands, crashes and faults against a payload log and its
// oracle.
//
// Throws std::logic_error, saying what went wrong, when the log breaks a promise.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/model/payload_log/payload_oracle.h"
#include "tests/support/payload_log_rig.h"

namespace baton::manager::model {

// How often each rare thing happened: a model that never meets them proves nothing.
struct PayloadModelCounts {
  std::uint64_t tasks = 0;
  std::uint64_t reads = 0;
  std::uint64_t opens = 0;
  std::uint64_t failed_opens = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t kills = 0;
  std::uint64_t io_errors = 0;
  std::uint64_t collections = 0;
  std::uint64_t survivors_read = 0;
  std::uint64_t dropped_read = 0;
  std::uint64_t untold_kept = 0;  // appended, not told, and there after a restart
  std::uint64_t untold_lost = 0;
};

class PayloadModel {
 public:
  PayloadModel(std::uint64_t seed, PayloadModelCounts& counts);
  void run(int steps);

 private:
  using Rig = testing::PayloadLogRig;

  void step();
  void append();
  void append_result();
  TaskOptions draw_options();
  void watch(Lsn lsn);
  void read_some();
  // `told`: it was, when the question was asked.
  void check_task(Offset offset, bool told, const Result<StoredTask>& found);
  void read_a_result();
  void scan_some();
  void finish_some();
  void collect_one();
  void let_run();
  void let_time_pass();
  void arm_a_fault();
  void end_process();
  void open();
  void check_after_open();
  void check_everything();
  void check_recent_runs();

  [[noreturn]] void fail(const std::string& what) const;
  void require(bool fact, const std::string& what) const {
    if (!fact) fail(what);
  }

  const std::uint64_t seed_;
  Random random_;
  PayloadModelCounts& counts_;
  Rig rig_;
  PayloadOracle oracle_;
  Epoch epoch_;  // of the last open that succeeded
  std::set<Uuid> lives_;
  std::map<std::uint64_t, std::uint64_t> next_seq_;  // by producer
  bool fault_armed_ = false;                         // an I/O error may come, or has come
  std::uint64_t life_number_ = 0;                    // callbacks of an earlier life are ignored
};

}  // namespace baton::manager::model
