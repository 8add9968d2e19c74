// HistoryLookups: questions about what became of a task, answered from the archive (R19).
//
// Each goes through the segments from its cursor on, by their indexes, in jobs of the worker that
// read at most TaskHistoryReader::kRecordsAtOnce records of one segment; one question after the
// other, so that commits are held up by one job at most. An index that is missing or damaged is
// made on the way. On the loop.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>

#include "center/storage/archive.h"
#include "center/storage/task_history.h"

namespace baton::center {

class HistoryLookups {
 public:
  using Done = std::function<void(const Result<HistoryPage>&)>;
  static constexpr std::size_t kWaitingMax = 256;

  // What is referred to outlives the lookups.
  HistoryLookups(Loop& loop, Worker& worker, leveldb::Env& env, Archive& archive);

  // Posts `done` with at most `limit` transitions, oldest first, from `cursor` on (empty: the
  // first). invalid_argument: no cursor; retry_later: too many wait; data_loss names the segment.
  void look_up(TaskId task, std::string_view cursor, std::size_t limit, Done done);

 private:
  struct Lookup;

  void advance();
  void read_segment(const Archive::Located& located);
  void on_read(const Archive::Located& located);
  void make_index(const Archive::Located& located);
  void finish(const Status& status);

  Loop& loop_;
  Worker& worker_;
  leveldb::Env& env_;
  Archive& archive_;
  std::deque<std::shared_ptr<Lookup>> waiting_;  // the first is being answered
  JobGate gate_;                                 // last: closes before anything above goes
};

}  // namespace baton::center
