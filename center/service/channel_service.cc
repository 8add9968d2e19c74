#include "center/service/channel_service.h"

#include <utility>

#include "center/service/hello_check.h"
#include "center/storage/command_codec.h"
#include "center/storage/outcome_codec.h"
#include "center/storage/wire_values.h"

namespace baton::center {
namespace {

// Of a stopping center: answers that take longer are repeated by the managers elsewhere or later.
constexpr Millis kDrainPatience = std::chrono::seconds(5);
constexpr Millis kDrainCheckInterval = std::chrono::milliseconds(20);

Status stopping() { return Status(ErrorCode::kUnavailable, "this center is stopping"); }

}  // namespace

// What the center knows of a connection.
struct ChannelService::ManagerChannel final : Peer::Data {
  std::string name;
  StoreId store;
  Incarnation incarnation;           // bound to; none before its register
  std::size_t unanswered_bytes = 0;  // of its commands

  // What came before the ledger was replayed.
  struct Held {
    v1::FrameType type;
    std::uint64_t request_id;
    std::string metadata;
  };
  std::vector<Held> held;
  std::size_t held_bytes = 0;
};

Result<std::unique_ptr<ChannelService>> ChannelService::open(NodeContext& context, LedgerHost& host,
                                                             Options options) {
  std::unique_ptr<ChannelService> service(new ChannelService(context, host, std::move(options)));
  BATON_ASSIGN_OR_RETURN(service->server_,
                         Server::open(context.loop, context.transport, context.logger, *service,
                                      service->options_.server));
  return service;
}

ChannelService::ChannelService(NodeContext& context, LedgerHost& host, Options options)
    : context_(context),
      host_(host),
      options_(std::move(options)),
      recovered_(host.log().last_index()),
      proposer_(
          context.loop, host,
          [this](const v1::Register& request) { return before_register(request); },
          [this](const MergedEntry& merged, Lsn index, const Effects& effects) {
            entry_applied(merged, index, effects);
          }),
      liveness_(options_.manager_dead_after),
      ticks_(
          context.loop,
          {.plan = [this] { return host_.ledger().tick_plan(); },
           .wall =
               [this] {
                 return liveness_.median_wall(context_.loop.wall_now(), context_.loop.now());
               },
           .propose = [this](Tick tick,
                             std::function<void()> done) { propose_tick(tick, std::move(done)); }}),
      queries_(context.loop, host, liveness_,
               {.propose =
                    [this](Command command, std::function<void(const Outcome*)> done) {
                      proposer_.push_own(
                          std::move(command),
                          [done = std::move(done)](Lsn, const Outcome* outcome) { done(outcome); });
                    },
                .address = [this] { return server_->address().to_string(); }}) {}

ChannelService::~ChannelService() {
  gate_.close();
  context_.loop.cancel(liveness_timer_);
}

// ---- leadership ----

void ChannelService::start() {
  phase_ = Phase::kServing;
  proposer_.start();
  continue_in_flight_ = false;
  liveness_.start(context_.loop.now());
  ticks_.start();
  check_liveness();
  propose_continue_if_wanted();
  release_held();
}

void ChannelService::stop(const Status& reason) {
  phase_ = Phase::kStopped;
  ticks_.stop();
  queries_.stop();
  context_.loop.cancel(std::exchange(liveness_timer_, 0));
  proposer_.stop();
  server_->for_each([&reason](Peer& peer) { peer.close(reason); });
}

// ---- connections ----

Result<v1::HelloOk> ChannelService::on_hello(Peer& peer, const v1::Hello& hello) {
  const LedgerPosition position{options_.cluster, host_.ledger().generation(),
                                host_.log().last_index()};
  // What a manager saw before this center started was in the log then, or the log went back: new
  // entries must not be taken for those that it has seen.
  const StoreId store(from_wire(hello.store()));
  LedgerPosition known = position;
  if (!greeted_.contains(store)) known.index = recovered_;
  Status status = check_hello(hello, known);
  if (status.code() == ErrorCode::kConflict || status.code() == ErrorCode::kDataLoss) {
    context_.logger.error("manager refused", {kv("manager", hello.name()), kv("reason", status)});
  }
  if (status.ok() && drained_) status = stopping();
  if (status.ok() && phase_ == Phase::kStopped) {
    status = Status(ErrorCode::kUnavailable, "this center does not serve now");
  }
  if (!status.ok()) {
    ++metrics_.managers_refused;
    return status;
  }

  auto channel = std::make_unique<ManagerChannel>();
  channel->name = hello.name();
  channel->store = store;
  greeted_.insert(store);
  peer.set_data(std::move(channel));
  v1::HelloOk answer;
  to_wire(position.cluster, answer.mutable_cluster());
  answer.set_name("center");
  answer.set_generation(position.generation.value());
  answer.set_index(position.index.value());
  return answer;
}

void ChannelService::on_open(Peer& peer) {
  context_.logger.info("manager connected",
                       {kv("manager", peer.hello().name()), kv("address", peer.address())});
}

void ChannelService::on_closed(Peer& peer, const Status& reason) {
  const auto* channel = peer.data<ManagerChannel>();
  context_.logger.info("manager disconnected",
                       {kv("manager", channel->name), kv("reason", reason)});
  const auto bound = bound_.find(channel->incarnation);
  if (bound != bound_.end() && bound->second == peer.id()) bound_.erase(bound);
}

Status ChannelService::on_frame(Peer& peer, const Frame& frame) {
  if (phase_ == Phase::kServing) return handle(peer, frame);
  if (phase_ == Phase::kStarting) hold(peer, frame);
  return Status();  // stopped: the peer is closing
}

// A manager that finds the center while it replays its log need not go away and come back later.
void ChannelService::hold(Peer& peer, const Frame& frame) {
  auto* channel = peer.data<ManagerChannel>();
  channel->held_bytes += frame.metadata.size() + sizeof(ManagerChannel::Held);
  if (channel->held_bytes > kHeldBytesMax) {
    ++metrics_.channels_cut;
    return peer.close(Status(ErrorCode::kRetryLater, "this center replays its log"));
  }
  channel->held.push_back({frame.type, frame.request_id, std::string(frame.metadata)});
}

void ChannelService::release_held() {
  std::vector<PeerId> peers;
  server_->for_each([&peers](Peer& peer) { peers.push_back(peer.id()); });
  for (const PeerId id : peers) {
    Peer* peer = server_->find(id);
    if (peer == nullptr) continue;
    for (const auto& held : std::exchange(peer->data<ManagerChannel>()->held, {})) {
      const Status status = handle(*peer, {held.type, held.request_id, held.metadata, {}});
      if (!status.ok()) peer->send_error(held.request_id, status);
      if (server_->find(id) == nullptr) break;
    }
  }
}

Status ChannelService::handle(Peer& peer, const Frame& frame) {
  if (const Incarnation incarnation = peer.data<ManagerChannel>()->incarnation) {
    liveness_.heard(incarnation, context_.loop.now());
  }
  switch (frame.type) {
    case v1::CHANNEL_COMMANDS:
      return on_commands(peer, frame);
    case v1::CHANNEL_QUERY:
      return on_query(peer, frame);
    case v1::CHANNEL_BEAT:
      return on_beat(peer, frame);
    default:
      peer.refuse_type(frame);
      return Status();
  }
}

// ---- frames ----

Status ChannelService::on_commands(Peer& peer, const Frame& frame) {
  v1::ChannelCommands request;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, request));
  metrics_.commands += static_cast<std::uint64_t>(request.command_size());
  auto* channel = peer.data<ManagerChannel>();
  const Incarnation incarnation(request.incarnation());
  if (drained_) {
    refuse_frame(peer, frame.request_id, stopping());
    return Status();
  }
  if (const Status current = check_incarnation(peer, incarnation); !current.ok()) {
    refuse_frame(peer, frame.request_id, current);
    return Status();
  }

  auto commands = std::make_shared<CommandFrame>();
  commands->peer = peer.id();
  commands->request_id = frame.request_id;
  commands->incarnation = incarnation;
  commands->bytes = frame.metadata.size();
  for (v1::Command& command : *request.mutable_command()) {
    v1::Outcome* outcome = commands->answer.add_outcome();
    if (const Status admitted = admit(*channel, incarnation, command); !admitted.ok()) {
      ++metrics_.commands_refused;
      encode_refusal(command, admitted, outcome);
      continue;
    }
    commands->slots.push_back(commands->answer.outcome_size() - 1);
    commands->ends_wait |= command.has_end_wait();
    *commands->commands.Add() = std::move(command);
  }

  if (commands->commands.empty()) {
    commands->answer.set_index(host_.ledger().index().value());
    answer_frame(*commands);
    return Status();
  }
  channel->unanswered_bytes += commands->bytes;
  if (channel->unanswered_bytes > kUnansweredBytesMax) {
    ++metrics_.channels_cut;
    peer.close(Status(ErrorCode::kRetryLater, "too many commands without waiting for answers"));
    return Status();
  }
  proposer_.push(std::move(commands));
  return Status();
}

