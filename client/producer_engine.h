// ProducerEngine: the producer itself, on the loop. Everything here is called on the loop only.
//
// A task gets its sequence number when it first travels. Numbers without an outcome form the
// window: at most 1,024, so that every shard can recognise a repetition (R5). Invariants:
//   - base_ <= every number without an outcome < base_ + 1,024; `resolved_below` tells base_;
//   - a number in the window is either on the way (in exactly one request) or in repeats_;
//   - a number that was ever sent as moved is sent as moved for ever, and only answers of the
//     connection it was last sent on count;
//   - repetitions go first, in the order of their numbers, so that tasks of one ordering key are
//     never sent in another order than they were produced (R7); what was given up in between is told
//     by `resolved_below`.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/environment.h"
#include "client/producer.h"
#include "common/base/random.h"
#include "common/net/channel.h"

namespace baton::client {

class ProducerEngine : public std::enable_shared_from_this<ProducerEngine> {
 public:
  // `settled(items, bytes)`: these got their outcome and make room.
  using Settled = std::function<void(std::size_t items, std::size_t bytes)>;

  ProducerEngine(Environment& environment, ProducerOptions options, Settled settled);
  ~ProducerEngine() = default;
  ProducerEngine(const ProducerEngine&) = delete;
  ProducerEngine& operator=(const ProducerEngine&) = delete;

  void start();
  // The outcome comes from the loop, never inside this call. `options`: null for the defaults.
  void add(std::string queue, std::string payload, const TaskOptions* options,
           ProduceCallback done);
  // `done` once nothing is unresolved. add() is refused from now on.
  void close(std::function<void()> done);
  // Drops everything without a callback. Nothing happens afterwards.
  void shutdown();

 private:
  struct Item;
  struct Queue {
    std::string name;
    std::deque<Item*> waiting;  // without a number yet, in order of arrival
    std::size_t unsettled = 0;  // items that refer to this queue; it is forgotten at 0
  };
  struct Item {
    Queue* queue = nullptr;
    std::string payload;
    std::string options;  // as v1::TaskOptions, serialized; empty: the defaults
    bool waits = false;   // for the ledger (R6), so that a repetition is always a moved one
    ProduceCallback done;
    MonoTime deadline;
    std::uint64_t seq = 0;  // 0: waiting
    bool moved = false;
    std::vector<ShardId> maybe_at;  // shards where it was sent without a known outcome
    Status last_error;
    std::list<Item>::iterator self;
  };
  struct Request {
    std::uint64_t seq = 0;
    std::size_t count = 0;
    std::size_t bytes = 0;
    MonoTime sent_at;
  };
  struct Batch;

  // ---- events of the channel ------------------------------------------------------------------
  Status on_open(const v1::HelloOk& hello);
  void on_closed(const Status& reason);
  void on_frame(const Frame& frame);
  void on_produced(const Frame& frame);
  void on_error(const Frame& frame);

  // ---- sending --------------------------------------------------------------------------------
  void schedule_flush();
  void flush();
  [[nodiscard]] bool may_send() const;
  void send_repeats();
  void send_fresh();
  // Adds the item unless the batch is full or of another kind.
  bool add_to(Batch& batch, Item& item);
  void send(Batch& batch);
  void send_resolved();
  [[nodiscard]] bool fits_plain(const Item& item) const;

  // ---- outcomes -------------------------------------------------------------------------------
  // `per_item`: PRODUCED says it of this item, not ERROR of the whole request.
  void answered(Item& item, const v1::ProducedRun& run, std::uint32_t index, bool per_item);
  void settle(Item& item, ProduceOutcome outcome);
  // Of an item that cannot succeed any more: failed, or unknown when it may be stored somewhere.
  void give_up(Item& item, Status status, bool on_the_way = false);
  [[nodiscard]] static bool decided_by_ledger(const Item& item, ErrorCode code);
  void refused(const Status& status, std::uint32_t retry_after_ms);
  void deliver();  // runs the callbacks of what was settled

  // ---- time -----------------------------------------------------------------------------------
  void expire(MonoTime now);
  void arm();
  void on_timer();
  [[nodiscard]] MonoTime answer_due() const;

  [[nodiscard]] Item* find(std::uint64_t seq);
  template <class Event>
  void event(Event&& run);

  Environment& env_;
  const ProducerOptions options_;
  const Settled settled_;
  Random random_;
  const Uuid producer_;
  std::unique_ptr<Channel> channel_;

  std::list<Item> items_;                // without an outcome, in order of arrival (= of deadline)
  std::map<std::string, Queue> queues_;  // of items_
  std::deque<Queue*> ring_;              // queues with waiting items, next to send first
  std::deque<Item*> window_;             // by number from base_ on; null: has its outcome
  std::uint64_t base_ = 1;
  std::set<std::uint64_t> repeats_;             // numbers to send again
  std::map<std::uint64_t, Request> in_flight_;  // by request id, so in order of sending
  std::size_t in_flight_bytes_ = 0;

  ShardId shard_;                      // of the open connection
  std::size_t payload_bytes_max_ = 0;  // as the manager of the last connection stated
  bool going_ = false;                 // GOODBYE came: nothing new here
  int refusals_ = 0;                   // answers in a row that asked for patience
  MonoTime pause_until_{};
  std::uint64_t resolved_told_ = 1;
  MonoTime tell_resolved_at_ = MonoTime::max();

  std::vector<std::pair<ProduceCallback, ProduceOutcome>> settled_now_;
  std::size_t settled_bytes_ = 0;
  std::vector<std::function<void()>> on_closed_;
  bool closing_ = false;
  bool finished_ = false;  // closed, with everything told
  bool stopped_ = false;
  bool flush_scheduled_ = false;
  int depth_ = 0;  // of events that are running: the channel must survive them
  Loop::TimerId timer_ = 0;
  MonoTime timer_at_{};
};

}  // namespace baton::client
