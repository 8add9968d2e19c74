// Generator: random entries that mostly make sense, and sometimes do not.
//
// It looks at the oracle to know what exists, and remembers old tokens, so that late and repeated
// messages are as common as on a bad network.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

class Generator {
 public:
  Generator(std::uint64_t seed, const Oracle& oracle) : random_(seed), oracle_(oracle) {}

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

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  template <class T>
  const T& any(const std::vector<T>& items) {
    return items[random_.below(items.size())];
  }
  Grant grant_of(const SessionId& session);
  SessionId any_session();
  ShardId any_shard();
  std::string any_queue();

  Random random_;
  const Oracle& oracle_;
  std::vector<Grant> grants_;  // all ever, newest last
  std::map<SessionId, std::uint64_t> seqs_;
  std::map<ProducerId, std::uint64_t> producer_seqs_;
  std::uint64_t lives_ = 0;
  int fills_left_ = 0;
};

}  // namespace baton::center::model
