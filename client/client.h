// Client: the connection of a program to a Baton cluster, and where producers, consumers and
// queries come from.
//
// A Client owns one thread, on which all its network work and all callbacks of its producers,
// consumers and queries run. Every method of every class of this library may be called from any
// thread, callbacks included, unless its comment says otherwise. A callback must not block: it
// holds up all the others.
//
// (A program that has a loop of its own, such as the simulator, uses client/embedded.h instead.)
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/metrics.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton::client {

class Admin;
class Consumer;
struct ConsumerHandlers;
struct ConsumerOptions;
class Producer;
struct ProducerOptions;

struct ClientOptions {
  // HOST:PORT of managers, at least one. The first is preferred; the others are tried in this order
  // when it cannot be reached, goes away, or has lost the center.
  std::vector<std::string> managers = {"127.0.0.1:7101"};

  // Who this is, for people who look at claims and logs. Empty: "pid-<process id>".
  std::string name = {};

  // A manager that does not take the connection within this time is passed over.
  Duration connect_timeout = std::chrono::seconds(2);

  // A produce or query that a living manager has left unanswered for this long is tried elsewhere.
  Duration answer_timeout = std::chrono::seconds(10);

  // Of all random choices: ids, jitter, random picks. 0: from the system. Two clients with the same
  // seed would get the same ids, so that anything but 0 is for simulations.
  std::uint64_t seed = 0;
};

class Client {
 public:
  // Starts the thread. No manager need be there: they are looked for when something needs them.
  // invalid_argument: no manager, or an address that is none.
  static Result<std::unique_ptr<Client>> open(ClientOptions options);

  // Everything made by this client must be gone by now.
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  virtual std::unique_ptr<Producer> make_producer(const ProducerOptions& options) = 0;
  std::unique_ptr<Producer> make_producer();

  // Starts to consume. invalid_argument: an option out of its range.
  virtual Result<std::unique_ptr<Consumer>> make_consumer(const ConsumerOptions& options,
                                                          ConsumerHandlers handlers) = 0;

  virtual Admin& admin() = 0;

  // Of everything made by this client so far, also of what is gone.
  [[nodiscard]] virtual ClientMetrics metrics() const = 0;

 protected:
  Client() = default;
};

}  // namespace baton::client
