#include "manager/service/manager_daemon.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

// Every kPingInterval: vital signs to the center and the peers. Rarer things on every n-th.
constexpr std::uint64_t kTicksPerMembers = 5;
constexpr Duration kMembersTimeout = std::chrono::seconds(2);
// Of the 10 s that a stop may take, so much for what is in flight; closing has its own limit.
constexpr Duration kDrainMax = std::chrono::seconds(6);
constexpr Duration kDrainStep = std::chrono::milliseconds(10);

}  // namespace

ManagerDaemon::ManagerDaemon(NodeContext context, ManagerOptions options,
                             std::function<void(const Status&)> on_failed)
    : node_(context),
      options_(std::move(options)),
      on_failed_(std::move(on_failed)),
      random_(context.seed),
      context_{context.loop, context.logger, random_, metrics_, alive_} {}

ManagerDaemon::~ManagerDaemon() = default;

// ---- start --------------------------------------------------------------------------------------

Status ManagerDaemon::start() {
  if (options_.centers.empty()) {
    return Status(ErrorCode::kInvalidArgument, "the address of the center is missing");
  }
  if (options_.payload_bytes_max == 0 || options_.payload_bytes_max > kPayloadBytesHardMax) {
    return Status(ErrorCode::kInvalidArgument, "the payload limit must be 1 byte to 16 MiB");
  }
  PayloadLog::Options log_options;
  log_options.sync_mode = options_.sync_mode;
  log_options.stretch_bytes = options_.stretch_bytes;
  BATON_ASSIGN_OR_RETURN(logs_, ShardLogs::open(node_, options_.data, random_, log_options));
  logs_->set_on_failed([this](const Status& status) { fail(status); });
  BATON_RETURN_IF_ERROR(open_server());
  BATON_RETURN_IF_ERROR(fix_name());
  build_parts();
  if (LogStore* log = logs_->active(); log != nullptr) {
    BATON_RETURN_IF_ERROR(on_shard_opened(*log));
  }
  link_->start();
  tick();
  return {};
}

Status ManagerDaemon::open_server() {
  ServerOptions options;
  options.listen = options_.listen;
  options.connections_max = options_.connections_max;
  options.payload_bytes_max = options_.payload_bytes_max;
  options.frame_bytes_max = frame_bytes_max_of(options_.payload_bytes_max);
  BATON_ASSIGN_OR_RETURN(server_,
                         Server::open(node_.loop, node_.transport, node_.logger, *this, options));
  members_.emplace(server_->address());
  return {};
}

// A manager's name is fixed at its first start; by default it is the address that it listens on.
Status ManagerDaemon::fix_name() {
  const std::string& kept = logs_->identity().name;
  if (!options_.name.empty() && !kept.empty() && options_.name != kept) {
    return Status(ErrorCode::kConflict, "this data directory belongs to the manager named " + kept);
  }
  if (!kept.empty()) return {};
  const std::string name = options_.name.empty() ? server_->address().to_string() : options_.name;
  BATON_RETURN_IF_ERROR(validate_manager_name(name));
  return logs_->set_name(name);
}

void ManagerDaemon::build_parts() {
  const std::size_t frame_bytes_max = frame_bytes_max_of(options_.payload_bytes_max);
  const auto may_append = [this] { return registrar_->may_append(); };

  CenterLink::Events link_events;
  link_events.on_open = [this] { on_center_open(); };
  link_events.on_closed = [this] { on_center_closed(); };
  link_events.on_grants = [this](const v1::ChannelGrants& grants) {
    rules_->on_rules(grants);
    sessions_->on_grants(grants);
  };
  link_events.on_foreign = [this](const Status& status) { fail(status); };
  link_ = std::make_unique<CenterLink>(context_, node_.transport, *logs_, options_.centers,
                                       random_.next(), std::move(link_events));

  Registrar::Events registrar_events;
  registrar_events.on_shard_opened = [this](LogStore& log) {
    if (const Status status = on_shard_opened(log); !status.ok()) fail(status);
  };
  registrar_events.on_registered = [this](Incarnation incarnation, Offset created_hi) {
    on_registered(incarnation, created_hi);
  };
  registrar_events.on_failed = [this](const Status& status) { fail(status); };
  registrar_ = std::make_unique<Registrar>(context_, *link_, *logs_, server_->address().to_string(),
                                           std::move(registrar_events));

  CreatedLane::Events lane_events;
  lane_events.on_reported = [this](ShardId shard, Offset created_hi,
                                   const std::vector<MovedWinner>& winners) {
    collector_->set_created_hi(shard, created_hi);
    rules_->reported(created_hi);
    produce_->reported(shard, created_hi, winners);
  };
  lane_events.on_stuck = [this] { register_again(); };
  lane_events.on_failed = [this](const Status& status) { fail(status); };
  lane_ = std::make_unique<CreatedLane>(context_, *link_, std::move(lane_events));
  sealed_ = std::make_unique<SealedShards>(context_, *logs_, *link_);
  damage_ = std::make_unique<DamageReports>(context_, *logs_, *sealed_, *link_);

  rules_ = std::make_unique<QueueRules>(context_, *link_);
  peer_links_ = std::make_unique<PeerLinks>(context_, node_.transport, *logs_, *members_,
                                            [this] { refresh_members(); });
  records_ = std::make_unique<RecordSource>(context_, *logs_, *peer_links_);
  copies_ = std::make_unique<TaskCopies>(context_, *logs_, *link_, *records_);
  ProduceService::Options produce_options;
  produce_options.payload_bytes_max = options_.payload_bytes_max;
  produce_options.dedup.producers_max = options_.producers_max;
  produce_ = std::make_unique<ProduceService>(context_, *lane_, *rules_, *copies_, may_append,
                                              produce_options);
  peers_ = std::make_unique<PeerService>(context_, *logs_, frame_bytes_max);
  sessions_ =
      std::make_unique<SessionService>(context_, *logs_, *link_, relay_, results_, may_append);
  courier_ = std::make_unique<Courier>(context_, *logs_, *peer_links_, *records_, relay_,
                                       frame_bytes_max, [this] { sessions_->changed(); });
  queries_ = std::make_unique<QueryService>(context_, *logs_, *link_, *records_, *members_);
  acts_ = std::make_unique<ActService>(context_, *logs_, *peer_links_, *link_,
                                       [this] { return registrar_->registered(); });
  collector_ = std::make_unique<GarbageCollector>(context_, *logs_, *link_, results_);
  audit_ =
      std::make_unique<LiveAudit>(context_, *logs_, *link_, [this] { return collector_->busy(); });

  produce_->set_server(*server_);
  peers_->set_server(*server_);
  sessions_->set_server(*server_);
  sessions_->set_courier(*courier_);
  courier_->set_server(*server_);
  queries_->set_server(*server_);
  acts_->set_server(*server_);
}

