// Generator: random entries that mostly make sense, and sometimes do not.
//
// It looks at the oracle to know what exists, and remembers old tokens, so that late and repeated
// messages are as common as on a bad network.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

inline Uuid uuid(std::uint64_t kind, std::uint64_t n) { return Uuid{kind << 32 | n, n}; }

// What the tasks and queues of a run may ask for beside the plain.
struct Wishes {
  explicit Wishes(Random random);

  bool removes = false;  // managers for good
  bool times = false;    // delays and timeouts, attempts and backoffs
  bool keys = false;     // idempotency keys
  bool order = false;    // ordering keys
  bool shares = false;   // fairness keys
  bool limits = false;   // pauses, limits, weights
  bool acts = false;     // what operators do; what is remembered
  bool family = false;   // parents, children, tasks after others
  bool saves = false;    // progress and checkpoints
};

class Generator {
 public:
  Generator(std::uint64_t seed, const Oracle& oracle)
      : random_(seed), wishes_(random_.fork()), oracle_(oracle) {}

  Entry next(Lsn index);
  // It also makes void tasks up to the very end of a page, `times` times: whole pages come and go, and
  // their borders are met. Such a run is slow, since the oracle looks at every task.
  void fill_pages(int times) { fills_left_ = times; }
  // What the last entry brought: tokens to hold, acknowledge and abuse later.
  void learn(const Effects& effects);

 private:
  Batch batch();
  Command center_command();
  Command member_command();
  Command manager_command(const std::string& manager);
  Command created(const std::string& manager);
  CreatedRun run();
  static CreatedRun void_to_end_of_page(std::uint64_t created_hi);
  Command attach();
  Command demand(const std::string& manager);
  Command operations();
  Command heartbeat();
  Command give_back();
  Command shard_register();
  Operation operation(const SessionId& session);

  // generator_wishes.cc
  std::optional<Command> wished_command(const std::string& manager);
  void add_wishes(CreatedRun& run);
  void add_times(TaskOptions& options);
  void add_relations(TaskOptions& options);
  void add_wishes(Operation& op);
  TaskId may_run_after();
  Millis span();
  FailurePolicy policy();
  Command set_queue();
  void change_times(QueueChange& change);
  void change_limits(QueueChange& change);
  void change_keeping(QueueChange& change);
  Command borrow();
  Command act();
  TaskId any_task();
  TaskId any_claimed(bool parents);
  Command ack_of(TaskId parent);

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  template <class T>
  T any(const std::vector<T>& items) {
    return items[random_.below(items.size())];
  }
  std::int64_t roll(std::uint64_t below) { return static_cast<std::int64_t>(random_.below(below)); }
  Grant grant_of(const SessionId& session);
  SessionId any_session();
  ShardId any_shard();
  std::string any_queue();

  Random random_;
  const Wishes wishes_;
  const Oracle& oracle_;
  std::vector<Grant> grants_;  // all ever, newest last
  std::map<SessionId, std::uint64_t> seqs_;
  std::map<ProducerId, std::uint64_t> producer_seqs_;
  std::uint64_t lives_ = 0;
  int fills_left_ = 0;
};

}  // namespace baton::center::model
