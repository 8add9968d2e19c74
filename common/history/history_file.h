// History files: a history as lines of JSON, so that any program in any language can write one and
// files of several processes can be judged together.
//
// The first line names the format, each further line is an event or a sample:
//
//   {"baton_history":1}
//   {"at":1500000,"action":"produce","outcome":"invoke","operation":1,"process":7,
//    "producer":7,"number":12,"content":99}
//   {"at":1700000,"action":"produce","outcome":"ok","operation":1,"task":17592186044417}
//   {"at":1800000,"action":"delivery","process":8,"task":17592186044417,"token":5,"attempt":1,
//    "lease_ms":3000,"producer":7,"number":12,"content":99}
//   {"at":1900000,"action":"state","outcome":"invoke","operation":2,"task":17592186044417}
//   {"at":2000000,"action":"state","outcome":"ok","operation":2,"state":"done","token":5}
//   {"at":2000000,"action":"sample","process":1,"what":"open_files","value":31,"cap":512}
//
// (Each on one line.) `at`: nanoseconds on a monotonic clock that all files share. `operation`: a
// number of its own in its file, from 1; the line that ends it needs only what its invoke did not
// say. Without an outcome a line is a single event. `process`, and `producer` with `number`, mean
// the same in all files. The words of action, outcome and state are those of event.h. A field that
// is left out is 0. Unknown fields, and words that a version 1 does not have, are errors: what a
// checker does not understand it must not pass over.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/history/history.h"

namespace baton::check {

inline constexpr int kHistoryFileVersion = 1;
inline constexpr std::size_t kHistoryLineBytesMax = 4096;
// Of one file, against a file that is something else.
inline constexpr std::size_t kHistoryLinesMax = 200'000'000;

// The whole history. Whether it arrived, `out` knows.
void write_history(const History& history, std::ostream& out);

// Reads files and merges them by time; what one file says keeps its order.
class HistoryFiles {
 public:
  // Adds what `in` says. invalid_argument, with `name` and the number of the line, for anything
  // that is not a history of a known version; the files then cannot be merged any more. A last line
  // that was cut off by the death of its writer is left out, and counted.
  Status read(std::istream& in, const std::string& name);

  [[nodiscard]] std::size_t cut_lines() const { return cut_lines_; }
  // All of them as one history. Leaves nothing here.
  History merge();

 private:
  class Reader;
  struct File {
    std::vector<Event> events;  // ends as they were written: with their own fields only
    std::vector<ResourceSample> samples;
  };

  std::vector<File> files_;
  std::size_t cut_lines_ = 0;
};

}  // namespace baton::check
