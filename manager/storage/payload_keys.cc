#include "manager/storage/payload_keys.h"

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace baton::manager {
namespace {

std::string key(char kind, ShardId shard, std::uint64_t number) {
  std::string key;
  ByteWriter out(key);
  out.u8(static_cast<std::uint8_t>(kind));
  out.be32(shard.value());
  out.be64(number);
  return key;
}

}  // namespace

std::string stretch_key(ShardId shard, Lsn first) { return key('s', shard, first.value()); }
std::string dedup_key(ShardId shard, Lsn first) { return key('d', shard, first.value()); }
std::string survivor_key(ShardId shard, Offset offset) { return key('v', shard, offset.value()); }
std::string result_survivors_from(ShardId shard, Lsn lsn) { return key('r', shard, lsn.value()); }

std::string result_survivor_key(ShardId shard, const ResultRecordId& id) {
  std::string key = result_survivors_from(shard, id.lsn);
  ByteWriter out(key);
  out.be64(id.task.value());
  out.be64(id.token.value());
  out.u8(static_cast<std::uint8_t>(id.kind));
  return key;
}

std::uint64_t number_of_key(std::string_view key) {
  BATON_CHECK(key.size() >= 13);
  return ByteReader(key.substr(5)).be64();
}

}  // namespace baton::manager
