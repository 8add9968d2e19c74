#include "center/storage/examine_ledger.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "center/storage/archive_segment.h"
#include "center/storage/entry_codec.h"
#include "center/storage/record_writer.h"
#include "center/storage/snapshot_pages.h"
#include "common/log/snapshot_file.h"
#include "common/log/snapshot_place.h"
#include "common/storage/batch_log_meta.h"
#include "common/storage/stored_files.h"

namespace baton::center {
namespace {

constexpr std::uint32_t kLedgerLog = 0;
constexpr char kAdviceRefused[] =
    "the center refuses to start. Put the directory back from a copy that is as new: the managers "
    "refuse a ledger that is older than what they have seen";
constexpr char kAdviceArchive[] =
    "the center refuses to start until the archive is put back from a copy, or moved away: then "
    "its "
    "history begins anew, and no task is lost";
constexpr char kAdviceOldSegment[] =
    "the history is damaged there, no task is lost: put the file back from a copy";

std::string entry_number(Lsn index) { return "entry " + std::to_string(index.value()); }

class LedgerExamination {
 public:
  LedgerExamination(const ExaminedDir& dir, const OnFinding& tell, const OnProgress& progress)
      : dir_(dir), tell_(tell), progress_(progress) {}

  LedgerReport run() {
    read_versions();
    if (dir_.store() == nullptr) {
      const auto newest = dir_.newest().find(kLedgerLog);
      if (newest != dir_.newest().end()) report_.last_index = newest->second.lsn();
    } else if (read_place() && restore_snapshot()) {
      replay();
    }
    examine_archive();
    if (report_.replayed) {
      report_.state_hash = ledger_->state_hash();
      report_.totals = ledger_->totals();
      report_.managers = ledger_->managers();
    }
    return report_;
  }

 private:
  void tell(const Status& status, const std::string& file, const char* advice, Lsn index = {}) {
    Finding found;
    const bool newer = status.code() == ErrorCode::kUnsupportedVersion;
    found.kind = newer ? Finding::Kind::kNewer : Finding::Kind::kDamage;
    found.file = file;
    found.first = found.last = index;
    if (file.empty()) found.log = kLedgerLog;
    found.what = status.message();
    found.advice = newer ? "use the Baton that wrote it" : advice;
    tell_(found);
  }

  void read_versions() {
    const std::string folder = dir_.path() + "/archive";
    std::vector<std::string> names;
    if (!dir_.env().GetChildren(folder, &names).ok()) return;
    for (const std::string& name : names) {
      if (!name.starts_with("segment-")) continue;
      const Result<SegmentInfo> header = read_segment_header(dir_.env(), folder + "/" + name);
      if (header.ok()) versions_[header.value().first] = header.value().version;
    }
  }

  bool read_place() {
    const Result<SnapshotPlace> place = read_snapshot_place(*dir_.store());
    if (!place.ok()) {
      tell(place.status(), "", kAdviceRefused);
      return false;
    }
    place_ = place.value();
    report_.snapshot_index = place_.index;
    return true;
  }

  bool restore_snapshot() {
    const std::string path = snapshot_path(dir_.path() + "/snapshots", place_.index);
    ReplicatedLog::Restored restored{.index = place_.index, .pages = {}};
    if (place_.index) {
      Result<std::vector<std::string>> pages = read_snapshot_file(dir_.env(), path, place_.index);
      if (!pages.ok()) {
        tell(pages.status(), path, kAdviceRefused);
        return false;
      }
      restored.pages = std::move(pages).value();
      for (const std::string& page : restored.pages) progress_(page.size());
    }
    Result<RestoredCenter> center = restore_center(std::move(restored));
    if (!center.ok()) {
      tell(center.status(), path, kAdviceRefused);
      return false;
    }
    ledger_ = std::move(center.value().ledger);
    head_ = center.value().archive;
    snapshot_head_ = head_;
    return true;
  }

  // Every entry behind the snapshot, as a start does it; and the log's own records.
  void replay() {
    const Result<LogState> state =
        recover_log(*dir_.store(), kLedgerLog, [](const StoredBatch&) { return Status(); });
    if (!state.ok()) tell(state.status(), "", kAdviceRefused);
    if (state.ok()) {
      report_.term = Term(state.value().opened.epoch.value());
      if (state.value().first != place_.index.next()) {
        tell(Status(ErrorCode::kDataLoss, "the log begins at " + entry_number(state.value().first) +
                                              ", the snapshot ends at " +
                                              entry_number(place_.index)),
             "", kAdviceRefused);
        return;
      }
    }
    report_.last_index = place_.index;
    const Status read = BatchReader(*dir_.store(), kLedgerLog)
                            .scan_to_end(place_.index.next(), place_.chain,
                                         [this](const StoredBatch& batch) { return apply(batch); });
    report_.replayed = read.ok();
    // What recover_log said of the tail was told.
    if (!read.ok() && (state.ok() || read != state.status())) {
      tell(read, "", kAdviceRefused, report_.last_index.next());
    }
  }

  Status apply(const StoredBatch& batch) {
    const Lsn index = batch.lsn();
    BATON_ASSIGN_OR_RETURN(const Entry entry, decode_entry(index, batch.body()));
    const Effects effects = ledger_->apply(entry);
    // Where a segment begins decides what its records name, and its version how.
    if (const auto begins = versions_.find(index); begins != versions_.end()) {
      writer_.begin_segment(begins->second);
    }
    std::string record;
    head_.hash = writer_.append(record, head_.hash,
                                {index, Term(batch.header.epoch.value()), batch.body(), entry,
                                 effects.transitions, ledger_->times()});
    head_.index = index;
    // Kept for the ends of the segments behind the snapshot.
    hashes_.push_back(head_);
    if (hashes_.size() > kHashesKept) hashes_.pop_front();
    report_.last_index = index;
    progress_(batch.bytes.size());
    return Status();
  }

