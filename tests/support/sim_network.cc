#include "tests/support/sim_network.h"

#include <algorithm>
#include <utility>

#include "tests/support/draw.h"
#include "tests/support/sim_connection.h"

namespace baton::sim {
namespace {

constexpr Duration kKnockAgain = std::chrono::milliseconds(200);  // a lost SYN is sent again

}  // namespace

class SimListener final : public Listener {
 public:
  // Bound to its port from here to its destruction.
  SimListener(std::shared_ptr<SimTransport::Process> process, Address address,
              std::function<void(ConnectionPtr)> on_accept)
      : process_(std::move(process)),
        address_(std::move(address)),
        on_accept_(std::make_shared<std::function<void(ConnectionPtr)>>(std::move(on_accept))) {
    process_->network.listeners_[{address_.host, address_.port}] = this;
  }
  ~SimListener() override {
    auto& listeners = process_->network.listeners_;
    const auto found = listeners.find({address_.host, address_.port});
    if (found != listeners.end() && found->second == this) listeners.erase(found);
  }

  [[nodiscard]] Address address() const override { return address_; }
  [[nodiscard]] const std::shared_ptr<SimTransport::Process>& process() const { return process_; }

  void accept(std::shared_ptr<SimConnection> connection) {
    SimLoop* loop = process_->living();
    if (loop == nullptr) return;
    loop->post([weak = std::weak_ptr(on_accept_), connection = std::move(connection)] {
      // Not accepted by a listener that is gone: destroying the connection closes it.
      if (const auto on_accept = weak.lock()) (*on_accept)(connection);
    });
  }

 private:
  const std::shared_ptr<SimTransport::Process> process_;
  const Address address_;
  const std::shared_ptr<std::function<void(ConnectionPtr)>> on_accept_;
};

// A connect() that is under way.
struct SimNetwork::Dial {
  std::shared_ptr<SimTransport::Process> process;
  std::uint64_t id;
  Address address;
  SimTime deadline;
};

SimNetwork::SimNetwork(SimScheduler& scheduler)
    : scheduler_(scheduler), random_(scheduler.random().fork()) {}

SimNetwork::~SimNetwork() {
  // Events that never ran may own connections and outlive the network.
  for (const auto& [id, wire] : wires_) wire->orphan();
}

void SimNetwork::block(const std::string& from, const std::string& to) {
  blocked_.insert({from, to});
}

void SimNetwork::unblock(const std::string& from, const std::string& to) {
  blocked_.erase({from, to});
  kick_all();
}

void SimNetwork::partition(const std::string& a, const std::string& b) {
  block(a, b);
  block(b, a);
}

void SimNetwork::heal() {
  blocked_.clear();
  quality_ = {};
  for (const auto& [id, wire] : wires_) wire->disarm();
  kick_all();
}

std::size_t SimNetwork::reset(const std::string& a, const std::string& b) {
  std::vector<std::shared_ptr<SimWire>> found;
  for (const auto& [id, wire] : wires_) {
    if (!wire->open()) continue;
    const bool between =
        (wire->host(0) == a && wire->host(1) == b) || (wire->host(0) == b && wire->host(1) == a);
    if (between) found.push_back(wire);
  }
  for (const auto& wire : found) {
    wire->reset();
    forget_if_finished(*wire);
  }
  counters_.resets += found.size();
  return found.size();
}

bool SimNetwork::reset_one() {
  const auto wire = pick_open_wire();
  if (!wire) return false;
  wire->reset();
  forget_if_finished(*wire);
  counters_.resets++;
  return true;
}

bool SimNetwork::cut_one(std::size_t bytes_max) {
  const auto wire = pick_open_wire();
  if (!wire) return false;
  wire->cut_after(random_.below(2), random_.below(bytes_max + 1));
  counters_.cuts++;
  return true;
}

bool SimNetwork::half_open_one() {
  const auto wire = pick_open_wire();
  if (!wire) return false;
  wire->vanish(random_.below(2));
  forget_if_finished(*wire);
  counters_.half_opens++;
  return true;
}

void SimNetwork::crash(const std::string& host, Death death) {
  if (death == Death::kMachine) dead_machines_.insert(host);
  std::erase_if(listeners_, [&](const auto& entry) { return entry.first.first == host; });
  const auto wires = wires_;
  for (const auto& [id, wire] : wires) {
    for (const std::size_t side : {SimWire::kConnector, SimWire::kAcceptor}) {
      if (wire->host(side) != host) continue;
      if (death == Death::kProcess) wire->abort(side);
      if (death == Death::kMachine) wire->vanish(side);
    }
    forget_if_finished(*wire);
  }
}

void SimNetwork::revive(const std::string& host) {
  dead_machines_.erase(host);
  kick_all();
}

std::size_t SimNetwork::open_connections() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(wires_, [](const auto& entry) { return entry.second->open(); }));
}

Duration SimNetwork::draw_delay() {
  return between(random_, quality_.delay_min, quality_.delay_max);
}

bool SimNetwork::open_way(const std::string& from, const std::string& to) const {
  if (!blocked_.empty() && blocked_.contains({from, to})) return false;
  return dead_machines_.empty() || (!dead_machines_.contains(from) && !dead_machines_.contains(to));
}

