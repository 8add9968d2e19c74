#include "client/commands/bulk.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace baton::commands {
namespace {

constexpr int kPartlyDone = 8;
constexpr std::size_t kPieceMax = 1000;       // what a list gives at once
constexpr std::uint32_t kPiecesASecond = 10;  // of a bounded rate: small ones, evenly

}  // namespace

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
  if (plan_.dry_run) {
    for (const TaskId task : ids.value()) add_row(task, "would be " + plan_.done, "", "");
    done_ += ids.value().size();
    return next();
  }
  query_.admin().act(plan_.action, std::move(ids).value(), plan_.reason, query_.timeout(),
                     [this](const Result<std::vector<client::ActOutcome>>& outcomes) {
                       if (outcomes.ok()) return on_acted(outcomes.value());
                       broken_ = outcomes.status();
                       finish();
                     });
}

void BulkAction::on_acted(const std::vector<client::ActOutcome>& outcomes) {
  for (const client::ActOutcome& outcome : outcomes) {
    const bool ok = outcome.status.ok();
    const std::string state = outcome.state == client::TaskState::kNone
                                  ? ""
                                  : std::string(client::to_string(outcome.state));
    add_row(outcome.task, ok ? plan_.done : std::string(to_string(outcome.status.code())), state,
            outcome.status.message());
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
    std::fprintf(stderr, "%llu %s, %llu refused\n", static_cast<unsigned long long>(done_),
                 plan_.done.c_str(), static_cast<unsigned long long>(refused_));
  }
  if (refused_ == 0 && broken_.ok()) return query_.finish(0);
  if (done_ > 0) return query_.finish(kPartlyDone);
  query_.finish(exit_code_of_request(broken_.ok() ? first_refusal_ : broken_));
}

}  // namespace baton::commands
