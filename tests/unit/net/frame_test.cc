#include "common/net/frame.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/random.h"

namespace baton {
namespace {

// A frame that outlives the decoder's buffers.
struct Received {
  int type;
  std::uint64_t request_id;
  std::string metadata;
  std::string payload;
  friend bool operator==(const Received&, const Received&) = default;
};

struct Decoded {
  std::vector<Received> frames;
  Status status;
  FrameFault fault = FrameFault::kNone;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

// Feeds `bytes` in pieces whose sizes `next_piece` gives.
template <class NextPiece>
Decoded decode(std::string_view bytes, std::size_t limit, NextPiece next_piece) {
  FrameDecoder decoder(limit);
  Decoded decoded;
  while (!bytes.empty() && decoded.status.ok()) {
    const std::size_t piece = std::min<std::size_t>(bytes.size(), next_piece());
    // A copy of exact size, so that a read past the end is seen by the sanitizer.
    const std::string copy(bytes.substr(0, piece));
    decoded.status = decoder.feed(copy, [&](const Frame& frame) {
      decoded.frames.push_back(
          {frame.type, frame.request_id, std::string(frame.metadata), std::string(frame.payload)});
      return true;
    });
    bytes.remove_prefix(piece);
  }
  decoded.fault = decoder.fault();
  return decoded;
}

Decoded decode_at_once(std::string_view bytes, std::size_t limit = 1 << 20) {
  return decode(bytes, limit, [&] { return bytes.size(); });
}

v1::Goodbye goodbye(const std::string& reason) {
  v1::Goodbye message;
  message.set_reason(reason);
  return message;
}

std::string ping_frame(std::uint64_t request_id) {
  std::string bytes;
  v1::Ping ping;
  ping.set_sent(7);
  append_frame(bytes, v1::PING, request_id, ping);
  return bytes;
}

std::string sample_stream() {
  std::string bytes = ping_frame(1);
  const std::string big(5000, 'x');
  const std::string_view pieces[] = {"first", "", big};
  append_frame(bytes, v1::PRODUCE, 2, goodbye("some metadata"), pieces);
  append_frame(bytes, v1::GOODBYE, 3, goodbye(""));
  bytes += ping_frame(std::uint64_t{1} << 63);
  return bytes;
}

TEST_CASE("a frame's bytes are as docs/protocol.md writes them") {
  std::string bytes;
  const std::string_view payload[] = {"hi"};
  append_frame(bytes, v1::GOODBYE, 0x0102030405060708, goodbye("x"), payload);

  // Header: magic, version, type 6, flags, request id, 3 bytes of metadata, 2 of payload, checksum.
  const std::string expected(
      "BTN\x01\x06\x00\x00\x00\x08\x07\x06\x05\x04\x03\x02\x01\x03\x00\x00\x00\x02\x00\x00\x00",
      24);
  CHECK(bytes.substr(0, 24) == expected);
  CHECK(bytes.substr(28) == std::string("\x0a\x01xhi"));
  CHECK(bytes.size() == kFrameHeaderBytes + 3 + 2);
}

TEST_CASE("a frame that was encoded is decoded as it was") {
  const Decoded decoded = decode_at_once(sample_stream());

  REQUIRE(decoded.status.ok());
  REQUIRE(decoded.frames.size() == 4);
  CHECK(decoded.frames[0].type == v1::PING);
  CHECK(decoded.frames[1].request_id == 2);
  CHECK(decoded.frames[1].metadata == goodbye("some metadata").SerializeAsString());
  CHECK(decoded.frames[1].payload == "first" + std::string(5000, 'x'));
  CHECK(decoded.frames[2].metadata.empty());
  CHECK(decoded.frames[2].payload.empty());
  CHECK(decoded.frames[3].request_id == std::uint64_t{1} << 63);
}

TEST_CASE("every split of a stream in two gives the same frames") {
  const std::string bytes = sample_stream();
  const Decoded whole = decode_at_once(bytes);

  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    bool first = true;
    const Decoded split =
        decode(bytes, 1 << 20, [&] { return std::exchange(first, false) ? cut : bytes.size(); });
    if (!(split == whole)) FAIL("cut at " << cut);
  }
}

TEST_CASE("byte by byte gives the same frames as at once, and the same fault where there is one") {
  std::string damaged = sample_stream();
  damaged[40] ^= 1;
  for (const std::string& bytes :
       {sample_stream(), damaged, ping_frame(1) + "GET / HTTP/1.1\r\n"}) {
    CHECK(decode(bytes, 1 << 20, [] { return 1; }) == decode_at_once(bytes));
  }
}

TEST_CASE("random bytes after good frames never give another frame, however they are split") {
  const auto seed = GENERATE(take(50, random(1, 1'000'000'000)));
  CAPTURE(seed);
  Random random(static_cast<std::uint64_t>(seed));
  std::string bytes = sample_stream();
  const std::size_t good = decode_at_once(bytes).frames.size();
  for (int i = 0; i < 300; ++i) bytes.push_back(static_cast<char>(random.below(256)));

  const Decoded whole = decode_at_once(bytes);
  const Decoded split = decode(bytes, 1 << 20, [&] { return 1 + random.below(100); });

  CHECK(whole == split);
  CHECK(whole.frames.size() == good);
}

TEST_CASE("one flipped bit anywhere in a frame is found") {
  const std::string good = ping_frame(77);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const Decoded decoded = decode_at_once(bytes);
    // A longer length makes the decoder wait for bytes that never come; nothing is delivered either
    // way.
    if (!decoded.frames.empty()) FAIL("bit " << bit);
  }
}

TEST_CASE("a foreign protocol is recognised by its first bytes") {
  CHECK(decode_at_once("GET / HTTP/1.1\r\nHost: x\r\n\r\n").fault == FrameFault::kHttp);
  CHECK(decode_at_once("POST /x HTTP/1.1\r\n").fault == FrameFault::kHttp);
  CHECK(decode_at_once("PRI * HTTP/2.0\r\n").fault == FrameFault::kHttp);
  CHECK(decode_at_once(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)).fault ==
        FrameFault::kTls);
  CHECK(decode_at_once("SSH-2.0-OpenSSH\r\n").fault == FrameFault::kBadMagic);
  CHECK(decode_at_once("BTX").fault == FrameFault::kBadMagic);
  CHECK(decode_at_once(std::string(28, '\0')).fault == FrameFault::kBadMagic);
  CHECK(is_foreign_protocol(decode_at_once("GET ").status));
}

TEST_CASE("another frame version is told apart from a foreign protocol") {
  std::string bytes = ping_frame(1);
  bytes[3] = 9;

  const Decoded decoded = decode_at_once(bytes);

  CHECK(decoded.fault == FrameFault::kBadVersion);
  CHECK(decoded.status.code() == ErrorCode::kUnsupportedVersion);
  CHECK_FALSE(is_foreign_protocol(decoded.status));
}

TEST_CASE("frame type 0 and unknown flags are bad headers") {
  std::string no_type = ping_frame(1);
  no_type[4] = 0;
  std::string flags = ping_frame(1);
  flags[6] = 1;

  CHECK(decode_at_once(no_type).fault == FrameFault::kBadHeader);
  CHECK(decode_at_once(flags).fault == FrameFault::kBadHeader);
}

TEST_CASE("a frame over the limit is refused from its header, before its bytes are kept") {
  std::string bytes;
  const std::string body(4000, 'x');
  const std::string_view payload[] = {body};
  append_frame(bytes, v1::PRODUCE, 1, goodbye("m"), payload);
  FrameDecoder decoder(3999);

  const Status status =
      decoder.feed(bytes.substr(0, kFrameHeaderBytes), [](const Frame&) { return true; });

  CHECK(status.code() == ErrorCode::kTooLarge);
  CHECK(decoder.fault() == FrameFault::kTooLarge);
  CHECK(decoder.bytes_buffered() == 0);
}

TEST_CASE("a header that announces 4 GiB twice is refused and nothing is allocated") {
  std::string bytes = ping_frame(1);
  for (std::size_t i = 16; i < 24; ++i) bytes[i] = static_cast<char>(0xff);
  CHECK(decode_at_once(bytes, kFrameBytesHardMax).fault == FrameFault::kTooLarge);
}

TEST_CASE("a limit raised inside the sink counts from the next frame on") {
  const std::string body(4000, 'x');
  const std::string_view payload[] = {body};
  std::string bytes = ping_frame(1);
  append_frame(bytes, v1::PRODUCE, 2, goodbye("m"), payload);
  FrameDecoder decoder(100);
  int frames = 0;

  const Status status = decoder.feed(bytes, [&](const Frame&) {
    decoder.set_frame_bytes_max(5000);
    ++frames;
    return true;
  });

  CHECK(status.ok());
  CHECK(frames == 2);
}

TEST_CASE("a sink that stops gets nothing more of that stretch") {
  FrameDecoder decoder(1000);
  int frames = 0;
  const Status status =
      decoder.feed(ping_frame(1) + ping_frame(2) + ping_frame(3), [&](const Frame&) {
        ++frames;
        return frames < 2;
      });
  CHECK(status.ok());
  CHECK(frames == 2);
}

TEST_CASE("after a fault every feed gives the same error") {
  FrameDecoder decoder(1000);
  const auto take = [](const Frame&) { return true; };
  const Status first = decoder.feed("junk", take);
  CHECK(decoder.feed(ping_frame(1), take) == first);
}

TEST_CASE("who speaks another protocol gets no answer, who sends a bad frame gets the reason") {
  CHECK(fault_answer(FrameFault::kHttp, Status(ErrorCode::kBadFrame, "HTTP"), 4096).empty());
  CHECK(fault_answer(FrameFault::kBadMagic, Status(ErrorCode::kBadFrame, "magic"), 4096).empty());

  const Decoded answer = decode_at_once(
      fault_answer(FrameFault::kTooLarge, Status(ErrorCode::kTooLarge, "too large"), 4096));
  REQUIRE(answer.frames.size() == 1);
  v1::Error error;
  REQUIRE(parse_metadata(answer.frames[0].metadata, error).ok());
  CHECK(error.code() == v1::TOO_LARGE);
  CHECK(error.limit() == 4096);
  CHECK(answer.frames[0].request_id == 0);
}

TEST_CASE("metadata that is not its message is refused, whatever is wrong with it") {
  v1::Goodbye message;
  CHECK(parse_metadata(goodbye("fine").SerializeAsString(), message).ok());
  CHECK(message.reason() == "fine");

  const std::string truncated = goodbye("truncated").SerializeAsString().substr(0, 5);
  CHECK(parse_metadata(truncated, message).code() == ErrorCode::kInvalidArgument);
  CHECK(parse_metadata("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", message).code() ==
        ErrorCode::kInvalidArgument);
  // Text that is not UTF-8.
  CHECK(parse_metadata("\x0a\x02\xc3\x28", message).code() == ErrorCode::kInvalidArgument);
  // An end-group tag ends a message early: what follows is garbage.
  CHECK(parse_metadata(goodbye("x").SerializeAsString() + "\x0c", message).code() ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("nesting deeper than any message of ours is refused") {
  v1::Goodbye message;
  // Field 2 (unknown) as groups inside each other.
  CHECK(parse_metadata(std::string(10, '\x13') + std::string(10, '\x14'), message).ok());
  CHECK(parse_metadata(std::string(40, '\x13') + std::string(40, '\x14'), message).code() ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("unknown fields are ignored") {
  v1::Goodbye message;
  CHECK(parse_metadata(goodbye("x").SerializeAsString() + std::string("\xa0\x06\x01", 3), message)
            .ok());
  CHECK(message.reason() == "x");
}

TEST_CASE("a payload is cut by its lengths only if they add up to it") {
  const std::vector<std::uint32_t> lengths = {2, 0, 3};
  const auto items = cut_payload("abcde", lengths);
  REQUIRE(items.ok());
  CHECK(items.value() == std::vector<std::string_view>{"ab", "", "cde"});

  CHECK_FALSE(cut_payload("abcd", lengths).ok());
  CHECK_FALSE(cut_payload("abcdef", lengths).ok());
  const std::vector<std::uint32_t> huge = {UINT32_MAX, UINT32_MAX, 7};
  CHECK_FALSE(cut_payload("abcde", huge).ok());
  CHECK(cut_payload("", std::vector<std::uint32_t>{}).ok());
}

TEST_CASE("a repeated field over its limit is named") {
  CHECK(check_items("length", 1024, 1024).ok());
  const Status status = check_items("length", 1025, 1024);
  CHECK(status.code() == ErrorCode::kInvalidArgument);
  CHECK(status.message() == "length has 1025 items, the limit is 1024");
}

TEST_CASE("an error survives the wire, and code OK in an ERROR frame is a bug of the peer") {
  const Status status(ErrorCode::kClaimSuperseded, "token 3, now 4");
  CHECK(from_error(to_error(status)) == status);
  CHECK(from_error(v1::Error()).code() == ErrorCode::kInternal);
}

}  // namespace
}  // namespace baton