void SimNetwork::forget_if_finished(const SimWire& wire) {
  if (wire.finished()) wires_.erase(wire.id());
}

void SimNetwork::dial(std::shared_ptr<Dial> attempt) {
  if (attempt->process->living() == nullptr) return;
  const SimTime now = scheduler_.now();
  if (now >= attempt->deadline) {
    counters_.connect_timeouts++;
    attempt->process->answer_dial(attempt->id,
                                  Status(ErrorCode::kDeadlineExceeded,
                                         attempt->address.to_string() + " did not answer in time"));
    return;
  }
  const std::string& from = attempt->process->host;
  const std::string& to = attempt->address.host;
  if (!open_way(from, to) || !open_way(to, from)) {
    scheduler_.at(std::min(now + kKnockAgain, attempt->deadline),
                  [this, attempt] { dial(attempt); });
    return;
  }
  const auto listener = listeners_.find({to, attempt->address.port});
  if (listener == listeners_.end()) {
    counters_.refused++;
    scheduler_.after(draw_delay(), [attempt] {
      attempt->process->answer_dial(
          attempt->id, Status(ErrorCode::kUnavailable,
                              attempt->address.to_string() + " refused the connection"));
    });
    return;
  }
  accept(*attempt, *listener->second);
}

void SimNetwork::accept(const Dial& attempt, SimListener& listener) {
  const std::string& from = attempt.process->host;
  const std::string& to = attempt.address.host;
  std::erase_if(wires_, [](const auto& entry) { return entry.second->finished(); });
  const std::uint64_t id = next_wire_++;
  auto wire = std::make_shared<SimWire>(*this, id, from, to);
  wires_[id] = wire;
  next_port_ =
      next_port_ == 65'535 ? std::uint16_t{20'000} : static_cast<std::uint16_t>(next_port_ + 1);
  const std::string dialer = from + ":" + std::to_string(next_port_);
  auto theirs = SimConnection::create(attempt.process, wire, SimWire::kConnector,
                                      attempt.address.to_string());
  listener.accept(SimConnection::create(listener.process(), wire, SimWire::kAcceptor, dialer));
  scheduler_.after(draw_delay(),
                   [process = attempt.process, dial = attempt.id, theirs = std::move(theirs)] {
                     process->answer_dial(dial, ConnectionPtr(theirs));
                   });
}

std::shared_ptr<SimWire> SimNetwork::pick_open_wire() {
  const std::size_t open = open_connections();
  if (open == 0) return nullptr;
  std::size_t skip = random_.below(open);
  for (const auto& [id, wire] : wires_) {
    if (wire->open() && skip-- == 0) return wire;
  }
  return nullptr;
}

void SimNetwork::kick_all() {
  for (const auto& [id, wire] : wires_) {
    wire->kick(SimWire::kConnector);
    wire->kick(SimWire::kAcceptor);
  }
}

void SimTransport::Process::answer_dial(std::uint64_t id, Result<ConnectionPtr> result) {
  SimLoop* running = living();
  const auto found = dials.find(id);
  if (running == nullptr || found == dials.end()) return;
  running->post([done = std::move(found->second), result = std::move(result)] { done(result); });
  dials.erase(found);
}

SimTransport::SimTransport(SimNetwork& network, SimLoop& loop, std::string host)
    : process_(
          std::make_shared<Process>(Process{network, loop.handle(), std::move(host), 1, {}, {}})) {}

SimTransport::~SimTransport() {
  const auto dials = std::exchange(process_->dials, {});
  for (const auto& weak : process_->connections) {
    if (const auto connection = weak.lock()) connection->abandon();
  }
}

void SimTransport::connect(const Address& address, Duration timeout,
                           std::function<void(Result<ConnectionPtr>)> done) {
  SimNetwork& network = process_->network;
  const std::uint64_t id = process_->next_dial++;
  process_->dials[id] = std::move(done);
  auto attempt = std::make_shared<SimNetwork::Dial>(
      SimNetwork::Dial{process_, id, address, network.scheduler().now() + timeout});
  network.scheduler().after(network.draw_delay(), [&network, attempt] { network.dial(attempt); });
}

Result<std::unique_ptr<Listener>> SimTransport::listen(
    const Address& address, std::function<void(ConnectionPtr)> on_accept) {
  SimNetwork& network = process_->network;
  if (address.host != process_->host) {
    return Status(ErrorCode::kUnavailable,
                  address.to_string() + " is not an address of this machine");
  }
  Address bound = address;
  while (bound.port == 0) {
    const std::uint16_t candidate = network.next_port_++;
    if (!network.listeners_.contains({bound.host, candidate})) bound.port = candidate;
  }
  if (network.listeners_.contains({bound.host, bound.port})) {
    return Status(ErrorCode::kUnavailable, bound.to_string() + " is taken");
  }
  return std::unique_ptr<Listener>(
      std::make_unique<SimListener>(process_, std::move(bound), std::move(on_accept)));
}

}  // namespace baton::sim
