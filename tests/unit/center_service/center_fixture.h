// A center on a simulated disk and network, and managers that say what a test tells them to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/center.pb.h"

#include "center/service/center_node.h"
#include "common/net/channel.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_scheduler.h"

namespace baton::center::testing {

using namespace std::chrono_literals;

// Keeps what was logged, for tests about sentences.
class CapturingLogger final : public Logger {
 public:
  void write(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  [[nodiscard]] bool contains(std::string_view text) const { return find(text) < lines.size(); }
  // The number of the first such line; beyond all when there is none.
  [[nodiscard]] std::size_t find(std::string_view text) const;

  std::vector<std::string> lines;
};

// A manager as the center sees it: a store, a life, and a channel.
class TestManager {
 public:
  TestManager(sim::SimScheduler& scheduler, sim::SimNetwork& network, Logger& logger,
              const std::string& name);
  ~TestManager();

  // Connects, and beats every 200 ms once it has an incarnation.
  void start(const Address& center);
  void stop_beating() { beating_ = false; }
  void disconnect();
  // The same store, a new process: an epoch and a life of its own.
  void new_life() {
    ++epoch;
    life = Life(random_.uuid());
    incarnation = {};
  }

  // Sends one frame of commands and waits for its answer (in simulated time); a code other than OK
  // in front of the answer when the channel is gone.
  v1::ChannelOutcomes send(const std::vector<v1::Command>& commands);
  // The same where the center may die meanwhile: nothing when no answer came before the channel
  // closed.
  std::optional<v1::ChannelOutcomes> try_send(const std::vector<v1::Command>& commands);
  std::optional<v1::ChannelAnswer> try_ask(const v1::ChannelQuery& query);
  void send_without_waiting(const std::vector<v1::Command>& commands);
  v1::ChannelAnswer ask(const v1::ChannelQuery& query);
  v1::ChannelAnswer ask_client(const v1::Query& query);
  // A question that is answered later: its request, and the answer to that.
  std::uint64_t post_query(const v1::ChannelQuery& query);
  std::uint64_t post_client_query(const v1::Query& query);
  std::optional<v1::ChannelAnswer> try_await(std::uint64_t request);
  v1::ChannelAnswer await_answer(std::uint64_t request);

  // enroll + register, as a manager does it.
  void join();
  v1::RegisterOutcome register_again();
  std::optional<v1::RegisterOutcome> try_register(Offset created_hi_seen);

  [[nodiscard]] bool is_open() const { return channel_ && channel_->is_open(); }

  std::string name;
  StoreId store;
  Epoch epoch_value() const { return Epoch(epoch); }
  std::uint64_t epoch = 1;
  Life life;
  ShardId shard;
  Offset next_offset{1};
  std::uint32_t crc = 0;
  Offset durable_end{1};
  Incarnation incarnation;
  ClusterId cluster;
  std::uint64_t index_seen = 0;
  std::uint32_t generation_seen = 0;

  std::vector<v1::Grant> grants;   // in order of arrival
  std::vector<Status> failures;    // of attempts to connect
  std::vector<std::string> order;  // "outcomes", "grants": as they arrived
  int closed = 0;

 private:
  v1::Command register_command(Offset created_hi_seen) const;
  std::uint64_t post_commands(const std::vector<v1::Command>& commands);
  void beat();
  void on_frame(const Frame& frame);

  sim::SimScheduler& scheduler_;
  Logger& logger_;
  Random random_;
  sim::SimLoop loop_;
  sim::SimTransport transport_;
  std::unique_ptr<Channel> channel_;
  std::map<std::uint64_t, v1::ChannelOutcomes> outcomes_;
  std::map<std::uint64_t, v1::ChannelAnswer> answers_;
  bool beating_ = true;
};

class CenterWorld {
 public:
  explicit CenterWorld(std::uint64_t seed = 1);
  ~CenterWorld();

  Status start_center();
  // kProcess: as kill -9, the disk keeps what was written. kMachine: only what was synced.
  void kill_center(sim::Death death = sim::Death::kProcess);
  void restart_center();

  TestManager& add_manager(const std::string& name);
  // Connected, enrolled and registered.
  TestManager& join_manager(const std::string& name);
  void reconnect(TestManager& manager);
  void run(Duration length) { scheduler.run_for(length); }

  sim::SimScheduler scheduler;
  sim::SimNetwork network;
  sim::SimEnv env;
  CapturingLogger logger;
  CenterOptions options;
  sim::SimWorker::Mode worker_mode = sim::SimWorker::Mode::kMixed;
  Duration sync_delay_max = 800us;
  std::unique_ptr<sim::SimLoop> loop;
  std::unique_ptr<sim::SimTransport> transport;
  std::unique_ptr<sim::SimWorker> worker;
  std::unique_ptr<CenterNode> center;
  std::vector<Status> failures;
  std::vector<std::unique_ptr<TestManager>> managers;
};

// ---- commands ----
v1::Command created(const TestManager& manager, Offset from, std::uint32_t count,
                    const std::string& queue);
v1::Command attach(SessionId session, std::uint64_t conn_epoch,
                   const std::vector<Token>& held = {});
v1::Command demand(SessionId session, std::uint64_t conn_epoch, std::uint32_t line,
                   const std::string& queue, std::uint64_t total, Millis lease = 30s);
v1::Command ack(SessionId session, std::uint64_t seq, const v1::Grant& grant);
v1::Command heartbeat(SessionId session, const std::vector<std::uint64_t>& tokens);

inline constexpr SessionId kSession{Uuid{7, 7}};

}  // namespace baton::center::testing
