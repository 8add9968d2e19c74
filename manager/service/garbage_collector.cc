#include "manager/service/garbage_collector.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kQueryTimeout = std::chrono::seconds(5);
// A stretch of which more than a quarter lives is not worth copying yet.
constexpr std::uint64_t kLiveShareMax = 4;
constexpr Duration kAskAgain = std::chrono::seconds(30);
constexpr Duration kAskAgainSoon = std::chrono::seconds(5);
// Survivors end some day, too.
constexpr Duration kAskAboutSurvivors = std::chrono::minutes(10);
constexpr std::size_t kStretchesConsidered = 256;
constexpr std::size_t kSettleMax = 1024;
constexpr std::size_t kResultsPerQuery = 8192;

SettleVerdict verdict_from_wire(v1::SettleVerdict verdict) {
  if (verdict == v1::KEEP) return SettleVerdict::kKeep;
  if (verdict == v1::DROP) return SettleVerdict::kDrop;
  return SettleVerdict::kOpen;  // also one that this build does not know: never drop by mistake
}

}  // namespace

void GarbageCollector::tick() {
  if (!link_.is_open()) return;
  settle();
  begin();
}

void GarbageCollector::settle() {
  if (settling_) return;
  const std::vector<ResultKey> due = results_.due(context_.loop.now(), kSettleMax);
  if (due.empty()) return;
  v1::ChannelQuery query;
  for (const ResultKey& key : due) {
    v1::SettleItem& item = *query.mutable_settle()->add_item();
    item.set_task(key.task.value());
    item.set_token(key.token.value());
    item.set_kind(to_wire(key.kind));
    item.set_shard(key.shard.value());
    item.set_lsn(key.lsn.value());
  }
  settling_ = true;
  link_.query(
      query, kQueryTimeout, [this, due](const Status& status, const v1::ChannelAnswer& answer) {
        settling_ = false;
        const auto& verdicts = answer.settle().verdict();
        if (!status.ok() || verdicts.size() != static_cast<int>(due.size())) return;
        for (std::size_t i = 0; i < due.size(); ++i) {
          results_.settled(due[i], verdict_from_wire(answer.settle().verdict(static_cast<int>(i))),
                           context_.loop.now());
        }
        context_.metrics.results_settled += due.size();
      });
}

void GarbageCollector::begin() {
  if (busy_) return;
  for (const auto& [shard, log] : logs_.all()) {
    std::optional<Stretch> stretch = candidate(*log);
    if (!stretch) continue;
    busy_ = true;
    auto question = std::make_shared<Question>();
    question->shard = shard;
    question->stretch = std::move(*stretch);
    question->index_seen = link_.index_seen();
    return ask(question);
  }
}

std::optional<Stretch> GarbageCollector::candidate(LogStore& log) const {
  const auto known = created_hi_.find(log.shard());
  const auto is_due = [&](Lsn first) {
    const auto wait = not_before_.find({log.shard(), first});
    return wait == not_before_.end() || context_.loop.now() >= wait->second;
  };
  for (Stretch& stretch : log.closed_stretches(kStretchesConsidered, is_due)) {
    // Strictly below: record created_hi - 1 stays, and with it what proves this store at register.
    // Of a sealed shard only the center knows created_hi.
    const bool has_tasks = stretch.from < stretch.to;
    const bool is_known =
        known == created_hi_.end() ? &log != logs_.active() : stretch.to < known->second;
    if (has_tasks && !is_known) continue;
    return std::move(stretch);
  }
  return {};
}

