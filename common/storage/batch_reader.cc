#include "common/storage/batch_reader.h"

#include <limits>

#include "common/base/bytes.h"

namespace baton {
namespace {

constexpr std::uint64_t kToEnd = std::numeric_limits<std::uint64_t>::max();

std::string batch_name(std::uint32_t log, Lsn lsn) {
  return "batch " + std::to_string(lsn.value()) + " of log " + std::to_string(log);
}

Status lost(std::uint32_t log, Lsn lsn, const std::string& why) {
  return Status(ErrorCode::kDataLoss, batch_name(log, lsn) + " " + why);
}

}  // namespace

Result<StoredBatch> check_batch(std::uint32_t log, Lsn lsn, std::string bytes) {
  Result<OpenedBatch> opened = open_batch(bytes);
  if (!opened.ok()) {
    const Status why = opened.status();
    return Status(why.code(), batch_name(log, lsn) + " is damaged: " + why.message());
  }
  const BatchHeader header = opened.value().header;
  if (header.log != log || header.lsn != lsn) {
    return lost(log, lsn, "is damaged: " + batch_name(header.log, header.lsn) + " is in its place");
  }
  return StoredBatch{header, opened.value().crc, std::move(bytes)};
}

std::string batch_key(std::uint32_t log, Lsn lsn) {
  std::string key;
  ByteWriter out(key);
  out.u8('b');
  out.be32(log);
  out.be64(lsn.value());
  return key;
}

Result<std::string> BatchReader::get_raw(Lsn lsn) const { return store_.get(batch_key(log_, lsn)); }

Result<StoredBatch> BatchReader::get(Lsn lsn) const {
  BATON_ASSIGN_OR_RETURN(std::string bytes, get_raw(lsn));
  return check_batch(log_, lsn, std::move(bytes));
}

Status BatchReader::scan(Lsn from, Lsn last, std::optional<std::uint32_t> chain,
                         const Visit& visit) const {
  Status outcome;
  Lsn expected = from;
  const auto visit_one = [&](std::string_view key, std::string_view value) {
    ByteReader key_reader(key.substr(5));
    const Lsn lsn(key_reader.be64());
    if (lsn != expected) {
      outcome = lost(log_, expected, "is missing, though " + batch_name(log_, lsn) + " is there");
      return false;
    }
    Result<StoredBatch> batch = check_batch(log_, lsn, std::string(value));
    if (!batch.ok()) {
      outcome = batch.status();
    } else if (chain && batch.value().header.chain != *chain) {
      outcome =
          lost(log_, lsn, "does not follow the batch before it: one of them is not from this log");
    } else {
      chain = batch.value().crc;
      outcome = visit(batch.value());
    }
    expected = lsn.next();
    return outcome.ok();
  };
  const std::uint64_t end = last.value() == kToEnd ? kToEnd : last.value() + 1;
  const Status read = store_.scan(batch_key(log_, from), batch_key(log_, Lsn(end)), visit_one);
  BATON_RETURN_IF_ERROR(outcome);
  BATON_RETURN_IF_ERROR(read);
  if (last.value() != kToEnd && expected <= last) return lost(log_, expected, "is missing");
  return {};
}

Status BatchReader::scan_to_end(Lsn from, std::optional<std::uint32_t> chain,
                                const Visit& visit) const {
  return scan(from, Lsn(kToEnd), chain, visit);
}

}  // namespace baton
