// ProduceService: PRODUCE from admission to PRODUCED (R2, R5 - R8, R22, R25).
//
// A plain item is confirmed when its batch is durable; one that only repeats what is stored, when the
// batch that holds it is. What waits for the ledger (moved, or with a key, an order, a parent, ...) is
// appended as records that wait, and answered with the ledger's winners. The items of a request are
// answered together. Nothing is appended before the shard was registered in this life, below the disk
// floor, or beyond what the ledger has lent of a limited queue.
//
// A copy of an ended task is looked up first; its whole request waits for that.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/broker.pb.h"

#include "common/base/ids.h"
#include "common/net/server.h"
#include "manager/core/dedup_table.h"
#include "manager/core/order_gate.h"
#include "manager/core/produce_admission.h"
#include "manager/service/created_lane.h"
#include "manager/service/queue_rules.h"
#include "manager/service/service_context.h"
#include "manager/service/task_copies.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

class ProduceService {
 public:
  struct Options {
    std::size_t payload_bytes_max = kPayloadBytesDefaultMax;
    std::size_t waiting_max = 65'536;                       // items that wait for the ledger
    std::size_t copying_max = 64;                           // requests with copies at once
    std::size_t copying_bytes_max = std::size_t{64} << 20;  // their payloads together
    DedupTable::Options dedup{};
  };

  // `may_append`: whether the active shard was registered in this life.
  ProduceService(ServiceContext& context, CreatedLane& lane, QueueRules& rules, TaskCopies& copies,
                 std::function<bool()> may_append, Options options);

  void set_server(Server& server) { server_ = &server; }
  // Below the floor produces get retry_later; everything that frees room goes on.
  void set_disk_low(bool low) { disk_low_ = low; }
  // The active log is another one now: its dedup table is rebuilt from its plain records. Not ok:
  // they cannot be read, and nothing may be stored.
  Status open(LogStore& log);

  // Not ok: the request could not be understood (see ServerHandler::on_frame).
  Status on_produce(Peer& peer, const Frame& frame);
  void on_closed(PeerId peer);
  // Of the lane.
  void reported(ShardId shard, Offset created_hi, const std::vector<MovedWinner>& winners);
  void resolve(PeerId peer, ProducerId producer, ProducerSeq below);

  // Refuses everything new; what waits for the ledger is answered as unavailable.
  void drain();
  [[nodiscard]] bool idle() const { return durable_queue_.empty(); }

 private:
  // Outcome of consecutive items.
  struct Run {
    std::size_t count = 0;
    ErrorCode code = ErrorCode::kOk;
    TaskId first{};
    std::string message{};
    std::uint32_t retry_after_ms = 0;
    bool waits = false;  // ok means that it is stored, the ledger decides
    bool duplicate = false;
    v1::TaskState state = v1::STATE_NONE;
  };
  // What is asked, once it was understood. `wrong` has the final refusals of single items.
  struct Request {
    PeerId peer = 0;
    std::uint64_t id = 0;
    v1::Produce wire;
    std::vector<std::string_view> payloads;
    std::vector<TaskOptions> options;  // one for all, or one each
    std::map<std::size_t, Run> wrong;
    std::set<std::size_t> waited;  // items whose number waited before (R6)
    bool queue_ordered = false;
    bool queue_limited = false;

