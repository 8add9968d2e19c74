#include <algorithm>
#include <string>
#include <utility>

#include "center/core/snapshot.h"
#include "center/core/snapshot_fields.h"
#include "center/core/snapshot_link.h"
#include "common/base/crc32c.h"

namespace baton::center {
namespace {

constexpr std::size_t kHeaderBytes = 20;

Status damaged(std::size_t page, std::string_view what) {
  return {ErrorCode::kDataLoss, "snapshot page " + std::to_string(page) + ": " + std::string(what)};
}

struct PageHeader {
  SnapshotSection section{};
  std::uint16_t version = 0;
  std::uint32_t items = 0;
  std::string_view bytes;
};

Result<PageHeader> open_page(std::string_view page, std::size_t number) {
  if (page.size() < kHeaderBytes + 4) return damaged(number, "too short");
  ByteReader in(page);
  if (in.u32() != kSnapshotMagic) return damaged(number, "not a snapshot page");
  PageHeader header;
  header.version = in.u16();
  if (header.version < kSnapshotVersionMin || header.version > kSnapshotVersion)
    return damaged(number, "of another version");
  header.section = static_cast<SnapshotSection>(in.u16());
  const std::uint32_t stored_number = in.u32();
  header.items = in.u32();
  header.bytes = in.bytes(in.u32());
  const std::string_view covered = page.substr(0, in.position());
  if (in.u32() != crc32c(covered) || !in.at_end()) return damaged(number, "checksum");
  if (stored_number != number) return damaged(number, "is page " + std::to_string(stored_number));
  return header;
}

class SnapshotLoader {
 public:
  // Reads one item of the section. A reader that fails, or false, means damage.
  bool read(SnapshotSection section, SnapshotReader& ar) {
    switch (section) {
      case SnapshotSection::kCounters:
        items_.is_old = !ar.since(2);
        return fields(ar, t_.counters), fields(ar, items_.loose), true;
      case SnapshotSection::kManagers:
        return read_manager(ar);
      case SnapshotSection::kShards:
        return read_shard(ar);
      case SnapshotSection::kTaskPages:
        return read_task_page(ar);
      case SnapshotSection::kQueues:
        return read_queue(ar);
      case SnapshotSection::kRows:
        return read_row(ar);
      case SnapshotSection::kSessions:
        return read_session(ar);
      case SnapshotSection::kLines:
        return read_line(ar);
      case SnapshotSection::kProducers:
        return read_producer(ar);
      case SnapshotSection::kMovedNumbers:
        return read_moved(ar);
      case SnapshotSection::kCompletions:
        return read_completion(ar);
      case SnapshotSection::kBars:
        return read_bar(ar);
      case SnapshotSection::kJobs:
        return read_job(ar);
      case SnapshotSection::kReasons:
        return read_reason(ar);
      case SnapshotSection::kTaskOptions:
        return read_options(ar);
      case SnapshotSection::kOrderKeys:
        return read_order_key(ar);
      case SnapshotSection::kFairKeys:
        return read_fair_key(ar);
      case SnapshotSection::kKeys:
        return read_key(ar);
      case SnapshotSection::kFamilies:
        return read_into(ar, t_.families.families);
      case SnapshotSection::kPendingChildren:
        return read_unborn(ar);
      case SnapshotSection::kDependents:
        return read_dependent(ar);
      case SnapshotSection::kLent:
        return read_lent(ar);
      case SnapshotSection::kCheckpoints:
        return read_into(ar, t_.checkpoints);
      case SnapshotSection::kProgress:
        return read_into(ar, t_.progress);
      case SnapshotSection::kEnd:
        return ar(pages_said_), true;
    }
    return false;
  }
  Result<Tables> finish(std::size_t pages_before_end) {
    if (pages_said_ != pages_before_end) return inconsistent_snapshot("pages are missing");
    return link_snapshot(std::move(items_));
  }

 private:
  bool read_manager(SnapshotReader& ar) {
    Manager manager;
    fields(ar, manager);
    t_.members.restore_manager(std::move(manager));
    return true;
  }

  bool read_shard(SnapshotReader& ar) {
    Shard shard;
    Offset end;
    fields(ar, shard, end);
    const bool sound = ar.ok() && shard.id.value() == t_.members.shards().size() + 1 && end &&
                       end.value() <= kOffsetMax && shard.manager < t_.members.managers().size();
    if (!sound) return false;
    shard.tasks.restore_end(end);
    t_.members.restore_shard(std::move(shard));
    return true;
  }

