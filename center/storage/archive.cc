#include "center/storage/archive.h"

#include <algorithm>
#include <utility>

#include "common/storage/stored_files.h"
#include "common/storage/wal_check.h"

namespace baton::center {
namespace {

constexpr std::string_view kFilePrefix = "segment-";
constexpr std::string_view kScratch = "scratch";
// Given to the worker at once: enough that a job is worth its hand-over.
constexpr std::size_t kFlushBytes = std::size_t{256} << 10;

std::string segment_path(const std::string& directory, Lsn first) {
  return numbered_path(directory, kFilePrefix, first);
}

std::string entry_number(Lsn index) { return "entry " + std::to_string(index.value()); }

}  // namespace

Archive::Archive(Loop& loop, Worker& worker, DurableEnv& env, Options options, Position snapshot)
    : loop_(loop),
      worker_(worker),
      env_(env),
      options_(std::move(options)),
      head_(snapshot),
      snapshot_(snapshot.index) {}

Archive::~Archive() { gate_.close(); }

Result<std::unique_ptr<Archive>> Archive::open(Loop& loop, Worker& worker, DurableEnv& env,
                                               Options options, Position snapshot) {
  std::unique_ptr<Archive> archive(new Archive(loop, worker, env, std::move(options), snapshot));
  if (!env.FileExists(archive->options_.directory)) {
    BATON_RETURN_IF_ERROR(from_leveldb(env.CreateDir(archive->options_.directory)));
  }
  BATON_RETURN_IF_ERROR(archive->read_directory());
  BATON_RETURN_IF_ERROR(archive->check_chain());
  return archive;
}

// Finished segments are kept. The newest may not have been synced: a power cut can leave any part
// of it, its footer too. As long as the log was not cut behind it, all it held is still there, and
// it is removed.
Status Archive::read_directory() {
  std::vector<std::string> names;
  BATON_RETURN_IF_ERROR(from_leveldb(env_.GetChildren(options_.directory, &names)));
  if (std::find(names.begin(), names.end(), kScratch) != names.end()) {
    // write_anew() was cut off; what it was to replace is still there.
    BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(scratch_path())));
  }
  std::erase_if(names, [](const std::string& name) { return !name.starts_with(kFilePrefix); });
  std::sort(names.begin(), names.end());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string path = options_.directory + "/" + names[i];
    const bool newest = i + 1 == names.size();
    Result<SegmentInfo> info = read_segment_info(env_, path);
    Status status = info.status();
    if (info.ok() && newest) status = verify_segment(env_, info.value());
    if (status.ok() && newest && info.value().last > snapshot_) {
      BATON_RETURN_IF_ERROR(write_anew(path));
    }
    if (status.ok()) {
      closed_bytes_ += info.value().bytes;
      segments_.push_back(std::move(info).value());
      continue;
    }
    const bool needed = !newest || path <= segment_path(options_.directory, snapshot_);
    if (needed || status.code() == ErrorCode::kUnsupportedVersion) {
      if (status.code() != ErrorCode::kNotFound) return status;
      return Status(ErrorCode::kDataLoss, "the archive is damaged: " + path + " is cut off");
    }
    BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(path)));
  }
  return Status();
}

// A process that was killed before its sync may have left the segment in the page cache only; the
// log will be cut behind it (R24).
Status Archive::write_anew(const std::string& path) const {
  BATON_ASSIGN_OR_RETURN(const std::string bytes, read_file(env_, path));
  return write_file_atomically(env_, path, scratch_path(), bytes);
}

std::string Archive::scratch_path() const {
  return options_.directory + "/" + std::string(kScratch);
}

Status Archive::check_chain() const {
  if (segments_.empty()) return Status();
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    const SegmentInfo& before = segments_[i - 1];
    if (segments_[i].first != before.last.next() || segments_[i].before != before.after) {
      return Status(ErrorCode::kDataLoss, "the archive is damaged: " + segments_[i].path +
                                              " does not follow " + before.path);
    }
  }
  // The chain must pass through the position that the snapshot remembers.
  bool reached =
      segments_.front().first == snapshot_.next() && segments_.front().before == head_.hash;
  for (const SegmentInfo& segment : segments_) {
    reached = reached || (segment.last == snapshot_ && segment.after == head_.hash);
  }
  if (!reached) {
    return Status(ErrorCode::kDataLoss, "the archive in " + options_.directory + " (entries " +
                                            std::to_string(segments_.front().first.value()) +
                                            " to " + std::to_string(segments_.back().last.value()) +
                                            ") does not fit the ledger's snapshot at " +
                                            entry_number(snapshot_) +
                                            "; move it away to begin a new one with a gap");
  }
  return Status();
}

