// T7: the client library, with managers that say whatever they like. It never crashes, never reports
// what no manager said, never forgets an outcome, and holds no more than it asked for.
//
//   input: steps, each an u8 and what it needs; kSteps below names them.
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "client/embedded.h"
#include "tests/fuzz/raw_peer.h"

namespace baton::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 64;
constexpr std::size_t kManagers = 2;
constexpr std::size_t kConcurrency = 4;
constexpr std::size_t kPrefetch = 4;
constexpr Duration kProduceTimeout = 2s;

// What managers have said so far: only that may the library tell its user.
struct Said {
  std::map<std::string, std::set<std::uint64_t>> confirmed;  // payload -> tasks
  // Operations that were answered OK.
  std::set<std::tuple<std::uint64_t, std::uint64_t, int>> accepted;  // task, token, kind
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::set<std::string>>
      delivered;  // task, token
};

// One manager: keeps what it is asked until the story answers.
class HostileManager {
 public:
  HostileManager(sim::SimScheduler& scheduler, sim::SimNetwork& network, Said& said,
                 std::size_t number)
      : said_(said),
        name_("m" + std::to_string(number + 1)),
        shard_(static_cast<std::uint32_t>(number + 1)),
        loop_(scheduler, name_),
        transport_(network, loop_, name_) {
    listen();
  }
  ~HostileManager() { loop_.kill(); }
  HostileManager(const HostileManager&) = delete;
  HostileManager& operator=(const HostileManager&) = delete;

  [[nodiscard]] std::string address() const { return name_ + ":7101"; }
  void set_listening(bool listening) {
    if (!listening) return listener_.reset();
    if (!listener_) listen();
  }
  void set_hello(std::optional<RawFrame> hello) { hello_ = std::move(hello); }
  void drop_connections() {
    for (const ConnectionPtr& connection : connections_) {
      connection->close(Status(ErrorCode::kUnavailable, "the story says so"));
    }
  }

