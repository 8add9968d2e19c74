// SimNetwork and SimTransport: the network of a simulated world.
//
// Every host has a name; a process on it gets a SimTransport and then connects and listens as it
// would in reality. Real bytes travel: frames are encoded, cut into segments, delayed and decoded
// again. The faults are those of TCP between real machines: delay, stall, reset, a cut in the
// middle of a frame, a connection that only one side remembers, and ways that are blocked in one or
// both directions. TCP never loses or reorders inside a connection, so neither does this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/net/transport.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_scheduler.h"
#include "tests/support/sim_wire.h"

namespace baton::sim {

class SimListener;
class SimTransport;

// How long a segment takes, drawn evenly from [min, max].
struct LinkQuality {
  Duration delay_min = std::chrono::microseconds(20);
  Duration delay_max = std::chrono::microseconds(200);
};

// What the others notice when a process ends.
enum class Death : std::uint8_t {
  kProcess,  // its kernel closes its connections and refuses new ones
  kMachine,  // nothing at all, until revive()
};

class SimNetwork {
 public:
  struct Counters {
    std::uint64_t refused = 0;
    std::uint64_t connect_timeouts = 0;
    std::uint64_t resets = 0;
    std::uint64_t cuts = 0;
    std::uint64_t half_opens = 0;
  };

  // The scheduler outlives the network, the network everything that talks through it.
  explicit SimNetwork(SimScheduler& scheduler);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // ---- faults ----
  void set_quality(LinkQuality quality) { quality_ = quality; }
  // Nothing passes from `from` to `to`; what was sent waits there. Both ways: partition().
  void block(const std::string& from, const std::string& to);
  void unblock(const std::string& from, const std::string& to);
  void partition(const std::string& a, const std::string& b);
  // All ways open and quick again, armed cuts disarmed. Dead machines stay dead.
  void heal();

  // Of all open connections between the two hosts; returns how many.
  std::size_t reset(const std::string& a, const std::string& b);
  // Of one open connection, by chance; false when there is none.
  bool reset_one();
  // It resets after up to `bytes_max` more bytes in one direction.
  bool cut_one(std::size_t bytes_max);
  // One side forgets it; the other learns that only by asking.
  bool half_open_one();

  // Every connection of the host ends, its ports are free. Call it after SimLoop::kill().
  void crash(const std::string& host, Death death);
  void revive(const std::string& host);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  // Every frame that is sent is a line of the trace, too, but for pings. For looking at one run.
  void trace_frames() { frames_traced_ = true; }
  [[nodiscard]] std::size_t open_connections() const;

  // ---- for SimTransport and SimWire ----
  [[nodiscard]] SimScheduler& scheduler() { return scheduler_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] Duration draw_delay();
  [[nodiscard]] bool open_way(const std::string& from, const std::string& to) const;
  void forget_if_finished(const SimWire& wire);
  [[nodiscard]] bool frames_traced() const { return frames_traced_; }

 private:
  friend class SimListener;
  friend class SimTransport;
  using Way = std::pair<std::string, std::string>;  // from, to
  struct Dial;

  void dial(std::shared_ptr<Dial> attempt);
  void accept(const Dial& attempt, SimListener& listener);
  std::shared_ptr<SimWire> pick_open_wire();
  void kick_all();

  SimScheduler& scheduler_;
  Random random_;
  LinkQuality quality_;
  std::set<Way> blocked_;
  std::set<std::string> dead_machines_;
  std::map<std::pair<std::string, std::uint16_t>, SimListener*> listeners_;
  std::map<std::uint64_t, std::shared_ptr<SimWire>> wires_;
  std::uint64_t next_wire_ = 1;
  std::uint16_t next_port_ = 20'000;
  Counters counters_;
  bool frames_traced_ = false;
};

// One process's access to the network, under the name of its host. Destroyed after the node and
// before the loop; connections that somebody still holds are dead then.
class SimTransport final : public Transport {
 public:
  // `host` is the only one that listen() accepts, and what others connect to.
  SimTransport(SimNetwork& network, SimLoop& loop, std::string host);
  ~SimTransport() override;
  SimTransport(const SimTransport&) = delete;
  SimTransport& operator=(const SimTransport&) = delete;

  void connect(const Address& address, Duration timeout,
               std::function<void(Result<ConnectionPtr>)> done) override;
  Result<std::unique_ptr<Listener>> listen(const Address& address,
                                           std::function<void(ConnectionPtr)> on_accept) override;

  struct Process;

 private:
  std::shared_ptr<Process> process_;
};

}  // namespace baton::sim
