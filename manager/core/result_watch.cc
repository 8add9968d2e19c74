#include "manager/core/result_watch.h"

namespace baton::manager {

std::vector<ResultKey> ResultWatch::due(MonoTime now, std::size_t max) const {
  std::vector<ResultKey> keys;
  for (const auto& [key, open] : open_) {
    if (keys.size() >= max) break;
    if (!open.in_flight && open.ask_at <= now) keys.push_back(key);
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
