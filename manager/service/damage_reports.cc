#include "manager/service/damage_reports.h"

#include <utility>

#include "common/base/limits.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kSendAgain = std::chrono::seconds(1);

}  // namespace

void DamageReports::tick() {
  gather();
  if (sending_ || !link_.is_open() || context_.loop.now() < not_before_) return;
  for (const auto& [shard, offsets] : unanswered_) {
    if (const std::optional<Epoch> epoch = epoch_of(shard)) return send(shard, *epoch);
  }
}

void DamageReports::gather() {
  for (const auto& [shard, log] : logs_.all()) {
    for (const Offset offset : log->take_damaged()) {
      context_.logger.error("record damaged", {kv("task", TaskId(shard, offset))});
      unanswered_[shard].insert(offset);
    }
  }
}

std::optional<Epoch> DamageReports::epoch_of(ShardId shard) {
  LogStore* active = logs_.active();
  if (active != nullptr && active->shard() == shard) return active->epoch();
  return sealed_.epoch_of(shard);
}

void DamageReports::send(ShardId shard, Epoch epoch) {
  const std::set<Offset>& offsets = unanswered_.at(shard);
  v1::ChannelCommands commands;
  v1::Quarantine& quarantine = *commands.add_command()->mutable_quarantine();
  quarantine.set_shard(shard.value());
  quarantine.set_epoch(epoch.value());
  std::vector<Offset> sent;
  for (const Offset offset : offsets) {
    if (sent.size() >= kBatchItemsMax) break;
    quarantine.add_offset(offset.value());
    sent.push_back(offset);
  }
  sending_ = true;
  link_.send(commands, [this, shard, sent = std::move(sent)](const Status& status,
                                                             const v1::ChannelOutcomes& outcomes) {
    on_outcome(shard, sent, status, outcomes);
  });
}

void DamageReports::on_outcome(ShardId shard, const std::vector<Offset>& sent, const Status& status,
                               const v1::ChannelOutcomes& outcomes) {
  sending_ = false;
  if (!status.ok() || outcomes.outcome_size() != 1 ||
      outcomes.outcome(0).simple().code() != v1::OK) {
    not_before_ = context_.loop.now() + kSendAgain;
    return;
  }
  std::set<Offset>& offsets = unanswered_.at(shard);
  for (const Offset offset : sent) offsets.erase(offset);
  if (offsets.empty()) unanswered_.erase(shard);
}

}  // namespace baton::manager
