// The client with a thread of its own, over real sockets, called from many threads.
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/broker.pb.h"

#include "client/baton.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"
#include "common/net/frame.h"

namespace baton::client {
namespace {

using namespace std::chrono_literals;

class SilentLog final : public Logger {
 public:
  void write(LogLevel, std::string_view, std::span<const LogField>) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

// A manager that confirms everything, hands every task out once and takes every ack. It lives on a
// thread of its own from start() to its destructor.
class ObligingManager {
 public:
  ObligingManager() {
    auto listener =
        transport_.listen(Address{"127.0.0.1", 0}, [this](const ConnectionPtr& connection) {
          connections_.push_back(connection);
          connection->set_frame_bytes_max(std::size_t{2} << 20);
          connection->start(
              {[this, weak = std::weak_ptr<Connection>(connection)](const Frame& frame) {
                 if (const auto alive = weak.lock()) on_frame(*alive, frame);
               },
               [](const Status&) {}});
        });
    REQUIRE(listener.ok());
    listener_ = std::move(listener).value();
    address_ = listener_->address().to_string();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ObligingManager() {
    loop_.stop();
    thread_.join();
  }
  ObligingManager(const ObligingManager&) = delete;
  ObligingManager& operator=(const ObligingManager&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  template <class Message>
  static Message parse(const Frame& frame) {
    Message message;
    if (!parse_metadata(frame.metadata, message).ok()) std::abort();
    return message;
  }

  void on_frame(Connection& to, const Frame& frame) {
    switch (frame.type) {
      case v1::HELLO: {
        v1::HelloOk hello;
        hello.set_version(1);
        hello.set_name("obliging");
        hello.set_payload_bytes_max(1 << 20);
        hello.set_frame_bytes_max((1 << 20) + kFrameMetadataBytesMax);
        hello.set_shard(1);
        return to.send(v1::HELLO_OK, frame.request_id, hello);
      }
      case v1::PING:
        return to.send(v1::PONG, frame.request_id, parse<v1::Ping>(frame));
      case v1::PRODUCE:
        return on_produce(to, frame);
      case v1::ATTACH: {
        v1::Attached attached;
        attached.set_conn_epoch(parse<v1::Attach>(frame).conn_epoch());
        return to.send(v1::ATTACHED, frame.request_id, attached);
      }
      case v1::DEMAND:
        total_ = parse<v1::Demand>(frame).total();
        return deliver(to);
      case v1::OPERATIONS:
        return on_operations(to, frame);
      case v1::HEARTBEAT:
        return to.send(v1::HEARTBEAT_DONE, frame.request_id, v1::HeartbeatDone());
      case v1::END_WAIT: {
        v1::WaitEnded ended;
        ended.set_line(1);
        return to.send(v1::WAIT_ENDED, frame.request_id, ended);
      }
      case v1::QUERY: {
        v1::Answer answer;
        answer.mutable_center()->set_index(4711);
        return to.send(v1::ANSWER, frame.request_id, answer);
      }
      default:
        return;
    }
  }

  void on_produce(Connection& to, const Frame& frame) {
    const auto produce = parse<v1::Produce>(frame);
    v1::Produced produced;
    produced.set_shard(1);
    v1::ProducedRun& run = *produced.add_run();
    run.set_count(static_cast<std::uint32_t>(produce.length_size()));
    run.set_first_task(TaskId(ShardId(1), Offset(tasks_.size() + 1)).value());
    std::size_t at = 0;
    for (const std::uint32_t length : produce.length()) {
      tasks_.emplace_back(frame.payload.substr(at, length));
      at += length;
    }
    to.send(v1::PRODUCED, frame.request_id, produced);
  }

  void deliver(Connection& to) {
    v1::Tasks tasks;
    tasks.set_conn_epoch(1);
    std::string payload;
    for (; given_ < total_ && given_ < tasks_.size(); ++given_) {
      v1::Delivery& delivery = *tasks.add_delivery();
      delivery.set_number(given_ + 1);
      delivery.set_line(1);
      delivery.set_task(TaskId(ShardId(1), Offset(given_ + 1)).value());
      delivery.set_token(given_ + 1);
      delivery.set_attempt(1);
      delivery.set_lease_ms(30'000);
      delivery.set_length(static_cast<std::uint32_t>(tasks_[given_].size()));
      payload += tasks_[given_];
    }
    if (tasks.delivery_size() == 0) return;
    const std::string_view pieces[] = {payload};
    to.send(v1::TASKS, 0, tasks, pieces);
  }

  void on_operations(Connection& to, const Frame& frame) {
    const auto operations = parse<v1::Operations>(frame);
    v1::OperationsDone done;
    for (const v1::Operation& operation : operations.operation()) {
      done.add_outcome()->set_seq(operation.seq());
      if (operation.wants_next()) ++total_;
    }
    to.send(v1::OPERATIONS_DONE, frame.request_id, done);
    deliver(to);
  }

  AsioLoop loop_;
  SilentLog logger_;
  AsioTransport transport_{loop_, logger_};
  std::unique_ptr<Listener> listener_;
  std::string address_;
  std::vector<ConnectionPtr> connections_;
  std::vector<std::string> tasks_;
  std::uint64_t given_ = 0;
  std::uint64_t total_ = 0;
  std::thread thread_;
};

std::unique_ptr<Client> open(const ObligingManager& manager) {
  auto client = Client::open({.managers = {manager.address()}});
  REQUIRE(client.ok());
  return std::move(client).value();
}

TEST_CASE("many threads produce through one producer, and none is let in beyond the bound") {
  ObligingManager manager;
  const auto client = open(manager);
  ProducerOptions options;
  options.unresolved_items_max = 64;
  const auto producer = client->make_producer(options);
  std::atomic<int> unresolved = 0;
  std::atomic<int> most = 0;
  std::atomic<int> confirmed = 0;

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        producer->produce("q", std::to_string(i), [&](const ProduceOutcome& outcome) {
          confirmed += outcome.confirmed() ? 1 : 0;
          --unresolved;
        });
        const int now = ++unresolved;
        int seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  producer->close();

  CHECK(confirmed == 2000);
  // Room is given back for a batch before its callbacks run: a batch and the bound may overlap.
  CHECK(most <= 2 * 64 + 4);
  CHECK(client->metrics().produced_confirmed == 2000);
}

TEST_CASE("claims are ended by other threads than the one that got them") {
  ObligingManager manager;
  const auto client = open(manager);
  const auto producer = client->make_producer();
  std::vector<std::future<ProduceOutcome>> outcomes;
  for (int i = 0; i < 300; ++i) outcomes.push_back(producer->produce("q", std::to_string(i)));
  for (auto& outcome : outcomes) REQUIRE(outcome.get().confirmed());

  std::vector<std::thread> workers;
  std::set<std::string> seen;  // by on_task, on the client's thread
  std::atomic<int> acked = 0;
  std::promise<ConsumerSummary> ended;
  ConsumerHandlers handlers;
  handlers.on_task = [&](Claim claim) {
    seen.insert(claim.delivery().payload);
    if (seen.size() % 3 == 0) {
      workers.emplace_back([claim = std::move(claim), &acked] {
        claim.ack(claim.delivery().payload,
                  [&acked](const OperationResult& result) { acked += result.status.ok() ? 1 : 0; });
      });
    } else {
      claim.ack({},
                [&acked](const OperationResult& result) { acked += result.status.ok() ? 1 : 0; });
    }
  };
  handlers.on_end = [&](const ConsumerSummary& summary) { ended.set_value(summary); };
  ConsumerOptions options;
  options.queues = {"q"};
  options.concurrency = 16;
  options.prefetch_max = 8;
  options.tasks_max = 300;
  auto consumer = client->make_consumer(options, handlers);
  REQUIRE(consumer.ok());

  const ConsumerSummary summary = ended.get_future().get();
  for (std::thread& worker : workers) worker.join();
  CHECK(summary.end == ConsumerEnd::kTasksMax);
  CHECK(summary.handled == 300);
  CHECK(seen.size() == 300);
  CHECK(acked == 300);
}

TEST_CASE("a blocking query is answered, and a claim may outlive its consumer and its client") {
  ObligingManager manager;
  std::vector<Claim> kept;
  {
    const auto client = open(manager);
    const auto info = client->admin().center_status(10s);
    REQUIRE(info.ok());
    CHECK(info.value().index == 4711);
    const auto producer = client->make_producer();
    REQUIRE(producer->produce("q", "x").get().confirmed());
    std::promise<void> came;
    ConsumerHandlers handlers;
    handlers.on_task = [&](Claim claim) {
      kept.push_back(std::move(claim));
      came.set_value();
    };
    ConsumerOptions options;
    options.queues = {"q"};
    const auto consumer = client->make_consumer(options, handlers);
    REQUIRE(consumer.ok());
    came.get_future().wait();
  }
  CHECK(kept[0].delivery().payload == "x");
  kept[0].ack();
  kept.clear();
}

TEST_CASE("a client that finds no manager gives up its tasks at their timeout and closes at once") {
  auto client = Client::open({.managers = {"127.0.0.1:1"}});
  REQUIRE(client.ok());
  ProducerOptions options;
  options.timeout = 300ms;
  const auto producer = client.value()->make_producer(options);
  const ProduceOutcome outcome = producer->produce("q", "x").get();
  CHECK(outcome.state == ProduceState::kFailed);
  CHECK(outcome.status.code() == ErrorCode::kUnavailable);
  producer->close();
}

}  // namespace
}  // namespace baton::client
