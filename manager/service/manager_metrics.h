// What a manager counts. A plain struct: the node owns it, everything runs on its loop.
#pragma once

#include <cstdint>

namespace baton::manager {

struct ManagerMetrics {
  // Producing.
  std::uint64_t tasks_confirmed = 0;  // told durable, or named by the ledger
  std::uint64_t tasks_repeated = 0;   // of them, known already
  std::uint64_t tasks_refused = 0;
  std::uint64_t created_reported = 0;  // tasks that the ledger confirmed to know
  // Consuming.
  std::uint64_t tasks_delivered = 0;
  std::uint64_t tasks_delivered_from_peers = 0;
  std::uint64_t given_back_undelivered = 0;
  std::uint64_t given_back_unreachable = 0;
  std::uint64_t given_back_damaged = 0;
  std::uint64_t operations = 0;
  std::uint64_t heartbeats = 0;
  // Channel.
  std::uint64_t center_connections = 0;
  std::uint64_t command_frames = 0;
  // Peers.
  std::uint64_t payloads_served = 0;
  // Garbage.
  std::uint64_t stretches_collected = 0;
  std::uint64_t results_settled = 0;
};

}  // namespace baton::manager
