#include "tests/sim/cluster/sim_logger.h"

namespace baton::sim {

void SimLogger::write(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  const auto counted = counts_.find(event);
  if (counted != counts_.end()) {
    counted->second++;
  } else {
    counts_.emplace(event, 1);
  }
  static constexpr std::string_view kLevels[] = {"debug ", "info ", "warn ", "error "};
  std::string line(kLevels[static_cast<std::size_t>(level)]);
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += field.value;
  }
  scheduler_.trace(who_, line);
  if (on_line_) on_line_(level, event, line);
}

}  // namespace baton::sim
