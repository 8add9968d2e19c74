#include "tests/damage/manager_life.h"

#include <optional>
#include <string_view>
#include <utility>

namespace baton::damage {
namespace {

std::string payload_of(ShardId shard, std::uint64_t offset) {
  std::string payload =
      "shard " + std::to_string(shard.value()) + " task " + std::to_string(offset) + " ";
  // No byte of it is zero: a sector of zeros in a damaged record looks like one never written.
  for (std::uint64_t i = 0; i < offset * 37 % 700; ++i) {
    payload.push_back(static_cast<char>('a' + (offset + i * i) % 26));
  }
  return payload;
}

}  // namespace

ManagerLife::ManagerLife(const sim::SimDisk& disk) : random_(7) {
  world_.env.disk() = disk.copy();
  options_.stretch_bytes = 6 << 10;
  options_.cache_bytes = 16 << 10;
}

Status ManagerLife::open() {
  BATON_ASSIGN_OR_RETURN(
      logs_, manager::ShardLogs::open(world_.context(), kManagerData, random_, options_));
  return {};
}

void ManagerLife::end() {
  logs_.reset();
  world_.forget();
}

void ManagerLife::kill() {
  world_.env.stop();
  end();
  world_.env.restart_after_kill();
}

manager::ShardFacts ManagerLife::facts() const {
  const manager::LogStore* log = logs_->active();
  if (log == nullptr) return {};
  return {log->shard(), log->epoch(), log->life(), log->next_offset()};
}

Status ManagerLife::enrol(center::Ledger& ledger) {
  using manager::Registration;
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

void ManagerLife::append(KnownShard& known, int tasks, std::uint64_t producer_seq) {
  manager::LogStore& log = this->log();
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

void ManagerLife::append_result(KnownShard& known, std::uint64_t offset) {
  manager::LogStore& log = this->log();
  KnownShard::Result result;
  result.task = TaskId(log.shard(), Offset(offset));
  result.token = Token(1000 + offset);
  result.bytes = "result of " + std::to_string(offset);
  result.lsn = log.append_result({result.task, result.token, RecordKind::kResult, result.bytes});
  known.results.push_back(result);
  world_.settle();
}

void ManagerLife::collect(KnownShard& known) {
  manager::LogStore& log = this->log();
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

Result<std::string> ManagerLife::read(manager::LogStore& log, Offset offset) {
  std::optional<Result<std::string>> answer;
  log.read({offset}, 1, [&](manager::LogStore::Payloads found) { answer = found.at(0); });
  world_.settle();
  return answer.value_or(Status(ErrorCode::kInternal, "no answer"));
}

Result<std::string> ManagerLife::read_result(manager::LogStore& log,
                                             const KnownShard::Result& result) {
  std::optional<Result<std::string>> answer;
  log.read_result({result.task, result.token, RecordKind::kResult, result.lsn},
                  [&](Result<std::string> found) { answer = std::move(found); });
  world_.settle();
  return answer.value_or(Status(ErrorCode::kInternal, "no answer"));
}

Result<std::uint32_t> ManagerLife::record_crc(manager::LogStore& log, Offset offset) {
  std::optional<Result<std::uint32_t>> answer;
  log.record_crc(offset, [&](Result<std::uint32_t> crc) { answer = crc; });
  world_.settle();
  return answer.value_or(Status(ErrorCode::kInternal, "no answer"));
}

bool ManagerLife::take_damaged() {
  bool any = false;
  for (const auto& [shard, log] : logs_->all()) any = !log->take_damaged().empty() || any;
  return any;
}

}  // namespace baton::damage
