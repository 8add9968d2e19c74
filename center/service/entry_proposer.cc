#include "center/service/entry_proposer.h"

namespace baton::center {

void EntryProposer::start() {
  ++turn_;
  in_flight_ = 0;
}

void EntryProposer::stop() {
  ++turn_;
  in_flight_ = 0;
  queue_.clear();
}

void EntryProposer::push(CommandFramePtr frame) {
  queue_.push(std::move(frame));
  schedule_pump();
}

void EntryProposer::push_own(const Command& command, OwnDone done) {
  queue_.push_own(command, std::move(done));
  schedule_pump();
}

void EntryProposer::schedule_pump() {
  if (std::exchange(pump_posted_, true)) return;
  loop_.post(gate_.on_loop([this] {
    pump_posted_ = false;
    pump();
  }));
}

void EntryProposer::pump() {
  while (host_.serving() && !queue_.empty() && in_flight_ < kInFlightMax) {
    MergedEntry merged = queue_.take();
    ++in_flight_;
    const v1::LedgerEntry entry = std::exchange(merged.entry, {});
    host_.propose(
        entry, [this, merged = std::move(merged), turn = turn_](Lsn index, const Effects* effects) {
          if (turn == turn_) --in_flight_;
          entry_done(merged, index, turn == turn_ ? effects : nullptr);
        });
  }
}

void EntryProposer::entry_done(const MergedEntry& merged, Lsn index, const Effects* effects) {
  for (std::size_t i = 0; i < merged.shares.size(); ++i) {
    const MergedEntry::Share& share = merged.shares[i];
    for (std::size_t k = 0; k < share.done.size(); ++k) {
      if (share.done[k]) share.done[k](index, effects ? &effects->batches[i].outcomes[k] : nullptr);
    }
  }
  if (effects == nullptr) return;
  applied_(merged, index, *effects);
  schedule_pump();
}

}  // namespace baton::center
