// Sometimes: rare things that happened in a run, counted by name.
//
// A simulation that never loses a reply or tears a file proves nothing about either. The runner
// prints these and fails when one that should happen never did over all seeds (kOften and kSeldom in
// sim_run.cc).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace baton::sim {

class Sometimes {
 public:
  void happened(std::string_view what, std::uint64_t times = 1) {
    const auto known = counts_.find(what);
    if (known != counts_.end()) {
      known->second += times;
    } else {
      counts_.emplace(what, times);
    }
  }
  [[nodiscard]] std::uint64_t count(std::string_view what) const {
    const auto known = counts_.find(what);
    return known == counts_.end() ? 0 : known->second;
  }
  void add(const Sometimes& other) {
    for (const auto& [what, times] : other.counts_) happened(what, times);
  }
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& counts() const {
    return counts_;
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace baton::sim
