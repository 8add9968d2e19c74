// baton bench: how fast, how long, and whether everything came once and unharmed.

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/bench_run.h"
#include "client/commands/count_check.h"
#include "client/commands/own_trio.h"
#include "client/commands/program.h"
#include "common/daemon/flags.h"

namespace baton::commands {
namespace {

constexpr std::uint64_t kBacklogTasks = 1'000'000;
constexpr std::uint64_t kSingleTasks = 2'000;
constexpr std::size_t kBacklogWindow = 512;
constexpr std::size_t kCycleWindow = 64;
constexpr std::size_t kSelfManagers = 3;

const std::map<std::string, BenchMode> kModes = {{"cycle", BenchMode::kCycle},
                                                 {"backlog", BenchMode::kBacklog},
                                                 {"single", BenchMode::kSingle},
                                                 {"paced", BenchMode::kPaced}};

struct BenchFlags {
  std::string mode = "cycle";
  BenchOptions run;
  std::string history;     // file
  std::size_t window = 0;  // 0: by mode
  bool self = false;
  std::size_t managers = kSelfManagers;
};

Json latency_json(const LatencyHistogram& latency) {
  if (latency.count() == 0) return Json();
  return {{"p50", latency.percentile_ms(0.50)},
          {"p99", latency.percentile_ms(0.99)},
          {"p999", latency.percentile_ms(0.999)},
          {"max", latency.max_ms()}};
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0
             ? static_cast<double>(static_cast<std::uint64_t>(static_cast<double>(count) / seconds))
             : 0;
}

void complain(const check::Judgement& judgement) {
  constexpr std::size_t kTold = 10;
  const std::vector<std::string> lines = judgement.lines();
  for (std::size_t i = 0; i < lines.size() && i < kTold; ++i) print_error(lines[i]);
  print_error("promises were broken, " + std::to_string(lines.size()) + " times");
}

class BenchCommand {
 public:
  BenchCommand(Runtime& runtime, BenchFlags flags) : runtime_(runtime), flags_(std::move(flags)) {}

  void start() {
    if (!flags_.self) return run(runtime_.options().managers);
    trio_ = std::make_unique<OwnTrio>(runtime_.loop());
    trio_->start(flags_.managers, [this](Result<std::vector<std::string>> managers) {
      if (!managers.ok()) return runtime_.fail(managers.status());
      run(managers.value());
    });
  }

