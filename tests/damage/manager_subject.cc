#include "tests/damage/manager_subject.h"

#include <stdexcept>
#include <utility>

#include "manager/storage/examine_shards.h"
#include "tests/damage/fsck.h"

namespace baton::damage {

// ---- how the directory came to be ----------------------------------------------------------------

class ManagerSubject::Story {
 public:
  explicit Story(ManagerSubject& subject) : subject_(subject), life_(sim::SimDisk(true)) {}

  void begin() {
    const ClusterId cluster(Uuid{9, 9});
    ask<center::SimpleOutcome>(ledger_, Incarnation(), center::TermStart{Term(1), cluster});
    require(life_.open());
    require(life_.logs().set_name("m1"));
    enrol();
    require(life_.logs().set_cluster(cluster));
    remember();
  }
  void enrol() { require(life_.enrol(ledger_)); }
  void remember() { subject_.disk_.earlier.push_back(life_.world().env.disk().copy()); }
  void restart() {
    remember();
    life_.kill();
    require(life_.open());
  }
  void offline() {
    const manager::LogStore& log = life_.log();
    ask<center::SimpleOutcome>(ledger_, Incarnation(),
                               center::ShardOffline{log.shard(), log.epoch(), log.life()});
  }
  void seal() {
    const manager::LogStore& log = life_.log();
    const center::Seal seal{log.shard(), log.epoch(), log.life(), log.next_offset()};
    require(ask<center::SimpleOutcome>(ledger_, Incarnation(), seal).status);
  }
  // Tasks with numbers, one without, and a result for that.
  void fill(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      life_.append(known(), 3, producer_seq_);
      producer_seq_ += 3;
      life_.append(known(), 1, 0);
      life_.append_result(known(), known().end.value() - 1);
    }
  }
  void collect() { life_.collect(known()); }
  // The ledger hears of all of it.
  void report() {
    manager::LogStore& log = life_.log();
    center::CreatedRun run;
    run.queue = "mail";
    const Offset from = ledger_.live(log.shard(), Offset(1), Offset(1)).created_hi;
    const Offset end = known().end;
    run.count = static_cast<std::uint32_t>(end.value() - from.value());
    const std::uint32_t crc = life_.record_crc(log, Offset(end.value() - 1)).value();
    const auto outcome = ask<center::CreatedOutcome>(
        ledger_, ledger_.managers().at(0).incarnation,
        center::Created{log.shard(), log.epoch(), from, {run}, end, crc, WallTime{5}});
    require(outcome.status);
  }
  void note_ledger() { require(life_.logs().note_ledger(Generation(0), ledger_.index())); }
  void end() {
    life_.kill();
    subject_.disk_.disk = life_.world().env.disk().copy();
    auto snapshot = ledger_.snapshot();
    while (auto page = snapshot->next_page()) subject_.ledger_pages_.push_back(std::move(*page));
  }

 private:
  KnownShard& known() { return subject_.known_[life_.log().shard()]; }

  ManagerSubject& subject_;
  center::Ledger ledger_;
  ManagerLife life_;
  std::uint64_t producer_seq_ = 1;
};

ManagerSubject::ManagerSubject() {
  Story story(*this);
  story.begin();
  story.fill(14);
  story.report();
  story.offline();
  story.seal();
  story.enrol();  // another shard from here on
  story.fill(20);
  story.collect();
  story.report();
  story.note_ledger();
  story.offline();
  story.restart();
  story.enrol();
  story.fill(22);
  story.report();
  story.remember();
  story.offline();
  story.restart();
  story.enrol();
  story.note_ledger();
  story.fill(24);
  story.report();
  story.offline();
  story.end();
}

// ---- judging -------------------------------------------------------------------------------------

// What is not there any more, and who says so.
struct ManagerSubject::Losses {
  std::string named;           // an error that tells of a loss
  std::string missing_result;  // the same, told by the ledger
  std::uint64_t shorter = 0;   // records that are not there, and nobody here knows why
};

