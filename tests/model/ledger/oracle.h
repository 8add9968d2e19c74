// Oracle: a second ledger that is slow and obviously right, to compare the real one with.
//
// Plain maps, everything searched for from the beginning each time, no pages, no runs, no
// snapshots. It shares only the command and effect types with the real one. `Mistake` plants a
// fault, to prove that the comparison, or the invariants, would notice.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "center/core/ledger.h"
#include "tests/model/ledger/oracle_state.h"

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
  kEarly,              // a delayed task is ready at once
  kImmortal,           // a time to live ends nothing
  kWaitsForEver,       // a wait timeout ends nothing
  kTotalIsForgotten,   // a total timeout ends nothing
  kRenewsForEver,      // heartbeats go past the attempt timeout
  kQueueAttempts,      // a task's own number of attempts is ignored
  kNackIsNack,         // a nack's own delay is ignored
  kDoubledBackoff,     // whatever factor the queue states
  kKeysForEver,        // an idempotency key is remembered for longer than its window
  kKeysWithoutLimit,   // more keys are remembered than the queue wants
  kAnyContent,         // the same key with other content is a duplicate
  kTwoHolders,         // a task runs beside the holder of its ordering key
  kBackoffFreesKey,    // a task that backs off gives its ordering key up
  kDeadHoldsNothing,   // on_dead=hold is ignored
  kNoShares,           // fairness keys are ignored
  kNoWeights,          // they all weigh the same
  kKeyWithoutLimit,    // a fairness key has any number of claims
  kPauseLeaks,         // a paused queue grants to those who ask for one task
  kPauseForEver,       // a pause does not end at its time
  kNoFlightLimit,      // max_in_flight is ignored
  kNoRate,             // max_rate is ignored
  kNoShareOfLines,     // a session's lines have a turn each, whatever their queues weigh
  kLendsTooMuch,       // what others have borrowed is lent once more
  kCancelLeavesClaim,  // a claimed task cannot be cancelled
  kRedriveRemembers,   // a redriven task keeps its attempts
  kPurgesHeld,         // a purge cancels what is held, too
  kNeverHolds,         // on_uncertain=hold is ignored
  kKeepsAll,           // finished rows are kept beyond keep_count
  kKeepsLong,          // finished rows are kept beyond keep_age
  kChildrenSeen,       // a child that comes with a completion lives at once
  kOrphansLive,        // such a child lives when its claim ended otherwise
  kParentHurries,      // a parent is done with its ack
  kPolicyOfTask,       // an ack's policy is ignored
  kAfterAny,           // a task that runs after several begins after the first
  kFailureIsEnd,       // a failed one of `after` counts as done, whatever the policy
  kAnyParent,          // a child may be spawned under a claim that is over
  kCheckpointOfClaim,  // a checkpoint is forgotten with its claim
  kProgressOfClaim,    // progress is
  kComesBackTooLate,   // a claim that is given back runs again though the task's time is over
};
inline constexpr Mistake kLastMistake = Mistake::kComesBackTooLate;

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
  std::map<std::string, OracleQueue> of_queue;
  std::int64_t now = 0;
  std::int64_t calendar = 0;
  std::uint64_t superseded = 0;  // operations executed and refused for their token

  [[nodiscard]] bool is_online(const std::string& manager) const;
  // The state that is told of it: what is finished and not remembered is just done.
  [[nodiscard]] TaskState seen(TaskId task) const;
  [[nodiscard]] std::uint64_t count(const std::string& queue, TaskState state) const;
  [[nodiscard]] std::uint64_t bytes_of(const std::string& queue) const;
  [[nodiscard]] std::uint64_t finished_bytes(const OracleTask& task) const;
  [[nodiscard]] std::vector<TaskId> children_of(TaskId parent) const;
  [[nodiscard]] std::int64_t waiting_end(const OracleTask& task) const;
  [[nodiscard]] FailurePolicy policy_of(const OracleTask& parent) const;
  [[nodiscard]] std::size_t children_with(TaskId parent, Bond bond) const;
  [[nodiscard]] std::size_t children_pending(TaskId parent) const;
  [[nodiscard]] QueueRule rule_of(const std::string& queue) const;

 private:
  bool has(Mistake mistake) const { return mistake_ == mistake; }
  BatchEffects apply_batch(const Batch& batch);
  Outcome apply_command(const std::string& from, const Command& command);
  OracleQueue& queue_of(const OracleTask& task) { return of_queue[task.queue]; }

  // oracle_members.cc
  EnrollOutcome enroll(const Enroll& c);
  RegisterOutcome register_shard(const Register& c);
  RegisterResult judge(const OracleShard& shard, const Register& c) const;
  Status shard_offline(const ShardOffline& c);
  Status seal(const Seal& c);
  Status remove(const Remove& c);
  Status report(const Report& c);
  Status quarantine(const std::string& from, const Quarantine& c);
  void quarantine(TaskId id, Cause cause);
  void caught_up(OracleShard& shard);
  [[nodiscard]] static bool all_reported(const OracleShard& shard);
  void sweep();
  void void_credit(const std::string& manager, bool end_lines);
  void offer_shards(const std::string& manager);
  void offer_shard(ShardId shard);
  [[nodiscard]] bool available(const OracleShard& shard) const;
  [[nodiscard]] bool is_missing(TaskId id) const;

  // oracle_produce.cc
  CreatedOutcome created(const std::string& from, const Created& c);
  // One task of a run, at the end of its shard.
  struct Arrival {
    const CreatedRun& run;
    std::uint32_t i = 0;
    TaskId task;
  };
  void admit(const Arrival& arrival, const std::string& manager);
  void append(const Arrival& arrival);
  void append_void(const Arrival& arrival, Cause cause);
  void append_task(const Arrival& arrival, const std::string& manager);
  void begin(TaskId id);
  void see_producer(ProducerId id, std::uint64_t resolved_below);
  bool admit_plain(const CreatedRun& run, std::uint64_t seq, TaskId task);
  std::optional<Winner> known_number(const Arrival& arrival);
  void admit_number(const Arrival& arrival, TaskId task);
  void add_places(OracleNumber& number, const CreatedRun& run, std::uint64_t seq);
  void linger(OracleNumber& number);
  Winner admit_waiting(const Arrival& arrival, const std::string& manager);
  Winner answer_again(const Arrival& arrival);
  ErrorCode check_links(TaskId id, const TaskOptions& options) const;
  OracleKey* find_key(const std::string& queue, const Uuid& hash);
  OracleKey* find_key(const Arrival& arrival);
  void add_key(const std::string& queue, const Uuid& hash, TaskId task, std::uint64_t content);
  QueueId intern(const std::string& name);
  std::string name_queue(const CreatedRun& run);

  // oracle_sessions.cc
  AttachOutcome attach(const std::string& from, const AttachSession& c);
  Status demand(const std::string& from, const SessionDemand& c);
  Status end_wait(const std::string& from, const SessionEndWait& c);
  Status closed(const std::string& from, const SessionClosed& c);
  HeartbeatOutcome heartbeat(const SessionHeartbeat& c);
  Status check_attached(const std::string& from, const SessionId& id, ConnEpoch conn_epoch) const;
  OracleTask* find_claim(const SessionId& session, Token token, TaskId* id = nullptr);
  void extend(OracleTask& task, std::int64_t until);
  [[nodiscard]] std::int64_t attempt_end(const OracleTask& task) const;

  // oracle_operations.cc
  OperationsOutcome operations(const SessionOperations& c);
  OperationOutcome execute(const SessionId& session, const Operation& op);
  OperationOutcome execute_claim(OracleTask& task, TaskId id, const Operation& op);
  void ack(OracleTask& task, TaskId id, const Operation& op);
  void nack(OracleTask& task, TaskId id, const Operation& op);
  void save(OracleTask& task, TaskId id, const Operation& op);
  Status give_back(const std::string& from, const GiveBack& c);
  void lose(TaskId id, LostCause cause);

  // oracle_time.cc
  void tick(const Tick& c);
  void do_due();
  void expire(TaskId id);
  void end_wait(TaskId id);
  void drop_idle_sessions();
  void drop_idle_producers();
  void open_bars();

  // oracle_moves.cc
  void move(TaskId id, TaskState to, Cause cause, Token token, SessionId session);
  [[nodiscard]] bool is_gone(TaskId id);
  void come_back(TaskId id, Cause cause, Token token, SessionId session);
  void end(TaskId id, TaskState to, Cause cause, Token token = {}, SessionId session = {});
  void remember(TaskId id, Cause cause);
  void forget(TaskId id);
  void forget_surplus(const std::string& queue);
  void cancel(TaskId id, Cause cause, const std::string& reason);

  // oracle_queues.cc
  Status set_queue(const SetQueue& c);
  PurgeOutcome purge(const Purge& c);
  [[nodiscard]] std::uint64_t acked_in(const std::string& queue) const;
  BorrowOutcome borrow(const std::string& from, const Borrow& c);
  void open_queues(std::int64_t elapsed);
  void reopen(const std::string& queue);
  [[nodiscard]] bool is_open(const std::string& queue) const;
  [[nodiscard]] bool waits_for_rate(const std::string& queue) const;

  // oracle_act.cc
  ActOutcome act_on(const ActOn& c);
  Status act(TaskId id, const ActOn& c);
  Status redrive(TaskId id);
  Status resume(TaskId id, const std::string& reason);
  void note_resumed(TaskId id);

  // oracle_family.cc
  bool enter_key(TaskId id);
  void release_key(TaskId id);
  bool takes_key(TaskId id);
  void tell_lost(ShardId shard, std::uint64_t from);
  void unblock(TaskId id, Cause cause);
  void told_end(TaskId id, TaskState from, TaskState to);
  void tell_parent(TaskId child, bool failed);
  void tell_dependent(TaskId id, TaskId ended, bool failed);
  void judge_parent(TaskId id);
  void do_jobs();

  // oracle_lanes.cc
  void enter_ready(TaskId id);
  void leave_ready(TaskId id);
  void had_turn(const OracleTask& task);
  void refresh_turns(const std::string& queue, const std::string& fair_key);
  void count_claim(const OracleTask& task, int change);
  void pass_levels(const OracleTask& task);
  using Levels = std::vector<OracleLevel*>;
  using Lanes = std::vector<OracleLane*>;
  [[nodiscard]] Levels levels_in_order(const std::string& queue);
  [[nodiscard]] Lanes lanes_in_order(const std::string& queue, OracleLevel& level);

  // oracle_match.cc
  void settle();
  void offer(TaskId id);
  void match_task(TaskId task);
  void match_queue(const std::string& queue);
  bool match_lane(const std::string& queue, const OracleLane& lane);
  void match_session(const SessionId& id);
  void update_waiting(const SessionId& id);
  void grant(TaskId task, const SessionId& session, LineId line);
  [[nodiscard]] bool wants_more(const SessionId& id) const;
  [[nodiscard]] bool may_have(const std::string& manager, TaskId task) const;
  [[nodiscard]] bool key_is_full(const OracleTask& task) const;
  [[nodiscard]] std::vector<LineId> turns_of(const OracleSession& session) const;
  [[nodiscard]] std::vector<TaskId> oldest_first(const std::set<TaskId>& ready) const;
  std::optional<TaskId> pick(const SessionId& session, const OracleLine& line);
  std::optional<TaskId> pick_from(OracleLane& lane, const std::string& manager);
  using Ring = std::vector<std::pair<SessionId, LineId>>;
  Ring ring(const std::string& queue, TaskId only = {}) const;

  struct Bar {
    std::int64_t until = 0;
    std::int64_t length = 0;
    bool over = false;
  };
  struct Birth {
    TaskId parent;
    Token token;
    bool acked = false;
  };
  struct Telling {
    TaskId task;
    bool failed = false;
    bool to_parent = false;
  };

  const Mistake mistake_;
  Effects effects_;
  std::uint64_t index_ = 0;
  ClusterId cluster_;
  std::uint64_t counter_ = 0;
  std::uint64_t created_ = 0;
  std::uint64_t turn_ = 0;
  std::uint64_t fair_serial_ = 0;
  std::uint64_t incarnations_ = 0;
  std::int64_t grace_until_ = 0;
  std::map<std::pair<std::string, ShardId>, Bar> bars_;
  std::set<TaskId> alive_;                          // not finished: who else could still change
  std::set<TaskId> claimed_;                        // of these, the claimed ones
  std::map<TaskId, std::vector<TaskId>> children_;  // by parent
  std::deque<Birth> births_;      // claims that ended, whose children have not been told
  std::deque<Telling> tellings_;  // tasks that ended, of which nobody has been told
  std::vector<std::pair<std::string, QueueId>> names_;  // that a created has used so far
  // Since the last settle: tasks that may be granted, queues that have some, sessions with credit.
  std::vector<TaskId> wanted_;
  std::vector<std::string> offered_;
  std::vector<SessionId> eager_;
};

}  // namespace baton::center::model
