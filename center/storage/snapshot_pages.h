// The pages of a center's snapshot: first where the archive stood, then those of the ledger.
//
//   page 0: "BtCS" | version u8 | 0 x3 | index u64 | archive hash, 32 bytes
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/ledger.h"
#include "center/storage/archive.h"
#include "common/base/status.h"
#include "common/log/replicated_log.h"

namespace baton::center {

// Hands out page 0, then the ledger's pages as they are asked for.
class CenterSnapshotSource final : public SnapshotSource {
 public:
  CenterSnapshotSource(const Archive::Position& archive, std::unique_ptr<LedgerSnapshot> ledger);
  std::optional<std::string> next_page() override;

 private:
  std::optional<std::string> first_page_;
  std::unique_ptr<LedgerSnapshot> ledger_;
};

struct RestoredCenter {
  Ledger ledger;
  Archive::Position archive;
};
// Builds the ledger from the pages of a restored log; an empty one when there is no snapshot.
// data_loss names what is wrong.
Result<RestoredCenter> restore_center(ReplicatedLog::Restored restored);

}  // namespace baton::center
