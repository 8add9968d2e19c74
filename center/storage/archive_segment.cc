#include "center/storage/archive_segment.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/storage/stored_files.h"

namespace baton::center {
namespace {

constexpr std::string_view kMagic = "BtAr";
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kHeaderBytes = kSegmentHeaderBytes;
constexpr std::size_t kFooterBytes = 4 + 8 + kHashBytes + 4;
constexpr std::uint32_t kFooterMark = 0xffffffffU;
constexpr std::size_t kTransitionBytes = 40;
constexpr std::size_t kContentFixedBytes = 8 + 8 + 4 + 4;
constexpr std::size_t kTimesAndNamesBytes = 8 + 8 + 4;  // more, from version 2 on
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

Status damaged(const std::string& path, const std::string& what) {
  return Status(ErrorCode::kDataLoss, "the archive is damaged: " + path + ": " + what);
}

void append_transition(ByteWriter& out, const Transition& transition) {
  out.u64(transition.first.value());
  out.u32(transition.count);
  out.u8(static_cast<std::uint8_t>(transition.from));
  out.u8(static_cast<std::uint8_t>(transition.to));
  out.u8(static_cast<std::uint8_t>(transition.cause));
  out.u8(0);
  out.u64(transition.token.value());
  out.uuid(transition.session);
}

Transition read_transition(ByteReader& in) {
  Transition transition;
  transition.first = TaskId(in.u64());
  transition.count = in.u32();
  transition.from = static_cast<TaskState>(in.u8());
  transition.to = static_cast<TaskState>(in.u8());
  transition.cause = static_cast<Cause>(in.u8());
  in.u8();
  transition.token = Token(in.u64());
  transition.session = SessionId(in.uuid());
  return transition;
}

void append_crc(std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
}

bool crc_fits(std::string_view bytes) {
  const std::string_view covered = bytes.substr(0, bytes.size() - 4);
  return ByteReader(bytes.substr(covered.size())).u32() == crc32c(covered);
}

Result<std::string> read_range(const leveldb::RandomAccessFile& file, const std::string& path,
                               std::uint64_t offset, std::size_t size) {
  std::string buffer(size, '\0');
  leveldb::Slice data;
  if (const leveldb::Status status = file.Read(offset, size, &data, buffer.data()); !status.ok()) {
    return damaged(path, status.ToString());
  }
  if (data.data() != buffer.data()) return std::string(data.data(), data.size());
  buffer.resize(data.size());
  return buffer;
}

Result<std::string> read_range(leveldb::Env& env, const std::string& path, std::uint64_t offset,
                               std::size_t size) {
  BATON_ASSIGN_OR_RETURN(const std::unique_ptr<leveldb::RandomAccessFile> file,
                         open_segment_file(env, path));
  return read_range(*file, path, offset, size);
}

// The content of one record into `entry`; false when it is not one.
bool read_content(std::string_view content, std::uint8_t version, ArchivedEntry& entry) {
  ByteReader in(content);
  entry.index = Lsn(in.u64());
  entry.term = Term(in.u64());
  entry.times = {};
  if (version >= 2) {
    entry.times.lease = Millis(static_cast<std::int64_t>(in.u64()));
    entry.times.calendar.ms = static_cast<std::int64_t>(in.u64());
  }
  const std::uint32_t entry_bytes = in.u32();
  const std::uint32_t transitions = in.u32();
  const std::uint32_t names = version >= 2 ? in.u32() : 0;
  entry.entry = std::string(in.bytes(entry_bytes));
  if (in.remaining() < transitions * kTransitionBytes) return false;
  entry.transitions.clear();
  for (std::uint32_t i = 0; i < transitions; ++i) entry.transitions.push_back(read_transition(in));
  entry.names.clear();
  for (std::uint32_t i = 0; i < names && in.ok(); ++i) {
    SessionName name;
    name.session = SessionId(in.uuid());
    name.consumer = std::string(in.sized());
    name.manager = std::string(in.sized());
    entry.names.push_back(std::move(name));
  }
  return in.at_end();
}

Status read_header(std::string_view header, SegmentInfo& segment) {
  ByteReader start(header);
  if (start.bytes(kMagic.size()) != kMagic)
    return damaged(segment.path, "it does not begin as a segment");
  segment.version = start.u8();
  if (segment.version != 1) {
    BATON_RETURN_IF_ERROR(check_format_version(segment.path, segment.version, kSegmentVersion));
  }
  if (header.size() != kHeaderBytes || !crc_fits(header))
    return damaged(segment.path, "the checksum of its header");
  start.bytes(3);
  segment.first = Lsn(start.u64());
  segment.before = to_chain_hash(start.bytes(kHashBytes));
  return Status();
}

}  // namespace

std::string encode_segment_header(Lsn first, const ChainHash& before, std::uint8_t version) {
  std::string bytes;
  ByteWriter out(bytes);
  out.bytes(kMagic);
  out.u8(version);
  out.bytes(std::string_view("\0\0\0", 3));
  out.u64(first.value());
  out.bytes(bytes_of(before));
  append_crc(bytes);
  return bytes;
}

ChainHash append_archive_record(std::string& bytes, const ChainHash& before,
                                const ArchiveRecord& record, std::uint8_t version) {
  std::string names;
  if (version >= 2) {
    ByteWriter out(names);
    for (const SessionName& name : record.names) {
      out.uuid(name.session);
      out.sized(name.consumer);
      out.sized(name.manager);
    }
  }
  ByteWriter out(bytes);
  const std::size_t length = kContentFixedBytes + (version >= 2 ? kTimesAndNamesBytes : 0) +
                             record.entry.size() + record.transitions.size() * kTransitionBytes +
                             names.size();
  out.u32(static_cast<std::uint32_t>(length));
  const std::size_t content = bytes.size();
  out.u64(record.index.value());
  out.u64(record.term.value());
  if (version >= 2) {
    out.u64(static_cast<std::uint64_t>(record.times.lease.count()));
    out.u64(static_cast<std::uint64_t>(record.times.calendar.ms));
  }
  out.u32(static_cast<std::uint32_t>(record.entry.size()));
  out.u32(static_cast<std::uint32_t>(record.transitions.size()));
  if (version >= 2) out.u32(static_cast<std::uint32_t>(record.names.size()));
  out.bytes(record.entry);
  for (const Transition& transition : record.transitions) append_transition(out, transition);
  out.bytes(names);
  const ChainHash after = chain_hash(before, std::string_view(bytes).substr(content));
  out.bytes(bytes_of(after));
  return after;
}

std::string encode_segment_footer(Lsn last, const ChainHash& after) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u32(kFooterMark);
  out.u64(last.value());
  out.bytes(bytes_of(after));
  append_crc(bytes);
  return bytes;
}

