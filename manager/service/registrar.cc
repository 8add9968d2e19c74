#include "manager/service/registrar.h"

#include <utility>
#include <variant>

#include "manager/service/wire.h"

namespace baton::manager {

Registrar::Registrar(ServiceContext& context, CenterLink& link, ShardLogs& logs,
                     std::string address, Events events)
    : context_(context),
      link_(link),
      logs_(logs),
      address_(std::move(address)),
      events_(std::move(events)),
      machine_(facts()) {}

ShardFacts Registrar::facts() const {
  LogStore* log = logs_.active();
  if (log == nullptr) return {};
  return {log->shard(), log->epoch(), log->life(), log->next_offset()};
}

void Registrar::channel_open() {
  ++attempt_;
  if (LogStore* log = logs_.active(); log != nullptr) machine_.set_next_offset(log->next_offset());
  run(machine_.connected());
}

void Registrar::channel_closed() {
  ++attempt_;
  machine_.disconnected();
}

void Registrar::run(const Registration::Step& step) {
  std::visit([this](const auto& value) { act(value); }, step);
}

void Registrar::act(const Registration::SendEnroll& step) {
  v1::ChannelCommands commands;
  v1::Enroll& enroll = *commands.add_command()->mutable_enroll();
  to_wire(logs_.identity().store, enroll.mutable_store());
  enroll.set_name(logs_.identity().name);
  enroll.set_address(address_);
  enroll.set_sealed(step.sealed.value());
  send(commands, [this](const v1::Outcome& outcome) {
    const v1::EnrollOutcome& enrolled = outcome.enroll();
    run(machine_.enrolled(status_from_wire(enrolled.code(), enrolled.message()),
                          ShardId(enrolled.shard()), Offset(enrolled.created_hi()),
                          context_.loop.now()));
  });
}

void Registrar::act(const Registration::OpenShard& step) {
  Result<LogStore*> opened = logs_.open_shard(step.shard);
  if (!opened.ok()) return events_.on_failed(opened.status());
  may_append_ = false;
  if (step.sealed) {
    context_.logger.error("shard sealed", {kv("shard", step.sealed), kv("new_shard", step.shard)});
  } else {
    context_.logger.info("shard given", {kv("shard", step.shard)});
  }
  events_.on_shard_opened(*opened.value());
  run(machine_.opened(facts()));
}

void Registrar::act(const Registration::ReadCrc& step) {
  logs_.active()->record_crc(
      step.offset, context_.guarded([this, attempt = attempt_](Result<std::uint32_t> crc) {
        if (attempt != attempt_) return;
        if (!crc.ok())
          context_.logger.error("reported record not read", {kv("status", crc.status())});
        run(machine_.crc_read(crc, context_.loop.now()));
      }));
}

void Registrar::act(const Registration::SendRegister& step) {
  const ShardFacts shard = facts();
  machine_.set_next_offset(shard.next_offset);
  v1::ChannelCommands commands;
  v1::Register& request = *commands.add_command()->mutable_register_();
  request.set_shard(shard.shard.value());
  to_wire(logs_.identity().store, request.mutable_store());
  request.set_epoch(shard.epoch.value());
  to_wire(shard.life, request.mutable_life());
  request.set_next_offset(shard.next_offset.value());
  request.set_created_hi_seen(step.created_hi_seen.value());
  request.set_crc_below(step.crc_below);
  request.set_address(address_);
  send(commands, [this](const v1::Outcome& outcome) { on_register_outcome(outcome.register_()); });
}

void Registrar::on_register_outcome(const v1::RegisterOutcome& outcome) {
  const RegisterAnswer answer = from_wire(outcome);
  if (answer.verdict != RegisterResult::kRegistered &&
      answer.verdict != RegisterResult::kExpected) {
    // Somebody else has the shard, or it is another's: nothing is confirmed any more.
    may_append_ = false;
    context_.logger.warn("registration refused", {kv("verdict", to_string(answer.verdict)),
                                                  kv("shard", logs_.active()->shard())});
  }
  run(machine_.answered(answer, context_.loop.now()));
}

void Registrar::act(const Registration::SendSeal& step) {
  v1::ChannelCommands commands;
  v1::Seal& seal = *commands.add_command()->mutable_seal();
  seal.set_shard(step.shard.value());
  seal.set_epoch(step.epoch.value());
  to_wire(step.life, seal.mutable_life());
  seal.set_next_offset(step.next_offset.value());
  send(commands, [this](const v1::Outcome& outcome) {
    const v1::SimpleOutcome& sealed = outcome.simple();
    run(machine_.seal_answered(status_from_wire(sealed.code(), sealed.message()),
                               context_.loop.now()));
  });
}

void Registrar::act(const Registration::RetryAt& step) {
  context_.call_after(step.at - context_.loop.now(), [this, attempt = attempt_] {
    if (attempt == attempt_) run(machine_.retry());
  });
}

void Registrar::act(const Registration::Registered& step) {
  // What was seen is on disk before anything relies on it: a center that is behind it later is
  // refused.
  if (Status status = logs_.note_ledger(link_.generation_seen(), link_.index_seen());
      !status.ok()) {
    return events_.on_failed(status);
  }
  may_append_ = true;
  link_.set_incarnation(step.incarnation);
  events_.on_registered(step.incarnation, step.created_hi);
}

void Registrar::act(const Registration::Failed& step) { events_.on_failed(step.status); }

void Registrar::send(v1::ChannelCommands& commands, std::function<void(const v1::Outcome&)> done) {
  link_.send_before_registration(
      commands, [this, attempt = attempt_, done = std::move(done)](
                    const Status& status, const v1::ChannelOutcomes& outcomes) {
        if (attempt != attempt_) return;
        if (status.ok() && outcomes.outcome_size() == 1) return done(outcomes.outcome(0));
        if (!link_.is_open()) return;  // the next channel starts again
        context_.logger.warn("registration failed", {kv("status", status)});
        link_.reconnect(status);
      });
}

}  // namespace baton::manager
