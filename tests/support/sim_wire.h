// SimWire: one simulated TCP connection, as the two kernels and the network between them see it.
//
// Bytes of a direction arrive in order, in segments cut by chance, each after a delay. What a
// process sent survives it in here, as it would in its kernel. The process's own view is
// SimConnection (sim_network.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

class SimNetwork;

// A process's end of a wire.
class WireEnd {
 public:
  virtual ~WireEnd() = default;
  virtual void on_wire_bytes(std::string_view bytes) = 0;
  // The other process has taken some of what was sent.
  virtual void on_wire_taken() = 0;
  // No more bytes will come and none will leave. Once.
  virtual void on_wire_ended(const Status& why) = 0;
};

class SimWire : public std::enable_shared_from_this<SimWire> {
 public:
  static constexpr std::size_t kConnector = 0;
  static constexpr std::size_t kAcceptor = 1;

  SimWire(SimNetwork& network, std::uint64_t id, std::string connector_host,
          std::string acceptor_host);

  void attach(std::size_t side, std::weak_ptr<WireEnd> end) { sides_[side].end = std::move(end); }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const std::string& host(std::size_t side) const { return sides_[side].host; }

  // ---- what a process does ----
  void send(std::size_t side, std::string_view bytes);
  // Everything sent arrives, then the end.
  void close(std::size_t side);
  // The process has taken `bytes` that arrived: the window opens.
  void consumed(std::size_t side, std::size_t bytes);
  // Bytes sent from `side` that the other process has not taken.
  [[nodiscard]] std::size_t outstanding(std::size_t side) const { return sides_[side].outstanding; }

  // ---- what the world does ----
  // The process is gone and its kernel says so: after what was sent, or, by chance, dropping some
  // of it.
  void abort(std::size_t side);
  // The machine is gone, or has forgotten the connection: the other side hears nothing.
  void vanish(std::size_t side);
  // Both ends fail at once; what was under way is lost.
  void reset();
  // Resets as soon as `bytes` more have arrived from `side`, in the middle of a frame as a rule.
  void cut_after(std::size_t side, std::size_t bytes) { sides_[side].cut_after = bytes; }
  void disarm() { sides_[0].cut_after = sides_[1].cut_after = std::nullopt; }
  // The world ends.
  void orphan();
  // The way from `side` may be open again.
  void kick(std::size_t side);

  // Both processes believe in it.
  [[nodiscard]] bool open() const { return sides_[0].open && sides_[1].open; }
  // Nothing will ever happen on it any more.
  [[nodiscard]] bool finished() const;

 private:
  enum class Kind : std::uint8_t { kData, kFin, kReset };
  struct Segment {
    Kind kind;
    SimTime arrives_at;
    SimTime sent_at;
    std::string bytes;
  };
  struct Side {  // the sending direction and the process of one side
    std::string host;
    std::weak_ptr<WireEnd> end;
    bool open = true;   // the process has not closed it and was not told of its end
    bool gone = false;  // nobody there and nobody said so
    std::deque<Segment> queue;
    bool pump_scheduled = false;
    SimTime last_arrival{0};
    std::size_t outstanding = 0;
    std::optional<std::size_t> cut_after;
  };

  void enqueue(std::size_t side, Kind kind, std::string bytes);
  void schedule_pump(std::size_t side);
  void pump(std::size_t side);
  void arrive(std::size_t from, Segment segment);
  void end_side(std::size_t side, const Status& why);
  void give_up_when_stuck(std::size_t side);

  SimNetwork& network_;
  const std::uint64_t id_;
  Side sides_[2];
};

}  // namespace baton::sim
