#include "center/storage/archive.h"

#include <algorithm>
#include <utility>

#include "common/log/snapshot_place.h"
#include "common/storage/stored_files.h"
#include "common/storage/wal_check.h"

namespace baton::center {
namespace {

constexpr std::string_view kFilePrefix = "segment-";
constexpr std::string_view kIndexPrefix = "index-";
constexpr std::string_view kScratch = "scratch";
// Snapshots are kept this far apart, in parts of the limit of the whole; and none is that is larger
// than half of such a part.
constexpr std::uint64_t kKeptParts = 4;
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
      writer_([this](const SessionId& session) {
        return name_of_ ? name_of_(session) : SessionName{session, {}, {}};
      }),
      indexes_(worker, env, options_.directory, [this](const Status& status) { fail(status); }),
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
  std::vector<std::string> all;
  BATON_RETURN_IF_ERROR(from_leveldb(env_.GetChildren(options_.directory, &all)));
  std::sort(all.begin(), all.end());
  for (const std::string& name : all) {
    // Something was being written when it was cut off; what it was to replace is still there.
    if (!name.starts_with(kScratch)) continue;
    BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(options_.directory + "/" + name)));
  }
  std::vector<std::string> names = all;
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
  BATON_RETURN_IF_ERROR(read_kept(all));
  return queue_indexes(all);
}

// Those that stand at the end of a segment, or before the first; others came too late for theirs.
Status Archive::read_kept(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!name.starts_with(kSnapshotFilePrefix)) continue;
    const std::string path = options_.directory + "/" + name;
    const auto fits = [&](Lsn index) {
      return path == snapshot_path(options_.directory, index) ? index : Lsn();
    };
    Lsn found = segments_.empty() ? Lsn() : fits(Lsn(segments_.front().first.value() - 1));
    for (const SegmentInfo& segment : segments_) {
      if (segment.last <= snapshot_ && !found) found = fits(segment.last);
    }
    std::uint64_t bytes = 0;
    if (found && env_.GetFileSize(path, &bytes).ok()) {
      kept_.push_back({found, bytes});
      kept_bytes_ += bytes;
    } else {
      BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(path)));
    }
  }
  return Status();
}

// Those that are missing are made in the background, the newest first.
Status Archive::queue_indexes(const std::vector<std::string>& names) {
  std::vector<std::string> wanted;
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    wanted.push_back(indexes_.path_of(segment->first));
    const std::string name = wanted.back().substr(options_.directory.size() + 1);
    if (!std::binary_search(names.begin(), names.end(), name)) indexes_.add(*segment);
  }
  for (const std::string& name : names) {
    const std::string path = options_.directory + "/" + name;
    const bool orphan = name.starts_with(kIndexPrefix) &&
                        std::find(wanted.begin(), wanted.end(), path) == wanted.end();
    if (orphan) BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(path)));
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

std::optional<Lsn> Archive::replay_base() const {
  const Lsn first = first_index();
  if (first == Lsn(1)) return Lsn();
  const Lsn base(first.value() - 1);
  // The current snapshot is in the log's directory.
  const bool there =
      base == snapshot_ ||
      std::any_of(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.index == base; });
  return there ? std::optional(base) : std::nullopt;
}

void Archive::append(const AppliedEntry& applied) {
  BATON_CHECK(applied.index == head_.index.next());
  const Lsn last_known = segments_.empty() ? Lsn() : segments_.back().last;
  const bool known = applied.index <= last_known;
  if (known) {
    // What a replay gives is compared, in the form that the segment has.
    const auto segment =
        std::find_if(segments_.begin(), segments_.end(),
                     [&](const SegmentInfo& info) { return info.first == applied.index; });
    if (segment != segments_.end()) writer_.begin_segment(segment->version);
  } else if (!open_) {
    begin_segment(applied.index);
  }

  std::string replayed;  // a replayed entry that is archived already is only compared
  std::string& record = known ? replayed : buffer_;
  const std::size_t before = record.size();
  head_.hash = writer_.append(record, head_.hash, applied);
  head_.index = applied.index;
  if (known) return check_replayed();
  open_postings_.add(applied.transitions, writer_.names(), open_bytes_);
  open_bytes_ += record.size() - before;
  if (open_bytes_ >= options_.segment_bytes) {
    end_segment();
  } else if (buffer_.size() >= kFlushBytes) {
    flush();
  }
}

