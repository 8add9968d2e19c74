// ConsumerEngine: the consumer itself, on the loop: how many tasks it wants, where it pulls them,
// what the handler gets, and when it ends. The protocol of each session is session.h's business.
//
// Slots: a slot is one claim that the consumer may hold. Each slot is placed at one session, where
// it is either free (credit: a task may come) or taken by a claim until the claim's end is
// answered; then it is placed anew, at the session that the pick policy names.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "client/claim_state.h"
#include "client/consumer.h"
#include "client/environment.h"
#include "client/session.h"

namespace baton::client {

// invalid_argument names what is out of its range.
Status validate(const ConsumerOptions& options);

class ConsumerEngine : public std::enable_shared_from_this<ConsumerEngine> {
 public:
  ConsumerEngine(Environment& environment, std::shared_ptr<Home> home, ConsumerOptions options,
                 ConsumerHandlers handlers);
  ConsumerEngine(const ConsumerEngine&) = delete;
  ConsumerEngine& operator=(const ConsumerEngine&) = delete;

  void start();
  // Drops everything; no handler is called any more.
  void shutdown();
  void stop(Consumer::StopMode mode, Duration patience);

  // An operation of a claim's handler. A final one comes at most once per claim (Claim::State).
  void operate(Operation operation);

 private:
  enum class Stage : std::uint8_t { kBuffered, kRunning, kEnding };
  struct Held {
    Stage stage = Stage::kBuffered;
    std::size_t session = 0;
    TaskId task;
    bool wanted_next = false;
    std::weak_ptr<Claim::State> state;  // the handler's copies own it
  };
  struct Place {
    std::shared_ptr<Session> session;
    std::size_t slots = 0;
    std::size_t held = 0;
  };

  // ---- events of the sessions -----------------------------------------------------------------
  void on_delivery(std::size_t session, Delivery delivery);
  void on_lost(Token token, std::optional<LostCause> cause);
  void on_answered(Token token);
  void on_refused(const Status& status);

  // ---- slots ----------------------------------------------------------------------------------
  void fill();
  [[nodiscard]] std::size_t slots_wanted();
  [[nodiscard]] std::size_t slots() const;
  [[nodiscard]] std::size_t prefetch();
  [[nodiscard]] std::size_t pick();
  [[nodiscard]] bool wants_next();

  // ---- claims ---------------------------------------------------------------------------------
  void hand_over();
  void give_back(Token token, Held& held, bool started);
  void end_claim(Token token, Held& held, Operation operation);

  // ---- ending ---------------------------------------------------------------------------------
  void begin_end(ConsumerEnd end, Duration patience);
  void check_end();
  void finish();
  void settle();  // after anything: fill, hand over, end, call the handlers, set the timer
  void schedule_settle();
  void arm();
  void on_timer();
  void watch_cut_off();
  [[nodiscard]] bool may_tell_cut_off() const;
  [[nodiscard]] bool attached() const;

  Environment& env_;
  const std::shared_ptr<Home> home_;
  const ConsumerOptions options_;
  const ConsumerHandlers handlers_;
  Random random_;

  std::vector<Place> places_;
  std::size_t next_place_ = 0;
  std::map<Token, Held> held_;                        // until their end is answered
  std::deque<std::shared_ptr<Claim::State>> buffer_;  // not yet handed over, in order of arrival
  std::size_t running_ = 0;
  std::size_t anticipated_ = 0;  // unanswered operations that wanted the next task
  std::uint64_t accepted_ = 0;   // deliveries that count towards tasks_max
  std::uint64_t handled_ = 0;
  std::deque<MonoTime> finished_at_;  // of the last ones, at most prefetch_max
  MonoTime idle_since_{};             // since when a task could have come and none did
  MonoTime cut_off_since_{};          // since when no session is attached; max(): one is
  bool cut_off_told_ = false;

  bool ending_ = false;
  bool ended_ = false;
  ConsumerSummary summary_;
  Duration patience_{0};
  MonoTime give_up_at_ = MonoTime::max();

  std::vector<std::function<void()>> calls_;  // of handlers, run last in every event
  bool settling_ = false;
  bool settle_scheduled_ = false;
  bool stopped_ = false;
  Loop::TimerId timer_ = 0;
  MonoTime timer_at_{};
};

}  // namespace baton::client
