#include "tests/damage/damage.h"

#include <algorithm>
#include <utility>

namespace baton::damage {
namespace {

constexpr std::uint64_t kFront = 64 << 10;
constexpr std::uint64_t kBack = 4 << 10;

std::uint64_t block_bytes(DamageKind kind) { return kind == DamageKind::kSwapSmall ? 512 : 4096; }

}  // namespace

std::string_view to_string(DamageKind kind) {
  switch (kind) {
    case DamageKind::kFlip:
      return "bit flipped";
    case DamageKind::kCut:
      return "cut off";
    case DamageKind::kSwapSmall:
      return "sectors swapped";
    case DamageKind::kSwapLarge:
      return "blocks swapped";
    case DamageKind::kRemove:
      return "removed";
    case DamageKind::kOlder:
      return "older copy";
  }
  return "";
}

std::string file_kind(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".ldb")) return "table";
  if (name.ends_with(".log")) return "log";
  return name.substr(0, name.find('-'));
}

FileDamage::FileDamage(const DamagedDisk& disk, std::string path, DamageKind kind)
    : disk_(disk), path_(std::move(path)), kind_(kind) {
  const std::string& data = disk.disk.find(path_)->data;
  const std::uint64_t front = std::min<std::uint64_t>(data.size(), kFront);
  if (kind == DamageKind::kFlip) {
    count_ = front * 8;
  } else if (kind == DamageKind::kCut) {
    count_ = front + std::min(data.size() - front, kBack);
  } else if (kind == DamageKind::kRemove) {
    count_ = 1;
  } else if (kind == DamageKind::kOlder) {
    for (const sim::SimDisk& earlier : disk.earlier) {
      const sim::SimFilePtr file = earlier.find(path_);
      if (file == nullptr || file->data == data) continue;
      if (std::find(older_.begin(), older_.end(), file->data) == older_.end()) {
        older_.push_back(file->data);
      }
    }
    count_ = older_.size();
  } else {
    const std::uint64_t blocks = front / block_bytes(kind);
    count_ = blocks < 2 ? 0 : blocks * (blocks - 1) / 2;
  }
}

std::uint64_t FileDamage::cut_at(std::uint64_t number) const {
  if (number < kFront) return number;
  return disk_.disk.find(path_)->data.size() - 1 - (number - kFront);
}

// The number-th pair of different blocks.
std::pair<std::uint64_t, std::uint64_t> FileDamage::blocks(std::uint64_t number) const {
  std::uint64_t second = 1;
  while (number >= second) number -= second++;
  return {number, second};
}

sim::SimDisk FileDamage::apply(std::uint64_t number) const {
  sim::SimDisk damaged = disk_.disk.copy();
  if (kind_ == DamageKind::kRemove) {
    damaged.remove(path_);
    return damaged.copy();
  }
  std::string& data = damaged.find(path_)->data;
  if (kind_ == DamageKind::kFlip) {
    data[number / 8] = static_cast<char>(data[number / 8] ^ (1 << (number % 8)));
  } else if (kind_ == DamageKind::kCut) {
    data.resize(cut_at(number));
  } else if (kind_ == DamageKind::kOlder) {
    data = older_.at(number);
  } else {
    const auto [first, second] = blocks(number);
    const auto size = static_cast<std::ptrdiff_t>(block_bytes(kind_));
    const auto at = [&](std::uint64_t block) {
      return data.begin() + static_cast<std::ptrdiff_t>(block) * size;
    };
    std::swap_ranges(at(first), at(first) + size, at(second));
  }
  return damaged.copy();
}

std::string FileDamage::describe(std::uint64_t number) const {
  std::string text = path_ + ": " + std::string(to_string(kind_));
  if (kind_ == DamageKind::kFlip) {
    text += ", bit " + std::to_string(number);
  } else if (kind_ == DamageKind::kCut) {
    text += " at byte " + std::to_string(cut_at(number)) + " of " +
            std::to_string(disk_.disk.find(path_)->data.size());
  } else if (kind_ == DamageKind::kSwapSmall || kind_ == DamageKind::kSwapLarge) {
    const auto [first, second] = blocks(number);
    text += ", " + std::to_string(first) + " and " + std::to_string(second);
  } else if (kind_ == DamageKind::kOlder) {
    text += " " + std::to_string(number);
  }
  return text;
}

}  // namespace baton::damage
