// A Client on a loop and a transport that the program already has: the simulator, `baton dev`,
// tests.
//
// Not part of the installed headers. Everything of such a client is called on that loop only, and
// nothing of it may block (produce() with Backpressure::kWait refuses instead; the blocking forms
// are not for it). Destroying its parts stops them at once, as kill -9 would.
#pragma once

#include <memory>

#include "client/baton.h"
#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/net/transport.h"

namespace baton::client {

// Everything referred to outlives the client.
struct EmbeddedContext {
  Loop& loop;
  Transport& transport;
  Logger& logger;
};

// REQUIRES: options.seed is not 0. invalid_argument as Client::open.
Result<std::unique_ptr<Client>> open_embedded(const EmbeddedContext& context,
                                              ClientOptions options);

}  // namespace baton::client
