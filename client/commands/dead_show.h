// baton dead show: all about a dead task, with who had it and how each attempt ended.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "client/admin.h"
#include "client/commands/program.h"

namespace baton::commands {

// One claim of a task, as its history tells it.
struct Attempt {
  std::uint32_t number = 0;
  Token token;
  std::string consumer;
  std::string manager;
  WallTime began;  // 0: before what is kept of the history
  WallTime ended;  // 0: not known
  std::string cause;
  std::string reason;  // of a nack
};

// "acked", "failed", "expired", "released", ...: how an attempt ended, by the cause of its end.
std::string attempt_outcome(const std::string& cause);

// The newest attempts of a task, and why it died, out of its history from the oldest event on.
class AttemptList {
 public:
  static constexpr std::size_t kKept = 20;

  void add(const client::HistoryEvent& event);

  [[nodiscard]] const std::deque<Attempt>& attempts() const { return attempts_; }  // oldest first
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  // Of the last nack that gave one.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }
  [[nodiscard]] const std::string& death_cause() const { return death_cause_; }
  [[nodiscard]] WallTime died() const { return died_; }

 private:
  void begin(const client::HistoryEvent& event);
  void end(const client::HistoryEvent& event);

  std::deque<Attempt> attempts_;
  std::uint64_t left_out_ = 0;
  std::string last_error_;
  std::string death_cause_;
  WallTime died_;
};

void add_dead_show(Program& program, CLI::App& noun);

}  // namespace baton::commands
