// T1: FrameDecoder. Any cut of the same bytes gives the same frames and the same error, which are
// those that a decoder as slow and obvious as can be finds.
//
//   input: limit before the first frame u16 | limit after it u16 | frames until the sink stops u8 |
//          seed of the random cuts u8 | the stream
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/crc32c.h"
#include "common/base/random.h"
#include "common/net/frame.h"
#include "tests/fuzz/fuzz_input.h"

namespace baton::fuzz {
namespace {

constexpr std::size_t kSettingsBytes = 6;

struct Settings {
  std::size_t limit_before = 0;
  std::size_t limit_after = 0;
  std::size_t frames_max = 0;  // 0: the sink never stops
  std::uint8_t seed = 0;
};

struct KeptFrame {
  std::uint16_t type = 0;
  std::uint64_t request_id = 0;
  std::string metadata;
  std::string payload;
  friend bool operator==(const KeptFrame&, const KeptFrame&) = default;
};

struct Decoded {
  std::vector<KeptFrame> frames;
  FrameFault fault = FrameFault::kNone;
  bool stopped = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Settings read_settings(FuzzInput& in) {
  Settings settings;
  settings.limit_before = in.u16();
  settings.limit_after = in.u16();
  settings.frames_max = in.below(8);
  settings.seed = in.u8();
  return settings;
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// By the layout in frame.h, looking at each frame from its beginning.
Decoded decode_slowly(const Settings& settings, std::string_view stream) {
  Decoded decoded;
  std::size_t limit = settings.limit_before;
  while (!stream.empty()) {
    const std::string_view magic = std::string_view("BTN").substr(0, stream.size());
    if (!stream.starts_with(magic)) {
      decoded.fault = FrameFault::kBadMagic;  // or one of its two special cases
      return decoded;
    }
    if (stream.size() > 3 && stream[3] != 1) {
      decoded.fault = FrameFault::kBadVersion;
      return decoded;
    }
    if (stream.size() < kFrameHeaderBytes) return decoded;
    if (number_at(stream, 4, 2) == 0 || number_at(stream, 6, 2) != 0) {
      decoded.fault = FrameFault::kBadHeader;
      return decoded;
    }
    const std::size_t metadata = number_at(stream, 16, 4);
    const std::size_t payload = number_at(stream, 20, 4);
    if (metadata + payload > limit) {
      decoded.fault = FrameFault::kTooLarge;
      return decoded;
    }
    const std::size_t size = kFrameHeaderBytes + metadata + payload;
    if (stream.size() < size) return decoded;
    const std::string covered = std::string(stream.substr(0, 24)) +
                                std::string(stream.substr(kFrameHeaderBytes, metadata + payload));
    if (crc32c(covered) != number_at(stream, 24, 4)) {
      decoded.fault = FrameFault::kBadCrc;
      return decoded;
    }
    decoded.frames.push_back({static_cast<std::uint16_t>(number_at(stream, 4, 2)),
                              number_at(stream, 8, 8),
                              std::string(stream.substr(kFrameHeaderBytes, metadata)),
                              std::string(stream.substr(kFrameHeaderBytes + metadata, payload))});
    stream.remove_prefix(size);
    limit = settings.limit_after;
    if (decoded.frames.size() == settings.frames_max) {
      decoded.stopped = true;
      return decoded;
    }
  }
  return decoded;
}

class Decoding {
 public:
  explicit Decoding(const Settings& settings)
      : settings_(settings), decoder_(settings.limit_before) {}

  // False: no more bytes are wanted.
  bool feed(std::string_view bytes) {
    fed_ += bytes.size();
    const Status status = decoder_.feed(bytes, [this](const Frame& frame) { return take(frame); });
    FUZZ_CHECK(status.ok() == (decoder_.fault() == FrameFault::kNone), "status without a fault");
    FUZZ_CHECK(decoder_.bytes_buffered() <= fed_, "more is kept than ever came");
    FUZZ_CHECK(status.ok() || decoder_.bytes_buffered() == 0, "bytes are kept after a fault");
    if (!status.ok()) check_finished(status);
    decoded_.fault = decoder_.fault();
    return status.ok() && !decoded_.stopped;
  }

  [[nodiscard]] const Decoded& decoded() const { return decoded_; }

 private:
  bool take(const Frame& frame) {
    decoded_.frames.push_back({static_cast<std::uint16_t>(frame.type), frame.request_id,
                               std::string(frame.metadata), std::string(frame.payload)});
    decoder_.set_frame_bytes_max(settings_.limit_after);
    decoded_.stopped = decoded_.frames.size() == settings_.frames_max;
    return !decoded_.stopped;
  }

  // A fault is final, and what the peer is told of it is itself a frame.
  void check_finished(const Status& status) {
    const Status again = decoder_.feed("BTN", [](const Frame&) { return true; });
    FUZZ_CHECK(again.code() == status.code(), "the decoder goes on after a fault");
    const std::string answer = fault_answer(decoder_.fault(), status, settings_.limit_after);
    if (answer.empty()) {
      FUZZ_CHECK(is_foreign_protocol(status), "a peer that speaks Baton gets no answer");
      return;
    }
    FrameDecoder reader;
    int frames = 0;
    const Status read = reader.feed(answer, [&](const Frame& frame) {
      v1::Error error;
      FUZZ_CHECK(parse_metadata(frame.metadata, error).ok(), "the answer to a fault is no ERROR");
      FUZZ_CHECK(from_error(error).code() == status.code(), "the answer has another code");
      return ++frames > 0;
    });
    FUZZ_CHECK(read.ok() && frames == 1, "the answer to a fault is not one frame");
  }

  const Settings settings_;
  FrameDecoder decoder_;
  std::size_t fed_ = 0;
  Decoded decoded_;
};

Decoded decode_whole(const Settings& settings, std::string_view stream) {
  Decoding decoding(settings);
  decoding.feed(stream);
  return decoding.decoded();
}

// Pieces of at most `piece_max` bytes; 1: byte by byte.
Decoded decode_in_pieces(const Settings& settings, std::string_view stream, std::size_t piece_max) {
  Decoding decoding(settings);
  Random random(settings.seed);
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(stream.size(), 1 + random.below(piece_max));
    // A copy of its own, so that a view that outlives its call is found.
    const std::string piece(stream.substr(0, size));
    if (!decoding.feed(piece)) break;
    stream.remove_prefix(size);
  }
  return decoding.decoded();
}

void check_same(Decoded found, const Decoded& expected, const char* how) {
  if (found.fault == FrameFault::kHttp || found.fault == FrameFault::kTls) {
    found.fault = FrameFault::kBadMagic;
  }
  FUZZ_CHECK(found == expected, std::string("decoded otherwise ") + how + ": " +
                                    std::to_string(found.frames.size()) + " frames, " +
                                    std::string(to_string(found.fault)) + ", not " +
                                    std::to_string(expected.frames.size()) + ", " +
                                    std::string(to_string(expected.fault)));
}

void put_number(std::uint8_t* at, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

// Makes the checksums right of all frames that are whole: a fuzzer does not find them by itself.
void mend_checksums(std::uint8_t* data, std::size_t size) {
  std::size_t at = kSettingsBytes;
  while (at + kFrameHeaderBytes <= size) {
    const std::string_view left(reinterpret_cast<const char*>(data + at), size - at);
    const std::size_t body = number_at(left, 16, 4) + number_at(left, 20, 4);
    if (!left.starts_with("BTN") || body > left.size() - kFrameHeaderBytes) return;
    const std::uint32_t crc =
        crc32c_extend(crc32c(left.substr(0, 24)), left.substr(kFrameHeaderBytes, body));
    put_number(data + at + 24, crc, 4);
    at += kFrameHeaderBytes + body;
  }
}

}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baton::fuzz;
  FuzzInput in(data, size);
  const Settings settings = read_settings(in);
  const std::string_view stream = in.rest();
  const Decoded expected = decode_slowly(settings, stream);
  check_same(decode_whole(settings, stream), expected, "at once");
  if (stream.size() <= 4096) check_same(decode_in_pieces(settings, stream, 1), expected, "by byte");
  check_same(decode_in_pieces(settings, stream, 64), expected, "in small pieces");
  check_same(decode_in_pieces(settings, stream, 8192), expected, "in large pieces");
  return 0;
}

#ifdef BATON_LIBFUZZER
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 4 != 0) baton::fuzz::mend_checksums(data, mutated);
  return mutated;
}
#endif
