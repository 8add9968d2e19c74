#include "manager/core/dedup_table.h"

#include <algorithm>
#include <string>

#include "common/base/limits.h"

namespace baton::manager {
namespace {

// Most producers have a few numbers open; the ring grows only when they would overwrite each other.
constexpr std::size_t kRingMin = 8;

Status outside_window(std::uint64_t seq, std::uint64_t resolved_below) {
  return Status(ErrorCode::kInvalidArgument,
                "sequence number " + std::to_string(seq) + " is outside the producer's window of " +
                    std::to_string(kProducerWindow) + " from resolved_below " +
                    std::to_string(resolved_below));
}

}  // namespace

DedupTable::DedupTable() : DedupTable(Options{}) {}
DedupTable::DedupTable(Options options) : options_(options) {}

Status DedupTable::admit(ProducerId producer, ProducerSeq first, std::size_t count,
                         ProducerSeq resolved_below, MonoTime now) {
  BATON_RETURN_IF_ERROR(validate_producer_seqs(first.value(), count));
  if (!windows_.contains(producer) && !make_room(now)) {
    return Status(ErrorCode::kRetryLater, "too many producers are active on this manager");
  }
  Window& window = open_window(producer);
  touch(window, now);
  window.resolved_below = std::max(window.resolved_below, resolved_below.value());
  const std::uint64_t low = std::max<std::uint64_t>(window.resolved_below, 1);
  if (first.value() < low) return outside_window(first.value(), low);
  const std::uint64_t last = first.value() + count - 1;
  if (last - low >= kProducerWindow) return outside_window(last, low);
  return {};
}

const DedupTable::Stored* DedupTable::find(ProducerId producer, ProducerSeq seq) const {
  const Stored* stored = find_slot(producer, seq);
  return stored != nullptr && stored->offset ? stored : nullptr;
}

bool DedupTable::waited(ProducerId producer, ProducerSeq seq) const {
  if (!any_waited_) return false;
  const Stored* stored = find_slot(producer, seq);
  return stored != nullptr && !stored->offset;
}

const DedupTable::Stored* DedupTable::find_slot(ProducerId producer, ProducerSeq seq) const {
  const auto found = windows_.find(producer);
  if (found == windows_.end() || found->second.ring.empty()) return nullptr;
  const Window& window = found->second;
  const Slot& slot = window.ring[seq.value() & (window.ring.size() - 1)];
  const bool kept = slot.seq == seq.value() && slot.seq >= window.resolved_below;
  return kept ? &slot.stored : nullptr;
}

void DedupTable::record(ProducerId producer, ProducerSeq first, Offset offset,
                        std::span<const std::uint64_t> content_hash, Lsn lsn) {
  Window& window = open_window(producer);
  for (std::size_t i = 0; i < content_hash.size(); ++i) {
    put(window, first.value() + i, {Offset(offset.value() + i), content_hash[i], lsn});
  }
  forget_surplus();
}

void DedupTable::record_waiting(ProducerId producer, ProducerSeq first, std::size_t count) {
  any_waited_ = true;
  Window& window = open_window(producer);
  for (std::size_t i = 0; i < count; ++i) put(window, first.value() + i, Stored{});
  forget_surplus();
}

void DedupTable::resolve(ProducerId producer, ProducerSeq below) {
  const auto found = windows_.find(producer);
  if (found == windows_.end()) return;
  Window& window = found->second;
  window.resolved_below = std::max(window.resolved_below, below.value());
  if (window.resolved_below > window.highest) {
    slots_ -= window.ring.size();
    window.ring.clear();
    window.ring.shrink_to_fit();
  }
}

ProducerSeq DedupTable::resolved_below(ProducerId producer) const {
  const auto found = windows_.find(producer);
  return found == windows_.end() ? ProducerSeq() : ProducerSeq(found->second.resolved_below);
}

DedupTable::Window& DedupTable::open_window(ProducerId producer) {
  const auto [found, inserted] = windows_.try_emplace(producer);
  if (inserted) {
    by_use_.push_back(producer);
    found->second.place = std::prev(by_use_.end());
    while (windows_.size() > options_.producers_max) forget_oldest();
  }
  return found->second;
}

void DedupTable::touch(Window& window, MonoTime now) {
  window.used_at = now;
  by_use_.splice(by_use_.end(), by_use_, window.place);
}

void DedupTable::grow(Window& window) {
  std::vector<Slot> old = std::move(window.ring);
  window.ring.assign(std::max(kRingMin, old.size() * 2), Slot{});
  slots_ += window.ring.size() - old.size();
  // Two slots of the smaller ring never share one of the larger.
  for (const Slot& slot : old) {
    if (slot.seq != 0) window.ring[slot.seq & (window.ring.size() - 1)] = slot;
  }
}

void DedupTable::put(Window& window, std::uint64_t seq, const Stored& stored) {
  window.highest = std::max(window.highest, seq);
  if (window.ring.empty()) grow(window);
  for (;;) {
    Slot& slot = window.ring[seq & (window.ring.size() - 1)];
    const bool taken = slot.seq != 0 && slot.seq != seq && slot.seq >= window.resolved_below;
    if (!taken || window.ring.size() >= kProducerWindow) {
      if (!taken || slot.seq < seq) slot = {seq, stored};
      return;
    }
    grow(window);
  }
}

bool DedupTable::make_room(MonoTime now) {
  while (windows_.size() >= options_.producers_max || slots_ >= options_.slots_max) {
    if (by_use_.empty()) return true;
    const Window& oldest = windows_.at(by_use_.front());
    if (!oldest.ring.empty() && now - oldest.used_at < options_.idle_min) return false;
    forget_oldest();
  }
  return true;
}

// Rebuilding at start may meet more producers than there is room for: the newest records win.
void DedupTable::forget_surplus() {
  while (slots_ > options_.slots_max && windows_.size() > 1) forget_oldest();
}

void DedupTable::forget_oldest() {
  const auto found = windows_.find(by_use_.front());
  slots_ -= found->second.ring.size();
  windows_.erase(found);
  by_use_.pop_front();
}

}  // namespace baton::manager
