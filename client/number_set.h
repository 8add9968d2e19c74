// NumberSet: which grant numbers came already. They are dense from 1, in nearly any order. Values
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

namespace baton::client {

class NumberSet {
 public:
  // False when the number was there, is 0, or is so far ahead of the others that it cannot be
  // right.
  bool insert(std::uint64_t number) {
    if (number <= below_ || above_.size() >= kAheadMax) return false;
    if (number != below_ + 1) return above_.insert(number).second;
    ++below_;
    while (!above_.empty() && *above_.begin() == below_ + 1) {
      above_.erase(above_.begin());
      ++below_;
    }
    return true;
  }
  void clear() {
    below_ = 0;
    above_.clear();
  }

 private:
  // Many times what a window can have under way: only a broken peer gets here.
  static constexpr std::size_t kAheadMax = 65'536;

  std::uint64_t below_ = 0;  // all up to here came
  std::set<std::uint64_t> above_;
};

}  // namespace baton::client
