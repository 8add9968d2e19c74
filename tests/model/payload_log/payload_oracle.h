// PayloadOracle: what a payload log must hold, in plain vectors.
//
// A task or result is *told* once its batch was reported durable, or once an open found it: from
// then on it must be there until it is finished and collected. What was appended but not told may
// be there after a restart, or not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "manager/storage/log_store.h"

namespace baton::manager::model {

struct OracleTask {
  std::string payload;
  TaskAttributes attributes;  // seq is this task's own
  std::uint64_t content_hash = 0;
  Lsn lsn;
  bool told = false;
  bool finished = false;  // the ledger needs it no more
  bool offered = false;   // it was finished when a collection was begun: it may be gone
};

struct OracleResult {
  TaskId task;
  Token token;
  RecordKind kind = RecordKind::kResult;
  std::string bytes;
  std::string content_type;
  Lsn lsn;
  bool told = false;
  bool finished = false;
  bool offered = false;
};

class PayloadOracle {
 public:
  void append(const TaskAttributes& attributes, const std::vector<std::string>& payloads,
              const LogStore::Appended& appended);
  void append_result(const ResultRecord& result, Lsn lsn);
  // Everything up to this batch was reported durable.
  void tell(Lsn lsn);
  // An open found the log to end here: what is behind it is gone, the rest is durable.
  // Returns false when something that was told is gone.
  bool reopen(Offset next_offset, Lsn last);

  [[nodiscard]] Offset next_offset() const { return Offset(tasks_.size() + 1); }
  [[nodiscard]] Offset told_end() const;
  [[nodiscard]] Lsn told_lsn() const { return told_lsn_; }
  // Null when there is no such task.
  OracleTask* find(Offset offset);
  std::vector<OracleResult>& results() { return results_; }
  std::vector<OracleTask>& tasks() { return tasks_; }

 private:
  std::vector<OracleTask> tasks_;  // by offset, from 1
  std::vector<OracleResult> results_;
  Lsn told_lsn_;
};

}  // namespace baton::manager::model
