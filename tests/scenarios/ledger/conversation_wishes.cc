// The verbs about what tasks and queues may ask for, and about what operators do.
#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <type_traits>

#include "tests/scenarios/ledger/conversation.h"
#include "tests/scenarios/ledger/conversation_text.h"

namespace baton::center::scenario {
namespace {

template <class Enum>
Enum one_of(const std::string& word, const std::vector<std::string>& words) {
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) throw std::invalid_argument("no such value: " + word);
  return static_cast<Enum>(at - words.begin());
}

template <class Value>
Value value_of(const std::string& word, WallTime now) {
  if constexpr (std::is_same_v<Value, Millis>) {
    return duration_of(word);
  } else if constexpr (std::is_same_v<Value, WallTime>) {
    return WallTime{now.ms + duration_of(word).count()};
  } else if constexpr (std::is_same_v<Value, KeepFinished>) {
    return one_of<Value>(word, {"none", "results", "all"});
  } else if constexpr (std::is_same_v<Value, OnUncertain>) {
    return one_of<Value>(word, {"retry", "hold"});
  } else if constexpr (std::is_same_v<Value, OnDead>) {
    return one_of<Value>(word, {"release", "hold"});
  } else if constexpr (std::is_same_v<Value, bool>) {
    return one_of<int>(word, {"no", "yes"}) == 1;
  } else {
    return static_cast<Value>(std::stoull(word));
  }
}

Millis span(const std::string& word) { return word.empty() ? Millis(0) : duration_of(word); }

}  // namespace

TaskOptions Conversation::options_of(const Words& words) {
  TaskOptions options;
  if (words.named.contains("delay"))
    options.not_before = WallTime{wall_.ms + duration_of(words.get("delay", "")).count()};
  options.time_to_live = span(words.get("ttl", ""));
  options.wait_timeout = span(words.get("wait_timeout", ""));
  options.attempt_timeout = span(words.get("attempt_timeout", ""));
  options.total_timeout = span(words.get("total_timeout", ""));
  options.max_attempts = static_cast<std::uint32_t>(words.number("max_attempts", 0));
  options.key = words.get("key", "");
  options.order_key = words.get("order", "");
  options.fair_key = words.get("fair", "");
  options.fair_weight = static_cast<std::uint32_t>(words.number("weight", 0));
  options.on_failed = policy_of(words.get("on_failed", ""));
  for (const std::string& task : split(words.get("after", "")))
    options.after.push_back(task_of(task));
  if (words.named.contains("parent")) {
    options.parent = task_of(words.get("parent", ""));
    options.parent_token =
        words.named.contains("token") ? token_of(words.get("token", "")) : tokens_[options.parent];
    options.with_completion = words.has("with_completion");
  }
  return options;
}

// Of tasks that only the ledger confirms: what their producer is told.
std::string Conversation::winners_text(const CreatedOutcome& outcome) {
  std::string answer;
  for (const Winner& winner : outcome.winners) {
    answer += ", offset " + std::to_string(winner.offset.value()) + " is ";
    answer += winner.task ? text(winner.task) : std::string(to_string(winner.code));
    if (winner.duplicate) answer += " already, which is " + std::string(to_string(winner.state));
  }
  return answer;
}

void Conversation::add_wishes(Operation& op, const Words& words) {
  if (words.named.contains("delay")) op.delay = duration_of(words.get("delay", ""));
  op.dead = words.has("dead");
  op.on_failed_child = policy_of(words.get("on_failed", ""));
  if (words.named.contains("percent"))
    op.percent = static_cast<std::uint32_t>(words.number("percent", 0));
  op.progress = words.get("progress", "");
  op.checkpoint = words.named.contains("checkpoint");
  if (words.number("checkpoint", 0) != 0)
    op.result = {member(words.at(1)).shard, Lsn(words.number("checkpoint", 0)), 1};
}

std::string Conversation::set(const Words& words) {
  SetQueue command{words.at(1), {}};
  std::size_t known = 0;
  for_each_setting([&](const char* name, auto, auto wanted) {
    if (!words.named.contains(name)) return;
    using Value = typename std::remove_reference_t<decltype(command.change.*wanted)>::value_type;
    command.change.*wanted = value_of<Value>(words.get(name, ""), wall_);
    ++known;
  });
  if (known != words.named.size()) throw std::invalid_argument("no such setting");
  return text(std::get<SimpleOutcome>(send(Incarnation(), command)).status);
}

std::string Conversation::purge(const Words& words) {
  const auto outcome = std::get<PurgeOutcome>(send(Incarnation(), Purge{words.at(1)}));
  return text(outcome.status) + ", " + std::to_string(outcome.tasks) + " waited";
}

std::string Conversation::borrow(const Words& words) {
  Borrow command;
  command.queue = words.at(2);
  command.have_tasks = words.number("have", 0);
  command.want_tasks = words.number("want", 0);
  const auto outcome = std::get<BorrowOutcome>(send(member(words.at(1)).incarnation, command));
  return text(outcome.status) + ", may store " + std::to_string(outcome.tasks);
}

std::string Conversation::act(TaskAction action, const Words& words) {
  ActOn command;
  command.action = action;
  command.reason = words.get("reason", "");
  for (std::size_t i = 1; i < words.plain.size(); ++i)
    command.tasks.push_back(task_of(words.plain[i]));
  const auto outcome = std::get<ActOutcome>(send(Incarnation(), command));
  std::string answer;
  for (std::size_t i = 0; i < outcome.items.size(); ++i) {
    answer += (i == 0 ? "" : ", ") + words.at(i + 1) + " " + text(outcome.items[i].status) +
              ", is " + std::string(to_string(outcome.items[i].state));
  }
  return answer;
}

std::string Conversation::explain(const Words& words) const {
  const Result<Explanation> found = ledger_.explain(task_of(words.at(1)));
  return found.ok() ? found.value().sentence : text(found.status());
}

// What plain tasks do not have.
std::string Conversation::wishes_text(const TaskView& view) {
  std::ostringstream out;
  if (view.expires_in.count() > 0) out << " ends in " << view.expires_in.count() << " ms";
  if (!view.order_key.empty()) out << " order '" << view.order_key << "'";
  if (!view.fair_key.empty()) out << " fair '" << view.fair_key << "'";
  if (view.blocked_on > 0) out << " after " << view.blocked_on;
  if (view.parent) out << " child of " << text(view.parent);
  if (view.children_open > 0) out << " children open " << view.children_open;
  if (view.children_failed > 0) out << " failed " << view.children_failed;
  if (view.percent > 0) out << " at " << view.percent << " %";
  if (!view.progress.empty()) out << " '" << view.progress << "'";
  if (view.checkpoint_bytes > 0) out << " with a checkpoint";
  return out.str();
}

}  // namespace baton::center::scenario
