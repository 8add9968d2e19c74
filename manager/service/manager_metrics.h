// What a manager counts; its last log line tells it all. A plain struct: the node owns it, everything
// runs on its loop.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/logger.h"

namespace baton::manager {

struct ManagerMetrics {
  // Producing. Items of PRODUCED, by what it said: ok, or something else.
  std::uint64_t tasks_confirmed = 0;
  std::uint64_t tasks_refused = 0;
  std::uint64_t tasks_repeated = 0;  // produced again, found stored already
  std::uint64_t tasks_reported = 0;  // that the ledger confirmed to know
  // Consuming.
  std::uint64_t claims_delivered = 0;
  std::uint64_t claims_delivered_from_peers = 0;  // of them, with a payload from another manager
  std::uint64_t given_back_undelivered = 0;
  std::uint64_t given_back_unreachable = 0;
  std::uint64_t given_back_damaged = 0;
  std::uint64_t operations = 0;
  std::uint64_t heartbeats = 0;
  // For other managers.
  std::uint64_t payloads_served = 0;
  // Garbage.
  std::uint64_t stretches_collected = 0;
  std::uint64_t results_settled = 0;
  // How often the center was reached.
  std::uint64_t center_connections = 0;
};

// The keys are the names above.
inline std::vector<LogField> log_fields(const ManagerMetrics& metrics) {
  return {kv("tasks_confirmed", metrics.tasks_confirmed),
          kv("tasks_refused", metrics.tasks_refused),
          kv("tasks_repeated", metrics.tasks_repeated),
          kv("tasks_reported", metrics.tasks_reported),
          kv("claims_delivered", metrics.claims_delivered),
          kv("claims_delivered_from_peers", metrics.claims_delivered_from_peers),
          kv("given_back_undelivered", metrics.given_back_undelivered),
          kv("given_back_unreachable", metrics.given_back_unreachable),
          kv("given_back_damaged", metrics.given_back_damaged),
          kv("operations", metrics.operations),
          kv("heartbeats", metrics.heartbeats),
          kv("payloads_served", metrics.payloads_served),
          kv("stretches_collected", metrics.stretches_collected),
          kv("results_settled", metrics.results_settled),
          kv("center_connections", metrics.center_connections)};
}

}  // namespace baton::manager
