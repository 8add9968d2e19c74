#include "client/commands/task_ids.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "client/commands/input_reader.h"

namespace baton::commands {
namespace {

constexpr std::size_t kLineBytesMax = 4096;

class NamedIds final : public TaskIds {
 public:
  NamedIds(AsioLoop& loop, std::vector<std::string> words)
      : loop_(loop), words_(std::move(words)) {}

  void next(std::size_t max, Done done) override {
    if (reader_) return read_lines(max, std::move(done));
    std::vector<TaskId> ids;
    for (; next_ < words_.size() && ids.size() < max && words_[next_] != "-"; ++next_)
      ids.push_back(parse_task_id(words_[next_]).value());
    const bool input_next = next_ < words_.size() && words_[next_] == "-";
    if (!ids.empty() || !input_next) return answer(std::move(ids), std::move(done));
    ++next_;
    auto opened = InputReader::open(loop_, "-");
    if (!opened.ok()) return answer(opened.status(), std::move(done));
    reader_ = std::move(opened).value();
    read_lines(max, std::move(done));
  }

 private:
  void answer(Result<std::vector<TaskId>> ids, Done done) {
    loop_.post([done = std::move(done), ids = std::move(ids)]() mutable { done(std::move(ids)); });
  }

  void read_lines(std::size_t max, Done done) {
    auto ids = take_lines(max);
    if (!ids.ok() || !ids.value().empty()) return answer(std::move(ids), std::move(done));
    if (ended_) {
      reader_.reset();
      return next(max, std::move(done));  // words may follow
    }
    reader_->read([this, max, done = std::move(done)](Result<std::string> bytes) mutable {
      if (!bytes.ok()) return done(bytes.status());
      ended_ = bytes.value().empty();
      lines_.add(bytes.value());
      if (ended_) lines_.end();
      read_lines(max, std::move(done));
    });
  }

  Result<std::vector<TaskId>> take_lines(std::size_t max) {
    std::vector<TaskId> ids;
    std::string line;
    while (ids.size() < max && lines_.next(line)) {
      ++line_number_;
      line.resize(std::min(line.find_first_of(" \t\r"), line.size()));
      if (line.empty()) continue;
      auto id = parse_task_id(line);
      if (!id.ok()) return bad_line(id.status().message());
      ids.push_back(id.value());
    }
    if (ids.empty() && lines_.bytes() > kLineBytesMax) return bad_line("much too long");
    return ids;
  }

  [[nodiscard]] Status bad_line(const std::string& why) const {
    return {ErrorCode::kInvalidArgument,
            "line " + std::to_string(line_number_) + " of standard input: " + why};
  }

  AsioLoop& loop_;
  const std::vector<std::string> words_;
  std::size_t next_ = 0;
  std::unique_ptr<InputReader> reader_;
  LineSplitter lines_;
  std::uint64_t line_number_ = 0;
  bool ended_ = false;
};

class ListedIds final : public TaskIds {
 public:
  ListedIds(AsioLoop& loop, client::Admin& admin, TaskListing listing, Duration timeout)
      : loop_(loop), admin_(admin), listing_(std::move(listing)), timeout_(timeout) {}

  void next(std::size_t max, Done done) override {
    if (ended_) return loop_.post([done = std::move(done)] { done(std::vector<TaskId>()); });
    admin_.list_tasks(
        listing_.queue, listing_.state, listing_.filter, static_cast<std::uint32_t>(max), cursor_,
        timeout_,
        [this, max, done = std::move(done)](const Result<client::TaskPage>& page) mutable {
          on_page(page, max, std::move(done));
        });
  }

 private:
  void on_page(const Result<client::TaskPage>& page, std::size_t max, Done done) {
    // Tasks with long reasons: fewer at a time.
    if (page.status().code() == ErrorCode::kTooLarge && max > 1)
      return next(std::max<std::size_t>(1, max / 4), std::move(done));
    if (!page.ok()) return done(page.status());
    std::vector<TaskId> ids;
    for (const client::TaskInfo& task : page.value().tasks) ids.push_back(task.task);
    cursor_ = page.value().next;
    ended_ = cursor_.empty();
    // A page may be empty although others follow: the filter looks at a bounded part of the queue.
    if (ids.empty() && !ended_) return next(max, std::move(done));
    if (ids.empty() && !found_) return ask_for_queue(std::move(done));
    found_ = true;
    done(std::move(ids));
  }

  void ask_for_queue(Done done) {
    admin_.show_queue(listing_.queue, timeout_,
                      [done = std::move(done)](const Result<client::QueueDetail>& queue) {
                        if (!queue.ok()) return done(queue.status());
                        done(std::vector<TaskId>());
                      });
  }

  AsioLoop& loop_;
  client::Admin& admin_;
  const TaskListing listing_;
  const Duration timeout_;
  std::string cursor_;
  bool found_ = false;  // a task
  bool ended_ = false;
};

}  // namespace

std::string check_id_word(const std::string& word) {
  return word == "-" ? "" : parse_task_id(word).status().message();
}

bool names_many(const std::vector<std::string>& words) {
  return words.size() > 1 || (words.size() == 1 && words.front() == "-");
}

std::unique_ptr<TaskIds> make_named_ids(AsioLoop& loop, std::vector<std::string> words) {
  return std::make_unique<NamedIds>(loop, std::move(words));
}

std::unique_ptr<TaskIds> make_listed_ids(AsioLoop& loop, client::Admin& admin, TaskListing listing,
                                         Duration timeout) {
  return std::make_unique<ListedIds>(loop, admin, std::move(listing), timeout);
}

}  // namespace baton::commands
