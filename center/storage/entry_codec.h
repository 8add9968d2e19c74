// One entry of the ledger's log as bytes: a version byte, then a serialized v1::LedgerEntry.
//
// docs/storage-format.md has the layout, tests/formats the golden bytes.
#pragma once

#include <string>
#include <string_view>

#include "proto/storage.pb.h"

#include "center/core/command.h"
#include "common/base/status.h"

namespace baton::center {

std::string encode_entry(const v1::LedgerEntry& wire);

// data_loss when the bytes are no entry, unsupported_version when a later version wrote them.
Result<Entry> decode_entry(Lsn index, std::string_view bytes);

}  // namespace baton::center
