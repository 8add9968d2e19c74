// Identity: who a data directory belongs to, in its file `identity`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton {

enum class StoreKind : std::uint8_t { kCenter = 1, kManager = 2 };
std::string_view to_string(StoreKind kind);

inline constexpr std::uint32_t kIdentityVersion = 1;

struct Identity {
  struct Shard {
    ShardId id;
    bool sealed = false;  // read, but never appended to again (R2)
    friend bool operator==(const Shard&, const Shard&) = default;
  };

  StoreKind kind = StoreKind::kManager;
  StoreId store;              // drawn when the directory was made
  ClusterId cluster;          // none until the first enrolment (manager) or start (center)
  std::string name;           // of the manager or center; empty until it is fixed
  std::vector<Shard> shards;  // managers: in the order they were given
  // Managers: the highest ledger position ever seen (R20).
  Generation generation;
  Lsn ledger_index;
  // The key-value store was created and synced: from then on its absence is a loss.
  bool has_store = false;

  friend bool operator==(const Identity&, const Identity&) = default;
};

std::string encode_identity(const Identity& identity);
// data_loss when the bytes are damaged, unsupported_version when a newer Baton wrote them.
Result<Identity> decode_identity(std::string_view bytes);

}  // namespace baton
