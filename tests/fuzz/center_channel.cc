// T8, the center's side: what managers may say on their channel, as frames with any metadata at all,
// against a whole center. No manager makes the center fail, gets an answer too many, or puts
// something into the log that the center cannot replay.
//
//   input: steps, each an u8 and what it needs:
//     0-5 a frame of the current manager (raw_peer.h)
//     6-8 commands: request u8 | ChannelCommands sized, sent with the manager's own incarnation
//     9 it enrolls and registers as it should | 10 time passes, u8 x 5 ms
//     11 the next manager, connected when it is not | 12 it hangs up | 13 it reads, or not, u8
//     14 a beat as it should | 15 the center is killed and starts again
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "proto/center.pb.h"

#include "center/service/center_node.h"
#include "tests/fuzz/raw_peer.h"
#include "tests/support/sim_env.h"

namespace baton::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 40;
constexpr std::size_t kManagers = 3;
constexpr std::uint64_t kOwnRequests = 1000;  // request ids of the honest steps, above those of u8

class CenterWorld {
 public:
  CenterWorld() { network.set_quality({20us, 20us}); }
  ~CenterWorld() { kill(); }
  CenterWorld(const CenterWorld&) = delete;
  CenterWorld& operator=(const CenterWorld&) = delete;

  Status start() {
    loop_ = std::make_unique<sim::SimLoop>(scheduler, "center");
    worker_ = std::make_unique<sim::SimWorker>(*loop_, sim::SimWorker::Mode::kInline);
    transport_ = std::make_unique<sim::SimTransport>(network, *loop_, "center");
    center::CenterOptions options;
    options.listen = address();
    options.data = "/center";
    options.snapshot_log_bytes = 20'000;  // so that some stories reach a snapshot
    auto opened = center::CenterNode::open({*loop_, *worker_, *transport_, env, logger, 7}, options,
                                           [this](const Status& status) { failure_ = status; });
    if (!opened.ok()) return opened.status();
    node_ = std::move(opened).value();
    return {};
  }

  void kill() {
    if (loop_) loop_->kill();
    network.crash("center", sim::Death::kProcess);
    env.stop();
    node_.reset();
    transport_.reset();
    worker_.reset();
    loop_.reset();
    env.restart_after_kill();
  }

  [[nodiscard]] Address address() const { return {"center", 10000}; }
  [[nodiscard]] const Status& failure() const { return failure_; }

  sim::SimScheduler scheduler{1};
  sim::SimNetwork network{scheduler};
  QuietLogger logger;
  sim::SimEnv env;

 private:
  Status failure_;
  std::unique_ptr<sim::SimLoop> loop_;
  std::unique_ptr<sim::SimWorker> worker_;
  std::unique_ptr<sim::SimTransport> transport_;
  std::unique_ptr<center::CenterNode> node_;
};

// A center that has been started once.
const sim::SimDisk& used_disk() {
  static const sim::SimDisk disk = [] {
    CenterWorld world;
    FUZZ_CHECK(world.start().ok(), "the center does not start");
    world.scheduler.run_for(50ms);
    world.kill();
    return world.env.disk().copy();
  }();
  return disk;
}

class Manager {
 public:
  Manager(CenterWorld& world, std::size_t number)
      : world_(world),
        name_("m" + std::to_string(number + 1)),
        store_{100, number + 1},
        peer_(world.scheduler, world.network, name_,
              [this](const RawFrame& frame) { hear(frame); }) {}

  // The cluster, which it learns like everybody when it enrolls, is not checked before.
  bool connect() {
    asked_.clear();
    return peer_.connect(world_.address(), make_hello(v1::ROLE_MANAGER, {}, name_, store_));
  }
  [[nodiscard]] bool is_open() const { return peer_.is_open(); }
  [[nodiscard]] bool is_registered() const { return incarnation_ != 0; }
  void hang_up() { peer_.hang_up(); }
  void set_reading(bool reading) { peer_.set_reading(reading); }

