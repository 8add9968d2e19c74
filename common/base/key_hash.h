// key_hash: the 128-bit hash by which the ledger knows an idempotency key (R6).
//
// Two independent 64-bit hashes of its bytes. The queue is not part of it. Never changes once
// released: hashes of yesterday's keys are in ledgers and must match those of today's.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/hash64.h"
#include "common/base/ids.h"

namespace baton {

constexpr Uuid key_hash(std::string_view key) {
  Hash64 high(0x6a09e667f3bcc908U);
  Hash64 low(0xbb67ae8584caa73bU);
  high.add(key);
  low.add(key);
  return {high.value(), low.value()};
}

}  // namespace baton
