#include "tests/model/ledger/generator.h"

#include <algorithm>

namespace baton::center::model {
namespace {

constexpr std::uint64_t kPageTasks = 4096;  // of the ledger's pages of tasks

constexpr std::uint64_t kManagers = 3;
constexpr std::uint64_t kSessions = 5;
constexpr std::uint64_t kProducers = 3;

}  // namespace

Entry Generator::next(Lsn index) {
  Entry entry;
  entry.index = index;
  if (index == Lsn(1)) {
    entry.batches.push_back({Incarnation(), {TermStart{Term(1), ClusterId(uuid(1, 1))}}});
    return entry;
  }
  if (random_.one_in(150)) {  // so long that the silent are forgotten
    Batch idle;
    for (int i = 0; i < 640; ++i)
      idle.commands.push_back(Tick{Millis(1000), WallTime{1'000'000 + oracle_.now}});
    entry.batches.push_back(idle);
  }
  const std::uint64_t batches = 1 + random_.below(3);
  for (std::uint64_t i = 0; i < batches; ++i) entry.batches.push_back(batch());
  return entry;
}

void Generator::learn(const Effects& effects) {
  grants_.insert(grants_.end(), effects.grants.begin(), effects.grants.end());
  if (grants_.size() > 400) grants_.erase(grants_.begin(), grants_.begin() + 200);
}

Batch Generator::batch() {
  std::vector<std::string> up;
  for (const auto& [name, manager] : oracle_.managers) {
    if (oracle_.is_online(name)) up.push_back(name);
  }
  Batch batch;
  const std::uint64_t commands = 1 + random_.below(4);
  if (up.empty() || chance(20)) {
    for (std::uint64_t i = 0; i < commands; ++i) batch.commands.push_back(center_command());
    return batch;
  }
  const std::string manager = any(up);
  batch.incarnation = oracle_.managers.at(manager).incarnation;
  if (chance(3)) batch.incarnation = Incarnation(batch.incarnation.value() - 1);
  for (std::uint64_t i = 0; i < commands; ++i) batch.commands.push_back(manager_command(manager));
  return batch;
}

Command Generator::center_command() {
  if (chance(15)) {
    if (auto wished = wished_command("")) return *std::move(wished);
  }
  if (chance(50)) {
    const std::int64_t ahead = chance(10) ? roll(3000) : 0;
    return Tick{Millis(random_.below(1500)), WallTime{1'000'000 + oracle_.now + ahead}};
  }
  if (chance(4)) return TermStart{Term(2), ClusterId(uuid(1, 2))};
  if (chance(5)) return Continue{};
  if (chance(2)) return manager_command("m1");  // which the center may not send
  return member_command();
}

Command Generator::member_command() {
  const ShardId shard = any_shard();
  const std::uint64_t dice = random_.below(100);
  if (!shard || dice < 12) {
    const std::uint64_t n = 1 + random_.below(kManagers);
    const std::uint64_t store = chance(92) ? n : 1 + random_.below(kManagers + 1);
    return Enroll{StoreId(uuid(2, store)), "m" + std::to_string(n), "h:1",
                  chance(40) ? shard : ShardId()};
  }
  const OracleShard& known = oracle_.shards.at(shard);
  if (dice < 70) return shard_register();
  if (dice < 85) {
    if (chance(50)) return Report{shard, Offset(known.created_hi)};
    return ShardOffline{shard, known.epoch, chance(90) ? known.life : Life(uuid(3, 9999))};
  }
  if (dice < 94) return Report{shard, Offset(known.created_hi + random_.below(2))};
  if (dice < 98)
    return Seal{shard, known.epoch, known.life, Offset(1 + random_.below(known.created_hi + 10))};
  if (wishes_.removes) return Remove{known.manager};
  return Report{shard, Offset(known.created_hi)};
}

// Mostly the next life of the shard, sometimes a repeated, late, copied or rolled back one.
Command Generator::shard_register() {
  const ShardId shard = any_shard();
  const OracleShard& known = oracle_.shards.at(shard);
  Register c;
  c.shard = shard;
  c.store = known.store;
  c.epoch = known.epoch.next();
  c.life = Life(uuid(3, ++lives_));
  c.next_offset = Offset(std::max(known.created_hi, known.durable_end) + random_.below(3));
  c.created_hi_seen = Offset(known.created_hi);
  c.crc_below = known.crc;
  if (chance(25)) {
    c.epoch = known.epoch;
    c.life = known.life;
  }
  if (chance(5)) c.epoch = known.epoch;
  if (chance(4)) c.next_offset = Offset(random_.below(known.created_hi + 1));
  if (chance(4)) c.created_hi_seen = Offset(1 + random_.below(known.created_hi));
  if (chance(4)) ++c.crc_below;
  if (chance(3)) c.store = StoreId(uuid(2, 99));
  return c;
}

Command Generator::manager_command(const std::string& manager) {
  if (auto wished = wished_command(manager)) return *std::move(wished);
  const std::uint64_t dice = random_.below(100);
  if (dice < 28) return created(manager);
  if (dice < 36) return attach();
  if (dice < 52) return demand(manager);
  if (dice < 78) return operations();
  if (dice < 84) return heartbeat();
  if (dice < 88) return give_back();
  if (dice < 90) {
    const SessionId session = any_session();
    const auto known = oracle_.sessions.find(session);
    const ConnEpoch conn =
        known == oracle_.sessions.end() ? ConnEpoch(1) : known->second.conn_epoch;
    if (chance(30)) return SessionClosed{session, conn};
    return SessionEndWait{session, conn, LineId(static_cast<std::uint32_t>(1 + random_.below(3)))};
  }
  if (dice < 93) {
    const ProducerId producer(uuid(5, 1 + random_.below(kProducers)));
    return ProducerDone{producer, ProducerSeq(1 + random_.below(producer_seqs_[producer] + 2))};
  }
  if (dice < 95) {
    const ShardId shard = any_shard();
    if (!shard) return Continue{};
    return Quarantine{shard,
                      oracle_.shards.at(shard).epoch,
                      {Offset(1 + random_.below(oracle_.shards.at(shard).created_hi + 1))}};
  }
  if (dice < 97 && any_shard()) return member_command();
  return Tick{Millis(10), WallTime{1}};  // which a manager may not send
}

Command Generator::created(const std::string& manager) {
  const auto found = oracle_.managers.find(manager);
  ShardId shard =
      found == oracle_.managers.end() || chance(2) ? any_shard() : found->second.shards.back();
  // What is left of one that was sealed.
  if (found != oracle_.managers.end() && chance(10)) shard = any(found->second.shards);
  Created c;
  c.shard = shard;
  const auto known = oracle_.shards.find(shard);
  const std::uint64_t created_hi = known == oracle_.shards.end() ? 1 : known->second.created_hi;
  c.epoch = known == oracle_.shards.end() ? Epoch(1) : known->second.epoch;
  c.from = Offset(created_hi);
  if (chance(10))
    c.from = Offset(created_hi - random_.below(std::min<std::uint64_t>(created_hi, 4)));
  if (chance(3)) c.from = Offset(created_hi + 1);
  if (chance(3) && c.epoch) c.epoch = Epoch(c.epoch.value() - 1);
  const std::uint64_t runs = 1 + random_.below(3);
  for (std::uint64_t i = 0; i < runs; ++i) {
    c.runs.push_back(run());
    if (!c.runs.back().is_void && !c.runs.back().unreadable) add_wishes(c.runs.back());
  }
  // At a border often once more: a whole page that is finished from the start.
  if (fills_left_ > 0 && chance(created_hi % kPageTasks == 0 ? 60 : 2)) {
    --fills_left_;
    c.from = Offset(created_hi);
    c.runs = {void_to_end_of_page(created_hi)};
  }
  c.crc_last = static_cast<std::uint32_t>(random_.below(1000));
  c.wall = WallTime{5};
  return c;
}

CreatedRun Generator::void_to_end_of_page(std::uint64_t created_hi) {
  CreatedRun run;
  run.count = static_cast<std::uint32_t>(kPageTasks - created_hi % kPageTasks);
  run.queue = "q1";
  run.is_void = true;
  return run;
}

CreatedRun Generator::run() {
  CreatedRun run;
  run.count = static_cast<std::uint32_t>(1 + random_.below(4));
  run.queue = any_queue();
  if (chance(30) && !oracle_.queues.empty()) {
    run.queue_id = QueueId(static_cast<std::uint32_t>(1 + random_.below(oracle_.queues.size())));
    run.queue.clear();
  }
  if (chance(1)) run.queue = "not a name";
  run.priority = static_cast<std::uint32_t>(chance(60) ? 5 : 1 + random_.below(10));
  if (chance(1)) run.priority = 11;
  if (chance(40)) {
    run.unreadable = chance(5);
    return run;
  }
  run.producer = ProducerId(uuid(5, 1 + random_.below(kProducers)));
  std::uint64_t& last = producer_seqs_[run.producer];
  run.seq =
      ProducerSeq(chance(60) ? last + 1 : last + 2 - std::min(last + 1, 1 + random_.below(8)));
  last = std::max(last, run.seq.value() + run.count - 1);
  if (chance(30)) run.resolved_below = ProducerSeq(last > 6 ? last - random_.below(6) : 1);
  if (chance(40)) {
    run.waits = true;
    run.is_void = chance(10);
    for (std::uint32_t i = 0; i < run.count; ++i) {
      run.content_hash.push_back(chance(95) ? run.seq.value() + i : 1);
    }
    for (std::uint64_t i = random_.below(3); i > 0; --i) run.maybe_at.push_back(any_shard());
  }
  return run;
}

Command Generator::attach() {
  AttachSession c;
  c.session = any_session();
  const auto known = oracle_.sessions.find(c.session);
  const std::uint64_t conn = known == oracle_.sessions.end() ? 0 : known->second.conn_epoch.value();
  c.conn_epoch = ConnEpoch(chance(70) ? conn + 1 : conn - std::min(conn, random_.below(2)));
  for (const Grant& grant : grants_) {
    if (grant.session == c.session && chance(40)) c.held.push_back(grant.token);
  }
  c.consumer = "c";
  return c;
}

Command Generator::demand(const std::string& manager) {
  std::vector<SessionId> here;
  for (const auto& [id, session] : oracle_.sessions) {
    if (session.manager == manager) here.push_back(id);
  }
  SessionDemand c;
  c.session = here.empty() || chance(5) ? any_session() : any(here);
  const auto known = oracle_.sessions.find(c.session);
  const bool exists = known != oracle_.sessions.end();
  c.conn_epoch = exists ? known->second.conn_epoch : ConnEpoch(1);
  if (chance(4)) c.conn_epoch = ConnEpoch(c.conn_epoch.value() - 1);
  c.line = LineId(static_cast<std::uint32_t>(1 + random_.below(3)));
  c.queue = any_queue();
  if (exists && known->second.lines.contains(c.line))
    c.queue = known->second.lines.at(c.line).queue;
  c.lease = Millis(chance(2) ? 10 : 3000 + random_.below(10'000));
  if (chance(20)) c.lease = Millis(0);
  c.total = (exists ? known->second.grants : 0) + random_.below(4);
  if (chance(12) && any_shard()) c.task = TaskId(any_shard(), Offset(1 + random_.below(30)));
  return c;
}

Grant Generator::grant_of(const SessionId& session) {
  if (grants_.empty()) return {};
  const std::size_t recent = std::min<std::size_t>(grants_.size(), chance(85) ? 12 : 400);
  for (int tries = 0; tries < 6; ++tries) {
    const Grant& grant = grants_[grants_.size() - 1 - random_.below(recent)];
    if (grant.session == session) return grant;
  }
  return grants_[grants_.size() - 1 - random_.below(recent)];
}

Operation Generator::operation(const SessionId& session) {
  const Grant grant = grant_of(session);
  Operation op;
  op.seq = OpSeq(chance(88) ? ++seqs_[session] : 1 + random_.below(seqs_[session] + 1));
  const std::uint64_t dice = random_.below(100);
  op.kind = dice < 50   ? OperationKind::kAck
            : dice < 75 ? OperationKind::kNack
            : dice < 90 ? OperationKind::kRelease
                        : OperationKind::kExtend;
  op.task = chance(97) ? grant.task : TaskId(random_.below(1'000'000));
  op.token = chance(97) ? grant.token : Token(grant.token.value() + 1);
  op.wants_next = chance(60);
  op.started = chance(50);
  op.lease = Millis(chance(5) ? 1 : 3000 + random_.below(20'000));
  if (chance(30)) op.result = {any_shard(), Lsn(1 + random_.below(100)), 10};
  add_wishes(op);
  return op;
}

Command Generator::operations() {
  if (wishes_.family && chance(15)) {
    if (const TaskId parent = any_claimed(true)) return ack_of(parent);
  }
  SessionOperations c;
  c.session = any_session();
  // Mostly the holder of something.
  if (!grants_.empty() && chance(85))
    c.session =
        grants_[grants_.size() - 1 - random_.below(std::min<std::size_t>(grants_.size(), 12))]
            .session;
  const std::uint64_t last = seqs_[c.session];
  if (chance(30)) c.answered_through = OpSeq(last - std::min(last, random_.below(10)));
  const std::uint64_t count = 1 + random_.below(4);
  for (std::uint64_t i = 0; i < count; ++i) c.operations.push_back(operation(c.session));
  return c;
}

Command Generator::heartbeat() {
  SessionHeartbeat c;
  c.session = any_session();
  for (const Grant& grant : grants_) {
    if (grant.session == c.session && chance(30)) c.tokens.push_back(grant.token);
  }
  return c;
}

Command Generator::give_back() {
  const Grant grant = grant_of(any_session());
  const auto reason = static_cast<GiveBackReason>(1 + (chance(15) ? 2 : random_.below(2)));
  return GiveBack{grant.task, grant.token, reason};
}

SessionId Generator::any_session() { return SessionId(uuid(4, 1 + random_.below(kSessions))); }

ShardId Generator::any_shard() {
  if (oracle_.shards.empty()) return {};
  return ShardId(static_cast<std::uint32_t>(1 + random_.below(oracle_.shards.size())));
}

std::string Generator::any_queue() { return "q" + std::to_string(1 + random_.below(3)); }

}  // namespace baton::center::model
