#include "center/storage/task_history.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "center/storage/entry_codec.h"

namespace baton::center {
namespace {

bool covers(const Transition& transition, TaskId task) {
  return transition.first <= task && task.value() - transition.first.value() < transition.count;
}

// When the tasks of the shard were stored, as their manager said: closer to the truth than the
// ledger's calendar, which stands still while nothing waits.
std::int64_t stored_ms(const Entry& entry, ShardId shard) {
  std::int64_t latest = 0;
  for (const Batch& batch : entry.batches) {
    for (const Command& command : batch.commands) {
      const auto* created = std::get_if<Created>(&command);
      if (created != nullptr && created->shard == shard)
        latest = std::max(latest, created->wall.ms);
    }
  }
  return latest;
}

// The name that was told last before the record, or by it.
Result<SessionName> find_name(const leveldb::RandomAccessFile& file, const SegmentInfo& segment,
                              const SessionId& session, const ArchivedEntry& record,
                              const TaskHistoryReader::FindSession& find_session) {
  const auto named_by = [&](const ArchivedEntry& entry) -> const SessionName* {
    const auto at = std::find_if(entry.names.begin(), entry.names.end(),
                                 [&](const SessionName& n) { return n.session == session; });
    return at == entry.names.end() ? nullptr : &*at;
  };
  if (const SessionName* name = named_by(record); name != nullptr) return *name;
  if (segment.version < 2) return SessionName{session, {}, {}};
  BATON_ASSIGN_OR_RETURN(const std::vector<std::uint32_t> places, find_session(session));
  for (std::size_t i = places.size(); i-- > 0;) {
    if (places[i] >= record.place) continue;
    BATON_ASSIGN_OR_RETURN(const ArchivedEntry entry,
                           read_archived_entry(file, segment, places[i]));
    if (const SessionName* name = named_by(entry); name != nullptr) return *name;
  }
  return SessionName{session, {}, {}};
}

}  // namespace

std::string HistoryCursor::to_text() const {
  return std::to_string(index.value()) + "." + std::to_string(skip) + "." +
         (attempt ? std::to_string(*attempt) : "") + "." + std::to_string(latest_ms);
}

Result<HistoryCursor> HistoryCursor::parse(std::string_view text) {
  HistoryCursor cursor;
  if (text.empty()) return cursor;
  const Status wrong(ErrorCode::kInvalidArgument, "not a cursor of a task's history");
  std::uint64_t numbers[4] = {};
  bool empty[4] = {};
  for (int i = 0; i < 4; ++i) {
    const std::size_t end = i == 3 ? text.size() : text.find('.');
    if (end == std::string_view::npos) return wrong;
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    empty[i] = part.empty();
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), numbers[i]);
    const bool whole = error == std::errc{} && stop == part.data() + part.size();
    if (!whole && !(i == 2 && empty[i])) return wrong;
  }
  if (numbers[0] == 0 || numbers[1] > UINT32_MAX || numbers[2] > UINT32_MAX ||
      numbers[3] > INT64_MAX)
    return wrong;
  cursor.index = Lsn(numbers[0]);
  cursor.skip = static_cast<std::uint32_t>(numbers[1]);
  if (!empty[2]) cursor.attempt = static_cast<std::uint32_t>(numbers[2]);
  cursor.latest_ms = static_cast<std::int64_t>(numbers[3]);
  return cursor;
}

Result<bool> TaskHistoryReader::read(leveldb::Env& env, const SegmentInfo& segment,
                                     const std::vector<std::uint32_t>& places,
                                     const FindSession& find_session) {
  if (next_place_ >= places.size()) return true;
  BATON_ASSIGN_OR_RETURN(const std::unique_ptr<leveldb::RandomAccessFile> file,
                         open_segment_file(env, segment.path));
  const auto name_of = [&](const SessionId& session, const ArchivedEntry& record) {
    return find_name(*file, segment, session, record, find_session);
  };
  for (std::size_t n = 0; n < kRecordsAtOnce && next_place_ < places.size(); ++n) {
    if (full()) return true;
    BATON_ASSIGN_OR_RETURN(const ArchivedEntry record,
                           read_archived_entry(*file, segment, places[next_place_]));
    BATON_RETURN_IF_ERROR(add(record, name_of));
    if (cursor_.index > record.index || record.index < position()) ++next_place_;
  }
  return full() || next_place_ >= places.size();
}

void TaskHistoryReader::pass(Lsn last) {
  next_place_ = 0;
  if (cursor_.index > last) return;
  cursor_.index = last.next();
  cursor_.skip = 0;
}

Status TaskHistoryReader::add(
    const ArchivedEntry& record,
    const std::function<Result<SessionName>(const SessionId&, const ArchivedEntry&)>& name_of) {
  if (record.index < cursor_.index) return Status();
  if (record.index > cursor_.index) cursor_.skip = 0;
  cursor_.index = record.index;
  BATON_ASSIGN_OR_RETURN(const Entry entry, decode_entry(record.index, record.entry));
  std::uint32_t seen = 0;
  for (const Transition& transition : record.transitions) {
    if (!covers(transition, task_) || ++seen <= cursor_.skip) continue;
    if (full()) return Status();
    HistoryEvent event = event_of(record, entry, transition);
    if (transition.session) {
      BATON_ASSIGN_OR_RETURN(const SessionName name, name_of(transition.session, record));
      event.consumer = name.consumer;
      event.manager = name.manager;
    }
    event_bytes_ += 128 + event.consumer.size() + event.manager.size() + event.reason.size();
    events_.push_back(std::move(event));
    cursor_.skip = seen;
  }
  cursor_.index = record.index.next();
  cursor_.skip = 0;
  return Status();
}

HistoryEvent TaskHistoryReader::event_of(const ArchivedEntry& record, const Entry& entry,
                                         const Transition& transition) {
  HistoryEvent event;
  event.index = record.index;
  event.term = record.term;
  event.times = record.times;
  event.transition = transition;
  event.transition.first = task_;
  event.transition.count = 1;
  if (transition.from == TaskState::kNone) {
    event.times.calendar.ms = std::max(event.times.calendar.ms, stored_ms(entry, task_.shard()));
  }
  if (event.times.calendar.ms != 0) {
    cursor_.latest_ms = std::max(cursor_.latest_ms, event.times.calendar.ms);
    event.times.calendar.ms = cursor_.latest_ms;
  }
  const bool created = transition.from == TaskState::kNone && !is_note(transition);
  if (created) cursor_.attempt = 0;
  const bool granted =
      transition.to == TaskState::kClaimed && transition.from != TaskState::kClaimed;
  if (granted && cursor_.attempt) ++*cursor_.attempt;
  const bool of_claim = transition.to == TaskState::kClaimed ||
                        (transition.from == TaskState::kClaimed && !is_note(transition));
  if (of_claim && cursor_.attempt) event.attempt = *cursor_.attempt;
  event.uncertain = attempt_end(event.transition, entry) == AttemptEnd::kUncertain;
  if (cursor_.attempt && *cursor_.attempt > 0 && takes_attempt_back(event.transition, entry))
    --*cursor_.attempt;
  if (const Operation* said = find_operation(entry, event.transition); said != nullptr)
    event.reason = said->reason;
  if (event.reason.empty()) event.reason = act_reason(entry, event.transition);
  return event;
}

HistoryPage TaskHistoryReader::take(bool more) {
  HistoryPage page;
  page.events = std::move(events_);
  if (more) page.next = cursor_.to_text();
  return page;
}

}  // namespace baton::center
