#include "center/storage/audit_archive.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "center/core/auditor.h"
#include "center/core/ledger.h"
#include "center/core/transition_rules.h"
#include "center/storage/archive_segment.h"
#include "center/storage/entry_codec.h"
#include "center/storage/snapshot_pages.h"
#include "common/log/snapshot_file.h"
#include "common/log/snapshot_place.h"

namespace baton::center {
namespace {

bool same(const Transition& a, const Transition& b) {
  return a.first == b.first && a.count == b.count && a.from == b.from && a.to == b.to &&
         a.cause == b.cause && a.token == b.token && a.session == b.session;
}

std::string to_text(const Transition& transition) {
  std::string text = "task " + to_string(transition.first);
  if (transition.count != 1) text += " and " + std::to_string(transition.count - 1) + " more";
  return text + " from " + std::string(to_string(transition.from)) + " to " +
         std::string(to_string(transition.to)) + " (" + std::string(to_string(transition.cause)) +
         ", token " + std::to_string(transition.token.value()) + ")";
}

// What the archived transitions have that the replayed ones have not; empty when they are the same.
std::string difference(const std::vector<Transition>& archived,
                       const std::vector<Transition>& replayed) {
  const std::size_t both = std::min(archived.size(), replayed.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (same(archived[i], replayed[i])) continue;
    return "the archive has " + to_text(archived[i]) + ", the replay " + to_text(replayed[i]);
  }
  if (archived.size() > both)
    return "the archive has " + to_text(archived[both]) + ", the replay nothing";
  if (replayed.size() > both)
    return "the replay has " + to_text(replayed[both]) + ", the archive nothing";
  return {};
}

// The entry that a file of this name is the snapshot behind; 0: it is no snapshot.
Lsn snapshot_index(std::string_view name) {
  if (!name.starts_with(kSnapshotFilePrefix)) return {};
  name.remove_prefix(kSnapshotFilePrefix.size());
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  return error == std::errc() && end == name.data() + name.size() ? Lsn(index) : Lsn();
}

class Audit {
 public:
  Audit(leveldb::Env& env, std::string data, const OnProgress& progress)
      : env_(env), data_(std::move(data)), archive_(data_ + "/archive"), progress_(progress) {}

  Result<AuditReport> run() {
    BATON_RETURN_IF_ERROR(find_segments());
    for (std::size_t i = 0; i < segments_.size() && !report_.problem; ++i) {
      if (i > 0) follow(segments_[i - 1], segments_[i]);
      if (!report_.problem) audit_segment(segments_[i]);
    }
    if (!report_.problem) finish();
    if (!report_.problem && report_.entries == 0)
      return Status(ErrorCode::kNotFound, "the archive of " + data_ + " has no entry");
    report_.tasks = auditor_.counts().created;
    report_.claims = auditor_.counts().claims;
    report_.completions = auditor_.counts().completions;
    report_.unfinished = auditor_.known_tasks() - auditor_.finished_tasks();
    return std::move(report_);
  }

 private:
  void wrong(const std::string& file, Lsn index, std::string what) {
    if (!report_.problem) report_.problem = {file, index, std::move(what)};
  }