  void send(const RawFrame& frame) {
    Asked& asked = asked_[frame.request];
    ++asked.times;
    v1::ChannelCommands commands;
    if (frame.type == v1::CHANNEL_COMMANDS && frame.parse(commands)) {
      asked.commands = commands;
      ++asked.command_frames;
    }
    peer_.send(frame);
  }

  // As a manager that lies only within its commands.
  void send_commands(std::uint64_t request, const std::string& bytes) {
    v1::ChannelCommands commands;
    if (!parse_metadata(bytes, commands).ok()) return;
    commands.set_incarnation(incarnation_);
    send({v1::CHANNEL_COMMANDS, request, commands.SerializeAsString(), ""});
  }

  void join() {
    v1::ChannelCommands commands;
    v1::Enroll& enroll = *commands.add_command()->mutable_enroll();
    enroll.mutable_store()->set_hi(store_.hi);
    enroll.mutable_store()->set_lo(store_.lo);
    enroll.set_name(name_);
    enroll.set_address(name_ + ":7101");
    const v1::ChannelOutcomes enrolled = ask(commands);
    if (enrolled.outcome_size() != 1) return;
    shard_ = enrolled.outcome(0).enroll().shard();
    const std::uint64_t created_hi = enrolled.outcome(0).enroll().created_hi();
    commands.Clear();
    v1::Register& request = *commands.add_command()->mutable_register_();
    request.set_shard(shard_);
    request.mutable_store()->set_hi(store_.hi);
    request.mutable_store()->set_lo(store_.lo);
    request.set_epoch(++epoch_);
    request.mutable_life()->set_hi(7);
    request.mutable_life()->set_lo(epoch_);
    request.set_next_offset(created_hi);
    request.set_created_hi_seen(created_hi);
    request.set_address(name_ + ":7101");
    const v1::ChannelOutcomes registered = ask(commands);
    if (registered.outcome_size() != 1) return;
    const v1::RegisterOutcome& outcome = registered.outcome(0).register_();
    if (outcome.result() == v1::REGISTERED) incarnation_ = outcome.incarnation();
  }

  void beat() {
    v1::ChannelBeat message;
    message.set_incarnation(incarnation_);
    message.set_shard(shard_);
    message.set_wall_ms(1'790'000'000'000);
    message.set_durable_end(1);
    peer_.send(v1::CHANNEL_BEAT, 0, message);
  }

 private:
  struct Asked {  // under one request id
    int times = 0;
    int command_frames = 0;
    v1::ChannelCommands commands;  // the last frame of them
  };

  v1::ChannelOutcomes ask(const v1::ChannelCommands& commands) {
    if (!is_open()) return {};
    const std::uint64_t request = ++own_request_;
    answered_ = false;
    answer_.Clear();
    send({v1::CHANNEL_COMMANDS, request, commands.SerializeAsString(), ""});
    world_.scheduler.run_until([this] { return answered_ || !is_open(); }, 2s);
    return answer_;
  }

  void hear(const RawFrame& frame) {
    switch (frame.type) {
      case v1::HELLO_OK:
      case v1::GOODBYE:
      case v1::CHANNEL_GRANTS:
        return;
      default:
        break;
    }
    if (frame.type == v1::ERROR && frame.request == 0) return;  // the last word before a close
    const auto asked = asked_.find(frame.request);
    FUZZ_CHECK(asked != asked_.end() && asked->second.times > 0,
               "an answer of type " + std::to_string(frame.type) + " that nobody asked for");
    --asked->second.times;
    if (frame.type == v1::CHANNEL_OUTCOMES) check_outcomes(frame, asked->second);
  }

