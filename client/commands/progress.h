// Progress: one line on standard error that overwrites itself, only where somebody looks at a
// terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/loop.h"

namespace baton::commands {

class Progress {
 public:
  // Shows nothing unless `enabled` and standard error is a terminal. `total` 0: not known.
  Progress(Loop& loop, bool enabled, std::string what, std::uint64_t total = 0);
  // Wipes the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set(std::uint64_t done) { done_ = done; }
  void set_total(std::uint64_t total) { total_ = total; }

 private:
  void draw();
  [[nodiscard]] std::string line() const;

  Loop& loop_;
  std::string what_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  MonoTime began_;
  Loop::TimerId timer_ = 0;  // 0: not shown
};

}  // namespace baton::commands
