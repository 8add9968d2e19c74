// T8, the manager's side: what a center and the other managers may answer and say unasked, against a
// whole manager with an honest client. Whatever they say, the manager does not crash, no client ever
// gets bytes for a task that are not its own, and the data directory opens again.
//
//   input: steps, each an u8 and what it needs; kSteps below names them.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/peer.pb.h"

#include "common/net/server.h"
#include "tests/fuzz/manager_world.h"

namespace baton::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 48;
constexpr Uuid kCluster{77, 77};
constexpr Uuid kSession{5, 6};
constexpr Uuid kProducer{3, 4};
constexpr std::string_view kQueue = "mail";

// A client that does everything right.
class HonestClient {
 public:
  explicit HonestClient(ManagerWorld& world)
      : world_(world),
        peer_(world.scheduler, world.network, "client",
              [this](const RawFrame& frame) { hear(frame); }) {}

  void connect() {
    line_ = 0;
    claims_.clear();
    if (!peer_.connect(world_.address(), make_hello(v1::ROLE_CLIENT))) return;
    v1::Attach attach;
    attach.mutable_session()->set_hi(kSession.hi);
    attach.mutable_session()->set_lo(kSession.lo);
    attach.set_conn_epoch(++conn_epoch_);
    peer_.send(v1::ATTACH, ++request_, attach);
  }

  void produce(std::uint64_t count, bool moved) {
    v1::Produce request;
    request.mutable_producer()->set_hi(kProducer.hi);
    request.mutable_producer()->set_lo(kProducer.lo);
    request.set_seq(next_seq_);
    request.set_resolved_below(1);
    request.set_queue(std::string(kQueue));
    request.set_moved(moved);
    request.set_timeout_ms(1000);
    Asked& asked = asked_[++request_];
    asked.moved = moved;
    std::string payload;
    for (std::uint64_t i = 0; i < count; ++i) {
      asked.payloads.push_back("payload " + std::to_string(next_seq_++) +
                               std::string(i * 300, 'p'));
      request.add_length(static_cast<std::uint32_t>(asked.payloads.back().size()));
      payload += asked.payloads.back();
    }
    peer_.send(v1::PRODUCE, request_, request, payload);
  }

