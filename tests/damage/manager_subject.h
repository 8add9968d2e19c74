// A manager's directory with known tasks and results, as several lives of it left it: a sealed shard,
// an active one with collected and closed stretches and an open tail, table files, a log file.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "center/core/ledger.h"
#include "tests/damage/sweep.h"

namespace baton::damage {

// What was acknowledged of a shard.
struct KnownShard {
  std::map<std::uint64_t, std::string> payloads;  // by offset; those that were not collected
  std::map<std::uint64_t, std::uint64_t> producer_numbers;  // content hash by the producer's number
  struct Result {
    TaskId task;
    Token token;
    Lsn lsn;
    std::string bytes;
  };
  std::vector<Result> results;
  Offset end{1};  // first offset that was not acknowledged
};

class ManagerSubject final : public Subject {
 public:
  ManagerSubject();
  ~ManagerSubject() override;

  [[nodiscard]] const DamagedDisk& disk() const override { return disk_; }
  Verdict judge(const sim::SimDisk& damaged) override;
  bool examine(const sim::SimDisk& damaged, bool& notes) override;

 private:
  class Life;
  void remember(sim::SimDisk disk);

  DamagedDisk disk_;
  std::map<ShardId, KnownShard> known_;
  std::vector<std::string> ledger_pages_;  // of the ledger that knows all that was acknowledged
};

}  // namespace baton::damage
