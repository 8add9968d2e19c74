#include "common/net/frame.h"

#include <algorithm>
#include <array>
#include <utility>

#include <google/protobuf/io/coded_stream.h>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/crc32c.h"

namespace baton {
namespace {

constexpr std::string_view kMagic = "BTN";
constexpr std::size_t kVersionAt = 3;
constexpr std::size_t kTypeAt = 4;
constexpr std::size_t kCrcAt = 24;

// Nothing in our messages nests deeper than 6; protobuf's own limit of 100 is for others.
constexpr int kNestingMax = 16;

// What a client of another protocol sends first, so that the log can say who knocks.
FrameFault name_stranger(std::string_view bytes) {
  static constexpr std::array<std::string_view, 9> kHttpMethods = {
      "GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "PRI * "};
  for (const std::string_view method : kHttpMethods) {
    if (bytes.starts_with(method.substr(0, bytes.size()))) return FrameFault::kHttp;
  }
  // A TLS record: handshake (22), major version 3.
  const bool tls = bytes[0] == 22 && (bytes.size() == 1 || bytes[1] == 3);
  return tls ? FrameFault::kTls : FrameFault::kBadMagic;
}

struct Header {
  std::uint16_t type;
  std::uint16_t flags;
  std::uint64_t request_id;
  std::uint32_t metadata_bytes;
  std::uint32_t payload_bytes;
  std::uint32_t crc;
};

// REQUIRES: at least a header's bytes.
Header read_header(std::string_view bytes) {
  ByteReader reader(bytes.substr(kTypeAt));
  Header header{};
  header.type = reader.u16();
  header.flags = reader.u16();
  header.request_id = reader.u64();
  header.metadata_bytes = reader.u32();
  header.payload_bytes = reader.u32();
  header.crc = reader.u32();
  return header;
}

std::uint32_t frame_crc(std::string_view frame_bytes) {
  return crc32c_extend(crc32c(frame_bytes.substr(0, kCrcAt)),
                       frame_bytes.substr(kFrameHeaderBytes));
}

std::uint32_t length_of(std::size_t bytes) {
  BATON_CHECK(bytes <= UINT32_MAX);
  return static_cast<std::uint32_t>(bytes);
}

}  // namespace

void append_frame(std::string& out, v1::FrameType type, std::uint64_t request_id,
                  const google::protobuf::MessageLite& metadata,
                  std::span<const std::string_view> payload) {
  const std::size_t begin = out.size();
  const std::size_t metadata_bytes = metadata.ByteSizeLong();
  std::size_t payload_bytes = 0;
  for (const std::string_view piece : payload) payload_bytes += piece.size();

  ByteWriter writer(out);
  writer.bytes(kMagic);
  writer.u8(kFrameVersion);
  writer.u16(static_cast<std::uint16_t>(type));
  writer.u16(0);  // flags
  writer.u64(request_id);
  writer.u32(length_of(metadata_bytes));
  writer.u32(length_of(payload_bytes));
  writer.u32(0);  // the checksum, known at the end
  out.resize(begin + kFrameHeaderBytes + metadata_bytes);
  metadata.SerializeWithCachedSizesToArray(
      reinterpret_cast<std::uint8_t*>(out.data() + begin + kFrameHeaderBytes));
  for (const std::string_view piece : payload) out.append(piece);

  const std::uint32_t crc = frame_crc(std::string_view(out).substr(begin));
  for (std::size_t i = 0; i < 4; ++i) out[begin + kCrcAt + i] = static_cast<char>(crc >> (8 * i));
}

Status parse_metadata(std::string_view metadata, google::protobuf::MessageLite& message) {
  const Status bad(ErrorCode::kInvalidArgument, "metadata is no " + message.GetTypeName());
  if (metadata.size() > kFrameBytesHardMax) return bad;
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const std::uint8_t*>(metadata.data()), static_cast<int>(metadata.size()));
  input.SetRecursionLimit(kNestingMax);
  if (!message.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) return bad;
  return {};
}

Status check_items(std::string_view field, int items, std::size_t max) {
  if (static_cast<std::size_t>(items) <= max) return {};
  return Status(ErrorCode::kInvalidArgument, std::string(field) + " has " + std::to_string(items) +
                                                 " items, the limit is " + std::to_string(max));
}

Result<std::vector<std::string_view>> cut_payload(std::string_view payload,
                                                  std::span<const std::uint32_t> lengths) {
  std::vector<std::string_view> items;
  items.reserve(lengths.size());
  for (const std::uint32_t length : lengths) {
    if (length > payload.size()) {
      return Status(ErrorCode::kInvalidArgument, "the payload is shorter than its lengths say");
    }
    items.push_back(payload.substr(0, length));
    payload.remove_prefix(length);
  }
  if (!payload.empty()) {
    return Status(ErrorCode::kInvalidArgument, "the payload is longer than its lengths say");
  }
  return items;
}

std::string_view to_string(FrameFault fault) {
  switch (fault) {
    case FrameFault::kNone:
      return "none";
    case FrameFault::kBadMagic:
      return "bad magic";
    case FrameFault::kHttp:
      return "HTTP on a Baton port";
    case FrameFault::kTls:
      return "TLS on a plain port";
    case FrameFault::kBadVersion:
      return "unknown frame version";
    case FrameFault::kBadHeader:
      return "bad header";
    case FrameFault::kTooLarge:
      return "frame too large";
    case FrameFault::kBadCrc:
      return "bad checksum";
  }
  return "none";
}

bool is_foreign_protocol(const Status& status) {
  return status.code() == ErrorCode::kBadFrame &&
         (status.message() == to_string(FrameFault::kBadMagic) ||
          status.message() == to_string(FrameFault::kHttp) ||
          status.message() == to_string(FrameFault::kTls));
}

Status FrameDecoder::fail(FrameFault fault, ErrorCode code, std::string message) {
  fault_ = fault;
  failure_ = Status(code, std::move(message));
  buffer_ = std::string();
  return failure_;
}

// The magic and the version, as far as they are there: a stranger is recognised by its first byte
// and never waited for.
Status FrameDecoder::check_start(std::string_view bytes) {
  const std::size_t known = std::min(bytes.size(), kMagic.size());
  if (bytes.substr(0, known) != kMagic.substr(0, known)) {
    const FrameFault stranger = name_stranger(bytes);
    return fail(stranger, ErrorCode::kBadFrame, std::string(to_string(stranger)));
  }
  if (bytes.size() > kVersionAt && static_cast<std::uint8_t>(bytes[kVersionAt]) != kFrameVersion) {
    return fail(FrameFault::kBadVersion, ErrorCode::kUnsupportedVersion,
                "frame version " + std::to_string(static_cast<std::uint8_t>(bytes[kVersionAt])) +
                    ", this side speaks " + std::to_string(kFrameVersion));
  }
  return {};
}

// REQUIRES: a whole header whose start was checked.
Result<std::size_t> FrameDecoder::frame_size(std::string_view bytes) {
  const Header header = read_header(bytes);
  if (header.type == 0) return fail(FrameFault::kBadHeader, ErrorCode::kBadFrame, "frame type 0");
  if (header.flags != 0) {
    return fail(FrameFault::kBadHeader, ErrorCode::kBadFrame, "flags that version 1 does not have");
  }
  const std::size_t body = std::size_t{header.metadata_bytes} + header.payload_bytes;
  if (body > frame_bytes_max_) {
    return fail(FrameFault::kTooLarge, ErrorCode::kTooLarge,
                "frame of " + std::to_string(body) + " bytes, the limit is " +
                    std::to_string(frame_bytes_max_));
  }
  return kFrameHeaderBytes + body;
}

// REQUIRES: `frame_bytes` is one whole frame.
Status FrameDecoder::decode(std::string_view frame_bytes, const Sink& sink, bool& go_on) {
  const Header header = read_header(frame_bytes);
  if (frame_crc(frame_bytes) != header.crc) {
    return fail(FrameFault::kBadCrc, ErrorCode::kBadFrame, "bad checksum");
  }
  Frame frame;
  frame.type = static_cast<v1::FrameType>(header.type);
  frame.request_id = header.request_id;
  frame.metadata = frame_bytes.substr(kFrameHeaderBytes, header.metadata_bytes);
  frame.payload = frame_bytes.substr(kFrameHeaderBytes + header.metadata_bytes);
  go_on = sink(frame);
  return {};
}

// How many bytes of the stream make the next step possible: the header, then the whole frame.
Result<std::size_t> FrameDecoder::bytes_wanted(std::string_view bytes) {
  BATON_RETURN_IF_ERROR(check_start(bytes));
  if (bytes.size() < kFrameHeaderBytes) return kFrameHeaderBytes;
  return frame_size(bytes);
}

void FrameDecoder::buffer_up_to(std::size_t size, std::string_view& bytes) {
  const std::size_t taken = std::min(size - buffer_.size(), bytes.size());
  buffer_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
}

Status FrameDecoder::feed(std::string_view bytes, const Sink& sink) {
  if (!failure_.ok()) return failure_;
  bool go_on = true;
  while (go_on && !bytes.empty()) {
    if (buffer_.empty()) {
      BATON_ASSIGN_OR_RETURN(const std::size_t size, bytes_wanted(bytes));
      if (bytes.size() < size) {
        buffer_.assign(bytes);
        break;
      }
      // A whole frame: decoded where it is, without a copy.
      BATON_RETURN_IF_ERROR(decode(bytes.substr(0, size), sink, go_on));
      bytes.remove_prefix(size);
      continue;
    }
    BATON_ASSIGN_OR_RETURN(const std::size_t header, bytes_wanted(buffer_));
    buffer_up_to(header, bytes);
    BATON_ASSIGN_OR_RETURN(const std::size_t size, bytes_wanted(buffer_));
    buffer_up_to(size, bytes);
    if (buffer_.size() < size) break;
    const std::string frame_bytes = std::exchange(buffer_, std::string());
    BATON_RETURN_IF_ERROR(decode(frame_bytes, sink, go_on));
  }
  return {};
}

std::string fault_answer(FrameFault fault, const Status& failure, std::size_t frame_bytes_max) {
  switch (fault) {
    case FrameFault::kNone:
    case FrameFault::kBadMagic:
    case FrameFault::kHttp:
    case FrameFault::kTls:
      return {};
    case FrameFault::kBadVersion:
    case FrameFault::kBadHeader:
    case FrameFault::kTooLarge:
    case FrameFault::kBadCrc:
      break;
  }
  v1::Error error = to_error(failure);
  if (fault == FrameFault::kTooLarge) error.set_limit(frame_bytes_max);
  if (fault == FrameFault::kBadVersion) {
    error.set_version_min(kFrameVersion);
    error.set_version_max(kFrameVersion);
  }
  std::string bytes;
  append_frame(bytes, v1::ERROR, 0, error);
  return bytes;
}

v1::Error to_error(const Status& status) {
  v1::Error error;
  error.set_code(static_cast<v1::ErrorCode>(status.code()));
  error.set_message(status.message());
  return error;
}

Status from_error(const v1::Error& error) {
  const ErrorCode code = error_code_from_wire(error.code());
  // An ERROR frame always is one: code 0 comes from a broken peer.
  return Status(code == ErrorCode::kOk ? ErrorCode::kInternal : code, error.message());
}

}  // namespace baton
