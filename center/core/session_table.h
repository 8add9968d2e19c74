// SessionTable: the sessions, which belong to no manager and outlive connections (R9 - R11).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "center/core/held_claims.h"
#include "center/core/operation_outcomes.h"
#include "common/base/cow.h"
#include "common/base/deadline_heap.h"
#include "common/base/paged_map.h"

namespace baton::center {

struct Session {
  SessionId id;
  std::uint64_t serial = 0;  // in the order of first attach: breaks ties
  std::string consumer;
  ConnEpoch conn_epoch;
  std::uint32_t manager = 0;  // slot; where it is attached
  Incarnation incarnation;    // of that manager, at the attach
  std::uint64_t credit = 0;   // grants allowed since attach
  std::uint64_t grants = 0;   // given since attach, never more than credit
  std::int64_t seen_ms = 0;   // lease time of the last sign of life
  LineId last_line;  // highest line id of this conn_epoch: lower ones that are not there have ended
  LineId served_line;                // the line that got the last grant
  std::uint32_t served_count = 0;    // and how many it got in a row
  std::vector<std::uint32_t> lines;  // slots, by line id
  OperationOutcomes outcomes;
  HeldClaims claims;

  [[nodiscard]] bool wants_more() const {
    return grants < credit && claims.size() < kSessionWindowMax;
  }
};

class SessionTable {
 public:
  // Far above what the connections of a cluster can carry; a new session is then refused.
  static constexpr std::size_t kSessionsMax = 1U << 18;

  // kNoSlot when there is none.
  [[nodiscard]] std::uint32_t find(const SessionId& id) const {
    const std::uint32_t* slot = by_id_.find(id);
    return slot == nullptr ? kNoSlot : *slot;
  }
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] bool full() const { return size() >= kSessionsMax; }

  const Session& operator[](std::uint32_t slot) const { return *sessions_[slot]; }
  // Valid until the next add().
  Session& edit(std::uint32_t slot) { return sessions_[slot].edit(); }
  [[nodiscard]] std::size_t slots() const { return sessions_.size(); }
  [[nodiscard]] bool used(std::uint32_t slot) const {
    return slot < sessions_.size() && static_cast<bool>(sessions_[slot]);
  }

  std::uint32_t add(Session session);
  // REQUIRES: without lines and claims.
  void remove(std::uint32_t slot);

  // When each may be removed at the earliest; looked at again then, not at every sign of life.
  DeadlineHeap& idle() { return idle_; }
  [[nodiscard]] const DeadlineHeap& idle() const { return idle_; }

  void restore(std::uint32_t slot, Session session);
  void finish_restore();
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::vector<Cow<Session>> sessions_;  // by slot; empty ones are free
  std::vector<std::uint32_t> free_;
  PagedMap<SessionId, std::uint32_t> by_id_;
  DeadlineHeap idle_;
};

}  // namespace baton::center
