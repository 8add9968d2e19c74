// C5 against an oracle: random executions of one task by a machine written here pass, and of their
// mutations exactly those are found that trying everything cannot explain either. BATON_SEED is the
// first seed, BATON_RUNS how many.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/random.h"
#include "common/history/checkers.h"
#include "tests/support/environment.h"

namespace baton::check {
namespace {

constexpr std::uint32_t kMaxAttempts = 2;
constexpr std::int64_t kUnit = 5;  // ms; every time of these histories is a multiple
constexpr TaskId kTask{7};

enum class Where : std::uint8_t { kAbsent, kWaiting, kClaimed, kDone, kDead, kQuarantined };

struct Machine {
  Where where = Where::kAbsent;
  std::uint64_t token = 0;
  std::uint64_t process = 0;  // 0: anybody
  std::uint64_t newest = 0;
  std::uint32_t nacks = 0;
  std::int64_t claim_end = 0;
  auto operator<=>(const Machine&) const = default;

  [[nodiscard]] bool held_by(std::uint64_t used, std::uint64_t by) const {
    return where == Where::kClaimed && token == used && (process == 0 || process == by);
  }
  // What an accepted operation does; false when it cannot be accepted.
  bool accept(const Event& event, std::int64_t now) {
    const bool holds = held_by(event.token.value(), event.process);
    switch (event.action) {
      case Action::kAck:
        if (where == Where::kDone) return token == event.token.value();
        if (holds) where = Where::kDone;
        return holds;
      case Action::kNack:
        if (holds) where = ++nacks >= kMaxAttempts ? Where::kDead : Where::kWaiting;
        return holds;
      case Action::kRelease:
        if (holds) where = Where::kWaiting;
        return holds;
      case Action::kExtend:
        if (holds && claim_end > 0) claim_end = std::max(claim_end, now + event.lease_ms);
        return holds;
      default:
        return false;
    }
  }
  [[nodiscard]] bool looks(FinalState state, std::uint64_t by) const {
    switch (state) {
      case FinalState::kNotFound:
        return where == Where::kAbsent;
      case FinalState::kWaiting:
        return where == Where::kWaiting;
      case FinalState::kClaimed:
        return where == Where::kClaimed;
      case FinalState::kDone:
        return where == Where::kDone && (by == 0 || by == token);
      case FinalState::kDead:
        return where == Where::kDead;
      case FinalState::kQuarantined:
        return where == Where::kQuarantined;
      case FinalState::kOther:
      case FinalState::kCancelled:
        return false;
    }
    return false;
  }
};

std::int64_t ms_of(const Event& event) { return event.at / std::chrono::milliseconds(1); }

// ---- the oracle: every order, at every time -------------------------------------------------

class Oracle {
 public:
  explicit Oracle(std::vector<Event> events) : events_(std::move(events)) {
    std::map<std::uint64_t, std::size_t> invoked;
    std::set<std::uint64_t> delivered;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const Event& event = events_[i];
      if (event.outcome == Outcome::kInvoke) {
        invoked[event.operation] = i;
        if (event.action != Action::kProduce) steps_.push_back({i, kNever, event});
      } else if (event.action == Action::kProduce) {
        if (event.outcome == Outcome::kOk) born_ = invoked[event.operation] + 1;
      } else if (event.action == Action::kDelivery) {
        if (delivered.insert(event.token.value()).second) steps_.push_back({0, i, event});
      } else {
        for (Step& step : steps_) {
          if (step.event.operation == event.operation && step.event.operation != 0) {
            step.event = event;
            if (event.outcome != Outcome::kUnknown) step.end = i;
          }
        }
      }
    }
    for (Step& step : steps_) {
      if (step.event.outcome == Outcome::kInvoke) step.event.outcome = Outcome::kUnknown;
      if (step.event.token && !delivered.contains(step.event.token.value()) &&
          step.event.action != Action::kState && step.event.outcome != Outcome::kFail)
        unseen_.insert(step.event.token.value());
    }
  }

  bool explains() { return search(0, 0, 0, Machine{}); }

 private:
  static constexpr std::size_t kNever = SIZE_MAX;
  struct Step {
    std::size_t begin = 0;  // of an operation: the place of its invoke
    std::size_t end = kNever;
    Event event;
  };

