#include <algorithm>
#include <iterator>
#include <vector>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// The center's own clock may be wrong by up to a twentieth.
constexpr double kFastClock = 1.06;

// A grant, between the moments between which it must have been made.
struct Begun {
  const LifeClaim* claim = nullptr;
  const std::string* queue = nullptr;
  Duration earliest{0};
  Duration latest{0};
};

// All of a run, in their order: none is earlier than what a task before it was asked for, or later
// than one behind it was delivered.
std::vector<Begun> all_begun(const LifeTasks& tasks) {
  static const std::string kNoQueue;
  std::vector<Begun> begun;
  for (const auto& [id, task] : tasks.tasks) {
    const std::string* queue = task.wish == nullptr ? &kNoQueue : &task.wish->queue;
    for (const LifeClaim& claim : task.claims)
      begun.push_back({&claim, queue, task.asked_at, claim.time});
  }
  std::ranges::sort(begun, {}, [](const Begun& one) { return one.claim->token; });
  for (std::size_t i = 1; i < begun.size(); i++)
    begun[i].earliest = std::max(begun[i].earliest, begun[i - 1].earliest);
  for (std::size_t i = begun.size(); i-- > 1;)
    begun[i - 1].latest = std::min(begun[i - 1].latest, begun[i].latest);
  return begun;
}

// A tenth of a second or one claim may have been saved up before, and again by a tick that counts
// what was before.
double allowed(std::uint64_t rate, Duration length) {
  const double saved_up = std::max(1.0, static_cast<double>(rate) / 10);
  const double seconds = std::chrono::duration<double>(length).count();
  return static_cast<double>(rate) * seconds * kFastClock + 2 * saved_up;
}

void check_rate(const QueueNote& rate, const std::vector<Begun>& begun,
                std::vector<Violation>& found) {
  for (std::size_t first = 0; first < begun.size(); first++) {
    for (std::size_t last = first; last < begun.size(); last++) {
      const Duration length = begun[last].latest - begun[first].earliest;
      const std::size_t grants = last - first + 1;
      if (static_cast<double>(grants) <= allowed(rate.value, length)) continue;
      const auto ms = std::chrono::duration_cast<Millis>(length);
      found.push_back({"L11",
                       std::to_string(grants) + " tasks of queue '" + rate.queue +
                           "' were granted within " + std::to_string(ms.count()) +
                           " ms, which is limited to " + std::to_string(rate.value) + " a second",
                       begun[last].claim->task});
      return;
    }
  }
}

}  // namespace

std::vector<Violation> check_rates(const LifeTasks& tasks) {
  std::vector<Violation> found;
  const std::vector<Begun> all = all_begun(tasks);
  for (const QueueNote& rate : tasks.book.changes()) {
    if (rate.kind != QueueNote::Kind::kRate || !rate.ok || rate.value == 0) continue;
    const Token from = tasks.granted_after(rate.end);
    const Moment until = tasks.holds_until(rate);
    std::vector<Begun> begun;
    std::ranges::copy_if(all, std::back_inserter(begun), [&](const Begun& one) {
      return *one.queue == rate.queue && one.claim->token >= from && one.claim->at <= until;
    });
    check_rate(rate, begun, found);
  }
  return found;
}

}  // namespace baton::check