  bool read_task_page(SnapshotReader& ar) {
    TaskPageItem item;
    TaskPages::Page page;
    fields(ar, item, page);
    Shard* shard = t_.members.find_shard(item.shard);
    if (!ar.ok() || shard == nullptr ||
        item.number > (shard->created_hi().value() - 1) / TaskPages::kPageTasks)
      return false;
    if (item.has_values && !fill_values(item, page)) return false;
    if (!fill_columns(item.extras, page.extras) || !fill_columns(item.bytes, page.bytes))
      return false;
    const std::uint64_t next = shard->tasks.first_page() + shard->tasks.page_count();
    if (shard->tasks.page_count() > 0 && item.number < next) return false;
    shard->tasks.restore_page(item.number, std::move(page));
    return true;
  }

  static bool fill_values(const TaskPageItem& item, TaskPages::Page& page) {
    TaskPages::Values values{};
    std::size_t at = 0;
    for (const ValueRun& run : item.values) {
      if (run.count > values.size() - at) return false;
      std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(at), run.count, run.value);
      at += run.count;
    }
    page.values = Cow<TaskPages::Values>(values);
    return at == values.size();
  }

  static bool fill_columns(const std::vector<NumberRun>& runs,
                           std::array<TaskPages::Column, TaskPages::kRuns>& columns) {
    std::uint64_t at = 0;
    for (const NumberRun& run : runs) {
      if (run.count > TaskPages::kPageTasks - at) return false;
      for (const std::uint64_t end = at + run.count; at < end;) {
        const std::uint64_t in_run = at % TaskPages::kRunTasks;
        const std::uint64_t count = std::min(end - at, TaskPages::kRunTasks - in_run);
        columns[at / TaskPages::kRunTasks].fill(in_run, count, run.number);
        at += count;
      }
    }
    return runs.empty() || at == TaskPages::kPageTasks;
  }

  bool read_queue(SnapshotReader& ar) {
    Queue queue;
    fields(ar, queue);
    if (!ar.ok() || queue.id.value() != t_.queues.size() + 1 || t_.queues.find(queue.name) ||
        !validate_queue_settings(queue.settings).ok())
      return false;
    items_.said.push_back({std::exchange(queue.ready, 0),
                           std::exchange(queue.delayed, 0),
                           std::exchange(queue.blocked, 0),
                           std::exchange(queue.pending, 0),
                           {}});
    for (Level& level : queue.levels) {
      items_.said.back().plain.push_back({level.priority, level.plain.overtaken, level.plain.pass,
                                          std::exchange(level.plain.in_turn, false)});
    }
    t_.queues.restore(std::move(queue));
    return true;
  }

  bool read_row(SnapshotReader& ar) {
    std::uint32_t slot = 0;
    TaskRow row;
    fields(ar, slot, row);
    if (!ar.ok() || slot > TaskValue::kRowMax || !row.task || !t_.queues.exists(row.queue))
      return false;
    t_.rows.restore(slot, row);
    return true;
  }

  bool read_options(SnapshotReader& ar) {
    std::uint32_t slot = 0;
    OptionsRow row;
    fields(ar, slot, row);
    if (!ar.ok() || slot > TaskValue::kRowMax || !row.task) return false;
    t_.task_options.restore(slot, row);
    return true;
  }

  bool read_order_key(SnapshotReader& ar) {
    OrderItem item;
    fields(ar, item);
    if (!ar.ok() || item.slot > TaskValue::kRowMax || !t_.queues.exists(item.queue)) return false;
    if (!t_.order_keys.in_use(item.slot)) {
      if (t_.order_keys.find(item.queue, item.name) != kNoSlot) return false;
      OrderKey key;
      key.queue = item.queue;
      key.name = item.name;
      key.holder = item.holder;
      key.tasks = item.tasks;
      t_.order_keys.restore(item.slot, std::move(key));
    }
    TaskLine& line = t_.order_keys.edit(item.slot).line;
    for (const OrderItem::Place& place : item.line) line.restore(place.task, place.at);
    line.restore_next(item.next);
    return true;
  }

