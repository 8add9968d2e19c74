#include "client/commands/list_flags.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "client/commands/count_check.h"
#include "client/commands/info_json.h"
#include "common/base/utf8.h"
#include "common/daemon/flags.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kPageTasks = 1000;

std::string check_text(const std::string& text) {
  return text.size() <= kTaskTextBytesMax && is_utf8(text) ? "" : "at most 200 bytes of UTF-8";
}

// Page after page until the limit or the end.
class TaskLister {
 public:
  TaskLister(Query& query, TaskListing listing, std::uint64_t rows_max)
      : query_(query),
        listing_(std::move(listing)),
        rows_max_(rows_max),
        rows_(query.out(), query.format(),
              {{"id", "ID"},
               {"state", "STATE"},
               {"priority", "PRIORITY"},
               {"attempt", "ATTEMPT"},
               {"failures", "FAILURES"},
               {"expiries", "EXPIRIES"},
               {"manager", "MANAGER"},
               {"created", "CREATED"},
               {"reason", "REASON"}}) {}

  void next_page(const std::string& cursor) {
    const auto limit =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(rows_max_ - listed_, page_tasks_));
    query_.admin().list_tasks(
        listing_.queue, listing_.state, listing_.filter, limit, cursor, query_.timeout(),
        [this, cursor](const Result<client::TaskPage>& page) { on_page(cursor, page); });
  }

 private:
  void on_page(const std::string& cursor, const Result<client::TaskPage>& page) {
    // Tasks with long reasons: fewer at a time.
    if (page.status().code() == ErrorCode::kTooLarge && page_tasks_ > 1) {
      page_tasks_ = std::max(1U, page_tasks_ / 4);
      return next_page(cursor);
    }
    if (!page.ok()) return query_.fail(page.status());
    for (const client::TaskInfo& task : page.value().tasks) rows_.add(to_json(task));
    listed_ += page.value().tasks.size();
    const bool more = !page.value().next.empty() && query_.out().ok();
    if (more && listed_ < rows_max_) return next_page(page.value().next);
    if (listed_ > 0) return end(more);
    query_.admin().show_queue(listing_.queue, query_.timeout(),
                              [this](const Result<client::QueueDetail>& queue) {
                                if (!queue.ok()) return query_.fail(queue.status());
                                end(false);
                              });
  }

  void end(bool more) {
    rows_.finish();
    if (more) std::fprintf(stderr, "there are more: --limit N or --all shows them\n");
    query_.finish();
  }

  Query& query_;
  const TaskListing listing_;
  const std::uint64_t rows_max_;
  RowWriter rows_;
  std::uint32_t page_tasks_ = kPageTasks;
  std::uint64_t listed_ = 0;
};

}  // namespace

void ListFlags::add_to(CLI::App& command, bool queue_required) {
  command.add_option("-q,--queue", queue, "the queue")
      ->required(queue_required)
      ->check([](const std::string& name) { return validate_queue_name(name).message(); });
  command.add_option("--reason", reason, "only where the last reason contains this")
      ->check([](const std::string& text) {
        return text.size() <= kReasonBytesMax ? "" : "at most 1,024 bytes";
      });
  add_duration_flag(command, "--older-than", older_than, "only what was created longer ago")
      ->default_str("");
  command.add_option("--min-attempts", min_attempts, "only after so many attempts")
      ->check(CLI::Range(1U, 1'000'000U));
  command.add_option("--order-key", order_key, "only tasks of this ordering key")
      ->check(check_text);
  command.add_option("--fair-key", fair_key, "only tasks of this fairness key")->check(check_text);
}

bool ListFlags::given() const {
  return !queue.empty() || !reason.empty() || older_than > Millis(0) || min_attempts > 0 ||
         !order_key.empty() || !fair_key.empty();
}

TaskListing ListFlags::listing(client::TaskState state, WallTime now) const {
  TaskListing listing;
  listing.queue = queue;
  listing.state = state;
  listing.filter.reason_has = reason;
  if (older_than > Millis(0)) listing.filter.created_before = {now.ms - older_than.count()};
  listing.filter.attempts_min = min_attempts;
  listing.filter.order_key = order_key;
  listing.filter.fair_key = fair_key;
  return listing;
}

void PageFlags::add_to(CLI::App& command) {
  CLI::Option* some = command.add_option("--limit", limit, "at most this many rows")
                          ->check(at_least_one())
                          ->capture_default_str();
  command.add_flag("--all", all, "all rows, asked for page by page")->excludes(some);
}

std::uint64_t PageFlags::rows_max() const {
  return all ? std::numeric_limits<std::uint64_t>::max() : limit;
}

void list_tasks(Query& query, const TaskListing& listing, const PageFlags& pages) {
  query.own(std::make_unique<TaskLister>(query, listing, pages.rows_max())).next_page("");
}

void show_task(Query& query, TaskId task) {
  query.admin().task(task, query.timeout(), [&query](Result<client::TaskInfo> info) {
    if (!info.ok()) return query.fail(info.status());
    Json json = to_json(info.value());
    if (!info.value().has_result || info.value().state != client::TaskState::kDone)
      return query.print_and_finish(json);
    query.admin().task_result(info.value().task, query.timeout(),
                              [&query, json](Result<client::TaskResult> result) mutable {
                                // Its manager may be down: what is known is worth showing all the
                                // same.
                                if (result.ok()) {
                                  put_result(json, result.value());
                                } else {
                                  json["result_error"] = result.status().to_string();
                                }
                                query.print_and_finish(json);
                              });
  });
}

}  // namespace baton::commands