 private:
  void run(const std::vector<std::string>& managers) {
    managers_ = managers.size();
    if (flags_.run.queue.empty())
      flags_.run.queue = "bench-" + std::to_string(system_seed() % 1'000'000'000);
    run_ = std::make_unique<BenchRun>(runtime_, flags_.run, managers);
    run_->start([this](std::function<void()> next) { measure_backlog(std::move(next)); },
                [this] { report(); });
  }

  // What a waiting task costs, while they wait.
  void measure_backlog(std::function<void()> next) {
    if (trio_) {
      backlog_["resident_bytes"] = trio_->resident_bytes();
      backlog_["disk_bytes"] = trio_->disk_bytes();
    }
    run_->admin().center_status(runtime_.options().timeout,
                                [this, next = std::move(next)](Result<client::CenterInfo> center) {
                                  if (center.ok()) {
                                    backlog_["ledger_bytes"] = center.value().memory_bytes;
                                    backlog_["ledger_waiting"] = center.value().tasks_waiting;
                                  }
                                  next();
                                });
  }

  void report() {
    const BenchWorkload& work = run_->workload();
    const BenchTimes& times = run_->times();
    const bool emptied = flags_.run.mode != BenchMode::kBacklog || flags_.run.drain;
    if (!flags_.history.empty()) {
      const Status written = run_->history().write(flags_.history);
      if (!written.ok()) print_error(written);
    }
    const check::Judgement judgement = run_->history().judge(emptied);
    Json json{{"mode", flags_.mode},
              {"queue", flags_.run.queue},
              {"managers", managers_},
              {"producers", flags_.run.producers},
              {"consumers", flags_.run.consumers},
              {"window", flags_.run.window},
              {"payload_bytes", flags_.run.payload_bytes},
              {"confirmed", work.confirmed_count()},
              {"completed", work.completed_count()},
              {"produce_seconds", times.produce},
              {"consume_seconds", times.consume}};
    if (flags_.run.mode == BenchMode::kBacklog) {
      json["fill_per_second"] = per_second(work.confirmed_count(), times.produce);
      json["drain_per_second"] = per_second(work.completed_count(), times.consume);
      json["first_task_ms"] = times.first_task * 1000;
      json.update(backlog_);
    } else {
      json["tasks_per_second"] = per_second(times.completed_while_producing, times.produce);
      json["end_to_end_ms"] = latency_json(work.end_to_end_latency());
    }
    json["confirm_ms"] = latency_json(work.confirm_latency());
    // By the checkers of docs/testing.md, which know more kinds of mistakes than these.
    const check::LostShape lost =
        check::shape_of_lost(run_->history().history(), {.states_asked = emptied});
    json["lost"] = lost.prefix + lost.middle + lost.postfix;
    json["duplicates"] = judgement.count("C3") + judgement.count("C6");
    json["damaged"] = work.damaged_count();
    json["superseded"] = work.superseded_count();
    json["violations"] = judgement.violations.size();
    json["failed"] = work.failed_count();
    json["unknown"] = work.unknown_count();
    print_object(runtime_.out(), runtime_.options().format, json);
    const bool good = judgement.good();
    if (!good) complain(judgement);
    if (good && work.confirmed_count() == 0)
      print_error("nothing was confirmed: this run measured nothing");
    runtime_.finish(good && work.confirmed_count() > 0 ? 0 : 1);
  }

  Runtime& runtime_;
  BenchFlags flags_;
  std::size_t managers_ = 0;
  std::unique_ptr<OwnTrio> trio_;
  std::unique_ptr<BenchRun> run_;
  Json backlog_ = Json::object();
};

// What depends on the mode, where no flag said otherwise.
// False, after a sentence: the flags contradict each other.
bool settle_defaults(BenchFlags& flags) {
  flags.run.mode = kModes.at(flags.mode);
  const bool backlog = flags.run.mode == BenchMode::kBacklog;
  flags.run.window = flags.window != 0 ? flags.window : backlog ? kBacklogWindow : kCycleWindow;
  if (backlog && flags.run.tasks == 0) flags.run.tasks = kBacklogTasks;
  if (flags.run.delay > Millis(0) && (!backlog || flags.run.drain)) {
    print_error("--delay is for 'backlog' with --no-drain: nothing would be claimed in time");
    return false;
  }
  if (flags.run.mode == BenchMode::kSingle) {
    flags.run.producers = flags.run.consumers = flags.run.window = 1;
    if (flags.run.tasks == 0) flags.run.tasks = kSingleTasks;
  }
  return true;
}

}  // namespace

void add_bench(Program& program) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App& command = program.add_command(
      program.app(),
      {.name = "bench",
       .summary = "Measure throughput and latency. Every payload is checked, losses and duplicates "
                  "are counted.",
       .examples =
           "  baton bench --self                        a trio of its own, full cycle for 10 s\n"
           "  baton bench backlog --tasks 1000000       fill, then drain, on running managers\n"
           "  baton bench single -o json                one task in flight\n"
           "  baton bench paced --rate 10000 --duration 30s\n"
           "\ncycle: tasks_per_second counts completions while producers ran. confirm_ms: produce "
           "to confirmation.\n"
           "end_to_end_ms: produce to delivery; in a saturated cycle it is the length of the "
           "queue, so compare\n"
           "single and paced. Exit 1 when anything was lost, completed twice or damaged, or the "
           "checkers found another\nbroken promise. --history writes what they judge, for "
           "baton_judge.",
       .formats = {"table", "json", "jsonl"}},
      [flags](CommonOptions common) {
        if (!settle_defaults(*flags)) return 2;
        Runtime runtime(std::move(common));
        BenchCommand bench(runtime, *flags);
        return runtime.run([&] { bench.start(); });
      });
  command.add_option("MODE", flags->mode, "cycle, backlog, single or paced")
      ->check(CLI::IsMember({"cycle", "backlog", "single", "paced"}))
      ->capture_default_str();
  command.add_flag("--self", flags->self,
                   "start a center and managers as processes of its own, in a temporary folder");
  command.add_option("--managers", flags->managers, "with --self: how many")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command.add_option("--producers", flags->run.producers, "how many")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command.add_option("--consumers", flags->run.consumers, "how many")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option("--window", flags->window,
                  "unconfirmed tasks per producer, open claims per consumer (64; backlog 512)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--bytes", flags->run.payload_bytes, "payload size")
      ->check(CLI::Range(std::size_t{16}, kPayloadBytesHardMax))
      ->capture_default_str();
  add_duration_flag(command, "--duration", flags->run.duration,
                    "cycle and paced: how long to produce");
  command.add_option("--tasks", flags->run.tasks, "backlog and single: how many (1000000; 2000)")
      ->check(at_least_one());
  command.add_option("--rate", flags->run.rate, "paced: tasks per second")
      ->check(at_least_one())
      ->capture_default_str();
  command.add_option("-q,--queue", flags->run.queue, "the queue (default: one of its own)")
      ->check([](const std::string& name) { return validate_queue_name(name).message(); });
  command
      .add_option("--history", flags->history,
                  "write the run's history to this file, as lines of JSON")
      ->type_name("FILE");
  command.add_option("--order-keys", flags->run.order_keys, "deal out so many ordering keys")
      ->check(CLI::Range(1, 100'000'000));
  command.add_option("--fair-keys", flags->run.fair_keys, "deal out so many fairness keys")
      ->check(CLI::Range(1, 1'000'000));
  command.add_flag("--keys", flags->run.keys, "give each task an idempotency key");
  add_duration_flag(command, "--delay", flags->run.delay,
                    "backlog with --no-drain: produce tasks that wait for so long");
  command.add_flag("!--no-drain", flags->run.drain, "backlog: leave the tasks there");
}

}  // namespace baton::commands
