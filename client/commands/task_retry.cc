// baton task retry: copies of finished or dead tasks, as new tasks with the same payload.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/bulk.h"
#include "client/commands/confirm.h"
#include "client/commands/info_json.h"
#include "client/commands/query.h"
#include "client/commands/task_actions.h"
#include "client/commands/task_flags.h"
#include "client/commands/task_ids.h"

namespace baton::commands {
namespace {

constexpr std::size_t kPieceMax = 256;

struct RetryOptions {
  std::vector<std::string> ids;
  std::string queue;
  TaskOptions task;
  BulkFlags flags;
};

// Whether the state lets it be copied, and its payload is kept.
Status check_copyable(const client::TaskInfo& task) {
  using client::TaskState;
  if (task.queue.empty()) return {ErrorCode::kNotFound, "nothing is kept of this task"};
  const bool ended = task.state == TaskState::kDone || task.state == TaskState::kDead ||
                     task.state == TaskState::kCancelled;
  if (ended && !task.payload_kept) {
    return {ErrorCode::kNotFound, "its payload is not kept: queue " + task.queue +
                                      " keeps those of finished tasks when it is set to keep all"};
  }
  if (ended) return {};
  return {ErrorCode::kConflict, "only a task that has ended can be copied, this one is " +
                                    std::string(client::to_string(task.state))};
}

// Piece after piece: looks up where each task was, produces its copy, prints in the order of the
// ids. A dry run looks whether each could be copied.
class RetryCommand {
 public:
  RetryCommand(Query& query, const RetryOptions& options)
      : query_(query),
        options_(options),
        ids_(make_named_ids(query.loop(), options.ids)),
        rows_(query.out(), query.format(),
              {{"retry_of", "RETRY OF"},
               {"outcome", "OUTCOME"},
               {"id", "ID"},
               {"queue", "QUEUE"},
               {"error", "ERROR"}}) {
    client::ProducerOptions producer;
    producer.timeout = query.timeout();
    producer.backpressure = client::Backpressure::kRefuse;
    producer_ = query.client().make_producer(producer);
  }

  void start() {
    query_.on_interrupt([this](int signal) { interrupt(signal); });
    next();
  }

 private:
  struct Copy {
    TaskId from;
    std::string queue;
    TaskId made;
    Status status;
    bool ended = false;
  };

  void next() {
    ids_->next(kPieceMax, [this](Result<std::vector<TaskId>> ids) {
      if (!ids.ok()) broken_ = ids.status();
      if (!ids.ok() || ids.value().empty()) return finish();
      copies_.clear();
      for (const TaskId task : ids.value())
        copies_.push_back({task, options_.queue, {}, {}, false});
      open_ = copies_.size();
      for (Copy& copy : copies_) look_up(copy);
    });
  }

  [[nodiscard]] bool dry_run() const { return options_.flags.dry_run; }

  void look_up(Copy& copy) {
    if (!copy.queue.empty() && !dry_run()) return produce(copy);
    query_.admin().task(copy.from, query_.timeout(),
                        [this, &copy](const Result<client::TaskInfo>& info) {
                          if (!info.ok()) return end(copy, info.status());
                          if (copy.queue.empty()) copy.queue = info.value().queue;
                          if (!dry_run() && !copy.queue.empty()) return produce(copy);
                          end(copy, check_copyable(info.value()));
                        });
  }

  void produce(Copy& copy) {
    TaskOptions task = options_.task;
    task.retry_of = copy.from;
    producer_->produce(copy.queue, "", std::move(task),
                       [this, &copy](const client::ProduceOutcome& outcome) {
                         copy.made = outcome.task;
                         end(copy, outcome.status);
                       });
  }

  void end(Copy& copy, Status status) {
    copy.status = std::move(status);
    copy.ended = true;
    if (--open_ > 0) return;
    for (const Copy& done : copies_) add_row(done);
    next();
  }

  void add_row(const Copy& copy) {
    const bool ok = copy.status.ok();
    (ok ? counts_.done : counts_.refused) += 1;
    if (!ok && first_refusal_.ok()) first_refusal_ = copy.status;
    rows_.add(Json{{"retry_of", to_string(copy.from)},
                   {"outcome", outcome_of(copy.status)},
                   {"id", copy.made ? Json(to_string(copy.made)) : Json()},
                   {"queue", text_or_null(copy.queue)},
                   {"error", ok ? Json() : Json(copy.status.to_string())}});
  }

  [[nodiscard]] std::string outcome_of(const Status& status) const {
    if (dry_run()) return status.ok() ? "would be copied" : "would be refused";
    return status.ok() ? "copied" : std::string(to_string(status.code()));
  }

  void finish() {
    rows_.finish();
    if (!broken_.ok()) query_.complain(broken_);
    if (counts_.refused == 0 && broken_.ok()) return query_.finish(0);
    counts_.print("", "copied", dry_run());
    if (counts_.done > 0) return query_.finish(kPartlyDone);
    query_.finish(exit_code_of_request(broken_.ok() ? first_refusal_ : broken_));
  }

  void interrupt(int signal) {
    for (const Copy& copy : copies_) {
      if (open_ > 0 && copy.ended) add_row(copy);  // of a piece that is under way
    }
    rows_.finish();
    counts_.print("interrupted: ", "copied", dry_run());
    if (open_ > 0 && !dry_run())
      std::fprintf(stderr, "  %zu more were asked for: they may be copied as well\n", open_);
    query_.finish(128 + signal);
  }

  Query& query_;
  const RetryOptions& options_;
  const std::unique_ptr<TaskIds> ids_;
  RowWriter rows_;
  std::unique_ptr<client::Producer> producer_;
  std::vector<Copy> copies_;  // of this piece
  std::size_t open_ = 0;      // of them, without an end
  BulkCounts counts_;
  Status first_refusal_;
  Status broken_;
};

int retry(CommonOptions common, const RetryOptions& options) {
  const Status status = validate_task_options(options.task);
  if (!status.ok()) return usage_error("task retry", status.message());
  const bool many = names_many(options.ids);
  if (many && !options.task.key.empty())
    return usage_error("task retry", "--key names one task, and there are more");
  const bool ask = many && !options.flags.dry_run;
  if (const auto code = refuse_unconfirmed(options.flags.yes || !ask, "retry all of these tasks?"))
    return *code;
  return run_query(std::move(common), [&](Query& query) {
    query.own(std::make_unique<RetryCommand>(query, options)).start();
  });
}

}  // namespace

void add_task_retry(Program& program, CLI::App& noun) {
  auto options = std::make_shared<RetryOptions>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "retry",
       .summary =
           "Make copies of finished or dead tasks: new tasks with the same payload, and what "
           "they asked for\nunless the flags say otherwise. Finished ones must have been kept: "
           "`baton queue set Q --keep all`.",
       .examples = "  baton task retry 17592186044417\n"
                   "  baton task retry 17592186044417 -q mail/slow --priority 9 --delay 10m\n"
                   "  baton dead ls -q mail -o jsonl | jq -r .id | baton task retry - --dry-run"},
      [options](CommonOptions common) { return retry(std::move(common), *options); });
  command.add_option("ID", options->ids, "the tasks; - reads ids from standard input")
      ->required()
      ->check(check_id_word);
  command.add_option("-q,--queue", options->queue, "where the copies go (default: the same queue)")
      ->check([](const std::string& name) { return validate_queue_name(name).message(); });
  options->flags.add_to(command);
  add_task_flags(command, options->task);
}

}  // namespace baton::commands
