#include "manager/storage/dedup_record.h"

#include <map>
#include <utility>

#include "common/base/bytes.h"

namespace baton::manager {

bool is_deduplicated(const TaskAttributes& attributes) {
  return attributes.producer && !attributes.waits;
}

std::string encode_dedup(const std::vector<StoredRun>& runs) {
  std::vector<ProducerId> producers;
  std::map<ProducerId, std::size_t> index;
  for (const StoredRun& run : runs) {
    if (index.emplace(run.attributes.producer, producers.size()).second) {
      producers.push_back(run.attributes.producer);
    }
  }
  std::string body;
  ByteWriter out(body);
  out.varint(producers.size());
  for (const ProducerId& producer : producers) out.uuid(producer);
  out.varint(runs.size());
  std::uint64_t offset = 0;
  std::int64_t stored_at = 0;
  for (const StoredRun& run : runs) {
    out.varint(index.at(run.attributes.producer));
    out.varint(run.first.value() - std::exchange(offset, run.first.value()));
    out.varint(run.attributes.seq.value());
    out.zigzag(run.stored_at.ms - std::exchange(stored_at, run.stored_at.ms));
    out.varint(run.content_hash.size());
    for (const std::uint64_t hash : run.content_hash) out.u64(hash);
  }
  return body;
}

Result<std::vector<StoredRun>> decode_dedup(std::string_view body) {
  ByteReader in(body);
  std::vector<ProducerId> producers(in.varint_max(in.remaining() / 16));
  for (ProducerId& producer : producers) producer = ProducerId(in.uuid());
  std::vector<StoredRun> runs(in.varint_max(in.remaining() / 13));  // none is shorter
  std::uint64_t offset = 0;
  std::int64_t stored_at = 0;
  for (StoredRun& run : runs) {
    const std::uint64_t producer = in.varint();
    if (producer >= producers.size()) in.fail();
    if (!in.ok()) break;
    run.attributes.producer = producers[producer];
    run.first = Offset(offset += in.varint());
    run.attributes.seq = ProducerSeq(in.varint());
    run.stored_at.ms = stored_at += in.zigzag();
    const std::uint64_t tasks = in.varint_max(in.remaining() / 8);
    run.count = static_cast<std::uint32_t>(tasks);
    run.content_hash.reserve(tasks);
    for (std::uint64_t task = 0; task < tasks; ++task) run.content_hash.push_back(in.u64());
  }
  if (!in.at_end()) return Status(ErrorCode::kDataLoss, "a dedup record is malformed");
  return runs;
}

}  // namespace baton::manager
