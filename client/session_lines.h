// SessionLines: the waits of a session, one for each of its queues, on one connection. Values only.
//
// A line that was refused, or has ended, may be opened again under a higher number: neither manager
// nor ledger opens one below those that they have seen. The remainder of a number tells its queue,
// so that a task is known by a number that is not used any more, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace baton::client {

class SessionLines {
 public:
  struct Line {
    std::string queue;
    std::uint32_t number = 0;   // 0: it is not open
    std::uint64_t opening = 0;  // the request that opened it
    std::uint64_t ending = 0;   // the request that is to end it, until it is answered
    int failures = 0;           // refusals in a row
    MonoTime not_before{};      // it is left alone until then
  };

  // REQUIRES: at least one.
  explicit SessionLines(const std::vector<std::string>& queues);

  // A new connection: nothing is open, nothing was refused.
  void reset();

  [[nodiscard]] bool any_open() const { return first_open() != nullptr; }
  // The one that states what credit has grown; null when none is open.
  [[nodiscard]] const Line* first_open() const;
  // Those that are not open and may be opened now.
  std::vector<Line*> to_open(MonoTime now);
  // Those that are open and may be ended now.
  std::vector<Line*> to_end(MonoTime now);
  // When some of those that are left alone are not any more; MonoTime::max() when there is none.
  [[nodiscard]] MonoTime next_try(MonoTime now) const;

  // Gives it its number. The caller fills in the request.
  void open(Line& line);
  static void close(Line& line);

  // The line whose demand this was. What grew is stated by the first open line, so that a request
  // that opened none is taken for that one's; were it an older one's, then a line is opened anew
  // without need. Null when none is open.
  Line* demanded_by(std::uint64_t request);
  // Null when no line is to end by this request.
  Line* ended_by(std::uint64_t request);
  // Null when no line had this number. A session with one queue need not look.
  [[nodiscard]] const std::string* queue_of(std::uint32_t number) const;

 private:
  std::vector<Line> lines_;
  std::uint32_t highest_ = 0;  // of the numbers that were given
};

}  // namespace baton::client