// Fail-stop: nothing that follows may be told to anybody (I15). Once.
void ManagerDaemon::fail(const Status& status) {
  auto on_failed = std::exchange(on_failed_, nullptr);
  if (!on_failed) return;
  on_failed(status);
}

// ---- peers and clients --------------------------------------------------------------------------

Result<v1::HelloOk> ManagerDaemon::on_hello(Peer&, const v1::Hello& hello) {
  const Identity& identity = logs_->identity();
  if (hello.role() == v1::ROLE_MANAGER) {
    if (!identity.cluster || ClusterId(from_wire(hello.cluster())) != identity.cluster) {
      return Status(ErrorCode::kDenied, "this manager belongs to another cluster");
    }
  } else if (hello.role() != v1::ROLE_CLIENT) {
    return Status(ErrorCode::kInvalidArgument, "HELLO needs the role of a client or a manager");
  }
  v1::HelloOk ok;
  if (identity.cluster) to_wire(identity.cluster, ok.mutable_cluster());
  ok.set_name(identity.name);
  for (const std::string& address : members_->addresses()) ok.add_manager(address);
  LogStore* log = logs_->active();
  const bool may_store = registrar_->may_append() && rules_->known();
  if (log != nullptr && may_store) ok.set_shard(log->shard().value());
  return ok;
}

Status ManagerDaemon::on_frame(Peer& peer, const Frame& frame) {
  return peer.role() == v1::ROLE_MANAGER ? on_manager_frame(peer, frame)
                                         : on_client_frame(peer, frame);
}

Status ManagerDaemon::on_client_frame(Peer& peer, const Frame& frame) {
  switch (frame.type) {
    case v1::PRODUCE:
      return produce_->on_produce(peer, frame);
    case v1::PRODUCER_RESOLVED:
      return on_producer_resolved(peer, frame);
    case v1::ATTACH:
      return sessions_->on_attach(peer, frame);
    case v1::DEMAND:
      return sessions_->on_demand(peer, frame);
    case v1::END_WAIT:
      return sessions_->on_end_wait(peer, frame);
    case v1::OPERATIONS:
      return sessions_->on_operations(peer, frame);
    case v1::HEARTBEAT:
      return sessions_->on_heartbeat(peer, frame);
    case v1::ACT:
      return acts_->on_act(peer, frame);
    case v1::QUERY:
      return queries_->on_query(peer, frame);
    default:
      peer.refuse_type(frame);
      return {};
  }
}

Status ManagerDaemon::on_manager_frame(Peer& peer, const Frame& frame) {
  switch (frame.type) {
    case v1::PEER_FETCH:
      return peers_->on_fetch(peer, frame);
    case v1::PEER_BEAT:
      return peers_->on_beat(frame);
    default:
      peer.refuse_type(frame);
      return {};
  }
}

