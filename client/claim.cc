#include <utility>

#include "client/claim_state.h"
#include "client/consumer_engine.h"
#include "common/base/limits.h"

namespace baton::client {
namespace {

Status check(OperationKind kind, const std::string& bytes, Millis lease) {
  if (kind == OperationKind::kAck && bytes.size() > kResultBytesMax) {
    return Status(ErrorCode::kTooLarge, "result of " + std::to_string(bytes.size()) +
                                            " bytes, at most " + std::to_string(kResultBytesMax));
  }
  return kind == OperationKind::kExtend ? validate_lease(lease) : Status();
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

void Claim::State::operate(OperationKind kind, std::string bytes, Millis lease, bool started,
                           OperationCallback done) {
  Status refused = check(kind, bytes, lease);
  if (refused.ok()) {
    const bool free = ends_claim(kind) ? ended_.set() : !ended_.is_set();
    if (!free) refused = Status(ErrorCode::kConflict, "the claim was ended before");
  }
  if (!refused.ok()) {
    if (!done) return;
    home_->post([done = std::move(done), refused] { done(OperationResult{refused, false}); });
    return;
  }
  post(Operation{.kind = kind,
                 .task = delivery_.task,
                 .token = delivery_.token,
                 .bytes = std::move(bytes),
                 .lease = lease,
                 .started = started,
                 .done = std::move(done)});
}

const Delivery& Claim::delivery() const { return state_->delivery(); }

void Claim::ack(std::string result, OperationCallback done) const {
  state_->operate(OperationKind::kAck, std::move(result), Millis(0), false, std::move(done));
}

void Claim::nack(std::string reason, OperationCallback done) const {
  if (reason.size() > kReasonBytesMax) reason.resize(kReasonBytesMax);
  state_->operate(OperationKind::kNack, std::move(reason), Millis(0), false, std::move(done));
}

void Claim::release(bool started, OperationCallback done) const {
  state_->operate(OperationKind::kRelease, {}, Millis(0), started, std::move(done));
}

void Claim::extend(Millis lease, OperationCallback done) const {
  state_->operate(OperationKind::kExtend, {}, lease, false, std::move(done));
}

bool Claim::superseded() const { return state_->superseded(); }

}  // namespace baton::client
