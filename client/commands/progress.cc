#include "client/commands/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "client/commands/runtime.h"

namespace baton::commands {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(200);
constexpr std::uint64_t kBarWidth = 24;

}  // namespace

Progress::Progress(Loop& loop, bool enabled, std::string what, std::uint64_t total)
    : loop_(loop), what_(std::move(what)), total_(total), began_(loop.now()) {
  if (enabled && stderr_is_terminal()) timer_ = loop_.call_after(kInterval, [this] { draw(); });
}

Progress::~Progress() {
  if (timer_ == 0) return;
  loop_.cancel(timer_);
  std::fputs("\r\033[K", stderr);
}

void Progress::draw() {
  std::fprintf(stderr, "\r\033[K%s", line().c_str());
  timer_ = loop_.call_after(kInterval, [this] { draw(); });
}

std::string Progress::line() const {
  const double seconds = std::chrono::duration<double>(loop_.now() - began_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  std::array<char, 160> text{};
  if (total_ == 0) {
    std::snprintf(text.data(), text.size(), "%s %llu  %.0f/s", what_.c_str(),
                  static_cast<unsigned long long>(done_), rate);
    return text.data();
  }
  const std::uint64_t filled = std::min(kBarWidth, kBarWidth * done_ / total_);
  const double left = rate > 0 ? static_cast<double>(total_ - std::min(done_, total_)) / rate : 0;
  const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
  std::snprintf(text.data(), text.size(), "%s [%s] %llu/%llu  %.0f/s  %.0f s left", what_.c_str(),
                bar.c_str(), static_cast<unsigned long long>(done_),
                static_cast<unsigned long long>(total_), rate, left);
  return text.data();
}

}  // namespace baton::commands
