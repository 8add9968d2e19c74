// Figures of the ledger alone: bytes per task as slopes, and how many tasks a second it applies.
//
// ledger_bench [TASKS]   (default 5,000,000 for the slopes; build with the release preset)
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <time.h>
#include <unistd.h>

#include "center/core/auditor.h"
#include "center/core/ledger.h"

namespace baton::center {
namespace {

using Seconds = std::chrono::duration<double>;

// Time of this process's own work: what else the machine does must not count.
Seconds cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return Seconds(static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9);
}

Uuid uuid(std::uint64_t n) { return Uuid{n, ~n}; }

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// A ledger with a few managers, fed as fast as it goes.
class Bench {
 public:
  explicit Bench(std::uint32_t managers) {
    send(Incarnation(), TermStart{Term(1), ClusterId(uuid(1))});
    for (std::uint32_t m = 1; m <= managers; ++m) {
      send(Incarnation(), Enroll{StoreId(uuid(m)), "m" + std::to_string(m), "h:1", {}});
      send(Incarnation(), Register{ShardId(m), StoreId(uuid(m)), Epoch(1), Life(uuid(100 + m)),
                                   Offset(1), Offset(1), 0, ""});
      created_hi_.push_back(1);
    }
  }

  const Effects& send(Incarnation from, Command command) {
    Entry entry;
    entry.index = ledger_.index().next();
    entry.batches.push_back({from, {}});
    entry.batches.back().commands.push_back(std::move(command));
    effects_ = ledger_.apply(entry);
    return effects_;
  }

  Created created(std::uint32_t manager, std::vector<CreatedRun> runs) {
    Created c;
    c.shard = ShardId(manager);
    c.epoch = Epoch(1);
    c.from = Offset(created_hi_[manager - 1]);
    for (const CreatedRun& run : runs) created_hi_[manager - 1] += run.count;
    c.runs = std::move(runs);
    return c;
  }

  // `count` tasks on manager 1, dealt out over the queues one by one (or all in one run).
  void fill(std::uint64_t count, std::uint32_t queues) {
    for (std::uint64_t done = 0; done < count; done += 1024) {
      std::vector<CreatedRun> runs;
      for (std::uint32_t i = 0; i < (queues == 1 ? 1 : 1024); ++i) {
        CreatedRun run;
        run.count = queues == 1 ? 1024 : 1;
        run.queue = "q" + std::to_string(i % queues);
        runs.push_back(run);
      }
      send(Incarnation(1), created(1, std::move(runs)));
    }
  }

  void attach(std::uint32_t session, std::uint32_t manager, std::uint64_t total) {
    send(Incarnation(manager), AttachSession{SessionId(uuid(session)), ConnEpoch(1), {}, "bench"});
    const Effects& effects = send(Incarnation(manager), SessionDemand{SessionId(uuid(session)),
                                                                      ConnEpoch(1),
                                                                      LineId(1),
                                                                      "q0",
                                                                      std::chrono::seconds(30),
                                                                      total,
                                                                      {}});
    grants_.insert(grants_.end(), effects.grants.begin(), effects.grants.end());
  }

  // Acks everything granted, batched by session, asking for the next each time. Returns how many.
  std::uint64_t ack_all() {
    std::vector<std::vector<Operation>> by_session(sessions_max);
    for (const Grant& grant : grants_) {
      Operation op;
      const auto session = static_cast<std::size_t>(grant.session.hi);
      op.seq = OpSeq(++seqs_[session]);
      op.kind = OperationKind::kAck;
      op.task = grant.task;
      op.token = grant.token;
      op.wants_next = true;
      by_session[session].push_back(op);
    }
    const std::uint64_t count = grants_.size();
    Entry entry;
    entry.index = ledger_.index().next();
    for (std::size_t s = 0; s < by_session.size(); ++s) {
      if (by_session[s].empty()) continue;
      const OpSeq answered(seqs_[s] - by_session[s].size());
      entry.batches.push_back({Incarnation(1 + s % created_hi_.size()), {}});
      entry.batches.back().commands.emplace_back(
          SessionOperations{SessionId(uuid(s)), answered, std::move(by_session[s])});
    }
    const auto start = cpu_now();
    effects_ = ledger_.apply(entry);
    busy_ += Seconds(cpu_now() - start);
    audit(entry.index);
    grants_ = effects_.grants;
    return count;
  }

  // One created of 1,024 tasks in runs of 64, as sixteen produce requests would make it.
  void create_timed(std::uint32_t manager) {
    std::vector<CreatedRun> runs(16);
    for (CreatedRun& run : runs) {
      run.count = 64;
      run.queue_id = QueueId(1);
    }
    Entry entry;
    entry.index = ledger_.index().next();
    entry.batches.push_back({Incarnation(manager), {}});
    entry.batches.back().commands.emplace_back(created(manager, std::move(runs)));
    const auto start = cpu_now();
    effects_ = ledger_.apply(entry);
    busy_ += Seconds(cpu_now() - start);
    audit(entry.index);
    grants_.insert(grants_.end(), effects_.grants.begin(), effects_.grants.end());
  }

  // As the center does it after every entry; timed apart. fill() and attach() are not seen by it, so
  // it begins anew where the timing does.
  void begin_audit() { auditor_.begin_at(ledger_); }
  [[nodiscard]] double auditing() const { return auditing_.count(); }
  [[nodiscard]] const Auditor& auditor() const { return auditor_; }