  bool read_fair_key(SnapshotReader& ar) {
    std::uint32_t slot = 0;
    FairKey key;
    std::vector<LaneItem> lanes;
    fields(ar, slot, key, lanes);
    const bool sound = ar.ok() && slot <= TaskValue::kRowMax && t_.queues.exists(key.queue) &&
                       key.weight >= 1 && !t_.fair_keys.in_use(slot) &&
                       t_.fair_keys.find(key.queue, key.name) == kNoSlot;
    if (!sound) return false;
    t_.fair_keys.restore(slot, std::move(key));
    items_.lanes[slot] = std::move(lanes);
    return true;
  }

  bool read_key(SnapshotReader& ar) {
    KeyTable::Item item;
    fields(ar, item);
    if (!ar.ok() || !t_.queues.exists(item.queue) || t_.keys.size() >= kKeysMax) return false;
    t_.keys.restore(item);
    return true;
  }

  template <class Value>
  static bool read_into(SnapshotReader& ar, PagedMap<TaskId, Value>& map) {
    TaskId task;
    Value value;
    fields(ar, task, value);
    if (!ar.ok() || map.find(task) != nullptr) return false;
    map.insert(task, std::move(value));
    return true;
  }

  bool read_unborn(SnapshotReader& ar) {
    TaskId parent;
    TaskId child;
    Unborn unborn;
    fields(ar, parent, child, unborn);
    if (!ar.ok() || t_.families.pending.find({parent, child}) != nullptr) return false;
    t_.families.pending.insert({parent, child}, unborn);
    return true;
  }

  bool read_dependent(SnapshotReader& ar) {
    TaskId task;
    TaskId dependent;
    FamilyTable::Told told;
    fields(ar, task, dependent, told);
    if (!ar.ok() || t_.families.dependents.find({task, dependent}) != nullptr) return false;
    t_.families.depend(dependent, task);
    t_.families.dependents.edit({task, dependent})->failed = told.failed;
    return true;
  }

  bool read_lent(SnapshotReader& ar) {
    QueueId queue;
    std::uint32_t manager = 0;
    LentTable::Lent lent;
    fields(ar, queue, manager, lent);
    if (!ar.ok() || !t_.queues.exists(queue) || manager >= t_.members.managers().size())
      return false;
    t_.lent.set(queue, manager, lent);
    return true;
  }

  bool read_session(SnapshotReader& ar) {
    SessionItem item;
    Session session;
    fields(ar, item, session);
    const bool sound = ar.ok() && item.slot < SessionTable::kSessionsMax &&
                       session.manager < t_.members.managers().size() &&
                       t_.sessions.find(session.id) == kNoSlot;
    if (!sound) return false;
    session.outcomes.answered(item.answered_through);
    for (const auto& outcome : item.outcomes) {
      if (!is_final(outcome.verdict) || outcome.seq <= item.answered_through) return false;
      session.outcomes.add(outcome.seq, outcome.verdict);
    }
    t_.sessions.idle().set(item.slot, item.idle_at_ms, session.serial);
    t_.sessions.restore(item.slot, std::move(session));
    return true;
  }

  bool read_line(SnapshotReader& ar) {
    std::uint32_t slot = 0;
    Line line;
    fields(ar, slot, line);
    if (!ar.ok() || slot >= SessionTable::kSessionsMax * kSessionLinesMax || !line.id) return false;
    if (!t_.queues.exists(line.queue) || !t_.sessions.used(line.session)) return false;
    t_.lines.restore(slot, line);
    return true;
  }

  bool read_producer(SnapshotReader& ar) {
    Producer producer;
    fields(ar, producer);
    if (!items_.producers.empty() && !(items_.producers.back().id < producer.id)) return false;
    items_.producers.push_back(std::move(producer));
    return true;
  }

  bool read_moved(SnapshotReader& ar) {
    ProducerId id;
    MovedNumber number;
    fields(ar, id, number);
    const auto at = std::lower_bound(
        items_.producers.begin(), items_.producers.end(), id,
        [](const Producer& producer, const ProducerId& wanted) { return producer.id < wanted; });
    if (!ar.ok() || at == items_.producers.end() || at->id != id) return false;
    at->moved.push_back(std::move(number));
    return true;
  }

  bool read_completion(SnapshotReader& ar) {
    CompletionRing::Item item;
    fields(ar, item);
    t_.completions.add(item.task, item.token);
    return true;
  }

