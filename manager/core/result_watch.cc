#include "manager/core/result_watch.h"

namespace baton::manager {

void ResultWatch::written(const ResultKey& key, MonoTime now) {
  Open& open = open_[key];
  open.ask_at = now + settle_after_;
  ++open.in_flight;
}

void ResultWatch::answered(const ResultKey& key) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (open.in_flight > 0) --open.in_flight;
  if (open.in_flight == 0 && !open.abandoned) open_.erase(found);
}

void ResultWatch::abandoned(const ResultKey& key) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  if (found->second.in_flight > 0) --found->second.in_flight;
  found->second.abandoned = true;
}

std::vector<ResultKey> ResultWatch::due(MonoTime now, std::size_t max) const {
  std::vector<ResultKey> keys;
  for (const auto& [key, open] : open_) {
    if (keys.size() >= max) break;
    if (open.in_flight == 0 && open.ask_at <= now) keys.push_back(key);
  }
  return keys;
}

void ResultWatch::settled(const ResultKey& key, SettleVerdict verdict, MonoTime now) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  if (verdict == SettleVerdict::kOpen) {
    found->second.ask_at = now + settle_after_;
  } else {
    open_.erase(found);
  }
}

}  // namespace baton::manager
