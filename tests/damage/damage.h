// Damage: one thing that may happen to one file of a data directory, and all of them in a row.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/sim_disk.h"

namespace baton::damage {

enum class DamageKind : std::uint8_t {
  kFlip,       // one bit of the first 64 KiB
  kCut,        // the file ends earlier, at any of its first 64 KiB or of its last 4 KiB
  kSwapSmall,  // two sectors of 512 bytes change places
  kSwapLarge,  // two blocks of 4 KiB change places
  kRemove,     // the file is gone
  kOlder,      // the file is as it was at an earlier moment
};
inline constexpr std::array kAllDamage{DamageKind::kFlip,      DamageKind::kCut,
                                       DamageKind::kSwapSmall, DamageKind::kSwapLarge,
                                       DamageKind::kRemove,    DamageKind::kOlder};
std::string_view to_string(DamageKind kind);

// What a file is for, by its path: "identity", "CURRENT", "MANIFEST", "log", "table", "snapshot",
// "segment", "LOCK".
std::string file_kind(const std::string& path);

// A directory as it was left, and as it was at earlier moments.
struct DamagedDisk {
  sim::SimDisk disk{true};
  std::vector<sim::SimDisk> earlier;
};

// All damage of one kind to one file, by number.
class FileDamage {
 public:
  FileDamage(const DamagedDisk& disk, std::string path, DamageKind kind);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The disk after it. Damage that changes nothing (two equal blocks) leaves it as it was.
  [[nodiscard]] sim::SimDisk apply(std::uint64_t number) const;
  [[nodiscard]] std::string describe(std::uint64_t number) const;

 private:
  [[nodiscard]] std::uint64_t cut_at(std::uint64_t number) const;
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> blocks(std::uint64_t number) const;

  const DamagedDisk& disk_;
  const std::string path_;
  const DamageKind kind_;
  std::uint64_t count_ = 0;
  std::vector<std::string> older_;  // contents that the file once had
};

}  // namespace baton::damage
