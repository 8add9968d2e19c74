#include "client/commands/input_reader.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace baton::commands {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

Status file_error(const std::string& path, int error) {
  const ErrorCode code = error == ENOENT   ? ErrorCode::kNotFound
                         : error == EACCES ? ErrorCode::kDenied
                                           : ErrorCode::kInvalidArgument;
  return {code, "cannot read " + path + ": " + std::strerror(error)};
}

}  // namespace

InputReader::InputReader(AsioLoop& loop, int file, std::string path)
    : loop_(loop), file_(file), path_(std::move(path)), waitable_(false), poll_(loop.context()) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  // Plain files refuse: they are always readable.
  waitable_ = poll >= 0 && ::epoll_ctl(poll, EPOLL_CTL_ADD, file, &event) == 0;
  if (waitable_) {
    poll_.assign(poll);
  } else if (poll >= 0) {
    ::close(poll);
  }
}

InputReader::~InputReader() {
  *alive_ = false;
  if (file_ != STDIN_FILENO) ::close(file_);
}

Result<std::unique_ptr<InputReader>> InputReader::open(AsioLoop& loop, const std::string& path) {
  if (path == "-") return std::make_unique<InputReader>(loop, STDIN_FILENO, "standard input");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error(path, errno);
  return std::make_unique<InputReader>(loop, file, path);
}

void InputReader::read(Done done) {
  wait_readable([this, done = std::move(done)] { done(read_now()); });
}

void InputReader::wait_readable(std::function<void()> then) {
  auto guarded = [alive = alive_, then = std::move(then)] {
    if (*alive) then();
  };
  if (!waitable_) {
    loop_.post(std::move(guarded));
    return;
  }
  poll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [guarded = std::move(guarded)](const boost::system::error_code& error) {
                     if (!error) guarded();
                   });
}

Result<std::string> InputReader::read_now() {
  std::string bytes(kChunkBytes, '\0');
  ssize_t length = 0;
  do {
    length = ::read(file_, bytes.data(), bytes.size());
  } while (length < 0 && errno == EINTR);
  if (length < 0) return file_error(path_, errno);
  bytes.resize(static_cast<std::size_t>(length));
  return bytes;
}

bool LineSplitter::next(std::string& line) {
  const std::size_t newline = rest_.find('\n', at_);
  if (newline == std::string::npos && (!ended_ || at_ == rest_.size())) {
    rest_.erase(0, at_);
    at_ = 0;
    return false;
  }
  const std::size_t end = newline == std::string::npos ? rest_.size() : newline;
  line.assign(rest_, at_, end - at_);
  at_ = newline == std::string::npos ? end : end + 1;
  return true;
}

}  // namespace baton::commands
