#include "common/storage/identity.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

namespace baton {
namespace {

// Magic and version keep their place in every later format, so that any Baton can tell that it is
// too old.
constexpr std::string_view kMagic = "BatonID\n";
constexpr std::uint64_t kShardsMax = 1 << 20;

}  // namespace

std::string_view to_string(StoreKind kind) {
  return kind == StoreKind::kCenter ? "center" : "manager";
}

std::string encode_identity(const Identity& identity) {
  std::string bytes;
  ByteWriter out(bytes);
  out.bytes(kMagic);
  out.u32(kIdentityVersion);
  out.u8(static_cast<std::uint8_t>(identity.kind));
  out.u8(identity.has_store ? 1 : 0);
  out.uuid(identity.store);
  out.uuid(identity.cluster);
  out.u32(identity.generation.value());
  out.u64(identity.ledger_index.value());
  out.sized(identity.name);
  out.varint(identity.shards.size());
  for (const Identity::Shard& shard : identity.shards) {
    out.u32(shard.id.value());
    out.u8(shard.sealed ? 1 : 0);
  }
  out.u32(crc32c(bytes));
  return bytes;
}

Result<Identity> decode_identity(std::string_view bytes) {
  const Status damaged(ErrorCode::kDataLoss, "it is damaged");
  ByteReader in(bytes);
  if (in.bytes(kMagic.size()) != kMagic) return damaged;
  const std::uint32_t version = in.u32();
  if (bytes.size() < 4 || ByteReader(bytes.substr(bytes.size() - 4)).u32() !=
                              crc32c(bytes.substr(0, bytes.size() - 4))) {
    return damaged;
  }
  if (version != kIdentityVersion) {
    return Status(ErrorCode::kUnsupportedVersion, "it has format " + std::to_string(version) +
                                                      ", this Baton knows only format " +
                                                      std::to_string(kIdentityVersion));
  }
  Identity identity;
  const std::uint8_t kind = in.u8();
  if (kind != 1 && kind != 2) return damaged;
  identity.kind = static_cast<StoreKind>(kind);
  identity.has_store = in.u8() != 0;
  identity.store = StoreId(in.uuid());
  identity.cluster = ClusterId(in.uuid());
  identity.generation = Generation(in.u32());
  identity.ledger_index = Lsn(in.u64());
  identity.name = in.sized();
  const std::uint64_t shards = in.varint_max(kShardsMax);
  for (std::uint64_t i = 0; i < shards && in.ok(); ++i) {
    const ShardId id(in.u32());
    identity.shards.push_back({id, in.u8() != 0});
  }
  in.u32();  // the checksum
  if (!in.at_end()) return damaged;
  return identity;
}

}  // namespace baton
