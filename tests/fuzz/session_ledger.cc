// T3: claims from end to end, as fast as they go: payload logs on simulated disks, session relays and
// the ledger, with clients that may lie, and crashes of everything. The checkers C1 to C3, C6 and C7
// judge the whole history.
//
//   input: seed u8, then steps, each an u8 and what it needs; kSteps below names them.
#include <array>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "common/history/checkers.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/relay_node.h"
#include "tests/support/history_notes.h"
#include "tests/support/sim_payload.h"

namespace baton::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 150;
constexpr std::size_t kNodes = 2;
constexpr std::size_t kClients = 3;
constexpr std::uint64_t kProducer = 1;  // the only one, in the history

struct Claim {
  TaskId task;
  Token token;
  friend auto operator<=>(const Claim&, const Claim&) = default;
};

// A session: what its process knows. Its connection is one number at one node.
struct Client {
  SessionId session;
  std::uint64_t process = 0;  // in the history
  std::size_t node = 0;
  manager::ConnectionId connection = 0;  // 0: none
  ConnEpoch conn_epoch;
  bool attached = false;
  LineId line;
  OpSeq last_seq;
  std::set<Claim> held;
  // Operations without an answer, to be repeated on the next connection.
  struct Sent {
    manager::SessionOperation operation;
    std::uint64_t noted = 0;  // in the history
  };
  std::map<OpSeq, Sent> unanswered;

  [[nodiscard]] OpSeq answered_through() const {
    return unanswered.empty() ? last_seq : OpSeq(unanswered.begin()->first.value() - 1);
  }
};

class Story {
 public:
  explicit Story(FuzzInput in) : in_(in), scheduler_(1 + in_.u8()) {
    for (std::size_t i = 0; i < kNodes; ++i) {
      RelayEvents events;
      events.applied = [this](const center::Effects& effects) { applied(effects); };
      events.tell = [this](const manager::RelayEffect& effect) {
        std::visit([this](const auto& told) { hear(told); }, effect);
      };
      events.deliver = [this, i](const manager::Deliver& deliver) { this->deliver(i, deliver); };
      nodes_[i] = std::make_unique<RelayNode>(scheduler_, center_, "m" + std::to_string(i + 1),
                                              std::move(events));
    }
    start(0);  // the other one when the story says so: opening a store takes most of a case's time
    for (std::size_t i = 0; i < kClients; ++i) {
      clients_[i].session = SessionId(Uuid{50, i + 1});
      clients_[i].process = 200 + i;
    }
  }

  void run() {
    for (std::size_t i = 0; i < kStepsMax && !in_.empty(); ++i) {
      step();
      settle();
    }
    finish();
    judge();
  }

 private:
  // ---- the story ----

  // The other bits say who does it.
  void step() {
    const std::uint8_t what = in_.u8();
    (this->*kSteps[what % std::size(kSteps)])(what / std::size(kSteps));
  }
  Client& client_at(std::size_t who) { return clients_[who % kClients]; }
  static std::size_t node_at(std::size_t who) { return who % kNodes; }

  void report_some(std::size_t who) { report(node_at(who), 1 + in_.below(8)); }
  void leave(std::size_t who) { hang_up(client_at(who)); }
  void channel_down(std::size_t who) { nodes_[node_at(who)]->channel_down(); }
  void channel_up(std::size_t who) { nodes_[node_at(who)]->channel_up(); }
  void tick(std::size_t) { command(center::Tick{Millis(1 + in_.below(250) * 4), WallTime{1}}); }
  void tick_a_second(std::size_t) { command(center::Tick{Millis(1000), WallTime{1}}); }
  void snapshot(std::size_t) { center_.start_snapshot(); }
  void lose_the_center(std::size_t) { crash_center(); }
  void kill(std::size_t who) {
    nodes_[node_at(who)]->kill();
    forget_connections(node_at(who));
  }
  void cut_power(std::size_t who) {
    nodes_[node_at(who)]->cut_power();
    forget_connections(node_at(who));
  }
  void arm_power_cut(std::size_t who) {
    nodes_[node_at(who)]->manager().arm_power_cut(1 + in_.below(30));
  }
  void start_one(std::size_t who) { start(node_at(who)); }
  void lose_deliveries(std::size_t) { lose_deliveries_ = in_.below(4); }
  void give_back(std::size_t) { give_back_ = in_.below(3); }
  void lose_answers(std::size_t) { lose_answers_ = in_.below(3); }

