// RawPeer: a connection of the simulated network on which a fuzz case says whatever it likes.
//
// And the few other things that targets with whole nodes share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "proto/broker.pb.h"

#include "common/base/logger.h"
#include "common/net/frame.h"
#include "common/net/transport.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"

namespace baton::fuzz {

// Metadata that is any bytes at all, for Connection::send.
class RawMetadata final : public google::protobuf::MessageLite {
 public:
  explicit RawMetadata(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::string GetTypeName() const override { return "raw"; }
  [[nodiscard]] MessageLite* New(google::protobuf::Arena*) const override { return nullptr; }
  void Clear() override { bytes_.clear(); }
  [[nodiscard]] bool IsInitialized() const override { return true; }
  void CheckTypeAndMergeFrom(const MessageLite&) override {}
  [[nodiscard]] std::size_t ByteSizeLong() const override { return bytes_.size(); }
  [[nodiscard]] int GetCachedSize() const override { return static_cast<int>(bytes_.size()); }
  std::uint8_t* _InternalSerialize(
      std::uint8_t* target, google::protobuf::io::EpsCopyOutputStream* stream) const override {
    return stream->WriteRaw(bytes_.data(), static_cast<int>(bytes_.size()), target);
  }

 private:
  std::string bytes_;
};

// Everything is worth saying and nothing is kept: the code that builds log lines runs.
class QuietLogger final : public Logger {
 public:
  void write(LogLevel, std::string_view, std::span<const LogField>) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
};

// A frame as a fuzz case spells it: type u8 | request id u8 | metadata sized | payload sized.
struct RawFrame {
  v1::FrameType type = v1::FRAME_NONE;
  std::uint64_t request = 0;
  std::string metadata;
  std::string payload;

  static RawFrame read(FuzzInput& in);
  template <class Message>
  [[nodiscard]] bool parse(Message& message) const {
    return parse_metadata(metadata, message).ok();
  }
};

class RawPeer {
 public:
  using OnFrame = std::function<void(const RawFrame&)>;

  RawPeer(sim::SimScheduler& scheduler, sim::SimNetwork& network, const std::string& host,
          OnFrame on_frame);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  // Closes what is open, connects anew and says HELLO. False: nobody listens, or HELLO was refused.
  bool connect(const Address& to, const v1::Hello& hello);
  void hang_up();
  void send(const RawFrame& frame);
  void send(v1::FrameType type, std::uint64_t request, const google::protobuf::MessageLite& message,
            std::string_view payload = {});
  void set_reading(bool reading);
  [[nodiscard]] bool is_open() const { return connection_ != nullptr && !closed_; }

 private:
  void hear(const Frame& frame);

  sim::SimScheduler& scheduler_;
  sim::SimNetwork& network_;
  const std::string host_;
  sim::SimLoop loop_;
  sim::SimTransport transport_;
  const OnFrame on_frame_;
  ConnectionPtr connection_;
  std::uint64_t connections_ = 0;
  bool closed_ = false;
  bool greeted_ = false;
};

v1::Hello make_hello(v1::Role role, Uuid cluster = {}, std::string_view name = {}, Uuid store = {});

}  // namespace baton::fuzz