  [[nodiscard]] double busy() const { return busy_.count(); }
  Ledger& ledger() { return ledger_; }

 private:
  void audit(Lsn index) {
    const auto start = cpu_now();
    auditor_.check(index, effects_.transitions);
    auditing_ += Seconds(cpu_now() - start);
  }

  static constexpr std::size_t sessions_max = 64;
  Ledger ledger_;
  Effects effects_;
  std::vector<std::uint64_t> created_hi_;
  std::vector<Grant> grants_;
  std::vector<std::uint64_t> seqs_ = std::vector<std::uint64_t>(sessions_max);
  Seconds busy_{};
  Auditor auditor_;
  Seconds auditing_{};
};

void print_audit(const Bench& bench, std::uint64_t tasks) {
  std::printf("%-44s %6.0f ns per task (the ledger: %.0f), %zu KiB%s\n",
              "  of the auditor, beside it", bench.auditing() / static_cast<double>(tasks) * 1e9,
              bench.busy() / static_cast<double>(tasks) * 1e9, bench.auditor().memory_bytes() >> 10,
              bench.auditor().violations() == 0 ? "" : " VIOLATIONS");
}

void print_slope(const char* what, std::uint32_t queues, std::uint64_t tasks) {
  Bench bench(1);
  bench.fill(tasks / 5, queues);
  const double before = static_cast<double>(bench.ledger().totals().memory_bytes);
  const double resident_before = resident_bytes();
  bench.fill(tasks - tasks / 5, queues);
  const double more = static_cast<double>(tasks - tasks / 5);
  std::printf("%-44s %6.2f bytes per task (resident %6.2f)\n", what,
              (static_cast<double>(bench.ledger().totals().memory_bytes) - before) / more,
              (resident_bytes() - resident_before) / more);
}

void print_claimed(std::uint64_t tasks) {
  Bench bench(1);
  bench.fill(tasks, 1);
  const double before = static_cast<double>(bench.ledger().totals().memory_bytes);
  const double resident_before = resident_bytes();
  const std::uint64_t sessions = tasks / 1024;
  for (std::uint32_t s = 1; s <= sessions; ++s) bench.attach(1000 + s, 1, 1024);
  const double claimed = static_cast<double>(bench.ledger().totals().claimed);
  std::printf("%-44s %6.2f bytes per task (resident %6.2f)\n", "claimed",
              (static_cast<double>(bench.ledger().totals().memory_bytes) - before) / claimed,
              (resident_bytes() - resident_before) / claimed);
}

// 16 sessions with windows of 64 at 3 managers; every round creates 1,024 tasks and acks what was
// granted.
void print_cycle() {
  Bench bench(3);
  bench.create_timed(1);
  for (std::uint32_t s = 0; s < 16; ++s) bench.attach(s, 1 + s % 3, 64);
  bench.begin_audit();
  std::uint64_t done = 0;
  for (std::uint32_t round = 0; round < 2000; ++round) {
    bench.create_timed(1 + round % 3);
    done += bench.ack_all();
  }
  std::printf("%-44s %6.2f million tasks/s\n", "cycle: created 1,024, granted, acked",
              static_cast<double>(done) / bench.busy() / 1e6);
  print_audit(bench, done);
}

void print_drain(std::uint64_t tasks) {
  Bench bench(3);
  bench.fill(tasks, 1);
  for (std::uint32_t s = 0; s < 16; ++s) bench.attach(s, 1 + s % 3, 64);
  bench.begin_audit();
  std::uint64_t done = 0;
  while (const std::uint64_t some = bench.ack_all()) done += some;
  std::printf("%-44s %6.2f million tasks/s (%llu)\n", "drain of a backlog",
              static_cast<double>(done) / bench.busy() / 1e6,
              static_cast<unsigned long long>(done));
  print_audit(bench, done);
}

void print_snapshot(std::uint64_t tasks) {
  Bench bench(1);
  bench.fill(tasks, 7);
  const auto start = cpu_now();
  auto snapshot = bench.ledger().snapshot();
  const auto taken = cpu_now();
  std::vector<std::string> pages;
  std::size_t bytes = 0;
  while (auto page = snapshot->next_page()) {
    bytes += page->size();
    pages.push_back(*std::move(page));
  }
  const auto written = cpu_now();
  const bool ok = Ledger::restore(pages).ok();
  const auto restored = cpu_now();
  std::printf("%-44s taken in %.3f ms, written in %.0f ms (%.1f MB), restored in %.0f ms%s\n",
              "snapshot of mixed tasks", Seconds(taken - start).count() * 1e3,
              Seconds(written - taken).count() * 1e3, static_cast<double>(bytes) / 1e6,
              Seconds(restored - written).count() * 1e3, ok ? "" : " WRONG");
}

}  // namespace
}  // namespace baton::center

int main(int argc, char** argv) {
  using namespace baton::center;
  const std::uint64_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  print_slope("waiting, one queue", 1, tasks);
  print_slope("waiting, seven queues mixed task by task", 7, tasks);
  print_claimed(1'000'000);
  print_cycle();
  print_drain(1'000'000);
  print_snapshot(tasks);
  return 0;
}
