// ForgottenEnds: how tasks ended of which the ledger keeps nothing more.
//
// What ended last is remembered here, since most who ask do so at once; what is older is looked up in
// the archive (R18), once for all who ask about the same task. On the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "center/service/ledger_host.h"
#include "common/storage/job_gate.h"

namespace baton::center {

// Nothing more will become of a task in this state by itself.
bool has_ended(TaskState state);
// For people, of a task that nobody cancelled by name; empty: the cause says nothing more.
std::string reason_of(Cause cause);

class ForgottenEnds {
 public:
  struct End {
    TaskState state = TaskState::kDone;  // also when nobody knows how it ended
    std::string reason;
  };
  using Told = std::function<void(const Result<End>&)>;
  // Up to twice as many ends are remembered.
  static constexpr std::size_t kRememberedMax = 65'536;
  static constexpr std::size_t kAskingMax = 4096;

  explicit ForgottenEnds(LedgerHost& host) : host_(host) {}

  void applied(const Effects& effects);
  // Tells at once or later. REQUIRES: the task has finished, and the ledger keeps nothing of it.
  // retry_later: too many ask.
  void ask(TaskId task, Told told);

 private:
  struct Remembered {
    TaskState state;
    Cause cause;
  };
  using Recent = std::unordered_map<std::uint64_t, Remembered>;  // nobody iterates over it

  [[nodiscard]] const Remembered* find(TaskId task) const;
  void look_up(TaskId task, const std::string& cursor, std::optional<HistoryEvent> last);
  void on_page(TaskId task, const Result<HistoryPage>& page, std::optional<HistoryEvent> last);
  void tell(TaskId task, const Result<End>& end);

  LedgerHost& host_;
  Recent newer_;
  Recent older_;
  std::map<TaskId, std::vector<Told>> asking_;
  std::size_t askers_ = 0;
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::center
