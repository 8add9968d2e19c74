#include "tests/unit/center_service/center_fixture.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "center/storage/wire_values.h"

namespace baton::center::testing {

void CapturingLogger::write(LogLevel, std::string_view event, std::span<const LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) line += " " + std::string(field.key) + "=" + field.value;
  lines.push_back(std::move(line));
}

std::size_t CapturingLogger::find(std::string_view text) const {
  const auto found = std::find_if(lines.begin(), lines.end(), [text](const std::string& line) {
    return line.find(text) != std::string::npos;
  });
  return static_cast<std::size_t>(found - lines.begin());
}

// ---- TestManager ----

TestManager::TestManager(sim::SimScheduler& scheduler, sim::SimNetwork& network, Logger& logger,
                         const std::string& manager_name)
    : name(manager_name),
      scheduler_(scheduler),
      logger_(logger),
      random_(std::hash<std::string>{}(manager_name)),
      loop_(scheduler, manager_name),
      transport_(network, loop_, manager_name) {
  store = StoreId(random_.uuid());
  life = Life(random_.uuid());
}

TestManager::~TestManager() { channel_.reset(); }

void TestManager::start(const Address& center) {
  // Request ids begin anew with the channel.
  outcomes_.clear();
  answers_.clear();
  ChannelOptions options;
  options.addresses = {center};
  options.role = v1::ROLE_MANAGER;
  ChannelEvents events;
  events.fill_hello = [this](v1::Hello& hello) {
    if (cluster) to_wire(cluster, hello.mutable_cluster());
    hello.set_name(name);
    to_wire(store, hello.mutable_store());
    hello.set_generation_seen(generation_seen);
    hello.set_index_seen(index_seen);
  };
  events.on_open = [](const v1::HelloOk&) { return Status(); };
  events.on_frame = [this](const Frame& frame) { on_frame(frame); };
  events.on_closed = [this](const Status&) { ++closed; };
  events.on_failed = [this](const Status& status) { failures.push_back(status); };
  channel_ = Channel::create(loop_, transport_, logger_, random_.next(), std::move(options),
                             std::move(events));
  channel_->start();
  beating_ = true;
  beat();
}

void TestManager::disconnect() {
  if (channel_) channel_->stop(Status(ErrorCode::kUnavailable, "the test said so"));
}

void TestManager::beat() {
  if (!beating_) return;
  if (incarnation && is_open()) {
    v1::ChannelBeat message;
    message.set_incarnation(incarnation.value());
    message.set_shard(shard.value());
    message.set_wall_ms(loop_.wall_now().ms);
    message.set_durable_end(durable_end.value());
    channel_->send(v1::CHANNEL_BEAT, 0, message);
  }
  loop_.call_after(200ms, [this] { beat(); });
}

void TestManager::on_frame(const Frame& frame) {
  switch (frame.type) {
    case v1::CHANNEL_OUTCOMES: {
      order.emplace_back("outcomes");
      v1::ChannelOutcomes& outcomes = outcomes_[frame.request_id];
      REQUIRE(parse_metadata(frame.metadata, outcomes).ok());
      index_seen = std::max(index_seen, outcomes.index());
      generation_seen = outcomes.generation();
      break;
    }
    case v1::CHANNEL_ANSWER:
      REQUIRE(parse_metadata(frame.metadata, answers_[frame.request_id]).ok());
      break;
    case v1::CHANNEL_GRANTS: {
      order.emplace_back("grants");
      v1::ChannelGrants message;
      REQUIRE(parse_metadata(frame.metadata, message).ok());
      grants.insert(grants.end(), message.grant().begin(), message.grant().end());
      break;
    }
    default:
      break;
  }
}

std::uint64_t TestManager::post_commands(const std::vector<v1::Command>& commands) {
  v1::ChannelCommands frame;
  frame.set_incarnation(incarnation.value());
  for (const v1::Command& command : commands) *frame.add_command() = command;
  const std::uint64_t request = channel_->next_request_id();
  channel_->send(v1::CHANNEL_COMMANDS, request, frame);
  return request;
}

