#include "tests/fuzz/raw_peer.h"

#include <chrono>
#include <utility>

namespace baton::fuzz {

RawFrame RawFrame::read(FuzzInput& in) {
  RawFrame frame;
  frame.type = static_cast<v1::FrameType>(in.u8());
  frame.request = in.u8();
  frame.metadata = in.sized();
  frame.payload = in.sized();
  return frame;
}

RawPeer::RawPeer(sim::SimScheduler& scheduler, sim::SimNetwork& network, const std::string& host,
                 OnFrame on_frame)
    : scheduler_(scheduler),
      network_(network),
      host_(host),
      loop_(scheduler, host),
      transport_(network, loop_, host),
      on_frame_(std::move(on_frame)) {}

RawPeer::~RawPeer() {
  loop_.kill();
  network_.crash(host_, sim::Death::kProcess);
}

bool RawPeer::connect(const Address& to, const v1::Hello& hello) {
  hang_up();
  const std::uint64_t number = ++connections_;
  bool answered = false;
  closed_ = false;
  greeted_ = false;
  transport_.connect(to, std::chrono::seconds(1), [&, number](Result<ConnectionPtr> result) {
    answered = true;
    if (!result.ok()) return;
    connection_ = std::move(result).value();
    connection_->set_frame_bytes_max(kFrameBytesHardMax);
    connection_->start({[this, number](const Frame& frame) {
                          if (number == connections_) hear(frame);
                        },
                        [this, number](const Status&) {
                          if (number == connections_) closed_ = true;
                        }});
    connection_->send(v1::HELLO, 1, hello);
  });
  scheduler_.run_until([&] { return (answered && connection_ == nullptr) || closed_ || greeted_; },
                       std::chrono::seconds(2));
  return greeted_ && !closed_;
}

void RawPeer::hang_up() {
  if (connection_ == nullptr) return;
  connection_->close(Status(ErrorCode::kUnavailable, "the story says so"));
  connection_ = nullptr;
}

void RawPeer::send(const RawFrame& frame) {
  send(frame.type, frame.request, RawMetadata(frame.metadata), frame.payload);
}

void RawPeer::send(v1::FrameType type, std::uint64_t request,
                   const google::protobuf::MessageLite& message, std::string_view payload) {
  if (is_open()) connection_->send(type, request, message, std::span(&payload, 1));
}

void RawPeer::set_reading(bool reading) {
  if (!is_open()) return;
  reading ? connection_->resume_reading() : connection_->pause_reading();
}

void RawPeer::hear(const Frame& frame) {
  if (frame.type == v1::HELLO_OK) greeted_ = true;
  on_frame_(
      {frame.type, frame.request_id, std::string(frame.metadata), std::string(frame.payload)});
}

v1::Hello make_hello(v1::Role role, Uuid cluster, std::string_view name, Uuid store) {
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(role);
  hello.set_software("fuzz");
  if (cluster) {
    hello.mutable_cluster()->set_hi(cluster.hi);
    hello.mutable_cluster()->set_lo(cluster.lo);
  }
  hello.set_name(std::string(name));
  if (store) {
    hello.mutable_store()->set_hi(store.hi);
    hello.mutable_store()->set_lo(store.lo);
  }
  return hello;
}

}  // namespace baton::fuzz
