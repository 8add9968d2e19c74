// LedgerFeed: a ledger with a few managers that a benchmark feeds as fast as it goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <time.h>
#include <unistd.h>

#include "center/core/auditor.h"
#include "center/core/ledger.h"

namespace baton::center::bench {

using Seconds = std::chrono::duration<double>;

// Time of this process's own work: what else the machine does must not count.
inline Seconds cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return Seconds(static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9);
}

inline Uuid uuid(std::uint64_t n) { return Uuid{n, ~n}; }

inline double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

class LedgerFeed {
 public:
  explicit LedgerFeed(std::uint32_t managers) {
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

  // `count` tasks on manager 1 in "q0", each with options of its own.
  template <class Make>
  void fill_with(std::uint64_t count, Make&& make) {
    for (std::uint64_t done = 0; done < count;) {
      std::vector<CreatedRun> runs;
      for (; done < count && runs.size() < 1024; ++done) runs.push_back(make(done));
      Created command = created(1, std::move(runs));
      const auto start = cpu_now();
      send(Incarnation(1), std::move(command));
      busy_ += Seconds(cpu_now() - start);
      grants_.insert(grants_.end(), effects_.grants.begin(), effects_.grants.end());
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
  [[nodiscard]] const std::vector<Grant>& grants() const { return grants_; }
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

}  // namespace baton::center::bench
