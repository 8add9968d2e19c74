#include "tests/sim/cluster/sim_tasks.h"

#include <algorithm>

#include "tests/support/draw.h"

namespace baton::sim {
namespace {

constexpr std::uint64_t kLatest = 40;       // tasks of which one is chosen
constexpr std::uint64_t kOtherContent = 6;  // one in so many uses of a key

bool percent(std::uint64_t of_hundred, Random& random) { return random.below(100) < of_hundred; }

Millis seconds_up_to(std::uint64_t seconds, Random& random) {
  return Millis(1 + static_cast<std::int64_t>(random.below(1000 * seconds)));
}

FailurePolicy any_policy(Random& random) {
  using enum FailurePolicy;
  return one_of(random, {kDefault, kFail, kIgnore, kWait});
}

}  // namespace

void SimTasks::wish(Wished& wished, SimTime now, Random& random) {
  TaskOptions& options = wished.options;
  if (percent(plan_.priorities, random))
    options.priority = 1 + static_cast<std::uint32_t>(random.below(10));
  if (percent(plan_.delays, random)) options.delay = seconds_up_to(5, random);
  if (plan_.times > 0 && percent(plan_.times, random)) {
    options.delay = Millis(0);
    options.not_before = calendar(now + seconds_up_to(5, random));
  }
  if (percent(plan_.times_to_live, random)) options.time_to_live = 1s + seconds_up_to(10, random);
  if (percent(plan_.timeouts, random)) {
    const std::uint64_t which = random.below(4);
    const Millis time = 500ms + seconds_up_to(8, random);
    if (which == 0) options.wait_timeout = time;
    if (which == 1) options.total_timeout = time;
    if (which == 2) options.attempt_timeout = time;
    if (which == 3) options.max_attempts = 1 + static_cast<std::uint32_t>(random.below(3));
  }
  if (percent(plan_.order_keys, random)) options.order_key = "o" + std::to_string(random.below(4));
  if (percent(plan_.fair_keys, random)) {
    const std::uint64_t which = random.below(5);
    options.fair_key = "f" + std::to_string(which);
    options.fair_weight =
        1 + static_cast<std::uint32_t>(plan_.tenants ? which % 3 : random.below(5));
  }
  if (percent(plan_.after, random)) {
    for (std::uint64_t i = random.below(3) + 1; i > 0; i--) {
      const Known* first = any_known(random);
      if (first != nullptr && std::ranges::find(options.after, first->task) == options.after.end())
        options.after.push_back(first->task);
    }
    options.on_failed = any_policy(random);
  }
  if (percent(plan_.keys, random)) use_key(wished, now, random);
}

void SimTasks::use_key(Wished& wished, SimTime now, Random& random) {
  wished.options.key = "k" + std::to_string(random.below(30));
  const auto [at, first] = keyed_.try_emplace(wished.queue + wished.options.key, wished, now);
  if (first || random.one_in(kOtherContent)) return;
  Keyed& used = at->second;
  // Where few keys are remembered nobody can count on any.
  const bool over = plan_.key_windows > 0 && now - used.since > kKeyUsed;
  if (over || plan_.forgets_keys(wished.queue)) {
    used = {wished, now};
  } else {
    wished = used.wished;
  }
}

void SimTasks::wish_child(Wished& wished, TaskId parent, Token token, Random& random) {
  TaskOptions& options = wished.options;
  options.parent = parent;
  options.parent_token = token;
  options.with_completion = random.one_in(2);
  if (percent(plan_.priorities, random))
    options.priority = 1 + static_cast<std::uint32_t>(random.below(10));
  if (random.one_in(4)) options.max_attempts = 1;
  if (percent(plan_.delays, random)) options.delay = seconds_up_to(2, random);
  // Keys of their own: behind its parent's one a child would wait for its parent.
  if (percent(plan_.order_keys, random)) options.order_key = "c" + std::to_string(random.below(2));
}

bool SimTasks::wish_copy(Wished& wished, std::string name, std::uint64_t& content, Random& random) {
  const Known* original = any_known(random);
  if (original == nullptr) return false;
  wished.queue = original->queue;
  wished.payload.clear();
  wished.options = TaskOptions();
  wished.options.retry_of = original->task;
  wished.options.type = std::move(name);
  content = original->content;
  return true;
}

const SimTasks::Known* SimTasks::any_known(Random& random) const {
  if (known_.empty()) return nullptr;
  const std::uint64_t back = random.below(std::min<std::uint64_t>(kLatest, known_.size()));
  return &known_[known_.size() - 1 - back];
}

}  // namespace baton::sim
