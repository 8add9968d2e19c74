// RecordWriter: makes the records of a segment from what was applied, and decides which sessions
// each one names.
//
// A session is named by the first record of a segment that mentions it, and again after an attach,
// which may change its name and its manager. So a segment explains itself, and what a replay makes
// of the same entries is the same bytes: nothing is remembered from one segment to the next.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/command.h"
#include "center/storage/archive_segment.h"

namespace baton::center {

// One applied entry; the views must last for the call.
struct AppliedEntry {
  Lsn index;
  Term term;
  std::string_view bytes;
  const Entry& entry;  // decoded from them
  const std::vector<Transition>& transitions;
  LedgerTimes times;  // after it
};

class RecordWriter {
 public:
  using NameOf = std::function<SessionName(const SessionId&)>;

  // `name_of` says who a session is after the entry that is being written.
  explicit RecordWriter(NameOf name_of) : name_of_(std::move(name_of)) {}

  void begin_segment(std::uint8_t version);
  // Appends the record and returns the hash after it.
  ChainHash append(std::string& out, const ChainHash& before, const AppliedEntry& applied);
  // Of the record appended last.
  [[nodiscard]] const std::vector<SessionName>& names() const { return names_; }

 private:
  void forget_attached(const Entry& entry);
  void name_sessions(const std::vector<Transition>& transitions);

  const NameOf name_of_;
  std::uint8_t version_ = kSegmentVersion;
  std::set<SessionId> named_;  // in this segment
  SessionId last_;             // named, and looked up last: transitions of one session come in rows
  std::vector<SessionName> names_;
};

}  // namespace baton::center
