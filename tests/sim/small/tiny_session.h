// TinySession: a consumer as the ledger sees it, with every bad habit a late or lying client can
// have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/history/history.h"
#include "tests/sim/small/tiny_center.h"
#include "tests/sim/small/tiny_manager.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

// A claim as it was granted, to whomever.
struct TinyClaim {
  TaskId task;
  Token token;
};

class TinySession {
 public:
  TinySession(SimScheduler& scheduler, TinyCenter& center, check::History& history,
              std::uint64_t process);

  [[nodiscard]] SessionId id() const { return id_; }
  [[nodiscard]] std::uint64_t process() const { return process_; }
  [[nodiscard]] Incarnation manager() const { return manager_; }
  [[nodiscard]] std::size_t holding() const { return held_.size(); }
  // What it did not like about an answer; told once.
  std::vector<std::string> take_complaints() { return std::exchange(complaints_, {}); }

  // Through another manager, or again through the same one. `keep` false: its process has lost
  // everything.
  void attach(Incarnation manager, bool keep, center::Effects& effects);
  void demand(const std::string& queue, std::size_t window, center::Effects& effects);
  void heartbeat(center::Effects& effects);
  // The delivery reached the session.
  void take(const center::Grant& grant) { held_[grant.token] = grant.task; }

  // One operation on a claim that it holds.
  void operate(OperationKind kind, bool wants_next, center::Effects& effects);
  // An ack for a claim that is not its own, or is long over.
  void lie(const TinyClaim& claim, center::Effects& effects);
  // The answer to the last operation was lost: it is sent again and must be answered in the same
  // way.
  void repeat_last(center::Effects& effects);

 private:
  struct Sent {
    center::Operation operation;
    ErrorCode code;
  };
  ErrorCode send(const center::Operation& operation, center::Effects& effects);
  ErrorCode send_noted(const center::Operation& operation, center::Effects& effects);

  SimScheduler& scheduler_;
  TinyCenter& center_;
  check::History& history_;
  const std::uint64_t process_;
  const SessionId id_;
  Incarnation manager_;
  ConnEpoch conn_epoch_;
  LineId line_;
  OpSeq last_seq_;
  std::map<Token, TaskId> held_;
  std::size_t held_at_attach_ = 0;
  std::uint64_t answered_ = 0;  // since attach
  std::optional<Sent> last_;
  std::vector<std::string> complaints_;
};

}  // namespace baton::sim
