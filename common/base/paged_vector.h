// PagedVector<T>: a vector of pages of at most 16 KiB that copies share until they are edited.
//
// Growing never moves an element, so references stay valid until the next copy of the vector is
// made.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "common/base/cow.h"

namespace baton {

template <class T>
class PagedVector {
 public:
  static_assert(sizeof(T) <= kPageBytesMax);
  // A power of two, so that finding an element is a shift and a mask.
  static constexpr std::size_t kPageItems = std::bit_floor(kPageBytesMax / sizeof(T));

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // REQUIRES: i < size().
  const T& operator[](std::size_t i) const { return (*pages_[i / kPageItems])[i % kPageItems]; }
  T& edit(std::size_t i) { return pages_[i / kPageItems].edit()[i % kPageItems]; }

  T& push_back(T value) {
    resize(size_ + 1);
    return edit(size_ - 1) = std::move(value);
  }

  // New elements are T{}; elements that are cut off keep their memory until their page goes.
  void resize(std::size_t size) {
    const std::size_t pages = (size + kPageItems - 1) / kPageItems;
    while (pages_.size() < pages) pages_.emplace_back(Page{});
    pages_.resize(pages);
    size_ = size;
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return pages_.size() * sizeof(Page) + pages_.capacity() * sizeof(Cow<Page>);
  }

 private:
  using Page = std::array<T, kPageItems>;

  std::vector<Cow<Page>> pages_;
  std::size_t size_ = 0;
};

}  // namespace baton
