// baton produce: tasks from lines or files into a queue; prints the id of each, in input order.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/program.h"
#include "client/commands/progress.h"
#include "client/commands/result_waiter.h"
#include "client/commands/task_flags.h"
#include "client/commands/task_source.h"
#include "common/daemon/flags.h"

namespace baton::commands {
namespace {

struct ProduceOptions {
  std::string queue;
  std::vector<std::string> paths;
  bool file_per_task = false;
  bool json_lines = false;
  TaskOptions task;  // of every task
  bool child = false;
  Millis wait{0};
  const CLI::Option* wait_flag = nullptr;  // not given: does not wait for results
};

constexpr std::uint64_t kErrorsShown = 10;
// With --wait: tasks whose end was not printed yet.
constexpr std::size_t kUnfinishedMax = 16'384;
constexpr char kOneKey[] =
    "--key names one task, and the input has more; with --json-lines each line may have its own";

class ProduceCommand {
 public:
  ProduceCommand(Runtime& runtime, const ProduceOptions& options)
      : runtime_(runtime),
        options_(options),
        source_(runtime.loop(), form(),
                options.paths.empty() ? std::vector<std::string>{"-"} : options.paths,
                options.task),
        progress_(runtime.loop(), true, "produced") {}

  void start() {
    client_ = runtime_.make_client();
    if (!client_) return;
    client::ProducerOptions producer;
    producer.timeout = runtime_.options().timeout;
    producer.backpressure = client::Backpressure::kRefuse;  // waiting would stop the loop
    producer_ = client_->make_producer(producer);
    if (waits()) {
      waiter_ = std::make_unique<ResultWaiter>(runtime_.loop(), client_->admin(), options_.wait);
    }
    runtime_.set_on_interrupt([this](int signal) { interrupt(signal); });
    read_more();
  }

 private:
  struct Slot {
    std::optional<client::ProduceOutcome> outcome;
    std::optional<TaskEnd> end;  // with --wait
  };

  [[nodiscard]] bool waits() const { return options_.wait_flag->count() > 0; }

  [[nodiscard]] TaskForm form() const {
    if (options_.file_per_task) return TaskForm::kFiles;
    return options_.json_lines ? TaskForm::kJsonLines : TaskForm::kLines;
  }

  // One read at a time: outcomes come while one is open.
  void read_more() {
    if (std::exchange(reading_, true)) return;
    source_.read([this](Result<std::vector<SourceTask>> tasks) {
      reading_ = false;
      if (!tasks.ok()) {
        input_error_ = tasks.status();
        input_ended_ = true;
        print_error(input_error_);
      } else if (tasks.value().empty()) {
        input_ended_ = true;
      } else {
        for (SourceTask& task : tasks.value()) waiting_.push_back(std::move(task));
      }
      produce_waiting();
    });
  }

  // With --key: whether the input is known to be the one task that the key is for.
  bool one_task_read() {
    if (options_.task.key.empty() || next_ > 0 || input_ended_) return true;
    if (waiting_.size() <= 1) {
      read_more();
      return false;
    }
    waiting_.clear();
    input_error_ = Status(ErrorCode::kInvalidArgument, kOneKey);
    input_ended_ = true;
    print_error(input_error_);
    return true;
  }

  // As many as the producer takes now; the others go when outcomes have made room.
  void produce_waiting() {
    if (!one_task_read()) return;
    while (!waiting_.empty() && producer_->has_room(waiting_.front().payload.size()) &&
           slots_.size() < slots_max()) {
      const std::uint64_t number = next_++;
      slots_.emplace_back();
      SourceTask task = std::move(waiting_.front());
      waiting_.pop_front();
      producer_->produce(
          options_.queue, std::move(task.payload), *task.options,
          [this, number](const client::ProduceOutcome& outcome) { on_outcome(number, outcome); });
    }
    if (!waiting_.empty()) return;
    if (!input_ended_) {
      read_more();
    } else if (slots_.empty()) {
      close();
    }
  }

  // A slot is open until it can be printed. Without --wait the producer bounds them itself.
  [[nodiscard]] std::size_t slots_max() const {
    return waits() ? kUnfinishedMax : std::numeric_limits<std::size_t>::max();
  }

  void on_outcome(std::uint64_t number, const client::ProduceOutcome& outcome) {
    slots_[number - first_slot_].outcome = outcome;
    if (!waits() || !outcome.confirmed()) return print_ready();
    waiter_->wait(outcome.task, [this, number](TaskEnd end) {
      ends_.add(end);
      slots_[number - first_slot_].end = std::move(end);
      print_ready();
    });
  }

