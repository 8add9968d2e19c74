#include "center/service/command_queue.h"

#include <algorithm>
#include <utility>

#include "center/storage/command_codec.h"
#include "common/base/limits.h"

namespace baton::center {
namespace {

bool is_bulk(const v1::Command& command) {
  switch (command.kind_case()) {
    case v1::Command::kCreated:
    case v1::Command::kProducerDone:  // about tasks that created reports before it
    case v1::Command::kQuarantine:
      return true;
    default:
      return false;
  }
}

// A frame that mixes both kinds is urgent: its commands must not be torn from those of the next
// frame.
bool is_bulk(const CommandFrame& frame) {
  for (const v1::Command& command : frame.commands) {
    if (!is_bulk(command)) return false;
  }
  return true;
}

v1::LedgerBatch* add_batch(MergedEntry& merged, const CommandFramePtr& frame) {
  merged.shares.push_back({frame, frame ? frame->taken : 0, 0, {}});
  v1::LedgerBatch* batch = merged.entry.add_batch();
  if (frame) batch->set_incarnation(frame->incarnation.value());
  return batch;
}

// A batch of the center's own commands that nobody waits for; false when there are none.
bool add_own(MergedEntry& merged, const std::vector<Command>& commands) {
  if (commands.empty()) return false;
  v1::LedgerBatch* batch = add_batch(merged, nullptr);
  for (const Command& command : commands) encode_command(command, batch->add_command());
  merged.shares.back().count = static_cast<int>(commands.size());
  merged.shares.back().done.resize(commands.size());
  return true;
}

}  // namespace

void CommandQueue::push(CommandFramePtr frame) {
  BATON_CHECK(!frame->commands.empty());
  (is_bulk(*frame) ? bulk_ : urgent_).push_back(std::move(frame));
}

void CommandQueue::push_own(const Command& command, OwnDone done) {
  own_.emplace_back(command, std::move(done));
}

MergedEntry CommandQueue::take() {
  BATON_CHECK(!empty());
  MergedEntry merged;
  Budget budget{kEntryTasksMax, kEntryBytesMax};
  if (!own_.empty()) {
    v1::LedgerBatch* batch = add_batch(merged, nullptr);
    MergedEntry::Share& share = merged.shares.back();
    for (auto& [command, done] : own_) {
      encode_command(command, batch->add_command());
      share.done.push_back(std::move(done));
      ++share.count;
    }
    own_.clear();
  }
  if (bulk_waited_) {
    fill(bulk_, budget, merged);
    fill(urgent_, budget, merged);
    bulk_waited_ = false;
  } else {
    fill(urgent_, budget, merged);
    const std::size_t before = bulk_.size();
    fill(bulk_, budget, merged);
    bulk_waited_ = before > 0 && bulk_.size() == before;
  }
  return merged;
}

void CommandQueue::fill(Lane& lane, Budget& budget, MergedEntry& merged) {
  while (!lane.empty()) {
    const CommandFramePtr frame = lane.front();
    if (!take_frame(frame, budget, merged)) return;
    lane.pop_front();
  }
}

bool CommandQueue::take_frame(const CommandFramePtr& frame, Budget& budget, MergedEntry& merged) {
  v1::LedgerBatch* batch = nullptr;
  while (frame->taken < frame->commands.size()) {
    v1::Command& command = *frame->commands.Mutable(frame->taken);
    const std::size_t weight = command_weight(command);
    const std::size_t bytes = command.ByteSizeLong();
    const bool first = merged.entry.batch_size() == 0;  // alone it may be as large as it is
    if (!first && (weight > budget.weight || bytes > budget.bytes)) return false;
    budget.weight -= std::min(weight, budget.weight);
    budget.bytes -= std::min(bytes, budget.bytes);

    if (command.has_register_()) {
      if (add_own(merged, before_register_(command.register_()))) batch = nullptr;
    }
    if (batch == nullptr) batch = add_batch(merged, frame);
    *batch->add_command() = std::move(command);
    ++frame->taken;
    ++merged.shares.back().count;
  }
  return true;
}

void CommandQueue::clear() {
  const auto own = std::exchange(own_, {});
  urgent_.clear();
  bulk_.clear();
  bulk_waited_ = false;
  for (const auto& [command, done] : own) {
    if (done) done(Lsn(), nullptr);
  }
}

}  // namespace baton::center