void GarbageCollector::ask(const QuestionPtr& question) {
  const Stretch& stretch = question->stretch;
  const bool first = question->results_asked == 0;
  const std::size_t results =
      std::min(kResultsPerQuery, stretch.results.size() - question->results_asked);
  v1::ChannelQuery query;
  v1::Live& live = *query.mutable_live();
  live.set_shard(question->shard.value());
  live.set_from(stretch.from.value());
  live.set_to(first ? stretch.to.value() : stretch.from.value());
  for (std::size_t i = 0; i < results; ++i) {
    const ResultRecordId& result = stretch.results[question->results_asked + i];
    v1::SettleItem& item = *live.add_result();
    item.set_task(result.task.value());
    item.set_token(result.token.value());
    item.set_kind(to_wire(result.kind));
    item.set_shard(question->shard.value());
    item.set_lsn(result.lsn.value());
  }
  link_.query(query, kQueryTimeout,
              [this, question, results](const Status& status, const v1::ChannelAnswer& answer) {
                if (status.ok() && answer.code() == v1::OK)
                  return on_live(question, results, answer);
                busy_ = false;
                postpone(*question, kAskAgainSoon);
              });
}

void GarbageCollector::on_live(const QuestionPtr& question, std::size_t results,
                               const v1::ChannelAnswer& answer) {
  // An answer from before something we were told could call a task dead that is not even known
  // there.
  const bool recent = Lsn(answer.index()) >= question->index_seen;
  const bool first = question->results_asked == 0;
  if (!recent || (first && !note_tasks(*question, answer.live())) ||
      !note_results(*question, results, answer.live())) {
    busy_ = false;
    return postpone(*question, kAskAgainSoon);
  }
  if (question->results_asked < question->stretch.results.size()) return ask(question);
  if (worth_collecting(*question)) return collect(question);
  busy_ = false;
  postpone(*question, kAskAgain);
}

bool GarbageCollector::note_tasks(Question& question, const v1::LiveAnswer& answer) const {
  const Stretch& stretch = question.stretch;
  if (stretch.from < stretch.to && Offset(answer.created_hi()) <= stretch.to) return false;
  if (answer.first_size() != answer.count_size()) return false;
  for (int i = 0; i < answer.first_size(); ++i) {
    const Offset first(answer.first(i));
    const Offset end(answer.first(i) + answer.count(i));
    if (first < stretch.from || end > stretch.to || end < first) return false;
    for (Offset offset = first; offset < end; offset = offset.next())
      question.live.push_back(offset);
  }
  return true;
}

bool GarbageCollector::note_results(Question& question, std::size_t results,
                                    const v1::LiveAnswer& answer) const {
  if (answer.result_live_size() != static_cast<int>(results)) return false;
  for (std::size_t i = 0; i < results; ++i) {
    const ResultRecordId& result = question.stretch.results[question.results_asked + i];
    const bool in_doubt =
        results_.in_doubt({result.task, result.token, result.kind, question.shard, result.lsn});
    if (in_doubt || answer.result_live(static_cast<int>(i)))
      question.live_results.push_back(result);
  }
  question.results_asked += results;
  return true;
}

bool GarbageCollector::worth_collecting(const Question& question) {
  const Stretch& stretch = question.stretch;
  const std::uint64_t records = stretch.to.value() - stretch.from.value() + stretch.results.size();
  return (question.live.size() + question.live_results.size()) * kLiveShareMax <= records;
}

void GarbageCollector::collect(const QuestionPtr& question) {
  LogStore* log = logs_.find(question->shard);
  // The position is durable before anything that it allowed is gone (R20).
  if (Status status = logs_.note_ledger(link_.generation_seen(), link_.index_seen());
      !status.ok()) {
    busy_ = false;
    return context_.logger.error("ledger position not saved", {kv("status", status)});
  }
  log->collect(question->stretch, std::move(question->live), std::move(question->live_results),
               context_.guarded([this, question](const Status& status) {
                 busy_ = false;
                 postpone(*question, status.ok() ? kAskAboutSurvivors : kAskAgain);
                 if (!status.ok()) {
                   return context_.logger.error("collection failed", {kv("status", status)});
                 }
                 ++context_.metrics.stretches_collected;
                 if (link_.is_open()) begin();
               }));
}

void GarbageCollector::postpone(const Question& question, Duration by) {
  const MonoTime now = context_.loop.now();
  if (not_before_.size() > 4 * kStretchesConsidered) {
    std::erase_if(not_before_, [now](const auto& wait) { return wait.second <= now; });
  }
  not_before_[{question.shard, question.stretch.first}] = now + by;
}

}  // namespace baton::manager
