// WalReader: walks a file in LevelDB's log format (its .log files and its MANIFEST), strictly.
//
// LevelDB's own reader takes a length field that points past the end for a clean end of file, and
// so can lose what was synced without a word. This one tells a torn tail (an unfinished last write,
// which nobody was told about) from damage.
//
// The format: blocks of 32 KiB of fragments {masked CRC32C u32, length u16, type u8, data}; a
// record is one FULL fragment or FIRST, MIDDLE..., LAST; less than 7 bytes at a block's end are
// filler.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace baton {

class WalReader {
 public:
  // `bytes` is the whole file, `name` is for messages. Both outlive the reader.
  WalReader(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  // Whether a record start found behind a bad place would make sense there. Keeps bytes inside a
  // torn record that only look like one from being taken for a later record.
  using Plausible = std::function<bool(std::string_view record_start)>;

  // Hands every whole record to `visit`, in order, and stops at its first error. The result is how
  // many bytes at the front are good: less than the file has when its last write was torn.
  // data_loss, naming the position, for anything else that is wrong.
  using Visit = std::function<Status(std::string_view record, std::uint64_t position)>;
  Result<std::uint64_t> read_all(const Visit& visit, const Plausible& plausible);

 private:
  enum Type : std::uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
  struct Fragment {
    Type type;
    std::string_view data;
    std::size_t end;  // position behind it
  };

  // False when there is no valid fragment at `at`.
  bool fragment_at(std::size_t at, Fragment& fragment) const;
  [[nodiscard]] bool torn_at(std::size_t at) const;
  [[nodiscard]] bool later_record(std::size_t after, const Plausible& plausible) const;
  [[nodiscard]] bool length_is_wrong(std::size_t at) const;
  [[nodiscard]] Status damaged(std::size_t at, const char* what) const;

  const std::string_view bytes_;
  const std::string_view name_;
};

}  // namespace baton
