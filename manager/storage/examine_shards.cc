#include "manager/storage/examine_shards.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/storage/batch_log_meta.h"
#include "common/storage/small_record.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/payload_keys.h"
#include "manager/storage/record_finder.h"
#include "manager/storage/stretch_table.h"
#include "manager/storage/task_batch.h"

namespace baton::manager {
namespace {

constexpr char kAdviceRefused[] =
    "the manager refuses to start. Put the directory back from a copy (what the center knows "
    "beyond it is quarantined then), or give it up: `baton manager remove` and an empty directory "
    "quarantine its unfinished tasks";
constexpr char kAdviceServed[] =
    "the manager starts and serves what still proves itself; the center quarantines the others of "
    "these tasks. To have them back put the directory back from a copy that has them";
constexpr char kAdviceResult[] =
    "the result can no longer be shown; its task is finished all the same";
constexpr char kAdviceDedup[] =
    "the manager starts; what the record said is read from the batches where they are still there. "
    "A producer that repeats what it sent then may get a second task";

bool is_newer(const Status& status) { return status.code() == ErrorCode::kUnsupportedVersion; }

class ShardExamination {
 public:
  ShardExamination(const KvStore& store, const Identity::Shard& shard, Lsn newest,
                   const OnFinding& tell, const OnProgress& progress)
      : store_(store),
        shard_(shard.id),
        newest_(newest),
        tell_(tell),
        progress_(progress),
        reader_(store, shard.id.value()),
        finder_(store, shard.id) {
    report_.shard = shard.id;
    report_.sealed = shard.sealed;
  }

  ShardReport run() {
    const Result<StretchTable> table = StretchTable::load(store_, shard_);
    if (!table.ok()) tell(table.status(), kAdviceRefused);
    Lsn tail = first_stored();
    Offset tail_from;
    if (table.ok()) {
      for (const StretchRecord& stretch : table.value().all()) {
        stretch.collected ? examine_collected(stretch) : examine_stretch(stretch);
      }
      examine_dedup();
      tail = table.value().end_lsn();
      tail_from = table.value().end_offset();
      report_.durable_end = std::max(report_.durable_end, tail_from);
    }
    const std::uint64_t told = told_;
    walk(tail, newest_, tail_from, {});
    recover(tail, told == told_);
    return report_;
  }

 private:
  Finding finding(const Status& status, const char* advice) const {
    Finding found;
    found.kind = is_newer(status) ? Finding::Kind::kNewer : Finding::Kind::kDamage;
    found.log = shard_.value();
    found.what = status.message();
    found.advice = is_newer(status) ? "use the Baton that wrote it" : advice;
    return found;
  }
  void tell(const Status& status, const char* advice) { tell(finding(status, advice)); }
  void tell(const Finding& found) {
    ++told_;
    tell_(found);
  }

  // The first batch in the store, whatever its records say.
  Lsn first_stored() const {
    Lsn first(1);
    const Status read =
        store_.scan(batch_key(shard_.value(), Lsn(0)), batch_key(shard_.value() + 1, Lsn(0)),
                    [&](std::string_view key, std::string_view) {
                      first = Lsn(number_of_key(key));
                      return false;
                    });
    return read.ok() ? first : Lsn(1);
  }

  // As the manager does it at every start; `tell_why`: nothing was told yet of what it refuses.
  void recover(Lsn tail, bool tell_why) {
    Lsn first;
    const auto on_tail = [&](const StoredBatch& stored) {
      if (!first) first = stored.lsn();
      return Status();
    };
    const Result<LogState> state = recover_log(store_, shard_.value(), on_tail);
    if (!state.ok()) {
      if (tell_why) tell(state.status(), kAdviceRefused);
      return;
    }
    report_.epoch = state.value().opened.epoch;
    report_.first_batch = state.value().first;
    report_.last_batch = state.value().last;
    if (!first) first = state.value().last.next();
    if (tell_why && first != tail) {
      tell(Status(ErrorCode::kDataLoss,
                  "its stretch records end in front of batch " + std::to_string(tail.value()) +
                      ", the batches behind them begin with " + std::to_string(first.value())),
           kAdviceRefused);
    }
  }

  void examine_stretch(const StretchRecord& stretch) {
    has_dedup_runs_ = false;
    walk(stretch.first, stretch.last, stretch.from, stretch.to);
    const std::string dedup = dedup_key(shard_, stretch.first);
    if (has_dedup_runs_ && store_.get(dedup).status().code() == ErrorCode::kNotFound) {
      tell(Status(ErrorCode::kDataLoss, "what producers sent in the stretch from batch " +
                                            std::to_string(stretch.first.value()) + " is missing"),
           kAdviceDedup);
    }
    for (const ResultRecordId& id : stretch.results) {
      ++report_.results;
      check_result(id);
    }
  }

