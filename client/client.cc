#include "client/client.h"

#include <utility>

#include <unistd.h>

#include "client/admin_facade.h"
#include "client/baton.h"
#include "client/consumer_engine.h"
#include "client/embedded.h"
#include "client/environment.h"
#include "client/producer_engine.h"
#include "client/query_engine.h"
#include "client/threads.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"

namespace baton::client {
namespace {

class ProducerFacade final : public Producer {
 public:
  ProducerFacade(std::shared_ptr<Home> home, Environment& environment,
                 const ProducerOptions& options)
      : home_(std::move(home)),
        wait_(options.backpressure == Backpressure::kWait),
        room_(std::make_shared<Room>(options.unresolved_items_max, options.unresolved_bytes_max)) {
    home_->run([&] {
      engine_ = std::make_shared<ProducerEngine>(
          environment, options,
          [room = room_](std::size_t items, std::size_t bytes) { room->give_back(items, bytes); });
      engine_->start();
    });
  }
  ~ProducerFacade() override {
    room_->close();
    home_->run([this] { engine_->shutdown(); });
  }

  void produce(std::string queue, std::string payload, TaskOptions options,
               ProduceCallback done) override {
    const bool may_wait = wait_ && !home_->here();
    const bool taken =
        may_wait ? room_->wait_and_take(payload.size()) : room_->take(payload.size());
    if (!taken) {
      home_->post([done = std::move(done)] {
        if (!done) return;
        done(ProduceOutcome{ProduceState::kFailed, TaskId(),
                            Status(ErrorCode::kRetryLater, "too many tasks have no outcome yet")});
      });
      return;
    }
    // Most tasks ask for nothing: their way should cost nothing more.
    std::shared_ptr<const TaskOptions> asked;
    if (options != TaskOptions()) asked = std::make_shared<const TaskOptions>(std::move(options));
    home_->post([engine = std::weak_ptr<ProducerEngine>(engine_), queue = std::move(queue),
                 payload = std::move(payload), asked = std::move(asked),
                 done = std::move(done)]() mutable {
      if (const auto alive = engine.lock()) {
        alive->add(std::move(queue), std::move(payload), asked.get(), std::move(done));
      }
    });
  }

  [[nodiscard]] bool has_room(std::size_t payload_bytes) const override {
    return room_->has(payload_bytes);
  }

  void close(std::function<void()> done) override {
    home_->post(
        [engine = std::weak_ptr<ProducerEngine>(engine_), done = std::move(done)]() mutable {
          if (const auto alive = engine.lock()) alive->close(std::move(done));
        });
  }

 private:
  const std::shared_ptr<Home> home_;
  const bool wait_;
  const std::shared_ptr<Room> room_;
  std::shared_ptr<ProducerEngine> engine_;
};

class ConsumerFacade final : public Consumer {
 public:
  ConsumerFacade(std::shared_ptr<Home> home, Environment& environment,
                 const ConsumerOptions& options, ConsumerHandlers handlers)
      : home_(std::move(home)) {
    home_->run([&] {
      engine_ = std::make_shared<ConsumerEngine>(environment, home_, options, std::move(handlers));
      engine_->start();
    });
  }
  ~ConsumerFacade() override {
    home_->run([this] { engine_->shutdown(); });
  }

  void stop(StopMode mode, Duration patience) override {
    home_->post([engine = std::weak_ptr<ConsumerEngine>(engine_), mode, patience] {
      if (const auto alive = engine.lock()) alive->stop(mode, patience);
    });
  }

 private:
  const std::shared_ptr<Home> home_;
  std::shared_ptr<ConsumerEngine> engine_;
};

// The part that both kinds of clients share: everything above the loop.
class ClientCore {
 public:
  ClientCore(Loop& loop, Transport& transport, Logger& logger, bool own_thread,
             const ClientOptions& options, std::vector<Address> managers)
      : home_(std::make_shared<Home>(loop, own_thread)),
        environment_{loop,
                     transport,
                     logger,
                     std::move(managers),
                     options.name,
                     options.connect_timeout,
                     options.answer_timeout,
                     Random(options.seed),
                     {}} {}
  // Once the thread runs.
  void start() {
    home_->run([this] {
      admin_ = std::make_unique<AdminFacade>(home_, std::make_shared<QueryEngine>(environment_));
    });
  }
  ~ClientCore() { home_->close(); }
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  void stop_admin() { admin_.reset(); }
  [[nodiscard]] const std::shared_ptr<Home>& home() const { return home_; }
  [[nodiscard]] Environment& environment() { return environment_; }
  [[nodiscard]] Admin& admin() { return *admin_; }

 private:
  const std::shared_ptr<Home> home_;
  Environment environment_;
  std::unique_ptr<AdminFacade> admin_;
};

class CoreClient : public Client {
 public:
  explicit CoreClient(std::unique_ptr<ClientCore> core) : core_(std::move(core)) {}

