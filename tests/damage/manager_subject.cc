#include "tests/damage/manager_subject.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

#include "common/storage/examined_dir.h"
#include "manager/core/registration.h"
#include "manager/service/shard_logs.h"
#include "manager/storage/examine_shards.h"
#include "tests/damage/node_life.h"

namespace baton::damage {
namespace {

constexpr char kData[] = "/data";
constexpr ProducerId kProducer{Uuid{5, 5}};

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.to_string());
}

std::string payload_of(ShardId shard, std::uint64_t offset) {
  std::string payload =
      "shard " + std::to_string(shard.value()) + " task " + std::to_string(offset) + " ";
  // No byte of it is zero: a sector of zeros in a damaged record looks like one never written.
  for (std::uint64_t i = 0; i < offset * 37 % 700; ++i) {
    payload.push_back(static_cast<char>('a' + (offset + i * i) % 26));
  }
  return payload;
}

template <class Outcome>
Outcome ask(center::Ledger& ledger, Incarnation from, center::Command command) {
  const center::Effects effects =
      ledger.apply({ledger.index().next(), {center::Batch{from, {std::move(command)}}}});
  require(effects.batches.at(0).status);
  return std::get<Outcome>(effects.batches.at(0).outcomes.at(0));
}

}  // namespace

// One start of the manager's storage.
class ManagerSubject::Life {
 public:
  explicit Life(const sim::SimDisk& disk) : random_(7) {
    world_.env.disk() = disk.copy();
    options_.stretch_bytes = 6 << 10;
    options_.cache_bytes = 16 << 10;
  }
  ~Life() { end(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  Status open() {
    BATON_ASSIGN_OR_RETURN(logs_,
                           manager::ShardLogs::open(world_.context(), kData, random_, options_));
    return {};
  }
  void end() {
    logs_.reset();
    world_.forget();
  }
  // The process is killed; what it wrote stays.
  void kill() {
    world_.env.stop();
    end();
    world_.env.restart_after_kill();
  }

  NodeWorld& world() { return world_; }
  manager::ShardLogs& logs() { return *logs_; }

  void append(KnownShard& known, int tasks, std::uint64_t producer_seq) {
    manager::LogStore& log = *logs().active();
    manager::TaskAttributes attributes;
    attributes.queue = "mail";
    if (producer_seq != 0) {
      attributes.producer = kProducer;
      attributes.seq = ProducerSeq(producer_seq);
    }
    std::vector<std::string> payloads;
    for (int i = 0; i < tasks; ++i) {
      payloads.push_back(payload_of(log.shard(), known.end.value() + static_cast<unsigned>(i)));
    }
    const std::vector<std::string_view> views(payloads.begin(), payloads.end());
    const manager::LogStore::Appended appended = log.append_tasks(attributes, views);
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      known.payloads[appended.first.value() + i] = payloads[i];
      if (producer_seq != 0) known.producer_numbers[producer_seq + i] = appended.content_hash[i];
    }
    known.end = Offset(appended.first.value() + payloads.size());
    world_.settle();
  }

  void append_result(KnownShard& known, std::uint64_t offset) {
    manager::LogStore& log = *logs().active();
    KnownShard::Result result;
    result.task = TaskId(log.shard(), Offset(offset));
    result.token = Token(1000 + offset);
    result.bytes = "result of " + std::to_string(offset);
    result.lsn = log.append_result({result.task, result.token, RecordKind::kResult, result.bytes});
    known.results.push_back(result);
    world_.settle();
  }

  // Keeps one task and the results of the oldest closed stretch.
  void collect(KnownShard& known) {
    manager::LogStore& log = *logs().active();
    const manager::Stretch stretch = log.closed_stretches(1).at(0);
    const Offset kept(stretch.from.value() + 1);
    Status outcome(ErrorCode::kInternal, "not collected");
    log.collect(stretch, {kept}, stretch.results, [&](const Status& done) { outcome = done; });
    world_.settle();
    require(outcome);
    for (Offset offset = stretch.from; offset < stretch.to; offset = offset.next()) {
      if (offset != kept) known.payloads.erase(offset.value());
    }
  }

  Result<std::string> read(manager::LogStore& log, Offset offset) {
    std::optional<Result<std::string>> answer;
    log.read({offset}, 1, [&](manager::LogStore::Payloads found) { answer = found.at(0); });
    world_.settle();
    return answer.value_or(Status(ErrorCode::kInternal, "no answer"));
  }
  Result<std::string> read_result(manager::LogStore& log, const KnownShard::Result& result) {
    std::optional<Result<std::string>> answer;
    log.read_result({result.task, result.token, RecordKind::kResult, result.lsn},
                    [&](Result<std::string> found) { answer = std::move(found); });
    world_.settle();
    return answer.value_or(Status(ErrorCode::kInternal, "no answer"));
  }
  Result<std::uint32_t> record_crc(manager::LogStore& log, Offset offset) {
    std::optional<Result<std::uint32_t>> answer;
    log.record_crc(offset, [&](Result<std::uint32_t> crc) { answer = crc; });
    world_.settle();
    return answer.value_or(Status(ErrorCode::kInternal, "no answer"));
  }

  // Registers with the ledger as a manager does. data_loss when either side refuses the store.
  Status enrol(center::Ledger& ledger);

 private:
  NodeWorld world_;
  Random random_;
  manager::PayloadLog::Options options_;
  std::unique_ptr<manager::ShardLogs> logs_;
};

Status ManagerSubject::Life::enrol(center::Ledger& ledger) {
  using manager::Registration;
  const auto facts = [&]() -> manager::ShardFacts {
    const manager::LogStore* log = logs_->active();
    if (log == nullptr) return {};
    return {log->shard(), log->epoch(), log->life(), log->next_offset()};
  };
  Registration machine(facts());
  Registration::Step step = machine.connected();
  for (int steps = 0; steps < 20; ++steps) {
    if (const auto* enroll = std::get_if<Registration::SendEnroll>(&step)) {
      const auto outcome = ask<center::EnrollOutcome>(
          ledger, Incarnation(),
          center::Enroll{logs_->identity().store, logs_->identity().name, "h:1", enroll->sealed});
      step = machine.enrolled(outcome.status, outcome.shard, outcome.created_hi, world_.loop.now());
    } else if (const auto* open = std::get_if<Registration::OpenShard>(&step)) {
      BATON_RETURN_IF_ERROR(logs_->open_shard(open->shard).status());
      step = machine.opened(facts());
    } else if (const auto* crc = std::get_if<Registration::ReadCrc>(&step)) {
      step = machine.crc_read(record_crc(*logs_->active(), crc->offset), world_.loop.now());
    } else if (const auto* send = std::get_if<Registration::SendRegister>(&step)) {
      const manager::ShardFacts shard = facts();
      const auto outcome = ask<center::RegisterOutcome>(
          ledger, Incarnation(),
          center::Register{shard.shard, logs_->identity().store, shard.epoch, shard.life,
                           shard.next_offset, send->created_hi_seen, send->crc_below, "h:1"});
      step = machine.answered(
          {outcome.result, outcome.created_hi, outcome.incarnation, outcome.epoch, outcome.life},
          world_.loop.now());
    } else if (std::holds_alternative<Registration::Registered>(step)) {
      return {};
    } else if (const auto* failed = std::get_if<Registration::Failed>(&step)) {
      return failed->status;
    } else if (std::holds_alternative<Registration::SendSeal>(step)) {
      return Status(ErrorCode::kDataLoss, "the center seals shard " +
                                              std::to_string(facts().shard.value()) +
                                              ": it is older than the ledger knows");
    } else {
      break;
    }
  }
  return Status(ErrorCode::kInternal, "the registration does not end");
}

ManagerSubject::ManagerSubject() {
  center::Ledger ledger;
  ask<center::SimpleOutcome>(ledger, Incarnation(),
                             center::TermStart{Term(1), ClusterId(Uuid{9, 9})});
  sim::SimDisk nothing(true);
  Life life(nothing);
  require(life.open());
  require(life.logs().set_name("m1"));
  require(life.enrol(ledger));
  require(life.logs().set_cluster(ClusterId(Uuid{9, 9})));
  remember(life.world().env.disk().copy());
  const auto restart = [&] {
    remember(life.world().env.disk().copy());
    life.kill();
    require(life.open());
  };
  const auto offline = [&] {
    const manager::LogStore& log = *life.logs().active();
    ask<center::SimpleOutcome>(ledger, Incarnation(),
                               center::ShardOffline{log.shard(), log.epoch(), log.life()});
  };
  std::uint64_t seq = 1;
  const auto fill = [&](int rounds) {
    KnownShard& known = known_[life.logs().active()->shard()];
    for (int round = 0; round < rounds; ++round) {
      life.append(known, 3, seq);
      seq += 3;
      life.append(known, 1, 0);
      life.append_result(known, known.end.value() - 1);
    }
  };
  const auto report = [&](Incarnation incarnation) {
    manager::LogStore& log = *life.logs().active();
    const KnownShard& known = known_[log.shard()];
    center::CreatedRun run;
    run.queue = "mail";
    const Offset from = ledger.live(log.shard(), Offset(1), Offset(1)).created_hi;
    run.count = static_cast<std::uint32_t>(known.end.value() - from.value());
    const std::uint32_t crc = life.record_crc(log, Offset(known.end.value() - 1)).value();
    const auto outcome = ask<center::CreatedOutcome>(
        ledger, incarnation,
        center::Created{log.shard(), log.epoch(), from, {run}, known.end, crc, WallTime{5}});
    require(outcome.status);
  };
  const auto incarnation = [&] { return ledger.managers().at(0).incarnation; };

  // A shard that is sealed later.
  fill(14);
  report(incarnation());
  offline();
  const manager::LogStore& first = *life.logs().active();
  require(ask<center::SimpleOutcome>(
              ledger, Incarnation(),
              center::Seal{first.shard(), first.epoch(), first.life(), first.next_offset()})
              .status);
  require(life.enrol(ledger));
  fill(20);
  life.collect(known_[life.logs().active()->shard()]);
  report(incarnation());
  require(life.logs().note_ledger(Generation(0), ledger.index()));
  offline();
  restart();
  require(life.enrol(ledger));
  fill(22);
  report(incarnation());
  remember(life.world().env.disk().copy());
  offline();
  restart();
  require(life.enrol(ledger));
  require(life.logs().note_ledger(Generation(0), ledger.index()));
  fill(24);
  report(incarnation());
  offline();
  life.kill();
  disk_.disk = life.world().env.disk().copy();
  auto snapshot = ledger.snapshot();
  while (auto page = snapshot->next_page()) ledger_pages_.push_back(std::move(*page));
}

ManagerSubject::~ManagerSubject() = default;

void ManagerSubject::remember(sim::SimDisk disk) { disk_.earlier.push_back(std::move(disk)); }

Verdict ManagerSubject::judge(const sim::SimDisk& damaged) {
  Life life(damaged);
  if (const Status opened = life.open(); !opened.ok()) {
    return names_a_place(opened.message()) ? Verdict::detected(opened.message())
                                           : Verdict::missed("no place: " + opened.message());
  }
  Result<center::Ledger> ledger = center::Ledger::restore(ledger_pages_);
  require(ledger.status());
  const Status enrolled = life.enrol(ledger.value());
  std::string named;           // an error that tells of a loss
  std::string missing_result;  // the same, told by the ledger
  life.world().run_background();
  std::set<std::pair<ShardId, std::uint64_t>> told;
  const auto note_told = [&] {
    for (const auto& [shard, log] : life.logs().all()) {
      for (const Offset offset : log->take_damaged()) told.emplace(shard, offset.value());
    }
  };
  note_told();
  std::uint64_t shorter = 0;  // records that are not there, and nobody here knows why
  for (const auto& [shard, known] : known_) {
    manager::LogStore* log = life.logs().find(shard);
    if (log == nullptr) {
      if (enrolled.ok())
        return Verdict::missed("shard " + std::to_string(shard.value()) + " is gone");
      continue;
    }
    for (const auto& [offset, payload] : known.payloads) {
      const Result<std::string> found = life.read(*log, Offset(offset));
      if (found.ok() && found.value() != payload) {
        return Verdict::missed("wrong bytes of offset " + std::to_string(offset));
      }
      if (found.ok()) continue;
      if (found.status().code() == ErrorCode::kDataLoss) {
        named = found.status().message();
      } else {
        ++shorter;
      }
    }
    for (const KnownShard::Result& result : known.results) {
      const Result<std::string> found = life.read_result(*log, result);
      if (found.ok() && found.value() != result.bytes) {
        return Verdict::missed("wrong result of " + to_string(result.task));
      }
      if (found.ok()) continue;
      if (found.status().code() == ErrorCode::kDataLoss) {
        named = found.status().message();
      } else if (found.status().code() == ErrorCode::kNotFound) {
        // The ledger points to it: who asks is told that it is missing (QueryService).
        missing_result = "the result of task " + to_string(result.task) + " is missing";
      } else {
        return Verdict::missed("no answer about a result: " + found.status().to_string());
      }
    }
  }
  note_told();
  if (!enrolled.ok()) return Verdict::older(enrolled.message());
  if (shorter > 0) return Verdict::missed(std::to_string(shorter) + " records are silently gone");
  if (!named.empty() && !names_a_place(named)) return Verdict::missed("no place: " + named);
  if (!named.empty()) return Verdict::detected(named);
  if (!told.empty()) return Verdict::detected("take_damaged");
  if (!missing_result.empty()) return Verdict::older(missing_result);
  // Nothing is missing; what producers sent must be known as well.
  std::map<std::uint64_t, std::uint64_t> numbers;
  for (const auto& [shard, log] : life.logs().all()) {
    const Status read = log->recent_runs([&](const manager::StoredRun& run) {
      for (std::size_t i = 0; run.attributes.producer == kProducer && i < run.count; ++i) {
        numbers[run.attributes.seq.value() + i] = run.content_hash.at(i);
      }
    });
    if (!read.ok()) return Verdict::detected(read.to_string());
  }
  for (const auto& [shard, known] : known_) {
    for (const auto& [number, hash] : known.producer_numbers) {
      const auto found = numbers.find(number);
      if (found != numbers.end() && found->second == hash) continue;
      bool notes = false;
      if (examine(damaged, notes)) return Verdict::detected("by fsck only: what producers sent");
      return Verdict::missed("number " + std::to_string(number) + " of the producer is forgotten");
    }
  }
  return {};
}

bool ManagerSubject::examine(const sim::SimDisk& damaged, bool& notes) {
  sim::SimEnv env;
  env.disk() = damaged.copy();
  const std::uint64_t operations = env.operations();
  bool found = false;
  const OnFinding tell = [&](const Finding& finding) {
    notes = true;
    found = found || finding.kind != Finding::Kind::kNote;
    if (finding.what.empty() || finding.advice.empty()) throw std::runtime_error("says nothing");
  };
  const OnProgress progress = [](std::uint64_t) {};
  const auto dir = ExaminedDir::open(env, kData, tell);
  if (!dir.ok()) return true;  // an error in one sentence
  dir.value()->examine_store(tell, progress);
  for (const manager::ShardReport& report : manager::examine_shards(*dir.value(), tell, progress)) {
    const auto known = known_.find(report.shard);
    // What it calls acknowledged was.
    if (known != known_.end() && report.durable_end > known->second.end) {
      throw std::runtime_error("fsck invents offsets");
    }
  }
  if (env.operations() != operations) throw std::runtime_error("fsck writes");
  return found;
}

}  // namespace baton::damage