  [[nodiscard]] bool is_ready(const Slot& slot) const {
    return slot.outcome && (slot.end || !waits() || !slot.outcome->confirmed());
  }

  void print_ready() {
    std::string text;
    while (!slots_.empty() && is_ready(slots_.front())) {
      text += account(slots_.front());
      slots_.pop_front();
      ++first_slot_;
    }
    progress_.set(confirmed_);
    if (!text.empty()) print(std::move(text));
    if (!stopped_) produce_waiting();
  }

  // Counts it; the line to print.
  std::string account(const Slot& slot) {
    const std::uint64_t item = first_slot_ + 1;
    const client::ProduceOutcome& outcome = *slot.outcome;
    if (outcome.confirmed()) {
      ++confirmed_;
      if (outcome.duplicate) ++duplicates_;
      return jsonl()    ? confirmed_json(slot)
             : slot.end ? end_line(*slot.end)
                        : to_string(outcome.task) + "\n";
    }
    const bool unknown = outcome.state == client::ProduceState::kUnknown;
    (unknown ? unknown_ : failed_) += 1;
    worst_ = outcome.status;
    if (unknown_ + failed_ <= kErrorsShown) {
      print_error((options_.file_per_task ? "file " : "task ") + std::to_string(item) +
                  (unknown ? ": outcome unknown, it may or may not exist: " : ": ") +
                  outcome.status.to_string());
    }
    if (!jsonl()) return "";
    return json_text(Json{{"id", nullptr},
                          {"queue", options_.queue},
                          {"item", item},
                          {"unknown", unknown},
                          {"error", std::string(to_string(outcome.status.code()))},
                          {"message", outcome.status.message()}}) +
           "\n";
  }

  [[nodiscard]] std::string confirmed_json(const Slot& slot) const {
    Json object{{"id", to_string(slot.outcome->task)}, {"queue", options_.queue}};
    if (slot.outcome->duplicate) {
      object["duplicate"] = true;
      object["state"] = client::to_string(slot.outcome->task_state);
    }
    if (slot.end) put_end(object, *slot.end);
    return json_text(object) + "\n";
  }

  void print(std::string text) {
    ++prints_;
    runtime_.async_out().write(std::move(text), [this](bool ok) {
      --prints_;
      if (!ok && output_ok_) {
        // The tasks exist all the same: go on, and say so at the end.
        output_ok_ = false;
        print_error("standard output was closed: the ids of further tasks are not shown");
      }
      finish_if_over();
    });
  }

  void close() {
    if (std::exchange(stopped_, true)) return;
    producer_->close([this] {
      closed_ = true;
      finish_if_over();
    });
  }

  void finish_if_over() {
    if (closed_ && prints_ == 0) runtime_.finish(summary());
  }

  int summary() {
    const std::uint64_t missing = failed_ + unknown_;
    if (duplicates_ > 0) {
      std::fprintf(stderr, "%llu of them were there already, under the same key\n",
                   static_cast<unsigned long long>(duplicates_));
    }
    if (missing > kErrorsShown) {
      print_error(std::to_string(missing - kErrorsShown) + " more tasks had no better end");
    }
    if (!input_error_.ok()) return confirmed_ > 0 ? kPartlyDone : exit_code(input_error_.code());
    if (missing == 0) return output_ok_ ? ends_.exit_code() : 1;
    std::fprintf(stderr, "%llu confirmed, %llu failed, %llu unknown\n",
                 static_cast<unsigned long long>(confirmed_),
                 static_cast<unsigned long long>(failed_),
                 static_cast<unsigned long long>(unknown_));
    if (confirmed_ > 0) return kPartlyDone;
    print_error(worst_, client_->metrics().connections_opened > 0);
    return exit_code_of_request(worst_);
  }

  void interrupt(int signal) {
    stopped_ = true;
    std::uint64_t confirmed = confirmed_;
    std::uint64_t open = 0;
    for (const Slot& slot : slots_) {
      if (!slot.outcome) ++open;
      if (slot.outcome && slot.outcome->confirmed()) ++confirmed;
    }
    std::fprintf(stderr,
                 "stopped: %llu confirmed, %llu without an answer (they may or may not exist)\n",
                 static_cast<unsigned long long>(confirmed), static_cast<unsigned long long>(open));
    runtime_.finish(128 + signal);
  }

  [[nodiscard]] bool jsonl() const { return runtime_.options().format != OutputFormat::kTable; }

  Runtime& runtime_;
  const ProduceOptions& options_;
  TaskSource source_;
  Progress progress_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<ResultWaiter> waiter_;  // with --wait
  EndCount ends_;

