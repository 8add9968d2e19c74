#include "manager/storage/dedup_record.h"

#include "common/base/bytes.h"

namespace baton::manager {

bool is_deduplicated(const TaskAttributes& attributes) {
  return attributes.producer && !attributes.waits;
}

std::string encode_dedup(const std::vector<StoredRun>& runs) {
  std::string body;
  ByteWriter out(body);
  out.varint(runs.size());
  for (const StoredRun& run : runs) {
    out.varint(run.first.value());
    out.uuid(run.attributes.producer);
    out.varint(run.attributes.seq.value());
    out.varint(static_cast<std::uint64_t>(run.stored_at.ms));
    out.varint(run.content_hash.size());
    for (const std::uint64_t hash : run.content_hash) out.u64(hash);
  }
  return body;
}

Result<std::vector<StoredRun>> decode_dedup(std::string_view body) {
  std::vector<StoredRun> runs;
  ByteReader in(body);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    StoredRun run;
    run.first = Offset(in.varint());
    run.attributes.producer = ProducerId(in.uuid());
    run.attributes.seq = ProducerSeq(in.varint());
    run.stored_at.ms = static_cast<std::int64_t>(in.varint());
    const std::uint64_t tasks = in.varint_max(in.remaining() / 8);
    run.count = static_cast<std::uint32_t>(tasks);
    run.content_hash.reserve(tasks);
    for (std::uint64_t task = 0; task < tasks; ++task) run.content_hash.push_back(in.u64());
    runs.push_back(std::move(run));
  }
  if (!in.at_end()) return Status(ErrorCode::kDataLoss, "a dedup record is malformed");
  return runs;
}

}  // namespace baton::manager
