// Session: one consumer session over one channel (R9, R10, R11, R15). On the loop only.
//
// It attaches on every connection, states its credit, receives deliveries, repeats operations until
// they are answered, and renews leases. It decides nothing about the handler: consumer_engine.h
// does.
//
// What makes a repetition or a late message harmless:
//   - every connection has a higher conn_epoch, and frames of another conn_epoch are dropped;
//   - `held` is composed when the connection opens, after the last frame of the one before was
//     read;
//   - an operation keeps its number until it is answered.
//
// It waits for each of its queues on a line of its own (session_lines.h), all with the one credit of
// the session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/consumer.h"
#include "client/credit.h"
#include "client/environment.h"
#include "client/lease_table.h"
#include "client/number_set.h"
#include "client/operation_queue.h"
#include "client/session_lines.h"
#include "common/base/random.h"
#include "common/net/channel.h"

namespace baton::client {

struct SessionOptions {
  std::vector<std::string> queues;  // at least one
  Millis lease{0};                  // 0: the queue's
  TaskId task;                      // set: only this one
  std::size_t first_manager = 0;    // index of the one to begin with
};

// Never inside a call to the session.
struct SessionEvents {
  std::function<void(Delivery)> on_delivery;
  // The claim is lost: its holder has not ended it, or has, and was refused for that (on_answered
  // follows). The cause, where one is known.
  std::function<void(Token, std::optional<LostCause>)> on_lost;
  // An ack, nack or release was answered: the slot is free.
  std::function<void(Token)> on_answered;
  // After any change: the owner may have more to do or be finished.
  std::function<void()> on_change;
  // A manager refused the session for good.
  std::function<void(const Status&)> on_refused;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Environment& environment, SessionOptions options, SessionEvents events);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  // Drops everything without a callback.
  void shutdown();

  // How many claims it may hold; the difference to what it holds is what it waits for.
  void set_window(std::size_t window);
  // Sends it until it is answered; `operation.done` gets the answer. REQUIRES: the token is held,
  // and nothing final was submitted for it.
  void submit(Operation operation);
  // No more deliveries are wanted; those under way still come until waiting() is false.
  void end_wait();

  [[nodiscard]] bool attached() const { return attached_; }
  // A line is open: tasks may come.
  [[nodiscard]] bool waiting() const { return lines_.any_open(); }
  [[nodiscard]] bool lost(Token token);
  [[nodiscard]] std::size_t held() const { return leases_.size(); }
  [[nodiscard]] const Status& last_error() const { return channel_->last_error(); }
  // The callbacks of operations that will not be answered: the owner gives up.
  std::vector<OperationCallback> abandon() { return operations_.abandon(); }

 private:
  struct OperationsRequest {
    std::vector<OpSeq> seqs;
    MonoTime sent_at;
  };
  using Line = SessionLines::Line;
  struct HeartbeatRequest {
    std::uint64_t id = 0;  // 0: none is under way
    std::vector<Token> tokens;
    MonoTime sent_at;
  };

  // ---- events of the channel ------------------------------------------------------------------
  Status on_open(const v1::HelloOk& hello);
  void on_closed();
  void on_frame(const Frame& frame);
  Status on_attached(const Frame& frame);
  Status on_tasks(const Frame& frame);
  Status on_claims_lost(const Frame& frame);
  Status on_operations_done(const Frame& frame);
  Status on_heartbeat_done(const Frame& frame);
  void on_error(const Frame& frame);
  void attach_failed(const Status& status);
  void heartbeat_failed(const Status& status);
  void demand_refused(std::uint64_t request, const Status& status);
  void operation_answered(OpSeq seq, const Status& status, bool finished_unknown);

  // ---- sending --------------------------------------------------------------------------------
  void flush();
  void schedule_flush();
  void send_attach();
  void state_credit();
  void open_lines();
  void end_lines();
  std::uint64_t send_demand(const Line& line, std::uint64_t total);
  void send_operations();
  void shrink(Operation& operation) const;
  void send_heartbeat(MonoTime now);
  std::uint64_t send_end_wait(const Line& line);
  void lose(Token token, std::optional<LostCause> cause = {});
  Duration backoff(int& failures);
  void pause(MonoTime now);
  void move_on(Status reason);

  // ---- time -----------------------------------------------------------------------------------
  void on_timer();
  [[nodiscard]] MonoTime next_check(MonoTime now) const;
  [[nodiscard]] MonoTime heartbeat_due() const;
  [[nodiscard]] Duration heartbeat_patience() const;
  void arm(MonoTime at);

  template <class Event>
  void event(Event&& run);

  Environment& env_;
  const SessionOptions options_;
  const SessionEvents events_;
  Random random_;
  const Uuid id_;
  std::unique_ptr<Channel> channel_;

  // Of the session.
  std::uint64_t conn_epoch_ = 0;  // of the last attach
  LeaseTable leases_;
  OperationQueue operations_;
  Credit credit_;
  bool ending_ = false;

  // Of the connection.
  std::string manager_;  // its name
  std::size_t bytes_max_ = 0;
  bool open_ = false;
  bool going_ = false;  // GOODBYE came
  bool attached_ = false;
  SessionLines lines_;
  std::uint64_t attach_request_ = 0;
  MonoTime attach_sent_at_{};
  NumberSet numbers_;
  std::map<std::uint64_t, OperationsRequest> operations_in_flight_;  // by request id
  HeartbeatRequest heartbeat_;
  MonoTime heartbeat_sent_at_{};        // the last one, answered or not
  MonoTime heartbeat_not_before_{};     // after a failure
  MonoTime move_at_ = MonoTime::max();  // a refused attach: leave this manager then

  int failures_ = 0;        // answers in a row that asked for patience
  MonoTime pause_until_{};  // operations and demand wait
  bool restate_ = false;    // the ledger may not have our credit

  bool stopped_ = false;
  bool flush_scheduled_ = false;
  int depth_ = 0;
  Loop::TimerId timer_ = 0;
  MonoTime timer_at_{};
};

}  // namespace baton::client