  // Everything that follows from the step.
  void settle() {
    for (std::size_t i = 0; i < kNodes; ++i) {
      if (nodes_[i]->bury_if_dead()) forget_connections(i);
    }
    for (int round = 0; round < 4; ++round) {
      for (const auto& node : nodes_) node->pump();
    }
    if (center_.ledger().wants_continue()) command(center::Continue{});
    scheduler_.run_for(1ms);
  }

  void command(center::Command what) {
    center::Effects effects;
    center_.apply_one({}, std::move(what), effects);
    applied(effects);
  }

  // ---- managers ----

  void start(std::size_t node) {
    known_[node] = true;
    if (nodes_[node]->up()) return;
    std::string wrong;
    (void)nodes_[node]->start(wrong);
    FUZZ_CHECK(wrong.empty(), wrong);
  }

  void forget_connections(std::size_t node) {
    for (Client& client : clients_) {
      if (client.node == node) client.connection = 0;
    }
  }

  void shard_offline(std::size_t who) {
    sim::TinyManager& manager = nodes_[node_at(who)]->manager();
    for (const auto& known : center_.ledger().managers()) {
      for (const auto& shard : known.shards) {
        if (shard.shard != manager.shard()) continue;
        // Sometimes of another life: that changes nothing.
        const Epoch epoch = in_.flag() ? shard.epoch : Epoch(in_.odd_number());
        return command(center::ShardOffline{shard.shard, epoch, shard.life});
      }
    }
  }

