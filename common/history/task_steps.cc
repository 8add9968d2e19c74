#include "common/history/task_steps.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "common/base/hash64.h"

namespace baton::check {
namespace {

Step::Kind kind_of(Action action) {
  switch (action) {
    case Action::kAck:
      return Step::Kind::kAck;
    case Action::kNack:
      return Step::Kind::kNack;
    case Action::kRelease:
      return Step::Kind::kRelease;
    case Action::kExtend:
      return Step::Kind::kExtend;
    case Action::kState:
      return Step::Kind::kLook;
    case Action::kProduce:
    case Action::kGrant:
    case Action::kDelivery:
      break;
  }
  return Step::Kind::kGrant;
}

// One pass over a history.
class Collector {
 public:
  Collector(std::uint64_t slice, std::uint64_t slices, bool births)
      : slice_(slice), slices_(slices), births_(births) {}

  void see(const Event& event, std::uint64_t index) {
    index_ = index;
    if (event.action == Action::kProduce) {
      if (births_) see_produce(event);
      return;
    }
    if (!event.task || hash64(event.task.value()) % slices_ != slice_) return;
    if (is_claim(event.action)) return see_claim(event);
    if (event.operation == 0) return add_step(event, 2 * index_, event.at, 2 * index_ + 1);
    if (event.outcome == Outcome::kInvoke) {
      open_[event.operation] = {event, index_};
      return;
    }
    const auto asked = open_.find(event.operation);
    const bool known = event.outcome != Outcome::kUnknown;
    add_step(event, 2 * asked->second.index + 1, asked->second.event.at,
             known ? 2 * index_ : Step::kOpen);
    open_.erase(asked);
  }

  std::vector<Step> take() {
    for (const auto& [operation, asked] : open_) {
      Event event = asked.event;
      event.outcome = Outcome::kUnknown;
      add_step(event, 2 * asked.index + 1, asked.event.at, Step::kOpen);
    }
    add_unseen_grants();
    for (const auto& [key, grant] : grants_) steps_.push_back(grant);
    std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
      return std::tie(a.task, a.begin, a.end, a.token) < std::tie(b.task, b.begin, b.end, b.token);
    });
    for (std::size_t first = 0; first < steps_.size();) {
      std::size_t last = first;
      while (last < steps_.size() && steps_[last].task == steps_[first].task) ++last;
      narrow_grants(first, last);
      first = last;
    }
    return std::move(steps_);
  }

