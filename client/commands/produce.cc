// baton produce: tasks from lines or files into a queue; prints the id of each, in input order.

#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/program.h"
#include "client/commands/progress.h"
#include "client/commands/task_source.h"

namespace baton::commands {
namespace {

struct ProduceOptions {
  std::string queue;
  std::vector<std::string> paths;
  bool file_per_task = false;
  bool json_lines = false;
};

constexpr int kPartlyDone = 8;
constexpr std::uint64_t kErrorsShown = 10;

class ProduceCommand {
 public:
  ProduceCommand(Runtime& runtime, const ProduceOptions& options)
      : runtime_(runtime),
        options_(options),
        source_(runtime.loop(), form(),
                options.paths.empty() ? std::vector<std::string>{"-"} : options.paths),
        progress_(runtime.loop(), true, "produced") {}

  void start() {
    client_ = runtime_.make_client();
    if (!client_) return;
    client::ProducerOptions producer;
    producer.timeout = runtime_.options().timeout;
    producer.backpressure = client::Backpressure::kRefuse;  // waiting would stop the loop
    producer_ = client_->make_producer(producer);
    runtime_.set_on_interrupt([this](int signal) { interrupt(signal); });
    read_more();
  }

 private:
  struct Slot {
    std::optional<client::ProduceOutcome> outcome;
  };

  [[nodiscard]] TaskForm form() const {
    if (options_.file_per_task) return TaskForm::kFiles;
    return options_.json_lines ? TaskForm::kJsonLines : TaskForm::kLines;
  }

  // One read at a time: outcomes come while one is open.
  void read_more() {
    if (std::exchange(reading_, true)) return;
    source_.read([this](Result<std::vector<std::string>> payloads) {
      reading_ = false;
      if (!payloads.ok()) {
        input_error_ = payloads.status();
        input_ended_ = true;
        print_error(input_error_);
      } else if (payloads.value().empty()) {
        input_ended_ = true;
      } else {
        for (std::string& payload : payloads.value()) waiting_.push_back(std::move(payload));
      }
      produce_waiting();
    });
  }

  // As many as the producer takes now; the others go when outcomes have made room.
  void produce_waiting() {
    while (!waiting_.empty() && producer_->has_room(waiting_.front().size())) {
      const std::uint64_t number = next_++;
      slots_.emplace_back();
      std::string payload = std::move(waiting_.front());
      waiting_.pop_front();
      producer_->produce(options_.queue, std::move(payload),
                         [this, number](const client::ProduceOutcome& outcome) {
                           slots_[number - first_slot_].outcome = outcome;
                           on_outcome();
                         });
    }
    if (!waiting_.empty()) return;
    if (!input_ended_) {
      read_more();
    } else if (slots_.empty()) {
      close();
    }
  }

  void on_outcome() {
    std::string text;
    while (!slots_.empty() && slots_.front().outcome) {
      text += account(*slots_.front().outcome);
      slots_.pop_front();
      ++first_slot_;
    }
    progress_.set(confirmed_);
    if (!text.empty()) print(std::move(text));
    if (!stopped_) produce_waiting();
  }

  // Counts it; the line to print.
  std::string account(const client::ProduceOutcome& outcome) {
    const std::uint64_t item = first_slot_ + 1;
    if (outcome.confirmed()) {
      ++confirmed_;
      const std::string id = to_string(outcome.task);
      return jsonl() ? json_text(Json{{"id", id}, {"queue", options_.queue}}) + "\n" : id + "\n";
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
    if (missing > kErrorsShown) {
      print_error(std::to_string(missing - kErrorsShown) + " more tasks had no better end");
    }
    if (!input_error_.ok()) return confirmed_ > 0 ? kPartlyDone : exit_code(input_error_.code());
    if (missing == 0) return output_ok_ ? 0 : 1;
    std::fprintf(stderr, "%llu confirmed, %llu failed, %llu unknown\n",
                 static_cast<unsigned long long>(confirmed_),
                 static_cast<unsigned long long>(failed_),
                 static_cast<unsigned long long>(unknown_));
    if (confirmed_ > 0) return kPartlyDone;
    print_error(worst_);
    return exit_code_of_request(worst_);
  }

  void interrupt(int signal) {
    stopped_ = true;
    const std::uint64_t open = slots_.size();
    std::fprintf(
        stderr, "stopped: %llu confirmed, %llu without an answer (they may or may not exist)\n",
        static_cast<unsigned long long>(confirmed_), static_cast<unsigned long long>(open));
    runtime_.finish(128 + signal);
  }

  [[nodiscard]] bool jsonl() const { return runtime_.options().format != OutputFormat::kTable; }

  Runtime& runtime_;
  const ProduceOptions& options_;
  TaskSource source_;
  Progress progress_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::Producer> producer_;

  std::deque<std::string> waiting_;  // read, not yet produced: at most one chunk of input
  std::deque<Slot> slots_;           // produced, not yet printed, in input order
  std::uint64_t first_slot_ = 0;     // number of the first of them
  std::uint64_t next_ = 0;
  bool reading_ = false;
  bool input_ended_ = false;
  Status input_error_;
  bool stopped_ = false;
  bool closed_ = false;
  std::uint64_t prints_ = 0;
  bool output_ok_ = true;

  std::uint64_t confirmed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unknown_ = 0;
  Status worst_;
};

}  // namespace

void add_produce(Program& program) {
  auto options = std::make_shared<ProduceOptions>();
  CLI::App& command = program.add_command(
      program.app(),
      {.name = "produce",
       .summary = "Put tasks into a queue: one a line, or one a file. Prints the id of each, in "
                  "input order,\n"
                  "once it is durable.",
       .examples = "  seq 100 | baton produce -q numbers\n"
                   "  baton produce -q mail letters.txt\n"
                   "  baton produce -q images --file-per-task *.jpg\n"
                   "  echo '{\"payload_base64\":\"AP8=\"}' | baton produce -q raw --json-lines\n"
                   "\nOutput: one decimal task id a line; with -o jsonl {\"id\",\"queue\"} a line. "
                   "Exit 8 when only some\n"
                   "tasks were confirmed: each other one is named on stderr.",
       .timeout_default = std::chrono::seconds(60),
       .formats = {"table", "jsonl"}},
      [options](CommonOptions common) {
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
      .add_flag("--json-lines", options->json_lines,
                "each line is {\"payload\": TEXT} or {\"payload_base64\": BASE64}")
      ->excludes(whole);
}

}  // namespace baton::commands
