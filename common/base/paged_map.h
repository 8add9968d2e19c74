// PagedMap<K, V>: an ordered map of sorted leaves of at most 16 KiB that copies share until they
// are edited.
//
// Two levels: a vector of leaves, each a sorted vector. A lookup is two binary searches, an insert
// moves at most one leaf. Iteration is in key order, so it is the same on every machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "common/base/cow.h"

namespace baton {

template <class K, class V>
class PagedMap {
 public:
  // As a std::pair, but a V without members takes no room.
  struct Item {
    Item(const K& key, V value) : first(key), second(std::move(value)) {}
    K first;
    [[no_unique_address]] V second;
  };
  static constexpr std::size_t kLeafItems = std::max<std::size_t>(8, kPageBytesMax / sizeof(Item));

  // A place in the map; valid until the map is changed.
  class Iterator {
   public:
    Iterator(const PagedMap* map, std::size_t leaf, std::size_t at)
        : map_(map), leaf_(leaf), at_(at) {}
    [[nodiscard]] bool done() const { return leaf_ == map_->leaves_.size(); }
    const Item& operator*() const { return (*map_->leaves_[leaf_])[at_]; }
    const Item* operator->() const { return &**this; }
    Iterator& operator++() {
      if (++at_ == map_->leaves_[leaf_]->size()) {
        ++leaf_;
        at_ = 0;
      }
      return *this;
    }

   private:
    const PagedMap* map_;
    std::size_t leaf_;
    std::size_t at_;
  };

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  [[nodiscard]] Iterator begin() const { return Iterator(this, 0, 0); }
  // The first item whose key is not below `key`.
  [[nodiscard]] Iterator lower_bound(const K& key) const {
    std::size_t leaf = leaf_of(key);
    if (leaf == leaves_.size()) return Iterator(this, leaf, 0);
    const std::size_t at = place_in(*leaves_[leaf], key);
    if (at == leaves_[leaf]->size()) return Iterator(this, leaf + 1, 0);
    return Iterator(this, leaf, at);
  }

  // Null when there is none. The pointer is valid until the map is changed.
  [[nodiscard]] const V* find(const K& key) const {
    const std::size_t leaf = leaf_of(key);
    if (leaf == leaves_.size()) return nullptr;
    const std::size_t at = place_in(*leaves_[leaf], key);
    const Leaf& items = *leaves_[leaf];
    return at < items.size() && items[at].first == key ? &items[at].second : nullptr;
  }
  [[nodiscard]] V* edit(const K& key) { return find(key) == nullptr ? nullptr : &edit_leaf(key); }

  // The value of `key`, made with V{} when it was not there.
  V& operator[](const K& key) {
    if (find(key) == nullptr) insert(key, V{});
    return edit_leaf(key);
  }

  // REQUIRES: `key` is not in the map.
  void insert(const K& key, V value) {
    ++size_;
    if (leaves_.empty()) {
      leaves_.emplace_back(Leaf{Item(key, std::move(value))});
      return;
    }
    std::size_t leaf = leaf_of(key);
    if (leaves_[leaf]->size() >= kLeafItems) leaf = split(leaf, key);
    Leaf& items = leaves_[leaf].edit();
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(place_in(items, key)),
                 Item(key, std::move(value)));
  }

  // False when there was none.
  bool erase(const K& key) {
    if (find(key) == nullptr) return false;
    --size_;
    const std::size_t leaf = leaf_of(key);
    Leaf& items = leaves_[leaf].edit();
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(place_in(items, key)));
    if (items.size() < kLeafItems / 4) merge(leaf);
    return true;
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = leaves_.capacity() * sizeof(Cow<Leaf>);
    for (const auto& leaf : leaves_) bytes += leaf->capacity() * sizeof(Item) + sizeof(Leaf);
    return bytes;
  }

 private:
  using Leaf = std::vector<Item>;  // never empty

  // The last leaf whose first key is not above `key`, or the first leaf.
  [[nodiscard]] std::size_t leaf_of(const K& key) const {
    const auto after =
        std::upper_bound(leaves_.begin(), leaves_.end(), key,
                         [](const K& k, const Cow<Leaf>& leaf) { return k < leaf->front().first; });
    return after == leaves_.begin() ? 0 : static_cast<std::size_t>(after - leaves_.begin()) - 1;
  }

  static std::size_t place_in(const Leaf& items, const K& key) {
    const auto at = std::lower_bound(items.begin(), items.end(), key,
                                     [](const Item& item, const K& k) { return item.first < k; });
    return static_cast<std::size_t>(at - items.begin());
  }

  V& edit_leaf(const K& key) {
    Leaf& items = leaves_[leaf_of(key)].edit();
    return items[place_in(items, key)].second;
  }

  // Makes room in a full leaf; returns the one that `key` belongs into. Keys that only grow leave
  // full leaves behind them.
  std::size_t split(std::size_t leaf, const K& key) {
    Leaf upper;
    Leaf& items = leaves_[leaf].edit();
    const bool at_end = leaf + 1 == leaves_.size() && items.back().first < key;
    const std::size_t keep = at_end ? items.size() - 1 : items.size() / 2;
    upper.assign(std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(keep)),
                 std::make_move_iterator(items.end()));
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(keep), items.end());
    const bool above = !(key < upper.front().first);
    leaves_.emplace(leaves_.begin() + static_cast<std::ptrdiff_t>(leaf) + 1, std::move(upper));
    return above ? leaf + 1 : leaf;
  }

  // Keeps memory in proportion: an empty leaf goes, a small one joins the one after it or before it.
  // (What is left behind by a queue is in leaves before those that drain.)
  void merge(std::size_t leaf) {
    if (leaves_[leaf]->empty()) {
      leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(leaf));
    } else if (!join_next(leaf) && leaf > 0) {
      join_next(leaf - 1);
    }
  }

  // False: there is none, or they are too many.
  bool join_next(std::size_t leaf) {
    if (leaf + 1 >= leaves_.size() ||
        leaves_[leaf]->size() + leaves_[leaf + 1]->size() > kLeafItems / 2)
      return false;
    const Leaf next = *leaves_[leaf + 1];
    Leaf& items = leaves_[leaf].edit();
    items.insert(items.end(), next.begin(), next.end());
    leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(leaf) + 1);
    return true;
  }

  std::vector<Cow<Leaf>> leaves_;
  std::size_t size_ = 0;
};

}  // namespace baton
