#include "center/core/producer_table.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace baton::center {
namespace {

bool cannot_come_again(const MovedNumber& number, const MemberTable& members, ShardId id) {
  const Shard* shard = members.find_shard(id);
  // A removed shard reports nothing any more, a sealed one only what its store still has.
  return shard == nullptr || shard->removed || shard->all_reported() ||
         shard->caught_up_at > number.resolved_at;
}

bool cannot_come_again(const MovedNumber& number, const MemberTable& members) {
  if (!number.anywhere) {
    return std::all_of(number.maybe_at.begin(), number.maybe_at.end(),
                       [&](ShardId id) { return cannot_come_again(number, members, id); });
  }
  for (std::uint32_t id = 1; id <= number.shards_then; ++id) {
    if (!cannot_come_again(number, members, ShardId(id))) return false;
  }
  return true;
}

void add_places(MovedNumber& number, const std::vector<ShardId>& maybe_at, bool only_waits) {
  if (only_waits) return;  // no plain record of it exists anywhere
  number.moved = true;
  constexpr std::size_t kPlacesMax = 64;  // more are as good as any
  if (maybe_at.empty() || number.maybe_at.size() + maybe_at.size() > kPlacesMax)
    number.anywhere = true;
  if (number.anywhere) {
    number.maybe_at.clear();
    return;
  }
  for (const ShardId id : maybe_at) {
    const auto at = std::lower_bound(number.maybe_at.begin(), number.maybe_at.end(), id);
    if (at == number.maybe_at.end() || *at != id) number.maybe_at.insert(at, id);
  }
}

ProducerTable::Answer answer_of(const MovedNumber& number, std::uint64_t content_hash) {
  if (number.has_hash && number.content_hash != content_hash)
    return {false, TaskId(), ErrorCode::kConflict};
  return {false, number.task, ErrorCode::kOk};
}

}  // namespace

Producer& ProducerTable::edit(ProducerId id) {
  Cow<Producer>& entry = producers_[id];
  if (!entry) {
    entry = Cow<Producer>(Producer{});
    entry.edit().id = id;
  }
  return entry.edit();
}

const PlainNumbers* ProducerTable::find_plain(const Producer& producer, std::uint64_t seq) {
  const auto after =
      std::upper_bound(producer.plain.begin(), producer.plain.end(), seq,
                       [](std::uint64_t s, const PlainNumbers& run) { return s < run.seq; });
  if (after == producer.plain.begin()) return nullptr;
  const PlainNumbers& run = *(after - 1);
  return seq < run.seq + run.count ? &run : nullptr;
}

std::size_t ProducerTable::place_moved(const Producer& producer, std::uint64_t seq) {
  const auto at =
      std::lower_bound(producer.moved.begin(), producer.moved.end(), seq,
                       [](const MovedNumber& number, std::uint64_t s) { return number.seq < s; });
  return static_cast<std::size_t>(at - producer.moved.begin());
}

const MovedNumber* ProducerTable::find_number(const Producer& producer, std::uint64_t seq) {
  const std::size_t at = place_moved(producer, seq);
  return at < producer.moved.size() && producer.moved[at].seq == seq ? &producer.moved[at]
                                                                     : nullptr;
}

std::vector<ProducerTable::Run> ProducerTable::admit_plain(ProducerId id, ProducerSeq seq,
                                                           TaskId first, std::uint32_t count) {
  Producer& producer = edit(id);
  const std::uint64_t from = seq.value();
  const bool above_plain =
      producer.plain.empty() || producer.plain.back().seq + producer.plain.back().count <= from;
  const bool above_moved = producer.moved.empty() || producer.moved.back().seq < from;
  if (above_plain && above_moved) {  // the usual case
    add_plain(producer, from, first, count);
    return {{count, true}};
  }
  std::vector<Run> runs;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool taken =
        find_plain(producer, from + i) != nullptr || find_number(producer, from + i) != nullptr;
    if (runs.empty() || runs.back().is_new == taken) runs.push_back({0, !taken});
    ++runs.back().count;
  }
  std::uint64_t at = 0;
  for (const Run& run : runs) {
    if (run.is_new) add_plain(producer, from + at, TaskId(first.value() + at), run.count);
    at += run.count;
  }
  return runs;
}