// A dead incarnation is told so without an entry. The ledger decides again when the entry is
// applied.
Status ChannelService::check_incarnation(Peer& peer, Incarnation incarnation) {
  if (!incarnation) return Status();
  if (peer.data<ManagerChannel>()->incarnation == incarnation && bound_[incarnation] == peer.id()) {
    return Status();
  }
  const std::optional<ManagerView> manager = host_.ledger().find_manager(incarnation);
  if (!manager || !manager->online) {
    return Status(ErrorCode::kDenied, "this incarnation is over: register again");
  }
  if (manager->store != peer.data<ManagerChannel>()->store) {
    return Status(ErrorCode::kDenied, "this incarnation belongs to another store");
  }
  bind(peer, incarnation);
  return Status();
}

Status ChannelService::admit(const ManagerChannel& channel, Incarnation incarnation,
                             const v1::Command& command) {
  if (is_center_command(command)) {
    return Status(ErrorCode::kDenied, "only the center itself asks for this");
  }
  const bool introduces = command.has_enroll() || command.has_register_();
  // A store that was refused as behind or rolled back has no incarnation, and seals its shard (R2).
  if (!incarnation && !introduces && !command.has_seal()) {
    return Status(ErrorCode::kDenied, "only enroll, register and seal need no incarnation");
  }
  if (introduces) {
    const v1::Uuid& store =
        command.has_enroll() ? command.enroll().store() : command.register_().store();
    if (StoreId(from_wire(store)) != channel.store) {
      return Status(ErrorCode::kDenied, "a manager speaks for its own store only");
    }
  }
  if (command.has_created() && disk_low_) {
    ++metrics_.created_postponed;
    return Status(ErrorCode::kRetryLater, "the center's disk is almost full");
  }
  return decode_command(command).status();
}

