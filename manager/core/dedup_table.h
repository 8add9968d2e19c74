// DedupTable: which numbers of which producers a shard has stored, so that a repeated produce gives
// the same task (R5, I10).
//
// Plain records are in it with their place. Of numbers that waited for the ledger by their nature
// (R6) it only knows that they did, since they have to wait again when they are repeated, also when
// nothing asks for it any more: a queue may cease to be ordered. Moved records are in it not at all.
// Plain records are found in the log again at start; numbers that waited are known for one life of the
// manager. State may be read before its record is durable; each entry
// names its batch, and a reply that read it leaves when that batch is durable (R25).
//
// Bounds: kProducerWindow numbers per producer; producers_max producers and slots_max numbers in
// all. At the bound the producer that was silent longest is forgotten, if it was silent for
// idle_min; else a new producer gets retry_later.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton::manager {

class DedupTable {
 public:
  struct Options {
    std::size_t producers_max = 65'536;
    std::size_t slots_max = std::size_t{1} << 21;  // 64 MiB
    Duration idle_min = std::chrono::seconds(60);  // R6: a dedup window is at least that long
  };
  struct Stored {
    Offset offset;  // none: it waited
    std::uint64_t content_hash = 0;
    Lsn lsn;  // of the batch that holds the record
  };

  DedupTable();
  explicit DedupTable(Options options);

  // Whether numbers [first, first + count) of the producer may be judged now; takes note of
  // resolved_below. invalid_argument: a number is resolved already or outside the window of
  // kProducerWindow; retry_later: the table is full of active producers. Nothing changed on failure
  // but resolved_below.
  Status admit(ProducerId producer, ProducerSeq first, std::size_t count,
               ProducerSeq resolved_below, MonoTime now);

  // Null when the number is not stored as a plain record.
  [[nodiscard]] const Stored* find(ProducerId producer, ProducerSeq seq) const;
  // Whether the number is one that waited.
  [[nodiscard]] bool waited(ProducerId producer, ProducerSeq seq) const;

  // Numbers first + i are stored at offset + i with content_hash[i]. A number that is too old for
  // the window is not kept.
  void record(ProducerId producer, ProducerSeq first, Offset offset,
              std::span<const std::uint64_t> content_hash, Lsn lsn);

  // Numbers [first, first + count) are stored as records that wait by their nature.
  void record_waiting(ProducerId producer, ProducerSeq first, std::size_t count);

  // The producer knows the outcome of everything below.
  void resolve(ProducerId producer, ProducerSeq below);
  [[nodiscard]] ProducerSeq resolved_below(ProducerId producer) const;

  [[nodiscard]] std::size_t producers() const { return windows_.size(); }
  [[nodiscard]] std::size_t slots() const { return slots_; }

 private:
  struct Slot {
    std::uint64_t seq = 0;  // 0: empty
    Stored stored;
  };
  // A ring over the producer's numbers, as large as its unresolved numbers need.
  struct Window {
    std::vector<Slot> ring;
    std::uint64_t resolved_below = 0;
    std::uint64_t highest = 0;
    MonoTime used_at{};
    std::list<ProducerId>::iterator place;
  };

  [[nodiscard]] const Stored* find_slot(ProducerId producer, ProducerSeq seq) const;
  Window& open_window(ProducerId producer);
  void touch(Window& window, MonoTime now);
  void grow(Window& window);
  void put(Window& window, std::uint64_t seq, const Stored& stored);
  bool make_room(MonoTime now);
  void forget_oldest();
  void forget_surplus();

  Options options_;
  std::unordered_map<ProducerId, Window> windows_;  // looked up only, never iterated
  std::list<ProducerId> by_use_;                    // silent longest first
  std::size_t slots_ = 0;
  bool any_waited_ = false;  // most tables never see one, and are asked for every item
};

}  // namespace baton::manager
