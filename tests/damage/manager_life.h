// One life of a manager's storage, with what is acknowledged in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "center/core/ledger.h"
#include "manager/core/registration.h"
#include "manager/service/shard_logs.h"
#include "tests/damage/node_life.h"

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

// The producer of all tasks that have a number.
inline constexpr ProducerId kProducer{Uuid{5, 5}};
inline constexpr char kManagerData[] = "/data";

// An entry of one command. Throws when the ledger refuses it as a whole.
template <class Outcome>
Outcome ask(center::Ledger& ledger, Incarnation from, center::Command command) {
  const center::Effects effects =
      ledger.apply({ledger.index().next(), {center::Batch{from, {std::move(command)}}}});
  require(effects.batches.at(0).status);
  return std::get<Outcome>(effects.batches.at(0).outcomes.at(0));
}

class ManagerLife {
 public:
  explicit ManagerLife(const sim::SimDisk& disk);
  ~ManagerLife() { end(); }
  ManagerLife(const ManagerLife&) = delete;
  ManagerLife& operator=(const ManagerLife&) = delete;

  Status open();
  // The process is killed; what it wrote stays.
  void kill();
  NodeWorld& world() { return world_; }
  manager::ShardLogs& logs() { return *logs_; }
  manager::LogStore& log() { return *logs_->active(); }

  // Registers with the ledger as a manager does. data_loss when either side refuses the store.
  Status enrol(center::Ledger& ledger);

  // ---- what is acknowledged of the active shard, and is known from then on ----

  // `producer_seq` 0: by nobody who numbers them.
  void append(KnownShard& known, int tasks, std::uint64_t producer_seq);
  void append_result(KnownShard& known, std::uint64_t offset);
  // Keeps one task and the results of the oldest closed stretch.
  void collect(KnownShard& known);

  // ---- reading ----

  Result<std::string> read(manager::LogStore& log, Offset offset);
  Result<std::string> read_result(manager::LogStore& log, const KnownShard::Result& result);
  Result<std::uint32_t> record_crc(manager::LogStore& log, Offset offset);
  // A log has met damage since it was asked last.
  bool take_damaged();

 private:
  void end();
  manager::ShardFacts facts() const;

  NodeWorld world_;
  Random random_;
  manager::PayloadLog::Options options_;
  std::unique_ptr<manager::ShardLogs> logs_;
};

}  // namespace baton::damage