  // `passed` events are over, the time is `now`.
  bool search(std::size_t passed, std::int64_t now, std::uint64_t placed, Machine machine) {
    if (!seen_.insert({passed, now, placed, machine}).second) return false;
    if (passed == events_.size()) return true;
    const std::int64_t next_at = ms_of(events_[passed]);
    if (all_over(passed, placed) && search(passed + 1, next_at, placed, machine)) return true;
    if (now + kUnit <= next_at && search(passed, now + kUnit, placed, machine)) return true;
    return unseen_moves(passed, now, placed, machine) || steps(passed, now, placed, machine);
  }

  // Whether what must have taken place before the next event has.
  bool all_over(std::size_t passed, std::uint64_t placed) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].end == passed && (placed >> i & 1) == 0 && must(steps_[i])) return false;
    }
    return true;
  }
  static bool must(const Step& step) {
    const bool look = step.event.action == Action::kState;
    return step.event.outcome == Outcome::kOk || (step.event.outcome == Outcome::kFail && !look);
  }

  bool unseen_moves(std::size_t passed, std::int64_t now, std::uint64_t placed,
                    const Machine& machine) {
    Machine next = machine;
    if (machine.where == Where::kAbsent || machine.where == Where::kWaiting) {
      next.where = Where::kQuarantined;
      if (search(passed, now, placed, next)) return true;
      if (machine.where == Where::kAbsent) {
        next.where = Where::kWaiting;
        return search(passed, now, placed, next);
      }
      // Somebody has it whom nobody hears of; or whose token is seen only later.
      next.where = Where::kClaimed;
      next.token = next.process = 0;
      next.claim_end = 0;
      if (search(passed, now, placed, next)) return true;
      if (passed < born_) return false;
      for (const std::uint64_t token : unseen_) {
        if (token <= machine.newest) continue;
        next.token = next.newest = token;
        if (search(passed, now, placed, next)) return true;
      }
      return false;
    }
    if (machine.where != Where::kClaimed || now < machine.claim_end) return false;
    next.where = Where::kWaiting;
    return search(passed, now, placed, next);
  }

  bool steps(std::size_t passed, std::int64_t now, std::uint64_t placed, const Machine& machine) {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if ((placed >> i & 1) != 0 || (step.end != kNever && passed > step.end)) continue;
      const std::uint64_t with = placed | std::uint64_t{1} << i;
      Machine next = machine;
      if (step.event.action == Action::kDelivery) {
        const std::uint64_t token = step.event.token.value();
        if (passed < born_ || machine.where != Where::kWaiting || token <= machine.newest) continue;
        next.where = Where::kClaimed;
        next.token = next.newest = token;
        next.process = step.event.process;
        next.claim_end = step.event.lease_ms == 0 ? 0 : now + step.event.lease_ms;
        if (search(passed, now, with, next)) return true;
        continue;
      }
      if (passed <= step.begin) continue;
      if (step.event.action == Action::kState) {
        if (step.event.outcome == Outcome::kOk &&
            machine.looks(step.event.state, step.event.token.value()) &&
            search(passed, now, with, machine))
          return true;
      } else if (step.event.outcome == Outcome::kFail) {
        if (!machine.held_by(step.event.token.value(), step.event.process) &&
            search(passed, now, with, machine))
          return true;
      } else if (next.accept(step.event, now) && search(passed, now, with, next)) {
        return true;
      }
    }
    return false;
  }

  std::vector<Event> events_;
  std::vector<Step> steps_;
  std::set<std::uint64_t> unseen_;  // tokens that were used and never seen to arrive
  std::size_t born_ = 0;
  std::set<std::tuple<std::size_t, std::int64_t, std::uint64_t, Machine>> seen_;
};

void sort_by_time(std::vector<Event>& events) {
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return std::tie(a.at, a.operation, a.outcome, a.token) <
           std::tie(b.at, b.operation, b.outcome, b.token);
  });
}

// ---- random executions ----------------------------------------------------------------------

class Execution {
 public:
  explicit Execution(std::uint64_t seed) : random_(seed) {}

