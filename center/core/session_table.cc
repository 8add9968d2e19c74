#include "center/core/session_table.h"

#include <utility>

#include "common/base/check.h"

namespace baton::center {

std::uint32_t SessionTable::add(Session session) {
  std::uint32_t slot = static_cast<std::uint32_t>(sessions_.size());
  if (free_.empty()) {
    sessions_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  by_id_.insert(session.id, slot);
  sessions_[slot] = Cow<Session>(std::move(session));
  return slot;
}

void SessionTable::remove(std::uint32_t slot) {
  BATON_CHECK(sessions_[slot]->lines.empty() && sessions_[slot]->claims.empty());
  by_id_.erase(sessions_[slot]->id);
  sessions_[slot].reset();
  idle_.erase(slot);
  free_.push_back(slot);
}

void SessionTable::restore(std::uint32_t slot, Session session) {
  if (slot >= sessions_.size()) sessions_.resize(std::size_t{slot} + 1);
  by_id_.insert(session.id, slot);
  sessions_[slot] = Cow<Session>(std::move(session));
}

void SessionTable::finish_restore() {
  for (std::size_t slot = sessions_.size(); slot-- > 0;) {
    if (!sessions_[slot]) free_.push_back(static_cast<std::uint32_t>(slot));
  }
}

std::size_t SessionTable::memory_bytes() const {
  std::size_t bytes =
      by_id_.memory_bytes() + idle_.memory_bytes() + sessions_.capacity() * sizeof(Cow<Session>);
  for (const auto& session : sessions_) {
    if (!session) continue;
    bytes += sizeof(Session) + session->consumer.capacity() + session->outcomes.memory_bytes() +
             session->claims.memory_bytes() + session->lines.capacity() * sizeof(std::uint32_t);
  }
  return bytes;
}

}  // namespace baton::center
