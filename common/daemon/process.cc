#include "common/daemon/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/signal_set.hpp>
#include <google/protobuf/stubs/logging.h>
#include <sys/resource.h>

namespace baton {
namespace {
// Files, the store's tables, epoll, standard streams: what a daemon needs beside its connections.
constexpr std::size_t kFilesBesideConnections = 300;
}  // namespace

void raise_file_limit(std::size_t connections_max, Logger& logger) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    logger.warn("cannot read the file limit", {kv("error", std::strerror(errno))});
    return;
  }
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur == RLIM_INFINITY ||
      limit.rlim_cur >= connections_max + kFilesBesideConnections)
    return;
  logger.warn(
      "the file limit is below the connection limit",
      {kv("files_max", std::uint64_t{limit.rlim_cur}), kv("connections_max", connections_max),
       kv("hint", "raise the hard limit (ulimit -Hn, LimitNOFILE=) or lower --connections-max")});
}

void silence_protobuf() { google::protobuf::SetLogHandler(nullptr); }

class SignalWatch::Impl : public std::enable_shared_from_this<SignalWatch::Impl> {
 public:
  Impl(AsioLoop& loop, Handler on_first, Handler on_second)
      : signals_(loop.context(), SIGINT, SIGTERM),
        on_first_(std::move(on_first)),
        on_second_(std::move(on_second)) {}

  void wait() {
    signals_.async_wait(
        [self = shared_from_this()](const boost::system::error_code& error, int signal) {
          if (error) return;
          const Handler& handler =
              std::exchange(self->seen_, true) ? self->on_second_ : self->on_first_;
          self->wait();
          handler(signal);
        });
  }

  void stop() {
    boost::system::error_code ignored;
    signals_.cancel(ignored);
  }

 private:
  boost::asio::signal_set signals_;
  const Handler on_first_;
  const Handler on_second_;
  bool seen_ = false;
};

SignalWatch::SignalWatch(AsioLoop& loop, Handler on_first, Handler on_second)
    : impl_(std::make_shared<Impl>(loop, std::move(on_first), std::move(on_second))) {
  std::signal(SIGPIPE, SIG_IGN);
  // A write beyond the limit of file sizes fails then, and the node says so before it ends.
  std::signal(SIGXFSZ, SIG_IGN);
  impl_->wait();
}

SignalWatch::~SignalWatch() { impl_->stop(); }

}  // namespace baton
