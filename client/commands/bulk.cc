#include "client/commands/bulk.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace baton::commands {
namespace {

constexpr std::size_t kPieceMax = 1000;       // what a list gives at once
constexpr std::size_t kLooksMax = 100;        // questions of a dry run at once
constexpr std::uint32_t kPiecesASecond = 10;  // of a bounded rate: small ones, evenly

std::string state_text(client::TaskState state) {
  return state == client::TaskState::kNone ? "" : std::string(client::to_string(state));
}

bool waits(client::TaskState state) {
  return state == client::TaskState::kReady || state == client::TaskState::kDelayed ||
         state == client::TaskState::kBlocked;
}

}  // namespace

Foreseen foresee(TaskAction action, client::TaskState state) {
  using client::TaskState;
  const bool held = state == TaskState::kHeld;
  const bool blocked = state == TaskState::kBlocked;
  switch (action) {
    case TaskAction::kCancel:
      return {held || waits(state) || state == TaskState::kPending ||
                  state == TaskState::kClaimed || state == TaskState::kCancelled,
              ""};
    case TaskAction::kRedrive:
    case TaskAction::kDiscard:
      return {state == TaskState::kDead, ""};
    case TaskAction::kResume:
      return {held || blocked, blocked ? "a task that it waits for has failed" : ""};
    case TaskAction::kComplete:
      return {held || blocked, blocked ? "it waits for its children" : ""};
    case TaskAction::kKill:
      return {held || waits(state) || state == TaskState::kDead, ""};
  }
  return {};
}

void BulkFlags::add_to(CLI::App& command) {
  CLI::Option* dry = command.add_flag("--dry-run", dry_run, "only print what would be done");
  command.add_flag("-y,--yes", yes, "do not ask; needed where there is no terminal")->excludes(dry);
}

BulkAction::BulkAction(Query& query, BulkPlan plan, std::unique_ptr<TaskIds> ids)
    : query_(query),
      plan_(std::move(plan)),
      ids_(std::move(ids)),
      rows_(query.out(), query.format(),
            {{"id", "ID"}, {"outcome", "OUTCOME"}, {"state", "STATE"}, {"message", "MESSAGE"}}) {}

void BulkAction::start() {
  began_ = query_.loop().now();
  next();
}

std::size_t BulkAction::piece() const {
  std::uint64_t size = kPieceMax;
  if (plan_.dry_run) size = kLooksMax;
  if (plan_.rate) size = std::min<std::uint64_t>(size, std::max(1U, *plan_.rate / kPiecesASecond));
  if (plan_.limit > 0) size = std::min(size, plan_.limit - std::min(plan_.limit, done_ + refused_));
  return static_cast<std::size_t>(size);
}

void BulkAction::next() {
  if (piece() == 0 || !query_.out().ok()) return finish();
  ids_->next(piece(), [this](Result<std::vector<TaskId>> ids) { on_ids(std::move(ids)); });
}

void BulkAction::on_ids(Result<std::vector<TaskId>> ids) {
  if (!ids.ok()) broken_ = ids.status();
  if (!ids.ok() || ids.value().empty()) return finish();
  if (plan_.dry_run) return foresee(ids.value());
  query_.admin().act(plan_.action, std::move(ids).value(), plan_.reason, query_.timeout(),
                     [this](const Result<std::vector<client::ActOutcome>>& outcomes) {
                       if (outcomes.ok()) return on_acted(outcomes.value());
                       broken_ = outcomes.status();
                       finish();
                     });
}

void BulkAction::foresee(const std::vector<TaskId>& ids) {
  looked_at_ = ids;
  looks_.assign(ids.size(), std::nullopt);
  looks_open_ = ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    query_.admin().task(ids[i], query_.timeout(), [this, i](Result<client::TaskInfo> found) {
      looks_[i] = std::move(found);
      if (--looks_open_ == 0) on_foreseen();
    });
  }
}

void BulkAction::on_foreseen() {
  for (std::size_t i = 0; i < looks_.size(); ++i) {
    const Result<client::TaskInfo>& found = *looks_[i];
    const client::TaskState state = found.ok() ? found.value().state : client::TaskState::kNone;
    const Foreseen what = commands::foresee(plan_.action, state);
    const std::string if_text = what.only_if.empty() ? "" : "if " + what.only_if;
    (what.would ? done_ : refused_) += 1;
    if (what.would) {
      add_row(looked_at_[i], "would be " + plan_.done, state_text(state), if_text);
      continue;
    }
    const Status why = found.ok() ? Status(ErrorCode::kConflict, "the task is " + state_text(state))
                                  : found.status();
    if (first_refusal_.ok()) first_refusal_ = why;
    add_row(looked_at_[i], "would be refused", state_text(state), why.message());
  }
  next();
}

void BulkAction::on_acted(const std::vector<client::ActOutcome>& outcomes) {
  for (const client::ActOutcome& outcome : outcomes) {
    const bool ok = outcome.status.ok();
    add_row(outcome.task, ok ? plan_.done : std::string(to_string(outcome.status.code())),
            state_text(outcome.state), outcome.status.message());
    (ok ? done_ : refused_) += 1;
    if (!ok && first_refusal_.ok()) first_refusal_ = outcome.status;
  }
  if (!plan_.rate) return next();
  const Duration second = std::chrono::seconds(1);
  const Duration due =
      second * static_cast<std::int64_t>(done_ + refused_) / static_cast<std::int64_t>(*plan_.rate);
  query_.loop().call_at(began_ + due, [this] { next(); });
}

void BulkAction::add_row(TaskId task, const std::string& outcome, const std::string& state,
                         const std::string& message) {
  rows_.add(Json{{"id", to_string(task)},
                 {"outcome", outcome},
                 {"state", state.empty() ? Json() : Json(state)},
                 {"message", message.empty() ? Json() : Json(message)}});
}

void BulkAction::finish() {
  rows_.finish();
  if (!broken_.ok()) print_error(broken_);
  if (done_ + refused_ == 0 && broken_.ok()) std::fprintf(stderr, "no task is concerned\n");
  if (refused_ > 0 || !broken_.ok()) {
    const char* would = plan_.dry_run ? "would be " : "";
    std::fprintf(stderr, "%llu %s%s, %llu %srefused\n", static_cast<unsigned long long>(done_),
                 would, plan_.done.c_str(), static_cast<unsigned long long>(refused_), would);
  }
  if (refused_ == 0 && broken_.ok()) return query_.finish(0);
  if (done_ > 0) return query_.finish(kPartlyDone);
  query_.finish(exit_code_of_request(broken_.ok() ? first_refusal_ : broken_));
}

}  // namespace baton::commands
