#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "center/core/finished_rows.h"
#include "center/core/snapshot.h"
#include "center/core/snapshot_fields.h"
#include "center/core/task_facts.h"
#include "common/base/crc32c.h"

namespace baton::center {
namespace {

constexpr std::size_t kHeaderBytes = 20;

Status damaged(std::size_t page, std::string_view what) {
  return {ErrorCode::kDataLoss, "snapshot page " + std::to_string(page) + ": " + std::string(what)};
}
Status inconsistent(std::string_view what) {
  return {ErrorCode::kDataLoss, "snapshot: " + std::string(what)};
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
        is_old_ = !ar.since(2);
        return fields(ar, t_.counters), fields(ar, loose_), true;
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
    if (pages_said_ != pages_before_end) return inconsistent("pages are missing");
    t_.rows.finish_restore();
    t_.task_options.finish_restore();
    t_.order_keys.finish_restore();
    t_.fair_keys.finish_restore();
    t_.fair_keys.restore_last_serial(loose_.last_fair_serial);
    t_.sessions.finish_restore();
    t_.members.finish_restore(loose_.last_incarnation);
    t_.finished.restore(loose_.finished_first, loose_.finished_last, loose_.finished_size);
    for (Producer& producer : producers_) t_.producers.restore(std::move(producer));
    BATON_RETURN_IF_ERROR(link_lines());
    BATON_RETURN_IF_ERROR(link_rows());
    if (is_old_) quarantine_removed();
    BATON_RETURN_IF_ERROR(find_waiting_tasks());
    BATON_RETURN_IF_ERROR(check_families());
    BATON_RETURN_IF_ERROR(check_order_keys());
    link_queues();
    return std::move(t_);
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
    said_.push_back({std::exchange(queue.ready, 0),
                     std::exchange(queue.delayed, 0),
                     std::exchange(queue.blocked, 0),
                     std::exchange(queue.pending, 0),
                     {}});
    for (const Level& level : queue.levels)
      said_.back().plain.push_back({level.priority, level.plain.overtaken, level.plain.pass});
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
      key.line = TaskLine(item.first);
      t_.order_keys.restore(item.slot, std::move(key));
    }
    for (const TaskId task : item.line) t_.order_keys.edit(item.slot).line.push(task);
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
    lanes_[slot] = std::move(lanes);
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
    if (!t_.queues.exists(line.queue) || !is_session(line.session)) return false;
    t_.lines.restore(slot, line);
    return true;
  }

  bool read_producer(SnapshotReader& ar) {
    Producer producer;
    fields(ar, producer);
    if (!producers_.empty() && !(producers_.back().id < producer.id)) return false;
    producers_.push_back(std::move(producer));
    return true;
  }