// The producer needs no answer, and forgetting late does no harm: nothing repeats it.
Status ManagerDaemon::on_producer_resolved(Peer& peer, const Frame& frame) {
  v1::ProducerResolved resolved;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, resolved));
  const ProducerId producer(from_wire(resolved.producer()));
  if (!producer) return {};
  produce_->resolve(peer.id(), producer, ProducerSeq(resolved.resolved_below()));
  if (!registrar_->registered()) return {};
  v1::ChannelCommands commands;
  v1::ProducerDone& done = *commands.add_command()->mutable_producer_done();
  *done.mutable_producer() = resolved.producer();
  done.set_resolved_below(resolved.resolved_below());
  link_->send(commands, [](const Status&, const v1::ChannelOutcomes&) {});
  return {};
}

void ManagerDaemon::on_closed(Peer& peer, const Status&) {
  if (peer.role() != v1::ROLE_CLIENT) return;
  produce_->on_closed(peer.id());
  sessions_->on_closed(peer.id());
  courier_->go_on(peer.id());
}

void ManagerDaemon::on_drained(Peer& peer) {
  if (peer.role() == v1::ROLE_CLIENT) courier_->go_on(peer.id());
}

// ---- the center ---------------------------------------------------------------------------------

void ManagerDaemon::on_center_open() { registrar_->channel_open(); }

void ManagerDaemon::on_center_closed() {
  registrar_->channel_closed();
  lane_->channel_closed();
  sealed_->channel_closed();
  rules_->channel_closed();
  sessions_->channel_down();
}

Status ManagerDaemon::on_shard_opened(LogStore& log) {
  lane_->open(log);
  rules_->shard_changed();
  return produce_->open(log);
}

void ManagerDaemon::on_registered(Incarnation incarnation, Offset created_hi) {
  node_.logger.info("registered",
                    {kv("shard", logs_->active()->shard()), kv("epoch", logs_->active()->epoch()),
                     kv("incarnation", incarnation), kv("created_hi", created_hi)});
  send_reports();
  lane_->registered(created_hi);
  sealed_->registered();
  rules_->registered();
  sessions_->channel_up();
  refresh_members();
  beat();
}

// The ledger does not take us for who we are: what it thinks is learned by registering anew.
void ManagerDaemon::register_again() {
  link_->reconnect(
      Status(ErrorCode::kConflict, "the center does not accept what this manager reports"));
}

// What peers heard of their neighbours, before any of those registers with less (R2).
void ManagerDaemon::send_reports() {
  v1::ChannelCommands commands;
  for (const auto& [shard, end] : peers_->durable_ends()) {
    if (logs_->find(shard) != nullptr ||
        commands.command_size() >= static_cast<int>(kBatchItemsMax))
      continue;
    v1::Report& report = *commands.add_command()->mutable_report();
    report.set_shard(shard.value());
    report.set_durable_end(end.value());
  }
  if (commands.command_size() > 0)
    link_->send(commands, [](const Status&, const v1::ChannelOutcomes&) {});
}

void ManagerDaemon::refresh_members() {
  if (asking_members_ || !link_->is_open()) return;
  asking_members_ = true;
  v1::ChannelQuery query;
  query.mutable_members();
  link_->query(query, kMembersTimeout,
               [this](const Status& status, const v1::ChannelAnswer& answer) {
                 asking_members_ = false;
                 if (!status.ok() || answer.code() != v1::OK) return;
                 members_->update(answer.members());
                 peer_links_->update();
               });
}

// ---- time ---------------------------------------------------------------------------------------

void ManagerDaemon::tick() {
  ++ticks_;
  produce_->set_disk_low(logs_->disk_free_bytes() < options_.disk_free_min);
  if (registrar_->registered()) {
    beat();
    rules_->tick();
    damage_->tick();
    collector_->tick();
    audit_->tick();
    if (ticks_ % kTicksPerMembers == 0) refresh_members();
  }
  peer_links_->beat();
  context_.call_after(kPingInterval, [this] { tick(); });
}

void ManagerDaemon::beat() {
  LogStore* log = logs_->active();
  v1::ChannelBeat beat;
  beat.set_incarnation(link_->incarnation().value());
  beat.set_shard(log->shard().value());
  beat.set_wall_ms(node_.loop.wall_now().ms);
  beat.set_durable_end(log->durable_end().value());
  beat.set_sessions(relay_.sessions());
  link_->send_beat(beat);
}

// ---- stop ---------------------------------------------------------------------------------------

void ManagerDaemon::drain(std::function<void()> done) {
  drained_ = std::move(done);
  drain_deadline_ = node_.loop.now() + kDrainMax;
  server_->say_goodbye("the manager is stopping");
  produce_->drain();
  sessions_->drain();
  queries_->drain();
  acts_->drain();
  drain_step();
}

void ManagerDaemon::drain_step() {
  // Without a center there is nothing to wait for but local writes.
  const bool center_is_there = registrar_->registered();
  const bool idle = produce_->idle() && courier_->idle() && (sessions_->idle() || !center_is_there);
  if (!idle && node_.loop.now() < drain_deadline_) {
    context_.call_after(kDrainStep, [this] { drain_step(); });
    return;
  }
  server_->drain(context_.guarded([this] {
    link_->stop();
    peer_links_->stop();
    drained_();
  }));
}

}  // namespace baton::manager