  // The answer to the k-th question that waits.
  void answer(std::size_t which, const RawFrame& frame, bool keep) {
    if (asked_.empty()) return;
    const auto chosen =
        std::next(asked_.begin(), static_cast<std::ptrdiff_t>(which % asked_.size()));
    note_answer(*chosen, frame);
    send(*chosen->connection, frame, chosen->frame.request);
    if (!keep) asked_.erase(chosen);
  }
  // The oldest, as a manager should.
  void answer_well() {
    if (asked_.empty()) return;
    const RawFrame& question = asked_.front().frame;
    switch (question.type) {
      case v1::PRODUCE:
        return answer(0, stored(question), false);
      case v1::ATTACH:
        return answer(0, attached(question), false);
      case v1::OPERATIONS:
        return answer(0, done(question), false);
      case v1::HEARTBEAT:
        return answer(0, {v1::HEARTBEAT_DONE, 0, "", ""}, false);
      case v1::DEMAND:
        return asked_.pop_front();  // noted; it is answered by tasks
      case v1::END_WAIT: {
        v1::WaitEnded ended;
        ended.set_line(line_);
        return answer(0, {v1::WAIT_ENDED, 0, ended.SerializeAsString(), ""}, false);
      }
      default:
        return asked_.pop_front();
    }
  }
  void push(const RawFrame& frame) {
    note_tasks(frame);
    for (const Asked& asked : asked_) {  // it may answer what nobody has answered yet
      if (asked.frame.request == frame.request) note_answer(asked, frame);
    }
    for (const ConnectionPtr& connection : connections_) send(*connection, frame, frame.request);
  }
  // As a manager should, of the session that attached last.
  void push_tasks(std::size_t count) {
    v1::Tasks tasks;
    tasks.set_conn_epoch(conn_epoch_);
    std::string payload;
    for (std::size_t i = 0; i < count; ++i) {
      v1::Delivery& delivery = *tasks.add_delivery();
      delivery.set_number(++number_);
      delivery.set_line(line_);
      delivery.set_task(TaskId(ShardId(shard_), Offset(number_)).value());
      delivery.set_token(shard_ * 1'000'000 + number_);
      delivery.set_attempt(1);
      delivery.set_lease_ms(30'000);
      const std::string bytes = "work " + std::to_string(number_);
      delivery.set_length(static_cast<std::uint32_t>(bytes.size()));
      payload += bytes;
    }
    push({v1::TASKS, 0, tasks.SerializeAsString(), payload});
  }
  // Tells that the newest claims have ended, and some that nobody has.
  void push_lost(std::uint64_t how) {
    v1::ClaimsLost lost;
    for (std::uint64_t back = 0; back <= how % 8; ++back) {
      v1::LostClaim& claim = *lost.add_claim();
      claim.set_task(TaskId(ShardId(shard_), Offset(number_ - back)).value());
      claim.set_token(shard_ * 1'000'000 + number_ - back);
      claim.set_cause(static_cast<v1::LostCause>(how >> 3 & 7));
    }
    push({v1::CLAIMS_LOST, 0, lost.SerializeAsString(), ""});
  }

 private:
  struct Asked {
    ConnectionPtr connection;
    RawFrame frame;
  };

  void listen() {
    auto listener =
        transport_.listen({name_, 7101}, [this](const ConnectionPtr& new_one) { accept(new_one); });
    FUZZ_CHECK(listener.ok(), "the manager cannot listen");
    listener_ = std::move(listener).value();
  }

  void accept(const ConnectionPtr& connection) {
    connections_.push_back(connection);
    connection->set_frame_bytes_max(kFrameBytesHardMax);
    Connection* raw = connection.get();
    connection->start({[this, raw](const Frame& frame) { hear(raw, frame); },
                       [this, raw](const Status&) { forget(raw); }});
  }
  void forget(Connection* raw) {
    std::erase_if(asked_, [raw](const Asked& asked) { return asked.connection.get() == raw; });
    std::erase_if(connections_, [raw](const ConnectionPtr& one) { return one.get() == raw; });
  }

  void hear(Connection* raw, const Frame& frame) {
    const RawFrame kept{frame.type, frame.request_id, std::string(frame.metadata),
                        std::string(frame.payload)};
    if (frame.type == v1::HELLO) return send(*raw, hello_ ? *hello_ : hello_ok(), kept.request);
    if (frame.type == v1::PING) return send(*raw, {v1::PONG, 0, kept.metadata, ""}, kept.request);
    note_question(kept);
    for (const ConnectionPtr& connection : connections_) {
      if (connection.get() == raw) asked_.push_back({connection, kept});
    }
  }

  static void send(Connection& connection, const RawFrame& frame, std::uint64_t request) {
    const std::string_view payload = frame.payload;
    connection.send(frame.type, request, RawMetadata(frame.metadata), std::span(&payload, 1));
  }

  void note_question(const RawFrame& frame) {
    v1::Attach attach;
    if (frame.type == v1::ATTACH && frame.parse(attach)) {
      conn_epoch_ = attach.conn_epoch();
      number_ = 0;
    }
    v1::Demand demand;
    if (frame.type == v1::DEMAND && frame.parse(demand)) line_ = demand.line();
    v1::Operations operations;
    if (frame.type != v1::OPERATIONS || !frame.parse(operations)) return;
    for (const v1::Operation& operation : operations.operation()) {
      operations_[operation.seq()].emplace(operation.task(), operation.token(), operation.kind());
    }
  }

  void note_answer(const Asked& asked, const RawFrame& frame) {
    note_tasks(frame);
    v1::Produce produce;
    v1::Produced produced;
    if (frame.type == v1::PRODUCED && asked.frame.type == v1::PRODUCE && frame.parse(produced) &&
        asked.frame.parse(produce)) {
      note_produced(produce, asked.frame.payload, produced);
    }
    v1::OperationsDone done;
    if (frame.type != v1::OPERATIONS_DONE || !frame.parse(done)) return;
    for (const v1::OperationOutcome& outcome : done.outcome()) {
      if (outcome.code() != v1::OK) continue;
      // The numbers of two sessions may be the same: any operation of that number will do.
      for (const auto& operation : operations_[outcome.seq()]) said_.accepted.insert(operation);
    }
  }

  void note_produced(const v1::Produce& produce, std::string_view payload,
                     const v1::Produced& produced) {
    std::vector<std::string> items;
    for (const std::uint32_t length : produce.length()) {
      items.emplace_back(payload.substr(0, length));
      payload.remove_prefix(length);
    }
    std::size_t item = 0;
    for (const v1::ProducedRun& run : produced.run()) {
      for (std::uint32_t i = 0; i < run.count() && item < items.size(); ++i, ++item) {
        if (run.code() == v1::OK) said_.confirmed[items[item]].insert(run.first_task() + i);
      }
    }
  }

  void note_tasks(const RawFrame& frame) {
    v1::Tasks tasks;
    if (frame.type != v1::TASKS || !frame.parse(tasks)) return;
    std::size_t at = 0;
    for (const v1::Delivery& delivery : tasks.delivery()) {
      const std::uint64_t bytes = std::uint64_t{delivery.length()} + delivery.checkpoint_length();
      if (bytes > frame.payload.size() - at) return;
      said_.delivered[{delivery.task(), delivery.token()}].insert(
          frame.payload.substr(at, delivery.length()));
      at += bytes;
    }
  }

  // ---- what a manager should answer ----
  [[nodiscard]] RawFrame hello_ok() const {
    v1::HelloOk hello;
    hello.set_version(1);
    hello.set_name(name_);
    hello.set_payload_bytes_max(1 << 20);
    hello.set_frame_bytes_max((1 << 20) + kFrameMetadataBytesMax);
    hello.set_shard(shard_);
    return {v1::HELLO_OK, 0, hello.SerializeAsString(), ""};
  }
  RawFrame stored(const RawFrame& question) {
    v1::Produce produce;
    (void)question.parse(produce);
    v1::Produced produced;
    produced.set_shard(shard_);
    v1::ProducedRun& run = *produced.add_run();
    run.set_count(static_cast<std::uint32_t>(produce.length_size()));
    run.set_first_task(TaskId(ShardId(shard_), Offset(next_offset_)).value());
    next_offset_ += run.count();
    return {v1::PRODUCED, 0, produced.SerializeAsString(), ""};
  }
  static RawFrame attached(const RawFrame& question) {
    v1::Attach attach;
    (void)question.parse(attach);
    v1::Attached answer;
    answer.set_conn_epoch(attach.conn_epoch());
    *answer.mutable_kept() = attach.held();
    return {v1::ATTACHED, 0, answer.SerializeAsString(), ""};
  }
  static RawFrame done(const RawFrame& question) {
    v1::Operations operations;
    (void)question.parse(operations);
    v1::OperationsDone answer;
    for (const v1::Operation& operation : operations.operation()) {
      answer.add_outcome()->set_seq(operation.seq());
    }
    return {v1::OPERATIONS_DONE, 0, answer.SerializeAsString(), ""};
  }

  Said& said_;
  const std::string name_;
  const std::uint32_t shard_;
  sim::SimLoop loop_;
  sim::SimTransport transport_;
  std::unique_ptr<Listener> listener_;
  std::vector<ConnectionPtr> connections_;
  std::deque<Asked> asked_;
  std::optional<RawFrame> hello_;
  std::map<std::uint64_t, std::set<std::tuple<std::uint64_t, std::uint64_t, int>>> operations_;
  std::uint64_t conn_epoch_ = 0;
  std::uint64_t number_ = 0;
  std::uint32_t line_ = 0;
  std::uint64_t next_offset_ = 1;
};

class Story {
 public:
  explicit Story(FuzzInput in) : in_(in) {
    client::ClientOptions options;
    options.managers.clear();
    options.name = "fuzz";
    options.seed = 1;
    for (std::size_t i = 0; i < kManagers; ++i) {
      managers_[i] = std::make_unique<HostileManager>(scheduler_, network_, said_, i);
      options.managers.push_back(managers_[i]->address());
    }
    loop_ = std::make_unique<sim::SimLoop>(scheduler_, "client");
    transport_ = std::make_unique<sim::SimTransport>(network_, *loop_, "client");
    auto client = client::open_embedded({*loop_, *transport_, logger_}, options);
    FUZZ_CHECK(client.ok(), "the client does not open");
    client_ = std::move(client).value();
    client::ProducerOptions producing;
    producing.timeout = kProduceTimeout;
    producing.backpressure = client::Backpressure::kRefuse;
    producer_ = client_->make_producer(producing);
    consume();
  }
  ~Story() {
    claims_.clear();
    consumer_.reset();
    producer_.reset();
    client_.reset();
  }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  void run() {
    for (std::size_t i = 0; i < kStepsMax && !in_.empty(); ++i) {
      (this->*kSteps[in_.below(std::size(kSteps))])();
      scheduler_.run_for(1ms);
      check_room();
    }
    scheduler_.run_for(kProduceTimeout + 1s);
    FUZZ_CHECK(produced_ == outcomes_,
               std::to_string(produced_ - outcomes_) + " tasks have no outcome after their time");
    FUZZ_CHECK(asked_ == answered_, "a question has no answer after its time");
  }

