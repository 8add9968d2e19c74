#include "center/service/hello_check.h"

#include <string>
#include <utility>

#include "center/storage/wire_values.h"

namespace baton::center {
namespace {

// "7"; with the generation where two of them differ in it.
std::string position(std::uint64_t index, std::uint64_t generation, bool tell_generation) {
  std::string text = std::to_string(index);
  if (tell_generation) text += " of generation " + std::to_string(generation);
  return text;
}

}  // namespace

Status check_hello(const v1::Hello& hello, const LedgerPosition& ledger) {
  if (hello.role() != v1::ROLE_MANAGER) {
    return Status(ErrorCode::kDenied, "this is a center: clients talk to managers");
  }
  const ClusterId cluster(from_wire(hello.cluster()));
  if (!cluster) return Status();  // it has not enrolled yet
  if (cluster != ledger.cluster) {
    return Status(ErrorCode::kConflict,
                  "foreign cluster: manager " + hello.name() + " belongs to cluster " +
                      to_string(cluster) + ", this center to cluster " + to_string(ledger.cluster) +
                      ": one of the data directories is new or foreign");
  }
  const std::uint64_t generation = ledger.generation.value();
  const std::uint64_t seen = hello.generation_seen();
  if (std::pair(seen, hello.index_seen()) <= std::pair(generation, ledger.index.value())) {
    return Status();
  }
  const bool tell = seen != generation;
  return Status(ErrorCode::kDataLoss,
                "ledger went back: manager " + hello.name() + " has seen index " +
                    position(hello.index_seen(), seen, tell) + ", this center has " +
                    position(ledger.index.value(), generation, tell));
}

}  // namespace baton::center
