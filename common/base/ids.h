// The numbers of the protocol as types of their own, so that none can be passed for another.
//
// docs/glossary.md has the full meaning of each word. All are unsigned and start at 1 where not
// said otherwise; 0 means "none".
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "common/base/status.h"

namespace baton {

template <class Tag, class Rep = std::uint64_t>
class StrongId {
 public:
  using rep = Rep;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }
  [[nodiscard]] constexpr StrongId next() const { return StrongId(static_cast<Rep>(value_ + 1)); }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Rep value_ = 0;
};

// Durable identity of a payload log, 20 bits.
using ShardId = StrongId<struct ShardIdTag, std::uint32_t>;
// A task's place in its shard, 44 bits, dense.
using Offset = StrongId<struct OffsetTag>;
// A batch's place in a log (= log index).
using Lsn = StrongId<struct LsnTag>;
// Leadership period of the replicated log.
using Term = StrongId<struct TermTag>;
// Term of a shard, raised at every open.
using Epoch = StrongId<struct EpochTag>;
// Raised only by disaster recovery, 12 bits.
using Generation = StrongId<struct GenerationTag, std::uint32_t>;
// One life of a manager, given by the ledger.
using Incarnation = StrongId<struct IncarnationTag>;
// One connection of a session.
using ConnEpoch = StrongId<struct ConnEpochTag>;
// Fencing token: generation (12) . grant counter (52).
using Token = StrongId<struct TokenTag>;
// A wait of a session for tasks of one queue.
using LineId = StrongId<struct LineIdTag, std::uint32_t>;
// Interned queue name.
using QueueId = StrongId<struct QueueIdTag, std::uint32_t>;
// Counts a session's grants since attach, from 1.
using GrantNumber = StrongId<struct GrantNumberTag>;
// Numbers a session's operations, from 1.
using OpSeq = StrongId<struct OpSeqTag>;
// Numbers a producer's tasks, from 1.
using ProducerSeq = StrongId<struct ProducerSeqTag>;

inline constexpr std::uint32_t kShardIdMax = (1U << 20) - 1;
inline constexpr std::uint64_t kOffsetMax = (std::uint64_t{1} << 44) - 1;

// The cluster-wide name of a task: shard (20 bits) . offset (44 bits). In text a decimal number.
class TaskId {
 public:
  constexpr TaskId() = default;
  constexpr explicit TaskId(std::uint64_t value) : value_(value) {}
  // REQUIRES: offset <= kOffsetMax, shard <= kShardIdMax.
  constexpr TaskId(ShardId shard, Offset offset)
      : value_((std::uint64_t{shard.value()} << 44) | offset.value()) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr ShardId shard() const {
    return ShardId(static_cast<std::uint32_t>(value_ >> 44));
  }
  [[nodiscard]] constexpr Offset offset() const { return Offset(value_ & kOffsetMax); }
  // True when both halves are at least 1, as in every id that was ever given out.
  [[nodiscard]] constexpr bool valid() const {
    return shard().value() != 0 && offset().value() != 0;
  }
  constexpr explicit operator bool() const { return value_ != 0; }

  friend constexpr auto operator<=>(TaskId, TaskId) = default;

 private:
  std::uint64_t value_ = 0;
};

// 128 random bits: names of clusters, stores, lives, sessions and producers.
struct Uuid {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  constexpr explicit operator bool() const { return hi != 0 || lo != 0; }
  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};

template <class Tag>
struct TaggedUuid : Uuid {
  constexpr TaggedUuid() = default;
  constexpr explicit TaggedUuid(Uuid uuid) : Uuid(uuid) {}
  friend constexpr auto operator<=>(const TaggedUuid&, const TaggedUuid&) = default;
};

using ClusterId = TaggedUuid<struct ClusterIdTag>;
using StoreId = TaggedUuid<struct StoreIdTag>;        // one data directory
using Life = TaggedUuid<struct LifeTag>;              // one open of a shard, synced with its epoch
using SessionId = TaggedUuid<struct SessionIdTag>;    // chosen by the consumer
using ProducerId = TaggedUuid<struct ProducerIdTag>;  // chosen by the producer process

// 32 lower-case hex digits.
std::string to_string(const Uuid& uuid);
// invalid_argument when `text` is not 32 hex digits.
Result<Uuid> parse_uuid(std::string_view text);

std::string to_string(TaskId task);
// invalid_argument when `text` is not a decimal number that names a task.
Result<TaskId> parse_task_id(std::string_view text);

}  // namespace baton

template <class Tag, class Rep>
struct std::hash<baton::StrongId<Tag, Rep>> {
  std::size_t operator()(baton::StrongId<Tag, Rep> id) const {
    return std::hash<Rep>{}(id.value());
  }
};
template <>
struct std::hash<baton::TaskId> {
  std::size_t operator()(baton::TaskId id) const { return std::hash<std::uint64_t>{}(id.value()); }
};
template <>
struct std::hash<baton::Uuid> {
  // The bits are random already.
  std::size_t operator()(const baton::Uuid& id) const {
    return static_cast<std::size_t>(id.hi ^ id.lo);
  }
};
template <class Tag>
struct std::hash<baton::TaggedUuid<Tag>> : std::hash<baton::Uuid> {};