  void check_outcomes(const RawFrame& frame, const Asked& asked) {
    v1::ChannelOutcomes outcomes;
    FUZZ_CHECK(frame.parse(outcomes), "CHANNEL_OUTCOMES cannot be read");
    FUZZ_CHECK(asked.command_frames > 0, "outcomes for what were no commands");
    if (asked.command_frames == 1 && outcomes.code() == v1::OK)
      check_each(asked.commands, outcomes);
    if (frame.request == own_request_) {
      answer_ = outcomes;
      answered_ = true;
    }
  }

  static void check_each(const v1::ChannelCommands& asked, const v1::ChannelOutcomes& outcomes) {
    FUZZ_CHECK(outcomes.outcome_size() == asked.command_size(), "not one outcome for each command");
    for (int i = 0; i < asked.command_size(); ++i) {
      if (is_for_managers(asked.command(i))) continue;
      FUZZ_CHECK(
          outcomes.outcome(i).simple().code() != v1::OK,
          "a manager may ask what only the center may: " + asked.command(i).ShortDebugString());
    }
  }
  // Named again here: a list shared with the center would forget on both sides.
  static bool is_for_managers(const v1::Command& command) {
    return !command.has_tick() && !command.has_term_start() && !command.has_continue_() &&
           !command.has_shard_offline() && !command.has_remove();
  }

  CenterWorld& world_;
  const std::string name_;
  const Uuid store_;
  std::map<std::uint64_t, Asked> asked_;
  std::uint64_t own_request_ = kOwnRequests;
  bool answered_ = false;
  v1::ChannelOutcomes answer_;
  std::uint32_t shard_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t incarnation_ = 0;
  RawPeer peer_;  // last: it is destroyed before what its frames need
};

class Story {
 public:
  explicit Story(FuzzInput in) : in_(in) {
    world_.env.disk() = used_disk().copy();
    FUZZ_CHECK(world_.start().ok(), "the center does not start");
    world_.scheduler.run_for(20ms);
    for (std::size_t i = 0; i < kManagers; ++i) managers_[i] = std::make_unique<Manager>(world_, i);
    connect();
  }

  void run() {
    for (std::size_t i = 0; i < kStepsMax && !in_.empty(); ++i) {
      step();
      world_.scheduler.run_for(1ms);
    }
    world_.scheduler.run_for(1s);
    check_center();
    restart();
    // Whatever they did, the next manager is served.
    Manager late(world_, 7000);  // a name that no story thinks of
    FUZZ_CHECK(late.connect(), "an honest manager is not let in");
    late.join();
    FUZZ_CHECK(late.is_registered(), "an honest manager is not registered");
    check_center();
  }

 private:
  Manager& manager() { return *managers_[current_]; }
  // It may be refused: to lie in HELLO as well is allowed.
  void connect() { (void)manager().connect(); }

  void step() {
    const std::uint8_t what = in_.u8() % 16;
    if (what < 6) return manager().send(RawFrame::read(in_));
    if (what < 9) {
      const std::uint8_t request = in_.u8();
      return manager().send_commands(request, std::string(in_.sized()));
    }
    switch (what) {
      case 9:
        if (!manager().is_open()) connect();
        return manager().join();
      case 10:
        return world_.scheduler.run_for(in_.u8() * 5ms);
      case 11:
        current_ = (current_ + 1) % kManagers;
        return manager().is_open() ? void() : connect();
      case 12:
        return manager().hang_up();
      case 13:
        return manager().set_reading(in_.flag());
      case 14:
        return manager().beat();
      default:
        return restart();
    }
  }

  void check_center() {
    FUZZ_CHECK(world_.failure().ok(), "the center failed: " + world_.failure().to_string());
  }

  void restart() {
    world_.kill();
    const Status started = world_.start();
    FUZZ_CHECK(started.ok(), "the center does not start again: " + started.to_string());
    world_.scheduler.run_for(20ms);
  }

  FuzzInput in_;
  CenterWorld world_;
  std::array<std::unique_ptr<Manager>, kManagers> managers_;
  std::size_t current_ = 0;
};

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  baton::fuzz::Story(baton::fuzz::FuzzInput(data, size)).run();
  return 0;
}
