#include <functional>
#include <optional>
#include <utility>

#include "center/core/snapshot.h"
#include "center/core/snapshot_fields.h"
#include "common/base/crc32c.h"

namespace baton::center {
namespace {

// A page is full from here on: the largest item still fits into 64 KiB.
constexpr std::size_t kPageFullBytes = std::size_t{32} << 10;

// Appends one item to the bytes; false when there is none left.
using NextItem = std::function<bool(SnapshotWriter&)>;

struct Section {
  SnapshotSection id;
  NextItem next_item;
};

// The items of something that is numbered [0, count()): `write(ar, i)` is false for a gap.
template <class Count, class Write>
NextItem each_of(Count count, Write write) {
  return [count, write, i = std::size_t{0}](SnapshotWriter& ar) mutable {
    while (i < count()) {
      if (write(ar, i++)) return true;
    }
    return false;
  };
}

std::vector<ValueRun> runs_of(const TaskPages::Values& values) {
  std::vector<ValueRun> runs;
  for (const TaskValue value : values) {
    if (runs.empty() || runs.back().value != value) runs.push_back({0, value});
    ++runs.back().count;
  }
  return runs;
}

// Both columns of a page, one after the other for its offsets.
std::vector<NumberRun> runs_of(const std::array<TaskPages::Column, TaskPages::kRuns>& columns) {
  std::vector<NumberRun> runs;
  const auto add = [&runs](std::uint32_t count, std::uint32_t number) {
    if (runs.empty() || runs.back().number != number) runs.push_back({0, number});
    runs.back().count += count;
  };
  for (const TaskPages::Column& column : columns) {
    if (!column.numbers) {
      add(TaskPages::kRunTasks, column.uniform);
      continue;
    }
    for (const std::uint32_t number : *column.numbers) add(1, number);
  }
  return runs;
}

class Snapshot final : public LedgerSnapshot {
 public:
  explicit Snapshot(const Tables& tables) : t_(tables) {
    add_members();
    add_tasks();
    add_sessions();
    add_producers();
    add_wishes();
    add_families();
    add_jobs();
    add(
        SnapshotSection::kEnd, [] { return 1U; },
        [this](SnapshotWriter& ar, std::size_t) { return ar(pages_), true; });
  }

  std::optional<std::string> next_page() override {
    while (at_ < sections_.size()) {
      std::string items;
      SnapshotWriter ar(items);
      std::uint32_t count = 0;
      while (items.size() < kPageFullBytes && sections_[at_].next_item(ar)) ++count;
      if (count > 0) return page_of(sections_[at_].id, count, items);
      ++at_;
    }
    return std::nullopt;
  }

 private:
  template <class Count, class Write>
  void add(SnapshotSection id, Count count, Write write) {
    sections_.push_back({id, each_of(count, write)});
  }

