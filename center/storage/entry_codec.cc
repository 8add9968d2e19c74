#include "center/storage/entry_codec.h"

#include <utility>

#include "center/storage/command_codec.h"
#include "common/storage/stored_files.h"

namespace baton::center {
namespace {

constexpr char kVersion = 1;

std::string at_index(Lsn index) { return "ledger entry " + std::to_string(index.value()); }

}  // namespace

std::string encode_entry(const v1::LedgerEntry& wire) {
  std::string bytes;
  bytes.reserve(1 + wire.ByteSizeLong());
  bytes.push_back(kVersion);
  wire.AppendToString(&bytes);
  return bytes;
}

Result<Entry> decode_entry(Lsn index, std::string_view bytes) {
  if (bytes.empty()) return Status(ErrorCode::kDataLoss, at_index(index) + " is empty");
  const auto version = static_cast<std::uint8_t>(bytes.front());
  BATON_RETURN_IF_ERROR(check_format_version(at_index(index), version, kVersion));
  v1::LedgerEntry wire;
  bytes.remove_prefix(1);
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Status(ErrorCode::kDataLoss, at_index(index) + " cannot be read");
  }
  Entry entry{.index = index, .batches = {}};
  entry.batches.reserve(static_cast<std::size_t>(wire.batch_size()));
  for (const v1::LedgerBatch& from : wire.batch()) {
    Batch& batch = entry.batches.emplace_back(Batch{Incarnation(from.incarnation()), {}});
    batch.commands.reserve(static_cast<std::size_t>(from.command_size()));
    for (const v1::Command& command : from.command()) {
      Result<Command> decoded = decode_command(command);
      if (!decoded.ok()) {
        return Status(ErrorCode::kDataLoss, at_index(index) + ": " + decoded.status().message());
      }
      batch.commands.push_back(std::move(decoded).value());
    }
  }
  return entry;
}

}  // namespace baton::center