  bool read_moved(SnapshotReader& ar) {
    ProducerId id;
    MovedNumber number;
    fields(ar, id, number);
    const auto at = std::lower_bound(
        producers_.begin(), producers_.end(), id,
        [](const Producer& producer, const ProducerId& wanted) { return producer.id < wanted; });
    if (!ar.ok() || at == producers_.end() || at->id != id) return false;
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

  [[nodiscard]] bool is_session(std::uint32_t slot) const {
    return slot < t_.sessions.slots() && t_.sessions.used(slot);
  }

  static bool is_finished(const TaskRow& row) {
    return row.state == TaskState::kDone || row.state == TaskState::kCancelled;
  }

  [[nodiscard]] bool is_linked(const TaskRow& row) const {
    const auto is_done = [this](std::uint32_t slot) {
      return slot == kNoSlot || (slot < t_.rows.slots() && is_finished(t_.rows[slot]));
    };
    return is_done(row.older) && is_done(row.newer) && is_done(row.newer_in_queue);
  }

  Status link_lines() {
    t_.lines.finish_restore(t_.queues, loose_.last_turn);
    for (std::uint32_t slot = 0; slot < t_.lines.slots(); ++slot) {
      if (t_.lines[slot].id) t_.sessions.edit(t_.lines[slot].session).lines.push_back(slot);
    }
    for (std::uint32_t slot = 0; slot < t_.sessions.slots(); ++slot) {
      if (!t_.sessions.used(slot)) continue;
      auto& lines = t_.sessions.edit(slot).lines;
      std::sort(lines.begin(), lines.end(), [this](std::uint32_t a, std::uint32_t b) {
        return t_.lines[a].id < t_.lines[b].id;
      });
    }
    return {};
  }

  // Claims go back to their sessions, deadlines into their heaps.
  Status link_rows() {
    std::vector<std::pair<Token, std::uint32_t>> claims;
    for (std::size_t i = 0; i < t_.rows.slots(); ++i) {
      const auto slot = static_cast<std::uint32_t>(i);
      const TaskRow& row = t_.rows[slot];
      if (!row.task) continue;
      const Shard* shard = t_.members.find_shard(row.task.shard());
      const bool known = shard != nullptr && row.task.offset() < shard->created_hi() &&
                         shard->tasks.get(row.task.offset()) == TaskValue::row(slot);
      if (!known) return inconsistent("a row without its task");
      if (is_finished(row) && !is_linked(row))
        return inconsistent("a finished row linked to nothing");
      if (!has_wishes(row.options, row.order_key, row.fair_key))
        return inconsistent("a row that asks for what is not there");
      if (row.state != TaskState::kClaimed) continue;
      if (!is_session(row.session)) return inconsistent("a claim without its session");
      t_.lease_ends.set(slot, row.deadline_ms, row.token.value());
      claims.emplace_back(row.token, slot);
    }
    std::sort(claims.begin(), claims.end());
    for (const auto& [token, slot] : claims)
      t_.sessions.edit(t_.rows[slot].session).claims.add(token, slot);
    return claims.size() == t_.counters.claimed ? Status() : inconsistent("claims are missing");
  }

  [[nodiscard]] bool has_wishes(std::uint32_t options, std::uint32_t order_key,
                                std::uint32_t fair_key) const {
    return (options == kNoSlot ||
            (options < t_.task_options.slots() && t_.task_options[options].task)) &&
           (order_key == kNoSlot || t_.order_keys.in_use(order_key)) &&
           (fair_key == kNoSlot || t_.fair_keys.in_use(fair_key));
  }

  // Whether what the task's value points to is there and points back.
  [[nodiscard]] bool is_whole(TaskId task, TaskValue value, std::uint32_t extra) const {
    switch (value.kind()) {
      case TaskValue::Kind::kFinished:
        return true;
      case TaskValue::Kind::kRow:
        return value.row_slot() < t_.rows.slots() && t_.rows[value.row_slot()].task == task;
      case TaskValue::Kind::kOptions: {
        if (!t_.queues.exists(value.queue()) || extra >= t_.task_options.slots()) return false;
        const OptionsRow& options = t_.task_options[extra];
        return options.task == task && has_wishes(kNoSlot, options.order_key, options.fair_key);
      }
      case TaskValue::Kind::kOrdered:
      case TaskValue::Kind::kQueued:
        return t_.queues.exists(value.queue()) && t_.order_keys.in_use(extra);
      case TaskValue::Kind::kFair:
        return t_.queues.exists(value.queue()) && t_.fair_keys.in_use(extra);
      case TaskValue::Kind::kReady:
      case TaskValue::Kind::kQuarantined:
      case TaskValue::Kind::kDelayed:
      case TaskValue::Kind::kMortal:
        return t_.queues.exists(value.queue());
    }
    return false;
  }

  // The indexes hold what the pages say.
  Status find_waiting_tasks() {
    for (const Shard& shard : t_.members.shards()) {
      for (Offset at = shard.tasks.next_live(Offset(1)); at < shard.created_hi();) {
        const TaskValue value = shard.tasks.get(at);
        const Offset until =
            value.kind() == TaskValue::Kind::kReady ? shard.tasks.same_until(at) : at.next();
        const TaskId task(shard.id, at);
        if (!is_whole(task, value, shard.tasks.extra(at)))
          return inconsistent("a task without what it points to");
        enter(task, until.value() - at.value(), value);
        at = shard.tasks.next_live(until);
      }
    }
    for (std::uint32_t i = 0; i < said_.size(); ++i) {
      const Queue& queue = t_.queues[QueueId(i + 1)];
      const Said& said = said_[i];
      if (queue.ready != said.ready || queue.delayed != said.delayed ||
          queue.blocked != said.blocked || queue.pending != said.pending)
        return inconsistent("waiting tasks are missing");
    }
    return {};
  }

  // Version 1 left them ready in the pages of a removed shard, and counted them as quarantined.
  void quarantine_removed() {
    for (const Shard& known : t_.members.shards()) {
      if (!known.removed) continue;
      TaskPages& tasks = t_.members.shard(known.id).tasks;
      for (Offset at = tasks.next_live(Offset(1)); at < known.created_hi();
           at = tasks.next_live(at.next())) {
        const TaskValue value = tasks.get(at);
        if (value.kind() == TaskValue::Kind::kReady)
          tasks.set(at, TaskValue::quarantined(value.queue(), value.priority()));
      }
    }
  }

  void enter(TaskId task, std::uint64_t count, TaskValue value) {
    if (value.kind() == TaskValue::Kind::kReady) {
      t_.queues.edit(value.queue()).add_ready(task.shard(), task.offset(), count, value.priority());
      return;
    }
    const TaskFacts facts = facts_of(t_, task);
    if (!facts.waits()) return;
    Queue& queue = t_.queues.edit(facts.queue);
    if (facts.state == TaskState::kReady) {
      queue.put_back(task, facts.priority, facts.fair_key,
                     facts.fair_key == kNoSlot ? nullptr : &t_.fair_keys[facts.fair_key]);
    } else if (facts.state == TaskState::kDelayed) {
      ++queue.delayed;
      if (facts.row == kNoSlot) {
        t_.delays.insert({facts.ready_at_ms, task}, {});
      } else {
        t_.backoff_ends.set(facts.row, facts.ready_at_ms, t_.rows[facts.row].token.value());
      }
    } else {
      ++(facts.state == TaskState::kBlocked ? queue.blocked : queue.pending);
    }
    const OptionsRow* options = options_of(t_, facts);
    const std::int64_t end = facts.mortal_at_ms != 0 ? facts.mortal_at_ms
                             : options == nullptr    ? 0
                                                     : options->waiting_end_ms(facts.state);
    if (end != 0) t_.waiting_ends.insert({end, task}, {});
  }

  [[nodiscard]] bool is_known(TaskId task) const {
    const Shard* shard = task.valid() ? t_.members.find_shard(task.shard()) : nullptr;
    return shard != nullptr && task.offset() < shard->created_hi();
  }

  Status check_families() const {
    const FamilyTable& families = t_.families;
    for (auto at = families.pending.begin(); !at.done(); ++at) {
      if (!is_known(at->first.second)) return inconsistent("a child that does not exist");
    }
    for (auto at = families.dependents.begin(); !at.done(); ++at) {
      const TaskId task = at->first.second;
      const bool waits = is_known(task) && facts_of(t_, task).options != kNoSlot;
      if (!waits) return inconsistent("a task runs after others that does not wait");
    }
    for (const JobTable::Telling& telling : t_.jobs.tellings) {
      if (telling.ending == Ending::kDied && !is_known(telling.task))
        return inconsistent("the death of a task that does not exist");
    }
    return {};
  }

  Status check_order_keys() const {
    for (std::uint32_t slot = 0; slot < t_.order_keys.slots(); ++slot) {
      const OrderKey& key = t_.order_keys[slot];
      bool sound = !key.holder || is_known(key.holder);
      for (std::size_t i = 0; i < key.line.size(); ++i) sound = sound && is_known(key.line[i]);
      if (!sound) return inconsistent("an ordering key of a task that does not exist");
    }
    return {};
  }

  // Turns and deadlines of queues, and how much their finished tasks take.
  void link_queues() {
    for (std::uint32_t slot = 0; slot < t_.rows.slots(); ++slot) {
      const TaskRow& row = t_.rows[slot];
      if (row.task && is_finished(row))
        t_.queues.edit(row.queue).done_bytes += finished_bytes(t_, slot);
    }
    for (std::uint32_t i = 1; i <= t_.queues.size(); ++i) {
      const QueueId id(i);
      restore_turns(t_.queues.edit(id));
      update_kept_end(t_, id);
      const QueueSettings& settings = t_.queues[id].settings;
      if (settings.paused && settings.paused_until.ms != 0)
        t_.pause_ends.insert({settings.paused_until.ms, id});
      if (settings.max_rate != 0) t_.rated_queues.insert(id);
    }
  }

  void restore_turns(Queue& queue) {
    for (Level& level : queue.levels) {
      for (const LaneItem& said : said_[queue.id.value() - 1].plain) {
        if (said.priority == level.priority)
          queue.restore_lane(level, kNoSlot, said.overtaken, said.pass);
      }
      for (auto at = level.fair.begin(); !at.done(); ++at) {
        for (const LaneItem& said : lanes_[at->first]) {
          if (said.priority == level.priority)
            queue.restore_lane(level, at->first, said.overtaken, said.pass);
        }
      }
    }
  }

  Tables t_;
  Loose loose_;
  std::vector<Producer> producers_;
  struct Said {
    std::uint64_t ready = 0;
    std::uint64_t delayed = 0;
    std::uint64_t blocked = 0;
    std::uint64_t pending = 0;
    std::vector<LaneItem> plain;  // the lane without a fairness key, by priority
  };
  std::vector<Said> said_;                                // by queue
  std::map<std::uint32_t, std::vector<LaneItem>> lanes_;  // by slot of the fairness key
  std::uint32_t pages_said_ = 0;
  bool is_old_ = false;  // of version 1
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
      return inconsistent("the end is missing or not the last page");
  }
  if (pages.empty()) return inconsistent("no pages");
  return loader.finish(pages.size() - 1);
}

}  // namespace baton::center
