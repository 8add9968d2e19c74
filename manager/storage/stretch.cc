#include "manager/storage/stretch.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace baton::manager {
namespace {

// Every list element takes two bytes at least.
std::uint64_t read_count(ByteReader& in) { return in.varint_max(in.remaining() / 2); }

}  // namespace

std::vector<OffsetRun> to_runs(const std::vector<Offset>& offsets) {
  std::vector<OffsetRun> runs;
  for (const Offset offset : offsets) {
    if (!runs.empty() && runs.back().first.value() + runs.back().count == offset.value()) {
      ++runs.back().count;
    } else {
      runs.push_back({offset, 1});
    }
  }
  return runs;
}

bool contains(const std::vector<OffsetRun>& runs, Offset offset) {
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), offset,
                       [](Offset wanted, const OffsetRun& run) { return wanted < run.first; });
  if (after == runs.begin()) return false;
  const OffsetRun& run = *std::prev(after);
  return offset.value() < run.first.value() + run.count;
}

std::string encode_stretch(const StretchRecord& record) {
  std::string body;
  ByteWriter out(body);
  out.varint(record.first.value());
  out.varint(record.last.value() - record.first.value());
  out.varint(record.from.value());
  out.varint(record.to.value() - record.from.value());
  out.varint(record.bytes);
  out.u8(record.collected ? 1 : 0);
  out.varint(record.index.size());
  for (const IndexEntry& entry : record.index) {
    out.varint(entry.first.value() - record.from.value());
    out.varint(entry.lsn.value() - record.first.value());
  }
  out.varint(record.results.size());
  for (const ResultRecordId& result : record.results) {
    out.u64(result.task.value());
    out.u64(result.token.value());
    out.u8(static_cast<std::uint8_t>(result.kind));
    out.varint(result.lsn.value() - record.first.value());
  }
  out.varint(record.survivors.size());
  for (const OffsetRun& run : record.survivors) {
    out.varint(run.first.value() - record.from.value());
    out.varint(run.count);
  }
  return body;
}

Result<StretchRecord> decode_stretch(std::string_view body) {
  StretchRecord record;
  ByteReader in(body);
  record.first = Lsn(in.varint());
  record.last = Lsn(record.first.value() + in.varint());
  record.from = Offset(in.varint());
  record.to = Offset(record.from.value() + in.varint());
  record.bytes = in.varint();
  record.collected = in.u8() != 0;
  const std::uint64_t entries = read_count(in);
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) {
    const Offset first(record.from.value() + in.varint());
    record.index.push_back({first, Lsn(record.first.value() + in.varint())});
  }
  const std::uint64_t results = read_count(in);
  for (std::uint64_t i = 0; i < results && in.ok(); ++i) {
    const TaskId task(in.u64());
    const Token token(in.u64());
    const auto kind = static_cast<RecordKind>(in.u8());
    record.results.push_back({task, token, kind, Lsn(record.first.value() + in.varint())});
  }
  const std::uint64_t runs = read_count(in);
  for (std::uint64_t i = 0; i < runs && in.ok(); ++i) {
    const Offset first(record.from.value() + in.varint());
    record.survivors.push_back({first, in.varint()});
  }
  const bool sane = in.at_end() && record.first && record.last >= record.first && record.from &&
                    record.to >= record.from;
  if (!sane || (!record.collected && record.index.empty())) {
    return Status(ErrorCode::kDataLoss, "a stretch record is malformed");
  }
  return record;
}

}  // namespace baton::manager
