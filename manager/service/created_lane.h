// CreatedLane: runs the CreatedReporter of the active shard over the link (R1, R3).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "manager/core/created_reporter.h"
#include "manager/service/center_link.h"
#include "manager/service/service_context.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

// The ledger's word about a record that waited for it.
struct MovedWinner {
  Offset offset;
  TaskId task;  // none: refused with `code`
  ErrorCode code = ErrorCode::kOk;
  bool duplicate = false;  // named by its idempotency key
  v1::TaskState state = v1::STATE_NONE;
};

class CreatedLane {
 public:
  struct Events {
    // created_hi moved: every record below that waited and is not among the winners of this call or
    // an earlier one has an unknown outcome.
    std::function<void(ShardId, Offset created_hi, const std::vector<MovedWinner>&)> on_reported;
    // The ledger refuses again and again: the shard must be registered anew.
    std::function<void()> on_stuck;
    // Tasks that were confirmed and that the ledger has not heard of cannot be read, and not for
    // damage, which is reported as such: the process ends with this sentence.
    std::function<void(const Status&)> on_failed;
  };

  CreatedLane(ServiceContext& context, CenterLink& link, Events events);

  // The log whose tasks are reported from now on. REQUIRES: nothing was appended to it in this
  // life.
  void open(LogStore& log) { open(log, log.epoch()); }
  // The same for a log that is reported under another epoch than its own: that of a sealed shard.
  void open(LogStore& log, Epoch epoch);
  void registered(Offset created_hi);
  void channel_closed();

  // REQUIRES: as CreatedReporter::stored, of the open log.
  void stored(ReportRun run);
  // Sends what can be sent; called after a group of stored().
  void pump();

  // Null before the first shard.
  [[nodiscard]] const CreatedReporter* reporter() const { return reporter_.get(); }

 private:
  void send(const CreatedBatch& batch);
  void on_outcome(std::uint64_t batch, Offset end, const Status& status,
                  const v1::ChannelOutcomes& outcomes);
  void on_created(std::uint64_t batch, const v1::CreatedOutcome& outcome);
  void scan();
  void on_scanned(Offset from, Result<std::vector<StoredRun>> found);
  void alarm_unreadable(const StoredRun& run);
  void pause();

  ServiceContext& context_;
  CenterLink& link_;
  Events events_;
  LogStore* log_ = nullptr;
  Epoch epoch_;
  std::unique_ptr<CreatedReporter> reporter_;
  std::uint64_t turn_ = 0;        // raised by every open, registration and loss of the channel
  v1::ChannelCommands commands_;  // reused
};

}  // namespace baton::manager
