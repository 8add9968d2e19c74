// T2: what clients may ask a manager after their HELLO, as frames with any metadata at all, against a
// whole manager. No client makes the manager fail, gets an answer too many, or passes on to the
// center what the center could not read.
//
//   input: steps, each an u8 and what it needs:
//     0-6 a frame of the current client (raw_peer.h) | 7 the last claim granted is lost
//     8 the rules of its queue change, u8: ordered, limits of tasks, of bytes | 9 time passes, u8 x 5 ms
//     10 the next client, connected when it is not | 11 it hangs up | 12 it reads, or not, u8
//     13 the center grants the last task stored to the last line opened | 14 the same, of any task
//     15 the center is away for a moment
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "center/storage/command_codec.h"
#include "tests/fuzz/manager_world.h"

namespace baton::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 48;
constexpr std::size_t kClients = 3;

class Client {
 public:
  Client(ManagerWorld& world, std::size_t number)
      : world_(world),
        peer_(world.scheduler, world.network, "client" + std::to_string(number),
              [this](const RawFrame& frame) { hear(frame); }) {}

  void connect() {
    asked_.clear();
    FUZZ_CHECK(peer_.connect(world_.address(), make_hello(v1::ROLE_CLIENT)),
               "a client that says HELLO is not let in");
  }
  [[nodiscard]] bool is_open() const { return peer_.is_open(); }
  void hang_up() { peer_.hang_up(); }
  void set_reading(bool reading) { peer_.set_reading(reading); }

  void send(const RawFrame& frame) {
    Asked& asked = asked_[frame.request];
    ++asked.times;
    v1::Produce produce;
    if (frame.type == v1::PRODUCE && frame.parse(produce)) asked.items = produce.length_size();
    if (frame.type == v1::PRODUCE) ++asked.produces;
    v1::Act act;
    if (frame.type == v1::ACT && frame.parse(act)) asked.acted_on = act.task_size();
    if (frame.type == v1::ACT) ++asked.acts;
    peer_.send(frame);
  }

  [[nodiscard]] std::uint64_t last_task() const { return last_task_; }

 private:
  struct Asked {  // under one request id
    int times = 0;
    int produces = 0;
    int items = 0;  // of the last produce
    int acts = 0;
    int acted_on = 0;  // by the last of them
  };

  void hear(const RawFrame& frame) {
    switch (frame.type) {
      case v1::HELLO_OK:
      case v1::TASKS:
      case v1::CLAIMS_LOST:
      case v1::GOODBYE:
        return;
      default:
        break;
    }
    if (frame.type == v1::ERROR && frame.request == 0) return;  // the last word before a close
    const auto asked = asked_.find(frame.request);
    FUZZ_CHECK(asked != asked_.end() && asked->second.times > 0,
               "an answer of type " + std::to_string(frame.type) + " that nobody asked for");
    --asked->second.times;
    if (frame.type == v1::PRODUCED) check_produced(frame, asked->second);
    if (frame.type == v1::ACTED) check_acted(frame, asked->second);
  }

  static void check_acted(const RawFrame& frame, const Asked& asked) {
    v1::Acted acted;
    FUZZ_CHECK(frame.parse(acted), "ACTED cannot be read");
    std::uint64_t tasks = 0;
    for (const v1::ActedRun& run : acted.run()) tasks += run.count();
    FUZZ_CHECK(asked.acts > 1 || tasks == static_cast<std::uint64_t>(asked.acted_on),
               "ACTED has not one outcome per task");
  }

  void check_produced(const RawFrame& frame, const Asked& asked) {
    v1::Produced produced;
    FUZZ_CHECK(frame.parse(produced), "PRODUCED cannot be read");
    std::uint64_t items = 0;
    for (const v1::ProducedRun& run : produced.run()) {
      items += run.count();
      FUZZ_CHECK((run.code() == v1::OK) == (run.first_task() != 0),
                 "an item is confirmed without a task, or refused with one");
      if (run.code() == v1::OK) last_task_ = run.first_task();
    }
    FUZZ_CHECK(asked.produces > 1 || items == static_cast<std::uint64_t>(asked.items),
               "PRODUCED has not one outcome per item");
  }

  ManagerWorld& world_;
  std::map<std::uint64_t, Asked> asked_;
  std::uint64_t last_task_ = 0;
  RawPeer peer_;  // last: it is destroyed before what its frames need
};