// One connection per incarnation: the one that speaks last.
void ChannelService::bind(Peer& peer, Incarnation incarnation) {
  auto* channel = peer.data<ManagerChannel>();
  if (channel->incarnation && channel->incarnation != incarnation)
    bound_.erase(channel->incarnation);
  channel->incarnation = incarnation;
  const PeerId other = std::exchange(bound_[incarnation], peer.id());
  if (Peer* old = other == peer.id() ? nullptr : server_->find(other)) {
    old->close(Status(ErrorCode::kConflict, "the manager has another connection"));
  }
  liveness_.heard(incarnation, context_.loop.now());
}

void ChannelService::refuse_frame(Peer& peer, std::uint64_t request_id, const Status& status) {
  v1::ChannelOutcomes refusal;
  set_status(status, &refusal);
  refusal.set_index(host_.ledger().index().value());
  refusal.set_generation(host_.ledger().generation().value());
  peer.send(v1::CHANNEL_OUTCOMES, request_id, refusal);
}

Status ChannelService::on_query(Peer& peer, const Frame& frame) {
  v1::ChannelQuery query;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, query));
  ++metrics_.queries;
  queries_.answer(
      peer.data<ManagerChannel>()->incarnation, std::move(query),
      [this, id = peer.id(), request = frame.request_id](const v1::ChannelAnswer& answer) {
        Peer* asker = server_->find(id);
        if (asker == nullptr) return;
        if (answer.ByteSizeLong() <= options_.server.frame_bytes_max) {
          return asker->send(v1::CHANNEL_ANSWER, request, answer);
        }
        v1::ChannelAnswer refusal;
        set_status(Status(ErrorCode::kTooLarge, "the answer does not fit: ask for less"), &refusal);
        asker->send(v1::CHANNEL_ANSWER, request, refusal);
      });
  return Status();
}