 private:
  struct Asked {
    Event event;
    std::uint64_t index = 0;
  };
  struct Key {
    TaskId task;
    Token token;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return hash64(key.task.value() ^ hash64(key.token.value()));
    }
  };

  void see_produce(const Event& event) {
    if (event.outcome == Outcome::kInvoke) {
      produces_[event.operation] = {index_, event.at};
      return;
    }
    const auto asked = produces_.find(event.operation);
    if (asked == produces_.end()) return;
    if (event.outcome == Outcome::kOk && hash64(event.task.value()) % slices_ == slice_) {
      born_.try_emplace(event.task, asked->second);
    }
    produces_.erase(asked);
  }

  // Where the ledger is visible the claim is known to the event; else it was before it arrived.
  void see_claim(const Event& event) {
    const bool exact = event.action == Action::kGrant;
    const auto [at, first] = grants_.try_emplace(Key{event.task, event.token});
    if (!first) return;  // C2 has an opinion about a second one
    Step& grant = at->second;
    grant.task = event.task;
    grant.token = event.token;
    grant.process = event.process;
    grant.lease_ms = event.lease_ms;
    grant.begin = exact ? 2 * index_ : 0;
    grant.begin_at = exact ? event.at : Duration(INT64_MIN);
    grant.end = 2 * index_ + 1;
    grant.end_at = event.at;
  }

  void add_step(const Event& event, std::uint64_t begin, Duration begin_at, std::uint64_t end) {
    Step step;
    step.task = event.task;
    step.kind = kind_of(event.action);
    step.need = event.outcome == Outcome::kOk     ? Step::Need::kMust
                : event.outcome == Outcome::kFail ? Step::Need::kRefused
                                                  : Step::Need::kMay;
    // What may have happened and changes nothing says nothing; nor does a failed look.
    const bool look = step.kind == Step::Kind::kLook;
    if (look && step.need != Step::Need::kMust) return;
    if (step.kind == Step::Kind::kExtend && step.need == Step::Need::kMay) return;
    step.state = event.state;
    step.lease_ms = event.lease_ms;
    step.token = event.token;
    step.process = event.process;
    step.begin = begin;
    step.begin_at = begin_at;
    step.end = end;
    step.end_at = end == Step::kOpen ? Duration(INT64_MAX) : event.at;
    steps_.push_back(step);
  }

  // A token that was used and never seen to arrive was granted at some time before, to somebody.
  void add_unseen_grants() {
    for (const Step& step : steps_) {
      if (step.kind == Step::Kind::kLook || step.need == Step::Need::kRefused) continue;
      const bool must = step.need == Step::Need::kMust;
      const auto [at, first] = grants_.try_emplace(Key{step.task, step.token});
      Step& grant = at->second;
      if (!first && grant.lease_ms != kUnseen) continue;
      grant.task = step.task;
      grant.token = step.token;
      grant.lease_ms = kUnseen;
      grant.begin_at = Duration(INT64_MIN);
      if (first) grant.need = Step::Need::kMay;
      if (first) grant.end_at = Duration(INT64_MAX);
      if (must) grant.need = Step::Need::kMust;
      if (must && step.end < grant.end) {
        grant.end = step.end;
        grant.end_at = step.end_at;
      }
    }
    for (auto& [key, grant] : grants_) {
      if (grant.lease_ms == kUnseen) grant.lease_ms = 0;
    }
  }

  // After the produce, and in the order of the tokens.
  void narrow_grants(std::size_t first, std::size_t last) {
    std::vector<Step*> grants;  // those that were made
    const auto born = born_.find(steps_[first].task);
    for (std::size_t i = first; i < last; ++i) {
      Step& step = steps_[i];
      if (step.kind != Step::Kind::kGrant) continue;
      if (step.need == Step::Need::kMust) grants.push_back(&step);
      if (born == born_.end()) continue;
      step.begin = std::max(step.begin, 2 * born->second.index + 1);
      step.begin_at = std::max(step.begin_at, born->second.at);
    }
    std::sort(grants.begin(), grants.end(),
              [](const Step* a, const Step* b) { return a->token < b->token; });
    for (std::size_t i = grants.size(); i-- > 1;) {
      if (grants[i]->end >= grants[i - 1]->end) continue;
      grants[i - 1]->end = grants[i]->end;
      grants[i - 1]->end_at = grants[i]->end_at;
    }
    std::sort(steps_.begin() + static_cast<std::ptrdiff_t>(first),
              steps_.begin() + static_cast<std::ptrdiff_t>(last), [](const Step& a, const Step& b) {
                return std::tie(a.begin, a.end, a.token) < std::tie(b.begin, b.end, b.token);
              });
  }

  struct Born {
    std::uint64_t index = 0;
    Duration at{0};
  };
  static constexpr std::uint32_t kUnseen = UINT32_MAX;

  const std::uint64_t slice_;
  const std::uint64_t slices_;
  const bool births_;
  std::uint64_t index_ = 0;
  std::vector<Step> steps_;
  std::unordered_map<Key, Step, KeyHash> grants_;
  std::unordered_map<std::uint64_t, Asked> open_;
  std::unordered_map<std::uint64_t, Born> produces_;  // by operation
  std::unordered_map<TaskId, Born> born_;             // by task: the produce that was confirmed
};

}  // namespace

std::string to_string(const Step& step) {
  static constexpr const char* kNames[] = {"grant", "ack", "nack", "release", "extend", "look"};
  std::string text = kNames[static_cast<std::size_t>(step.kind)];
  if (step.kind == Step::Kind::kLook) text += " that saw " + std::string(to_string(step.state));
  if (step.token) text += " of token " + std::to_string(step.token.value());
  if (step.process != 0) text += " by process " + std::to_string(step.process);
  if (step.need == Step::Need::kRefused) text += ", refused";
  return text;
}

std::vector<Step> collect_steps(const History& history, std::uint64_t slice, std::uint64_t slices,
                                bool births) {
  Collector collector(slice, slices, births);
  std::uint64_t index = 0;
  for (const Event& event : history.events()) collector.see(event, index++);
  return collector.take();
}

}  // namespace baton::check
