// ProduceService: PRODUCE from admission to PRODUCED (R2, R5, R6, R25).
//
// A plain request is confirmed when its batch is durable; one that only repeats what is stored,
// when the batch that holds it is. A moved one is appended anew as records that wait, and answered
// with the ledger's winners. Nothing is appended before the shard was registered in this life, nor
// below the disk floor.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "proto/broker.pb.h"

#include "common/base/ids.h"
#include "common/net/server.h"
#include "manager/core/dedup_table.h"
#include "manager/core/produce_admission.h"
#include "manager/service/created_lane.h"
#include "manager/service/service_context.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

class ProduceService {
 public:
  struct Options {
    std::size_t payload_bytes_max = kPayloadBytesDefaultMax;
    std::size_t moved_max = 65'536;  // moved items that wait for the ledger
  };

  // `may_append`: whether the active shard was registered in this life.
  ProduceService(ServiceContext& context, CreatedLane& lane, std::function<bool()> may_append,
                 Options options);

  void set_server(Server& server) { server_ = &server; }
  // Below the floor produces get retry_later; everything that frees room goes on.
  void set_disk_low(bool low) { disk_low_ = low; }
  // The active log is another one now: its dedup table is rebuilt from its plain records. Not ok:
  // they cannot be read, and nothing may be stored.
  Status open(LogStore& log);

  // Not ok: the request could not be understood (see ServerHandler::on_frame).
  Status on_produce(Peer& peer, const Frame& frame);
  // Of the lane.
  void reported(ShardId shard, Offset created_hi, const std::vector<MovedWinner>& winners);
  void resolve(ProducerId producer, ProducerSeq below) { dedup_->resolve(producer, below); }

  // Refuses everything new; what waits for the ledger is answered as unavailable.
  void drain();
  [[nodiscard]] bool idle() const { return durable_queue_.empty(); }

 private:
  struct Run {
    std::size_t count = 0;
    ErrorCode code = ErrorCode::kOk;
    TaskId first{};
    const char* message = "";
  };
  // What happens when a batch is durable, in order of lsn.
  struct WhenDurable {
    Lsn lsn{};
    PeerId peer = 0;  // 0: no reply
    std::uint64_t request = 0;
    ShardId shard{};
    std::vector<Run> reply{};
    std::vector<ReportRun> reports{};
  };
  // A moved request: its items are answered together.
  struct Moved {
    PeerId peer = 0;
    std::uint64_t request = 0;
    std::vector<Run> items;
    std::vector<Offset> offsets;  // of the items that still wait
    std::size_t open = 0;
    Loop::TimerId timer = 0;
  };
  struct MovedItem {
    std::uint64_t moved = 0;
    std::size_t item = 0;
  };

  [[nodiscard]] Status check() const;
  // Empty when the request may be stored now; else the code and sentence for all its items.
  [[nodiscard]] Run refusal() const;
  void store(Peer& peer, std::uint64_t request, std::span<const std::string_view> payloads);
  void append(const AdmittedRun& run, std::span<const std::string_view> payloads,
              WhenDurable& waiting);
  ReportRun report_of(const TaskAttributes& attributes, const LogStore::Appended& appended,
                      std::size_t count) const;
  void decide(MovedItem where, Run outcome);
  void answer_moved(std::uint64_t moved, ErrorCode rest, const char* message);
  void enqueue(WhenDurable waiting);
  void on_durable(Lsn lsn, const Status& status);
  void reply(PeerId peer, std::uint64_t request, std::span<const Run> runs, ShardId shard);

  ServiceContext& context_;
  CreatedLane& lane_;
  const std::function<bool()> may_append_;
  const Options options_;
  Server* server_ = nullptr;
  LogStore* log_ = nullptr;
  std::unique_ptr<DedupTable> dedup_ = std::make_unique<DedupTable>();
  bool draining_ = false;
  bool disk_low_ = false;

  std::deque<WhenDurable> durable_queue_;
  Lsn durable_asked_;

  std::map<std::uint64_t, Moved> moved_;
  std::map<Offset, MovedItem> moved_items_;  // of the active shard
  std::uint64_t next_moved_ = 1;

  v1::Produce request_;  // reused
  v1::Produced answer_;
  std::vector<std::string_view> payloads_;
  TaskAttributes attributes_;
};

}  // namespace baton::manager