Status ChannelService::on_beat(Peer& peer, const Frame& frame) {
  v1::ChannelBeat beat;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, beat));
  const Incarnation incarnation(beat.incarnation());
  if (!incarnation || !check_incarnation(peer, incarnation).ok()) return Status();
  liveness_.beat(incarnation, beat, context_.loop.now());
  if (beat.shard() != 0) queries_.on_beat(ShardId(beat.shard()), Offset(beat.durable_end()));
  return Status();
}

// ---- entries ----

// Outcomes first, then the grants of the same entry; the next entry's after both (R10). The answer
// to the end of a wait says that no grant of its line follows, so it goes behind the grants: another
// command of the entry may have given the line its last task.
void ChannelService::entry_applied(const MergedEntry& merged, Lsn index, const Effects& effects) {
  const auto answer = [&](bool ends_wait) {
    for (std::size_t i = 0; i < merged.shares.size(); ++i) {
      const MergedEntry::Share& share = merged.shares[i];
      if (share.frame && share.frame->ends_wait == ends_wait)
        answer_share(share, index, effects.batches[i]);
    }
  };
  answer(false);
  send_pushes(index, effects);
  answer(true);
  check_drained();
}

void ChannelService::answer_share(const MergedEntry::Share& share, Lsn index,
                                  const BatchEffects& effects) {
  CommandFrame& frame = *share.frame;
  Peer* peer = server_->find(frame.peer);
  if (!effects.status.ok()) {
    set_status(effects.status, &frame.answer);
  } else {
    for (int k = 0; k < share.count; ++k) {
      const Outcome& outcome = effects.outcomes[static_cast<std::size_t>(k)];
      const auto slot = frame.slots[static_cast<std::size_t>(share.first + k)];
      encode_outcome(outcome, frame.answer.mutable_outcome(slot));
      const auto* registered = std::get_if<RegisterOutcome>(&outcome);
      if (peer != nullptr && registered != nullptr &&
          registered->result == RegisterResult::kRegistered) {
        bind(*peer, registered->incarnation);
      }
    }
  }
  frame.answered += share.count;
  if (!frame.complete()) return;
  frame.answer.set_index(index.value());
  if (peer != nullptr) peer->data<ManagerChannel>()->unanswered_bytes -= frame.bytes;
  answer_frame(frame);
}

void ChannelService::answer_frame(CommandFrame& frame) {
  Peer* peer = server_->find(frame.peer);
  if (peer == nullptr) return;
  frame.answer.set_generation(host_.ledger().generation().value());
  if (frame.answer.code() != v1::OK) frame.answer.clear_outcome();
  peer->send(v1::CHANNEL_OUTCOMES, frame.request_id, frame.answer);
}

// What the entry gave to sessions and took from them, to the managers that they are attached to; what
// managers must know of queues, to all.
void ChannelService::send_pushes(Lsn index, const Effects& effects) {
  std::map<Incarnation, v1::ChannelGrants> by_manager;
  for (const Grant& grant : effects.grants)
    encode_grant(grant, by_manager[grant.manager].add_grant());
  for (const LostClaim& lost : effects.lost) encode_lost(lost, by_manager[lost.manager].add_lost());
  if (!effects.rules.empty()) {
    for (const auto& [manager, peer] : bound_) {
      for (const QueueRule& rule : effects.rules) encode_rule(rule, by_manager[manager].add_rule());
    }
  }
  metrics_.grants += effects.grants.size();
  for (auto& [manager, frame] : by_manager) push(manager, index, frame);
}

void ChannelService::push(Incarnation manager, Lsn index, v1::ChannelGrants& frame) {
  const auto bound = bound_.find(manager);
  Peer* peer = bound == bound_.end() ? nullptr : server_->find(bound->second);
  if (peer == nullptr) {
    metrics_.grants_unrouted += static_cast<std::uint64_t>(frame.grant_size());
    return;
  }
  frame.set_index(index.value());
  peer->send(v1::CHANNEL_GRANTS, 0, frame);
}

std::vector<Command> ChannelService::before_register(const v1::Register& request) const {
  std::vector<Command> commands{calendar_tick()};
  if (const auto offline = end_of_old_life(request)) end_life(*offline, commands);
  return commands;
}

