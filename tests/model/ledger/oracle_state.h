// What the oracle remembers: plain structs, in plain maps.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "center/core/command.h"
#include "center/core/effects.h"

namespace baton::center::model {

// How a task stands towards one that it waits for: it waits, that has failed, or it waits no more.
enum class Bond { kOpen, kFailed, kOver };

struct OracleTask {
  std::string queue;
  std::uint32_t priority = 0;
  TaskState state = TaskState::kNone;
  std::uint64_t order = 0;
  Token token;
  SessionId session;
  GrantNumber number;
  LineId line;
  std::int64_t lease = 0;
  std::int64_t deadline = 0;  // claimed: lease end; delayed: backoff; finished: when
  std::int64_t claimed_at = 0;
  std::uint32_t attempt = 0;
  std::uint32_t failures = 0;
  std::uint32_t expiries = 0;
  std::set<Token> completed_by;
  ResultPlace result;
  bool damaged = false;

  // What it asked for; times that it did not state are its queue's.
  TaskOptions options;
  std::uint32_t bytes = 0;
  std::int64_t ttl_at = 0;      // lease time; 0: never
  std::int64_t total_at = 0;    // the same
  std::int64_t wait_until = 0;  // the same, of this stay in ready
  std::int64_t wait_timeout = 0;
  bool backs_off = false;                  // delayed by a nack, not by its not_before
  bool redriven = false;                   // so its not_before belongs to a life before
  std::optional<std::string> reason = "";  // nothing: in the ledger's own words

  std::optional<std::string> order_key;  // in its queue; empty: that of an ordered queue
  std::map<TaskId, Bond> after;
  std::optional<Bond> bond;  // of a child to its parent; none while it is pending, or never was
  bool unborn = false;       // comes with a completion that is not decided about
  std::optional<std::pair<Uuid, std::uint64_t>> birth_key;  // with its content's hash
  bool is_parent = false;                                   // has, or had, children
  bool acked = false;
  FailurePolicy policy = FailurePolicy::kDefault;  // of the ack

  bool kept = false;  // finished, and remembered
  bool keeps_payload = false;
  ResultPlace checkpoint;
  Token checkpoint_token;
  std::uint32_t percent = 0;
  std::string progress;

  [[nodiscard]] bool waits() const {
    return state == TaskState::kReady || state == TaskState::kDelayed ||
           state == TaskState::kBlocked || state == TaskState::kPending;
  }
  [[nodiscard]] bool unfinished() const {
    return waits() || state == TaskState::kClaimed || state == TaskState::kHeld;
  }
  // Nothing more will happen to it.
  [[nodiscard]] bool finished() const {
    return state == TaskState::kDone || state == TaskState::kCancelled || state == TaskState::kVoid;
  }
  [[nodiscard]] std::size_t after_with(Bond wanted) const {
    std::size_t count = 0;
    for (const auto& [task, is] : after) count += is == wanted ? 1 : 0;
    return count;
  }
  // Of those that it runs after, what is not done: it cannot run.
  [[nodiscard]] std::size_t blocked_on() const { return after.size() - after_with(Bond::kOver); }
};

struct OracleShard {
  std::string manager;
  StoreId store;
  Epoch epoch;
  Life life;
  bool online = false;
  bool sealed = false;
  bool removed = false;
  std::uint64_t missing_from = 0;
  std::uint64_t created_hi = 1;
  std::uint64_t durable_end = 1;
  std::uint32_t crc = 0;
  std::uint64_t registered_at = 0;
  std::uint64_t registered_next = 0;
  std::uint64_t caught_up_at = 0;
};

struct OracleManager {
  StoreId store;
  std::string address;
  Incarnation incarnation;
  std::vector<ShardId> shards;
  bool removed = false;
};

struct OracleLine {
  std::string queue;
  std::int64_t lease = 0;
  TaskId task;
  std::uint64_t turn = 0;  // 0: not waiting
};

struct OracleSession {
  ConnEpoch conn_epoch;
  std::string manager;
  Incarnation incarnation;
  std::uint64_t credit = 0;
  std::uint64_t grants = 0;
  std::int64_t seen = 0;
  std::int64_t looked_at = 0;  // lease time at which it is next looked at for being idle
  LineId last_line;
  LineId served;
  std::uint32_t served_in_a_row = 0;
  std::map<LineId, OracleLine> lines;
  OpSeq answered;
  std::map<OpSeq, OperationOutcome> outcomes;
};

struct OracleNumber {
  TaskId task;
  bool plain = false;
  bool moved = false;
  std::optional<std::uint64_t> hash;
  std::uint64_t resolved_at = 0;
  std::uint32_t shards_then = 0;
  bool anywhere = false;
  std::set<ShardId> maybe_at;
};

struct OracleProducer {
  std::uint64_t resolved_below = 0;
  std::int64_t seen = 0;
  std::int64_t looked_at = 0;
  bool active = false;
  std::map<std::uint64_t, OracleNumber> numbers;
};

// The ready tasks of one fairness key, or of none, of one priority.
struct OracleLane {
  std::set<TaskId> tasks;
  std::uint64_t pass = 0;
  bool in_turn = false;
  std::uint32_t overtaken = 0;
};

struct OracleLevel {
  std::map<std::string, OracleLane> lanes;  // "": the tasks without a fairness key
  std::uint64_t pass = 0;                   // of the lane that had the last turn
  std::uint32_t passed = 0;                 // grants above it since its own last one

  [[nodiscard]] bool is_shared() const { return lanes.size() > (lanes.contains("") ? 1U : 0U); }
  [[nodiscard]] std::size_t ready() const {
    std::size_t count = 0;
    for (const auto& [key, lane] : lanes) count += lane.tasks.size();
    return count;
  }
};

struct OracleFairKey {
  std::uint64_t serial = 0;
  std::uint32_t weight = 1;
  std::uint64_t tasks = 0;  // that name it and have not gone
  std::uint32_t claimed = 0;
};

struct OracleOrderKey {
  TaskId holder;
  std::vector<TaskId> line;
};

struct OracleKey {
  Uuid hash;
  TaskId task;
  std::uint64_t content = 0;
  std::int64_t at = 0;  // lease time, in whole seconds
};

struct OracleQueue {
  QueueSettings settings;
  std::int64_t rate_credit = 0;  // in thousandths of a claim
  std::map<std::uint32_t, OracleLevel, std::greater<>> levels;
  std::map<std::string, OracleFairKey> fair_keys;
  std::map<std::string, OracleOrderKey> order_keys;
  std::vector<OracleKey> keys;   // idempotency keys, oldest first
  std::vector<TaskId> finished;  // that are remembered, oldest first
  struct Lent {
    std::uint64_t tasks = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Lent> lent;  // by manager

  [[nodiscard]] std::size_t ready() const {
    std::size_t count = 0;
    for (const auto& [priority, level] : levels) count += level.ready();
    return count;
  }
};

}  // namespace baton::center::model
