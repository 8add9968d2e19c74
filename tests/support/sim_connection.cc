#include "tests/support/sim_connection.h"

#include <algorithm>
#include <utility>

#include <google/protobuf/message.h>

namespace baton::sim {
namespace {

// What two kernels buffer before a sender notices that nobody reads.
constexpr std::size_t kKernelBuffers = std::size_t{256} << 10;

}  // namespace

std::shared_ptr<SimConnection> SimConnection::create(std::shared_ptr<SimTransport::Process> process,
                                                     std::shared_ptr<SimWire> wire,
                                                     std::size_t side, std::string peer) {
  auto made = std::make_shared<SimConnection>(process, wire, side, std::move(peer));
  wire->attach(side, made);
  auto& known = process->connections;
  std::erase_if(known, [](const auto& weak) { return weak.expired(); });
  known.push_back(made);
  return made;
}

SimConnection::SimConnection(std::shared_ptr<SimTransport::Process> process,
                             std::shared_ptr<SimWire> wire, std::size_t side, std::string peer)
    : process_(std::move(process)), wire_(std::move(wire)), side_(side), peer_(std::move(peer)) {}

SimConnection::~SimConnection() { abandon(); }

void SimConnection::start(Events events) {
  BATON_CHECK(!started_);
  started_ = true;
  events_ = std::move(events);
  self_ = shared_from_this();
  if (closing_) {
    post(&SimConnection::tell);
  } else {
    schedule_read();
  }
}

void SimConnection::send(v1::FrameType type, std::uint64_t request_id,
                         const google::protobuf::MessageLite& metadata,
                         std::span<const std::string_view> payload) {
  if (closing_ || ended_) return;
  trace_frame(type, metadata);
  append_frame(out_, type, request_id, metadata, payload);
  if (flush_posted_) return;
  flush_posted_ = true;
  post(&SimConnection::flush_turn);
}

void SimConnection::trace_frame(v1::FrameType type, const google::protobuf::MessageLite& metadata) {
  if (!process_->network.frames_traced() || type == v1::PING || type == v1::PONG) return;
  const auto* readable = dynamic_cast<const google::protobuf::Message*>(&metadata);
  process_->network.scheduler().trace(
      process_->host, "-> " + peer_ + " " + v1::FrameType_Name(type) + " " +
                          (readable == nullptr ? std::string() : readable->ShortDebugString()));
}

void SimConnection::close(Status reason) {
  if (closing_) return;
  flush();
  wire_->close(side_);
  finish(std::move(reason));
}

std::size_t SimConnection::bytes_queued() const {
  const std::size_t under_way = wire_->outstanding(side_);
  return out_.size() + (under_way > kKernelBuffers ? under_way - kKernelBuffers : 0);
}

void SimConnection::resume_reading() {
  paused_ = false;
  schedule_read();
}

void SimConnection::on_wire_bytes(std::string_view bytes) {
  inbox_.append(bytes);
  schedule_read();
}

void SimConnection::on_wire_ended(const Status& why) {
  ended_ = why;
  schedule_read();
}

void SimConnection::abandon() {
  closing_ = true;
  out_.clear();
  wire_->close(side_);
  const Events let_go = std::exchange(events_, {});
  const auto keep = std::exchange(self_, nullptr);
}

void SimConnection::post(void (SimConnection::*member)()) {
  if (SimLoop* loop = process_->living()) {
    loop->post([weak = weak_from_this(), member] {
      if (const auto connection = weak.lock()) (connection.get()->*member)();
    });
  }
}

void SimConnection::flush() {
  flush_posted_ = false;
  // A process that died inside this turn has written nothing of it.
  if (process_->living() != nullptr && !out_.empty()) {
    wire_->send(side_, out_);
  }
  out_.clear();
}

void SimConnection::flush_turn() {
  flush();
  was_full_ = bytes_queued() > 0;
  tell_writable();
}

// What was taken makes room for what waits in front of the kernel.
void SimConnection::on_wire_taken() {
  if (!was_full_) return;
  was_full_ = bytes_queued() > 0;
  post(&SimConnection::tell_writable);
}

void SimConnection::tell_writable() {
  if (started_ && !closing_ && events_.on_writable) events_.on_writable();
}

void SimConnection::schedule_read() {
  if (!started_ || closing_ || read_posted_) return;
  if (!ended_ && (paused_ || inbox_.empty())) return;
  read_posted_ = true;
  post(&SimConnection::read);
}

void SimConnection::read() {
  read_posted_ = false;
  if (closing_) return;
  const std::string bytes = std::exchange(inbox_, {});
  wire_->consumed(side_, bytes.size());
  const Status status = decoder_.feed(bytes, [this](const Frame& frame) {
    events_.on_frame(frame);
    return !closing_ && process_->living() != nullptr;
  });
  if (closing_) return;
  if (!status.ok()) {
    out_.append(fault_answer(decoder_.fault(), status, decoder_.frame_bytes_max()));
    close(status);
  } else if (ended_) {
    finish(*ended_);
  }
}

void SimConnection::finish(Status reason) {
  closing_ = true;
  reason_ = std::move(reason);
  if (started_) post(&SimConnection::tell);
}

void SimConnection::tell() {
  const auto keep = std::exchange(self_, nullptr);
  const Events events = std::exchange(events_, {});
  if (events.on_closed) events.on_closed(reason_);
}

}  // namespace baton::sim