  void produce(std::size_t who) {
    const std::uint8_t how = in_.u8();
    RelayNode& node = *nodes_[node_at(who)];
    if (!node.up()) return;
    sim::TinyManager& manager = node.manager();
    std::vector<std::string> payloads;
    std::vector<std::uint64_t> operations;
    for (int i = 0; i <= how % 4; ++i) {
      payloads.push_back(sim::make_payload({kProducer, ++produced_}, 60, scheduler_.random()));
      operations.push_back(
          history_.invoke(sim::produce_event(scheduler_.now(), kProducer, payloads.back())));
    }
    manager::TaskAttributes attributes;
    attributes.queue = queue(how >> 2);
    const Offset first = manager.append(attributes, payloads);
    if ((how >> 4) == 15 || !manager.sync()) return;  // the machine may die with it in memory
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const TaskId task(manager.shard(), Offset(first.value() + i));
      history_.end(operations[i], scheduler_.now(), check::Outcome::kOk, task);
      confirmed_.push_back(task);
    }
  }

  void report(std::size_t node, std::size_t tasks_max) {
    if (!nodes_[node]->up()) return;
    center::Effects effects;
    nodes_[node]->manager().report(tasks_max, effects);
    applied(effects);
  }

  static std::string queue(unsigned choice) { return choice % 2 == 0 ? "a" : "b"; }

  void deliver(std::size_t node, const manager::Deliver& what) {
    const auto grant = what.grant;
    manager::SessionRelay& relay = nodes_[node]->relay();
    Client* client = client_of(what.connection);
    RelayNode* keeper = nullptr;
    for (const auto& other : nodes_) {
      if (other->manager().shard() == grant.task.shard() && other->up()) keeper = other.get();
    }
    if (client == nullptr || keeper == nullptr || give_back_ > 0) {
      if (give_back_ > 0) --give_back_;
      return relay.undeliverable(
          grant, client == nullptr ? GiveBackReason::kUndelivered : GiveBackReason::kUnreachable);
    }
    const auto payload = keeper->manager().read(grant.task.offset());
    if (!payload.ok()) {
      // The machine has died over it; it is buried after the step.
      return relay.undeliverable(grant, GiveBackReason::kUnreachable);
    }
    relay.delivered(grant);
    if (lose_deliveries_ > 0) {
      --lose_deliveries_;
      return;
    }
    check::Event event = sim::claim_event(check::Action::kDelivery, scheduler_.now(),
                                          client->process, grant.task, grant.token);
    event.attempt = grant.attempt;
    sim::add_payload(event, payload.value());
    history_.note(event);
    client->held.insert({grant.task, grant.token});
  }

  // ---- the ledger ----

  void applied(const center::Effects& effects) {
    for (const center::Grant& grant : effects.grants) {
      std::uint64_t process = 0;
      for (const Client& client : clients_) {
        if (client.session == grant.session) process = client.process;
      }
      check::Event event = sim::claim_event(check::Action::kGrant, scheduler_.now(), process,
                                            grant.task, grant.token);
      event.attempt = grant.attempt;
      history_.note(event);
      granted_.push_back({grant.task, grant.token});
      for (const auto& node : nodes_) {
        if (node->up() && node->manager().incarnation() == grant.manager) node->granted(grant);
      }
    }
  }

  void crash_center() {
    for (const auto& node : nodes_) node->channel_down();
    const std::string wrong = center_.crash();
    FUZZ_CHECK(wrong.empty(), "after a crash of the center " + wrong);
    for (const auto& node : nodes_) node->channel_up();
  }

  // ---- clients ----

  Client* client_of(manager::ConnectionId connection) {
    for (Client& client : clients_) {
      if (connection != 0 && client.connection == connection) return &client;
    }
    return nullptr;
  }
  manager::SessionRelay* relay_of(const Client& client) {
    if (client.connection == 0 || !nodes_[client.node]->up()) return nullptr;
    return &nodes_[client.node]->relay();
  }

  void attach(std::size_t who) {
    Client& client = client_at(who);
    const std::uint8_t how = in_.u8();
    hang_up(client);
    client.node = how % kNodes;
    if (!nodes_[client.node]->up()) return;
    client.connection = ++connections_;
    client.attached = false;
    client.line = {};
    client.conn_epoch = client.conn_epoch.next();
    if ((how & 12) == 12) client.held.clear();  // its process has lost everything
    manager::AttachCommand attach{client.session, client.conn_epoch, {}, "fuzz"};
    for (const Claim& claim : client.held) attach.held.push_back(claim.token);
    // What has no answer yet counts as held.
    for (const auto& [seq, sent] : client.unanswered) attach.held.push_back(sent.operation.token);
    if ((how & 16) != 0 && !granted_.empty()) {
      attach.held.push_back(granted_[in_.u8() % granted_.size()].token);
    }
    nodes_[client.node]->relay().attach(client.connection, ++request_, std::move(attach));
  }

  void demand(std::size_t who) {
    Client& client = client_at(who);
    const std::uint8_t how = in_.u8();
    manager::DemandCommand demand;
    if ((how & 1) != 0 || !client.line) client.line = client.line.next();
    demand.line = client.line;
    demand.queue = queue(how >> 1);
    demand.lease = (how & 4) != 0 ? kLeaseMin : kLeaseMax;
    demand.total = (how & 8) != 0 ? in_.odd_number() : 4 + answered_;
    if ((how & 16) != 0 && !confirmed_.empty())
      demand.task = confirmed_[in_.u8() % confirmed_.size()];
    if (manager::SessionRelay* relay = relay_of(client)) {
      relay->demand(client.connection, ++request_, std::move(demand));
    }
  }

  void end_wait(std::size_t who) {
    Client& client = client_at(who);
    if (manager::SessionRelay* relay = relay_of(client)) {
      relay->end_wait(client.connection, ++request_, client.line);
    }
  }

  void heartbeat(std::size_t who) {
    Client& client = client_at(who);
    manager::SessionRelay* relay = relay_of(client);
    if (relay == nullptr) return;
    std::vector<Token> tokens;
    for (const Claim& claim : client.held) tokens.push_back(claim.token);
    relay->heartbeat(client.connection, ++request_, std::move(tokens));
  }

  // On a claim that it holds, or on one of somebody else, or one that is long over.
  void operate(std::size_t who) {
    Client& client = client_at(who);
    const std::uint8_t how = in_.u8();
    Claim claim;
    if ((how & 3) != 0 && !client.held.empty()) {
      claim = *std::next(client.held.begin(),
                         static_cast<std::ptrdiff_t>(in_.u8() % client.held.size()));
    } else if (!granted_.empty()) {
      claim = granted_[in_.u8() % granted_.size()];
    } else {
      claim = {TaskId(ShardId(1), Offset(1)), Token(in_.odd_number())};
    }
    manager::SessionOperation operation;
    operation.kind =
        (how & 128) == 0 ? OperationKind::kAck : static_cast<OperationKind>(1 + ((how >> 2) & 3));
    if ((how & 192) == 192) {  // progress, of a claim that goes on
      operation.kind = OperationKind::kSave;
      operation.percent = how & 63U;
    }
    operation.task = claim.task;
    operation.token = claim.token;
    operation.wants_next = (how & 16) != 0;
    operation.started = (how & 32) != 0;
    operation.lease = kLeaseMin;
    operation.seq = client.last_seq = client.last_seq.next();
    if (operation.ends_claim()) client.held.erase(claim);

    const check::Event event = sim::claim_event(sim::action_of(operation.kind), scheduler_.now(),
                                                client.process, claim.task, claim.token);
    client.unanswered[operation.seq] = {operation, history_.invoke(event)};
    send(client, {operation});
  }

  // What was not answered.
  void repeat(std::size_t who) {
    Client& client = client_at(who);
    std::vector<manager::SessionOperation> operations;
    for (const auto& [seq, sent] : client.unanswered) operations.push_back(sent.operation);
    send(client, std::move(operations));
  }

  void send(Client& client, std::vector<manager::SessionOperation> operations) {
    manager::SessionRelay* relay = relay_of(client);
    if (relay == nullptr || !client.attached || operations.empty()) return;
    relay->operations(client.connection, ++request_, client.answered_through(),
                      std::move(operations));
  }

  void hang_up(Client& client) {
    if (manager::SessionRelay* relay = relay_of(client)) relay->closed(client.connection);
    client.connection = 0;
  }

  // ---- what clients hear ----

  void hear(const manager::TellAttached& told) {
    Client* client = client_of(told.connection);
    if (client == nullptr || !told.status.ok()) return;
    client->attached = true;
    const std::set<Token> kept(told.kept.begin(), told.kept.end());
    std::erase_if(client->held, [&](const Claim& claim) { return !kept.contains(claim.token); });
  }
  void hear(const manager::TellOperationsDone& told) {
    Client* client = client_of(told.connection);
    if (client == nullptr) return;
    if (lose_answers_ > 0) {
      --lose_answers_;
      return;
    }
    for (const manager::OperationResult& result : told.outcomes) {
      const auto sent = client->unanswered.find(result.seq);
      if (sent == client->unanswered.end()) continue;  // of a repetition
      if (result.code == ErrorCode::kRetryLater || result.code == ErrorCode::kUnavailable) continue;
      ++answered_;
      history_.end(sent->second.noted, scheduler_.now(), sim::outcome_of(result.code));
      client->unanswered.erase(sent);
    }
  }
  void hear(const manager::TellHeartbeatDone& told) {
    Client* client = client_of(told.connection);
    if (client == nullptr) return;
    const std::set<Token> lost(told.lost.begin(), told.lost.end());
    std::erase_if(client->held, [&](const Claim& claim) { return lost.contains(claim.token); });
  }
  void hear(const manager::TellClose& told) {
    if (Client* client = client_of(told.connection)) hang_up(*client);
  }
  // Its manager has started anew meanwhile and knows nothing of the connection.
  void hear(const manager::TellError& told) {
    if (Client* client = client_of(told.connection)) client->connection = 0;
  }
  template <class Other>
  void hear(const Other&) {}

  // ---- the end ----

  // Everybody is back and everything durable is reported, so that the ledger knows every task.
  void finish() {
    for (std::size_t i = 0; i < kNodes; ++i) {
      if (!known_[i]) continue;
      nodes_[i]->manager().arm_power_cut(UINT64_MAX / 2);
      start(i);
      nodes_[i]->channel_up();
    }
    settle();
    for (std::size_t i = 0; i < kNodes; ++i) {
      if (!known_[i]) continue;
      const auto known = center_.ledger().find_manager(nodes_[i]->manager().incarnation());
      if (!known || !known->online) nodes_[i]->kill();  // declared offline, and has not noticed
      start(i);
      report(i, kCreatedTasksMax);
    }
    settle();
    crash_center();
    for (const TaskId task : confirmed_) {
      check::Event event;
      event.at = scheduler_.now();
      event.action = check::Action::kState;
      event.task = task;
      const auto view = center_.ledger().find(task);
      if (view.ok()) event.state = sim::final_state(view.value().state);
      history_.note(event);
    }
  }

  void judge() const {
    for (const auto& found : {check::check_delivery(history_), check::check_claims(history_),
                              check::check_completion(history_), check::check_identity(history_),
                              check::check_payloads(history_)}) {
      for (const check::Violation& violation : found) {
        fail(__FILE__, __LINE__,
             std::string(violation.checker) + " " + violation.what + "\n" +
                 history_.story(violation.task));
      }
    }
  }

  // The corpora know the numbers.
  static constexpr void (Story::* kSteps[])(std::size_t who) = {
      &Story::produce,       &Story::produce,       &Story::produce,
      &Story::report_some,   &Story::report_some,   &Story::attach,
      &Story::demand,        &Story::demand,        &Story::end_wait,
      &Story::operate,       &Story::operate,       &Story::operate,
      &Story::operate,       &Story::heartbeat,     &Story::leave,
      &Story::repeat,        &Story::repeat,        &Story::channel_down,
      &Story::channel_up,    &Story::tick,          &Story::tick,
      &Story::tick_a_second, &Story::snapshot,      &Story::lose_the_center,
      &Story::kill,          &Story::cut_power,     &Story::arm_power_cut,
      &Story::start_one,     &Story::shard_offline, &Story::lose_deliveries,
      &Story::give_back,     &Story::lose_answers};
  static_assert(std::size(kSteps) == 32);

  FuzzInput in_;
  sim::SimScheduler scheduler_;
  sim::TinyCenter center_;
  check::History history_;
  std::array<std::unique_ptr<RelayNode>, kNodes> nodes_;
  std::array<bool, kNodes> known_{};  // it was started at least once
  std::array<Client, kClients> clients_;
  std::vector<Claim> granted_;  // ever, to whomever
  std::vector<TaskId> confirmed_;
  manager::ConnectionId connections_ = 0;
  std::uint64_t request_ = 0;
  std::uint64_t produced_ = 0;
  std::uint64_t answered_ = 0;
  // How many of the next ones are lost, or given back.
  std::size_t lose_deliveries_ = 0;
  std::size_t lose_answers_ = 0;
  std::size_t give_back_ = 0;
};

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  baton::fuzz::Story(baton::fuzz::FuzzInput(data, size)).run();
  return 0;
}
