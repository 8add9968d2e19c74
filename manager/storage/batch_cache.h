// BatchCache: batches taken apart lately, so that a backlog is read batch by batch and not record
// by record.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>

#include "common/base/ids.h"
#include "manager/storage/task_batch.h"

namespace baton::manager {

class BatchCache {
 public:
  explicit BatchCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The batch that has the offset, or null.
  [[nodiscard]] const TaskBatch* find(Offset offset) const;
  // Batches without tasks are not kept. The oldest go first; one that is larger than the cache is
  // kept alone.
  void add(std::shared_ptr<const TaskBatch> batch);

 private:
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::map<Offset, std::shared_ptr<const TaskBatch>> by_first_;
  std::deque<Offset> in_order_of_arrival_;
};

}  // namespace baton::manager
