#include "manager/service/act_service.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kTimeoutDefault = std::chrono::seconds(5);
constexpr Duration kTimeoutMax = std::chrono::seconds(60);
constexpr Duration kPauseMin = std::chrono::milliseconds(10);
constexpr Duration kPauseMax = std::chrono::milliseconds(250);

Status invalid(const char* why) { return Status(ErrorCode::kInvalidArgument, why); }

v1::ActedItem outcome(ErrorCode code, const std::string& message) {
  v1::ActedItem item;
  item.set_code(to_wire(code));
  item.set_message(message);
  return item;
}

bool same(const v1::ActedRun& run, const v1::ActedItem& item) {
  return run.code() == item.code() && run.message() == item.message() &&
         run.state() == item.state();
}

}  // namespace

Status ActService::on_act(Peer& peer, const Frame& frame) {
  auto acting = std::make_shared<Acting>();
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, acting->wire));
  BATON_RETURN_IF_ERROR(check_items("task", acting->wire.task_size(), kBatchItemsMax));
  if (const Status status = check(acting->wire); !status.ok()) {
    peer.send_error(frame.request_id, status);
    return {};
  }
  acting->peer = peer.id();
  acting->request = frame.request_id;
  const std::uint32_t asked = acting->wire.timeout_ms();
  const Duration timeout =
      asked == 0 ? kTimeoutDefault : std::min<Duration>(Millis(asked), kTimeoutMax);
  acting->deadline = context_.loop.now() + timeout;
  acting->pause = kPauseMin;
  acting->items.resize(static_cast<std::size_t>(acting->wire.task_size()));
  for (int i = 0; i < acting->wire.task_size(); ++i) {
    if (TaskId(acting->wire.task(i)).valid()) {
      acting->open.push_back(i);
    } else {
      acting->items[static_cast<std::size_t>(i)] =
          outcome(ErrorCode::kNotFound, "no task has that id");
    }
  }
  act(acting);
  return {};
}

Status ActService::check(const v1::Act& act) {
  if (act.task_size() == 0) return invalid("an act names at least one task");
  if (act.action() == v1::ACTION_NONE || !v1::TaskAction_IsValid(act.action())) {
    return invalid("no such action");
  }
  if (act.reason().size() > kReasonBytesMax) return invalid("the reason is over 1,024 bytes");
  return {};
}

void ActService::act(const ActingPtr& acting) {
  if (draining_) fail_open(*acting, ErrorCode::kUnavailable, "the manager is stopping");
  if (!registered_()) fail_open(*acting, ErrorCode::kUnavailable, "the center cannot be reached");
  if (acting->open.empty()) return answer(*acting);
  acting->judged = acting->missing;
  v1::ChannelCommands commands;
  v1::ActOn& act_on = *commands.add_command()->mutable_act_on();
  act_on.set_action(acting->wire.action());
  act_on.set_reason(acting->wire.reason());
  for (const int i : acting->open) act_on.add_task(acting->wire.task(i));
  link_.send(commands, context_.guarded([this, acting](const Status& status,
                                                       const v1::ChannelOutcomes& outcomes) {
    on_outcome(acting, status, outcomes);
  }));
}

void ActService::on_outcome(const ActingPtr& acting, const Status& status,
                            const v1::ChannelOutcomes& outcomes) {
  const bool fits = outcomes.outcome_size() == 1 && outcomes.outcome(0).has_act() &&
                    outcomes.outcome(0).act().item_size() == static_cast<int>(acting->open.size());
  if (!status.ok() || !fits) {
    // It may have been done: repeating it does no harm.
    fail_open(*acting, ErrorCode::kUnavailable,
              status.ok() ? "the center did not say what became of it" : status.message());
    return answer(*acting);
  }
  std::vector<int> again;
  for (std::size_t i = 0; i < acting->open.size(); ++i) {
    const v1::ActedItem& item = outcomes.outcome(0).act().item(static_cast<int>(i));
    acting->items[static_cast<std::size_t>(acting->open[i])] = item;
    if (item.code() == v1::UNAVAILABLE) again.push_back(acting->open[i]);
  }
  acting->open = std::move(again);
  settle_missing(*acting);
  const bool late = context_.loop.now() + acting->pause >= acting->deadline;
  if (acting->open.empty() || late) return answer(*acting);
  ask_peers(acting);
  context_.call_after(acting->pause, [this, acting] { act(acting); });
  acting->pause = std::min<Duration>(acting->pause * 2, kPauseMax);
}

// A task above created_hi: the ledger will hear of it, unless its shard says that there is none. (A
// shard elsewhere must have said so before the ledger was asked: it may have been collected.)
void ActService::settle_missing(Acting& acting) const {
  std::erase_if(acting.open, [&](int i) {
    const TaskId task(acting.wire.task(i));
    LogStore* log = logs_.find(task.shard());
    const bool none =
        log == nullptr ? acting.judged.contains(task) : task.offset() >= log->next_offset();
    if (!none) return false;
    acting.items[static_cast<std::size_t>(i)] =
        outcome(ErrorCode::kNotFound, "task " + to_string(task) + " does not exist");
    return true;
  });
}

void ActService::ask_peers(const ActingPtr& acting) {
  if (std::exchange(acting->asked_peers, true)) return;
  std::map<ShardId, std::vector<TaskId>> elsewhere;
  for (const int i : acting->open) {
    const TaskId task(acting->wire.task(i));
    if (logs_.find(task.shard()) == nullptr) elsewhere[task.shard()].push_back(task);
  }
  for (const auto& [shard, tasks] : elsewhere) {
    peers_.fetch_tasks(shard, tasks, [acting, tasks](const LogStore::Tasks& found) {
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (found[i].status().code() == ErrorCode::kNotFound) acting->missing.insert(tasks[i]);
      }
    });
  }
}

void ActService::fail_open(Acting& acting, ErrorCode code, const std::string& why) {
  for (const int i : std::exchange(acting.open, {})) {
    acting.items[static_cast<std::size_t>(i)] = outcome(code, why);
  }
}

void ActService::answer(const Acting& acting) {
  Peer* peer = server_->find(acting.peer);
  if (peer == nullptr) return;
  v1::Acted acted;
  for (const v1::ActedItem& item : acting.items) {
    if (acted.run_size() > 0 && same(acted.run(acted.run_size() - 1), item)) {
      v1::ActedRun& last = *acted.mutable_run(acted.run_size() - 1);
      last.set_count(last.count() + 1);
      continue;
    }
    v1::ActedRun& run = *acted.add_run();
    run.set_count(1);
    run.set_code(item.code());
    run.set_message(item.message());
    run.set_state(item.state());
  }
  peer->send(v1::ACTED, acting.request, acted);
}

}  // namespace baton::manager
