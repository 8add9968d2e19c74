#include "common/net/asio_transport.h"

#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "common/net/asio_connection.h"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace baton {
namespace {

ConnectionPtr make_connection(const std::shared_ptr<AsioShared>& shared, tcp::socket socket) {
  return std::make_shared<AsioConnection>(std::make_shared<AsioStream>(shared, std::move(socket)));
}

// One call of connect(): the addresses that the name has, one after the other, until one answers or
// time is up.
class ConnectAttempt : public std::enable_shared_from_this<ConnectAttempt> {
 public:
  using Done = std::function<void(Result<ConnectionPtr>)>;

  ConnectAttempt(std::shared_ptr<AsioShared> shared, Address address, Done done)
      : shared_(std::move(shared)),
        address_(std::move(address)),
        done_(std::move(done)),
        resolver_(shared_->loop.context()),
        socket_(shared_->loop.context()) {}

  void start(Duration timeout) {
    timer_ = shared_->loop.call_after(timeout, [self = shared_from_this()] {
      self->finish(
          Status(ErrorCode::kDeadlineExceeded, "no answer from " + self->address_.to_string()));
    });
    error_code not_numeric;
    const auto ip = asio::ip::make_address(address_.host, not_numeric);
    if (!not_numeric) {
      endpoints_.emplace_back(ip, address_.port);
      shared_->loop.post([self = shared_from_this()] { self->try_next(); });
      return;
    }
    resolver_.async_resolve(
        address_.host, std::to_string(address_.port),
        [self = shared_from_this()](const error_code& error, const auto& results) {
          if (error) return self->fail(error);
          for (const auto& result : results) self->endpoints_.push_back(result.endpoint());
          self->try_next();
        });
  }

 private:
  void try_next() {
    if (finished_) return;
    if (next_ == endpoints_.size()) return fail(last_error_);
    error_code ignored;
    socket_.close(ignored);
    socket_.async_connect(endpoints_[next_++],
                          [self = shared_from_this()](const error_code& error) {
                            if (!self->finished_) self->connected(error);
                          });
  }

  void connected(error_code error) {
    // A loopback port that nobody listens on may be given to this very socket, which then talks to
    // itself and keeps the daemon from getting its port back.
    if (!error && is_own_end()) error = asio::error::connection_refused;
    if (!error) return finish(make_connection(shared_, std::move(socket_)));
    last_error_ = error;
    try_next();
  }

  [[nodiscard]] bool is_own_end() const {
    error_code local_error;
    error_code remote_error;
    const auto local = socket_.local_endpoint(local_error);
    const auto remote = socket_.remote_endpoint(remote_error);
    return !local_error && !remote_error && local == remote;
  }

  void fail(const error_code& error) {
    finish(Status(ErrorCode::kUnavailable,
                  "cannot connect to " + address_.to_string() + ": " + error.message()));
  }

  void finish(Result<ConnectionPtr> result) {
    if (std::exchange(finished_, true)) return;
    shared_->loop.cancel(timer_);
    resolver_.cancel();
    error_code ignored;
    if (socket_.is_open()) socket_.close(ignored);
    const Done done = std::move(done_);
    if (!shared_->stopped) done(std::move(result));
  }

  const std::shared_ptr<AsioShared> shared_;
  const Address address_;
  Done done_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_ = 0;
  error_code last_error_ = asio::error::host_not_found;
  Loop::TimerId timer_ = 0;
  bool finished_ = false;
};

// Accepts until stopped. No file descriptors left is a state to wait out, not an end.
class AcceptLoop : public std::enable_shared_from_this<AcceptLoop> {
 public:
  AcceptLoop(std::shared_ptr<AsioShared> shared, std::function<void(ConnectionPtr)> on_accept)
      : acceptor(shared->loop.context()),
        shared_(std::move(shared)),
        on_accept_(std::move(on_accept)) {}

  void accept_next() {
    acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
      self->accepted(error, std::move(socket));
    });
  }

  void stop() {
    stopped_ = true;
    error_code ignored;
    acceptor.close(ignored);
    shared_->loop.cancel(retry_);
    // Posted: stop() may be called by on_accept itself.
    shared_->loop.post([self = shared_from_this()] { self->on_accept_ = nullptr; });
  }

  tcp::acceptor acceptor;

 private:
  void accepted(const error_code& error, tcp::socket socket) {
    if (stopped_ || shared_->stopped) return;
    if (!error) {
      on_accept_(make_connection(shared_, std::move(socket)));
      if (!stopped_) accept_next();
      return;
    }
    if (error == asio::error::connection_aborted || error == asio::error::interrupted)
      return accept_next();
    shared_->logger.error("cannot accept connections", {kv("error", error.message())});
    retry_ = shared_->loop.call_after(shared_->options.accept_backoff, [self = shared_from_this()] {
      if (!self->stopped_) self->accept_next();
    });
  }

  const std::shared_ptr<AsioShared> shared_;
  std::function<void(ConnectionPtr)> on_accept_;
  Loop::TimerId retry_ = 0;
  bool stopped_ = false;
};

class AsioListener final : public Listener {
 public:
  AsioListener(std::shared_ptr<AcceptLoop> accept_loop, Address address)
      : accept_loop_(std::move(accept_loop)), address_(std::move(address)) {}
  ~AsioListener() override { accept_loop_->stop(); }
  AsioListener(const AsioListener&) = delete;
  AsioListener& operator=(const AsioListener&) = delete;

  [[nodiscard]] Address address() const override { return address_; }

 private:
  const std::shared_ptr<AcceptLoop> accept_loop_;
  const Address address_;
};

Result<tcp::endpoint> resolve_now(AsioLoop& loop, const Address& address) {
  error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(ip, address.port);
  tcp::resolver resolver(loop.context());
  const auto results = resolver.resolve(address.host, std::to_string(address.port), error);
  if (!error && !results.empty()) return results.begin()->endpoint();
  return Status(ErrorCode::kUnavailable,
                "cannot listen on " + address.to_string() + ": " + error.message());
}

// The first step that fails names the reason, and the others are left out.
error_code bind_to(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace

AsioTransport::AsioTransport(AsioLoop& loop, Logger& logger, AsioTransportOptions options)
    : shared_(std::make_shared<AsioShared>(loop, logger, options)) {}

AsioTransport::~AsioTransport() { shared_->stopped = true; }

void AsioTransport::connect(const Address& address, Duration timeout,
                            std::function<void(Result<ConnectionPtr>)> done) {
  std::make_shared<ConnectAttempt>(shared_, address, std::move(done))->start(timeout);
}

Result<std::unique_ptr<Listener>> AsioTransport::listen(
    const Address& address, std::function<void(ConnectionPtr)> on_accept) {
  BATON_ASSIGN_OR_RETURN(const tcp::endpoint endpoint, resolve_now(shared_->loop, address));
  auto accept_loop = std::make_shared<AcceptLoop>(shared_, std::move(on_accept));
  if (const error_code error = bind_to(accept_loop->acceptor, endpoint)) {
    return Status(ErrorCode::kUnavailable,
                  "cannot listen on " + address.to_string() + ": " + error.message());
  }
  const Address bound{address.host, accept_loop->acceptor.local_endpoint().port()};
  accept_loop->accept_next();
  return std::unique_ptr<Listener>(std::make_unique<AsioListener>(std::move(accept_loop), bound));
}

}  // namespace baton