  void add_members() {
    add(
        SnapshotSection::kCounters, [] { return 1U; },
        [this](SnapshotWriter& ar, std::size_t) {
          Counters counters = t_.counters;
          fields(ar, counters);
          Loose loose{t_.lines.last_turn(), t_.members.last_incarnation(),
                      t_.finished.oldest(), t_.finished.newest(),
                      t_.finished.size(),   t_.fair_keys.last_serial()};
          fields(ar, loose);
          return true;
        });
    add(
        SnapshotSection::kManagers, [this] { return t_.members.managers().size(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          Manager manager = t_.members.managers()[i];
          fields(ar, manager);
          return true;
        });
    add(
        SnapshotSection::kShards, [this] { return t_.members.shards().size(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          Shard shard = t_.members.shards()[i];
          Offset end = shard.created_hi();
          fields(ar, shard, end);
          return true;
        });
    sections_.push_back(
        {SnapshotSection::kTaskPages,
         [this, shard = std::size_t{0}, page = std::size_t{0}](SnapshotWriter& ar) mutable {
           for (; shard < t_.members.shards().size(); ++shard, page = 0) {
             const TaskPages& tasks = t_.members.shards()[shard].tasks;
             while (page < tasks.page_count()) {
               if (write_task_page(ar, ShardId(static_cast<std::uint32_t>(shard + 1)), tasks,
                                   page++))
                 return true;
             }
           }
           return false;
         }});
  }

  static bool write_task_page(SnapshotWriter& ar, ShardId shard, const TaskPages& tasks,
                              std::size_t i) {
    const TaskPages::Page* page = tasks.page(i);
    if (page == nullptr) return false;
    TaskPages::Page copy = *page;
    TaskPageItem item;
    item.shard = shard;
    item.number = tasks.first_page() + i;
    item.has_values = static_cast<bool>(page->values);
    if (item.has_values) item.values = runs_of(*page->values);
    item.extras = runs_of(page->extras);
    item.bytes = runs_of(page->bytes);
    fields(ar, item, copy);
    return true;
  }

  void add_tasks() {
    add(
        SnapshotSection::kQueues, [this] { return std::size_t{t_.queues.size()}; },
        [this](SnapshotWriter& ar, std::size_t i) {
          Queue queue = t_.queues[QueueId(static_cast<std::uint32_t>(i + 1))];
          fields(ar, queue);
          return true;
        });
    add(
        SnapshotSection::kRows, [this] { return t_.rows.slots(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          auto slot = static_cast<std::uint32_t>(i);
          TaskRow row = t_.rows[slot];
          if (row.task) fields(ar, slot, row);
          return static_cast<bool>(row.task);
        });
    sections_.push_back(
        {SnapshotSection::kReasons, [at = t_.reasons.begin()](SnapshotWriter& ar) mutable {
           if (at.done()) return false;
           auto [task, reason] = *at;
           fields(ar, task, reason);
           ++at;
           return true;
         }});
    add(
        SnapshotSection::kCompletions, [this] { return t_.completions.slots(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          CompletionRing::Item item = t_.completions.item(i);
          if (item.token) fields(ar, item);
          return static_cast<bool>(item.token);
        });
  }

  void add_sessions() {
    add(
        SnapshotSection::kSessions, [this] { return t_.sessions.slots(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          const auto slot = static_cast<std::uint32_t>(i);
          if (!t_.sessions.used(slot)) return false;
          Session session = t_.sessions[slot];
          SessionItem item{
              slot, t_.sessions.idle().deadline(slot), session.outcomes.answered_through(), {}};
          item.outcomes.assign(session.outcomes.begin(), session.outcomes.end());
          fields(ar, item, session);
          return true;
        });
    add(
        SnapshotSection::kLines, [this] { return t_.lines.slots(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          auto slot = static_cast<std::uint32_t>(i);
          Line line = t_.lines[slot];
          if (line.id) fields(ar, slot, line);
          return static_cast<bool>(line.id);
        });
    sections_.push_back(
        {SnapshotSection::kBars, [this, at = t_.bars.all().begin()](SnapshotWriter& ar) mutable {
           if (at == t_.bars.all().end()) return false;
           BarTable::Key key = at->first;
           BarTable::Bar bar = at->second;
           ++at;
           fields(ar, key, bar);
           return true;
         }});
  }

  void add_producers() {
    sections_.push_back({SnapshotSection::kProducers,
                         [at = t_.producers.all().begin()](SnapshotWriter& ar) mutable {
                           if (at.done()) return false;
                           Producer producer = *at->second;
                           fields(ar, producer);
                           ++at;
                           return true;
                         }});
    sections_.push_back(
        {SnapshotSection::kMovedNumbers,
         [at = t_.producers.all().begin(), i = std::size_t{0}](SnapshotWriter& ar) mutable {
           for (; !at.done(); ++at, i = 0) {
             if (i == at->second->moved.size()) continue;
             ProducerId producer = at->first;
             MovedNumber number = at->second->moved[i++];
             fields(ar, producer, number);
             return true;
           }
           return false;
         }});
  }

  // What tasks ask for, and the keys that they name.
  void add_wishes() {
    add(
        SnapshotSection::kTaskOptions, [this] { return t_.task_options.slots(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          auto slot = static_cast<std::uint32_t>(i);
          OptionsRow row = t_.task_options[slot];
          if (row.task) fields(ar, slot, row);
          return static_cast<bool>(row.task);
        });
    sections_.push_back(
        {SnapshotSection::kOrderKeys,
         [this, slot = std::uint32_t{0}, from = TaskLine::Place{0}](SnapshotWriter& ar) mutable {
           return write_order_key(ar, slot, from);
         }});
    add(
        SnapshotSection::kFairKeys, [this] { return t_.fair_keys.slots(); },
        [this](SnapshotWriter& ar, std::size_t i) {
          return write_fair_key(ar, static_cast<std::uint32_t>(i));
        });
    sections_.push_back({SnapshotSection::kKeys, [this, queue = std::uint32_t{0},
                                                  slot = kNoSlot](SnapshotWriter& ar) mutable {
                           while (slot == kNoSlot) {
                             if (queue >= t_.keys.queues()) return false;
                             slot = t_.keys.line(QueueId(queue++)).first;
                           }
                           KeyTable::Item item = t_.keys.item(slot);
                           slot = t_.keys.next_slot(slot);
                           fields(ar, item);
                           return true;
                         }});
  }

  // A part of the key's line with each item.
  bool write_order_key(SnapshotWriter& ar, std::uint32_t& slot, TaskLine::Place& from) const {
    constexpr std::size_t kPart = 1024;
    while (slot < t_.order_keys.slots() && !t_.order_keys.in_use(slot)) ++slot;
    if (slot >= t_.order_keys.slots()) return false;
    const OrderKey& key = t_.order_keys[slot];
    const TaskLine::Place end = key.line.next_place();
    OrderItem item{slot, key.queue, key.name, key.holder, key.tasks, end, {}};
    if (from == 0) from = key.line.empty() ? end : key.line.first_place();
    key.line.for_each_from(from, [&](TaskId task, TaskLine::Place at) {
      item.line.push_back({task, at});
      from = at + 1;
      return item.line.size() < kPart;
    });
    fields(ar, item);
    if (from != end && item.line.size() == kPart) return true;
    ++slot;
    from = 0;
    return true;
  }

  bool write_fair_key(SnapshotWriter& ar, std::uint32_t slot) const {
    if (!t_.fair_keys.in_use(slot)) return false;
    FairKey key = t_.fair_keys[slot];
    std::vector<LaneItem> lanes;
    for (const Level& level : t_.queues[key.queue].levels) {
      const Lane* lane = level.fair.find(slot);
      if (lane != nullptr)
        lanes.push_back({level.priority, lane->overtaken, lane->pass, lane->in_turn});
    }
    fields(ar, slot, key, lanes);
    return true;
  }

  void add_families() {
    add_map(SnapshotSection::kFamilies, t_.families.families);
    add_pairs(SnapshotSection::kPendingChildren, t_.families.pending);
    add_pairs(SnapshotSection::kDependents, t_.families.dependents);
    add_map(SnapshotSection::kCheckpoints, t_.checkpoints);
    add_map(SnapshotSection::kProgress, t_.progress);
    sections_.push_back(
        {SnapshotSection::kLent, [this, at = t_.lent.all().begin()](SnapshotWriter& ar) mutable {
           if (at == t_.lent.all().end()) return false;
           auto [queue, manager] = at->first;
           LentTable::Lent lent = at->second;
           ++at;
           fields(ar, queue, manager, lent);
           return true;
         }});
  }

  template <class Value>
  void add_map(SnapshotSection id, const PagedMap<TaskId, Value>& map) {
    sections_.push_back({id, [at = map.begin()](SnapshotWriter& ar) mutable {
                           if (at.done()) return false;
                           auto [task, value] = *at;
                           fields(ar, task, value);
                           ++at;
                           return true;
                         }});
  }
  template <class Value>
  void add_pairs(SnapshotSection id, const FamilyTable::Pairs<Value>& pairs) {
    sections_.push_back({id, [at = pairs.begin()](SnapshotWriter& ar) mutable {
                           if (at.done()) return false;
                           auto [first, second] = at->first;
                           Value value = at->second;
                           fields(ar, first, second, value);
                           ++at;
                           return true;
                         }});
  }

  // Marks are many where shards are: one item for so many that it stays far smaller than a page.
  static void add_purge(std::vector<JobItem>& jobs, QueueId queue, const JobTable::Purge& purge) {
    constexpr std::size_t kNumbersMax = 1'024;
    const auto begin = [&] {
      jobs.push_back({JobKind::kPurge, queue.value(), purge.next.value(), {}, {}});
    };
    begin();
    for (const auto& [shard, end] : purge.ends) {
      if (jobs.back().others.size() >= kNumbersMax) begin();
      jobs.back().others.push_back(shard.value());
      jobs.back().others.push_back(end.value());
    }
  }

  void add_jobs() {
    std::vector<JobItem> jobs;
    for (const QueueId id : t_.jobs.match_queues)
      jobs.push_back({JobKind::kMatchQueue, id.value(), 0, {}, {}});
    for (const auto& [id, at] : t_.jobs.offer_shards)
      jobs.push_back({JobKind::kOfferShard, id.value(), at.value(), {}, {}});
    for (const auto& [id, at] : t_.jobs.seal_shards)
      jobs.push_back({JobKind::kSealShard, id.value(), at.value(), {}, {}});
    for (const auto& [id, purge] : t_.jobs.purges) add_purge(jobs, id, purge);
    for (const JobTable::Telling& telling : t_.jobs.tellings) {
      jobs.push_back({JobKind::kTelling,
                      static_cast<std::uint32_t>(telling.ending),
                      telling.next.value(),
                      {telling.task.value(), telling.parent.value()},
                      {}});
    }
    for (const JobTable::Birth& birth : t_.jobs.births) {
      jobs.push_back({JobKind::kBirth,
                      birth.acked ? 1U : 0U,
                      birth.next.value(),
                      {birth.parent.value(), birth.token.value()},
                      {}});
    }
    for (const std::uint32_t slot : t_.jobs.free_keys)
      jobs.push_back({JobKind::kFreeKey, slot, 0, {}, {}});
    for (const auto& [queue, name] : t_.jobs.dead_keys)
      jobs.push_back({JobKind::kDeadKeys, queue.value(), 0, {}, name});
    for (const auto& [slot, place] : t_.jobs.sweep_lines)
      jobs.push_back({JobKind::kSweep, slot, place, {}, {}});
    for (const auto& [queue, name] : t_.jobs.fair_limits)
      jobs.push_back({JobKind::kFairLimit, queue.value(), 0, {}, name});
    for (const QueueId queue : t_.jobs.surplus_queues)
      jobs.push_back({JobKind::kSurplus, queue.value(), 0, {}, {}});
    const std::size_t count = jobs.size();
    add(
        SnapshotSection::kJobs, [count] { return count; },
        [jobs](SnapshotWriter& ar, std::size_t i) {
          JobItem job = jobs[i];
          fields(ar, job);
          return true;
        });
  }

  std::string page_of(SnapshotSection section, std::uint32_t count, std::string_view items) {
    std::string page;
    ByteWriter out(page);
    out.u32(kSnapshotMagic);
    out.u16(kSnapshotVersion);
    out.u16(static_cast<std::uint16_t>(section));
    out.u32(pages_++);
    out.u32(count);
    out.u32(static_cast<std::uint32_t>(items.size()));
    out.bytes(items);
    out.u32(crc32c(page));
    return page;
  }

  const Tables t_;
  std::vector<Section> sections_;
  std::size_t at_ = 0;
  std::uint32_t pages_ = 0;
};

}  // namespace

std::unique_ptr<LedgerSnapshot> write_snapshot(const Tables& tables) {
  return std::make_unique<Snapshot>(tables);
}

}  // namespace baton::center
