#include "client/operation_queue.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace baton::client {
namespace {

// One operation in a message takes no more than this beside its text; and what the message itself
// takes.
constexpr std::size_t kOperationBytes = 56;
constexpr std::size_t kMetadataSpare = 1024;

}  // namespace

Operation& OperationQueue::add(Operation operation) {
  operation.seq = OpSeq(first_.value() + operations_.size());
  to_send_.insert(operation.seq);
  return operations_.emplace_back(std::move(operation));
}

Operation* OperationQueue::find(OpSeq seq) {
  if (seq < first_ || seq.value() - first_.value() >= operations_.size()) return nullptr;
  Operation& found = operations_[seq.value() - first_.value()];
  return found.answered ? nullptr : &found;
}

Operation OperationQueue::take_answered(OpSeq seq) {
  Operation* operation = find(seq);
  BATON_CHECK(operation != nullptr);
  to_send_.erase(seq);
  Operation taken = std::move(*operation);
  operation->answered = true;
  while (!operations_.empty() && operations_.front().answered) {
    operations_.pop_front();
    first_ = first_.next();
  }
  return taken;
}

std::size_t OperationQueue::send_all_again() {
  std::size_t sent_before = 0;
  for (Operation& operation : operations_) {
    if (operation.answered) continue;
    sent_before += operation.sent ? 1 : 0;
    send_again(operation.seq);
  }
  return sent_before;
}

void OperationQueue::send_again(OpSeq seq) {
  Operation* operation = find(seq);
  if (operation == nullptr) return;
  // The first sending may have been accepted, and its raise spent: a repetition raises nothing.
  operation->anticipated = operation->anticipated && !operation->sent;
  to_send_.insert(seq);
}

bool OperationQueue::may_send(OpSeq seq) const {
  return seq.value() - answered_through().value() <= kSessionOutcomesMax;
}

std::vector<Operation*> OperationQueue::take_to_send(std::size_t items_max, std::size_t bytes_max,
                                                     MonoTime now) {
  std::vector<Operation*> batch;
  std::size_t bytes = 0;
  std::size_t metadata = 0;
  while (!to_send_.empty() && batch.size() < items_max) {
    Operation* operation = find(*to_send_.begin());
    BATON_CHECK(operation != nullptr);
    if (!may_send(operation->seq)) break;
    if (!batch.empty() && bytes + operation->bytes.size() > bytes_max) break;
    metadata += kOperationBytes + operation->text.size();
    if (!batch.empty() && metadata > kFrameMetadataBytesMax - kMetadataSpare) break;
    bytes += operation->bytes.size();
    operation->sent = true;
    operation->sent_at = now;
    batch.push_back(operation);
    to_send_.erase(to_send_.begin());
  }
  return batch;
}

void OperationQueue::forget_anticipation() {
  for (Operation& operation : operations_) {
    if (operation.sent) operation.anticipated = false;
  }
}

std::vector<OperationCallback> OperationQueue::abandon() {
  std::vector<OperationCallback> callbacks;
  for (Operation& operation : operations_) {
    if (!operation.answered && operation.done) callbacks.push_back(std::move(operation.done));
  }
  first_ = OpSeq(first_.value() + operations_.size());
  operations_.clear();
  to_send_.clear();
  return callbacks;
}

}  // namespace baton::client
