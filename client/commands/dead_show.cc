#include "client/commands/dead_show.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "client/commands/info_json.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kHistoryEvents = 1000;
// A task that was tried more often than this tells of is told from its beginning only.
constexpr int kHistoryPages = 10;

// The causes that have another name as an outcome.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kOutcomes = {{
    {"ack", "acked"},
    {"nack", "failed"},
    {"attempts_spent", "failed"},
    {"killed", "failed"},  // its holder said that trying again makes no sense
    {"expired", "expired"},
    {"attempt_timeout", "expired"},
    {"expiries_spent", "expired"},
    {"uncertain", "expired"},
    {"total_timeout", "expired"},
    {"unreachable", "undelivered"},
    {"damaged", "quarantined"},
    {"sealed", "quarantined"},
    {"removed", "quarantined"},
}};

Json attempt_json(const Attempt& attempt) {
  return {{"attempt", attempt.number == 0 ? Json() : Json(attempt.number)},
          {"outcome", attempt.cause.empty() ? Json() : Json(attempt_outcome(attempt.cause))},
          {"began", time_or_null(attempt.began)},
          {"ended", time_or_null(attempt.ended)},
          {"consumer", text_or_null(attempt.consumer)},
          {"manager", text_or_null(attempt.manager)},
          {"token", attempt.token ? Json(std::to_string(attempt.token.value())) : Json()},
          {"cause", text_or_null(attempt.cause)},
          {"reason", text_or_null(attempt.reason)}};
}

class DeadShow {
 public:
  DeadShow(Query& query, TaskId task) : query_(query), task_(task) {}

  void start() {
    query_.admin().task(task_, query_.timeout(), [this](const Result<client::TaskInfo>& info) {
      if (!info.ok()) return query_.fail(info.status());
      const client::TaskState state = info.value().state;
      if (state != client::TaskState::kDead) {
        return query_.fail({ErrorCode::kNotFound, "task " + to_string(task_) + " is not dead but " +
                                                      std::string(client::to_string(state))});
      }
      shown_ = to_json(info.value());
      next_page("");
    });
  }

 private:
  void next_page(const std::string& cursor) {
    query_.admin().task_history(task_, kHistoryEvents, cursor, query_.timeout(),
                                [this](const Result<client::HistoryPage>& page) { on_page(page); });
  }

  // What is known is worth showing without its history, too.
  void on_page(const Result<client::HistoryPage>& page) {
    if (!page.ok()) {
      shown_["history_error"] = page.status().to_string();
      return print();
    }
    for (const client::HistoryEvent& event : page.value().events) attempts_.add(event);
    const std::string& next = page.value().next;
    if (!next.empty() && ++pages_ < kHistoryPages) return next_page(next);
    if (!next.empty()) shown_["history_error"] = "it is too long: baton task history tells all";
    print();
  }

  void print() {
    shown_["died"] = time_or_null(attempts_.died());
    shown_["cause"] = text_or_null(attempts_.death_cause());
    shown_["last_error"] = text_or_null(attempts_.last_error());
    if (attempts_.left_out() > 0) shown_["attempts_left_out"] = attempts_.left_out();
    if (query_.format() == OutputFormat::kTable) return print_tables();
    Json& list = shown_["attempts"] = Json::array();
    for (const Attempt& attempt : attempts_.attempts()) list.push_back(attempt_json(attempt));
    query_.print_and_finish(shown_);
  }

  void print_tables() {
    print_object(query_.out(), query_.format(), shown_);
    if (attempts_.attempts().empty()) return query_.finish();
    query_.out().write("\n");
    RowWriter rows(query_.out(), query_.format(),
                   {{"attempt", "ATTEMPT"},
                    {"outcome", "OUTCOME"},
                    {"began", "BEGAN"},
                    {"ended", "ENDED"},
                    {"consumer", "CONSUMER"},
                    {"reason", "REASON"}});
    for (const Attempt& attempt : attempts_.attempts()) rows.add(attempt_json(attempt));
    rows.finish();
    query_.finish();
  }

  Query& query_;
  const TaskId task_;
  Json shown_;
  AttemptList attempts_;
  int pages_ = 0;
};

}  // namespace

std::string attempt_outcome(const std::string& cause) {
  const auto* found = std::ranges::find(kOutcomes, std::string_view(cause),
                                        &std::pair<std::string_view, std::string_view>::first);
  return found == kOutcomes.end() ? cause : std::string(found->second);
}

void AttemptList::add(const client::HistoryEvent& event) {
  using client::TaskState;
  if (event.from == TaskState::kNone && event.to == TaskState::kNone) return;  // only noted
  if (event.to == TaskState::kClaimed) return begin(event);
  if (event.from == TaskState::kClaimed) end(event);
  if (event.to != TaskState::kDead) return;
  died_ = event.time;
  death_cause_ = event.cause;
}

void AttemptList::begin(const client::HistoryEvent& event) {
  Attempt attempt;
  attempt.number = event.attempt;
  attempt.token = event.token;
  attempt.consumer = event.consumer;
  attempt.manager = event.manager;
  attempt.began = event.time;
  attempts_.push_back(std::move(attempt));
  if (attempts_.size() <= kKept) return;
  attempts_.pop_front();
  ++left_out_;
}

void AttemptList::end(const client::HistoryEvent& event) {
  // Of one that began before what is kept there is only this.
  if (attempts_.empty() || attempts_.back().token != event.token) {
    begin(event);
    attempts_.back().began = WallTime();
  }
  Attempt& attempt = attempts_.back();
  attempt.ended = event.time;
  attempt.cause = event.cause;
  attempt.reason = event.reason;
  if (!event.reason.empty()) last_error_ = event.reason;
}

void add_dead_show(Program& program, CLI::App& noun) {
  auto id = std::make_shared<std::string>();
  program
      .add_command(
          noun,
          {.name = "show",
           .summary = "Show all about a dead task: why it died, who had it, and how each attempt "
                      "ended.\n`baton task payload` prints its payload, `baton task history` all "
                      "that became of it.",
           .examples = "  baton dead show 17592186044417\n"
                       "  baton dead show 17592186044417 -o json | jq .attempts"},
          [id](CommonOptions common) {
            return run_query(std::move(common), [&](Query& query) {
              const TaskId task = parse_task_id(*id).value();
              query.own(std::make_unique<DeadShow>(query, task)).start();
            });
          })
      .add_option("ID", *id, "the task's id")
      ->required()
      ->check([](const std::string& text) { return parse_task_id(text).status().message(); });
}

}  // namespace baton::commands