void Archive::write_out() {
  if (!open_) return;
  if (!buffer_.empty()) flush();
  run([open = open_] { return open->file ? from_leveldb(open->file->Flush()) : Status(); });
}

std::optional<Archive::Located> Archive::locate(Lsn from, TaskId task) {
  const auto segment = std::find_if(segments_.begin(), segments_.end(),
                                    [&](const SegmentInfo& info) { return info.last >= from; });
  if (segment != segments_.end()) return Located{*segment, segment->last, false, {}, {}};
  if (!open_ || from > head_.index) return std::nullopt;
  write_out();
  Located located{open_info_, head_.index, true, open_postings_.find_task(task),
                  open_postings_.sessions};
  return located;
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
  writer_.begin_segment(kSegmentVersion);
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
  indexes_.add(open_info_, std::exchange(open_postings_, {}));
  segments_.push_back(std::move(open_info_));
  drop_oldest();
}

void Archive::seal(std::function<void(Status)> done) {
  if (open_) end_segment();
  // The worker runs jobs in order: when this one ends, those before it have.
  worker_.run([] {}, gate_.on_loop([this, done = std::move(done)] { done(failure_); }));
}

void Archive::snapshot_saved(Lsn index) {
  const Lsn replaced = std::exchange(snapshot_, index);
  drop_oldest();
  if (!replaced) return;
  // Whether the log has put it here, and how large it is, is asked where files are touched.
  const auto bytes = std::make_shared<std::uint64_t>(0);
  const std::string path = snapshot_path(options_.directory, replaced);
  worker_.run(gate_.job([this, path, bytes] {
    if (!env_.GetFileSize(path, bytes.get()).ok()) *bytes = 0;
  }),
              gate_.on_loop([this, replaced, bytes] {
                if (*bytes > 0) judge_replaced(replaced, *bytes);
              }));
}

void Archive::judge_replaced(Lsn index, std::uint64_t file_bytes) {
  if (should_keep(index, file_bytes)) {
    kept_.push_back({index, file_bytes});
    kept_bytes_ += file_bytes;
    drop_oldest();
    return;
  }
  run([this, path = snapshot_path(options_.directory, index)] {
    return from_leveldb(env_.RemoveFile(path));
  });
}

bool Archive::should_keep(Lsn index, std::uint64_t file_bytes) const {
  const std::uint64_t apart = options_.bytes_max / kKeptParts;
  if (index.next() < first_index() || file_bytes > apart / 2) return false;
  if (index.next() == first_index()) return true;
  const Lsn before = kept_.empty() ? Lsn() : kept_.back().index;
  std::uint64_t between = 0;
  for (const SegmentInfo& segment : segments_) {
    if (segment.first > before && segment.last <= index) between += segment.bytes;
  }
  return between >= apart;
}

// What the replay after a restart would have to fit to stays, however small the limit is. The
// archive should begin where a snapshot was kept: so all goes that is before the next one.
void Archive::drop_oldest() {
  const auto too_large = [this] {
    return closed_bytes_ + kept_bytes_ > options_.bytes_max && segments_.size() > 1 &&
           segments_[1].first <= snapshot_.next();
  };
  while (too_large()) {
    const Lsn first = segments_.front().first;
    const auto next = std::find_if(kept_.begin(), kept_.end(),
                                   [&](const Kept& kept) { return kept.index >= first; });
    const Lsn base = next == kept_.end() ? segments_.front().last : next->index;
    while (segments_.size() > 1 && segments_.front().last <= base) drop_first_segment();
    while (!kept_.empty() && kept_.front().index.next() < first_index()) {
      kept_bytes_ -= kept_.front().bytes;
      run([this, path = snapshot_path(options_.directory, kept_.front().index)] {
        return from_leveldb(env_.RemoveFile(path));
      });
      kept_.pop_front();
    }
    if (segments_.front().first == first) return;
  }
}

void Archive::drop_first_segment() {
  const SegmentInfo& segment = segments_.front();
  closed_bytes_ -= segment.bytes;
  indexes_.drop(segment.first);
  run([this, path = segment.path, index = indexes_.path_of(segment.first)] {
    BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(path)));
    return env_.FileExists(index) ? from_leveldb(env_.RemoveFile(index)) : Status();
  });
  segments_.pop_front();
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
