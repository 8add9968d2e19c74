// EntryProposer: turns commands that wait into entries of the log.
//
// An entry is built at the end of a turn of the loop, so everything that arrived in it shares the
// entry. Two may be under way: one in its sync, one behind it; the rest waits in the queue and is
// merged into the next.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "center/service/command_queue.h"
#include "center/service/ledger_host.h"
#include "common/base/loop.h"
#include "common/storage/job_gate.h"

namespace baton::center {

class EntryProposer {
 public:
  static constexpr int kInFlightMax = 2;

  // An entry was applied. Frames in entries that never were, or nobody knows, get no answer: their
  // connection is closed and their manager asks again.
  using Applied = std::function<void(const MergedEntry&, Lsn, const Effects&)>;

  // `host` and `loop` outlive the proposer.
  EntryProposer(Loop& loop, LedgerHost& host, CommandQueue::BeforeRegister before_register,
                Applied applied)
      : loop_(loop),
        host_(host),
        queue_(std::move(before_register)),
        applied_(std::move(applied)) {}

  // A term of ours begins, or ends: what waited or was under way is forgotten, and commands of the
  // center itself are told so.
  void start();
  void stop();

  void push(CommandFramePtr frame);
  void push_own(const Command& command, OwnDone done = {});

  [[nodiscard]] bool idle() const { return queue_.empty() && in_flight_ == 0; }

 private:
  void schedule_pump();
  void pump();
  void entry_done(const MergedEntry& merged, Lsn index, const Effects* effects);

  Loop& loop_;
  LedgerHost& host_;
  CommandQueue queue_;
  const Applied applied_;
  int in_flight_ = 0;
  bool pump_posted_ = false;
  std::uint64_t turn_ = 0;  // raised by start and stop: answers of an earlier one are dropped
  JobGate gate_;            // last: closes before anything above goes
};

}  // namespace baton::center
