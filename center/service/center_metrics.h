// CenterMetrics: what a center counts; its last log line tells it all. Plain numbers of one node, read
// on its loop.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/logger.h"

namespace baton::center {

struct CenterMetrics {
  // All only grow.
  std::uint64_t entries = 0;  // applied, replay included
  std::uint64_t snapshots = 0;
  std::uint64_t ticks = 0;
  std::uint64_t commands = 0;           // of managers
  std::uint64_t commands_refused = 0;   // out of range, or not a manager's to ask
  std::uint64_t created_postponed = 0;  // answered retry_later below the disk floor
  std::uint64_t queries = 0;
  std::uint64_t grants = 0;
  std::uint64_t grants_unrouted = 0;  // their manager was not connected: it asks again by resync
  std::uint64_t shards_declared_offline = 0;
  std::uint64_t managers_refused = 0;  // at HELLO
  std::uint64_t channels_cut = 0;      // too slow, or asking for too much at once
  std::uint64_t audit_violations = 0;  // promises that the auditor saw broken
};

// The keys are the names above.
inline std::vector<LogField> log_fields(const CenterMetrics& metrics) {
  return {kv("entries", metrics.entries),
          kv("snapshots", metrics.snapshots),
          kv("ticks", metrics.ticks),
          kv("commands", metrics.commands),
          kv("commands_refused", metrics.commands_refused),
          kv("created_postponed", metrics.created_postponed),
          kv("queries", metrics.queries),
          kv("grants", metrics.grants),
          kv("grants_unrouted", metrics.grants_unrouted),
          kv("shards_declared_offline", metrics.shards_declared_offline),
          kv("managers_refused", metrics.managers_refused),
          kv("channels_cut", metrics.channels_cut),
          kv("audit_violations", metrics.audit_violations)};
}

}  // namespace baton::center
