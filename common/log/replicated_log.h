// ReplicatedLog: the one order of the ledger's entries, durable before anybody sees them.
//
// The contract is that of a replicated log, whose leadership may end at any time; LocalLog
// (local_log.h) is the one-voter version over LevelDB. All calls and callbacks happen on the node's
// loop; callbacks are posted, never made inside a call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton {

// What became of a proposal.
enum class ProposalFate : std::uint8_t {
  kApplied,  // committed and handed to on_entry, with its index
  kDropped,  // never will be
  kUnknown,  // leadership ended: it may still be committed by somebody else
};

// Where snapshot pages come from while one is being written.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  virtual std::optional<std::string> next_page() = 0;
};

class ReplicatedLog {
 public:
  struct Events {
    // Committed entries, each exactly once per life, in order of index.
    std::function<void(Lsn index, Term term, std::string_view entry)> on_entry;
    // Leadership began with a term of its own. The owner proposes its TermStart and serves after it
    // is applied.
    std::function<void(Term term)> on_leader;
    std::function<void(Term term)> on_follower;
    // A write or sync failed: nothing was or will be acknowledged any more, the process must end.
    std::function<void(const Status&)> on_failed;
  };

  virtual ~ReplicatedLog() = default;

  // The state to begin with: the pages of the newest snapshot and its index. Entries after it come
  // by on_entry. Called once, before start().
  struct Restored {
    Lsn index;  // 0: no snapshot
    std::vector<std::string> pages;
  };
  virtual Result<Restored> restore() = 0;
  virtual void start(Events events) = 0;

  // `done(kApplied, index)` follows directly after on_entry returned for that index, before the
  // next on_entry. Dropped when this is not the leader.
  virtual void propose(std::string entry, std::function<void(ProposalFate, Lsn)> done) = 0;
  // `done(ok)` once everything proposed before is applied and leadership is confirmed: a
  // linearizable read.
  virtual void barrier(std::function<void(Status)> done) = 0;

  [[nodiscard]] virtual bool is_leader() const = 0;
  [[nodiscard]] virtual Term term() const = 0;
  [[nodiscard]] virtual Lsn last_index() const = 0;   // last committed
  [[nodiscard]] virtual Lsn first_index() const = 0;  // first that is still kept
  [[nodiscard]] virtual std::uint64_t bytes_since_snapshot() const = 0;

  // Writes a snapshot of the state at `index`, a few pages per turn, then cuts the log behind it.
  // Only one at a time. The old snapshot stays until the new one is synced.
  virtual void save_snapshot(Lsn index, std::unique_ptr<SnapshotSource> source,
                             std::function<void(Status)> done) = 0;
};

}  // namespace baton
