// QueueCredit: which queues have a rule that a manager must keep before it confirms (R7, R22).
//
// Of a queue with a limit a manager stores only what the ledger has lent it. Credit is asked for
// ahead, in absolute numbers that include what is stored and not yet reported, so that a repeated
// question changes nothing; what was not used for some seconds is given back. Credit dies with the
// registration under which it was lent, and is spent on while the center is away.
//
// Invariant: credit + what was stored and not reported <= what the ledger last lent.
//
// Bounds: rules_max rules, a queue beyond counts as one without a rule; per queue as many stored
// runs as tasks were lent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace baton::manager {

struct QueueRule {
  std::string queue;
  bool ordered = false;  // what is produced waits for the ledger
  bool limits_tasks = false;
  std::uint64_t max_bytes = 0;  // 0: no limit

  [[nodiscard]] bool limits_bytes() const { return max_bytes != 0; }
  [[nodiscard]] bool limited() const { return limits_tasks || limits_bytes(); }
  friend bool operator==(const QueueRule&, const QueueRule&) = default;
};

// Tasks and bytes of their payloads.
struct CreditAmount {
  std::uint64_t tasks = 0;
  std::uint64_t bytes = 0;

  CreditAmount& operator+=(const CreditAmount& more);
  // Never below zero.
  CreditAmount& operator-=(const CreditAmount& less);
  friend bool operator==(const CreditAmount&, const CreditAmount&) = default;
};

class QueueCredit {
 public:
  struct Options {
    CreditAmount ask_min{1024, std::uint64_t{4} << 20};
    Duration idle = std::chrono::seconds(5);
    Duration ask_again = std::chrono::milliseconds(200);  // after an answer, while more is wanted
    Duration use_window = std::chrono::seconds(1);        // it asks for what two of them take
    std::size_t rules_max = 1'000'000;
  };

  QueueCredit() = default;
  explicit QueueCredit(const Options& options) : options_(options) {}

  // ---- rules ----
  // Told by the ledger. One that says nothing ends it.
  void set_rule(const QueueRule& rule);
  // A whole list follows; a rule that is not told until its end is no more.
  void begin_list();
  void end_list();
  // Null: the queue has no rule.
  [[nodiscard]] const QueueRule* find_rule(std::string_view queue) const;
  [[nodiscard]] std::size_t rules() const { return queues_.size(); }

  // ---- storing ----
  // Takes credit for one task. False: nothing was taken, and more will be asked for.
  bool take(std::string_view queue, std::uint64_t payload_bytes, MonoTime now);
  // Tasks for which credit was taken are stored up to `end`.
  void stored(std::string_view queue, Offset end, CreditAmount amount);
  // The ledger knows everything below.
  void reported(Offset created_hi);
  // Offsets begin anew; what the shard before had is none of this credit's business.
  void shard_changed();
  [[nodiscard]] CreditAmount credit(std::string_view queue) const;
  // A question is on its way: more may be there soon.
  [[nodiscard]] bool asking(std::string_view queue) const;

  // ---- asking ----
  struct Ask {
    std::string queue;
    CreditAmount have;
    CreditAmount want;
    friend bool operator==(const Ask&, const Ask&) = default;
  };
  // What must be asked or given back now; each is answered by exactly one of the next two.
  std::vector<Ask> take_asks(MonoTime now);
  void answered(std::string_view queue, CreditAmount lent, MonoTime now);
  void failed(std::string_view queue, MonoTime now);
  // Nothing that is on its way will be answered.
  void channel_lost();
  // What was lent under an earlier registration is lent no more.
  void registered();

 private:
  struct Stored {
    Offset end;
    std::string queue;
    CreditAmount amount;
  };
  struct Queue {
    QueueRule rule;
    bool told = true;  // since the list began
    CreditAmount credit;
    CreditAmount unreported;  // of what is in unreported_

    bool hungry = false;  // a task was refused, or credit died, since it last asked
    CreditAmount needed;  // by the largest task that was refused since then
    bool owes = false;    // the ledger counts something as lent
    bool asking = false;
    CreditAmount counted;  // asking: in `have`, and stored since
    MonoTime ask_at{};     // not before
    MonoTime used_at{};
    MonoTime window_began{};
    CreditAmount used;    // in the current window
    CreditAmount recent;  // in the one before
  };

  [[nodiscard]] bool covers(const Queue& queue, const CreditAmount& amount) const;
  [[nodiscard]] CreditAmount target(const Queue& queue) const;
  [[nodiscard]] bool is_low(const Queue& queue) const;
  std::optional<Ask> ask(Queue& queue, MonoTime now);
  void roll_window(Queue& queue, MonoTime now) const;
  Queue* find(std::string_view queue);
  [[nodiscard]] const Queue* find(std::string_view queue) const;
  void forget(std::string_view queue);
  static void void_credit(Queue& queue);

  Options options_{};
  std::map<std::string, Queue, std::less<>> queues_;
  std::deque<Stored> unreported_;  // of limited queues, in order of offset
};

}  // namespace baton::manager
