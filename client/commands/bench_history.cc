#include "client/commands/bench_history.h"

#include <fstream>

#include "common/history/history_file.h"

namespace baton::commands {
namespace {

constexpr std::uint64_t kProducer = 1;
constexpr std::uint64_t kConsumersFrom = 2;  // process numbers

std::uint64_t content_of(std::uint64_t number) { return number + 1; }

check::Event event_at(MonoTime now, check::Action action) {
  check::Event event;
  event.at = now.time_since_epoch();
  event.action = action;
  return event;
}

check::Event about_claim(check::Action action, const client::Delivery& delivery,
                         std::uint64_t consumer, MonoTime now) {
  check::Event event = event_at(now, action);
  event.process = kConsumersFrom + consumer;
  event.task = delivery.task;
  event.token = delivery.token;
  return event;
}

check::Outcome outcome_of(const client::OperationResult& result) {
  if (result.status.ok())
    return result.finished_unknown ? check::Outcome::kUnknown : check::Outcome::kOk;
  const ErrorCode code = result.status.code();
  const bool over = code == ErrorCode::kClaimSuperseded || code == ErrorCode::kNotFound;
  return over ? check::Outcome::kFail : check::Outcome::kUnknown;
}

}  // namespace

std::uint64_t BenchHistory::produce(std::uint64_t number, MonoTime now) {
  check::Event event = event_at(now, check::Action::kProduce);
  event.process = event.producer = kProducer;
  event.number = number;
  event.content = content_of(number);
  return history_.invoke(event);
}

void BenchHistory::produced(std::uint64_t operation, const client::ProduceOutcome& outcome,
                            MonoTime now) {
  const check::Outcome end = outcome.confirmed() ? check::Outcome::kOk
                             : outcome.state == client::ProduceState::kUnknown
                                 ? check::Outcome::kUnknown
                                 : check::Outcome::kFail;
  history_.end(operation, now.time_since_epoch(), end,
               outcome.confirmed() ? outcome.task : TaskId());
}

void BenchHistory::delivered(const client::Delivery& delivery, std::uint64_t consumer,
                             std::optional<std::uint64_t> number, MonoTime now) {
  check::Event event = about_claim(check::Action::kDelivery, delivery, consumer, now);
  event.attempt = delivery.attempt;
  event.lease_ms = static_cast<std::uint32_t>(delivery.lease.count());
  event.producer = number ? kProducer : 0;
  event.number = number.value_or(0);
  event.content = number ? content_of(*number) : 0;
  history_.note(event);
}

std::uint64_t BenchHistory::ack(const client::Delivery& delivery, std::uint64_t consumer,
                                MonoTime now) {
  return history_.invoke(about_claim(check::Action::kAck, delivery, consumer, now));
}

std::uint64_t BenchHistory::nack(const client::Delivery& delivery, std::uint64_t consumer,
                                 MonoTime now) {
  return history_.invoke(about_claim(check::Action::kNack, delivery, consumer, now));
}

void BenchHistory::answered(std::uint64_t operation, const client::OperationResult& result,
                            MonoTime now) {
  history_.end(operation, now.time_since_epoch(), outcome_of(result));
}

check::Judgement BenchHistory::judge(bool drained) const {
  check::JudgeOptions options;
  options.states_asked = drained;  // nobody looks: drained, a task is completed or it is lost
  return check::judge(history_, options);
}

Status BenchHistory::write(const std::string& file) const {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  check::write_history(history_, out);
  out.close();
  if (out.good()) return {};
  return {ErrorCode::kUnavailable, file + ": the history cannot be written"};
}

}  // namespace baton::commands
