#include "tests/model/payload_log/payload_oracle.h"

#include "common/base/content_hash.h"

namespace baton::manager::model {

void PayloadOracle::append(const TaskAttributes& attributes,
                           const std::vector<std::string>& payloads,
                           const LogStore::Appended& appended) {
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    OracleTask task;
    task.payload = payloads[i];
    task.attributes = attributes;
    if (attributes.producer) task.attributes.seq = ProducerSeq(attributes.seq.value() + i);
    task.content_hash = content_hash(payloads[i]);
    task.lsn = appended.lsn;
    tasks_.push_back(std::move(task));
  }
}

void PayloadOracle::append_result(const ResultRecord& result, Lsn lsn) {
  results_.push_back(
      {result.task, result.token, result.kind, result.bytes, result.content_type, lsn});
}

void PayloadOracle::tell(Lsn lsn) {
  if (lsn > told_lsn_) told_lsn_ = lsn;
  for (auto task = tasks_.rbegin(); task != tasks_.rend() && !task->told; ++task) {
    task->told = task->lsn <= lsn;  // what is behind `lsn` comes first and stays untold
  }
  for (OracleResult& result : results_) result.told = result.told || result.lsn <= lsn;
}

bool PayloadOracle::reopen(Offset next_offset, Lsn last) {
  bool kept_promise = true;
  while (tasks_.size() + 1 > next_offset.value()) {
    if (tasks_.back().told) kept_promise = false;
    tasks_.pop_back();
  }
  std::vector<OracleResult> results;
  for (OracleResult& result : results_) {
    if (result.lsn <= last) {
      results.push_back(std::move(result));
    } else if (result.told) {
      kept_promise = false;
    }
  }
  results_ = std::move(results);
  tell(last);
  return kept_promise && last >= told_lsn_;
}

Offset PayloadOracle::told_end() const {
  std::size_t told = tasks_.size();
  while (told > 0 && !tasks_[told - 1].told) --told;
  return Offset(told + 1);
}

OracleTask* PayloadOracle::find(Offset offset) {
  const bool there = offset && offset.value() <= tasks_.size();
  return there ? &tasks_[offset.value() - 1] : nullptr;
}

}  // namespace baton::manager::model
