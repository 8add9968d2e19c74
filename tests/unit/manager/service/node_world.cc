#include "tests/unit/manager/service/node_world.h"

#include <algorithm>
#include <utility>

#include "common/storage/batch_reader.h"
#include "common/storage/kv_store.h"

namespace baton::manager {
namespace {

const Uuid kProducer{3, 4};
const Uuid kSession{5, 6};

v1::Hello hello(v1::Role role) {
  v1::Hello message;
  message.set_version_min(1);
  message.set_version_max(1);
  message.set_role(role);
  message.set_software("test");
  message.mutable_cluster()->set_hi(77);
  message.mutable_cluster()->set_lo(77);
  return message;
}

}  // namespace

void LineLogger::write(LogLevel, std::string_view event, std::span<const LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) line += " " + std::string(field.key) + "=" + field.value;
  lines.push_back(std::move(line));
}

std::ptrdiff_t LineLogger::count(std::string_view event) const {
  return std::count_if(lines.begin(), lines.end(),
                       [event](const std::string& line) { return line.starts_with(event); });
}

// ---- FakePeer -----------------------------------------------------------------------------------

FakePeer::FakePeer(sim::SimScheduler& scheduler, sim::SimNetwork& network, const std::string& host)
    : scheduler_(scheduler),
      network_(network),
      host_(host),
      loop_(scheduler, host),
      transport_(network, loop_, host) {}

FakePeer::~FakePeer() {
  loop_.kill();
  network_.crash(host_, sim::Death::kProcess);
}

void FakePeer::connect(const Address& to) {
  bool failed = false;
  transport_.connect(to, std::chrono::seconds(1), [this, &failed](Result<ConnectionPtr> result) {
    failed = !result.ok();
    if (failed) return;
    connection_ = std::move(result).value();
    connection_->set_frame_bytes_max(kFrameBytesHardMax);
    connection_->start({[this](const Frame& frame) {
                          heard_.push_back({frame.type, frame.request_id,
                                            std::string(frame.metadata),
                                            std::string(frame.payload)});
                        },
                        [this](const Status&) { closed_ = true; }});
  });
  REQUIRE(scheduler_.run_until([&] { return failed || connection_ != nullptr; },
                               std::chrono::seconds(3)));
  REQUIRE_FALSE(failed);
}

void FakePeer::say(v1::FrameType type, std::uint64_t request,
                   const google::protobuf::MessageLite& message,
                   std::span<const std::string_view> payload) {
  connection_->send(type, request, message, payload);
}

void FakePeer::hang_up() {
  connection_->close(Status(ErrorCode::kUnavailable, "the test hangs up"));
}

FakePeer::Heard FakePeer::await(v1::FrameType type, std::uint64_t request) {
  Heard found;
  INFO("waiting for frame " << v1::FrameType_Name(type) << " of request " << request);
  REQUIRE(
      scheduler_.run_until([&] { return take(type, request, found); }, std::chrono::seconds(3)));
  return found;
}

bool FakePeer::take(v1::FrameType type, std::uint64_t request, Heard& out) {
  const auto found = std::find_if(heard_.begin(), heard_.end(), [&](const Heard& heard) {
    return heard.type == type && (request == 0 || heard.request == request);
  });
  if (found == heard_.end()) return false;
  out = std::move(*found);
  heard_.erase(found);
  return true;
}

bool FakePeer::has(v1::FrameType type) const {
  return std::any_of(heard_.begin(), heard_.end(),
                     [type](const Heard& heard) { return heard.type == type; });
}

bool FakePeer::await_close() {
  return scheduler_.run_until([this] { return closed_; }, std::chrono::seconds(3));
}

// ---- FakeManager --------------------------------------------------------------------------------

FakeManager::FakeManager(sim::SimScheduler& scheduler, sim::SimNetwork& network, Logger& logger,
                         Uuid cluster)
    : cluster_(cluster), loop_(scheduler, "peer"), transport_(network, loop_, "peer") {
  ServerOptions server_options;
  server_options.listen = {"peer", 7101};
  auto server = Server::open(loop_, transport_, logger, *this, server_options);
  REQUIRE(server.ok());
  server_ = std::move(server).value();
}