  std::deque<SourceTask> waiting_;  // read, not yet produced: at most one chunk of input
  std::deque<Slot> slots_;          // produced, not yet printed, in input order
  std::uint64_t first_slot_ = 0;    // number of the first of them
  std::uint64_t next_ = 0;
  bool reading_ = false;
  bool input_ended_ = false;
  Status input_error_;
  bool stopped_ = false;
  bool closed_ = false;
  std::uint64_t prints_ = 0;
  bool output_ok_ = true;

  std::uint64_t confirmed_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unknown_ = 0;
  Status worst_;
};

// --child: the task of the command that runs this, as `baton consume --exec` tells it.
Status take_parent(TaskOptions& options) {
  const char* task = std::getenv("BATON_TASK_ID");
  const char* token = std::getenv("BATON_TOKEN");
  if (task == nullptr || token == nullptr) {
    return {ErrorCode::kInvalidArgument,
            "--child is for commands that `baton consume --exec` runs: BATON_TASK_ID and "
            "BATON_TOKEN are not set"};
  }
  for (const TaskOptionSpec& spec : task_option_specs()) {
    if (spec.name == "parent") BATON_RETURN_IF_ERROR(spec.set(options, task));
    if (spec.name == "token") BATON_RETURN_IF_ERROR(spec.set(options, token));
  }
  return {};
}

// Prepares what the flags say together; not ok: they contradict each other.
Status check_together(ProduceOptions& options) {
  if (options.child) BATON_RETURN_IF_ERROR(take_parent(options.task));
  // With JSON lines they are defaults; each line is checked with what it says itself.
  BATON_RETURN_IF_ERROR(options.json_lines ? validate_task_options(options.task)
                                           : check_task_options(options.task));
  if (!options.task.key.empty() && options.paths.size() > 1)
    return {ErrorCode::kInvalidArgument, kOneKey};
  return {};
}

}  // namespace

void add_produce(Program& program) {
  auto options = std::make_shared<ProduceOptions>();
  CLI::App& command = program.add_command(
      program.app(),
      {.name = "produce",
       .summary = "Put tasks into a queue: one a line, or one a file. Prints the id of each, in "
                  "input order,\n"
                  "once it is durable.",
       .examples =
           "  seq 100 | baton produce -q numbers\n"
           "  baton produce -q mail letters.txt\n"
           "  baton produce -q images --file-per-task *.jpg\n"
           "  echo '{\"payload\":\"hi\",\"priority\":9,\"delay\":\"10m\"}' | baton produce "
           "-q mail --json-lines\n"
           "  echo '42 EUR' | baton produce -q pay --key order-4711     once, however often\n"
           "  baton produce -q mail --order-key alice letters.txt      one at a time, in "
           "order\n"
           "  seq 10 | baton produce -q squares --wait 1m              ID, outcome, result\n"
           "\nOutput: one decimal task id a line; with -o jsonl {\"id\",\"queue\"} a line. "
           "Exit 8 when only some\n"
           "tasks were confirmed: each other one is named on stderr. docs/queues.md "
           "explains what a task may ask for.",
       .timeout_default = std::chrono::seconds(60),
       .formats = {"table", "jsonl"}},
      [options](CommonOptions common) {
        const Status together = check_together(*options);
        if (!together.ok()) return usage_error("produce", together.message());
        Runtime runtime(std::move(common));
        ProduceCommand produce(runtime, *options);
        return runtime.run([&] { produce.start(); });
      });
  command.add_option("-q,--queue", options->queue, "the queue; it need not exist yet")
      ->required()
      ->check([](const std::string& name) { return validate_queue_name(name).message(); });
  command.add_option("FILE", options->paths, "files to read; - or none: standard input");
  CLI::Option* whole = command.add_flag("--file-per-task", options->file_per_task,
                                        "each file is one task, as it is");
  command
      .add_flag(
          "--json-lines", options->json_lines,
          "each line is {\"payload\": TEXT} or {\"payload_base64\": BASE64}, and what the "
          "task asks for:\npriority, delay, key, order_key, ... (the flags below, with _ for -)")
      ->excludes(whole);
  options->wait_flag =
      add_duration_flag(command, "--wait", options->wait,
                        "wait so long for each task to finish, and print ID, outcome and result")
          ->default_str("");
  add_task_flags(command, options->task);
  CLI::Option* child = command.add_flag(
      "--child", options->child,
      "a child of the task that this command runs for (BATON_TASK_ID, BATON_TOKEN)");
  child->excludes(command.get_option("--parent"))->excludes(command.get_option("--token"));
}

}  // namespace baton::commands
