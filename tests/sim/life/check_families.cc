#include <algorithm>
#include <map>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

struct Family {
  const LifeTask* parent = nullptr;
  std::vector<const LifeTask*> children;
  bool maybe_more = false;  // of some nobody knows whether they exist
};

std::string name(const LifeTask& child) {
  return "child " + baton::to_string(child.task) + " of task " +
         baton::to_string(child.wish->options.parent);
}

// Those that its completion is about: all but the pending ones of other claims.
bool counts(const LifeTask& child, const LifeOperation& completion) {
  return !child.wish->options.with_completion ||
         child.wish->options.parent_token == completion.token;
}

void check_birth(const LifeTask& parent, const LifeTask& child, std::vector<Violation>& found) {
  const Token token = child.wish->options.parent_token;
  const Moment asked = child.asked;
  const auto over = [&](const LifeOperation& operation) {
    return operation.token == token && operation.outcome == Outcome::kOk &&
           operation.action != Action::kExtend && operation.end < asked;
  };
  const auto newer = [&](const LifeClaim& claim) {
    return claim.token > token && claim.at < asked;
  };
  if (child.confirmed != kNever &&
      (std::ranges::any_of(parent.operations, over) || std::ranges::any_of(parent.claims, newer))) {
    found.push_back({"L5", name(child) + " was spawned by a claim that was over", child.task});
  }
  if (!child.wish->options.with_completion || child.claims.empty()) return;
  if (parent.maybe_acked(child.claims.front().at, token)) return;
  found.push_back(
      {"L5", name(child) + " was delivered without the completion that it came with", child.task});
}

// Done means that nobody works on a child any more.
void check_done(const LifeTask& parent, const LifeTask& child, std::vector<Violation>& found) {
  for (const LifeLook& look : parent.looks) {
    if (look.state != FinalState::kDone) continue;
    for (const LifeOperation* proof : child.proofs()) {
      if (proof->begin < look.end || child.was_acted(TaskAction::kRedrive, proof->begin)) continue;
      found.push_back({"L5", "the parent was done while " + name(child) + " was not", child.task});
      return;
    }
  }
}

FailurePolicy policy_of(const LifeTasks& tasks, const LifeTask& parent,
                        const LifeOperation& completion) {
  const auto stated = tasks.book.policies().find(completion.operation);
  FailurePolicy policy = FailurePolicy::kDefault;
  if (stated != tasks.book.policies().end()) policy = stated->second;
  if (policy == FailurePolicy::kDefault && parent.wish != nullptr)
    policy = parent.wish->options.on_failed;
  return policy == FailurePolicy::kDefault ? FailurePolicy::kFail : policy;
}

// What became of the parent in the end, where no operator had a hand in it.
void check_end(const LifeTasks& tasks, const Family& family, const LifeOperation& completion,
               std::vector<Violation>& found) {
  const LifeTask& parent = *family.parent;
  bool failed = false;
  bool all_done = !family.maybe_more;
  for (const LifeTask* child : family.children) {
    if (!counts(*child, completion) || child->confirmed == kNever) continue;
    const FinalState state = child->last_state();
    const bool undisturbed = !child->was_acted_on();
    failed |= undisturbed && state == FinalState::kDead;
    all_done &= undisturbed && state == FinalState::kDone && child->completion() != nullptr;
  }
  const std::string parent_name = "parent " + baton::to_string(parent.task);
  const FailurePolicy policy = policy_of(tasks, parent, completion);
  if (failed && policy == FailurePolicy::kFail && parent.last_state() == FinalState::kDone)
    found.push_back({"L5", parent_name + " is done although a child failed", parent.task});
  const bool in_time = parent.wish == nullptr || parent.wish->options.total_timeout == Millis(0);
  if (all_done && in_time && parent.last_state() == FinalState::kDead)
    found.push_back(
        {"L5", parent_name + " is dead although all its children are done", parent.task});
}

bool has_total_timeout(const LifeTasks& tasks, const LifeTask& task) {
  return std::ranges::any_of(tasks.book.changes(), [&](const QueueNote& change) {
    return change.kind == QueueNote::Kind::kTotalTimeout && task.wish != nullptr &&
           change.queue == task.wish->queue;
  });
}

}  // namespace

std::vector<Violation> check_families(const LifeTasks& tasks) {
  std::map<TaskId, Family> families;
  for (const auto& [id, task] : tasks.tasks) {
    if (task.wish == nullptr || !task.wish->options.parent) continue;
    Family& family = families[task.wish->options.parent];
    family.parent = tasks.find(task.wish->options.parent);
    family.children.push_back(&task);
  }
  for (const Asked& asked : tasks.produces) {
    const bool unknown = asked.outcome == Outcome::kUnknown && asked.wish != nullptr;
    if (unknown && asked.wish->options.parent)
      families[asked.wish->options.parent].maybe_more = true;
  }
  std::vector<Violation> found;
  for (const auto& [id, family] : families) {
    if (family.parent == nullptr) continue;
    const LifeOperation* completion = family.parent->completion();
    const bool undisturbed = !family.parent->was_acted_on();
    for (const LifeTask* child : family.children) {
      check_birth(*family.parent, *child, found);
      if (completion != nullptr && undisturbed && child->confirmed != kNever &&
          counts(*child, *completion))
        check_done(*family.parent, *child, found);
    }
    if (completion != nullptr && undisturbed && !has_total_timeout(tasks, *family.parent))
      check_end(tasks, family, *completion, found);
  }
  return found;
}

}  // namespace baton::check