 private:
  HostileManager& manager() { return *managers_[current_]; }

  // A claim is kept until an operation on it was answered, and no session has more than the window.
  void check_room() const {
    const client::ClientMetrics metrics = client_->metrics();
    FUZZ_CHECK(metrics.deliveries <= metrics.operations_answered + kSessionWindowMax,
               "more claims are kept than a session may have");
  }

  // ---- the user ----

  void consume() {
    client::ConsumerOptions options;
    options.queues = {"mail"};
    options.concurrency = kConcurrency;
    options.prefetch_max = kPrefetch;
    client::ConsumerHandlers handlers;
    handlers.on_task = [this](client::Claim claim) { take(std::move(claim)); };
    handlers.on_end = [this](const client::ConsumerSummary&) {
      FUZZ_CHECK(!ended_, "the consumer ended twice");
      ended_ = true;
    };
    auto consumer = client_->make_consumer(options, std::move(handlers));
    FUZZ_CHECK(consumer.ok(), "the consumer does not start");
    consumer_ = std::move(consumer).value();
  }

  void take(client::Claim claim) {
    const client::Delivery& delivery = claim.delivery();
    const auto known = said_.delivered.find({delivery.task.value(), delivery.token.value()});
    FUZZ_CHECK(known != said_.delivered.end(), "a claim that nobody delivered");
    FUZZ_CHECK(known->second.contains(delivery.payload), "a payload that nobody delivered");
    claims_.push_back(std::move(claim));
    // A claim that is lost counts until the handler has ended it.
    FUZZ_CHECK(claims_.size() <= kConcurrency, "more claims at once than asked for");
  }