Verdict ManagerSubject::judge(const sim::SimDisk& damaged) {
  ManagerLife life(damaged);
  if (const Status opened = life.open(); !opened.ok()) {
    return names_a_place(opened.message()) ? Verdict::detected(opened.message())
                                           : Verdict::missed("no place: " + opened.message());
  }
  Result<center::Ledger> ledger = center::Ledger::restore(ledger_pages_);
  require(ledger.status());
  const Status enrolled = life.enrol(ledger.value());
  life.world().run_background();
  bool told = life.take_damaged();
  Losses losses;
  for (const auto& [shard, known] : known_) {
    manager::LogStore* log = life.logs().find(shard);
    if (log == nullptr && enrolled.ok())
      return Verdict::missed("shard " + std::to_string(shard.value()) + " is gone");
    if (log == nullptr) continue;
    if (const auto wrong = read_tasks(life, *log, known, losses)) return *wrong;
    if (const auto wrong = read_results(life, *log, known, losses)) return *wrong;
  }
  told = life.take_damaged() || told;
  if (!enrolled.ok()) return Verdict::older(enrolled.message());
  if (losses.shorter > 0)
    return Verdict::missed(std::to_string(losses.shorter) + " records are silently gone");
  if (!losses.named.empty() && !names_a_place(losses.named))
    return Verdict::missed("no place: " + losses.named);
  if (!losses.named.empty()) return Verdict::detected(losses.named);
  if (told) return Verdict::detected("take_damaged");
  if (!losses.missing_result.empty()) return Verdict::older(losses.missing_result);
  return check_producers(life, damaged);
}

std::optional<Verdict> ManagerSubject::read_tasks(ManagerLife& life, manager::LogStore& log,
                                                  const KnownShard& known, Losses& losses) {
  for (const auto& [offset, payload] : known.payloads) {
    const Result<std::string> found = life.read(log, Offset(offset));
    if (found.ok() && found.value() != payload)
      return Verdict::missed("wrong bytes of offset " + std::to_string(offset));
    if (found.ok()) continue;
    if (found.status().code() == ErrorCode::kDataLoss) {
      losses.named = found.status().message();
    } else {
      ++losses.shorter;
    }
  }
  return std::nullopt;
}

std::optional<Verdict> ManagerSubject::read_results(ManagerLife& life, manager::LogStore& log,
                                                    const KnownShard& known, Losses& losses) {
  for (const KnownShard::Result& result : known.results) {
    const Result<std::string> found = life.read_result(log, result);
    if (found.ok() && found.value() != result.bytes)
      return Verdict::missed("wrong result of " + to_string(result.task));
    if (found.ok()) continue;
    if (found.status().code() == ErrorCode::kDataLoss) {
      losses.named = found.status().message();
    } else if (found.status().code() == ErrorCode::kNotFound) {
      // The ledger points to it: who asks is told that it is missing (QueryService).
      losses.missing_result = "the result of task " + to_string(result.task) + " is missing";
    } else {
      return Verdict::missed("no answer about a result: " + found.status().to_string());
    }
  }
  return std::nullopt;
}

Verdict ManagerSubject::check_producers(ManagerLife& life, const sim::SimDisk& damaged) {
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
      if (examine(damaged)) return Verdict::detected("by fsck only: what producers sent");
      return Verdict::missed("number " + std::to_string(number) + " of the producer is forgotten");
    }
  }
  return {};
}

bool ManagerSubject::examine(const sim::SimDisk& damaged) {
  return fsck_finds(
      damaged, [this](ExaminedDir& dir, const OnFinding& tell, const OnProgress& progress) {
        for (const manager::ShardReport& report : manager::examine_shards(dir, tell, progress)) {
          const auto known = known_.find(report.shard);
          // What it calls acknowledged was.
          if (known != known_.end() && report.durable_end > known->second.end)
            throw std::runtime_error("fsck invents offsets");
        }
      });
}

}  // namespace baton::damage
