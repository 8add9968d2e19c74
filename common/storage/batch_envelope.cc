#include "common/storage/batch_envelope.h"

#include <limits>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/crc32c.h"

namespace baton {
namespace {

constexpr std::string_view kMagic = "Bt";
constexpr std::uint64_t kU32Max = std::numeric_limits<std::uint32_t>::max();

Status damaged(const char* why) { return Status(ErrorCode::kDataLoss, why); }

}  // namespace

std::uint32_t seal_batch(const BatchHeader& header, std::string& batch) {
  BATON_CHECK(batch.size() >= kBatchHeaderBytes);
  BATON_CHECK(header.epoch.value() <= kU32Max);
  BATON_CHECK(header.synced < header.lsn);
  const std::uint64_t unsynced = header.lsn.value() - header.synced.value();
  const std::uint64_t body_bytes = batch.size() - kBatchHeaderBytes;
  BATON_CHECK(unsynced <= kU32Max && body_bytes <= kU32Max);

  std::string bytes;
  bytes.reserve(kBatchHeaderBytes);
  ByteWriter out(bytes);
  out.bytes(kMagic);
  out.u8(kBatchVersion);
  out.u8(0);
  out.u32(header.log);
  out.u32(static_cast<std::uint32_t>(header.epoch.value()));
  out.u64(header.lsn.value());
  out.u32(static_cast<std::uint32_t>(body_bytes));
  out.u32(header.chain);
  out.u32(static_cast<std::uint32_t>(unsynced));
  BATON_CHECK(bytes.size() == kBatchHeaderBytes);
  batch.replace(0, kBatchHeaderBytes, bytes);

  ByteWriter footer(batch);
  footer.u32(static_cast<std::uint32_t>(header.lsn.value()));
  const std::uint32_t crc = crc32c(batch);
  footer.u32(crc);
  return crc;
}

Result<OpenedBatch> open_batch(std::string_view batch) {
  if (batch.size() < kBatchHeaderBytes + kBatchFooterBytes) return damaged("it is too short");
  ByteReader in(batch);
  if (in.bytes(kMagic.size()) != kMagic) return damaged("it is no batch");
  const std::uint8_t version = in.u8();
  in.u8();
  OpenedBatch opened;
  opened.header.log = in.u32();
  opened.header.epoch = Epoch(in.u32());
  opened.header.lsn = Lsn(in.u64());
  const std::uint32_t body_bytes = in.u32();
  opened.header.chain = in.u32();
  const std::uint32_t unsynced = in.u32();

  // The checksum first: only then can a strange version be believed.
  ByteReader footer(batch.substr(batch.size() - kBatchFooterBytes));
  const std::uint32_t lsn_low = footer.u32();
  opened.crc = footer.u32();
  if (crc32c(batch.substr(0, batch.size() - 4)) != opened.crc) {
    return damaged("its checksum is wrong");
  }
  if (version != kBatchVersion) {
    return Status(
        ErrorCode::kUnsupportedVersion,
        "it was written by a newer Baton (batch version " + std::to_string(version) + ")");
  }
  const std::uint64_t lsn = opened.header.lsn.value();
  if (body_bytes != batch.size() - kBatchHeaderBytes - kBatchFooterBytes ||
      lsn_low != static_cast<std::uint32_t>(lsn) || unsynced == 0 || unsynced > lsn) {
    return damaged("its header contradicts itself");
  }
  opened.header.synced = Lsn(lsn - unsynced);
  opened.body = batch.substr(kBatchHeaderBytes, body_bytes);
  return opened;
}

}  // namespace baton