void TestManager::send_without_waiting(const std::vector<v1::Command>& commands) {
  post_commands(commands);
}

v1::ChannelOutcomes TestManager::send(const std::vector<v1::Command>& commands) {
  const auto answer = try_send(commands);
  REQUIRE(answer);
  return *answer;
}

std::optional<v1::ChannelOutcomes> TestManager::try_send(const std::vector<v1::Command>& commands) {
  const std::uint64_t request = post_commands(commands);
  const int closed_before = closed;
  scheduler_.run_until([&] { return outcomes_.contains(request) || closed != closed_before; }, 10s);
  const auto answer = outcomes_.find(request);
  if (answer == outcomes_.end()) return std::nullopt;
  return answer->second;
}

v1::ChannelAnswer TestManager::ask(const v1::ChannelQuery& query) {
  return await_answer(post_query(query));
}

std::optional<v1::ChannelAnswer> TestManager::try_ask(const v1::ChannelQuery& query) {
  return try_await(post_query(query));
}

std::uint64_t TestManager::post_query(const v1::ChannelQuery& query) {
  const std::uint64_t request = channel_->next_request_id();
  channel_->send(v1::CHANNEL_QUERY, request, query);
  return request;
}

v1::ChannelAnswer TestManager::await_answer(std::uint64_t request) {
  const auto answer = try_await(request);
  REQUIRE(answer);
  return *answer;
}

std::optional<v1::ChannelAnswer> TestManager::try_await(std::uint64_t request) {
  const int closed_before = closed;
  scheduler_.run_until([&] { return answers_.contains(request) || closed != closed_before; }, 30s);
  const auto answer = answers_.find(request);
  if (answer == answers_.end()) return std::nullopt;
  return answer->second;
}

v1::ChannelAnswer TestManager::ask_client(const v1::Query& query) {
  return await_answer(post_client_query(query));
}

std::uint64_t TestManager::post_client_query(const v1::Query& query) {
  v1::ChannelQuery wrapped;
  *wrapped.mutable_query() = query;
  wrapped.set_timeout_ms(query.timeout_ms());
  return post_query(wrapped);
}

void TestManager::join() {
  v1::Command command;
  to_wire(store, command.mutable_enroll()->mutable_store());
  command.mutable_enroll()->set_name(name);
  command.mutable_enroll()->set_address(name + ":7101");
  const v1::ChannelOutcomes enrolled = send({command});
  REQUIRE(enrolled.code() == v1::OK);
  REQUIRE(enrolled.outcome(0).enroll().code() == v1::OK);
  shard = ShardId(enrolled.outcome(0).enroll().shard());
  cluster = ClusterId(from_wire(enrolled.outcome(0).enroll().cluster()));
  REQUIRE(register_again().result() == v1::REGISTERED);
}

v1::Command TestManager::register_command(Offset created_hi_seen) const {
  v1::Command command;
  v1::Register* request = command.mutable_register_();
  request->set_shard(shard.value());
  to_wire(store, request->mutable_store());
  request->set_epoch(epoch);
  to_wire(life, request->mutable_life());
  request->set_next_offset(next_offset.value());
  request->set_created_hi_seen(created_hi_seen.value());
  request->set_crc_below(crc);
  request->set_address(name + ":7101");
  return command;
}

v1::RegisterOutcome TestManager::register_again() {
  const auto outcome = try_register(next_offset);
  REQUIRE(outcome);
  return *outcome;
}

std::optional<v1::RegisterOutcome> TestManager::try_register(Offset created_hi_seen) {
  incarnation = {};
  const auto outcomes = try_send({register_command(created_hi_seen)});
  if (!outcomes || outcomes->code() != v1::OK) return std::nullopt;
  incarnation = Incarnation(outcomes->outcome(0).register_().incarnation());
  return outcomes->outcome(0).register_();
}

// ---- CenterWorld ----

CenterWorld::CenterWorld(std::uint64_t seed)
    : scheduler(seed), network(scheduler), env({.seed = seed}) {
  options.listen = Address{"center", 0};
  options.data = "/center";
  options.disk_free_min = 1 << 20;
}