  std::unique_ptr<Producer> make_producer(const ProducerOptions& options) override {
    return std::make_unique<ProducerFacade>(core_->home(), core_->environment(), options);
  }
  Result<std::unique_ptr<Consumer>> make_consumer(const ConsumerOptions& options,
                                                  ConsumerHandlers handlers) override {
    BATON_RETURN_IF_ERROR(validate(options));
    return std::unique_ptr<Consumer>(std::make_unique<ConsumerFacade>(
        core_->home(), core_->environment(), options, std::move(handlers)));
  }
  Admin& admin() override { return core_->admin(); }
  [[nodiscard]] ClientMetrics metrics() const override {
    ClientMetrics metrics;
    core_->home()->run([&] { metrics = core_->environment().metrics; });
    return metrics;
  }

 protected:
  std::unique_ptr<ClientCore> core_;
};

// A client on the loop of somebody else.
class EmbeddedClient final : public CoreClient {
 public:
  using CoreClient::CoreClient;
  ~EmbeddedClient() override { core_->stop_admin(); }
};

class SilentLogger final : public Logger {
 public:
  void write(LogLevel, std::string_view, std::span<const LogField>) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

// What a client with a thread of its own stands on.
struct OwnThread {
  AsioLoop loop;
  SilentLogger logger;
  AsioTransport transport{loop, logger};
  AsioWorker thread{loop, "baton-client"};

  void run(const std::shared_ptr<Home>& home) {
    thread.run(
        [this, home] {
          home->set_thread();
          loop.run();
        },
        [] {});
  }
};

class ThreadedClient final : public CoreClient {
 public:
  ThreadedClient(std::unique_ptr<OwnThread> own, std::unique_ptr<ClientCore> core)
      : CoreClient(std::move(core)), own_(std::move(own)) {
    own_->run(core_->home());
    core_->start();
  }
  ~ThreadedClient() override {
    core_->stop_admin();
    core_->home()->close();
    own_->loop.stop();
    own_.reset();  // waits for the thread
  }

 private:
  std::unique_ptr<OwnThread> own_;
};

Result<std::vector<Address>> addresses_of(const std::vector<std::string>& managers) {
  if (managers.empty()) return Status(ErrorCode::kInvalidArgument, "no manager is given");
  std::vector<Address> addresses;
  for (const std::string& manager : managers) {
    BATON_ASSIGN_OR_RETURN(Address address, parse_address(manager));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

ClientOptions normal(ClientOptions options) {
  if (options.name.empty()) options.name = "pid-" + std::to_string(::getpid());
  options.name = options.name.substr(0, kManagerNameBytesMax);  // what an attach may carry
  if (options.seed == 0) options.seed = system_seed();
  return options;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(ClientOptions options) {
  BATON_ASSIGN_OR_RETURN(auto managers, addresses_of(options.managers));
  auto own = std::make_unique<OwnThread>();
  auto core = std::make_unique<ClientCore>(own->loop, own->transport, own->logger, true,
                                           normal(std::move(options)), std::move(managers));
  return std::unique_ptr<Client>(std::make_unique<ThreadedClient>(std::move(own), std::move(core)));
}

Result<std::unique_ptr<Client>> open_embedded(const EmbeddedContext& context,
                                              ClientOptions options) {
  BATON_CHECK(options.seed != 0);
  BATON_ASSIGN_OR_RETURN(auto managers, addresses_of(options.managers));
  auto core = std::make_unique<ClientCore>(context.loop, context.transport, context.logger, false,
                                           normal(std::move(options)), std::move(managers));
  core->start();
  return std::unique_ptr<Client>(std::make_unique<EmbeddedClient>(std::move(core)));
}

std::unique_ptr<Producer> Client::make_producer() { return make_producer(ProducerOptions{}); }

// ---- Producer: the shorter forms, and those that wait ----------------------------------------

void Producer::produce(std::string queue, std::string payload, ProduceCallback done) {
  produce(std::move(queue), std::move(payload), TaskOptions(), std::move(done));
}

std::future<ProduceOutcome> Producer::produce(std::string queue, std::string payload) {
  return produce(std::move(queue), std::move(payload), TaskOptions());
}

std::future<ProduceOutcome> Producer::produce(std::string queue, std::string payload,
                                              TaskOptions options) {
  auto promise = std::make_shared<std::promise<ProduceOutcome>>();
  auto future = promise->get_future();
  produce(std::move(queue), std::move(payload), std::move(options),
          [promise](const ProduceOutcome& outcome) { promise->set_value(outcome); });
  return future;
}

void Producer::close() {
  std::promise<void> closed;
  close([&closed] { closed.set_value(); });
  closed.get_future().wait();
}

}  // namespace baton::client
