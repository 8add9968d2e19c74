// Writing and reading the items of a snapshot through one list of fields each (snapshot_fields.h).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "center/core/task_value.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/time.h"

namespace baton::center {

template <class T>
concept SnapshotNumber = std::unsigned_integral<T> || std::is_enum_v<T>;

class SnapshotWriter {
 public:
  static constexpr bool kReads = false;
  explicit SnapshotWriter(std::string& out) : out_(out) {}

  // Whether fields that came with this version of the format are there.
  [[nodiscard]] static bool since(std::uint16_t) { return true; }

  template <SnapshotNumber T>
  void operator()(const T& value) {
    out_.varint(static_cast<std::uint64_t>(value));
  }
  void operator()(const std::int64_t& value) { out_.zigzag(value); }
  template <class Tag, class Rep>
  void operator()(const StrongId<Tag, Rep>& id) {
    out_.varint(id.value());
  }
  void operator()(const TaskId& id) { out_.varint(id.value()); }
  void operator()(const TaskValue& value) { out_.varint(value.bits()); }
  void operator()(const Uuid& id) { out_.uuid(id); }
  void operator()(const WallTime& time) { (*this)(time.ms); }
  void operator()(const Millis& span) { out_.zigzag(span.count()); }
  void operator()(const std::string& text) { out_.sized(text); }
  template <class T, class Each>
  void list(const std::vector<T>& items, Each&& each) {
    out_.varint(items.size());
    for (const T& item : items)
      each(*this, const_cast<T&>(item));  // `each` serves both ways; writing leaves it
  }

 private:
  ByteWriter out_;
};

class SnapshotReader {
 public:
  static constexpr bool kReads = true;
  SnapshotReader(std::string_view in, std::uint16_t version) : in_(in), version_(version) {}

  [[nodiscard]] bool since(std::uint16_t version) const { return version_ >= version; }

  [[nodiscard]] bool ok() const { return in_.ok(); }
  [[nodiscard]] bool at_end() const { return in_.at_end(); }
  void fail() { in_.fail(); }

  template <SnapshotNumber T>
  void operator()(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = in_.varint_max(1) != 0;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(
          in_.varint_max(static_cast<std::underlying_type_t<T>>(~std::underlying_type_t<T>{})));
    } else {
      value = static_cast<T>(in_.varint_max(static_cast<T>(~T{})));
    }
  }
  void operator()(std::int64_t& value) { value = in_.zigzag(); }
  template <class Tag, class Rep>
  void operator()(StrongId<Tag, Rep>& id) {
    id = StrongId<Tag, Rep>(static_cast<Rep>(in_.varint_max(static_cast<Rep>(~Rep{}))));
  }
  void operator()(TaskId& id) { id = TaskId(in_.varint()); }
  void operator()(TaskValue& value) {
    value = TaskValue::from_bits(static_cast<std::uint32_t>(in_.varint_max(~0U)));
  }
  void operator()(Uuid& id) { id = in_.uuid(); }
  void operator()(WallTime& time) { (*this)(time.ms); }
  void operator()(Millis& span) { span = Millis(in_.zigzag()); }
  void operator()(std::string& text) { text = std::string(in_.sized()); }
  template <class T, class Each>
  void list(std::vector<T>& items, Each&& each) {
    const std::uint64_t count = in_.varint_max(in_.remaining());  // an item has a byte at least
    items.clear();
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) each(*this, items.emplace_back());
  }

 private:
  ByteReader in_;
  std::uint16_t version_;
};

}  // namespace baton::center
