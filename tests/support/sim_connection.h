// SimConnection: a process's view of a SimWire, and what one process has open on the network.
//
// Internal to sim_network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/net/frame.h"
#include "common/net/transport.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_wire.h"

namespace baton::sim {

class SimConnection;

// What a SimTransport shares with its connections, listeners and dials, some of which outlive it.
struct SimTransport::Process {
  SimNetwork& network;
  SimLoop::Handle loop;
  std::string host;
  std::uint64_t next_dial = 1;
  std::map<std::uint64_t, std::function<void(Result<ConnectionPtr>)>> dials;  // not answered yet
  std::vector<std::weak_ptr<SimConnection>> connections;

  // Null once the process is dead.
  [[nodiscard]] SimLoop* living() const {
    SimLoop* found = loop.get();
    return found != nullptr && !found->dead() ? found : nullptr;
  }
  void answer_dial(std::uint64_t id, Result<ConnectionPtr> result);
};

class SimConnection final : public Connection,
                            public WireEnd,
                            public std::enable_shared_from_this<SimConnection> {
 public:
  static std::shared_ptr<SimConnection> create(std::shared_ptr<SimTransport::Process> process,
                                               std::shared_ptr<SimWire> wire, std::size_t side,
                                               std::string peer);
  SimConnection(std::shared_ptr<SimTransport::Process> process, std::shared_ptr<SimWire> wire,
                std::size_t side, std::string peer);
  ~SimConnection() override;

  void start(Events events) override;
  void send(v1::FrameType type, std::uint64_t request_id,
            const google::protobuf::MessageLite& metadata,
            std::span<const std::string_view> payload) override;
  void close(Status reason) override;
  [[nodiscard]] std::size_t bytes_queued() const override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void set_frame_bytes_max(std::size_t bytes) override { decoder_.set_frame_bytes_max(bytes); }
  [[nodiscard]] std::string peer() const override { return peer_; }

  void on_wire_bytes(std::string_view bytes) override;
  void on_wire_taken() override;
  void on_wire_ended(const Status& why) override;

  // The process is gone: nothing is told to anybody, whatever the events own is let go.
  void abandon();

 private:
  void trace_frame(v1::FrameType type, const google::protobuf::MessageLite& metadata);
  void post(void (SimConnection::*member)());
  void flush();
  void flush_turn();
  void tell_writable();
  void schedule_read();
  void read();
  void finish(Status reason);
  void tell();

  const std::shared_ptr<SimTransport::Process> process_;
  const std::shared_ptr<SimWire> wire_;
  const std::size_t side_;
  const std::string peer_;
  std::shared_ptr<SimConnection> self_;  // from start() to on_closed, as a pending read would
  Events events_;
  bool started_ = false;
  bool closing_ = false;  // close() was called, or on_closed is on its way
  bool paused_ = false;
  bool flush_posted_ = false;
  bool was_full_ = false;  // the kernel buffers are: on_writable is owed when they have room again
  bool read_posted_ = false;
  std::string out_;              // queued in this turn
  std::string inbox_;            // arrived, not read
  std::optional<Status> ended_;  // by the wire: told once the inbox is read
  Status reason_;
  FrameDecoder decoder_;
};

}  // namespace baton::sim
