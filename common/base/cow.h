// Cow<T>: a value that copies share until one of them is edited.
//
// Copying a Cow costs a reference count. What a copy sees never changes, however the original is
// edited later: this is what makes a snapshot of a large state cheap and consistent. One thread at
// a time.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace baton {

// The most that containers copy for one edit: the size of their pages.
inline constexpr std::size_t kPageBytesMax = std::size_t{16} << 10;

template <class T>
class Cow {
 public:
  Cow() = default;  // holds nothing
  explicit Cow(T value) : value_(std::make_shared<T>(std::move(value))) {}

  [[nodiscard]] explicit operator bool() const { return value_ != nullptr; }
  // REQUIRES for all below: holds a value.
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

  // The value for changing it; copied first when it is shared. Valid until the next copy of this
  // Cow.
  T& edit() {
    if (value_.use_count() > 1) [[unlikely]]
      value_ = std::make_shared<T>(std::as_const(*value_));
    return *value_;
  }

  void reset() { value_.reset(); }

 private:
  std::shared_ptr<T> value_;
};

}  // namespace baton
