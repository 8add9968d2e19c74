// FakeCenter: a center that answers every command with success unless the test says otherwise,
// keeps what it was sent, and grants what it is told to. It knows no rules: only the conversation
// is real.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/center.pb.h"

#include "common/net/server.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"

namespace baton::manager {

class FakeCenter final : private ServerHandler {
 public:
  FakeCenter(sim::SimScheduler& scheduler, sim::SimNetwork& network, Logger& logger);

  // Begins to listen, or is gone with all its connections. The ledger below survives.
  void start();
  void stop();

  // ---- the ledger, as far as it matters to a manager ----
  Uuid cluster{77, 77};
  std::uint32_t generation = 1;
  std::uint64_t index = 10;
  std::uint32_t shard = 5;
  std::uint64_t created_hi = 1;
  std::map<std::uint32_t, std::uint64_t> sealed_created_hi;  // of shards but `shard`
  std::uint64_t incarnation = 900;
  std::deque<v1::RegisterOutcome> register_script;  // answers before the default one
  std::deque<v1::EnrollOutcome> enroll_script;
  std::deque<v1::AttachOutcome> attach_script;
  bool disk_low = false;  // reports of new tasks are postponed
  std::deque<v1::SessionHeartbeatOutcome> heartbeat_script;
  std::map<std::uint64_t, std::uint64_t> winners;     // offset -> task; default: the task itself
  std::map<std::uint64_t, v1::Winner> winner_script;  // by offset, instead of the above
  std::vector<v1::QueueRule> rules;                   // told when asked, a page each
  std::map<std::string, std::uint64_t> room_tasks;  // by queue: what is lent at most; default: all
  // By task: outcomes of acts on it, the last one for ever; default: cancelled.
  std::map<std::uint64_t, std::deque<v1::ActedItem>> acted;
  std::vector<v1::Member> members;
  std::map<std::uint64_t, v1::ResyncState> resyncs;  // by the session's lo
  std::function<v1::ChannelAnswer(const v1::Query&)> on_query;
  std::function<v1::LiveAnswer(const v1::Live&)> on_live;
  std::uint64_t answers_behind = 0;  // how far the index of answers is behind the ledger's
  // Like the real one, it refuses the HELLO of a manager that is not its own. False: it lets
  // everybody in, and the manager must look for itself.
  bool checks_hello = true;
  bool tells_lies = false;  // then what managers send because of them may be wrong
  Status refusal;  // not ok: what every HELLO gets
  // Commands of these kinds get no answer (their whole frame does not).
  std::vector<v1::Command::KindCase> silent;
  // These are executed, and the answer to their frame is lost.
  std::vector<v1::Command::KindCase> answers_lost;

  // ---- what managers sent ----
  std::vector<v1::Command> commands;
  std::vector<v1::ChannelBeat> beats;
  std::vector<v1::Live> lives;
  std::vector<v1::SettleItem> settled;
  template <class Pick>
  [[nodiscard]] std::size_t count(Pick pick) const {
    std::size_t found = 0;
    for (const v1::Command& command : commands) found += pick(command) ? 1 : 0;
    return found;
  }
  [[nodiscard]] std::size_t count(v1::Command::KindCase kind) const {
    return count([kind](const v1::Command& command) { return command.kind_case() == kind; });
  }
  // The last command of the kind. REQUIRES: there is one.
  [[nodiscard]] const v1::Command& last(v1::Command::KindCase kind) const;

  // ---- what it does ----
  void grant(const v1::Grant& grant);
  void push(const v1::ChannelGrants& grants);
  // A frame that no manager waits for.
  void say(v1::FrameType type);
  void say(v1::FrameType type, std::uint64_t request, const google::protobuf::MessageLite& message);
  void drop_connections();

 private:
  Result<v1::HelloOk> on_hello(Peer& peer, const v1::Hello& hello) override;
  Status on_frame(Peer& peer, const Frame& frame) override;
  void on_closed(Peer&, const Status&) override {}
  void on_commands(Peer& peer, const Frame& frame);
  void on_question(Peer& peer, const Frame& frame);
  void answer(const v1::Command& command, v1::Outcome& out);
  void answer_created(const v1::Created& created, v1::CreatedOutcome& out);
  void answer_act(const v1::ActOn& act, v1::ActOutcome& out);
  void answer_borrow(const v1::Borrow& borrow, v1::BorrowOutcome& out);

  sim::SimScheduler& scheduler_;
  sim::SimNetwork& network_;
  Logger& logger_;
  std::unique_ptr<sim::SimLoop> loop_;
  std::unique_ptr<sim::SimTransport> transport_;
  std::unique_ptr<Server> server_;
};

}  // namespace baton::manager