  void produce() {
    const std::size_t count = 1 + in_.below(5);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string payload = "task " + std::to_string(++produced_);
      producer_->produce(in_.flag() ? "mail" : "post", payload,
                         [this, payload](const client::ProduceOutcome& outcome) {
                           ++outcomes_;
                           FUZZ_CHECK(outcomes_ <= produced_, "an outcome too many");
                           if (!outcome.confirmed()) return;
                           FUZZ_CHECK(said_.confirmed[payload].contains(outcome.task.value()),
                                      "confirmed, but no manager said so");
                         });
    }
  }

  client::OperationCallback check_answer(v1::OperationKind kind, const client::Claim& claim) {
    const std::tuple operation{claim.delivery().task.value(), claim.delivery().token.value(),
                               static_cast<int>(kind)};
    return [this, operation, calls = 0](const client::OperationResult& result) mutable {
      FUZZ_CHECK(++calls == 1, "an operation ended twice");
      FUZZ_CHECK(!result.status.ok() || said_.accepted.contains(operation),
                 "accepted, but no manager said so");
    };
  }
  void end_claim() {
    const std::uint8_t how = in_.u8();
    if (claims_.empty()) return;
    const auto chosen =
        std::next(claims_.begin(), static_cast<std::ptrdiff_t>((how >> 3) % claims_.size()));
    const client::Claim claim = *chosen;
    switch (how % 8) {
      case 0:
      case 1:
        claim.ack({}, check_answer(v1::ACK, claim));
        break;
      case 2:
        claim.ack("result", check_answer(v1::ACK, claim));
        break;
      case 3:
        claim.nack("no", check_answer(v1::NACK, claim));
        break;
      case 4:
        claim.release(true, check_answer(v1::RELEASE, claim));
        break;
      case 5:
        return claim.extend(Millis(5000), check_answer(v1::EXTEND, claim));
      case 6: {
        client::Progress progress;
        progress.percent = how % 101;
        progress.text = "page";
        if (how > 100) progress.checkpoint = "where it was";
        return claim.save(std::move(progress), check_answer(v1::SAVE, claim));
      }
      default:
        break;  // forgets it
    }
    claims_.erase(chosen);
  }

