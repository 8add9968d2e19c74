#include "common/storage/batch_log_meta.h"

#include <algorithm>
#include <optional>

#include "common/base/bytes.h"
#include "common/storage/small_record.h"

namespace baton {
namespace {

constexpr std::uint8_t kVersion = 1;

std::string meta_key(std::uint32_t log, char kind) {
  std::string key;
  ByteWriter out(key);
  out.u8('h');
  out.be32(log);
  out.u8(static_cast<std::uint8_t>(kind));
  return key;
}

std::string log_name(std::uint32_t log) { return "log " + std::to_string(log); }

Status lost(std::uint32_t log, const std::string& what) {
  return Status(ErrorCode::kDataLoss, log_name(log) + " " + what);
}

// Gives the record's numbers to `read`; nothing happens when there is no such record.
Status read_meta(const KvStore& store, std::uint32_t log, char kind,
                 const std::function<void(ByteReader&)>& read) {
  const std::string key = meta_key(log, kind);
  const Result<std::string> record = store.get(key);
  if (record.status().code() == ErrorCode::kNotFound) return {};
  BATON_RETURN_IF_ERROR(record.status());
  const std::string what =
      "the bookkeeping record '" + std::string(1, kind) + "' of " + log_name(log);
  BATON_ASSIGN_OR_RETURN(const std::string_view body,
                         open_record(key, record.value(), kVersion, what));
  ByteReader in(body);
  read(in);
  return in.at_end() ? Status() : Status(ErrorCode::kDataLoss, what + " is damaged");
}

// Records that are there, although the record that is written before all others is not.
Status check_new(const KvStore& store, std::uint32_t log) {
  bool found = false;
  BATON_RETURN_IF_ERROR(store.scan(batch_key(log, Lsn(0)), batch_key(log + 1, Lsn(0)),
                                   [&](std::string_view, std::string_view) {
                                     found = true;
                                     return false;
                                   }));
  return found ? lost(log, "has batches but has lost its epoch") : Status();
}

}  // namespace

void put_log_epoch(std::uint32_t log, const LogEpoch& epoch, KvBatch& changes) {
  std::string body;
  ByteWriter out(body);
  out.u64(epoch.epoch.value());
  out.uuid(epoch.life);
  out.u64(epoch.last.value());
  const std::string key = meta_key(log, 'e');
  changes.put(key, seal_record(key, kVersion, body));
}

void put_log_checkpoint(std::uint32_t log, Lsn lsn, std::uint32_t crc, KvBatch& changes) {
  std::string body;
  ByteWriter out(body);
  out.u64(lsn.value());
  out.u32(crc);
  const std::string key = meta_key(log, 'c');
  changes.put(key, seal_record(key, kVersion, body));
}

void put_log_front(std::uint32_t log, Lsn first, Lsn removed_to, KvBatch& changes) {
  std::string body;
  ByteWriter out(body);
  out.u64(first.value());
  out.u64(removed_to.value());
  const std::string key = meta_key(log, 'f');
  changes.put(key, seal_record(key, kVersion, body));
}

Status for_each_log(const KvStore& store, const std::function<void(std::uint32_t log)>& visit) {
  return store.scan("h", "i", [&](std::string_view key, std::string_view) {
    const std::string_view epoch = "e";
    if (key.size() == 6 && key.substr(5) == epoch) visit(ByteReader(key.substr(1)).be32());
    return true;
  });
}

Result<LogState> recover_log(const KvStore& store, std::uint32_t log,
                             const BatchReader::Visit& on_tail) {
  LogState state;
  BATON_RETURN_IF_ERROR(read_meta(store, log, 'e', [&](ByteReader& in) {
    state.opened.epoch = Epoch(in.u64());
    state.opened.life = Life(in.uuid());
    state.opened.last = Lsn(in.u64());
  }));
  if (!state.opened.epoch) {
    BATON_RETURN_IF_ERROR(check_new(store, log));
    return state;
  }
  BATON_RETURN_IF_ERROR(read_meta(store, log, 'c', [&](ByteReader& in) {
    state.checkpoint = Lsn(in.u64());
    state.crc = in.u32();
  }));
  BATON_RETURN_IF_ERROR(read_meta(store, log, 'f', [&](ByteReader& in) {
    state.first = Lsn(in.u64());
    state.removed_to = Lsn(in.u64());
  }));

  std::optional<std::uint32_t> chain = state.crc;
  Lsn from = state.checkpoint.next();
  if (from < state.first) {
    from = state.first;  // the batch before it is gone, so its CRC is not known
    chain.reset();
  }
  state.last = Lsn(from.value() - 1);
  Epoch epoch;
  const auto visit = [&](const StoredBatch& batch) {
    if (batch.header.epoch < epoch || batch.header.epoch > state.opened.epoch) {
      return lost(log, "has batch " + std::to_string(batch.lsn().value()) +
                           " of an epoch that does not fit: it is from another life of this log");
    }
    epoch = batch.header.epoch;
    state.last = batch.lsn();
    state.crc = batch.crc;
    state.tail_bytes += batch.bytes.size();
    return on_tail(batch);
  };
  BATON_RETURN_IF_ERROR(BatchReader(store, log).scan_to_end(from, chain, visit));
  if (state.last < state.opened.last) {
    return lost(log, "ends at batch " + std::to_string(state.last.value()) + ", but batch " +
                         std::to_string(state.opened.last.value()) + " was synced");
  }
  return state;
}

}  // namespace baton