void ProducerTable::add_plain(Producer& producer, std::uint64_t seq, TaskId first,
                              std::uint32_t count) {
  if (seq + count <= producer.resolved_below) return;  // nobody will repeat it
  PlainNumbers run{seq, first, count};
  run.forget_below(producer.resolved_below);
  const auto at =
      std::lower_bound(producer.plain.begin(), producer.plain.end(), run.seq,
                       [](const PlainNumbers& known, std::uint64_t s) { return known.seq < s; });
  if (at != producer.plain.begin() && (at - 1)->joins(run)) {
    (at - 1)->count += run.count;
    return;
  }
  producer.plain.insert(at, run);
  ++plain_total_;
  const bool too_many = producer.plain.size() > kPlainPerProducerMax || plain_total_ > kPlainMax;
  if (too_many) forget_plain(producer, 1);
}

void ProducerTable::forget_plain(Producer& producer, std::size_t count) {
  count = std::min(count, producer.plain.size());
  producer.plain.erase(producer.plain.begin(),
                       producer.plain.begin() + static_cast<std::ptrdiff_t>(count));
  plain_total_ -= count;
}

ProducerTable::Answer ProducerTable::find_moved(ProducerId id, ProducerSeq seq,
                                                std::uint64_t content_hash,
                                                const std::vector<ShardId>& maybe_at,
                                                bool only_waits, Lsn index, std::uint32_t shards) {
  Producer& producer = edit(id);
  const std::size_t at = place_moved(producer, seq.value());
  if (at < producer.moved.size() && producer.moved[at].seq == seq.value()) {
    add_places(producer.moved[at], maybe_at, only_waits);
    return answer_of(producer.moved[at], content_hash);
  }
  if (const PlainNumbers* plain = find_plain(producer, seq.value())) {
    MovedNumber number;
    number.seq = seq.value();
    number.task = TaskId(plain->first.value() + (seq.value() - plain->seq));
    add_places(number, maybe_at, only_waits);
    const Answer answer{false, number.task, ErrorCode::kOk};
    add_moved(producer, std::move(number), index, shards);
    return answer;
  }
  // Its producer knows the outcome by another way and waits for nothing: no new task.
  if (seq.value() < producer.resolved_below) return {false, TaskId(), ErrorCode::kNotFound};
  return {true, TaskId(), ErrorCode::kOk};
}

void ProducerTable::admit_moved(ProducerId id, ProducerSeq seq, TaskId task,
                                std::uint64_t content_hash, const std::vector<ShardId>& maybe_at,
                                bool only_waits, Lsn index, std::uint32_t shards) {
  MovedNumber number;
  number.seq = seq.value();
  number.task = task;
  number.has_hash = true;
  number.content_hash = content_hash;
  add_places(number, maybe_at, only_waits);
  add_moved(edit(id), std::move(number), index, shards);
}

void ProducerTable::add_moved(Producer& producer, MovedNumber number, Lsn index,
                              std::uint32_t shards) {
  if (number.seq < producer.resolved_below) linger(producer, number, index, shards);
  if (producer.moved.size() >= kMovedPerProducerMax) forget_moved(producer, 0);
  const std::size_t at = place_moved(producer, number.seq);
  producer.moved.insert(producer.moved.begin() + static_cast<std::ptrdiff_t>(at),
                        std::move(number));
}

ProducerTable::Answer ProducerTable::answer_moved(ProducerId id, ProducerSeq seq,
                                                  std::uint64_t content_hash) const {
  const Answer unknown{false, TaskId(), ErrorCode::kNotFound};
  const Cow<Producer>* producer = producers_.find(id);
  if (producer == nullptr) return unknown;
  const MovedNumber* number = find_number(**producer, seq.value());
  return number == nullptr ? unknown : answer_of(*number, content_hash);
}

void ProducerTable::seen(ProducerId id, ProducerSeq resolved_below, std::int64_t now_ms, Lsn index,
                         std::uint32_t shards) {
  if (producers_.find(id) == nullptr && producers_.size() >= kProducersMax) drop_one(index, shards);
  Producer& producer = edit(id);
  producer.seen_ms = now_ms;
  if (producer.idle_at_ms == 0) {
    producer.idle_at_ms = now_ms + kProducerIdleMax.count();
    idle_.insert({producer.idle_at_ms, id}, Nothing{});
  }
  resolve(producer, resolved_below.value(), index, shards);
}

void ProducerTable::resolve(Producer& producer, std::uint64_t below, Lsn index,
                            std::uint32_t shards) {
  if (below <= producer.resolved_below) return;
  producer.resolved_below = below;
  std::size_t gone = 0;
  while (gone < producer.plain.size() &&
         producer.plain[gone].seq + producer.plain[gone].count <= below)
    ++gone;
  if (gone > 0) forget_plain(producer, gone);
  if (!producer.plain.empty()) producer.plain.front().forget_below(below);
  // What only waits cannot come as a plain record: as soon as it is resolved it makes no new task.
  std::erase_if(producer.moved,
                [below](const MovedNumber& n) { return n.seq < below && !n.moved; });
  for (MovedNumber& number : producer.moved) {
    if (number.seq >= below) break;
    if (!number.resolved_at) linger(producer, number, index, shards);
  }
}