FakeManager::~FakeManager() { loop_.kill(); }

Result<v1::HelloOk> FakeManager::on_hello(Peer&, const v1::Hello&) {
  v1::HelloOk ok;
  ok.mutable_cluster()->set_hi(cluster_.hi);
  ok.mutable_cluster()->set_lo(cluster_.lo);
  return ok;
}

Status FakeManager::on_frame(Peer& peer, const Frame& frame) {
  if (frame.type == v1::PEER_BEAT) return parse_metadata(frame.metadata, beats.emplace_back());
  if (frame.type != v1::PEER_FETCH) return {};
  ++fetches;
  v1::PeerFetch request;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, request));
  v1::PeerFetched answer;
  std::vector<std::string_view> pieces;
  for (const std::uint64_t task : request.task()) {
    v1::FetchedItem& item = *answer.add_item();
    if (const auto code = codes.find(task); code != codes.end()) {
      item.set_code(code->second);
    } else {
      pieces.push_back(payloads[task]);
      item.set_length(static_cast<std::uint32_t>(pieces.back().size()));
      if (const auto given = options.find(task); given != options.end())
        *item.mutable_options() = given->second;
    }
  }
  for (const v1::FetchResult& result : request.result()) {
    v1::FetchedItem& item = *answer.add_item();
    if (const auto code = result_codes.find(result.task()); code != result_codes.end()) {
      item.set_code(code->second);
      continue;
    }
    pieces.push_back(results[result.task()]);
    item.set_length(static_cast<std::uint32_t>(pieces.back().size()));
    item.set_content_type(content_types[result.task()]);
  }
  if (answers) peer.send(v1::PEER_FETCHED, frame.request_id, answer, pieces);
  return {};
}

// ---- NodeWorld ----------------------------------------------------------------------------------

struct NodeWorld::Life {
  Life(sim::SimScheduler& scheduler, sim::SimNetwork& network)
      : loop(scheduler, "m1"),
        worker(loop, sim::SimWorker::Mode::kDelayed),
        transport(network, loop, "m1") {}
  sim::SimLoop loop;
  sim::SimWorker worker;
  sim::SimTransport transport;
  std::unique_ptr<ManagerNode> node;  // destroyed first
};

NodeWorld::NodeWorld() {
  options.listen = {"m1", 7101};
  options.centers = {{"center", 10000}};
  options.data = "/data";
  options.name = "m1";
  center.shard = kShard;
}

NodeWorld::~NodeWorld() {
  if (up()) life_->loop.kill();
}

void NodeWorld::enroll_peer() {
  v1::Member member;
  member.set_name("peer");
  member.set_address("peer:7101");
  member.set_online(true);
  member.add_shard(9);
  center.members = {member};
}

const ManagerMetrics& NodeWorld::metrics() const { return life_->node->metrics(); }

Status NodeWorld::start() {
  life_ = std::make_unique<Life>(scheduler, network);
  const NodeContext context{life_->loop, life_->worker, life_->transport, env, logger, 7};
  auto opened =
      ManagerNode::open(context, options, [this](const Status& status) { failure = status; });
  if (!opened.ok()) {
    life_.reset();
    return opened.status();
  }
  life_->node = std::move(opened).value();
  return {};
}

void NodeWorld::start_registered() {
  REQUIRE(start().ok());
  const std::size_t before = center.count(v1::Command::kRegister);
  until([&] { return center.count(v1::Command::kRegister) > before && !center.beats.empty(); });
}

void NodeWorld::kill() {
  life_->loop.kill();
  network.crash("m1", sim::Death::kProcess);
  env.stop();
  life_.reset();
  env.restart_after_kill();
  center.beats.clear();
}

void NodeWorld::cut_power() {
  life_->loop.kill();
  network.crash("m1", sim::Death::kProcess);
  env.stop();
  life_.reset();
  env.restart_after_power_cut();
  center.beats.clear();
}

