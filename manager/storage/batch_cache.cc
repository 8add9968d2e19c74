#include "manager/storage/batch_cache.h"

#include <utility>

namespace baton::manager {

const TaskBatch* BatchCache::find(Offset offset) const {
  const auto after = by_first_.upper_bound(offset);
  if (after == by_first_.begin()) return nullptr;
  const TaskBatch* batch = std::prev(after)->second.get();
  return batch->has(offset) ? batch : nullptr;
}

void BatchCache::add(std::shared_ptr<const TaskBatch> batch) {
  if (batch->first() == batch->end() || by_first_.contains(batch->first())) return;
  bytes_ += batch->stored().bytes.size();
  in_order_of_arrival_.push_back(batch->first());
  by_first_.emplace(batch->first(), std::move(batch));
  while (bytes_ > bytes_max_ && in_order_of_arrival_.size() > 1) {
    const auto oldest = by_first_.find(in_order_of_arrival_.front());
    bytes_ -= oldest->second->stored().bytes.size();
    by_first_.erase(oldest);
    in_order_of_arrival_.pop_front();
  }
}

}  // namespace baton::manager