CenterWorld::~CenterWorld() {
  managers.clear();
  center.reset();
  transport.reset();
  worker.reset();
  loop.reset();
}

Status CenterWorld::start_center() {
  loop = std::make_unique<sim::SimLoop>(scheduler, "center");
  worker = std::make_unique<sim::SimWorker>(*loop, worker_mode, sync_delay_max);
  transport = std::make_unique<sim::SimTransport>(network, *loop, "center");
  NodeContext context{*loop, *worker, *transport, env, logger, scheduler.random().next()};
  BATON_ASSIGN_OR_RETURN(center, CenterNode::open(context, options, [this](const Status& status) {
                           failures.push_back(status);
                         }));
  options.listen = center->address();
  return Status();
}

void CenterWorld::kill_center(sim::Death death) {
  loop->kill();
  network.crash("center", death);
  env.stop();
  center.reset();
  transport.reset();
  worker.reset();
  loop.reset();
  if (death == sim::Death::kMachine) {
    network.revive("center");
    env.restart_after_power_cut();
  } else {
    env.restart_after_kill();
  }
}

void CenterWorld::restart_center() {
  kill_center();
  REQUIRE(start_center().ok());
}

TestManager& CenterWorld::add_manager(const std::string& name) {
  managers.push_back(std::make_unique<TestManager>(scheduler, network, logger, name));
  managers.back()->start(options.listen);
  return *managers.back();
}

TestManager& CenterWorld::join_manager(const std::string& name) {
  TestManager& manager = add_manager(name);
  REQUIRE(scheduler.run_until([&] { return manager.is_open(); }, 10s));
  manager.join();
  return manager;
}

void CenterWorld::reconnect(TestManager& manager) {
  manager.disconnect();
  run(50ms);
  manager.start(options.listen);
  REQUIRE(scheduler.run_until([&] { return manager.is_open(); }, 10s));
}

// ---- commands ----

v1::Command created(const TestManager& manager, Offset from, std::uint32_t count,
                    const std::string& queue) {
  v1::Command command;
  v1::Created* report = command.mutable_created();
  report->set_shard(manager.shard.value());
  report->set_epoch(manager.epoch);
  report->set_from(from.value());
  report->set_durable_end(from.value() + count);
  report->set_crc_last(static_cast<std::uint32_t>(from.value() + count) * 31);
  v1::CreatedRun* run = report->add_run();
  run->set_count(count);
  run->set_queue(queue);
  run->set_priority(5);
  return command;
}

v1::Command attach(SessionId session, std::uint64_t conn_epoch, const std::vector<Token>& held) {
  v1::Command command;
  to_wire(session, command.mutable_attach()->mutable_session());
  command.mutable_attach()->set_conn_epoch(conn_epoch);
  for (const Token token : held) command.mutable_attach()->add_held(token.value());
  command.mutable_attach()->set_consumer("test");
  return command;
}

v1::Command demand(SessionId session, std::uint64_t conn_epoch, std::uint32_t line,
                   const std::string& queue, std::uint64_t total, Millis lease) {
  v1::Command command;
  v1::SessionDemand* wait = command.mutable_demand();
  to_wire(session, wait->mutable_session());
  wait->set_conn_epoch(conn_epoch);
  wait->set_line(line);
  wait->set_queue(queue);
  wait->set_total(total);
  wait->set_lease_ms(static_cast<std::uint32_t>(lease.count()));
  return command;
}

v1::Command ack(SessionId session, std::uint64_t seq, const v1::Grant& grant) {
  v1::Command command;
  to_wire(session, command.mutable_operations()->mutable_session());
  v1::LedgerOperation* operation = command.mutable_operations()->add_operation();
  operation->set_seq(seq);
  operation->set_kind(v1::ACK);
  operation->set_task(grant.task());
  operation->set_token(grant.token());
  return command;
}

v1::Command heartbeat(SessionId session, const std::vector<std::uint64_t>& tokens) {
  v1::Command command;
  to_wire(session, command.mutable_heartbeat()->mutable_session());
  for (const std::uint64_t token : tokens) command.mutable_heartbeat()->add_token(token);
  return command;
}

}  // namespace baton::center::testing
