// What a client has done so far, as plain counters that only grow.
#pragma once

#include <cstdint>

namespace baton::client {

struct ClientMetrics {
  std::uint64_t connections_opened = 0;  // handshakes that succeeded
  std::uint64_t connections_lost = 0;    // of those: ended while in use

  std::uint64_t produced_confirmed = 0;
  std::uint64_t produced_failed = 0;
  std::uint64_t produced_unknown = 0;
  std::uint64_t produce_requests = 0;
  std::uint64_t produce_repeats = 0;  // items sent again, at the same shard or after retry_later
  std::uint64_t produce_moved = 0;    // items sent as moved, every time

  std::uint64_t deliveries = 0;
  std::uint64_t deliveries_dropped = 0;  // of an earlier connection, or twice: never handled
  std::uint64_t grants_died = 0;
  std::uint64_t attaches = 0;
  std::uint64_t operations_answered = 0;
  std::uint64_t operations_repeated = 0;  // sent again after a reconnect or retry_later
  std::uint64_t claims_superseded = 0;    // lost before the handler was done with them
  std::uint64_t heartbeats_sent = 0;
  std::uint64_t heartbeats_answered = 0;  // committed

  std::uint64_t queries = 0;
};

}  // namespace baton::client