  template <class T>
  client::Admin::Callback<T> count_answer() {
    ++asked_;
    return [this](const Result<T>&) { ++answered_; };
  }
  void ask() {
    client::Admin& admin = client_->admin();
    const TaskId task(ShardId(1), Offset(1));
    switch (in_.below(12)) {
      case 6:
        return admin.wait_task(task, 1s, count_answer<client::TaskInfo>());
      case 7:
        return admin.explain_task(task, 1s, count_answer<client::Explanation>());
      case 8:
        return admin.task_payload(task, 1s, count_answer<std::string>());
      case 9:
        return admin.show_queue("mail", 1s, count_answer<client::QueueDetail>());
      case 10:
        return admin.purge_queue("mail", 1s, count_answer<std::uint64_t>());
      case 11:
        return admin.act(TaskAction::kCancel, {task, TaskId(ShardId(1), Offset(2))}, "enough", 1s,
                         count_answer<std::vector<client::ActOutcome>>());
      case 0:
        return admin.task(task, 1s, count_answer<client::TaskInfo>());
      case 1:
        return admin.task_result(task, 1s, count_answer<client::TaskResult>());
      case 2:
        return admin.list_tasks("mail", client::TaskState::kReady, 10, "", 1s,
                                count_answer<client::TaskPage>());
      case 3:
        return admin.list_queues("", 10, "", 1s, count_answer<client::QueuePage>());
      case 4:
        return admin.list_managers(1s, count_answer<std::vector<client::ManagerInfo>>());
      default:
        return admin.center_status(1s, count_answer<client::CenterInfo>());
    }
  }
  void stop_consuming() {
    const bool release = in_.flag();
    if (consumer_) {
      consumer_->stop(
          release ? client::Consumer::StopMode::kRelease : client::Consumer::StopMode::kFinish, 1s);
    }
  }

  // ---- the managers ----

  void answer_raw() {
    const std::uint8_t which = in_.u8();
    manager().answer(which >> 1, RawFrame::read(in_), (which & 1) != 0);
  }
  void answer_well() { manager().answer_well(); }
  void answer_all_well() {
    for (int i = 0; i < 8; ++i) manager().answer_well();
  }
  void push_raw() { manager().push(RawFrame::read(in_)); }
  void push_tasks() { manager().push_tasks(1 + in_.below(6)); }
  void push_lost() { manager().push_lost(in_.u8()); }
  void push_many_tasks() { manager().push_tasks(in_.u8() * 4U); }
  void drop_connections() { manager().drop_connections(); }
  void listen() { manager().set_listening(in_.flag()); }
  void hello_raw() { manager().set_hello(RawFrame::read(in_)); }
  void hello_well() { manager().set_hello(std::nullopt); }
  void other_manager() { current_ = (current_ + 1) % kManagers; }
  void pass_time() { scheduler_.run_for(in_.u8() * 10ms); }

  // New ones go to the end: the corpus knows the numbers.
  static constexpr void (Story::* kSteps[])() = {
      &Story::produce,    &Story::end_claim,       &Story::ask,
      &Story::answer_raw, &Story::answer_well,     &Story::push_raw,
      &Story::push_tasks, &Story::push_many_tasks, &Story::drop_connections,
      &Story::listen,     &Story::hello_raw,       &Story::hello_well,
      &Story::pass_time,  &Story::other_manager,   &Story::stop_consuming,
      &Story::answer_raw, &Story::answer_all_well, &Story::push_raw,
      &Story::push_lost};

  FuzzInput in_;
  sim::SimScheduler scheduler_{1};
  sim::SimNetwork network_{scheduler_};
  QuietLogger logger_;
  Said said_;
  std::array<std::unique_ptr<HostileManager>, kManagers> managers_;
  std::size_t current_ = 0;
  std::unique_ptr<sim::SimLoop> loop_;
  std::unique_ptr<sim::SimTransport> transport_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<client::Consumer> consumer_;
  std::vector<client::Claim> claims_;
  std::uint64_t produced_ = 0;
  std::uint64_t outcomes_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool ended_ = false;
};

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  baton::fuzz::Story(baton::fuzz::FuzzInput(data, size)).run();
  return 0;
}
