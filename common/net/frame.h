// Frames: the unit of every Baton connection, as bytes. No sockets here: bytes in, frames out.
//
// A frame is a header of 28 bytes (all numbers little-endian), the metadata (a protobuf message
// that the type names) and the payload (raw bytes that the metadata cuts apart):
//
//    0  "BTN"                 3  version (1)
//    4  type, 2 bytes         6  flags, 2 bytes, 0
//    8  request id, 8 bytes
//   16  metadata length      20  payload length
//   24  CRC32C of bytes 0-23, metadata and payload
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/net/transport.h"

namespace baton {

inline constexpr std::size_t kFrameHeaderBytes = 28;
inline constexpr std::uint8_t kFrameVersion = 1;
// What a connection may send before it is known: room for a HELLO, not for an attack.
inline constexpr std::size_t kFrameBytesBeforeHello = 4096;
// The largest frame that any flag can allow, header excluded.
inline constexpr std::size_t kFrameBytesHardMax = frame_bytes_max_of(kPayloadBytesHardMax);

// Appends one frame to `out`. The metadata is serialised straight into it.
// REQUIRES: metadata and payload are each shorter than 4 GiB.
void append_frame(std::string& out, v1::FrameType type, std::uint64_t request_id,
                  const google::protobuf::MessageLite& metadata,
                  std::span<const std::string_view> payload = {});

// Parses the metadata of a frame. invalid_argument when it is not that message: unparsable or
// truncated, trailing bytes, nesting deeper than 16, text that is not UTF-8. Unknown fields are
// ignored.
Status parse_metadata(std::string_view metadata, google::protobuf::MessageLite& message);

// invalid_argument when a repeated field has more items than `max`.
Status check_items(std::string_view field, int items, std::size_t max);

// The payload cut into items by the lengths that the metadata gave; invalid_argument when they do
// not add up to exactly the payload. The views point into `payload`.
Result<std::vector<std::string_view>> cut_payload(std::string_view payload,
                                                  std::span<const std::uint32_t> lengths);

// What was wrong with the bytes of a connection.
enum class FrameFault : std::uint8_t {
  kNone,
  kBadMagic,    // not a Baton client at all: gets no answer
  kHttp,        // the same, recognised
  kTls,         // the same, recognised
  kBadVersion,  // a Baton frame of another version
  kBadHeader,   // frame type 0, or flags that version 1 does not have
  kTooLarge,    // over the connection's frame limit
  kBadCrc,
};
std::string_view to_string(FrameFault fault);

// True for the status of a decoder (or of the connection it belonged to) that met kBadMagic, kHttp
// or kTls.
bool is_foreign_protocol(const Status& status);

// Cuts a stream of bytes into frames. Any split of the same bytes gives the same frames. The limit
// is checked as soon as the header is there, before any buffer grows; buffered bytes never exceed
// what the peer really sent. After a fault the decoder is finished: a stream is never
// resynchronised.
class FrameDecoder {
 public:
  // Returns false to stop: the rest of the bytes is dropped. The frame's views are valid inside the
  // call.
  using Sink = std::function<bool(const Frame&)>;

  explicit FrameDecoder(std::size_t frame_bytes_max = kFrameBytesBeforeHello)
      : frame_bytes_max_(frame_bytes_max) {}

  // May be called inside the sink; counts from the next header on.
  void set_frame_bytes_max(std::size_t bytes) { frame_bytes_max_ = bytes; }
  [[nodiscard]] std::size_t frame_bytes_max() const { return frame_bytes_max_; }

  // Delivers every frame that `bytes` completes. Not ok: bad_frame, too_large or
  // unsupported_version, once and for ever; fault() says more.
  Status feed(std::string_view bytes, const Sink& sink);

  [[nodiscard]] FrameFault fault() const { return fault_; }
  // Bytes kept of a frame that is not complete.
  [[nodiscard]] std::size_t bytes_buffered() const { return buffer_.size(); }

 private:
  Status check_start(std::string_view bytes);
  Result<std::size_t> frame_size(std::string_view bytes);
  Result<std::size_t> bytes_wanted(std::string_view bytes);
  void buffer_up_to(std::size_t size, std::string_view& bytes);
  Status decode(std::string_view frame_bytes, const Sink& sink, bool& go_on);
  Status fail(FrameFault fault, ErrorCode code, std::string message);

  std::size_t frame_bytes_max_;
  std::string buffer_;  // the beginning of an unfinished frame
  FrameFault fault_ = FrameFault::kNone;
  Status failure_;
};

// What a peer is told before its connection closes for `fault`, ready to be sent; empty when it
// gets no answer (it speaks another protocol).
std::string fault_answer(FrameFault fault, const Status& failure, std::size_t frame_bytes_max);

// The message of an ERROR frame, and back.
v1::Error to_error(const Status& status);
Status from_error(const v1::Error& error);

}  // namespace baton
