// TaskIds: where a bulk command takes the ids of its tasks from: arguments, standard input, or a
// list of the cluster, in bounded pieces.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/admin.h"
#include "common/base/status.h"
#include "common/net/asio_loop.h"

namespace baton::commands {

class TaskIds {
 public:
  virtual ~TaskIds() = default;

  // Calls `done` on the loop, never inside this call, with 1 to `max` more ids, or with none at the
  // end. Not ok: nothing follows. One call at a time. REQUIRES: max is 1 to 1,000.
  using Done = std::function<void(Result<std::vector<TaskId>>)>;
  virtual void next(std::size_t max, Done done) = 0;
};

// A word of the command line that names tasks: an id, or "-" for standard input. The text of the
// usage error otherwise.
std::string check_id_word(const std::string& word);
// True when `words` name more than one task, or may do so.
bool names_many(const std::vector<std::string>& words);

// The ids of the words, in their order; "-": one id a line from standard input, of which what
// follows a space or tab is ignored, so that the output of other commands can be piped in.
std::unique_ptr<TaskIds> make_named_ids(AsioLoop& loop, std::vector<std::string> words);

struct TaskListing {
  std::string queue;
  client::TaskState state = client::TaskState::kReady;  // kNone: any
  client::TaskFilter filter;
};
// Every task that the filter lets pass, page by page. not_found: none, and there is no such queue.
std::unique_ptr<TaskIds> make_listed_ids(AsioLoop& loop, client::Admin& admin, TaskListing listing,
                                         Duration timeout);

}  // namespace baton::commands