void ProducerTable::linger(const Producer& producer, MovedNumber& number, Lsn index,
                           std::uint32_t shards) {
  number.resolved_at = index;
  number.shards_then = shards;
  lingering_.insert({index, producer.id, number.seq}, Nothing{});
  if (lingering_.size() <= kLingeringMax) return;
  const auto [at, victim, seq] = lingering_.begin()->first;
  if (victim == producer.id) return;  // it is being changed; the next one goes instead
  Producer& other = edit(victim);
  forget_moved(other, place_moved(other, seq));
  remove_if_empty(victim);
}

void ProducerTable::forget_moved(Producer& producer, std::size_t at) {
  const MovedNumber& number = producer.moved[at];
  if (number.resolved_at) lingering_.erase({number.resolved_at, producer.id, number.seq});
  producer.moved.erase(producer.moved.begin() + static_cast<std::ptrdiff_t>(at));
}

void ProducerTable::sweep(const MemberTable& members) {
  std::vector<LingerKey> over;
  for (auto at = lingering_.begin(); !at.done(); ++at) {
    const auto& [resolved_at, id, seq] = at->first;
    if (cannot_come_again(*find_number(**producers_.find(id), seq), members))
      over.push_back(at->first);
  }
  for (const auto& [resolved_at, id, seq] : over) {
    Producer& producer = edit(id);
    forget_moved(producer, place_moved(producer, seq));
    remove_if_empty(id);
  }
}

bool ProducerTable::drop_idle(std::int64_t now_ms, Lsn index, std::uint32_t shards) {
  if (idle_.empty() || idle_.begin()->first.first > now_ms) return false;
  if (const ProducerId id = idle_.begin()->first.second; !put_off(edit(id)))
    drop(id, index, shards);
  return true;
}

void ProducerTable::drop_one(Lsn index, std::uint32_t shards) {
  constexpr int kLookedAt = 64;  // then one that was seen lately has to go
  for (int i = 0; i < kLookedAt && !idle_.empty() && put_off(edit(idle_.begin()->first.second));
       ++i) {
  }
  if (!idle_.empty()) drop(idle_.begin()->first.second, index, shards);
}

bool ProducerTable::put_off(Producer& producer) {
  const std::int64_t idle_at = producer.seen_ms + kProducerIdleMax.count();
  if (idle_at <= producer.idle_at_ms) return false;
  idle_.erase({producer.idle_at_ms, producer.id});
  producer.idle_at_ms = idle_at;
  idle_.insert({idle_at, producer.id}, Nothing{});
  return true;
}

void ProducerTable::drop(ProducerId id, Lsn index, std::uint32_t shards) {
  Producer& producer = edit(id);
  idle_.erase({producer.idle_at_ms, id});
  producer.idle_at_ms = 0;
  forget_plain(producer, producer.plain.size());
  std::erase_if(producer.moved, [](const MovedNumber& n) { return !n.moved; });
  for (MovedNumber& number : producer.moved) {
    if (!number.resolved_at) linger(producer, number, index, shards);
  }
  remove_if_empty(id);
}

void ProducerTable::remove_if_empty(ProducerId id) {
  const Cow<Producer>& producer = *producers_.find(id);
  if (producer->plain.empty() && producer->moved.empty() && producer->idle_at_ms == 0)
    producers_.erase(id);
}

void ProducerTable::restore(Producer producer) {
  plain_total_ += producer.plain.size();
  if (producer.idle_at_ms != 0) idle_.insert({producer.idle_at_ms, producer.id}, Nothing{});
  for (const MovedNumber& number : producer.moved) {
    if (number.resolved_at)
      lingering_.insert({number.resolved_at, producer.id, number.seq}, Nothing{});
  }
  const ProducerId id = producer.id;
  producers_.insert(id, Cow<Producer>(std::move(producer)));
}

std::size_t ProducerTable::memory_bytes() const {
  return producers_.memory_bytes() + idle_.memory_bytes() + lingering_.memory_bytes() +
         producers_.size() * sizeof(Producer) + plain_total_ * sizeof(PlainNumbers) +
         lingering_.size() * sizeof(MovedNumber);
}

}  // namespace baton::center
