#include "center/storage/archive_segment.h"

#include <memory>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/storage/stored_files.h"

namespace baton::center {
namespace {

constexpr std::string_view kMagic = "BtAr";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kHeaderBytes = 4 + 4 + 8 + kHashBytes + 4;
constexpr std::size_t kFooterBytes = 4 + 8 + kHashBytes + 4;
constexpr std::uint32_t kFooterMark = 0xffffffffU;
constexpr std::size_t kTransitionBytes = 40;
constexpr std::size_t kContentFixedBytes = 8 + 8 + 4 + 4;

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

Result<std::string> read_range(leveldb::Env& env, const std::string& path, std::uint64_t offset,
                               std::size_t size) {
  leveldb::RandomAccessFile* opened = nullptr;
  if (const leveldb::Status status = env.NewRandomAccessFile(path, &opened); !status.ok()) {
    return damaged(path, status.ToString());
  }
  const std::unique_ptr<leveldb::RandomAccessFile> file(opened);
  std::string buffer(size, '\0');
  leveldb::Slice data;
  if (const leveldb::Status status = file->Read(offset, size, &data, buffer.data()); !status.ok()) {
    return damaged(path, status.ToString());
  }
  return std::string(data.data(), data.size());
}

// The content of one record into `entry`; false when it is not one.
bool read_content(std::string_view content, ArchivedEntry& entry) {
  ByteReader in(content);
  entry.index = Lsn(in.u64());
  entry.term = Term(in.u64());
  const std::uint32_t entry_bytes = in.u32();
  const std::uint32_t transitions = in.u32();
  entry.entry = std::string(in.bytes(entry_bytes));
  if (in.remaining() != transitions * kTransitionBytes) return false;
  entry.transitions.clear();
  for (std::uint32_t i = 0; i < transitions; ++i) entry.transitions.push_back(read_transition(in));
  return in.at_end();
}

}  // namespace

std::string encode_segment_header(Lsn first, const ChainHash& before) {
  std::string bytes;
  ByteWriter out(bytes);
  out.bytes(kMagic);
  out.u8(kVersion);
  out.bytes(std::string_view("\0\0\0", 3));
  out.u64(first.value());
  out.bytes(bytes_of(before));
  append_crc(bytes);
  return bytes;
}

ChainHash append_archive_record(std::string& bytes, const ChainHash& before, Lsn index, Term term,
                                std::string_view entry,
                                const std::vector<Transition>& transitions) {
  ByteWriter out(bytes);
  const std::size_t length =
      kContentFixedBytes + entry.size() + transitions.size() * kTransitionBytes;
  out.u32(static_cast<std::uint32_t>(length));
  const std::size_t content = bytes.size();
  out.u64(index.value());
  out.u64(term.value());
  out.u32(static_cast<std::uint32_t>(entry.size()));
  out.u32(static_cast<std::uint32_t>(transitions.size()));
  out.bytes(entry);
  for (const Transition& transition : transitions) append_transition(out, transition);
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
  ByteReader start(header);
  if (start.bytes(kMagic.size()) != kMagic) return damaged(path, "it does not begin as a segment");
  BATON_RETURN_IF_ERROR(check_format_version(path, start.u8(), kVersion));
  if (!crc_fits(header)) return damaged(path, "the checksum of its header");
  start.bytes(3);
  segment.first = Lsn(start.u64());
  segment.before = to_chain_hash(start.bytes(kHashBytes));
  if (!segment.first || segment.last < segment.first)
    return damaged(path, "it ends before it begins");
  return segment;
}

Status verify_segment(leveldb::Env& env, const SegmentInfo& segment,
                      const std::function<void(const ArchivedEntry&)>& visit) {
  BATON_ASSIGN_OR_RETURN(const std::string bytes,
                         read_range(env, segment.path, 0, static_cast<std::size_t>(segment.bytes)));
  if (bytes.size() != segment.bytes || bytes.size() < kHeaderBytes + kFooterBytes) {
    return damaged(segment.path, "it is shorter than it was");
  }
  ByteReader in(
      std::string_view(bytes).substr(kHeaderBytes, bytes.size() - kHeaderBytes - kFooterBytes));
  ArchivedEntry entry;
  entry.hash = segment.before;
  for (Lsn index = segment.first; index <= segment.last; index = index.next()) {
    const std::string_view content = in.bytes(in.u32());
    const std::string_view hash = in.bytes(kHashBytes);
    const std::string name = "entry " + std::to_string(index.value());
    if (!in.ok() || !read_content(content, entry) || entry.index != index) {
      return damaged(segment.path, name + " cannot be read");
    }
    entry.hash = chain_hash(entry.hash, content);
    if (bytes_of(entry.hash) != hash)
      return damaged(segment.path, "the hash of " + name + " does not fit");
    if (visit) visit(entry);
  }
  if (!in.at_end() || entry.hash != segment.after)
    return damaged(segment.path, "its end does not fit");
  return Status();
}

}  // namespace baton::center