  std::vector<Event> run() {
    produce();
    const std::uint64_t steps = 2 + random_.below(5);
    for (std::uint64_t i = 0; i < steps; ++i) {
      now_ += kUnit * static_cast<std::int64_t>(2 + random_.below(6));
      step();
    }
    sort_by_time(events_);
    return renumbered(events_);
  }

  // Operations numbered by their invokes, what has lost its invoke left out.
  static std::vector<Event> renumbered(const std::vector<Event>& events) {
    std::map<std::uint64_t, std::uint64_t> numbers;
    std::vector<Event> result;
    for (Event event : events) {
      if (event.outcome == Outcome::kInvoke) {
        numbers.emplace(event.operation, numbers.size() + 1);
      } else if (event.operation != 0 && !numbers.contains(event.operation)) {
        continue;
      }
      if (event.operation != 0) event.operation = numbers.at(event.operation);
      result.push_back(event);
    }
    return result;
  }

 private:
  void produce() {
    now_ = 10 * kUnit;
    Event event;
    event.producer = event.number = 1;
    operation(event, Outcome::kOk);
  }

  void step() {
    if (machine_.where == Where::kAbsent && !random_.one_in(4)) machine_.where = Where::kWaiting;
    if (machine_.where == Where::kWaiting && !random_.one_in(4)) return grant();
    if (machine_.where == Where::kClaimed && now_ >= machine_.claim_end && random_.one_in(5))
      machine_.where = Where::kWaiting;
    if (random_.one_in(4) || tokens_.empty()) return look();
    operate();
  }

  void grant() {
    machine_.where = Where::kClaimed;
    machine_.token = machine_.newest = 1 + tokens_.size();
    machine_.process = 200 + random_.below(2);
    const std::uint32_t lease = random_.one_in(2) ? 0 : static_cast<std::uint32_t>(kUnit * 4);
    machine_.claim_end = lease == 0 ? 0 : now_ + lease;
    tokens_.push_back(machine_.process);
    Event event;
    event.action = Action::kDelivery;
    event.task = kTask;
    event.token = Token(machine_.token);
    event.process = machine_.process;
    event.lease_ms = lease;
    event.at = after(now_);
    events_.push_back(event);
  }

  void look() {
    static constexpr FinalState kStates[] = {FinalState::kNotFound, FinalState::kWaiting,
                                             FinalState::kClaimed,  FinalState::kDone,
                                             FinalState::kDead,     FinalState::kQuarantined};
    Event event;
    event.action = Action::kState;
    event.task = kTask;
    Event seen = event;
    seen.state = kStates[static_cast<std::size_t>(machine_.where)];
    if (machine_.where == Where::kDone && random_.one_in(2)) seen.token = Token(machine_.token);
    operation(event, Outcome::kOk, seen);
  }

  void operate() {
    static constexpr Action kActions[] = {Action::kAck, Action::kAck, Action::kNack,
                                          Action::kRelease, Action::kExtend};
    Event event;
    event.action = kActions[random_.below(5)];
    event.task = kTask;
    const std::uint64_t back = random_.one_in(3) ? random_.below(tokens_.size()) : 0;
    event.token = Token(tokens_.size() - back);
    event.process = random_.one_in(6) ? 299 : tokens_[event.token.value() - 1];
    if (event.action == Action::kExtend) event.lease_ms = static_cast<std::uint32_t>(kUnit * 8);
    const bool reaches = !random_.one_in(6);
    Machine after = machine_;
    const bool good = reaches && after.accept(event, now_);
    if (good) machine_ = after;
    const bool heard = reaches && !random_.one_in(4);
    operation(event, !heard ? Outcome::kUnknown : good ? Outcome::kOk : Outcome::kFail);
  }

  void operation(Event event, Outcome outcome) {
    Event end = event;
    if (event.action == Action::kProduce) end.task = kTask;
    operation(event, outcome, end);
  }
  void operation(Event event, Outcome outcome, Event end) {
    event.operation = end.operation = ++operations_;
    event.outcome = Outcome::kInvoke;
    event.at = Duration(std::chrono::milliseconds(
        std::max<std::int64_t>(0, now_ - kUnit * static_cast<std::int64_t>(1 + random_.below(9)))));
    events_.push_back(event);
    if (outcome == Outcome::kUnknown && random_.one_in(2)) return;  // open to the end
    end.outcome = outcome;
    end.at = after(now_);
    events_.push_back(end);
  }
  Duration after(std::int64_t ms) {
    return Duration(
        std::chrono::milliseconds(ms + kUnit * static_cast<std::int64_t>(1 + random_.below(9))));
  }

