#include "center/storage/segment_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/hash64.h"
#include "common/base/limits.h"

namespace baton::center {
namespace {

constexpr std::string_view kMagic = "BtAx";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kPageRoom = kPageBytes - 4;
constexpr std::size_t kFixedBytes = 4 + 4 + 8 + 8 + 8 + 32 + 4 + 4 + 4;
constexpr std::size_t kPostingBytesMax = 10 + 5 + 5;
// A posting that covers more than this is a wide one: one entry creates no more (R21).
constexpr std::uint32_t kReach = kEntryTasksMax;
// Sorted at once: a millisecond or two.
constexpr std::size_t kChunk = std::size_t{1} << 15;

Status damaged(const std::string& path, const std::string& what) {
  return Status(ErrorCode::kDataLoss, path + ": " + what);
}

// A few at a time into pages; `first_keys` gets one key for each page.
void encode_pages(const std::vector<Posting>& postings, std::string& pages,
                  std::vector<std::uint64_t>& first_keys) {
  std::size_t at = 0;
  while (at < postings.size()) {
    std::string body;
    ByteWriter out(body);
    std::uint64_t before = postings[at].key;
    first_keys.push_back(before);
    std::uint16_t count = 0;
    while (at < postings.size() && body.size() + 2 + kPostingBytesMax <= kPageRoom) {
      out.varint(postings[at].key - before);
      out.varint(postings[at].count);
      out.varint(postings[at].place);
      before = postings[at].key;
      ++count;
      ++at;
    }
    std::string page;
    ByteWriter(page).u16(count);
    page += body;
    page.resize(kPageRoom, '\0');
    ByteWriter(page).u32(crc32c(page));
    pages += page;
  }
}

void sort_and_unify(std::vector<std::uint32_t>& places) {
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
}

bool covers(const Posting& posting, std::uint64_t key) {
  return posting.key <= key && key - posting.key < posting.count;
}

std::vector<std::uint32_t> covering(const std::vector<Posting>& postings, std::uint64_t key) {
  std::vector<std::uint32_t> places;
  for (const Posting& posting : postings) {
    if (covers(posting, key)) places.push_back(posting.place);
  }
  sort_and_unify(places);
  return places;
}

}  // namespace

std::uint64_t session_key(const SessionId& session) {
  Hash64 hash;
  hash.add(session.hi);
  hash.add(session.lo);
  return hash.value();
}

// ---- while a segment is written ----------------------------------------------------------------

void Postings::add(const std::vector<Transition>& transitions,
                   const std::vector<SessionName>& names, std::uint64_t place) {
  const auto here = static_cast<std::uint32_t>(place);
  for (const Transition& transition : transitions) {
    const std::uint64_t first = transition.first.value();
    // Grants of tasks that stand in a row are one posting.
    const bool joins = !tasks.empty() && tasks.back().place == here &&
                       first == tasks.back().key + tasks.back().count &&
                       std::uint64_t{tasks.back().count} + transition.count <= kReach;
    if (joins) {
      tasks.back().count += transition.count;
      continue;
    }
    tasks.push_back({first, transition.count, here});
  }
  for (const SessionName& name : names) sessions.push_back({session_key(name.session), 1, here});
}

std::vector<std::uint32_t> Postings::find_task(TaskId task) const {
  return covering(tasks, task.value());
}

std::vector<std::uint32_t> Postings::find_session(const SessionId& session) const {
  return covering(sessions, session_key(session));
}

// ---- building ----------------------------------------------------------------------------------

IndexBuilder::IndexBuilder(SegmentInfo segment, Postings postings)
    : segment_(std::move(segment)), postings_(std::move(postings)) {}

bool IndexBuilder::step() {
  if (!bytes_.empty()) return true;
  if (sort_some()) return false;
  encode();
  return true;
}

bool IndexBuilder::sort_some() {
  std::vector<Posting>& tasks = postings_.tasks;
  const auto place = [&](std::size_t i) {
    return tasks.begin() + static_cast<std::ptrdiff_t>(std::min(i, tasks.size()));
  };
  if (width_ == 0) {
    std::sort(place(at_), place(at_ + kChunk));
    at_ += kChunk;
    if (at_ >= tasks.size()) {
      width_ = kChunk;
      at_ = 0;
    }
    return true;
  }
  if (width_ >= tasks.size()) return false;
  std::merge(place(at_), place(at_ + width_), place(at_ + width_), place(at_ + 2 * width_),
             std::back_inserter(merged_));
  at_ += 2 * width_;
  if (at_ >= tasks.size()) {
    width_ *= 2;
    at_ = 0;
    tasks = std::exchange(merged_, {});
  }
  return true;
}

void IndexBuilder::encode() {
  std::vector<Posting> wide;
  std::erase_if(postings_.tasks, [&](const Posting& posting) {
    if (posting.count > kReach) wide.push_back(posting);
    return posting.count > kReach;
  });
  std::sort(postings_.sessions.begin(), postings_.sessions.end());
  std::string pages;
  std::vector<std::uint64_t> first_keys;
  encode_pages(postings_.tasks, pages, first_keys);
  const std::size_t task_pages = first_keys.size();
  encode_pages(postings_.sessions, pages, first_keys);

  ByteWriter out(bytes_);
  out.bytes(kMagic);
  out.u8(kVersion);
  out.bytes(std::string_view("\0\0\0", 3));
  out.u64(segment_.first.value());
  out.u64(segment_.last.value());
  out.u64(segment_.bytes);
  out.bytes(bytes_of(segment_.after));
  out.u32(static_cast<std::uint32_t>(task_pages));
  out.u32(static_cast<std::uint32_t>(first_keys.size() - task_pages));
  out.u32(static_cast<std::uint32_t>(wide.size()));
  for (const std::uint64_t key : first_keys) out.u64(key);
  for (const Posting& posting : wide) {
    out.u64(posting.key);
    out.u32(posting.count);
    out.u32(posting.place);
  }
  out.u32(crc32c(bytes_));
  bytes_ += pages;
  postings_ = {};
}

// ---- looking up --------------------------------------------------------------------------------

Result<SegmentIndex> SegmentIndex::open(leveldb::Env& env, const std::string& path,
                                        const SegmentInfo& segment) {
  SegmentIndex index;
  index.path_ = path;
  std::uint64_t size = 0;
  leveldb::RandomAccessFile* file = nullptr;
  if (!env.FileExists(path)) return Status(ErrorCode::kNotFound, path + " is not there");
  if (!env.GetFileSize(path, &size).ok() || !env.NewRandomAccessFile(path, &file).ok()) {
    return damaged(path, "it cannot be read");
  }
  index.file_.reset(file);
  const auto read = [&](std::uint64_t offset, std::size_t bytes) {
    std::string buffer(bytes, '\0');
    leveldb::Slice data;
    if (!file->Read(offset, bytes, &data, buffer.data()).ok()) return std::string();
    return std::string(data.data(), data.size());
  };
  const std::string fixed = read(0, kFixedBytes);
  ByteReader in(fixed);
  const bool ours = in.bytes(kMagic.size()) == kMagic && in.u8() == kVersion;
  in.bytes(3);
  const bool same = Lsn(in.u64()) == segment.first && Lsn(in.u64()) == segment.last &&
                    in.u64() == segment.bytes &&
                    in.bytes(segment.after.size()) == bytes_of(segment.after);
  index.task_pages_ = in.u32();
  const std::uint64_t pages = index.task_pages_ + std::uint64_t{in.u32()};
  const std::uint64_t wide = in.u32();
  index.pages_at_ = kFixedBytes + 8 * pages + 16 * wide + 4;
  if (!in.at_end() || !ours || !same || index.pages_at_ + kPageBytes * pages != size) {
    return damaged(path, "it is not the index of this segment");
  }
  const std::string header = read(0, static_cast<std::size_t>(index.pages_at_));
  const std::string_view covered = std::string_view(header).substr(0, header.size() - 4);
  if (header.size() != index.pages_at_ ||
      ByteReader(std::string_view(header).substr(covered.size())).u32() != crc32c(covered)) {
    return damaged(path, "the checksum of its header");
  }
  ByteReader rest(covered.substr(kFixedBytes));
  for (std::uint64_t i = 0; i < pages; ++i) index.first_keys_.push_back(rest.u64());
  for (std::uint64_t i = 0; i < wide; ++i) {
    const std::uint64_t key = rest.u64();
    const std::uint32_t count = rest.u32();
    index.wide_.push_back({key, count, rest.u32()});
  }
  return index;
}

Result<std::string> SegmentIndex::read_page(std::size_t page) const {
  std::string buffer(kPageBytes, '\0');
  leveldb::Slice data;
  const leveldb::Status read =
      file_->Read(pages_at_ + kPageBytes * page, kPageBytes, &data, buffer.data());
  const std::string_view bytes(data.data(), data.size());
  if (!read.ok() || bytes.size() != kPageBytes ||
      ByteReader(bytes.substr(kPageRoom)).u32() != crc32c(bytes.substr(0, kPageRoom))) {
    return damaged(path_, "the checksum of page " + std::to_string(page));
  }
  return std::string(bytes);
}

Status SegmentIndex::find(std::size_t from, std::size_t to, std::uint64_t key, std::uint64_t reach,
                          std::vector<std::uint32_t>& places) const {
  const auto begin = first_keys_.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = first_keys_.begin() + static_cast<std::ptrdiff_t>(to);
  // The page before the first that begins at `lowest` may hold it, too.
  const std::uint64_t lowest = key - std::min(key, reach - 1);
  auto at = std::lower_bound(begin, end, lowest);
  if (at != begin) --at;
  for (; at != end && *at <= key; ++at) {
    BATON_ASSIGN_OR_RETURN(const std::string page,
                           read_page(static_cast<std::size_t>(at - first_keys_.begin())));
    ByteReader in(std::string_view(page).substr(0, kPageRoom));
    std::uint64_t posting_key = *at;
    for (std::uint16_t left = in.u16(); left > 0 && in.ok(); --left) {
      posting_key += in.varint();
      const auto count = static_cast<std::uint32_t>(in.varint());
      const Posting posting{posting_key, count, static_cast<std::uint32_t>(in.varint())};
      if (in.ok() && covers(posting, key)) places.push_back(posting.place);
    }
    if (!in.ok()) return damaged(path_, "a page makes no sense");
  }
  return Status();
}

Result<std::vector<std::uint32_t>> SegmentIndex::find_task(TaskId task) const {
  std::vector<std::uint32_t> places = covering(wide_, task.value());
  BATON_RETURN_IF_ERROR(find(0, task_pages_, task.value(), kReach, places));
  sort_and_unify(places);
  return places;
}

Result<std::vector<std::uint32_t>> SegmentIndex::find_session(const SessionId& session) const {
  std::vector<std::uint32_t> places;
  BATON_RETURN_IF_ERROR(find(task_pages_, first_keys_.size(), session_key(session), 1, places));
  sort_and_unify(places);
  return places;
}

}  // namespace baton::center