  Status find_segments() {
    std::vector<std::string> names;
    if (!env_.GetChildren(archive_, &names).ok()) {
      return Status(ErrorCode::kNotFound, data_ + " has no archive: is it a center's?");
    }
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("segment-"); });
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string path = archive_ + "/" + name;
      Result<SegmentInfo> info = read_segment_info(env_, path);
      const bool unfinished = info.status().code() == ErrorCode::kNotFound;
      if (unfinished && name == names.back()) {
        info = read_segment_header(env_, path);
        if (!info.ok()) {
          note_unread(path, info.status());
          continue;
        }
      }
      if (!info.ok()) {
        if (info.status().code() == ErrorCode::kUnsupportedVersion) return info.status();
        wrong(path, Lsn(),
              unfinished ? "it is cut off, and is not the newest" : info.status().message());
        return Status();
      }
      segments_.push_back(std::move(info).value());
    }
    if (!segments_.empty()) report_.first = segments_.front().first;
    return Status();
  }

  // Nothing of the newest segment is written yet, or a crash tore it; but damage looks like that too.
  void note_unread(const std::string& path, const Status& why) {
    std::uint64_t bytes = 0;
    if (!env_.GetFileSize(path, &bytes).ok() || bytes <= kSegmentHeaderBytes) return;
    report_.notes.push_back("the newest segment was not read (" + why.message() + "): its " +
                            std::to_string(bytes) +
                            " bytes were cut off by a crash, or damaged since");
  }

  void follow(const SegmentInfo& before, const SegmentInfo& segment) {
    if (segment.first != before.last.next()) {
      wrong(segment.path, before.last.next(),
            "entries are missing: the segment before ends with entry " +
                std::to_string(before.last.value()) + ", this one begins with entry " +
                std::to_string(segment.first.value()));
    } else if (segment.before != before.after) {
      wrong(segment.path, segment.first,
            "the hash before it is not the one that " + before.path + " ends with");
    }
  }

  // The snapshot taken behind the entry, if there is one.
  std::optional<RestoredCenter> find_snapshot(Lsn index) {
    for (const char* folder : {"/archive", "/snapshots"}) {
      const std::string path = snapshot_path(data_ + folder, index);
      if (!env_.FileExists(path)) continue;
      Result<std::vector<std::string>> pages = read_snapshot_file(env_, path, index);
      if (!pages.ok()) {
        // The newest one may be unfinished, or be replaced right now.
        report_.notes.push_back(path + " cannot be used: " + pages.status().message());
        continue;
      }
      Result<RestoredCenter> center =
          restore_center({.index = index, .pages = std::move(pages).value()});
      if (center.ok()) return std::move(center).value();
      report_.notes.push_back(path + " cannot be used: " + center.status().message());
    }
    return std::nullopt;
  }

  // Where a segment begins a snapshot may be: to start the replay, or to be compared with it.
  void begin_segment(const SegmentInfo& segment) {
    const Lsn before(segment.first.value() - 1);
    const bool oldest = segment.first == segments_.front().first;
    if (!before) {
      ledger_.emplace();
      report_.replayed_from = before;
      return;
    }
    std::optional<RestoredCenter> center = find_snapshot(before);
    if (!center) {
      if (oldest) {
        auditor_.begin_anywhere();
        trusting_ = true;
        report_.notes.push_back("there is no snapshot at entry " + std::to_string(before.value()) +
                                ", where the archive begins: what is older is taken on trust");
      }
      return;
    }
    if (center->archive.hash != segment.before) {
      return wrong(segment.path, segment.first,
                   "the snapshot at entry " + std::to_string(before.value()) +
                       " was taken of another history");
    }
    if (!ledger_) {
      if (oldest) auditor_.begin_at(center->ledger);
      ledger_ = std::move(center->ledger);
      report_.replayed_from = before;
    } else if (center->ledger.state_hash() != ledger_->state_hash()) {
      wrong(segment.path, before, "the snapshot behind it has another state than the replay");
    }
  }

  void audit_segment(const SegmentInfo& segment) {
    begin_segment(segment);
    SegmentReader reader(env_, segment, SegmentReader::Check::kHashes);
    std::uint64_t told = 0;
    while (!report_.problem) {
      const Result<const ArchivedEntry*> entry = reader.next();
      if (!entry.ok()) {
        return wrong(segment.path, reader.next_index(), entry.status().message());
      }
      if (entry.value() == nullptr) break;
      audit_entry(segment, *entry.value());
      progress_(reader.position() - std::exchange(told, reader.position()));
    }
    segment.last ? static_cast<void>(++report_.segments)
                 : static_cast<void>(report_.open_end = true);
  }

  void audit_entry(const SegmentInfo& segment, const ArchivedEntry& archived) {
    const Result<Entry> entry = decode_entry(archived.index, archived.entry);
    if (!entry.ok()) return wrong(segment.path, archived.index, entry.status().message());
    ++report_.entries;
    report_.last = archived.index;
    report_.transitions += archived.transitions.size();
    for (const Transition& transition : archived.transitions) {
      report_.uncertain += attempt_end(transition, entry.value()) == AttemptEnd::kUncertain;
    }
    if (auditor_.check(archived.index, archived.transitions) != 0) {
      wrong(segment.path, archived.index, "a promise is broken: " + auditor_.first().what);
    }
    if (ledger_) replay(segment, archived, entry.value());
  }

  void replay(const SegmentInfo& segment, const ArchivedEntry& archived, const Entry& entry) {
    const Effects effects = ledger_->apply(entry);
    ++report_.replayed;
    if (const std::string found = difference(archived.transitions, effects.transitions);
        !found.empty()) {
      return wrong(segment.path, archived.index, "the replay differs: " + found);
    }
    if (segment.version < 2) return;
    if (archived.times != ledger_->times()) {
      return wrong(segment.path, archived.index, "the replay comes to another time");
    }
    for (const SessionName& name : archived.names) {
      if (name == ledger_->session_name(name.session)) continue;
      return wrong(segment.path, archived.index,
                   "the replay has another name of session " + to_string(name.session));
    }
  }

  // A segment is finished before the snapshot behind it is: an archive that ends before has lost its
  // end. (When its center starts it writes again what its log still has.)
  void find_lost_end() {
    std::vector<std::string> names;
    static_cast<void>(env_.GetChildren(data_ + "/snapshots", &names));
    for (const std::string& name : names) {
      const Lsn index = snapshot_index(name);
      if (index <= report_.last || !find_snapshot(index)) continue;
      wrong(data_ + "/snapshots/" + name, index,
            "the archive ends with entry " + std::to_string(report_.last.value()) +
                ", before this snapshot");
    }
  }

  void finish() {
    find_lost_end();
    if (!ledger_ || trusting_) return;
    const std::string lost = auditor_.disagreement(*ledger_);
    if (!lost.empty()) wrong(segments_.back().path, report_.last, lost);
  }

  leveldb::Env& env_;
  const std::string data_;
  const std::string archive_;
  const OnProgress& progress_;
  std::vector<SegmentInfo> segments_;
  std::optional<Ledger> ledger_;
  Auditor auditor_;
  bool trusting_ = false;  // the auditor does not know what was before the first segment
  AuditReport report_;
};

}  // namespace

Result<AuditReport> audit_archive(leveldb::Env& env, const std::string& data,
                                  const OnProgress& progress) {
  return Audit(env, data, progress).run();
}

}  // namespace baton::center