    [[nodiscard]] const TaskOptions& options_of(std::size_t item) const {
      return options.size() == 1 ? options.front() : options[item];
    }
    [[nodiscard]] ProducerSeq seq_of(std::size_t item) const {
      return ProducerSeq(wire.seq() + item);
    }
    [[nodiscard]] bool ordered(std::size_t item) const {
      return queue_ordered || !options_of(item).order_key.empty();
    }
    [[nodiscard]] bool waits(std::size_t item) const {
      return wire.moved() || queue_ordered || options_of(item).waits_for_ledger() ||
             waited.contains(item);
    }
  };
  // A request whose copies are being looked up, with the payloads that its items refer to.
  struct Copying {
    Request request;
    std::deque<std::string> payloads;
    std::size_t next = 0;   // item to ask for
    std::size_t open = 0;   // asked for, or about to be
    std::size_t bytes = 0;  // of what was copied
    bool closed = false;    // nobody waits for the answer any more
  };
  // What happens when a batch is durable, in order of lsn.
  struct WhenDurable {
    Lsn lsn{};
    PeerId peer = 0;  // 0: no reply
    std::uint64_t request = 0;
    std::uint64_t waiting = 0;  // not 0: these plain items are durable now
    ShardId shard{};
    std::vector<Run> reply{};
    std::vector<ReportRun> reports{};
  };
  // A request with items that wait for the ledger: all are answered together.
  struct Waiting {
    PeerId peer = 0;
    std::uint64_t request = 0;
    ShardId shard{};
    ProducerId producer{};
    std::vector<Run> items{};
    std::vector<std::size_t> plain{};            // stored, and not of those that wait
    std::vector<Offset> offsets{};               // of the items that wait
    std::optional<ProducerSeq> first_ordered{};  // of them
    std::size_t open = 0;
    bool durable = false;
    Loop::TimerId timer = 0;
  };
  struct WaitingItem {
    std::uint64_t waiting = 0;
    std::size_t item = 0;
    bool keyed = false;
  };

  static Status check(const Request& request);
  static Status read_options(Request& request);
  void read_rule(Request& request) const;
  void note_waited(Request& request) const;
  void note_wrong(Request& request) const;
  void begin_copies(Request request, std::span<const std::string_view> payloads);
  void ask_for_copies(const std::shared_ptr<Copying>& copying);
  void on_copied(const std::shared_ptr<Copying>& copying, std::size_t item,
                 Result<StoredTask> task);
  void handle(Request& request);
  // Empty when the request may be stored now; else what its items get.
  [[nodiscard]] Run refusal(const Request& request) const;
  void refuse_all(const Request& request, Run refused);
  void close_gate(const Request& request);
  void store(Request& request);
  void append(Request& request, const AdmittedRun& run, WhenDurable& waiting);
  Run judge(const Request& request, std::size_t item);
  void refuse(const Request& request, std::size_t item, Run verdict, WhenDurable& waiting);
  void append_run(const Request& request, std::size_t begin, std::size_t end, WhenDurable& waiting);
  void wait_for_ledger(const Request& request, WhenDurable& stored);
  void decide(WaitingItem where, Run outcome);
  void try_answer(std::uint64_t waiting);
  void answer_waiting(std::uint64_t waiting, ErrorCode rest, const char* message);
  void enqueue(WhenDurable waiting);
  void on_durable(Lsn lsn, const Status& status);
  void reply(PeerId peer, std::uint64_t request, std::span<const Run> runs, ShardId shard);
  [[nodiscard]] Duration timeout_of(const Request& request) const;

  ServiceContext& context_;
  CreatedLane& lane_;
  QueueRules& rules_;
  TaskCopies& copies_;
  const std::function<bool()> may_append_;
  const Options options_;
  Server* server_ = nullptr;
  LogStore* log_ = nullptr;
  std::unique_ptr<DedupTable> dedup_ = std::make_unique<DedupTable>();
  OrderGate order_;
  bool draining_ = false;
  bool disk_low_ = false;

  std::deque<WhenDurable> durable_queue_;
  Lsn durable_asked_;

  std::map<std::uint64_t, Waiting> waiting_;
  std::map<Offset, WaitingItem> waiting_items_;  // of the active shard
  std::uint64_t next_waiting_ = 1;
  std::set<std::shared_ptr<Copying>> copying_;
  std::size_t copying_bytes_ = 0;  // of all of them

  Request request_;  // reused
  v1::Produced answer_;
  TaskAttributes attributes_;
};

}  // namespace baton::manager
