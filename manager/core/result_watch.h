// ResultWatch: results and checkpoints that were written here and whose ack or save has no answer yet
// (R16).
//
// While it may still be applied its record must not be judged by a garbage collection. One that got
// no answer within a minute (its client went away while the center did too) is settled by a question:
// keep, drop, or open (ask again). A record may be named by several operations: those that a client
// repeated, and saves that share a batch.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/base/ids.h"
#include "common/base/protocol_enums.h"
#include "common/base/record_kind.h"
#include "common/base/time.h"

namespace baton::manager {

struct ResultKey {
  TaskId task;
  Token token;
  RecordKind kind = RecordKind::kResult;
  ShardId shard;
  Lsn lsn;
  friend auto operator<=>(const ResultKey&, const ResultKey&) = default;
};

class ResultWatch {
 public:
  explicit ResultWatch(Duration settle_after = std::chrono::minutes(1))
      : settle_after_(settle_after) {}

  // Its record is being written. The ack that names it may be sent from now on.
  void written(const ResultKey& key, MonoTime now);
  // The ledger answered: garbage collection may ask about the record like about any other.
  void answered(const ResultKey& key);
  // No answer of this process's channel can come any more: the connection that sent it is gone and
  // the command was dropped. It may be settled.
  void abandoned(const ResultKey& key);

  // Records to ask about now, at most `max`.
  [[nodiscard]] std::vector<ResultKey> due(MonoTime now, std::size_t max) const;
  void settled(const ResultKey& key, SettleVerdict verdict, MonoTime now);

  // True: a garbage collection must keep it, whatever the ledger says.
  [[nodiscard]] bool in_doubt(const ResultKey& key) const { return open_.contains(key); }
  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  struct Open {
    MonoTime ask_at{};
    std::size_t in_flight = 0;  // operations that name it and may be answered
    bool abandoned = false;     // one of them was
  };

  const Duration settle_after_;
  std::map<ResultKey, Open> open_;
};

}  // namespace baton::manager
