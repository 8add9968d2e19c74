// Environment: what every engine of one client shares. Lives on the client's loop and outlives
// them.
#pragma once

#include <string>
#include <vector>

#include "client/metrics.h"
#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/net/channel.h"
#include "common/net/transport.h"

namespace baton::client {

struct Environment {
  Loop& loop;
  Transport& transport;
  Logger& logger;
  std::vector<Address> managers;  // in order of preference, at least one
  std::string name;
  Duration connect_timeout;
  Duration answer_timeout;
  Random random;
  ClientMetrics metrics;

  // What all channels to managers have in common; `first` is the manager to begin with.
  [[nodiscard]] ChannelOptions channel_options(std::size_t first = 0) const;
};

}  // namespace baton::client