  bool read_bar(SnapshotReader& ar) {
    BarTable::Key key;
    BarTable::Bar bar;
    fields(ar, key, bar);
    t_.bars.restore(key, bar);
    return true;
  }

  bool read_job(SnapshotReader& ar) {
    JobItem job;
    fields(ar, job);
    switch (job.kind) {
      case JobKind::kMatchQueue:
        t_.jobs.match_queues.insert(QueueId(job.subject));
        return t_.queues.exists(QueueId(job.subject));
      case JobKind::kOfferShard:
        t_.jobs.offer_shards[ShardId(job.subject)] = QueueId(static_cast<std::uint32_t>(job.next));
        return t_.members.find_shard(ShardId(job.subject)) != nullptr;
      case JobKind::kSealShard:
        t_.jobs.seal_shards[ShardId(job.subject)] = Offset(job.next);
        return t_.members.find_shard(ShardId(job.subject)) != nullptr;
      case JobKind::kPurge:
        return read_purge(job);
      case JobKind::kTelling:
        if (job.others.size() != 2 || job.subject < 1 || job.subject > 4) return false;
        t_.jobs.tellings.push_back({TaskId(job.others[0]), static_cast<Ending>(job.subject),
                                    TaskId(job.others[1]), TaskId(job.next)});
        return true;
      case JobKind::kBirth:
        if (job.others.size() != 2 || job.subject > 1) return false;
        t_.jobs.births.push_back(
            {TaskId(job.others[0]), Token(job.others[1]), job.subject == 1, TaskId(job.next)});
        return true;
      case JobKind::kFreeKey:
        t_.jobs.free_keys.push_back(job.subject);
        return true;
      case JobKind::kDeadKeys:
        t_.jobs.dead_keys[QueueId(job.subject)] = job.name;
        return t_.queues.exists(QueueId(job.subject));
      case JobKind::kSweep:
        t_.jobs.sweep_lines[job.subject] = static_cast<TaskLine::Place>(job.next);
        return true;
      case JobKind::kFairLimit:
        if (!t_.queues.exists(QueueId(job.subject))) return false;
        t_.queues.edit(QueueId(job.subject)).changing_turns = true;
        t_.jobs.fair_limits[QueueId(job.subject)] = job.name;
        return true;
      case JobKind::kSurplus:
        t_.jobs.surplus_queues.insert(QueueId(job.subject));
        return t_.queues.exists(QueueId(job.subject));
    }
    return false;
  }

  bool read_purge(const JobItem& job) {
    if (!t_.queues.exists(QueueId(job.subject)) || job.others.size() % 2 != 0) return false;
    JobTable::Purge& purge = t_.jobs.purges[QueueId(job.subject)];
    purge.next = TaskId(job.next);
    for (std::size_t i = 0; i < job.others.size(); i += 2) {
      const ShardId shard(static_cast<std::uint32_t>(job.others[i]));
      if (t_.members.find_shard(shard) == nullptr) return false;
      purge.ends[shard] = Offset(job.others[i + 1]);
    }
    return true;
  }

  bool read_reason(SnapshotReader& ar) {
    TaskId task;
    std::string reason;
    fields(ar, task, reason);
    if (!ar.ok() || t_.reasons.find(task) != nullptr) return false;
    t_.reasons.insert(task, std::move(reason));
    return true;
  }

  SnapshotItems items_;
  Tables& t_ = items_.tables;
  std::uint32_t pages_said_ = 0;
};

}  // namespace

Result<Tables> read_snapshot(const std::vector<std::string>& pages) {
  SnapshotLoader loader;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    BATON_ASSIGN_OR_RETURN(const PageHeader header, open_page(pages[i], i));
    SnapshotReader ar(header.bytes, header.version);
    for (std::uint32_t item = 0; item < header.items; ++item) {
      if (!loader.read(header.section, ar) || !ar.ok()) return damaged(i, "an item makes no sense");
    }
    if (!ar.at_end()) return damaged(i, "more bytes than items");
    const bool is_end = header.section == SnapshotSection::kEnd;
    if (is_end != (i + 1 == pages.size()))
      return inconsistent_snapshot("the end is missing or not the last page");
  }
  if (pages.empty()) return inconsistent_snapshot("no pages");
  return loader.finish(pages.size() - 1);
}

}  // namespace baton::center
