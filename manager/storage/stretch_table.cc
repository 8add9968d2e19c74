#include "manager/storage/stretch_table.h"

#include <algorithm>
#include <string>

#include "common/base/check.h"
#include "common/storage/small_record.h"
#include "manager/storage/payload_keys.h"

namespace baton::manager {

Result<StretchTable> StretchTable::load(const KvStore& store, ShardId shard) {
  StretchTable table;
  Status outcome;
  const auto add_one = [&](std::string_view key, std::string_view value) {
    const Lsn first(number_of_key(key));
    const std::string name = "the record of the stretch of shard " + std::to_string(shard.value()) +
                             " from batch " + std::to_string(first.value());
    const Result<std::string_view> body = open_record(key, value, kStretchVersion, name);
    Result<StretchRecord> record = body.ok() ? decode_stretch(body.value()) : body.status();
    if (!record.ok()) {
      outcome = record.status();
    } else if (record.value().first != first || first != table.end_lsn() ||
               record.value().from != table.end_offset()) {
      outcome =
          Status(ErrorCode::kDataLoss, "a stretch record before " + name.substr(4) + " is missing");
    } else {
      table.add(std::move(record).value());
    }
    return outcome.ok();
  };
  const Status read = store.scan(stretch_key(shard, Lsn(0)),
                                 stretch_key(ShardId(shard.value() + 1), Lsn(0)), add_one);
  BATON_RETURN_IF_ERROR(outcome);
  BATON_RETURN_IF_ERROR(read);
  return table;
}

Lsn StretchTable::end_lsn() const {
  return stretches_.empty() ? Lsn(1) : stretches_.back().last.next();
}

Offset StretchTable::end_offset() const {
  return stretches_.empty() ? Offset(1) : stretches_.back().to;
}

const StretchRecord* StretchTable::find(Offset offset) const {
  const auto found =
      std::partition_point(stretches_.begin(), stretches_.end(),
                           [&](const StretchRecord& stretch) { return stretch.to <= offset; });
  return found != stretches_.end() && found->from <= offset ? &*found : nullptr;
}

const StretchRecord* StretchTable::find(Lsn lsn) const {
  const auto found =
      std::partition_point(stretches_.begin(), stretches_.end(),
                           [&](const StretchRecord& stretch) { return stretch.last < lsn; });
  return found != stretches_.end() && found->first <= lsn ? &*found : nullptr;
}

void StretchTable::add(StretchRecord record) {
  BATON_CHECK(record.first == end_lsn() && record.from == end_offset());
  stretches_.push_back(std::move(record));
}

void StretchTable::replace(StretchRecord record) {
  const auto begin = std::partition_point(
      stretches_.begin(), stretches_.end(),
      [&](const StretchRecord& stretch) { return stretch.first < record.first; });
  const auto end = std::partition_point(begin, stretches_.end(), [&](const StretchRecord& stretch) {
    return stretch.last <= record.last;
  });
  BATON_CHECK(begin != end && begin->first == record.first && std::prev(end)->last == record.last);
  *begin = std::move(record);
  stretches_.erase(begin + 1, end);
}

}  // namespace baton::manager
