#include "center/storage/snapshot_pages.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/storage/stored_files.h"

namespace baton::center {
namespace {

constexpr std::string_view kMagic = "BtCS";
constexpr std::uint8_t kVersion = 1;

Result<Archive::Position> read_first_page(std::string_view page, Lsn index) {
  ByteReader in(page);
  if (in.bytes(kMagic.size()) != kMagic) {
    return Status(ErrorCode::kDataLoss, "the ledger's snapshot does not begin as one");
  }
  BATON_RETURN_IF_ERROR(check_format_version("the ledger's snapshot", in.u8(), kVersion));
  in.bytes(3);
  Archive::Position position{.index = Lsn(in.u64()), .hash = {}};
  const std::string_view hash = in.bytes(position.hash.size());
  if (!in.at_end() || position.index != index) {
    return Status(ErrorCode::kDataLoss, "the first page of the ledger's snapshot is damaged");
  }
  position.hash = to_chain_hash(hash);
  return position;
}

}  // namespace

CenterSnapshotSource::CenterSnapshotSource(const Archive::Position& archive,
                                           std::unique_ptr<LedgerSnapshot> ledger)
    : first_page_(std::string()), ledger_(std::move(ledger)) {
  ByteWriter out(*first_page_);
  out.bytes(kMagic);
  out.u8(kVersion);
  out.bytes(std::string_view("\0\0\0", 3));
  out.u64(archive.index.value());
  out.bytes(bytes_of(archive.hash));
}

std::optional<std::string> CenterSnapshotSource::next_page() {
  if (first_page_) return std::exchange(first_page_, std::nullopt);
  return ledger_->next_page();
}

Result<RestoredCenter> restore_center(ReplicatedLog::Restored restored) {
  if (!restored.index) return RestoredCenter{Ledger(), {}};
  if (restored.pages.empty())
    return Status(ErrorCode::kDataLoss, "the ledger's snapshot has no pages");
  BATON_ASSIGN_OR_RETURN(const Archive::Position archive,
                         read_first_page(restored.pages.front(), restored.index));
  restored.pages.erase(restored.pages.begin());
  BATON_ASSIGN_OR_RETURN(Ledger ledger, Ledger::restore(restored.pages));
  if (ledger.index() != restored.index) {
    return Status(ErrorCode::kDataLoss, "the ledger's snapshot is of another index than its file");
  }
  return RestoredCenter{std::move(ledger), archive};
}

}  // namespace baton::center
