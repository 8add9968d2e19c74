#include "common/base/limits.h"

#include <algorithm>
#include <string>

namespace baton {
namespace {

bool is_name_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.:/+").find(c) != std::string_view::npos;
}

Status validate_name(std::string_view what, std::string_view name, std::size_t bytes_max) {
  if (name.empty()) return Status(ErrorCode::kInvalidArgument, std::string(what) + " is empty");
  if (name.size() > bytes_max) {
    return Status(ErrorCode::kInvalidArgument,
                  std::string(what) + " has " + std::to_string(name.size()) +
                      " bytes, the limit is " + std::to_string(bytes_max));
  }
  if (!std::all_of(name.begin(), name.end(), is_name_byte)) {
    return Status(ErrorCode::kInvalidArgument,
                  std::string(what) + " may only have A-Z a-z 0-9 - _ . : / +");
  }
  return {};
}

}  // namespace

Status validate_queue_name(std::string_view name) {
  return validate_name("queue name", name, kQueueNameBytesMax);
}

Status validate_manager_name(std::string_view name) {
  return validate_name("manager name", name, kManagerNameBytesMax);
}

Status validate_producer_seqs(std::uint64_t seq, std::uint64_t count) {
  if (seq == 0) return Status(ErrorCode::kInvalidArgument, "sequence numbers start at 1");
  if (seq < kProducerSeqEnd && count <= kProducerSeqEnd - seq) return {};
  return Status(ErrorCode::kInvalidArgument, "sequence numbers end below 2^63");
}

Status validate_lease(Millis lease) {
  if (lease >= kLeaseMin && lease <= kLeaseMax) return {};
  return Status(ErrorCode::kInvalidArgument,
                "lease of " + std::to_string(lease.count()) + " ms is outside 3 s to 12 h");
}

}  // namespace baton