Result<SegmentInfo> read_segment_info(leveldb::Env& env, const std::string& path) {
  SegmentInfo segment;
  segment.path = path;
  if (const leveldb::Status status = env.GetFileSize(path, &segment.bytes); !status.ok()) {
    return damaged(path, status.ToString());
  }
  const Status unfinished(ErrorCode::kNotFound, path + " was not finished");
  if (segment.bytes < kHeaderBytes + kFooterBytes) return unfinished;
  BATON_ASSIGN_OR_RETURN(const std::string footer,
                         read_range(env, path, segment.bytes - kFooterBytes, kFooterBytes));
  if (footer.size() != kFooterBytes || !crc_fits(footer)) return unfinished;
  ByteReader end(footer);
  if (end.u32() != kFooterMark) return unfinished;
  segment.last = Lsn(end.u64());
  segment.after = to_chain_hash(end.bytes(kHashBytes));

  BATON_ASSIGN_OR_RETURN(const std::string header, read_range(env, path, 0, kHeaderBytes));
  BATON_RETURN_IF_ERROR(read_header(header, segment));
  if (!segment.first || segment.last < segment.first)
    return damaged(path, "it ends before it begins");
  return segment;
}

Result<SegmentInfo> read_segment_header(leveldb::Env& env, const std::string& path) {
  SegmentInfo segment;
  segment.path = path;
  BATON_ASSIGN_OR_RETURN(const std::string header, read_range(env, path, 0, kHeaderBytes));
  BATON_RETURN_IF_ERROR(read_header(header, segment));
  return segment;
}

Result<std::unique_ptr<leveldb::RandomAccessFile>> open_segment_file(leveldb::Env& env,
                                                                     const std::string& path) {
  leveldb::RandomAccessFile* opened = nullptr;
  if (const leveldb::Status status = env.NewRandomAccessFile(path, &opened); !status.ok()) {
    return damaged(path, status.ToString());
  }
  return std::unique_ptr<leveldb::RandomAccessFile>(opened);
}

// ---- reading ----------------------------------------------------------------------------------

SegmentReader::SegmentReader(leveldb::Env& env, SegmentInfo info, Check check)
    : env_(env), info_(std::move(info)), check_(check), next_(info_.first) {
  entry_.hash = info_.before;
}
SegmentReader::~SegmentReader() = default;