Lsn Archive::first_index() const {
  return segments_.empty() ? snapshot_.next() : segments_.front().first;
}

void Archive::append(Lsn index, Term term, std::string_view entry,
                     const std::vector<Transition>& transitions) {
  BATON_CHECK(index == head_.index.next());
  const Lsn last_known = segments_.empty() ? Lsn() : segments_.back().last;
  const bool known = index <= last_known;
  if (!known && !open_) begin_segment(index);

  std::string replayed;  // a replayed entry that is archived already is only compared
  std::string& record = known ? replayed : buffer_;
  const std::size_t before = record.size();
  head_.hash = append_archive_record(record, head_.hash, index, term, entry, transitions);
  head_.index = index;
  if (known) return check_replayed();
  open_bytes_ += record.size() - before;
  if (open_bytes_ >= options_.segment_bytes) {
    end_segment();
  } else if (buffer_.size() >= kFlushBytes) {
    flush();
  }
}

// The end of a segment is where the replay and the archive must agree.
void Archive::check_replayed() {
  const auto segment =
      std::find_if(segments_.begin(), segments_.end(),
                   [this](const SegmentInfo& info) { return info.last == head_.index; });
  if (segment == segments_.end() || segment->after == head_.hash) return;
  fail(Status(ErrorCode::kDataLoss, "the archive is damaged: " + segment->path +
                                        " differs from what the log gives at " +
                                        entry_number(head_.index)));
}

void Archive::begin_segment(Lsn first) {
  open_ = std::make_shared<Open>();
  open_->path = segment_path(options_.directory, first);
  open_info_ = SegmentInfo();
  open_info_.path = open_->path;
  open_info_.first = first;
  open_info_.before = head_.hash;
  buffer_ = encode_segment_header(first, head_.hash);
  open_bytes_ = buffer_.size();
  run([this, open = open_] {
    leveldb::WritableFile* file = nullptr;
    const leveldb::Status made = env_.NewWritableFile(open->path, &file);
    open->file.reset(file);
    return from_leveldb(made);
  });
}

void Archive::flush() {
  run([open = open_, bytes = std::exchange(buffer_, {})] {
    return from_leveldb(open->file->Append(leveldb::Slice(bytes.data(), bytes.size())));
  });
}

void Archive::end_segment() {
  const std::string footer = encode_segment_footer(head_.index, head_.hash);
  buffer_ += footer;
  flush();
  run([open = std::exchange(open_, nullptr)] {
    BATON_RETURN_IF_ERROR(from_leveldb(open->file->Sync()));
    return from_leveldb(open->file->Close());
  });
  open_info_.last = head_.index;
  open_info_.after = head_.hash;
  open_info_.bytes = open_bytes_ + footer.size();
  closed_bytes_ += open_info_.bytes;
  open_bytes_ = 0;
  segments_.push_back(std::move(open_info_));
  drop_oldest();
}

void Archive::seal(std::function<void(Status)> done) {
  if (open_) end_segment();
  // The worker runs jobs in order: when this one ends, those before it have.
  worker_.run([] {}, gate_.on_loop([this, done = std::move(done)] { done(failure_); }));
}

void Archive::snapshot_saved(Lsn index) {
  snapshot_ = index;
  drop_oldest();
}

// What the replay after a restart would have to fit to stays, however small the limit is.
void Archive::drop_oldest() {
  while (closed_bytes_ > options_.bytes_max && segments_.size() > 1 &&
         segments_[1].first <= snapshot_.next()) {
    closed_bytes_ -= segments_.front().bytes;
    run([this, path = segments_.front().path] { return from_leveldb(env_.RemoveFile(path)); });
    segments_.pop_front();
  }
}

// Jobs behind a failed one do nothing: their file may not even exist.
void Archive::run(std::function<Status()> job) {
  const auto result = std::make_shared<Status>();
  worker_.run(gate_.job([this, job = std::move(job), result] {
    if (job_failed_) return;
    *result = job();
    job_failed_ = !result->ok();
  }),
              gate_.on_loop([this, result] {
                if (!result->ok()) fail(*result);
              }));
}

void Archive::fail(const Status& status) {
  if (!failure_.ok()) return;
  failure_ = status;
  loop_.post(gate_.on_loop([this] {
    if (on_failed_) on_failed_(failure_);
  }));
}

}  // namespace baton::center
