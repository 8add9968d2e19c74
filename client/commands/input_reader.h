// InputReader: reads standard input or files on the loop, without blocking it and without changing
// the terminal: a file that can be waited for is watched through an epoll of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/base/status.h"
#include "common/net/asio_loop.h"

namespace baton::commands {

class InputReader {
 public:
  // "-" is standard input. not_found or denied: the file cannot be opened.
  static Result<std::unique_ptr<InputReader>> open(AsioLoop& loop, const std::string& path);
  ~InputReader();

  // One chunk: `done(bytes)`, on the loop, never inside the call; empty at the end. Not ok: reading
  // failed. One call at a time.
  using Done = std::function<void(Result<std::string>)>;
  void read(Done done);

  InputReader(AsioLoop& loop, int file, std::string path);

 private:
  void wait_readable(std::function<void()> then);
  Result<std::string> read_now();

  AsioLoop& loop_;
  int file_;
  std::string path_;
  bool waitable_;
  boost::asio::posix::stream_descriptor poll_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Cuts a stream of bytes into lines. A last line without a newline counts.
class LineSplitter {
 public:
  void add(std::string_view bytes) { rest_ += bytes; }
  void end() { ended_ = true; }
  // False: no whole line yet.
  bool next(std::string& line);
  [[nodiscard]] std::size_t bytes() const { return rest_.size() - at_; }

 private:
  std::string rest_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace baton::commands