  void demand() {
    v1::Demand demand;
    demand.set_line(++line_);
    demand.set_queue(std::string(kQueue));
    demand.set_lease_ms(30'000);
    demand.set_total(1000);
    peer_.send(v1::DEMAND, ++request_, demand);
  }

  void end_wait() {
    v1::EndWait end_wait;
    end_wait.set_line(line_);
    peer_.send(v1::END_WAIT, ++request_, end_wait);
  }

  void acknowledge(bool with_result) {
    if (claims_.empty()) return;
    v1::Operations operations;
    v1::Operation& ack = *operations.add_operation();
    ack.set_seq(++next_op_);
    ack.set_kind(v1::ACK);
    ack.set_task(claims_.back().task());
    ack.set_token(claims_.back().token());
    const std::string result = with_result ? "result" : "";
    ack.set_length(static_cast<std::uint32_t>(result.size()));
    claims_.pop_back();
    peer_.send(v1::OPERATIONS, ++request_, operations, result);
  }

  void save(std::size_t checkpoint_bytes) {
    if (claims_.empty()) return;
    v1::Operations operations;
    v1::Operation& save = *operations.add_operation();
    save.set_seq(++next_op_);
    save.set_kind(v1::SAVE);
    save.set_task(claims_.back().task());
    save.set_token(claims_.back().token());
    save.set_percent(50);
    const std::string checkpoint(checkpoint_bytes, 'c');
    save.set_checkpoint(!checkpoint.empty());
    save.set_length(static_cast<std::uint32_t>(checkpoint.size()));
    peer_.send(v1::OPERATIONS, ++request_, operations, checkpoint);
  }

  void act(std::size_t action, std::uint64_t offset) {
    v1::Act act;
    act.set_action(static_cast<v1::TaskAction>(action));
    act.add_task(TaskId(ShardId(ManagerWorld::kShard), Offset(offset)).value());
    act.set_timeout_ms(300);
    acting_on_[++request_] = act.task_size();
    peer_.send(v1::ACT, request_, act);
  }

  void heartbeat() {
    v1::Heartbeat beat;
    for (const v1::Delivery& claim : claims_) beat.add_token(claim.token());
    peer_.send(v1::HEARTBEAT, ++request_, beat);
  }

  void query(std::string_view bytes) {
    v1::Query query;
    if (!parse_metadata(bytes, query).ok()) return;
    query.set_timeout_ms(500);
    peer_.send(v1::QUERY, ++request_, query);
  }

  // What was stored here under a plain request; never changes.
  [[nodiscard]] const std::map<std::uint64_t, std::string>& stored() const { return stored_; }

 private:
  struct Asked {
    bool moved = false;
    std::vector<std::string> payloads;
  };

  void hear(const RawFrame& frame) {
    if (frame.type == v1::PRODUCED) hear_produced(frame);
    if (frame.type == v1::TASKS) hear_tasks(frame);
    if (frame.type == v1::ACTED) hear_acted(frame);
  }

  void hear_acted(const RawFrame& frame) {
    v1::Acted acted;
    FUZZ_CHECK(frame.parse(acted), "ACTED cannot be read");
    std::uint64_t tasks = 0;
    for (const v1::ActedRun& run : acted.run()) tasks += run.count();
    FUZZ_CHECK(tasks == static_cast<std::uint64_t>(acting_on_[frame.request]),
               "ACTED has not one outcome per task");
  }

  void hear_produced(const RawFrame& frame) {
    v1::Produced produced;
    FUZZ_CHECK(frame.parse(produced), "PRODUCED cannot be read");
    const Asked& asked = asked_[frame.request];
    std::size_t item = 0;
    for (const v1::ProducedRun& run : produced.run()) {
      for (std::uint32_t i = 0; i < run.count(); ++i, ++item) {
        FUZZ_CHECK(item < asked.payloads.size(), "more outcomes than items");
        // The center decides where the moved ones are, and this one lies.
        if (run.code() != v1::OK || asked.moved) continue;
        const std::uint64_t task = run.first_task() + i;
        const auto [known, fresh] = stored_.emplace(task, asked.payloads[item]);
        FUZZ_CHECK(fresh || known->second == asked.payloads[item], "two payloads have one task");
      }
    }
  }

  void hear_tasks(const RawFrame& frame) {
    v1::Tasks tasks;
    FUZZ_CHECK(frame.parse(tasks), "TASKS cannot be read");
    std::size_t at = 0;
    for (const v1::Delivery& delivery : tasks.delivery()) {
      const std::uint64_t bytes = std::uint64_t{delivery.length()} + delivery.checkpoint_length();
      FUZZ_CHECK(bytes <= frame.payload.size() - at, "TASKS has too few bytes");
      const std::string payload = frame.payload.substr(at, delivery.length());
      at += bytes;
      const auto known = stored_.find(delivery.task());
      FUZZ_CHECK(known == stored_.end() || known->second == payload, "another task's payload came");
      claims_.push_back(delivery);
    }
    FUZZ_CHECK(at == frame.payload.size(), "TASKS has too many bytes");
  }

  ManagerWorld& world_;
  std::map<std::uint64_t, Asked> asked_;  // by request id
  std::map<std::uint64_t, std::string> stored_;
  std::vector<v1::Delivery> claims_;
  std::map<std::uint64_t, int> acting_on_;  // tasks, by request id
  std::uint64_t request_ = 10;
  std::uint64_t conn_epoch_ = 0;
  std::uint32_t line_ = 0;
  std::uint64_t next_seq_ = 1;
  std::uint64_t next_op_ = 0;
  RawPeer peer_;  // last: it is destroyed before what its frames need
};

// Another manager, that answers fetches with what the story says.
class HostilePeer final : private ServerHandler {
 public:
  explicit HostilePeer(ManagerWorld& world)
      : loop_(world.scheduler, "peer"), transport_(world.network, loop_, "peer") {
    ServerOptions options;
    options.listen = {"peer", 7101};
    auto server = Server::open(loop_, transport_, world.logger, *this, options);
    FUZZ_CHECK(server.ok(), "the peer does not listen");
    server_ = std::move(server).value();
  }
  ~HostilePeer() override { loop_.kill(); }

  std::optional<RawFrame> next_answer;  // to the next fetch

 private:
  Result<v1::HelloOk> on_hello(Peer&, const v1::Hello&) override {
    v1::HelloOk ok;
    ok.mutable_cluster()->set_hi(kCluster.hi);
    ok.mutable_cluster()->set_lo(kCluster.lo);
    return ok;
  }
  Status on_frame(Peer& peer, const Frame& frame) override {
    if (!next_answer) return {};
    const std::string_view payload = next_answer->payload;
    peer.send(next_answer->type, frame.request_id, RawMetadata(next_answer->metadata),
              std::span(&payload, 1));
    next_answer.reset();
    return {};
  }
  void on_closed(Peer&, const Status&) override {}

  sim::SimLoop loop_;
  sim::SimTransport transport_;
  std::unique_ptr<Server> server_;
};

class Story {
 public:
  explicit Story(FuzzInput in) : in_(in) {
    world_.center.tells_lies = true;
    world_.start();
    v1::Member& other = world_.center.members.emplace_back();
    other.set_name("peer");
    other.set_address("peer:7101");
    other.set_online(true);
    other.add_shard(9);
    client_.connect();
  }