  void examine_collected(const StretchRecord& stretch) {
    report_.durable_end = std::max(report_.durable_end, stretch.to);
    std::uint64_t survivors = 0;
    RecordFinder::Batches batches;
    std::vector<Offset> lost;
    for (const OffsetRun& run : stretch.survivors) {
      survivors += run.count;
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const Offset offset(run.first.value() + i);
        const auto found = finder_.read({{offset, stretch.first, stretch.last, true}}, 1, batches);
        if (found.front().ok()) {
          progress_(found.front().value().task.payload.size());
        } else {
          lost.push_back(offset);
        }
      }
    }
    report_.collected += stretch.to.value() - stretch.from.value() - survivors;
    report_.tasks += survivors - lost.size();
    report_.lost += lost.size();
    for (const OffsetRun& run : to_runs(lost)) {
      Finding found = finding(Status(ErrorCode::kDataLoss,
                                     "tasks that were kept when their stretch was collected are "
                                     "damaged or missing"),
                              kAdviceServed);
      found.from = run.first;
      found.to = Offset(run.first.value() + run.count);
      tell(found);
    }
    for (const ResultRecordId& id : stretch.results) {
      ++report_.results;
      check_result(id);
    }
  }

  void check_result(const ResultRecordId& id) {
    const Result<ResultContent> result = finder_.read_result(id);
    if (result.ok()) return;
    Finding found =
        finding(Status(result.status().code() == ErrorCode::kNotFound ? ErrorCode::kDataLoss
                                                                      : result.status().code(),
                       "the result of task " + to_string(id.task) + " with token " +
                           std::to_string(id.token.value()) + ": " + result.status().message()),
                kAdviceResult);
    found.first = found.last = id.lsn;
    tell(found);
  }

  // The batches from..last; where `from` begins and `end` ends is known of a stretch.
  void walk(Lsn lsn, Lsn last, Offset expected, Offset end) {
    std::optional<std::uint32_t> chain;
    Bad bad;
    for (; lsn <= last; lsn = lsn.next()) {
      Result<std::string> raw = reader_.get_raw(lsn);
      if (raw.ok()) progress_(raw.value().size());
      Status why = raw.status();
      if (raw.ok()) {
        const auto batch = TaskBatch::check(shard_, lsn, raw.value());
        why = batch.status();
        if (batch.ok() && chain && batch.value()->stored().header.chain != *chain) {
          why = Status(ErrorCode::kDataLoss, "it does not follow the batch before it");
        }
        if (why.ok()) {
          chain = batch.value()->stored().crc;
          end_of_bad(bad, expected, batch.value()->first());
          report_.last_batch = std::max(report_.last_batch, lsn);
          report_.durable_end = std::max(report_.durable_end, batch.value()->end());
          expected = batch.value()->end();
          count_records(*batch.value());
          continue;
        }
      }
      chain.reset();
      if (!bad.first) bad.first = lsn, bad.why = why;
      bad.last = lsn;
      if (raw.ok()) bad.remains = TaskBatch::salvage(shard_, std::move(raw).value());
    }
    end_of_bad(bad, expected, end);
    report_.durable_end = std::max(report_.durable_end, end);
  }

  // Batches in a row that are damaged or missing.
  struct Bad {
    Lsn first, last;
    Status why;
    std::shared_ptr<const TaskBatch> remains;  // of the last of them
  };
  // `from` and `to`: the tasks that they had, where that is known.
  void end_of_bad(Bad& bad, Offset from, Offset to) {
    if (!bad.first) return;
    Finding found = finding(bad.why, to ? kAdviceServed : kAdviceRefused);
    if (found.kind == Finding::Kind::kDamage && bad.why.code() == ErrorCode::kNotFound) {
      found.what = "missing";
    }
    found.first = bad.first;
    found.last = bad.last;
    if (from && to > from) {
      found.from = from;
      found.to = to;
      std::uint64_t readable = 0;
      for (Offset offset = from; bad.remains != nullptr && offset < to; offset = offset.next()) {
        readable += bad.remains->task(offset).ok() ? 1 : 0;
      }
      report_.tasks += readable;
      report_.lost += to.value() - from.value() - readable;
      found.what += "; " + std::to_string(readable) + " of its tasks can still be read";
    }
    tell(found);
    bad = Bad();
  }

