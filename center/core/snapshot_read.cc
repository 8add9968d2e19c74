#include <algorithm>
#include <string>
#include <utility>

#include "center/core/snapshot.h"
#include "center/core/snapshot_fields.h"
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
  std::uint32_t items = 0;
  std::string_view bytes;
};

Result<PageHeader> open_page(std::string_view page, std::size_t number) {
  if (page.size() < kHeaderBytes + 4) return damaged(number, "too short");
  ByteReader in(page);
  if (in.u32() != kSnapshotMagic) return damaged(number, "not a snapshot page");
  if (in.u16() != kSnapshotVersion) return damaged(number, "of another version");
  PageHeader header;
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
      case SnapshotSection::kEnd:
        return ar(pages_said_), true;
    }
    return false;
  }

  Result<Tables> finish(std::size_t pages_before_end) {
    if (pages_said_ != pages_before_end) return inconsistent("pages are missing");
    t_.rows.finish_restore();
    t_.sessions.finish_restore();
    t_.members.finish_restore(loose_.last_incarnation);
    t_.finished.restore(loose_.finished_first, loose_.finished_last, loose_.finished_size);
    for (Producer& producer : producers_) t_.producers.restore(std::move(producer));
    BATON_RETURN_IF_ERROR(link_lines());
    BATON_RETURN_IF_ERROR(link_rows());
    BATON_RETURN_IF_ERROR(find_ready_tasks());
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

  bool read_queue(SnapshotReader& ar) {
    Queue queue;
    fields(ar, queue);
    if (!ar.ok() || queue.id.value() != t_.queues.size() + 1 || t_.queues.find(queue.name))
      return false;
    ready_said_.push_back(std::exchange(queue.ready, 0));
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
    }
    return false;
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

  [[nodiscard]] bool is_linked(const TaskRow& row) const {
    const auto is_done = [this](std::uint32_t slot) {
      return slot == kNoSlot || (slot < t_.rows.slots() && t_.rows[slot].state == TaskState::kDone);
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
      if (row.state == TaskState::kDone && !is_linked(row))
        return inconsistent("a done row linked to nothing");
      if (row.state == TaskState::kDelayed)
        t_.backoff_ends.set(slot, row.deadline_ms, row.token.value());
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

  // Ready sets hold what the pages call ready.
  Status find_ready_tasks() {
    for (const Shard& shard : t_.members.shards()) {
      if (shard.removed) continue;
      for (Offset at = shard.tasks.next_live(Offset(1)); at < shard.created_hi();) {
        const TaskValue value = shard.tasks.get(at);
        const Offset until = shard.tasks.same_until(at);
        if (!add_ready(shard.id, at, until.value() - at.value(), value))
          return inconsistent("a task without its row");
        at = shard.tasks.next_live(until);
      }
    }
    for (std::uint32_t i = 0; i < ready_said_.size(); ++i) {
      if (t_.queues[QueueId(i + 1)].ready != ready_said_[i])
        return inconsistent("ready tasks are missing");
    }
    return {};
  }

  bool add_ready(ShardId shard, Offset first, std::uint64_t count, TaskValue value) {
    if (value.kind() == TaskValue::Kind::kQuarantined) return t_.queues.exists(value.queue());
    if (value.kind() == TaskValue::Kind::kReady) {
      if (!t_.queues.exists(value.queue())) return false;
      t_.queues.edit(value.queue()).add_ready(shard, first, count, value.priority());
      return true;
    }
    const std::uint32_t slot = value.row_slot();
    if (slot >= t_.rows.slots() || t_.rows[slot].task != TaskId(shard, first)) return false;
    const TaskRow& row = t_.rows[slot];
    if (row.state == TaskState::kReady)
      t_.queues.edit(row.queue).add_ready(shard, first, 1, row.priority);
    return true;
  }

  Tables t_;
  Loose loose_;
  std::vector<Producer> producers_;
  std::vector<std::uint64_t> ready_said_;  // by queue
  std::uint32_t pages_said_ = 0;
};

}  // namespace

Result<Tables> read_snapshot(const std::vector<std::string>& pages) {
  SnapshotLoader loader;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    BATON_ASSIGN_OR_RETURN(const PageHeader header, open_page(pages[i], i));
    SnapshotReader ar(header.bytes);
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