  void run() {
    for (std::size_t i = 0; i < kStepsMax && !in_.empty() && world_.failure().ok(); ++i) {
      (this->*kSteps[in_.below(std::size(kSteps))])();
      world_.scheduler.run_for(1ms);
    }
    if (world_.failure().ok()) world_.scheduler.run_for(2s);
    // A foreign cluster, say, ends the manager; its data stays.
    const Status restarted = world_.restart();
    FUZZ_CHECK(restarted.ok(), "the manager does not start again: " + restarted.to_string());
    world_.scheduler.run_for(10ms);
    check_stored();
  }

 private:
  // ---- what the center does ----
  void center_frame() {
    const RawFrame frame = RawFrame::read(in_);
    world_.center.say(frame.type, frame.request, RawMetadata(frame.metadata));
  }
  template <class Message>
  void script(std::deque<Message>& where) {
    Message message;
    if (parse_metadata(in_.sized(), message).ok()) where.push_back(std::move(message));
  }
  void script_register() { script(world_.center.register_script); }
  void script_enroll() { script(world_.center.enroll_script); }
  void script_attach() { script(world_.center.attach_script); }
  void script_heartbeat() { script(world_.center.heartbeat_script); }
  void script_resync() {
    v1::ResyncState state;
    if (parse_metadata(in_.sized(), state).ok()) world_.center.resyncs[kSession.lo] = state;
  }
  void script_members() {
    v1::MembersAnswer answer;
    if (!parse_metadata(in_.sized(), answer).ok()) return;
    world_.center.members.assign(answer.member().begin(), answer.member().end());
  }
  void script_live() {
    v1::LiveAnswer answer;
    if (!parse_metadata(in_.sized(), answer).ok()) return;
    world_.center.on_live = [answer](const v1::Live&) { return answer; };
  }
  void script_query() {
    v1::ChannelAnswer answer;
    if (!parse_metadata(in_.sized(), answer).ok()) return;
    world_.center.on_query = [answer](const v1::Query&) { return answer; };
  }
  void script_winner() {
    const std::uint64_t offset = in_.odd_number();
    world_.center.winners[offset] = in_.odd_number();
  }
  void script_numbers() {
    switch (in_.below(5)) {
      case 0:
        world_.center.created_hi = in_.odd_number();
        return;
      case 1:
        world_.center.incarnation = in_.odd_number();
        return;
      case 2:
        world_.center.index = in_.odd_number();
        return;
      case 3:
        world_.center.generation = static_cast<std::uint32_t>(in_.odd_number());
        return;
      default:
        world_.center.disk_low = in_.flag();
    }
  }
  void script_silence() {
    world_.center.silent.clear();
    if (in_.flag()) {
      world_.center.silent.push_back(static_cast<v1::Command::KindCase>(in_.below(20)));
    }
  }
  void grant() {
    v1::Grant grant;
    if (parse_metadata(in_.sized(), grant).ok()) world_.center.grant(grant);
  }
  // As a ledger would grant, of any task: the next number, and the line that is open.
  void good_grant() {
    v1::Grant grant;
    grant.mutable_session()->set_hi(kSession.hi);
    grant.mutable_session()->set_lo(kSession.lo);
    const std::size_t attached = world_.center.count(v1::Command::kAttach);
    if (attached == 0) return;
    grant.set_conn_epoch(world_.center.last(v1::Command::kAttach).attach().conn_epoch());
    grant.set_number(++grants_);
    grant.set_line(1);
    const std::uint64_t offset = 1 + in_.below(8);
    const std::uint32_t shard = in_.flag() ? 9 : ManagerWorld::kShard;
    grant.set_task(TaskId(ShardId(shard), Offset(offset)).value());
    grant.set_token(1000 + grants_);
    grant.set_attempt(1);
    grant.set_lease_ms(30'000);
    world_.center.grant(grant);
  }
  // A claim that it may have, with its grant in the same breath or after it; and any news at all.
  void lose_claim() {
    v1::ChannelGrants news;
    v1::SessionLostClaim& lost = *news.add_lost();
    lost.mutable_session()->set_hi(kSession.hi);
    lost.mutable_session()->set_lo(kSession.lo);
    const std::size_t attached = world_.center.count(v1::Command::kAttach);
    if (attached > 0)
      lost.set_conn_epoch(world_.center.last(v1::Command::kAttach).attach().conn_epoch());
    lost.mutable_claim()->set_token(1000 + grants_ - in_.below(2));
    world_.center.push(news);
  }
  void news() {
    v1::ChannelGrants news;
    if (parse_metadata(in_.sized(), news).ok()) world_.center.push(news);
  }
  // To the act of any task of this shard's first eight.
  void script_acted() {
    v1::ActedItem item;
    if (!parse_metadata(in_.sized(), item).ok()) return;
    world_.center.acted[TaskId(ShardId(ManagerWorld::kShard), Offset(1 + in_.below(8))).value()] = {
        item};
  }
  void drop_center() { world_.center.drop_connections(); }

  // ---- what the peers do ----
  void peer_frame() {
    const RawFrame frame = RawFrame::read(in_);
    if (!peer_.is_open()) {
      (void)peer_.connect(world_.address(),
                          make_hello(v1::ROLE_MANAGER, kCluster, "other", {8, 8}));
    }
    peer_.send(frame);
  }
  void script_fetch() { hostile_.next_answer = RawFrame::read(in_); }

  // ---- what the client does ----
  void connect() { client_.connect(); }
  void produce() { client_.produce(1 + in_.below(4), false); }
  void produce_moved() { client_.produce(1 + in_.below(4), true); }
  void demand() { client_.demand(); }
  void end_wait() { client_.end_wait(); }
  void acknowledge() { client_.acknowledge(in_.flag()); }
  void heartbeat() { client_.heartbeat(); }
  void query() { client_.query(in_.sized()); }
  void act() { client_.act(1 + in_.below(6), 1 + in_.below(8)); }
  void save() { client_.save(in_.below(2)); }

  void pass_time() { world_.scheduler.run_for(in_.u8() * 10ms); }

  // The rule of input's first bytes of a step. New ones go to the end: the corpus knows the numbers.
  static constexpr void (Story::* kSteps[])() = {&Story::center_frame,
                                                 &Story::script_register,
                                                 &Story::script_enroll,
                                                 &Story::script_attach,
                                                 &Story::script_heartbeat,
                                                 &Story::script_resync,
                                                 &Story::script_members,
                                                 &Story::script_live,
                                                 &Story::script_query,
                                                 &Story::script_winner,
                                                 &Story::script_numbers,
                                                 &Story::script_silence,
                                                 &Story::grant,
                                                 &Story::good_grant,
                                                 &Story::drop_center,
                                                 &Story::peer_frame,
                                                 &Story::script_fetch,
                                                 &Story::connect,
                                                 &Story::produce,
                                                 &Story::produce_moved,
                                                 &Story::demand,
                                                 &Story::end_wait,
                                                 &Story::acknowledge,
                                                 &Story::heartbeat,
                                                 &Story::query,
                                                 &Story::pass_time,
                                                 &Story::center_frame,
                                                 &Story::good_grant,
                                                 &Story::lose_claim,
                                                 &Story::news,
                                                 &Story::script_acted,
                                                 &Story::act,
                                                 &Story::save};

  // Asked as a peer asks: each payload is the one that was stored, or is not given.
  void check_stored() {
    std::vector<std::uint64_t> tasks;
    for (const auto& [task, payload] : client_.stored()) tasks.push_back(task);
    bool answered = tasks.empty();
    RawPeer reader(world_.scheduler, world_.network, "reader", [&](const RawFrame& frame) {
      if (frame.type != v1::PEER_FETCHED) return;
      check_fetched(tasks, frame);
      answered = true;
    });
    if (answered) return;
    FUZZ_CHECK(
        reader.connect(world_.address(), make_hello(v1::ROLE_MANAGER, kCluster, "reader", {9, 9})),
        "a manager of the cluster is not let in");
    v1::PeerFetch fetch;
    for (const std::uint64_t task : tasks) fetch.add_task(task);
    reader.send(v1::PEER_FETCH, 1, fetch);
    world_.scheduler.run_until([&] { return answered; }, 1s);
    FUZZ_CHECK(answered, "a fetch is not answered");
  }
  void check_fetched(const std::vector<std::uint64_t>& tasks, const RawFrame& frame) {
    v1::PeerFetched fetched;
    FUZZ_CHECK(frame.parse(fetched), "PEER_FETCHED cannot be read");
    FUZZ_CHECK(static_cast<std::size_t>(fetched.item_size()) == tasks.size(),
               "not one item for each task");
    std::size_t at = 0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const v1::FetchedItem& item = fetched.item(static_cast<int>(i));
      if (item.code() != v1::OK) continue;
      FUZZ_CHECK(frame.payload.substr(at, item.length()) == client_.stored().at(tasks[i]),
                 "another payload than was stored");
      at += item.length();
    }
  }

  FuzzInput in_;
  ManagerWorld world_;
  HostilePeer hostile_{world_};
  HonestClient client_{world_};
  RawPeer peer_{world_.scheduler, world_.network, "other", [](const RawFrame&) {}};
  std::uint64_t grants_ = 0;
};

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  baton::fuzz::Story(baton::fuzz::FuzzInput(data, size)).run();
  return 0;
}
