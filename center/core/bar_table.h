// BarTable: which managers cannot reach which shards for now (R13). Their sessions get no tasks of
// them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/ids.h"

namespace baton::center {

class BarTable {
 public:
  static constexpr std::int64_t kFirstMs = 1'000;
  static constexpr std::int64_t kLongestMs = 30'000;
  // A pair that was well for so long after its bar starts from the shortest again.
  static constexpr std::int64_t kForgetMs = 30'000;

  struct Bar {
    std::int64_t until_ms = 0;
    std::int64_t length_ms = 0;
    bool over = false;  // its end was noticed: tasks were offered again
  };
  using Key = std::pair<std::uint32_t, ShardId>;  // manager slot, shard
  using Bars = std::map<Key, Bar>;                // ordered: the same everywhere

  [[nodiscard]] bool empty() const { return bars_.empty(); }
  [[nodiscard]] bool is_barred(std::uint32_t manager, ShardId shard) const {
    if (bars_.empty()) return false;
    const auto bar = bars_.find({manager, shard});
    return bar != bars_.end() && !bar->second.over;
  }

  // The payload could not be fetched. What was on its way when the bar began tells nothing new.
  void unreachable(std::uint32_t manager, ShardId shard, std::int64_t now_ms) {
    Bar& bar = bars_[{manager, shard}];
    if (bar.length_ms > 0 && !bar.over) return;
    bar.length_ms = bar.length_ms == 0 ? kFirstMs : std::min(2 * bar.length_ms, kLongestMs);
    bar.until_ms = now_ms + bar.length_ms;
    bar.over = false;
  }

  // A new life of the manager or of the shard: what barred them from anybody is over.
  void clear(std::uint32_t manager, ShardId shard) {
    std::erase_if(bars_, [&](const auto& entry) {
      return entry.first.first == manager || entry.first.second == shard;
    });
  }

  // Bars that ended by now; those that ended long ago are forgotten.
  std::vector<ShardId> expire(std::int64_t now_ms) {
    std::vector<ShardId> opened;
    for (auto& [key, bar] : bars_) {
      if (bar.over || bar.until_ms > now_ms) continue;
      bar.over = true;
      opened.push_back(key.second);
    }
    std::sort(opened.begin(), opened.end());
    std::erase_if(bars_, [now_ms](const auto& e) {
      return e.second.over && e.second.until_ms + kForgetMs <= now_ms;
    });
    return opened;
  }

  // When expire() has something to do next.
  [[nodiscard]] std::optional<std::int64_t> next_ms() const {
    std::optional<std::int64_t> next;
    for (const auto& [key, bar] : bars_) {
      const std::int64_t at = bar.over ? bar.until_ms + kForgetMs : bar.until_ms;
      next = next ? std::min(*next, at) : at;
    }
    return next;
  }

  [[nodiscard]] const Bars& all() const { return bars_; }
  void restore(Key key, Bar bar) { bars_[key] = bar; }

 private:
  Bars bars_;
};

}  // namespace baton::center