  void examine_archive() {
    const std::string folder = dir_.path() + "/archive";
    std::vector<std::string> names;
    if (!dir_.env().GetChildren(folder, &names).ok()) names.clear();
    std::sort(names.begin(), names.end());
    examine_kept_snapshots(folder, names);
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("segment-"); });
    std::optional<SegmentInfo> before;
    bool reached = false;
    for (const std::string& name : names) {
      const bool newest = name == names.back();
      const std::string path = folder + "/" + name;
      const std::optional<SegmentInfo> segment = examine_segment(path, newest);
      if (!segment) {
        before.reset();
        continue;
      }
      if (before && (segment->first != before->last.next() || segment->before != before->after)) {
        tell(Status(ErrorCode::kDataLoss, "does not follow " + before->path), path, kAdviceArchive);
      }
      if (!report_.archive_first) report_.archive_first = segment->first;
      report_.archive_last = segment->last;
      reached = reached || fits_snapshot(*segment);
      check_replayed(*segment);
      before = segment;
    }
    if (!names.empty() && !reached && ledger_ && report_.archive_first) {
      tell(Status(ErrorCode::kDataLoss,
                  "does not fit the ledger's snapshot at " + entry_number(snapshot_head_.index)),
           folder, kAdviceArchive);
    }
    if (report_.snapshot_index && report_.archive_first != Lsn(1)) {
      Finding found;
      found.kind = Finding::Kind::kNote;
      found.file = folder;
      found.what = report_.archive_first ? "begins with " + entry_number(report_.archive_first)
                                         : "is empty, although the ledger has a snapshot";
      found.advice = "older segments were dropped when it was full, or somebody took them away";
      tell_(found);
    }
  }

  // Nothing that was acknowledged depends on them, nor on the indexes, which are made again.
  void examine_kept_snapshots(const std::string& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (!name.starts_with(kSnapshotFilePrefix)) continue;
      const std::string path = folder + "/" + name;
      std::uint64_t number = 0;
      const char* digits = name.data() + kSnapshotFilePrefix.size();
      std::from_chars(digits, name.data() + name.size(), number);
      const Result<std::vector<std::string>> pages =
          read_snapshot_file(dir_.env(), path, Lsn(number));
      if (pages.ok()) continue;
      Finding found;
      found.kind = Finding::Kind::kNote;
      found.file = path;
      found.what = pages.status().message();
      found.advice = "a start does not need it; baton audit verify cannot begin there";
      tell_(found);
    }
  }

  std::optional<SegmentInfo> examine_segment(const std::string& path, bool newest) {
    const Result<SegmentInfo> info = read_segment_info(dir_.env(), path);
    Status status = info.status();
    if (info.ok()) status = verify_segment(dir_.env(), info.value());
    if (info.ok()) progress_(info.value().bytes);
    if (status.ok()) return info.value();
    const bool needed =
        !newest || path <= numbered_path(dir_.path() + "/archive", "segment-", place_.index);
    if (!needed && status.code() != ErrorCode::kUnsupportedVersion) {
      Finding found;
      // The one that was being written ends anywhere when the center was killed.
      found.kind = Finding::Kind::kNote;
      found.file = path;
      found.what = info.status().code() == ErrorCode::kNotFound ? "is not finished" : "is damaged";
      found.advice = "all of it is in the log: the next start writes it again";
      tell_(found);
      return {};
    }
    const bool starts = info.ok() && !newest;  // a start looks only at the ends of older ones
    if (status.code() == ErrorCode::kNotFound) status = Status(ErrorCode::kDataLoss, "is cut off");
    tell(status, path, starts ? kAdviceOldSegment : kAdviceArchive);
    return {};
  }

  bool fits_snapshot(const SegmentInfo& segment) const {
    return (segment.last == snapshot_head_.index && segment.after == snapshot_head_.hash) ||
           (segment.first == snapshot_head_.index.next() && segment.before == snapshot_head_.hash);
  }

  void check_replayed(const SegmentInfo& segment) {
    if (segment.last <= snapshot_head_.index) return;
    for (const Archive::Position& position : hashes_) {
      if (position.index != segment.last || position.hash == segment.after) continue;
      tell(Status(ErrorCode::kDataLoss,
                  "differs from what the log gives at " + entry_number(segment.last)),
           segment.path, kAdviceArchive);
    }
  }

  // Some segments of the largest size, in the smallest entries.
  static constexpr std::size_t kHashesKept = std::size_t{1} << 20;

  const ExaminedDir& dir_;
  const OnFinding& tell_;
  const OnProgress& progress_;
  LedgerReport report_;
  SnapshotPlace place_;
  std::map<Lsn, std::uint8_t> versions_;  // of segments, by their first entry
  std::optional<Ledger> ledger_;
  RecordWriter writer_{[this](const SessionId& id) { return ledger_->session_name(id); }};
  Archive::Position head_;
  Archive::Position snapshot_head_;
  std::deque<Archive::Position> hashes_;
};

}  // namespace

LedgerReport examine_ledger(const ExaminedDir& dir, const OnFinding& tell,
                            const OnProgress& progress) {
  return LedgerExamination(dir, tell, progress).run();
}

}  // namespace baton::center
