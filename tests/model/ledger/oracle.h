// Oracle: a second ledger that is slow and obviously right, to compare the real one with.
//
// Plain maps, everything searched for from the beginning each time, no pages, no runs, no
// snapshots. It shares only the command and effect types with the real one. `Mistake` plants a
// fault, to prove that the comparison, or the invariants, would notice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "center/core/ledger.h"

namespace baton::center::model {

enum class Mistake {
  kNone,
  kNoFencing,          // an ack is accepted whatever its token
  kAnySession,         // an ack is accepted from any session
  kCreditAdds,         // credit is added instead of taken as a maximum
  kOldCredit,          // attach keeps the credit of the connection before
  kRepeatAnticipates,  // a repeated operation asks for a next task again
  kRunsTwice,          // a repeated operation is executed again
  kKeepsClaims,        // attach keeps claims that the client never received
  kGap,                // created beyond created_hi is accepted
  kAnyEpoch,           // created of an old epoch is accepted
  kNoDedup,            // a producer's number may name two tasks
  kForgetsMoved,       // moved numbers are forgotten like plain ones
  kNoCap,              // a lease ends without the tick cap
  kNoGrace,            // leases end right after a term start
  kDeadLife,           // frames of a dead life are accepted
  kOfflineGrants,      // tasks of offline shards are granted
  kExpiryCounts,       // an expiry counts as a failure
  kNoLocality,         // a line takes the oldest task, wherever it is
  kNoTurns,            // a task takes the first line, whoever was served last
  kNoAgeing,           // a lower priority never has its turn
};
inline constexpr Mistake kLastMistake = Mistake::kNoAgeing;

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
  std::int64_t deadline = 0;
  std::int64_t claimed_at = 0;
  std::uint32_t attempt = 0;
  std::uint32_t failures = 0;
  std::uint32_t expiries = 0;
  std::set<Token> completed_by;
  ResultPlace result;
  bool damaged = false;
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
  std::map<LineId, OracleLine> lines;
  OpSeq answered;
  std::map<OpSeq, OperationOutcome> outcomes;
};

struct OracleNumber {
  TaskId task;
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

class Oracle {
 public:
  explicit Oracle(Mistake mistake = Mistake::kNone) : mistake_(mistake) {}

  Effects apply(const Entry& entry);

  // ---- looked at by the generator and the comparison ----
  std::map<TaskId, OracleTask> tasks;  // every one ever reported
  std::map<ShardId, OracleShard> shards;
  std::map<std::string, OracleManager> managers;  // removed ones under "removed:<name>:<n>"
  std::map<SessionId, OracleSession> sessions;
  std::map<ProducerId, OracleProducer> producers;
  std::vector<std::string> queues;  // id - 1
  std::int64_t now = 0;
  std::uint64_t superseded = 0;  // operations executed and refused for their token

  [[nodiscard]] bool is_online(const std::string& manager) const;

 private:
  bool has(Mistake mistake) const { return mistake_ == mistake; }
  BatchEffects apply_batch(const Batch& batch);
  Outcome apply_command(const std::string& from, const Command& command);

  // oracle_members.cc
  EnrollOutcome enroll(const Enroll& c);
  RegisterOutcome register_shard(const Register& c);
  RegisterResult judge(const OracleShard& shard, const Register& c) const;
  Status shard_offline(const ShardOffline& c);
  Status seal(const Seal& c);
  Status remove(const Remove& c);
  Status report(const Report& c);
  Status quarantine(const std::string& from, const Quarantine& c);
  void caught_up(OracleShard& shard);
  [[nodiscard]] static bool all_reported(const OracleShard& shard);
  void sweep();
  void void_credit(const std::string& manager, bool end_lines);
  void offer_shards(const std::string& manager);
  [[nodiscard]] bool available(const OracleShard& shard) const;

  // oracle_produce.cc
  CreatedOutcome created(const std::string& from, const Created& c);
  void add_task(ShardId shard, const CreatedRun& run, bool is_new, Cause cause);
  void see_producer(ProducerId id, std::uint64_t resolved_below);
  bool admit_plain(const CreatedRun& run, std::uint64_t seq, TaskId task);
  Winner admit_moved(const CreatedRun& run, std::uint32_t i, TaskId task, bool known, bool& is_new);
  void linger(OracleNumber& number);
  QueueId intern(const std::string& name);

  // oracle_sessions.cc
  AttachOutcome attach(const std::string& from, const AttachSession& c);
  Status demand(const std::string& from, const SessionDemand& c);
  Status end_wait(const std::string& from, const SessionEndWait& c);
  Status closed(const std::string& from, const SessionClosed& c);
  HeartbeatOutcome heartbeat(const SessionHeartbeat& c);
  OperationsOutcome operations(const SessionOperations& c);
  OperationOutcome execute(const SessionId& session, const Operation& op);
  OperationOutcome execute_claim(OracleTask& task, TaskId id, const Operation& op);
  Status give_back(const std::string& from, const GiveBack& c);
  Status check_attached(const std::string& from, const SessionId& id, ConnEpoch conn_epoch) const;
  void extend(OracleTask& task, std::int64_t until);
  OracleTask* find_claim(const SessionId& session, Token token, TaskId* id = nullptr);

  // oracle_time.cc
  void tick(const Tick& c);
  void do_due();
  bool is_gone(TaskId id);
  void come_back(TaskId id, TaskState from, Cause cause);
  void move(TaskId id, TaskState to, Cause cause, Token token, SessionId session);

  // oracle_match.cc
  void settle();
  void match_task(TaskId task);
  void match_queue(const std::string& queue);
  void match_session(const SessionId& id);
  void update_waiting(const SessionId& id);
  void grant(TaskId task, const SessionId& session, LineId line);
  [[nodiscard]] bool wants_more(const SessionId& id) const;
  [[nodiscard]] bool may_have(const std::string& manager, TaskId task) const;
  std::optional<TaskId> pick(const SessionId& session, const OracleLine& line);
  [[nodiscard]] std::set<std::uint32_t> ready_priorities(const std::string& queue) const;
  [[nodiscard]] std::uint32_t aged(const std::string& queue) const;
  using Ring = std::vector<std::pair<SessionId, LineId>>;
  Ring ring(const std::string& queue, TaskId only = {}) const;

  struct Bar {
    std::int64_t until = 0;
    std::int64_t length = 0;
    bool over = false;
  };

  const Mistake mistake_;
  Effects effects_;
  std::uint64_t index_ = 0;
  ClusterId cluster_;
  std::uint64_t counter_ = 0;
  std::uint64_t created_ = 0;
  std::uint64_t turn_ = 0;
  std::uint64_t incarnations_ = 0;
  std::int64_t grace_until_ = 0;
  std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> overtaken_;  // queue, priority
  std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> passed_;     // the same
  std::map<std::pair<std::string, ShardId>, Bar> bars_;
  std::vector<TaskId> ready_;  // became ready since the last settle
  std::vector<SessionId> eager_;
};

}  // namespace baton::center::model
