// GarbageCollector: asks the ledger what may go, and lets it go (R16, R17).
//
// A closed stretch of a log is a candidate once the ledger knows all of its tasks. The ledger names
// the live offsets and results in it; when little is left the stretch is collected, which copies
// the survivors first. A result whose ack may still be applied counts as live. Records at or above
// created_hi are never judged, nor is the record below it, whose CRC the next registration needs
// (R2).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proto/center.pb.h"

#include "manager/core/result_watch.h"
#include "manager/service/center_link.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class GarbageCollector {
 public:
  GarbageCollector(ServiceContext& context, ShardLogs& logs, CenterLink& link, ResultWatch& results)
      : context_(context), logs_(logs), link_(link), results_(results) {}

  // Called a few times a second while registered: asks at most one question of each kind at a time.
  void tick();
  // From the question about a stretch to the end of its collection.
  [[nodiscard]] bool busy() const { return busy_; }
  // created_hi of a shard, as far as this manager heard.
  void set_created_hi(ShardId shard, Offset created_hi) { created_hi_[shard] = created_hi; }

 private:
  // What is asked about, exactly as it was when it was asked, and what was learned so far. A
  // stretch with very many results is asked about in several queries.
  struct Question {
    ShardId shard;
    Stretch stretch;
    Lsn index_seen;  // no answer may be older than this
    std::size_t results_asked = 0;
    std::vector<Offset> live;
    std::vector<ResultRecordId> live_results;
  };
  using QuestionPtr = std::shared_ptr<Question>;

  void settle();
  void begin();
  [[nodiscard]] std::optional<Stretch> candidate(LogStore& log) const;
  void ask(const QuestionPtr& question);
  void on_live(const QuestionPtr& question, std::size_t results, const v1::ChannelAnswer& answer);
  // False: the answer does not fit the question.
  bool note_tasks(Question& question, const v1::LiveAnswer& answer) const;
  bool note_results(Question& question, std::size_t results, const v1::LiveAnswer& answer) const;
  [[nodiscard]] static bool worth_collecting(const Question& question);
  void collect(const QuestionPtr& question);
  void postpone(const Question& question, Duration by);

  ServiceContext& context_;
  ShardLogs& logs_;
  CenterLink& link_;
  ResultWatch& results_;
  std::map<ShardId, Offset> created_hi_;
  // Stretches that are not asked about for now: mostly alive, or just collected.
  std::map<std::pair<ShardId, Lsn>, MonoTime> not_before_;
  bool busy_ = false;  // with one stretch, from the question to the end of its collection
  bool settling_ = false;
};

}  // namespace baton::manager
