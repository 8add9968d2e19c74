// The fields of every snapshot item, in the order of their bytes. One list serves writing and
// reading.
#pragma once

#include <utility>

#include "center/core/snapshot_archive.h"
#include "center/core/tables.h"

namespace baton::center {

template <class Archive>
void fields(Archive& ar, Counters& c) {
  ar(c.index), ar(static_cast<Uuid&>(c.cluster)), ar(c.generation), ar(c.term);
  ar(c.grants), ar(c.completions), ar(c.superseded), ar(c.created), ar(c.sessions), ar(c.claimed),
      ar(c.waiting);
  ar(c.lease_ms), ar(c.grace_until_ms), ar(c.calendar), ar(c.last_wall), ar(c.state_hash);
}

template <class Archive>
void fields(Archive& ar, Manager& m) {
  ar(m.name), ar(m.address), ar(static_cast<Uuid&>(m.store)), ar(m.incarnation);
  ar.list(m.shards, [](auto& a, ShardId& id) { a(id); });
  ar(m.online), ar(m.removed), ar(m.since), ar(m.sessions);
}

// Its task pages are items of their own; `end` is created_hi.
template <class Archive>
void fields(Archive& ar, Shard& s, Offset& end) {
  ar(s.id), ar(s.manager), ar(static_cast<Uuid&>(s.store)), ar(s.epoch),
      ar(static_cast<Uuid&>(s.life));
  ar(s.online), ar(s.sealed), ar(s.sealing), ar(s.removed), ar(s.missing_from), ar(s.durable_end),
      ar(s.crc_last);
  ar(s.registered_at), ar(s.registered_next), ar(s.caught_up_at), ar(s.waiting), ar(end);
}

// A page's values are runs of equal ones, and so are its columns.
struct ValueRun {
  std::uint32_t count = 0;
  TaskValue value;
};
struct NumberRun {
  std::uint32_t count = 0;
  std::uint32_t number = 0;
};
struct TaskPageItem {
  ShardId shard;
  std::uint64_t number = 0;
  bool has_values = false;
  std::vector<ValueRun> values;
  std::vector<NumberRun> extras;
  std::vector<NumberRun> bytes;
};
template <class Archive>
void fields(Archive& ar, TaskPageItem& item, TaskPages::Page& page) {
  ar(item.shard), ar(item.number), ar(page.live), ar(page.uniform);
  if (ar.since(2)) {
    for (std::int64_t& time : page.created) ar(time);
  } else {
    std::int64_t first = 0;
    ar(first);
    page.created.fill(first);
  }
  for (std::uint64_t& order : page.order) ar(order);
  ar(item.has_values);
  ar.list(item.values, [](auto& a, ValueRun& run) { a(run.count), a(run.value); });
  if (!ar.since(2)) return;
  for (std::int64_t& base : page.calendar_base) ar(base);
  for (std::int64_t& base : page.lease_base) ar(base);
  const auto numbers = [](auto& a, NumberRun& run) { a(run.count), a(run.number); };
  ar.list(item.extras, numbers);
  ar.list(item.bytes, numbers);
}

template <class Archive>
void fields(Archive& ar, QueueSettings& settings) {
  for_each_setting([&](const char*, auto setting, auto) { ar(settings.*setting); });
}

template <class Archive>
void fields(Archive& ar, Queue& q) {
  ar(q.id), ar(q.name), ar(q.ready), ar(q.delayed), ar(q.claimed), ar(q.dead), ar(q.quarantined);
  ar(q.done), ar(q.created), ar(q.done_first), ar(q.done_last), ar(q.done_rows);
  if (!ar.since(2)) {
    ar.list(q.levels, [](auto& a, Level& level) { a(level.priority), a(level.plain.overtaken); });
    return;
  }
  ar(q.held), ar(q.blocked), ar(q.acked), ar(q.pending), ar(q.cancelled), ar(q.bytes), ar(q.is_set),
      ar(q.purging), ar(q.rate_credit);
  fields(ar, q.settings);
  ar.list(q.levels, [](auto& a, Level& level) {
    a(level.priority), a(level.passed), a(level.pass), a(level.plain.overtaken),
        a(level.plain.pass), a(level.plain.in_turn);
  });
}

// A fairness key's lane in one priority: what the tasks in it do not say.
struct LaneItem {
  std::uint32_t priority = 0;
  std::uint32_t overtaken = 0;
  std::uint64_t pass = 0;
  bool in_turn = false;
};
template <class Archive>
void fields(Archive& ar, std::uint32_t& slot, FairKey& key, std::vector<LaneItem>& lanes) {
  ar(slot), ar(key.queue), ar(key.name), ar(key.serial), ar(key.weight), ar(key.claimed),
      ar(key.tasks);
  ar.list(lanes, [](auto& a, LaneItem& lane) {
    a(lane.priority), a(lane.overtaken), a(lane.pass), a(lane.in_turn);
  });
}

template <class Archive>
void fields(Archive& ar, std::uint32_t& slot, OptionsRow& o) {
  ar(slot), ar(o.task), ar(o.state), ar(o.not_before_ms), ar(o.time_to_live_at_ms),
      ar(o.total_at_ms), ar(o.wait_until_ms), ar(o.wait_timeout_ms), ar(o.attempt_timeout_ms);
  ar(o.max_attempts), ar(o.order_key), ar(o.fair_key), ar(o.after_open), ar(o.after_failed),
      ar(o.on_failed), ar(o.unborn), ar(o.parent), ar(o.parent_token), ar(o.retry_of),
      ar(o.failed_in);
}

// The line of a key may be long: a part of it with each item.
struct OrderItem {
  std::uint32_t slot = 0;
  QueueId queue;
  std::string name;
  TaskId holder;
  std::uint64_t tasks = 0;
  TaskLine::Place next = 1;  // of the next to come
  struct Place {
    TaskId task;
    TaskLine::Place at = 0;
  };
  std::vector<Place> line;
};
template <class Archive>
void fields(Archive& ar, OrderItem& item) {
  ar(item.slot), ar(item.queue), ar(item.name), ar(item.holder), ar(item.tasks), ar(item.next);
  ar.list(item.line, [](auto& a, OrderItem::Place& place) { a(place.task), a(place.at); });
}

template <class Archive>
void fields(Archive& ar, KeyTable::Item& item) {
  ar(item.queue), ar(item.hash), ar(item.task), ar(item.content_hash), ar(item.at_s);
}

template <class Archive>
void fields(Archive& ar, TaskId& parent, Family& family) {
  ar(parent), ar(family.open), ar(family.failed), ar(family.pending), ar(family.decision),
      ar(family.policy);
}

template <class Archive>
void fields(Archive& ar, TaskId& parent, TaskId& child, Unborn& unborn) {
  ar(parent), ar(child), ar(unborn.token), ar(unborn.key), ar(unborn.content_hash),
      ar(unborn.has_key);
}

template <class Archive>
void fields(Archive& ar, TaskId& task, TaskId& dependent, FamilyTable::Told& told) {
  ar(task), ar(dependent), ar(told.failed);
}

template <class Archive>
void fields(Archive& ar, QueueId& queue, std::uint32_t& manager, LentTable::Lent& lent) {
  ar(queue), ar(manager), ar(lent.tasks), ar(lent.bytes);
}

template <class Archive>
void fields(Archive& ar, TaskId& task, Checkpoint& saved) {
  ar(task), ar(saved.place.shard), ar(saved.place.lsn), ar(saved.place.bytes), ar(saved.token);
}

template <class Archive>
void fields(Archive& ar, TaskId& task, Progress& progress) {
  ar(task), ar(progress.percent), ar(progress.text);
}

template <class Archive>
void fields(Archive& ar, std::uint32_t& slot, TaskRow& r) {
  ar(slot), ar(r.task), ar(r.token), ar(r.deadline_ms), ar(r.claimed_at_ms), ar(r.number);
  ar(r.result_lsn), ar(r.result_shard), ar(r.result_bytes), ar(r.queue), ar(r.session), ar(r.line),
      ar(r.lease_ms);
  ar(r.attempt), ar(r.failures), ar(r.expiries), ar(r.older), ar(r.newer), ar(r.newer_in_queue);
  ar(r.priority), ar(r.state), ar(r.damaged);
  if (!ar.since(2)) return;
  ar(r.options), ar(r.order_key), ar(r.fair_key), ar(r.acked), ar(r.keeps_payload), ar(r.place);
}

// Lines and claims come back from their own items. Outcomes: as (seq, verdict).
struct SessionItem {
  std::uint32_t slot = 0;
  std::int64_t idle_at_ms = 0;
  OpSeq answered_through;
  std::vector<OperationOutcomes::Item> outcomes;
};
template <class Archive>
void fields(Archive& ar, SessionItem& item, Session& s) {
  ar(item.slot), ar(static_cast<Uuid&>(s.id)), ar(s.serial), ar(s.consumer), ar(s.conn_epoch),
      ar(s.manager);
  ar(s.incarnation), ar(s.credit), ar(s.grants), ar(s.seen_ms), ar(s.last_line), ar(s.served_line);
  ar(item.idle_at_ms), ar(item.answered_through);
  ar.list(item.outcomes, [](auto& a, OperationOutcomes::Item& o) { a(o.seq), a(o.verdict); });
  if (ar.since(2)) ar(s.served_count);
}

template <class Archive>
void fields(Archive& ar, std::uint32_t& slot, Line& l) {
  ar(slot), ar(l.id), ar(l.session), ar(l.queue), ar(l.lease_ms), ar(l.task), ar(l.waiting),
      ar(l.turn);
}

template <class Archive>
void fields(Archive& ar, Producer& p) {
  ar(static_cast<Uuid&>(p.id)), ar(p.resolved_below), ar(p.idle_at_ms), ar(p.seen_ms);
  ar.list(p.plain, [](auto& a, PlainNumbers& run) { a(run.seq), a(run.first), a(run.count); });
}

template <class Archive>
void fields(Archive& ar, ProducerId& producer, MovedNumber& n) {
  ar(static_cast<Uuid&>(producer)), ar(n.seq), ar(n.task), ar(n.has_hash), ar(n.content_hash),
      ar(n.resolved_at);
  ar(n.shards_then), ar(n.anywhere);
  ar.list(n.maybe_at, [](auto& a, ShardId& id) { a(id); });
  if (ar.since(2)) {
    ar(n.moved);
  } else {
    n.moved = true;  // nothing else waited then
  }
}

template <class Archive>
void fields(Archive& ar, CompletionRing::Item& item) {
  ar(item.token), ar(item.task);
}

template <class Archive>
void fields(Archive& ar, BarTable::Key& key, BarTable::Bar& bar) {
  ar(key.first), ar(key.second), ar(bar.until_ms), ar(bar.length_ms), ar(bar.over);
}

enum class JobKind : std::uint8_t {
  kMatchQueue = 1,
  kOfferShard = 2,
  kSealShard = 3,
  kPurge = 4,       // subject: queue; next: task; others: shards, each and its end; several a queue
  kTelling = 5,     // subject: Ending; next: of those to tell; others: task, parent
  kBirth = 6,       // subject: acked; next: child; others: parent, token
  kFreeKey = 7,     // subject: slot of the ordering key
  kDeadKeys = 8,    // subject: queue; name: of the next key
  kSurplus = 9,     // subject: queue
  kSweep = 10,      // subject: slot of the ordering key; next: place in its line
  kFairLimit = 11,  // subject: queue; name: of the next key
};
struct JobItem {
  JobKind kind = JobKind::kMatchQueue;
  std::uint32_t subject = 0;
  std::uint64_t next = 0;
  std::vector<std::uint64_t> others;
  std::string name;
};
template <class Archive>
void fields(Archive& ar, JobItem& job) {
  ar(job.kind), ar(job.subject), ar(job.next);
  if (!ar.since(2)) return;
  ar.list(job.others, [](auto& a, std::uint64_t& number) { a(number); });
  ar(job.name);
}

template <class Archive>
void fields(Archive& ar, TaskId& task, std::string& reason) {
  ar(task), ar(reason);
}

// Numbers that belong to no item: the last line turn, the last incarnation, the ring of finished
// rows.
struct Loose {
  std::uint64_t last_turn = 0;
  Incarnation last_incarnation;
  std::uint32_t finished_first = kNoSlot;
  std::uint32_t finished_last = kNoSlot;
  std::uint32_t finished_size = 0;
  std::uint64_t last_fair_serial = 0;
};
template <class Archive>
void fields(Archive& ar, Loose& loose) {
  ar(loose.last_turn), ar(loose.last_incarnation);
  ar(loose.finished_first), ar(loose.finished_last), ar(loose.finished_size);
  if (ar.since(2)) ar(loose.last_fair_serial);
}

}  // namespace baton::center