class Story {
 public:
  explicit Story(FuzzInput in) : in_(in) {
    world_.start();
    for (std::size_t i = 0; i < kClients; ++i) {
      clients_[i] = std::make_unique<Client>(world_, i);
    }
    client().connect();
  }

  void run() {
    for (std::size_t i = 0; i < kStepsMax && !in_.empty(); ++i) {
      step();
      world_.scheduler.run_for(1ms);
    }
    world_.scheduler.run_for(3s);
    FUZZ_CHECK(world_.failure().ok(), "the manager failed: " + world_.failure().to_string());
    check_commands();
    // Whatever they did, the next client is served, and what is on the disk can be read again.
    client().connect();
    const Status restarted = world_.restart();
    FUZZ_CHECK(restarted.ok(), "the manager does not start again: " + restarted.to_string());
  }

 private:
  Client& client() { return *clients_[current_]; }

  void step() {
    const std::uint8_t what = in_.u8() % 16;
    if (what < 7) {
      if (client().is_open()) return client().send(RawFrame::read(in_));
      (void)RawFrame::read(in_);
      return client().connect();
    }
    switch (what) {
      case 7:
        return lose();
      case 8:
        return change_rule(in_.u8());
      case 9:
        return world_.scheduler.run_for(in_.u8() * 5ms);
      case 10:
        current_ = (current_ + 1) % kClients;
        return client().is_open() ? void() : client().connect();
      case 11:
        return client().hang_up();
      case 12:
        return client().set_reading(in_.flag());
      case 13:
        return grant(client().last_task());
      case 14:
        return grant((in_.u8() % 4 + std::uint64_t{4}) << 44 | in_.odd_number());
      default:
        world_.center.drop_connections();
    }
  }

  // As the ledger would: to a line that is open, with a number and a token of its own.
  void grant(std::uint64_t task) {
    if (!TaskId(task).valid() || world_.center.count(v1::Command::kDemand) == 0) return;
    const v1::SessionDemand& demand = world_.center.last(v1::Command::kDemand).demand();
    v1::Grant grant;
    *grant.mutable_session() = demand.session();
    grant.set_conn_epoch(demand.conn_epoch());
    grant.set_number(++grants_);
    grant.set_line(demand.line());
    grant.set_task(task);
    grant.set_token(1000 + grants_);
    grant.set_attempt(1);
    grant.set_lease_ms(demand.lease_ms());
    last_grant_ = grant;
    world_.center.grant(grant);
  }

  // As the ledger tells of a claim that was cancelled, perhaps before it was delivered.
  void lose() {
    if (grants_ == 0) return;
    v1::ChannelGrants news;
    v1::SessionLostClaim& lost = *news.add_lost();
    *lost.mutable_session() = last_grant_.session();
    lost.set_conn_epoch(last_grant_.conn_epoch());
    lost.mutable_claim()->set_task(last_grant_.task());
    lost.mutable_claim()->set_token(last_grant_.token());
    lost.mutable_claim()->set_cause(v1::LOST_CANCELLED);
    world_.center.push(news);
  }

  void change_rule(std::uint8_t how) {
    v1::ChannelGrants news;
    v1::QueueRule& rule = *news.add_rule();
    rule.set_queue("mail");
    rule.set_ordered((how & 1) != 0);
    rule.set_limits_tasks((how & 2) != 0);
    rule.set_max_bytes((how & 4) != 0 ? 8 : 0);
    world_.center.rules = {rule};
    if ((how & 8) != 0) world_.center.room_tasks["mail"] = how >> 4;
    world_.center.push(news);
  }

  void check_commands() const {
    for (const v1::Command& command : world_.center.commands) {
      const auto decoded = center::decode_command(command);
      FUZZ_CHECK(decoded.ok(), "a manager passes on " + command.ShortDebugString() + ": " +
                                   decoded.status().to_string());
    }
  }

  FuzzInput in_;
  ManagerWorld world_;
  std::array<std::unique_ptr<Client>, kClients> clients_;
  std::size_t current_ = 0;
  std::uint64_t grants_ = 0;
  v1::Grant last_grant_;
};

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  baton::fuzz::Story(baton::fuzz::FuzzInput(data, size)).run();
  return 0;
}