Result<std::string_view> SegmentReader::peek(std::size_t size) {
  if (file_ == nullptr) {
    BATON_ASSIGN_OR_RETURN(file_, open_segment_file(env_, info_.path));
  }
  const std::uint64_t end = buffer_at_ + buffer_.size();
  if (at_ < buffer_at_ || at_ + size > end) {
    BATON_ASSIGN_OR_RETURN(buffer_,
                           read_range(*file_, info_.path, at_, std::max(size, kReadBytes)));
    buffer_at_ = at_;
  }
  return std::string_view(buffer_).substr(static_cast<std::size_t>(at_ - buffer_at_), size);
}

Result<const ArchivedEntry*> SegmentReader::next() {
  const bool finished = static_cast<bool>(info_.last);
  if (ended_) return nullptr;
  if (finished && next_ > info_.last) {
    BATON_RETURN_IF_ERROR(finish());
    return nullptr;
  }
  const auto unreadable = [&]() -> Result<const ArchivedEntry*> {
    ended_ = true;
    if (!finished) return nullptr;
    return damaged(info_.path, "entry " + std::to_string(next_.value()) + " cannot be read");
  };
  BATON_ASSIGN_OR_RETURN(std::string_view bytes, peek(4));
  if (bytes.size() < 4) return unreadable();
  const std::uint32_t length = ByteReader(bytes).u32();
  // Checked before so much is asked for.
  if (length == kFooterMark || (finished && at_ + length > info_.bytes)) return unreadable();
  if (!finished && length > (std::uint32_t{64} << 20)) return unreadable();
  BATON_ASSIGN_OR_RETURN(bytes, peek(std::size_t{4} + length + kHashBytes));
  if (bytes.size() < std::size_t{4} + length + kHashBytes) return unreadable();
  const std::string_view content = bytes.substr(4, length);
  const std::string_view hash = bytes.substr(std::size_t{4} + length);
  if (!read_content(content, info_.version, entry_) || entry_.index != next_) return unreadable();
  entry_.hash = check_ == Check::kHashes ? chain_hash(entry_.hash, content) : to_chain_hash(hash);
  if (bytes_of(entry_.hash) != hash) {
    ended_ = true;
    return damaged(info_.path,
                   "the hash of entry " + std::to_string(next_.value()) + " does not fit");
  }
  entry_.place = at_;
  at_ += bytes.size();
  next_ = next_.next();
  return &entry_;
}

Status SegmentReader::finish() {
  ended_ = true;
  if (at_ + kFooterBytes == info_.bytes && entry_.hash == info_.after) return Status();
  return damaged(info_.path, "its end does not fit");
}

Result<ArchivedEntry> read_archived_entry(const leveldb::RandomAccessFile& file,
                                          const SegmentInfo& segment, std::uint64_t place) {
  const Status unreadable =
      damaged(segment.path, "the record at byte " + std::to_string(place) + " cannot be read");
  const bool is_first = place == kSegmentHeaderBytes;
  if (place < kSegmentHeaderBytes) return unreadable;
  // The hash before the record, and its length.
  BATON_ASSIGN_OR_RETURN(const std::string start,
                         read_range(file, segment.path, place - kHashBytes, kHashBytes + 4));
  if (start.size() != kHashBytes + 4) return unreadable;
  const std::uint32_t length = ByteReader(std::string_view(start).substr(kHashBytes)).u32();
  if (length > (std::uint32_t{64} << 20)) return unreadable;
  BATON_ASSIGN_OR_RETURN(const std::string bytes,
                         read_range(file, segment.path, place + 4, length + kHashBytes));
  if (bytes.size() != length + kHashBytes) return unreadable;
  const std::string_view content = std::string_view(bytes).substr(0, length);
  const ChainHash before =
      is_first ? segment.before : to_chain_hash(std::string_view(start).substr(0, kHashBytes));
  ArchivedEntry entry;
  if (!read_content(content, segment.version, entry)) return unreadable;
  entry.hash = chain_hash(before, content);
  entry.place = place;
  if (bytes_of(entry.hash) != std::string_view(bytes).substr(length)) {
    return damaged(segment.path,
                   "the hash of entry " + std::to_string(entry.index.value()) + " does not fit");
  }
  return entry;
}

Status verify_segment(leveldb::Env& env, const SegmentInfo& segment,
                      const std::function<void(const ArchivedEntry&)>& visit) {
  SegmentReader reader(env, segment, SegmentReader::Check::kHashes);
  while (true) {
    BATON_ASSIGN_OR_RETURN(const ArchivedEntry* entry, reader.next());
    if (entry == nullptr) return Status();
    if (visit) visit(*entry);
  }
}

}  // namespace baton::center
