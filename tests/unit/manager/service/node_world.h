// NodeWorld: one real ManagerNode on a simulated disk and network, a scripted center, and clients
// that speak frames. Time is the scheduler's.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/broker.pb.h"
#include "proto/peer.pb.h"

#include "common/net/frame.h"
#include "manager/service/manager_node.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"
#include "tests/unit/manager/service/fake_center.h"

namespace baton::manager {

class LineLogger final : public Logger {
 public:
  void write(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= LogLevel::kInfo; }
  [[nodiscard]] bool has(std::string_view event) const { return count(event) > 0; }
  // Lines that begin so.
  [[nodiscard]] std::ptrdiff_t count(std::string_view event) const;

  std::vector<std::string> lines;
};

// A connection on which the test says and hears every frame.
class FakePeer {
 public:
  struct Heard {
    v1::FrameType type;
    std::uint64_t request;
    std::string metadata;
    std::string payload;
  };

  FakePeer(sim::SimScheduler& scheduler, sim::SimNetwork& network, const std::string& host);
  ~FakePeer();

  void connect(const Address& to);
  void say(v1::FrameType type, std::uint64_t request, const google::protobuf::MessageLite& message,
           std::span<const std::string_view> payload = {});
  void hang_up();
  void stop_reading() { connection_->pause_reading(); }
  void go_on_reading() { connection_->resume_reading(); }

  // Runs the world until a frame of the type (and request, if not 0) comes; it is taken out. Fails
  // the test when none comes within 3 s.
  Heard await(v1::FrameType type, std::uint64_t request = 0);
  template <class Message>
  Message await_message(v1::FrameType type, std::uint64_t request = 0) {
    const Heard heard = await(type, request);
    Message message;
    REQUIRE(parse_metadata(heard.metadata, message).ok());
    return message;
  }
  [[nodiscard]] bool has(v1::FrameType type) const;
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool await_close();

  v1::HelloOk hello_ok;

 private:
  bool take(v1::FrameType type, std::uint64_t request, Heard& out);

  sim::SimScheduler& scheduler_;
  sim::SimNetwork& network_;
  const std::string host_;
  sim::SimLoop loop_;
  sim::SimTransport transport_;
  ConnectionPtr connection_;
  std::deque<Heard> heard_;
  bool closed_ = false;
};

// Another manager: serves what the test put into it.
class FakeManager final : private ServerHandler {
 public:
  FakeManager(sim::SimScheduler& scheduler, sim::SimNetwork& network, Logger& logger, Uuid cluster);
  ~FakeManager() override;

  std::map<std::uint64_t, std::string> payloads;  // by task
  std::map<std::uint64_t, std::string> results;   // likewise
  std::map<std::uint64_t, v1::TaskOptions> options;
  std::map<std::uint64_t, std::string> content_types;
  std::map<std::uint64_t, v1::ErrorCode> result_codes;  // instead of a result
  bool answers = true;
  std::map<std::uint64_t, v1::ErrorCode> codes;  // instead of a payload
  std::size_t fetches = 0;
  std::vector<v1::PeerBeat> beats;

 private:
  Result<v1::HelloOk> on_hello(Peer&, const v1::Hello&) override;
  Status on_frame(Peer& peer, const Frame& frame) override;
  void on_closed(Peer&, const Status&) override {}

  const Uuid cluster_;
  sim::SimLoop loop_;
  sim::SimTransport transport_;
  std::unique_ptr<Server> server_;
};

class NodeWorld {
 public:
  static constexpr std::uint32_t kShard = 5;

  NodeWorld();
  ~NodeWorld();

  // The center knows a manager at "peer:7101" with shard 9; the one here will when it asks.
  void enroll_peer();

  // The manager's process.
  Status start();  // what open() said
  void start_registered();
  void kill();
  void cut_power();
  // While it is down: changes one byte of the batch, where the text stands.
  void spoil_batch(Lsn lsn, std::string_view text);
  void drain(bool* done);
  [[nodiscard]] bool up() const { return life_ != nullptr; }
  [[nodiscard]] const ManagerMetrics& metrics() const;

  // Runs until `done` holds; fails the test after `limit`.
  void until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(5));
  void run_for(Duration length) { scheduler.run_for(length); }

  std::unique_ptr<FakePeer> client(v1::Role role = v1::ROLE_CLIENT);
  // The answer to `request`, with these payloads.
  v1::Produced produce(FakePeer& client, v1::Produce request,
                       const std::vector<std::string>& payloads);
  // All runs that were reported, by the offset of their first task.
  [[nodiscard]] std::map<std::uint64_t, v1::CreatedRun> created_runs() const;
  static v1::Produce produce_request(std::uint64_t seq, const std::vector<std::string>& payloads);
  v1::Produced produce(FakePeer& client, std::uint64_t seq,
                       const std::vector<std::string>& payloads);
  v1::Attached attach(FakePeer& client, std::uint64_t conn_epoch = 1);
  // Attaches and opens line 1.
  void consume(FakePeer& client);
  static v1::Grant grant(std::uint64_t number, TaskId task, std::uint64_t conn_epoch = 1);
  static TaskId task(std::uint64_t offset) { return {ShardId(kShard), Offset(offset)}; }

  sim::SimScheduler scheduler{1};
  sim::SimNetwork network{scheduler};
  LineLogger logger;
  sim::SimEnv env;
  FakeCenter center{scheduler, network, logger};
  ManagerOptions options;
  Status failure;  // what on_failed said

 private:
  struct Life;
  std::unique_ptr<Life> life_;
  std::uint64_t clients_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace baton::manager
