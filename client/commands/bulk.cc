#include "client/commands/bulk.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "client/commands/info_json.h"

namespace baton::commands {
namespace {

constexpr std::size_t kPieceMax = 1000;       // what a list gives at once
constexpr std::size_t kLooksMax = 100;        // questions of a dry run at once
constexpr std::uint32_t kPiecesASecond = 10;  // of a bounded rate: small ones, evenly

Json state_or_null(client::TaskState state) {
  return state == client::TaskState::kNone ? Json() : Json(client::to_string(state));
}

}  // namespace

void BulkFlags::add_to(CLI::App& command) {
  CLI::Option* dry = command.add_flag("--dry-run", dry_run, "only print what would be done");
  command.add_flag("-y,--yes", yes, "do not ask; needed where there is no terminal")->excludes(dry);
}

void BulkCounts::print(const char* before, const std::string& what, bool dry_run) const {
  const char* would = dry_run ? "would be " : "";
  std::fprintf(stderr, "%s%llu %s%s, %llu %srefused\n", before,
               static_cast<unsigned long long>(done), would, what.c_str(),
               static_cast<unsigned long long>(refused), would);
}

BulkAction::BulkAction(Query& query, BulkPlan plan, std::unique_ptr<TaskIds> ids)
    : query_(query),
      plan_(std::move(plan)),
      ids_(std::move(ids)),
      rows_(query.out(), query.format(),
            {{"id", "ID"}, {"outcome", "OUTCOME"}, {"state", "STATE"}, {"message", "MESSAGE"}}),
      foresight_(query, plan_.action) {}

void BulkAction::start() {
  began_ = query_.loop().now();
  query_.on_interrupt([this](int signal) { interrupt(signal); });
  if (!plan_.dry_run) return next();
  foresight_.begin([this] { next(); });
}

std::size_t BulkAction::piece() const {
  std::uint64_t size = kPieceMax;
  if (plan_.dry_run) size = kLooksMax;
  if (plan_.rate) size = std::min<std::uint64_t>(size, std::max(1U, *plan_.rate / kPiecesASecond));
  if (plan_.limit > 0) size = std::min(size, plan_.limit - std::min(plan_.limit, counts_.all()));
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
  asked_ = ids.value().size();
  query_.admin().act(plan_.action, std::move(ids).value(), plan_.reason, query_.timeout(),
                     [this](const Result<std::vector<client::ActOutcome>>& outcomes) {
                       if (outcomes.ok()) return on_acted(outcomes.value());
                       broken_ = outcomes.status();
                       finish();
                     });
}

void BulkAction::foresee(const std::vector<TaskId>& ids) {
  looked_at_ = ids;
  looks_.assign(ids.size(), {});
  looks_open_ = ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    foresight_.look(ids[i], [this, i](Foreseen what) {
      looks_[i] = std::move(what);
      if (--looks_open_ == 0) on_foreseen();
    });
  }
}

void BulkAction::on_foreseen() {
  for (std::size_t i = 0; i < looks_.size(); ++i) {
    const Foreseen& what = looks_[i];
    if (what.status.ok()) {
      ++counts_.done;
      add_row(looked_at_[i], "would be " + plan_.done, what.state,
              what.only_if.empty() ? "" : "if " + what.only_if);
      continue;
    }
    ++counts_.refused;
    if (first_refusal_.ok()) first_refusal_ = what.status;
    add_row(looked_at_[i], "would be refused", what.state, what.status.message());
  }
  next();
}

void BulkAction::on_acted(const std::vector<client::ActOutcome>& outcomes) {
  asked_ = 0;
  for (const client::ActOutcome& outcome : outcomes) {
    const bool ok = outcome.status.ok();
    add_row(outcome.task, ok ? plan_.done : std::string(to_string(outcome.status.code())),
            outcome.state, outcome.status.message());
    (ok ? counts_.done : counts_.refused) += 1;
    if (!ok && first_refusal_.ok()) first_refusal_ = outcome.status;
  }
  if (!plan_.rate) return next();
  const Duration second = std::chrono::seconds(1);
  const Duration due =
      second * static_cast<std::int64_t>(counts_.all()) / static_cast<std::int64_t>(*plan_.rate);
  query_.loop().call_at(began_ + due, [this] { next(); });
}

void BulkAction::add_row(TaskId task, const std::string& outcome, client::TaskState state,
                         const std::string& message) {
  rows_.add(Json{{"id", to_string(task)},
                 {"outcome", outcome},
                 {"state", state_or_null(state)},
                 {"message", text_or_null(message)}});
}

void BulkAction::finish() {
  // Without a row there is no table either when the queue is not there.
  if (counts_.all() > 0 || broken_.ok()) rows_.finish();
  if (!broken_.ok()) query_.complain(broken_);
  const bool none = counts_.all() == 0;
  if (none && broken_.ok()) std::fprintf(stderr, "no task is concerned\n");
  if (!none && (counts_.refused > 0 || !broken_.ok())) counts_.print("", plan_.done, plan_.dry_run);
  if (counts_.refused == 0 && broken_.ok()) return query_.finish(0);
  if (counts_.done > 0) return query_.finish(kPartlyDone);
  query_.finish(exit_code_of_request(broken_.ok() ? first_refusal_ : broken_));
}

void BulkAction::interrupt(int signal) {
  rows_.finish();
  counts_.print("interrupted: ", plan_.done, plan_.dry_run);
  if (asked_ > 0) {
    std::fprintf(stderr, "  %zu more were asked for: they may be %s as well\n", asked_,
                 plan_.done.c_str());
  }
  query_.finish(128 + signal);
}

}  // namespace baton::commands