void NodeWorld::spoil_batch(Lsn lsn, std::string_view text) {
  DurableEnv durable(env);
  const auto store = KvStore::open(durable, options.data + "/store");
  REQUIRE(store.ok());
  const std::string key = batch_key(kShard, lsn);
  std::string batch = store.value()->get(key).value();
  const std::size_t at = batch.find(text);
  REQUIRE(at != std::string::npos);
  batch[at] ^= 1;
  KvBatch change;
  change.put(key, batch);
  REQUIRE(store.value()->write(change).ok());
}

void NodeWorld::drain(bool* done) {
  life_->node->drain([done] { *done = true; });
}

void NodeWorld::until(const std::function<bool()>& done, Duration limit) {
  REQUIRE(scheduler.run_until(done, limit));
}

std::unique_ptr<FakePeer> NodeWorld::client(v1::Role role) {
  auto peer = std::make_unique<FakePeer>(scheduler, network, "client" + std::to_string(++clients_));
  peer->connect({"m1", 7101});
  peer->say(v1::HELLO, 1, hello(role));
  peer->hello_ok = peer->await_message<v1::HelloOk>(v1::HELLO_OK);
  return peer;
}

v1::Produce NodeWorld::produce_request(std::uint64_t seq,
                                       const std::vector<std::string>& payloads) {
  v1::Produce request;
  request.mutable_producer()->set_hi(kProducer.hi);
  request.mutable_producer()->set_lo(kProducer.lo);
  request.set_seq(seq);
  request.set_resolved_below(1);
  request.set_queue("mail");
  for (const std::string& payload : payloads) {
    request.add_length(static_cast<std::uint32_t>(payload.size()));
  }
  return request;
}

v1::Produced NodeWorld::produce(FakePeer& client, std::uint64_t seq,
                                const std::vector<std::string>& payloads) {
  const std::vector<std::string_view> pieces(payloads.begin(), payloads.end());
  client.say(v1::PRODUCE, 1000 + seq, produce_request(seq, payloads), pieces);
  return client.await_message<v1::Produced>(v1::PRODUCED, 1000 + seq);
}

v1::Produced NodeWorld::produce(FakePeer& client, v1::Produce request,
                                const std::vector<std::string>& payloads) {
  const std::vector<std::string_view> pieces(payloads.begin(), payloads.end());
  const std::uint64_t id = 5000 + ++requests_;
  client.say(v1::PRODUCE, id, request, pieces);
  return client.await_message<v1::Produced>(v1::PRODUCED, id);
}

std::map<std::uint64_t, v1::CreatedRun> NodeWorld::created_runs() const {
  std::map<std::uint64_t, v1::CreatedRun> runs;
  for (const v1::Command& command : center.commands) {
    if (!command.has_created()) continue;
    std::uint64_t at = command.created().from();
    for (const v1::CreatedRun& run : command.created().run()) {
      runs[at] = run;
      at += run.count();
    }
  }
  return runs;
}

v1::Attached NodeWorld::attach(FakePeer& client, std::uint64_t conn_epoch) {
  v1::Attach attach;
  attach.mutable_session()->set_hi(kSession.hi);
  attach.mutable_session()->set_lo(kSession.lo);
  attach.set_conn_epoch(conn_epoch);
  client.say(v1::ATTACH, 2000, attach);
  return client.await_message<v1::Attached>(v1::ATTACHED, 2000);
}

void NodeWorld::consume(FakePeer& client) {
  REQUIRE(attach(client).code() == v1::OK);
  v1::Demand demand;
  demand.set_line(1);
  demand.set_queue("mail");
  demand.set_lease_ms(30'000);
  demand.set_total(8);
  const std::size_t before = center.count(v1::Command::kDemand);
  client.say(v1::DEMAND, 2001, demand);
  until([&] { return center.count(v1::Command::kDemand) > before; });
}

v1::Grant NodeWorld::grant(std::uint64_t number, TaskId task, std::uint64_t conn_epoch) {
  v1::Grant grant;
  grant.mutable_session()->set_hi(kSession.hi);
  grant.mutable_session()->set_lo(kSession.lo);
  grant.set_conn_epoch(conn_epoch);
  grant.set_number(number);
  grant.set_line(1);
  grant.set_task(task.value());
  grant.set_token(1000 + number);
  grant.set_attempt(1);
  grant.set_lease_ms(30'000);
  return grant;
}

}  // namespace baton::manager
