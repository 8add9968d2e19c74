#include <utility>

#include "client/claim_state.h"
#include "client/consumer_engine.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

namespace baton::client {
namespace {

Status check_size(const char* what, std::size_t bytes, std::size_t bytes_max) {
  if (bytes <= bytes_max) return Status();
  return Status(ErrorCode::kTooLarge, std::string(what) + " of " + std::to_string(bytes) +
                                          " bytes, at most " + std::to_string(bytes_max));
}

Status check_text(const char* what, const std::string& text) {
  BATON_RETURN_IF_ERROR(check_size(what, text.size(), kTaskTextBytesMax));
  if (is_utf8(text)) return Status();
  return Status(ErrorCode::kInvalidArgument, std::string(what) + " is not UTF-8");
}

Status check(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kAck:
      BATON_RETURN_IF_ERROR(check_size("result", operation.bytes.size(), kResultBytesMax));
      return check_text("content type", operation.text);
    case OperationKind::kNack:
      if (!operation.delay || (*operation.delay >= Millis(0) && *operation.delay <= kTaskSpanMax))
        return Status();
      return Status(ErrorCode::kInvalidArgument, "the delay of a nack is outside 0 to 10 years");
    case OperationKind::kExtend:
      return validate_lease(operation.lease);
    case OperationKind::kSave:
      BATON_RETURN_IF_ERROR(check_size("checkpoint", operation.bytes.size(), kResultBytesMax));
      if (!operation.percent && !operation.checkpoint && operation.text.empty())
        return Status(ErrorCode::kInvalidArgument, "there is nothing to save");
      if (operation.percent.value_or(0) > 100)
        return Status(ErrorCode::kInvalidArgument, "progress is outside 0 to 100 percent");
      return check_text("progress", operation.text);
    case OperationKind::kRelease:
      return Status();
  }
  return Status();
}

}  // namespace

Claim::State::~State() {
  if (!ended_.set()) return;
  post(Operation{.kind = OperationKind::kRelease,
                 .task = delivery_.task,
                 .token = delivery_.token,
                 .started = true});
}

void Claim::State::post(Operation operation) const {
  home_->post([consumer = consumer_, operation = std::move(operation)]() mutable {
    if (const auto engine = consumer.lock()) engine->operate(std::move(operation));
  });
}

void Claim::State::operate(Operation operation) {
  Status refused = check(operation);
  if (refused.ok()) {
    const bool free = ends_claim(operation.kind) ? ended_.set() : !ended_.is_set();
    if (!free) refused = Status(ErrorCode::kConflict, "the claim was ended before");
  }
  if (!refused.ok()) {
    if (!operation.done) return;
    home_->post(
        [done = std::move(operation.done), refused] { done(OperationResult{refused, false}); });
    return;
  }
  operation.task = delivery_.task;
  operation.token = delivery_.token;
  post(std::move(operation));
}

const Delivery& Claim::delivery() const { return state_->delivery(); }

void Claim::ack(std::string result, OperationCallback done) const {
  ack(std::move(result), AckOptions(), std::move(done));
}

void Claim::ack(std::string result, AckOptions options, OperationCallback done) const {
  state_->operate(Operation{.kind = OperationKind::kAck,
                            .bytes = std::move(result),
                            .text = std::move(options.content_type),
                            .on_failed_child = options.on_failed_child,
                            .done = std::move(done)});
}

void Claim::nack(std::string reason, OperationCallback done) const {
  nack(std::move(reason), NackOptions(), std::move(done));
}

void Claim::nack(std::string reason, NackOptions options, OperationCallback done) const {
  if (reason.size() > kReasonBytesMax) reason.resize(kReasonBytesMax);
  state_->operate(Operation{.kind = OperationKind::kNack,
                            .bytes = std::move(reason),
                            .delay = options.delay,
                            .dead = options.dead,
                            .done = std::move(done)});
}

void Claim::release(bool started, OperationCallback done) const {
  state_->operate(
      Operation{.kind = OperationKind::kRelease, .started = started, .done = std::move(done)});
}

void Claim::extend(Millis lease, OperationCallback done) const {
  state_->operate(
      Operation{.kind = OperationKind::kExtend, .lease = lease, .done = std::move(done)});
}

void Claim::save(Progress progress, OperationCallback done) const {
  Operation operation{.kind = OperationKind::kSave,
                      .text = std::move(progress.text),
                      .percent = progress.percent,
                      .checkpoint = progress.checkpoint.has_value(),
                      .done = std::move(done)};
  if (progress.checkpoint) operation.bytes = std::move(*progress.checkpoint);
  state_->operate(std::move(operation));
}

bool Claim::superseded() const { return state_->superseded(); }

std::optional<LostCause> Claim::lost_cause() const { return state_->lost_cause(); }

}  // namespace baton::client
