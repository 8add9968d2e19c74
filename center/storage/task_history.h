// What the archive tells of one task: its transitions in the order of the ledger, with what people
// ask about them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/transition_rules.h"
#include "center/storage/archive_segment.h"

namespace baton::center {

struct HistoryEvent {
  Lsn index;  // the entry that brought it about
  Term term;
  LedgerTimes times;  // of the ledger at that entry; zero where the segment has none (version 1)
  Transition transition;      // of this task alone
  std::uint32_t attempt = 0;  // of the claim that is meant; 0: none, or it cannot be told
  bool uncertain = false;     // the attempt was cut off: its holder may still have been working
  std::string consumer;
  std::string manager;
  std::string reason;  // of a nack, as it was given
};

struct HistoryPage {
  std::vector<HistoryEvent> events;
  std::string next;  // cursor of the next page; empty at the end
  Lsn kept_from;     // entries below are not in the archive (any more)
};

// Where a page goes on, and what must be known there.
struct HistoryCursor {
  Lsn index{1};                          // the first entry not looked at, or not wholly
  std::uint32_t skip = 0;                // transitions of the task in it that were told
  std::optional<std::uint32_t> attempt;  // claims so far that count; none: its beginning is lost
  std::int64_t latest_ms = 0;            // times never go back

  [[nodiscard]] std::string to_text() const;
  // invalid_argument when it is no cursor; empty text is the beginning.
  static Result<HistoryCursor> parse(std::string_view text);
};

// Gathers a page from one segment after the other. Reads files; blocks.
class TaskHistoryReader {
 public:
  using FindSession = std::function<Result<std::vector<std::uint32_t>>(const SessionId&)>;
  // Records read by one call: what may be between two other jobs of the worker.
  static constexpr std::size_t kRecordsAtOnce = 64;

  TaskHistoryReader(TaskId task, HistoryCursor from, std::size_t limit)
      : task_(task), cursor_(from), limit_(limit) {}

  // From the records at `places` (in order) of a segment. False: call it again, with the same.
  // data_loss names the file.
  Result<bool> read(leveldb::Env& env, const SegmentInfo& segment,
                    const std::vector<std::uint32_t>& places, const FindSession& find_session);
  // The segment was wholly read.
  void pass(Lsn last);

  // A page must fit a frame, whatever the reasons in it are.
  static constexpr std::size_t kPageBytesMax = std::size_t{256} << 10;
  [[nodiscard]] bool full() const {
    return events_.size() >= limit_ || event_bytes_ >= kPageBytesMax;
  }
  [[nodiscard]] Lsn position() const { return cursor_.index; }
  // `more`: there may be something behind the last event.
  [[nodiscard]] HistoryPage take(bool more);

 private:
  Status add(
      const ArchivedEntry& record,
      const std::function<Result<SessionName>(const SessionId&, const ArchivedEntry&)>& name_of);
  HistoryEvent event_of(const ArchivedEntry& record, const Entry& entry,
                        const Transition& transition);

  const TaskId task_;
  HistoryCursor cursor_;
  const std::size_t limit_;
  std::size_t next_place_ = 0;  // of the segment that is being read
  std::vector<HistoryEvent> events_;
  std::size_t event_bytes_ = 0;
};

}  // namespace baton::center
