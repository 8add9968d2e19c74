#include "common/history/task_machine.h"

#include <algorithm>

namespace baton::check {
namespace {

using Where = TaskState::Where;
using Kind = Step::Kind;
using Need = Step::Need;

bool holds(const TaskState& state, const Step& step) {
  const bool same_session =
      state.process == 0 || step.process == 0 || state.process == step.process;
  return state.where == Where::kClaimed && state.token == step.token && same_session;
}

// The time from which the claim lasts for `lease_ms`.
Duration lease_end(Duration from, std::uint32_t lease_ms, const TaskRules& rules) {
  const bool unknown = lease_ms == 0 || from == Duration(INT64_MIN);
  if (unknown || rules.outside) return Duration(INT64_MIN);
  const double part = rules.lease_share * 1e6 * lease_ms;
  return from + Duration(static_cast<std::int64_t>(part));
}

// claimed -> waiting without anybody's doing.
void return_claim(TaskState& state) {
  if (state.where != Where::kClaimed) return;
  state.where = Where::kWaiting;
  state.now = std::max(state.now, state.claim_end);
}

bool grant(TaskState& state, const Step& step, const TaskRules& rules) {
  return_claim(state);
  const bool redriven = rules.outside && state.where == Where::kDead;
  if (state.where == Where::kAbsent || redriven) state.where = Where::kWaiting;
  if (state.where != Where::kWaiting || step.token <= state.newest) return false;
  state.where = Where::kClaimed;
  state.maybe_dead = false;
  state.token = state.newest = step.token;
  state.process = step.process;
  state.claim_end = lease_end(state.now, step.lease_ms, rules);
  return true;
}

bool end_claim(TaskState& state, const Step& step, const TaskRules& rules) {
  if (!holds(state, step)) return false;
  state.where = Where::kWaiting;
  if (step.kind != Kind::kNack) return true;
  ++state.nacks;
  if (rules.max_attempts == 0) {
    state.maybe_dead = true;
  } else if (state.nacks >= rules.max_attempts) {
    state.where = Where::kDead;
  }
  return true;
}

bool ack(TaskState& state, const Step& step) {
  // Of what is done with this token already: whoever asks is told so, and nothing changes.
  if (state.where == Where::kDone) return state.token == step.token;
  if (!holds(state, step)) return false;
  state.where = Where::kDone;
  return true;
}

bool extend(TaskState& state, const Step& step, const TaskRules& rules) {
  if (!holds(state, step)) return false;
  // Of a claim that may end at any time as far as we know an extend promises nothing either.
  if (state.claim_end != Duration(INT64_MIN))
    state.claim_end = std::max(state.claim_end, lease_end(state.now, step.lease_ms, rules));
  return true;
}

bool refuse(TaskState& state, const Step& step) {
  if (holds(state, step)) return_claim(state);
  return true;
}

bool look(TaskState& state, const Step& step) {
  switch (step.state) {
    case FinalState::kNotFound:
      return state.where == Where::kAbsent;
    case FinalState::kWaiting:
      return_claim(state);
      if (state.where == Where::kAbsent) state.where = Where::kWaiting;
      if (state.where != Where::kWaiting) return false;
      state.maybe_dead = false;
      return true;
    case FinalState::kClaimed:
      if (state.where == Where::kClaimed) return true;
      if (state.where == Where::kAbsent) state.where = Where::kWaiting;
      state.maybe_dead = false;
      return state.where == Where::kWaiting;  // somebody had it whom nobody heard of
    case FinalState::kDone:
      return state.where == Where::kDone && (!step.token || step.token == state.token);
    case FinalState::kDead:
      if (state.where == Where::kWaiting && state.maybe_dead) state.where = Where::kDead;
      return state.where == Where::kDead;
    case FinalState::kQuarantined:
      return_claim(state);
      if (state.where == Where::kAbsent || state.where == Where::kWaiting)
        state.where = Where::kQuarantined;
      return state.where == Where::kQuarantined;
    case FinalState::kCancelled:
    case FinalState::kOther:
      if (state.where == Where::kAbsent) state.where = Where::kOther;
      return state.where == Where::kOther;
  }
  return false;
}

// A look where not only claims move a task: what they say must still be true.
bool look_outside(TaskState& state, const Step& step) {
  const bool acked = state.where == Where::kDone;
  switch (step.state) {
    case FinalState::kOther:  // held, or blocked: also by its children, after its ack
      return_claim(state);
      return true;
    case FinalState::kDead:
    case FinalState::kCancelled:
      if (acked) return true;  // for its children; redriven it is not handed out again
      if (state.where == Where::kOther) return step.state == FinalState::kCancelled;
      state.where = step.state == FinalState::kDead ? Where::kDead : Where::kOther;
      return true;
    case FinalState::kDone:
      if (!acked && state.where != Where::kOther) {
        state.where = Where::kDone;  // somebody said so; or it is cancelled, and nothing is kept
        state.token = Token();
      }
      return true;
    case FinalState::kWaiting:
    case FinalState::kClaimed:
      if (state.where == Where::kDead) state.where = Where::kWaiting;
      break;
    case FinalState::kNotFound:
    case FinalState::kQuarantined:
      break;
  }
  return look(state, step);
}

bool take(TaskState& state, const Step& step, const TaskRules& rules) {
  if (step.need == Need::kRefused) return refuse(state, step);
  switch (step.kind) {
    case Kind::kGrant:
      return grant(state, step, rules);
    case Kind::kAck:
      return ack(state, step);
    case Kind::kNack:
    case Kind::kRelease:
      return end_claim(state, step, rules);
    case Kind::kExtend:
      return extend(state, step, rules);
    case Kind::kLook:
      return rules.outside ? look_outside(state, step) : look(state, step);
  }
  return false;
}

}  // namespace

std::string to_string(const TaskState& state) {
  switch (state.where) {
    case Where::kAbsent:
      return "absent";
    case Where::kWaiting:
      return state.maybe_dead ? "waiting or dead" : "waiting";
    case Where::kClaimed:
      return "claimed with token " + std::to_string(state.token.value()) + " by process " +
             std::to_string(state.process);
    case Where::kDone:
      return "done with token " + std::to_string(state.token.value());
    case Where::kDead:
      return "dead";
    case Where::kQuarantined:
      return "quarantined";
    case Where::kOther:
      return "something else";
  }
  return "?";
}

std::optional<TaskState> after_step(const TaskState& state, const Step& step,
                                    const TaskRules& rules) {
  TaskState next = state;
  next.now = std::max(next.now, step.begin_at);
  if (!take(next, step, rules) || next.now > step.end_at) return std::nullopt;
  return next;
}

}  // namespace baton::check
