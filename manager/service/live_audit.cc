#include "manager/service/live_audit.h"

#include <algorithm>

namespace baton::manager {
namespace {

// A start has more urgent things to ask.
constexpr Duration kBeginAfter = std::chrono::minutes(1);
constexpr Duration kQueryTimeout = std::chrono::seconds(5);
// Bounds the answer: half as many runs at worst.
constexpr std::uint64_t kOffsetsPerQuestion = 65'536;

}  // namespace

void LiveAudit::tick() {
  const MonoTime now = context_.loop.now();
  if (begin_at_ == MonoTime{}) begin_at_ = now + kBeginAfter;
  if (now < begin_at_ || asking_ || collecting_() || !link_.is_open()) return;
  for (const auto& [shard, log] : logs_.all()) {
    if (done_.contains(shard)) continue;
    if (const auto dropped = log->next_dropped(next_)) {
      const Offset end(std::min(dropped->to.value(), dropped->from.value() + kOffsetsPerQuestion));
      return ask(*log, dropped->from, end);
    }
    done_.insert(shard);
    next_ = Offset(1);
  }
}

void LiveAudit::ask(LogStore& log, Offset from, Offset to) {
  v1::ChannelQuery query;
  query.mutable_live()->set_shard(log.shard().value());
  query.mutable_live()->set_from(from.value());
  query.mutable_live()->set_to(to.value());
  asking_ = true;
  // An answer from before a collection, or from before what allowed one, may call live what went
  // since.
  link_.query(query, kQueryTimeout,
              [this, &log, from, to, seen = link_.index_seen(),
               collected = context_.metrics.stretches_collected](const Status& status,
                                                                 const v1::ChannelAnswer& answer) {
                asking_ = false;
                const bool recent = status.ok() && answer.code() == v1::OK &&
                                    Lsn(answer.index()) >= seen && !collecting_() &&
                                    context_.metrics.stretches_collected == collected;
                if (recent && compare(log, from, to, answer.live())) next_ = to;
              });
}

bool LiveAudit::compare(LogStore& log, Offset from, Offset to, const v1::LiveAnswer& live) {
  if (live.first_size() != live.count_size()) return false;
  for (int i = 0; i < live.first_size(); ++i) {
    const Offset first(live.first(i));
    if (first < from || first > to || live.count(i) > to.value() - first.value()) return false;
    log.note_live(first, live.count(i));
  }
  return true;
}

}  // namespace baton::manager