  void count_records(const TaskBatch& batch) {
    const auto runs = batch.runs(batch.first(), static_cast<std::size_t>(kOffsetMax));
    if (!runs.ok()) tell(runs.status(), kAdviceServed);
    has_dedup_runs_ =
        has_dedup_runs_ || (runs.ok() && std::any_of(runs.value().begin(), runs.value().end(),
                                                     [](const StoredRun& run) {
                                                       return is_deduplicated(run.attributes);
                                                     }));
    for (Offset offset = batch.first(); offset < batch.end(); offset = offset.next()) {
      const auto task = batch.task(offset);
      if (task.ok()) {
        ++report_.tasks;
        continue;
      }
      ++report_.lost;
      Finding found = finding(task.status(), kAdviceServed);
      found.first = found.last = batch.stored().lsn();
      found.from = offset;
      found.to = offset.next();
      tell(found);
    }
  }

  void examine_dedup() {
    const auto visit = [&](std::string_view key, std::string_view value) {
      const Lsn first(number_of_key(key));
      const auto body = open_record(
          key, value, kDedupVersion,
          "what producers sent in the stretch from batch " + std::to_string(first.value()));
      Status status = body.status();
      if (status.ok()) status = decode_dedup(body.value()).status();
      if (!status.ok()) tell(status, kAdviceDedup);
      return true;
    };
    const Status read = store_.scan(dedup_key(shard_, Lsn(0)),
                                    dedup_key(ShardId(shard_.value() + 1), Lsn(0)), visit);
    if (!read.ok()) tell(read, kAdviceDedup);
  }

  const KvStore& store_;
  const ShardId shard_;
  const Lsn newest_;
  const OnFinding& tell_;
  const OnProgress& progress_;
  const BatchReader reader_;
  const RecordFinder finder_;
  ShardReport report_;
  bool has_dedup_runs_ = false;  // of the stretch that is walked
  std::uint64_t told_ = 0;
};

// Shards that the store has and the identity does not list.
std::vector<Identity::Shard> unlisted(const ExaminedDir& dir) {
  std::set<std::uint32_t> logs;
  for (const auto& [log, batch] : dir.newest()) logs.insert(log);
  if (dir.store() != nullptr) {
    // What cannot be read was told by the store's own examination.
    static_cast<void>(for_each_log(*dir.store(), [&](std::uint32_t log) { logs.insert(log); }));
  }
  for (const Identity::Shard& shard : dir.identity().shards) logs.erase(shard.id.value());
  std::vector<Identity::Shard> found;
  for (const std::uint32_t log : logs) {
    if (log != 0 && log <= kShardIdMax) found.push_back({ShardId(log), true});
  }
  return found;
}

void tell_unlisted(const ExaminedDir& dir, ShardId shard, const OnFinding& tell) {
  Finding found;
  found.file = dir.path() + "/identity";
  found.log = shard.value();
  found.what = "does not list shard " + std::to_string(shard.value()) +
               ", which the store has: it is older than the store";
  found.advice =
      "the manager refuses to start: put the identity back that was there when it last ran";
  tell(found);
}

// Of a store that cannot be opened: what its files show.
ShardReport report_of_newest(const Identity::Shard& shard, const StoredBatch* newest) {
  ShardReport report;
  report.shard = shard.id;
  report.sealed = shard.sealed;
  if (newest == nullptr) return report;
  report.last_batch = newest->lsn();
  const auto batch = TaskBatch::decode(shard.id, std::make_shared<const StoredBatch>(*newest));
  if (batch.ok()) report.durable_end = batch.value()->end();
  return report;
}

}  // namespace

std::vector<ShardReport> examine_shards(const ExaminedDir& dir, const OnFinding& tell,
                                        const OnProgress& progress) {
  std::vector<Identity::Shard> shards = dir.identity().shards;
  for (const Identity::Shard& shard : unlisted(dir)) {
    if (dir.has_identity()) tell_unlisted(dir, shard.id, tell);
    shards.push_back(shard);
  }
  std::vector<ShardReport> reports;
  for (const Identity::Shard& shard : shards) {
    const auto newest = dir.newest().find(shard.id.value());
    const StoredBatch* last = newest == dir.newest().end() ? nullptr : &newest->second;
    if (dir.store() == nullptr) {
      reports.push_back(report_of_newest(shard, last));
      continue;
    }
    const Lsn last_lsn = last == nullptr ? Lsn() : last->lsn();
    reports.push_back(ShardExamination(*dir.store(), shard, last_lsn, tell, progress).run());
  }
  return reports;
}

}  // namespace baton::manager