// The last word of that life goes into the ledger with its end: what it said to be durable, a later
// register must have (R2), also if it was not reported yet.
void ChannelService::end_life(const ShardOffline& offline, std::vector<Command>& commands) const {
  if (const auto end = liveness_.durable_end(offline.shard)) {
    commands.emplace_back(Report{offline.shard, *end});
  }
  commands.emplace_back(offline);
}

// Adds no time, but says what day it is: a manager is up or down since then, and an idle ledger
// does not tick.
Tick ChannelService::calendar_tick() const {
  const MonoTime now = context_.loop.now();
  return {Millis(0), liveness_.median_wall(context_.loop.wall_now(), now)};
}

// A manager that was restarted need not wait until its old life counts as silent: the connection of
// that life is gone, and this one proves that the store is in new hands.
std::optional<ShardOffline> ChannelService::end_of_old_life(const v1::Register& request) const {
  for (const ManagerView& manager : host_.ledger().managers()) {
    for (const ShardView& shard : manager.shards) {
      if (shard.shard.value() != request.shard() || !shard.online) continue;
      const bool same_life =
          shard.epoch.value() == request.epoch() && shard.life == Life(from_wire(request.life()));
      const bool same_store = manager.store == StoreId(from_wire(request.store()));
      if (same_life || !same_store || bound_.contains(manager.incarnation)) return std::nullopt;
      return ShardOffline{shard.shard, shard.epoch, shard.life};
    }
  }
  return std::nullopt;
}

void ChannelService::on_applied(const Effects& effects) {
  if (effects.calendar_jumped) {
    context_.logger.error("calendar jumped by more than a minute");
  }
  ticks_.update();
  queries_.on_applied(effects);
  propose_continue_if_wanted();
}

void ChannelService::propose_continue_if_wanted() {
  if (phase_ != Phase::kServing || continue_in_flight_) return;
  if (!host_.ledger().wants_continue()) return;
  continue_in_flight_ = true;
  proposer_.push_own(Continue{}, [this](Lsn, const Outcome*) {
    continue_in_flight_ = false;
    propose_continue_if_wanted();
  });
}

// ---- time ----

void ChannelService::propose_tick(Tick tick, std::function<void()> done) {
  ++metrics_.ticks;
  proposer_.push_own(tick, [done = std::move(done)](Lsn, const Outcome*) { done(); });
}

void ChannelService::check_liveness() {
  const std::vector<ManagerView> managers = host_.ledger().managers();
  const std::vector<ShardOffline> silent = liveness_.check(context_.loop.now(), managers);
  if (!silent.empty()) proposer_.push_own(calendar_tick());
  for (const ShardOffline& offline : silent) {
    ++metrics_.shards_declared_offline;
    context_.logger.warn("shard silent, declared offline", {kv("shard", offline.shard)});
    std::vector<Command> commands;
    end_life(offline, commands);
    for (const Command& command : commands) proposer_.push_own(command);
  }
  // A manager that was declared offline while it only stood still must register again.
  for (const ManagerView& manager : managers) {
    const auto bound = bound_.find(manager.incarnation);
    if (manager.online || bound == bound_.end()) continue;
    if (Peer* peer = server_->find(bound->second)) {
      peer->close(
          Status(ErrorCode::kUnavailable, "declared offline after silence: register again"));
    }
  }
  liveness_timer_ = context_.loop.call_after(ManagerLiveness::kCheckInterval,
                                             gate_.on_loop([this] { check_liveness(); }));
}

// ---- the end ----

void ChannelService::drain(std::function<void()> done) {
  drained_ = std::move(done);
  drain_deadline_ = context_.loop.now() + kDrainPatience;
  ticks_.stop();
  server_->say_goodbye("the center is stopping");
  check_drained();
}

void ChannelService::check_drained() {
  if (!drained_ || closing_) return;
  if (proposer_.idle() || !host_.serving() || context_.loop.now() >= drain_deadline_) {
    context_.loop.cancel(std::exchange(liveness_timer_, 0));
    closing_ = true;
    return server_->drain(drained_);
  }
  context_.loop.call_after(kDrainCheckInterval, gate_.on_loop([this] { check_drained(); }));
}

}  // namespace baton::center
