#include "center/service/forgotten_ends.h"

#include <memory>
#include <utility>

#include "center/core/transition_rules.h"

namespace baton::center {
namespace {

constexpr std::size_t kPage = 1000;

}  // namespace

bool has_ended(TaskState state) {
  return state == TaskState::kDone || state == TaskState::kDead || state == TaskState::kCancelled ||
         state == TaskState::kQuarantined || state == TaskState::kVoid;
}

std::string reason_of(Cause cause) {
  switch (cause) {
    case Cause::kTimeToLive:
      return "its time to live was over";
    case Cause::kPurged:
      return "its queue was purged";
    case Cause::kDiscarded:
      return "it was discarded";
    default:
      return "";
  }
}

void ForgottenEnds::applied(const Effects& effects) {
  for (const Transition& transition : effects.transitions) {
    // Why somebody cancelled it only the archive has.
    const bool known = is_final(transition.to) && transition.cause != Cause::kCancelled;
    if (!known || transition.count != 1) continue;
    if (newer_.size() >= kRememberedMax) {
      older_ = std::move(newer_);
      newer_ = Recent();
    }
    newer_[transition.first.value()] = {transition.to, transition.cause};
  }
}

const ForgottenEnds::Remembered* ForgottenEnds::find(TaskId task) const {
  for (const Recent* recent : {&newer_, &older_}) {
    if (const auto found = recent->find(task.value()); found != recent->end())
      return &found->second;
  }
  return nullptr;
}

void ForgottenEnds::ask(TaskId task, Told told) {
  if (const Remembered* end = find(task); end != nullptr)
    return told(End{end->state, reason_of(end->cause)});
  if (askers_ >= kAskingMax)
    return told(Status(ErrorCode::kRetryLater, "too many ask how tasks ended"));
  ++askers_;
  std::vector<Told>& askers = asking_[task];
  askers.push_back(std::move(told));
  if (askers.size() == 1) look_up(task, "", std::nullopt);
}

// Through the history of the task to its last transition.
void ForgottenEnds::look_up(TaskId task, const std::string& cursor,
                            std::optional<HistoryEvent> last) {
  const auto page = std::make_shared<std::optional<Result<HistoryPage>>>();
  const Closure found =
      gate_.on_loop([this, task, page, last = std::move(last)] { on_page(task, **page, last); });
  host_.look_up(task, cursor, kPage, [page, found](const Result<HistoryPage>& looked_up) {
    *page = looked_up;
    found();
  });
}

void ForgottenEnds::on_page(TaskId task, const Result<HistoryPage>& page,
                            std::optional<HistoryEvent> last) {
  if (page.status().code() == ErrorCode::kRetryLater) return tell(task, page.status());
  if (page.ok()) {
    for (const HistoryEvent& event : page.value().events) {
      if (!is_note(event.transition)) last = event;
    }
    if (!page.value().next.empty()) return look_up(task, page.value().next, std::move(last));
  }
  // What the archive has no more is only known to be finished.
  if (!last || !has_ended(last->transition.to)) return tell(task, End{});
  tell(task, End{last->transition.to,
                 last->reason.empty() ? reason_of(last->transition.cause) : last->reason});
}

void ForgottenEnds::tell(TaskId task, const Result<End>& end) {
  const auto asking = asking_.extract(task);
  askers_ -= asking.mapped().size();
  for (const Told& told : asking.mapped()) told(end);
}

}  // namespace baton::center
