#include "tests/sim/cluster/sim_operator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tests/sim/cluster/sim_notes.h"
#include "tests/support/draw.h"
#include "tests/support/history_notes.h"

namespace baton::sim {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr Duration kOnce = 5ms;  // hardly anything was asked for twice by then
constexpr Duration kLateEnd = std::chrono::seconds(15);  // of a pause, when all is well
constexpr Millis kKeyWindow{60'000};                     // the shortest that there is
constexpr std::uint64_t kSweepsRedriving = 6;
constexpr std::uint64_t kSweepsPatient = 12;  // then what is still blocked is let go on
constexpr std::uint64_t kSweepsKilling = 60;

// Whether an answer says for certain what happened.
std::optional<ErrorCode> certain(ErrorCode code) {
  const bool says = code == ErrorCode::kOk || code == ErrorCode::kConflict ||
                    code == ErrorCode::kNotFound || code == ErrorCode::kInvalidArgument;
  return says ? std::optional(code) : std::nullopt;
}

const char* name_of(TaskAction action) {
  switch (action) {
    case TaskAction::kCancel:
      return "task cancelled";
    case TaskAction::kRedrive:
      return "task redriven";
    case TaskAction::kDiscard:
      return "task discarded";
    case TaskAction::kResume:
      return "task resumed";
    case TaskAction::kComplete:
      return "task completed by the operator";
    case TaskAction::kKill:
      return "task killed";
  }
  return "task acted on";
}

}  // namespace

void SimOperator::on_start() {
  process_ = world_.next_process();
  client::ProducerOptions options;
  options.timeout = world_.plan.produce_timeout;
  options.backpressure = client::Backpressure::kRefuse;
  producer_ = client().make_producer(options);
  set_up();
  plan_next();
}

std::string SimOperator::any_queue() {
  return "q" + std::to_string(random_.below(world_.plan.queues));
}

// What holds from the beginning, or as soon as it can be said.
void SimOperator::set_up() {
  const LifePlan& plan = world_.plan.life;
  for (std::uint64_t i = 0; i < world_.plan.queues; i++) {
    const std::string queue = "q" + std::to_string(i);
    QueueChange change;
    std::vector<std::size_t> notes;
    if (plan.ordered && i == 0) {
      change.ordered = true;
      notes.push_back(note(queue, Kind::kOrdered));
    }
    if (plan.strict) {
      change.ageing = 0;
      notes.push_back(note(queue, Kind::kAgeing, 0));
    }
    if (plan.key_windows > 0 && random_.below(100) < plan.key_windows) {
      change.key_window = kKeyWindow;
      notes.push_back(note(queue, Kind::kKeyWindow,
                           static_cast<std::uint64_t>(kKeyWindow / std::chrono::seconds(1))));
    }
    if (plan.forgets_keys(queue)) {
      change.key_count = 1 + random_.below(12);
      notes.push_back(note(queue, Kind::kKeyCount, *change.key_count));
    }
    if (plan.retentions > 0 && random_.below(100) < plan.retentions) {
      change.keep_count = 1 + random_.below(20);
      notes.push_back(note(queue, Kind::kKeepCount, *change.keep_count));
    }
    if (plan.keep_all) change.keep = KeepFinished::kAll;
    if (plan.hold) {
      change.on_uncertain = OnUncertain::kHold;
      notes.push_back(note(queue, Kind::kHold, 1));
    }
    change.backoff_min = 100ms;
    change.backoff_max = 2s;
    set_queue(queue, change, std::move(notes), true);
  }
}

void SimOperator::plan_next() {
  loop().call_after(up_to(random_, 2 * world_.plan.life.operator_interval), [this] {
    if (tidying_) return;
    do_something();
    plan_next();
  });
}

void SimOperator::do_something() {
  const LifePlan& plan = world_.plan.life;
  std::uint64_t drawn = random_.below(plan.acts() + 1);
  const auto falls_on = [&drawn](std::uint64_t weight) {
    if (drawn < weight) return true;
    drawn -= weight;
    return false;
  };
  if (falls_on(plan.cancels) || falls_on(plan.kills)) {
    const auto* known = world_.tasks.any_known(random_);
    const bool cancel = plan.kills == 0 || (plan.cancels > 0 && random_.one_in(2));
    if (known != nullptr) act(cancel ? TaskAction::kCancel : TaskAction::kKill, {known->task});
  } else if (falls_on(plan.decisions)) {
    using enum client::TaskState;
    decide(one_of(random_, {kDead, kDead, kHeld, kBlocked}));
  } else if (falls_on(plan.copies)) {
    copy_one();
  } else if (falls_on(plan.settings)) {
    change_a_setting();
  } else if (falls_on(plan.pauses)) {
    pause();
  } else if (falls_on(plan.purges)) {
    purge();
  } else if (falls_on(plan.pauses_until)) {
    pause_until();
  } else if (falls_on(plan.waits)) {
    wait_for_one();
  } else if (falls_on(plan.rates)) {
    set_rate();
  } else if (falls_on(plan.losses)) {
    set_loss_limit();
  }
}

void SimOperator::act(TaskAction action, std::vector<TaskId> tasks) {
  std::vector<std::size_t> notes;
  notes.reserve(tasks.size());
  for (const TaskId task : tasks) notes.push_back(world_.tasks.book.act(action, task));
  client().admin().act(action, std::move(tasks), "by the operator", kPatience,
                       [this, action, notes, asked = world_.scheduler.now()](
                           const Result<std::vector<client::ActOutcome>>& outcomes) {
                         // What took long may have been asked for twice, and refused since it was done the first time.
                         const bool once = world_.scheduler.now() - asked < kOnce;
                         for (std::size_t i = 0; outcomes.ok() && i < notes.size(); i++) {
                           std::optional<ErrorCode> code =
                               certain(outcomes.value()[i].status.code());
                           if (!once && code != ErrorCode::kOk) code = std::nullopt;
                           world_.tasks.book.acted(notes[i], code);
                           if (code == ErrorCode::kOk) world_.sometimes.happened(name_of(action));
                         }
                       });
}

void SimOperator::decide(client::TaskState state) {
  client().admin().list_tasks(
      any_queue(), state, 20, "", kPatience, [this, state](const Result<client::TaskPage>& page) {
        if (tidying_ || !page.ok() || page.value().tasks.empty()) return;
        const auto& tasks = page.value().tasks;
        const TaskId task = tasks[random_.below(tasks.size())].task;
        using enum TaskAction;
        switch (state) {
          case client::TaskState::kDead:
            return act(one_of(random_, {kRedrive, kRedrive, kDiscard}), {task});
          case client::TaskState::kHeld:
            return act(one_of(random_, {kResume, kComplete, kKill, kCancel}), {task});
          default:
            return act(one_of(random_, {kResume, kComplete, kCancel}), {task});
        }
      });
}

void SimOperator::copy_one() {
  Wished wished;
  std::uint64_t content = 0;
  const std::string name = std::to_string(process_) + "/" + std::to_string(++number_);
  if (!world_.tasks.wish_copy(wished, name, content, random_)) return;
  const std::uint64_t operation = note_copy(world_, process_, number_, wished, content);
  open_++;
  producer_->produce(wished.queue, "", wished.options,
                     [this, operation](const client::ProduceOutcome& outcome) {
                       open_--;
                       if (outcome.confirmed()) world_.sometimes.happened("task copied");
                       note_produced(world_, operation, outcome);
                     });
}

void SimOperator::change_a_setting() {
  const std::string queue = any_queue();
  if (busy_.contains(queue)) return;
  QueueChange change;
  std::vector<std::size_t> notes;
  const auto few = static_cast<std::uint32_t>(1 + random_.below(4));
  switch (random_.below(10)) {
    case 0:
      change.max_in_flight = few;
      notes.push_back(note(queue, Kind::kLimit, few));
      break;
    case 1:
      change.max_per_fair_key = few;
      notes.push_back(note(queue, Kind::kKeyLimit, few));
      break;
    case 2:
      change.max_rate = 20 * few;
      notes.push_back(note(queue, Kind::kRate, 20 * few));
      break;
    case 3:
      change.max_attempts = few;
      break;
    case 4:
      change.on_dead = random_.one_in(2) ? OnDead::kHoldKey : OnDead::kReleaseKey;
      break;
    case 5:
      change.ageing = random_.one_in(2) ? 0 : few;
      if (world_.plan.life.strict) change.ageing = 0;
      notes.push_back(note(queue, Kind::kAgeing, *change.ageing));
      break;
    case 6:
      change.weight = few;
      break;
    case 7:
      change.time_to_live = 2s + Millis(1000 * few);
      notes.push_back(note(queue, Kind::kTimeToLive, 2 + few));
      break;
    case 8:
      change.total_timeout = 3s + Millis(1000 * few);
      world_.tasks.any_ends_early = true;
      notes.push_back(note(queue, Kind::kTotalTimeout, 3 + few));
      break;
    default:
      change.max_tasks = 20 * few;
      break;
  }
  world_.sometimes.happened("setting changed");
  set_queue(queue, change, std::move(notes), false);
}

void SimOperator::set_queue(const std::string& queue, QueueChange change,
                            std::vector<std::size_t> notes, bool until_done) {
  busy_.insert(queue);
  client().admin().set_queue(queue, change, kPatience, [=, this](const Status& status) {
    busy_.erase(queue);
    if (!status.ok()) {
      until_.erase(queue);
    } else if (change.paused_until && change.paused_until->ms != 0) {
      until_[queue] = world_.tasks.book.time_of(*change.paused_until);
    }
    for (const std::size_t note : notes) world_.tasks.book.changed(note, status.ok());
    if (status.ok() || !until_done) return;
    if (status.code() == ErrorCode::kInvalidArgument)
      world_.fail("settings of " + queue + " were refused: " + status.to_string());
    // It may have been done all the same: what is noted of the repetition begins later.
    loop().call_after(200ms, [=, this] {
      std::vector<std::size_t> again;
      for (const std::size_t note : notes) {
        const check::QueueNote& old = world_.tasks.book.changes()[note];
        again.push_back(world_.tasks.book.change(old.queue, old.kind, old.value, old.until));
      }
      set_queue(queue, change, again, true);
    });
  });
}

void SimOperator::pause() {
  const std::string queue = any_queue();
  if (busy_.contains(queue)) return;
  QueueChange change;
  change.paused = true;
  change.paused_until = WallTime{0};
  until_.erase(queue);
  world_.sometimes.happened("queue paused");
  set_queue(queue, change, {note(queue, Kind::kPause)}, false);
  loop().call_after(500ms + up_to(random_, 4s), [this, queue] {
    if (!tidying_ && !busy_.contains(queue)) resume(queue, false);
  });
}

void SimOperator::pause_until() {
  const std::string queue = any_queue();
  if (busy_.contains(queue)) return;
  const SimTime end = world_.scheduler.now() + 500ms + up_to(random_, 5s);
  QueueChange change;
  change.paused = true;
  change.paused_until = SimTasks::calendar(end);
  until_.erase(queue);
  world_.sometimes.happened("queue paused until a time");
  const Duration earliest = world_.tasks.book.time_of(*change.paused_until) - kCalendarSpread;
  set_queue(queue, change, {world_.tasks.book.change(queue, Kind::kPause, 0, earliest)}, false);
}

void SimOperator::look_at_pause(const std::string& queue) {
  client().admin().show_queue(
      queue, kPatience, [this, queue](const Result<client::QueueDetail>& shown) {
        if (shown.ok() && shown.value().info.paused)
          world_.fail("queue '" + queue + "' is paused long after the time when it was to go on");
        resume(queue, true);
      });
}

void SimOperator::wait_for_one() {
  const auto* known = world_.tasks.any_known(random_);
  if (known == nullptr) return;
  client().admin().wait_task(known->task, 1s + up_to(random_, 20s),
                             [this, task = known->task](const Result<client::TaskInfo>& answer) {
                               if (!answer.ok()) return;
                               world_.sometimes.happened("waiter told of an end");
                               world_.tasks.book.told_end(task, final_state(answer.value().state),
                                                          world_.scheduler.now());
                             });
}

void SimOperator::set_rate() {
  const std::string queue = any_queue();
  if (busy_.contains(queue)) return;
  QueueChange change;
  change.max_rate = static_cast<std::uint32_t>(1 + random_.below(8));
  set_queue(queue, change, {note(queue, Kind::kRate, *change.max_rate)}, false);
}

void SimOperator::set_loss_limit() {
  const std::string queue = any_queue();
  if (busy_.contains(queue)) return;
  QueueChange change;
  change.max_expiries = static_cast<std::uint32_t>(1 + random_.below(3));
  set_queue(queue, change, {note(queue, Kind::kLossLimit, *change.max_expiries)}, false);
}

void SimOperator::resume(const std::string& queue, bool until_done) {
  until_.erase(queue);
  QueueChange change;
  change.paused = false;
  set_queue(queue, change, {note(queue, Kind::kResume)}, until_done);
}

void SimOperator::purge() {
  const std::string queue = any_queue();
  const std::size_t noted = note(queue, Kind::kPurge);
  world_.sometimes.happened("queue purged");
  client().admin().purge_queue(queue, kPatience,
                               [this, noted](const Result<std::uint64_t>& purged) {
                                 world_.tasks.book.changed(noted, purged.ok());
                               });
}

// ---- the end --------------------------------------------------------------------------------------

void SimOperator::tidy_up() {
  tidying_ = true;
  for (std::uint64_t i = 0; i < world_.plan.queues; i++) {
    const std::string queue = "q" + std::to_string(i);
    QueueChange change;
    std::vector<std::size_t> notes;
    for (const Kind kind : {Kind::kLimit, Kind::kKeyLimit, Kind::kRate})
      notes.push_back(note(queue, kind));
    if (until_.contains(queue)) {
      loop().call_after(std::max(Duration(0), until_[queue] - world_.scheduler.now()) + kLateEnd,
                        [this, queue] { look_at_pause(queue); });
    } else {
      change.paused = false;
      notes.push_back(note(queue, Kind::kResume));
    }
    change.max_in_flight = change.max_per_fair_key = change.max_rate = 0;
    change.max_tasks = 0;
    change.on_dead = OnDead::kReleaseKey;
    change.time_to_live = change.total_timeout = Millis(0);
    set_queue(queue, change, std::move(notes), true);
  }
  sweep();
}

void SimOperator::sweep() {
  sweeps_++;
  for (std::uint64_t i = 0; i < world_.plan.queues; i++) {
    const std::string queue = "q" + std::to_string(i);
    using enum client::TaskState;
    for (const auto state : {kDead, kHeld, kBlocked}) sweep_state(queue, state);
  }
  if (sweeps_ > kSweepsRedriving) world_.tasks.settled = true;
  loop().call_after(sweeps_ > kSweepsPatient ? 2s : 500ms, [this] { sweep(); });
}

void SimOperator::sweep_state(const std::string& queue, client::TaskState state) {
  client().admin().list_tasks(queue, state, 100, "", kPatience,
                              [this, state](const Result<client::TaskPage>& page) {
                                if (page.ok()) settle(state, page.value().tasks);
                              });
}

void SimOperator::settle(client::TaskState state, const std::vector<client::TaskInfo>& tasks) {
  using enum TaskAction;
  for (const client::TaskInfo& info : tasks) {
    if (state == client::TaskState::kHeld) {
      act(one_of(random_, {kResume, kComplete, kKill}), {info.task});
    } else if (state == client::TaskState::kDead) {
      if (sweeps_ <= kSweepsRedriving) {
        if (random_.one_in(2) && redriven_.insert(info.task).second) act(kRedrive, {info.task});
      } else if (!info.order_key.empty()) {
        act(kDiscard, {info.task});  // of a key that it may hold
      }
    } else if (sweeps_ > kSweepsKilling) {
      act(kKill, {info.task});
    } else if (sweeps_ > kSweepsPatient) {
      act(kResume, {info.task});
    }
  }
}

}  // namespace baton::sim
