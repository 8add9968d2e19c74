// baton consume: claims tasks of one or several queues, prints them or runs a command on each, and acks them.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/child_files.h"
#include "client/commands/child_process.h"
#include "client/commands/count_check.h"
#include "client/commands/nack_wish.h"
#include "client/commands/program.h"
#include "common/base/duration_text.h"
#include "common/base/utf8.h"
#include "common/daemon/flags.h"

namespace baton::commands {
namespace {

constexpr int kSuperseded = 4;
constexpr int kUnavailable = 5;
constexpr int kTimedOutOrEmpty = 6;
constexpr Duration kKillAfter = std::chrono::seconds(10);  // SIGTERM to SIGKILL
// After Ctrl-C, for a reader of ours that is stuck.
constexpr Duration kPrintPatience = std::chrono::seconds(1);
constexpr std::size_t kPrefetchMax = 256;
// How often the files of the commands are looked at for progress and checkpoints.
constexpr Duration kLookEvery = std::chrono::seconds(1);

struct ConsumeOptions {
  std::vector<std::string> queues;
  std::uint64_t tasks_max = 0;
  Millis wait{0};
  const CLI::Option* wait_flag = nullptr;  // not given: waits for ever
  Millis lease{0};                         // the queue's
  std::size_t concurrency = 1;
  client::Pick pick = client::Pick::kStay;
  std::string task;
  std::string exec;
  std::string result_type;
  ExitCodes dead_on;
};

std::string reason_of(const ChildExit& exit) {
  return exit.output_cut ? "the result is larger than " + std::to_string(kResultBytesMax) + " bytes"
                         : exit.to_string();
}

// An environment variable ends at the first NUL.
std::string without_nul(std::string text) {
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

class ConsumeCommand {
 public:
  ConsumeCommand(Runtime& runtime, const ConsumeOptions& options)
      : runtime_(runtime), options_(options) {}

  void start() {
    client::ConsumerOptions consumer;
    consumer.queues = options_.queues;
    consumer.lease = options_.lease;
    consumer.concurrency = options_.concurrency;
    // A command may take long: what it has not begun belongs to others (R12).
    consumer.prefetch_max = options_.exec.empty() ? kPrefetchMax : 0;
    consumer.tasks_max = options_.tasks_max;
    if (options_.wait_flag->count() > 0) consumer.wait_max = options_.wait;
    consumer.pick = options_.pick;
    if (!options_.task.empty()) {
      auto task = parse_task_id(options_.task);
      if (!task.ok()) return runtime_.fail(task.status());
      consumer.task = task.value();
      consumer.tasks_max = 1;
    }
    if (!options_.exec.empty()) {
      auto files = ChildFiles::make();
      if (files.ok()) {
        files_ = std::move(files).value();
      } else {  // the work itself needs none
        std::fprintf(stderr, "progress and checkpoints are not kept: %s\n",
                     files.status().to_string().c_str());
      }
    }
    client_ = runtime_.make_client();
    if (!client_) return;
    auto made = client_->make_consumer(
        consumer, {[this](client::Claim claim) { on_task(std::move(claim)); },
                   [this](const client::Claim& claim) { on_superseded(claim); },
                   [this](const client::ConsumerSummary& summary) { on_end(summary); },
                   [this](const Status& why) { say_cut_off(why); }});
    if (!made.ok()) return runtime_.fail(made.status());
    consumer_ = std::move(made).value();
    runtime_.set_on_interrupt([this](int signal) { interrupt(signal); });
  }

 private:
  void on_task(client::Claim claim) {
    if (options_.exec.empty()) {
      print_then_ack(std::move(claim));
    } else {
      run_command(std::move(claim));
    }
  }

  // ---- printing ------------------------------------------------------------------------------

  void print_then_ack(client::Claim claim) {
    std::string text =
        jsonl() ? json_text(task_json(claim.delivery())) + "\n" : claim.delivery().payload + "\n";
    // The ack follows the flush: a task that nobody could read was not consumed.
    print(std::move(text), [this, claim](bool ok) {
      if (!ok) {
        claim.release(false);
        return;
      }
      claim.ack({}, [this, claim](const client::OperationResult& result) {
        check_answer(claim, result);
      });
    });
  }

  void print(std::string text, std::function<void(bool)> done) {
    ++prints_;
    runtime_.async_out().write(std::move(text), [this, done = std::move(done)](bool ok) {
      --prints_;
      if (done) done(ok);
      if (!ok && !output_closed_) {
        output_closed_ = true;
        print_error("standard output was closed: what was not printed is released");
        stop(client::Consumer::StopMode::kFinish);
      }
      finish_if_over();
    });
  }

  [[nodiscard]] Json task_json(const client::Delivery& task) const {
    Json object{{"id", to_string(task.task)},
                {"queue", task.queue},
                {"attempt", task.attempt},
                {"token", std::to_string(task.token.value())}};
    put_bytes(object, "payload", task.payload);
    object["manager"] = task.manager;
    put_options(object, task);
    return object;
  }

  // What most tasks have not is there only when it says something.
  static void put_options(Json& object, const client::Delivery& task) {
    const TaskOptions& options = task.options;
    if (options.priority != kPriorityDefault) object["priority"] = options.priority;
    if (!options.type.empty()) object["type"] = options.type;
    if (!options.key.empty()) put_bytes(object, "key", options.key);
    if (!options.order_key.empty()) object["order_key"] = options.order_key;
    if (!options.fair_key.empty()) object["fair_key"] = options.fair_key;
    if (options.parent) object["parent"] = to_string(options.parent);
    if (options.retry_of) object["retry_of"] = to_string(options.retry_of);
    if (task.expiries > 0) object["expiries"] = task.expiries;
  }

  // ---- running a command ---------------------------------------------------------------------

  void run_command(client::Claim claim) {
    const client::Delivery& task = claim.delivery();
    const auto files = files_ ? files_->open(task) : Result<ChildFiles::Paths>(ChildFiles::Paths{});
    auto child = files.ok() ? start_command(claim, files.value())
                            : Result<std::shared_ptr<ChildProcess>>(files.status());
    if (child.ok()) {
      children_.insert_or_assign(task.token, Child{claim, std::move(child).value()});
      look_later();
      return;
    }
    if (files_) files_->close(task.token);
    print_error(child.status());
    claim.release(false);
  }

  Result<std::shared_ptr<ChildProcess>> start_command(const client::Claim& claim,
                                                      const ChildFiles::Paths& files) {
    const client::Delivery& task = claim.delivery();
    std::string managers;
    for (const std::string& address : runtime_.options().managers)
      managers += (managers.empty() ? "" : ",") + address;
    ChildProcess::Spec spec;
    spec.command = options_.exec;
    spec.input = task.payload;
    // All of them always, so that none is inherited from a command around us.
    spec.environment = {"BATON_TASK_ID=" + to_string(task.task),
                        "BATON_TOKEN=" + std::to_string(task.token.value()),
                        "BATON_ATTEMPT=" + std::to_string(task.attempt),
                        "BATON_QUEUE=" + task.queue,
                        "BATON_TASK_TYPE=" + without_nul(task.options.type),
                        "BATON_MANAGER=" + managers,
                        "BATON_CHECKPOINT_FILE=" + files.checkpoint,
                        "BATON_PROGRESS_FILE=" + files.progress,
                        "BATON_NACK_FILE=" + files.nack};
    spec.output_bytes_max = kResultBytesMax;
    return ChildProcess::start(runtime_.loop(), std::move(spec), [this, claim](ChildExit exit) {
      const Token token = claim.delivery().token;
      children_.erase(token);
      if (!exit.ok() && !claim.superseded()) save_changes(claim);  // it goes before the nack
      NackWish wish = wish_of(claim, exit);
      if (files_) files_->close(token);
      on_exit(claim, std::move(exit), std::move(wish));
    });
  }

  // Of a command that failed by itself; what a signal ended had no say in that.
  NackWish wish_of(const client::Claim& claim, const ChildExit& exit) {
    if (exit.code <= 0) return {};
    NackWish wish = files_ ? files_->nack_wish(claim.delivery().token) : NackWish{};
    if (options_.dead_on[static_cast<std::size_t>(exit.code)]) {
      wish.options = {.delay = {}, .dead = true};
    }
    return wish;
  }

  // ---- progress and checkpoints --------------------------------------------------------------

  void look_later() {
    if (std::exchange(looking_, true)) return;
    runtime_.loop().call_after(kLookEvery, [this] {
      looking_ = false;
      for (const auto& [token, child] : children_) {
        if (!child.claim.superseded()) save_changes(child.claim);
      }
      if (!children_.empty()) look_later();
    });
  }

  void save_changes(const client::Claim& claim) {
    if (!files_) return;
    std::string complaint;
    auto changes = files_->look(claim.delivery().token, complaint);
    if (!complaint.empty()) say(claim, complaint);
    if (!changes) return;
    claim.save(std::move(*changes), [claim](const client::OperationResult& result) {
      const bool over = result.status.code() == ErrorCode::kClaimSuperseded ||
                        result.status.code() == ErrorCode::kConflict;
      if (!result.status.ok() && !over) say(claim, "not saved: " + result.status.to_string());
    });
  }

  void on_exit(const client::Claim& claim, ChildExit exit, NackWish wish) {
    if (interrupted_ != 0 && !exit.ok()) {
      // We ended it, so that it is neither done nor failed.
      claim.release(true, [this, claim](const client::OperationResult& result) {
        report(claim, check_answer(claim, result) ? "released" : lost_word(claim), "");
      });
      return;
    }
    if (!exit.ok() || exit.output_cut) {
      return nack(claim, exit, std::move(wish));
    }
    claim.ack(exit.output, {.content_type = options_.result_type},
              [this, claim, output = exit.output](const client::OperationResult& result) {
                const bool accepted = check_answer(claim, result);
                report(claim, accepted ? "done" : lost_word(claim), accepted ? output : "");
              });
  }

  void nack(const client::Claim& claim, const ChildExit& exit, NackWish wish) {
    if (!claim.superseded()) say_failed(claim, exit, wish);  // else we have ended it
    claim.nack(wish.reason ? std::move(*wish.reason) : reason_of(exit), wish.options,
               [this, claim](const client::OperationResult& result) {
                 report(claim, check_answer(claim, result) ? "nacked" : lost_word(claim), "");
               });
  }

  static void say_failed(const client::Claim& claim, const ChildExit& exit, const NackWish& wish) {
    for (const std::string& complaint : wish.complaints)
      say(claim, "BATON_NACK_FILE: " + complaint);
    std::string what = reason_of(exit);
    if (wish.reason) what += ": " + *wish.reason;
    if (wish.options.delay) what += "; again in " + to_text(*wish.options.delay);
    if (wish.options.dead) what += "; it is dead";
    say(claim, what);
  }

  void report(const client::Claim& claim, const std::string& outcome, const std::string& result) {
    const client::Delivery& task = claim.delivery();
    if (!jsonl()) {
      print(to_string(task.task) + "\t" + outcome + "\t" + one_line(result) + "\n", {});
      return;
    }
    Json object = task_json(task);
    object["outcome"] = outcome;
    put_bytes(object, "result", result);
    print(json_text(object) + "\n", {});
  }

  // ---- losing a claim ------------------------------------------------------------------------

  void on_superseded(const client::Claim& claim) {
    note_lost(claim, cause_of(claim));
    const auto child = children_.find(claim.delivery().token);
    if (child != children_.end()) child->second.process->terminate(kKillAfter);
  }

  static bool cancelled(const client::Claim& claim) {
    return claim.lost_cause() == LostCause::kCancelled;
  }
  static std::string lost_word(const client::Claim& claim) {
    return cancelled(claim) ? "cancelled" : "superseded";
  }
  static std::string cause_of(const client::Claim& claim) {
    const auto cause = claim.lost_cause();
    if (cause == LostCause::kCancelled) return "an operator cancelled the task";
    if (cause == LostCause::kTimeout) return "the time of the task is over";
    if (cause == LostCause::kDecided) return "an operator or its parent ended the task";
    if (cause == LostCause::kLease)
      return "its lease is over: not renewed in time, or the attempt took too long";
    return "the claim was lost, `baton task history` tells how";
  }

  // True when the operation was accepted. Anything else is said once a task.
  bool check_answer(const client::Claim& claim, const client::OperationResult& result) {
    if (result.status.ok()) return true;
    if (result.status.code() == ErrorCode::kClaimSuperseded) {
      note_lost(claim, claim.lost_cause() ? cause_of(claim) : result.status.message());
    } else {
      say(claim, result.status.to_string());
      unanswered_ = result.status;
    }
    return false;
  }

  // That an operator cancelled a task is no fault of ours, and no exit code.
  void note_lost(const client::Claim& claim, const std::string& why) {
    auto& told = cancelled(claim) ? cancelled_ : superseded_;
    if (told.insert(claim.delivery().token).second) say(claim, lost_word(claim) + ": " + why);
  }

  static void say(const client::Claim& claim, const std::string& what) {
    std::fprintf(stderr, "task %s: %s\n", to_string(claim.delivery().task).c_str(), what.c_str());
  }

  // ---- the end -------------------------------------------------------------------------------

  // Waiting for ever must not look like an empty queue when nobody is there.
  void say_cut_off(const Status& why) {
    std::string managers;
    for (const std::string& address : runtime_.options().managers) managers += " " + address;
    std::fprintf(stderr, "no manager can be reached, trying on:%s (%s)\n", managers.c_str(),
                 why.ok() ? "no answer" : why.to_string().c_str());
  }

  void interrupt(int signal) {
    interrupted_ = signal;
    stop(client::Consumer::StopMode::kFinish);
    for (const auto& [token, child] : children_) child.process->terminate(kKillAfter);
    if (options_.exec.empty()) {
      runtime_.loop().call_after(kPrintPatience,
                                 [this] { stop(client::Consumer::StopMode::kRelease); });
    }
  }

  void stop(client::Consumer::StopMode mode) {
    if (!ended_) consumer_->stop(mode);
  }

  void on_end(const client::ConsumerSummary& summary) {
    ended_ = true;
    summary_ = summary;
    finish_if_over();
  }

  void finish_if_over() {
    if (!ended_) return;
    if (prints_ == 0) return runtime_.finish(code_of_end());
    if (interrupted_ == 0 || std::exchange(hurrying_, true)) return;
    runtime_.loop().call_after(kPrintPatience, [this] { runtime_.finish(code_of_end()); });
  }

  int code_of_end() {
    if (interrupted_ != 0) return 128 + interrupted_;
    if (!superseded_.empty()) return kSuperseded;
    if (output_closed_) return 1;
    if (summary_.end == client::ConsumerEnd::kRefused) {
      print_error(summary_.status);
      return exit_code(summary_.status.code());
    }
    if (!unanswered_.ok()) return exit_code_of_request(unanswered_);
    const bool enough = options_.tasks_max > 0 ? summary_.end == client::ConsumerEnd::kTasksMax
                                               : summary_.handled > 0;
    if (enough || summary_.end == client::ConsumerEnd::kTasksMax) return 0;
    if (summary_.status.ok()) return kTimedOutOrEmpty;
    print_error(summary_.status);
    return kUnavailable;
  }

  [[nodiscard]] bool jsonl() const { return runtime_.options().format != OutputFormat::kTable; }

  Runtime& runtime_;
  const ConsumeOptions& options_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::Consumer> consumer_;
  struct Child {
    client::Claim claim;
    std::shared_ptr<ChildProcess> process;
  };
  std::unique_ptr<ChildFiles> files_;  // with --exec, if there is a place for them
  std::map<Token, Child> children_;    // by the token of the claim they work on
  bool looking_ = false;               // a look at their files is planned
  std::set<Token> superseded_;         // claims that were lost
  std::set<Token> cancelled_;
  Status unanswered_;  // an operation that ended otherwise
  std::uint64_t prints_ = 0;
  bool output_closed_ = false;
  int interrupted_ = 0;  // the signal
  bool ended_ = false;
  bool hurrying_ = false;  // interrupted, and only a reader of our output is waited for
  client::ConsumerSummary summary_;
};

}  // namespace

void add_consume(Program& program) {
  auto options = std::make_shared<ConsumeOptions>();
  CLI::App& command = program.add_command(
      program.app(),
      {.name = "consume",
       .summary = "Claim tasks of one or several queues and print them, or run a command on each. "
                  "A task is acked when\n"
                  "it was printed, or when its command has ended with exit code 0.",
       .examples =
           "  baton consume -q mail                        print and ack for ever\n"
           "  baton consume -q mail -n 10 --wait 5s        ten tasks; exit 6 when they did "
           "not come in time\n"
           "  baton consume -q urgent -q bulk               both; `queue set --weight` says in "
           "which shares\n"
           "  baton consume -q images -j 4 --exec 'convert - /tmp/$BATON_TASK_ID.png'\n"
           "  baton consume -q mail -o jsonl | jq .payload\n"
           "\nWith --exec the payload is on standard input, BATON_TASK_ID, BATON_TOKEN, "
           "BATON_ATTEMPT, BATON_QUEUE,\n"
           "BATON_TASK_TYPE and BATON_MANAGER are in the environment, and standard output "
           "becomes the result. Any\n"
           "other exit code than 0 nacks: the task runs again after a backoff, until it is "
           "dead. Give BATON_TOKEN to\n"
           "stores that can refuse smaller ones: a consumer that was cut off may still act. "
           "What is written to\n"
           "BATON_CHECKPOINT_FILE is there for the next attempt, and so is a line \"PERCENT TEXT\" "
           "in "
           "BATON_PROGRESS_FILE,\n"
           "which `task show` shows. A command that fails may say more in BATON_NACK_FILE, in "
           "lines "
           "\"reason TEXT\",\n"
           "\"delay DURATION\" (instead of the backoff) and \"dead\" (never again). Ctrl-C "
           "releases what is not finished.",
       .formats = {"table", "jsonl"},
       .has_timeout = false},
      [options](CommonOptions common) {
        Runtime runtime(std::move(common));
        ConsumeCommand consume(runtime, *options);
        return runtime.run([&] { consume.start(); });
      });
  command
      .add_option("-q,--queue", options->queues,
                  "a queue, up to 64 of them; waits for it when it does not exist yet")
      ->required()
      ->allow_extra_args(false)
      ->check([](const std::string& name) { return validate_queue_name(name).message(); });
  command
      .add_option("-n", options->tasks_max,
                  "end after this many tasks were handed out, whatever became of them")
      ->check(at_least_one());
  options->wait_flag =
      add_duration_flag(command, "--wait", options->wait,
                        "end when nothing came for this long, 0s: after what is there now\n"
                        "(default: wait for ever)")
          ->default_str("");
  add_duration_flag(command, "--lease", options->lease,
                    "how long a claim outlives a consumer that was cut off: 3s to 12h\n"
                    "(default: the queue's)")
      ->default_str("")
      ->check([](const std::string& text) {
        const auto lease = parse_duration(text);
        return lease.ok() ? validate_lease(lease.value()).message() : lease.status().message();
      });
  command.add_option("-j", options->concurrency, "tasks at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--pick",
          [options](const std::string& text) {
            options->pick = text == "random" ? client::Pick::kRandom : client::Pick::kRoundRobin;
          },
          "pull each task through the next of the managers, or a random one (default: stay with "
          "one)")
      ->check(CLI::IsMember({"round-robin", "random"}));
  command.add_option("--task", options->task, "only the task with this id");
  CLI::Option* exec =
      command.add_option("--exec", options->exec, "run `sh -c CMD` on each task")->type_name("CMD");
  command
      .add_option("--result-type", options->result_type,
                  "content type of the results, such as application/json")
      ->needs(exec)
      ->check([](const std::string& text) {
        return text.size() <= kTaskTextBytesMax && is_utf8(text) ? ""
                                                                 : "at most 200 bytes of UTF-8";
      });
  command
      .add_option_function<std::string>(
          "--dead-on",
          [options](const std::string& text) {
            const auto codes = parse_exit_codes(text);
            if (!codes.ok()) throw CLI::ValidationError("--dead-on", codes.status().message());
            options->dead_on = codes.value();
          },
          "exit codes (1 to 255) that make the task dead at once: trying again makes no sense")
      ->type_name("CODE[,CODE...]")
      ->needs(exec);
}

}  // namespace baton::commands