  Random random_;
  Machine machine_;
  std::int64_t now_ = 0;
  std::uint64_t operations_ = 0;
  std::vector<std::uint64_t> tokens_;  // by token - 1: whose
  std::vector<Event> events_;
};

// One change, of which nobody knows whether it breaks anything.
std::vector<Event> mutated(std::vector<Event> events, Random& random) {
  Event& event = events[random.below(events.size())];
  switch (random.below(6)) {
    case 0:
      if (event.outcome == Outcome::kOk && is_claim_operation(event.action))
        event.outcome = Outcome::kFail;
      else if (event.outcome == Outcome::kFail)
        event.outcome = Outcome::kOk;
      break;
    case 1:
      if (event.token) event.token = Token(1 + random.below(4));
      for (Event& other : events) {
        if (event.operation != 0 && other.operation == event.operation) other.token = event.token;
      }
      break;
    case 2:
      if (event.action == Action::kState && event.outcome == Outcome::kOk)
        event.state = static_cast<FinalState>(random.below(6));
      break;
    case 3: {
      const std::size_t other = random.below(events.size());
      std::swap(event.at, events[other].at);
      sort_by_time(events);
      break;
    }
    case 4:
      if (event.action == Action::kDelivery) event.lease_ms = kUnit * 10;
      break;
    default:
      if (event.action == Action::kDelivery) event.process = 200 + random.below(3);
      break;
  }
  return Execution::renumbered(events);
}

// False where the order of lines is no history: an end before its invoke. Also where the produce has
// lost its end: of a task that nobody confirmed nobody knows since when there may be claims, so that
// the checker expects nothing of their leases, and the oracle, whose time begins at 0, does.
bool is_history(const std::vector<Event>& events) {
  std::set<std::uint64_t> open;
  bool confirmed = false;
  for (const Event& event : events) {
    if (event.operation == 0) continue;
    if (event.outcome == Outcome::kInvoke) {
      open.insert(event.operation);
    } else if (open.erase(event.operation) == 0) {
      return false;
    }
    confirmed |= event.action == Action::kProduce && event.outcome == Outcome::kOk;
  }
  return confirmed;
}

History history_of(const std::vector<Event>& events) {
  History history;
  std::map<std::uint64_t, std::uint64_t> operations;
  for (const Event& event : events) {
    if (event.operation == 0) {
      history.note(event);
    } else if (event.outcome == Outcome::kInvoke) {
      operations[event.operation] = history.invoke(event);
    } else {
      history.end_as(operations.at(event.operation), event);
    }
  }
  return history;
}

bool checker_accepts(const History& history) {
  const Linearizability result =
      check_linearizability(history, {.lease_share = 1.0, .max_attempts = kMaxAttempts});
  REQUIRE(result.undecided == 0);
  return result.violations.empty();
}

TEST_CASE("C5 agrees with an oracle on random executions and their mutations") {
  const std::uint64_t first_seed = testing::number_from_environment("BATON_SEED", 1);
  const std::uint64_t executions = testing::number_from_environment("BATON_RUNS", 1500);
  std::cout << executions << " seeds from " << first_seed << "\n";
  std::uint64_t found = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + executions; ++seed) {
    CAPTURE(seed);
    const std::vector<Event> events = Execution(seed).run();
    {
      const History history = history_of(events);
      INFO(history.story(kTask));
      REQUIRE(checker_accepts(history));
    }
    Random random(seed ^ 0x5bd1e995U);
    for (int i = 0; i < 4; ++i) {
      const std::vector<Event> wrong = mutated(events, random);
      if (!is_history(wrong)) continue;
      const History history = history_of(wrong);
      INFO(history.story(kTask));
      const bool explained = Oracle(wrong).explains();
      REQUIRE(checker_accepts(history) == explained);
      found += explained ? 0 : 1;
    }
  }
  INFO("mutations that break something: " << found);
  CHECK(found >= executions / 10);
}

}  // namespace
}  // namespace baton::check
