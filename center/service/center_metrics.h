// CenterMetrics: what a center counts. Plain numbers of one node, read on its loop.
#pragma once

#include <cstdint>

namespace baton::center {

struct CenterMetrics {
  // All only grow.
  std::uint64_t frames = 0;  // of commands, from managers
  std::uint64_t commands = 0;
  std::uint64_t commands_refused = 0;   // out of range, or not a manager's to ask
  std::uint64_t frames_denied = 0;      // of an incarnation that is not current
  std::uint64_t created_postponed = 0;  // answered retry_later below the disk floor
  std::uint64_t entries = 0;            // applied, replay included
  std::uint64_t entry_bytes = 0;
  std::uint64_t grants = 0;
  std::uint64_t grants_unrouted = 0;  // their manager was not connected: it asks again by resync
  std::uint64_t queries = 0;
  std::uint64_t ticks = 0;
  std::uint64_t continues = 0;
  std::uint64_t shards_declared_offline = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t managers_refused = 0;  // at HELLO
  std::uint64_t channels_cut = 0;      // too slow, or asking for too much at once
  std::uint64_t calendar_jumps = 0;
};

}  // namespace baton::center
