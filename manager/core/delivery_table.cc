#include "manager/core/delivery_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::manager {
namespace {

DeliveryTable::Fate fate_of(ErrorCode code, bool progress) {
  switch (code) {
    case ErrorCode::kOk:
      return DeliveryTable::Fate::kDeliver;
    case ErrorCode::kNotFound:
    case ErrorCode::kDataLoss:
      return DeliveryTable::Fate::kDamaged;
    case ErrorCode::kRetryLater:
      // An answer in which nothing fitted would be asked for ever.
      return progress ? DeliveryTable::Fate::kAgain : DeliveryTable::Fate::kUnreachable;
    default:
      return DeliveryTable::Fate::kUnreachable;
  }
}

}  // namespace

void DeliveryTable::add(Deliver delivery) {
  const ShardId shard = delivery.grant.task.shard();
  shards_[shard].waiting.push_back(std::move(delivery));
  ++waiting_;
}

void DeliveryTable::mark_lost(const std::set<Token>& tokens) {
  const auto mark = [&tokens](Deliver& delivery) {
    if (tokens.contains(delivery.grant.token)) delivery.lost = true;
  };
  for (auto& [shard, queue] : shards_) std::ranges::for_each(queue.waiting, mark);
  for (auto& [id, fetch] : fetches_) std::ranges::for_each(fetch.deliveries, mark);
}

std::vector<DeliveryTable::Item> DeliveryTable::finish(std::uint64_t fetch,
                                                       const std::vector<ErrorCode>& codes,
                                                       std::size_t bytes) {
  InFlight done = take(fetch);
  BATON_CHECK(codes.size() == done.deliveries.size());
  const auto delivered =
      static_cast<std::size_t>(std::count(codes.begin(), codes.end(), ErrorCode::kOk));
  ShardQueue& queue = shards_[done.shard];
  if (delivered > 0) queue.bytes_per_task = (queue.bytes_per_task + bytes / delivered) / 2;

  const bool progress = std::any_of(codes.begin(), codes.end(),
                                    [](ErrorCode code) { return code != ErrorCode::kRetryLater; });
  std::vector<Item> items;
  items.reserve(codes.size());
  std::size_t again = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    items.push_back({std::move(done.deliveries[i]), fate_of(codes[i], progress)});
    if (items.back().fate != Fate::kAgain) continue;
    queue.waiting.insert(queue.waiting.begin() + static_cast<std::ptrdiff_t>(again++),
                         items.back().delivery);
    ++waiting_;
  }
  return items;
}

std::size_t DeliveryTable::fetch_tasks(const ShardQueue& queue) const {
  const std::size_t by_bytes =
      options_.fetch_bytes_target / std::max<std::size_t>(queue.bytes_per_task, 1);
  return std::clamp<std::size_t>(by_bytes, 1, options_.fetch_tasks_max);
}

DeliveryTable::Fetch DeliveryTable::start_fetch(ShardId shard, ShardQueue& queue,
                                                std::vector<Deliver> chosen) {
  Fetch fetch{next_id_++, shard, {}};
  fetch.tasks.reserve(chosen.size());
  for (const Deliver& delivery : chosen) fetch.tasks.push_back(delivery.grant.task);
  waiting_ -= chosen.size();
  ++queue.in_flight;
  fetches_.emplace(fetch.id, InFlight{shard, std::move(chosen)});
  return fetch;
}

DeliveryTable::InFlight DeliveryTable::take(std::uint64_t fetch) {
  const auto found = fetches_.find(fetch);
  BATON_CHECK(found != fetches_.end());
  InFlight done = std::move(found->second);
  fetches_.erase(found);
  --shards_[done.shard].in_flight;
  return done;
}

}  // namespace baton::manager
