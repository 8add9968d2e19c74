// NodeContext: the world a daemon runs in. No globals: a node owns all of this, so that `baton dev`
// and the simulator can run many nodes in one process.
#pragma once

#include <cstdint>

#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/net/transport.h"

namespace leveldb {
class Env;
}  // namespace leveldb

namespace baton {

// Everything referred to outlives the node.
struct NodeContext {
  Loop& loop;
  Worker& worker;  // the storage thread
  Transport& transport;
  leveldb::Env& env;  // every file operation
  Logger& logger;
  std::uint64_t seed = 0;  // of the node's random numbers
  // A thread for what may take long and nobody waits for; null: nothing of it is done.
  Worker* background = nullptr;
};

}  // namespace baton
