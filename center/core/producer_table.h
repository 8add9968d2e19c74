// ProducerTable: which task each number of each producer names (R5, I10).
//
// The first occurrence that the ledger applies wins. Plain numbers are forgotten once the
// producer's resolved_below has passed them. Moved numbers linger on until no shard can still
// report another occurrence: every shard that may have one has registered a later epoch and
// reported all it had, or is gone. All is bounded; what is evicted first is what was resolved, or
// seen, longest ago.
#pragma once

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "center/core/member_table.h"
#include "common/base/cow.h"
#include "common/base/limits.h"
#include "common/base/paged_map.h"

namespace baton::center {

// Numbers [seq, seq + count) of plain records name tasks [first, first + count).
struct PlainNumbers {
  std::uint64_t seq = 0;
  TaskId first;
  std::uint32_t count = 0;

  // Whether `next` goes on where this ends.
  [[nodiscard]] bool joins(const PlainNumbers& next) const {
    return seq + count == next.seq && first.value() + count == next.first.value() &&
           count < kProducerWindow;
  }
  // REQUIRES: its last number is not below `below`.
  void forget_below(std::uint64_t below) {
    if (below <= seq) return;
    const auto gone = static_cast<std::uint32_t>(below - seq);
    seq = below;
    first = TaskId(first.value() + gone);
    count -= gone;
  }
};

// One number that was produced as moved at least once.
struct MovedNumber {
  std::uint64_t seq = 0;
  TaskId task;            // the winner
  bool has_hash = false;  // the winner is a record that waits, whose content is known
  std::uint64_t content_hash = 0;
  Lsn resolved_at;                // the entry in which resolved_below passed it; none: not yet
  std::uint32_t shards_then = 0;  // resolved: shards with an id up to this existed
  std::vector<ShardId> maybe_at;  // sorted; empty: any shard
  bool anywhere = false;          // some occurrence said nothing about where else it may be
  bool moved = false;             // some occurrence was moved: plain ones may exist
};

struct Producer {
  ProducerId id;
  std::uint64_t resolved_below = 0;
  std::int64_t idle_at_ms = 0;  // lease time; its place in the order of idleness, 0 for none
  std::int64_t seen_ms = 0;
  std::vector<PlainNumbers> plain;  // by seq
  std::vector<MovedNumber> moved;   // by seq
};

class ProducerTable {
 public:
  static constexpr std::size_t kProducersMax = 1U << 16;
  static constexpr std::size_t kPlainPerProducerMax = 1024;
  static constexpr std::size_t kPlainMax = 1U << 20;
  static constexpr std::size_t kMovedPerProducerMax = 1024;
  static constexpr std::size_t kLingeringMax = 1U << 18;

  // Consecutive numbers that were all new (and now name the tasks given), or all taken.
  struct Run {
    std::uint32_t count = 0;
    bool is_new = false;
  };
  std::vector<Run> admit_plain(ProducerId id, ProducerSeq seq, TaskId first, std::uint32_t count);

  struct Answer {
    bool is_new = false;
    TaskId task;  // the winner; none: refused
    ErrorCode code = ErrorCode::kOk;
  };
  // What a number that waits names already. New (is_new, without a task): nothing yet. Conflict: it
  // names other content; not_found: it was resolved long ago. `maybe_at`: where plain records of it
  // may be; empty: anywhere, or nowhere if `only_waits`.
  Answer find_moved(ProducerId id, ProducerSeq seq, std::uint64_t content_hash,
                    const std::vector<ShardId>& maybe_at, bool only_waits, Lsn index,
                    std::uint32_t shards);
  // The number names `task` from now on. REQUIRES: find_moved() has just found nothing.
  void admit_moved(ProducerId id, ProducerSeq seq, TaskId task, std::uint64_t content_hash,
                   const std::vector<ShardId>& maybe_at, bool only_waits, Lsn index,
                   std::uint32_t shards);
  // What a moved number is answered with when its record is reported again.
  [[nodiscard]] Answer answer_moved(ProducerId id, ProducerSeq seq,
                                    std::uint64_t content_hash) const;

  // A sign of life at lease time `now_ms`, and how far the producer knows the outcomes.
  void seen(ProducerId id, ProducerSeq resolved_below, std::int64_t now_ms, Lsn index,
            std::uint32_t shards);

  // Forgets moved numbers that no shard can report any more. Called when one has caught up or is
  // gone.
  void sweep(const MemberTable& members);

  // Lease time at which drop_idle() has something to look at; 0 for never.
  [[nodiscard]] std::int64_t next_idle_ms() const {
    return idle_.empty() ? 0 : idle_.begin()->first.first;
  }
  // Looks at one producer that may be idle; false when there was none by `now_ms`.
  bool drop_idle(std::int64_t now_ms, Lsn index, std::uint32_t shards);

  [[nodiscard]] std::size_t size() const { return producers_.size(); }

  using Producers = PagedMap<ProducerId, Cow<Producer>>;
  [[nodiscard]] const Producers& all() const { return producers_; }
  void restore(Producer producer);
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  using IdleKey = std::pair<std::int64_t, ProducerId>;
  using LingerKey = std::tuple<Lsn, ProducerId, std::uint64_t>;
  struct Nothing {};

  Producer& edit(ProducerId id);
  [[nodiscard]] static const PlainNumbers* find_plain(const Producer& producer, std::uint64_t seq);
  [[nodiscard]] static std::size_t place_moved(const Producer& producer, std::uint64_t seq);
  [[nodiscard]] static const MovedNumber* find_number(const Producer& producer, std::uint64_t seq);
  void add_plain(Producer& producer, std::uint64_t seq, TaskId first, std::uint32_t count);
  void add_moved(Producer& producer, MovedNumber number, Lsn index, std::uint32_t shards);
  void resolve(Producer& producer, std::uint64_t below, Lsn index, std::uint32_t shards);
  void linger(const Producer& producer, MovedNumber& number, Lsn index, std::uint32_t shards);
  void forget_moved(Producer& producer, std::size_t at);
  void forget_plain(Producer& producer, std::size_t count);
  // Moves its turn to be looked at to 10 min after it was last seen; false when it stands there
  // already.
  bool put_off(Producer& producer);
  // Room for a new producer.
  void drop_one(Lsn index, std::uint32_t shards);
  // Everything it had is resolved; what does not linger is gone.
  void drop(ProducerId id, Lsn index, std::uint32_t shards);
  void remove_if_empty(ProducerId id);

  Producers producers_;
  PagedMap<IdleKey, Nothing> idle_;
  PagedMap<LingerKey, Nothing> lingering_;
  std::size_t plain_total_ = 0;
};

}  // namespace baton::center
