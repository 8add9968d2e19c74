// SimLogger: log lines of a simulated node become lines of the run's trace, and are counted by
// phrase.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/base/logger.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

// How often each phrase was logged, over all nodes of a run.
using PhraseCounts = std::map<std::string, std::uint64_t, std::less<>>;

class SimLogger final : public Logger {
 public:
  SimLogger(SimScheduler& scheduler, std::string who, PhraseCounts& counts)
      : scheduler_(scheduler), who_(std::move(who)), counts_(counts) {}

  void write(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  // Called with each line: level, event, and all of it.
  using OnLine = std::function<void(LogLevel, std::string_view, const std::string&)>;
  void set_on_line(OnLine on_line) { on_line_ = std::move(on_line); }
  // Everything: what is only logged for debugging is part of the trace as well.
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }

 private:
  SimScheduler& scheduler_;
  const std::string who_;
  PhraseCounts& counts_;
  OnLine on_line_;
};

}  // namespace baton::sim
