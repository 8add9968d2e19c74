#include "center/storage/history_lookups.h"

#include <string>
#include <utility>

namespace baton::center {

// Touched by the worker while a job of it runs, else by the loop.
struct HistoryLookups::Lookup {
  Lookup(TaskId asked, HistoryCursor from, std::size_t limit, Lsn head, Done then)
      : task(asked), until(head), reader(asked, from, limit), done(std::move(then)) {}

  TaskId task;
  Lsn until;  // what came after the question is not chased
  TaskHistoryReader reader;
  Done done;
  Lsn segment;     // first entry of the one that is being read
  Lsn index_made;  // first entry of the segment whose index was made for this question
  Status status;   // of the last job
  bool no_index = false;
  bool passed = false;  // the segment was read to its end

  void read(leveldb::Env& env, const Archive::Located& located, const std::string& index_path) {
    status = located.open ? read_open(env, located) : read_closed(env, located, index_path);
  }
  Status read_open(leveldb::Env& env, const Archive::Located& located) {
    const auto find_session = [&](const SessionId& session) -> Result<std::vector<std::uint32_t>> {
      Postings names;
      names.sessions = located.sessions;
      return names.find_session(session);
    };
    BATON_ASSIGN_OR_RETURN(passed, reader.read(env, located.info, located.places, find_session));
    return Status();
  }
  Status read_closed(leveldb::Env& env, const Archive::Located& located,
                     const std::string& index_path) {
    const Result<SegmentIndex> index = SegmentIndex::open(env, index_path, located.info);
    no_index = !index.ok();
    if (no_index) return index.status();
    const Result<std::vector<std::uint32_t>> places = index.value().find_task(task);
    no_index = !places.ok();
    if (no_index) return places.status();
    BATON_ASSIGN_OR_RETURN(
        passed, reader.read(env, located.info, places.value(), [&](const SessionId& session) {
          return index.value().find_session(session);
        }));
    return Status();
  }
};

HistoryLookups::HistoryLookups(Loop& loop, Worker& worker, leveldb::Env& env, Archive& archive)
    : loop_(loop), worker_(worker), env_(env), archive_(archive) {}

void HistoryLookups::look_up(TaskId task, std::string_view cursor, std::size_t limit, Done done) {
  const Result<HistoryCursor> from = HistoryCursor::parse(cursor);
  Status refused = from.status();
  if (refused.ok() && waiting_.size() >= kWaitingMax) {
    refused = Status(ErrorCode::kRetryLater, "too many questions about histories wait");
  }
  if (!refused.ok()) {
    loop_.post(gate_.on_loop([done = std::move(done), refused] { done(refused); }));
    return;
  }
  waiting_.push_back(
      std::make_shared<Lookup>(task, from.value(), limit, archive_.head().index, std::move(done)));
  if (waiting_.size() == 1) loop_.post(gate_.on_loop([this] { advance(); }));
}

void HistoryLookups::advance() {
  Lookup& lookup = *waiting_.front();
  if (lookup.reader.full() || lookup.reader.position() > lookup.until) return finish(Status());
  const std::optional<Archive::Located> located =
      archive_.locate(lookup.reader.position(), lookup.task);
  if (!located) return finish(Status());
  if (lookup.segment != located->info.first) {
    lookup.segment = located->info.first;
    lookup.reader.pass(Lsn());  // of the one before; it may have been removed under way
  }
  read_segment(*located);
}

void HistoryLookups::read_segment(const Archive::Located& located) {
  auto shared = std::make_shared<Archive::Located>(located);
  worker_.run(gate_.job([this, lookup = waiting_.front(), shared,
                         index = archive_.indexes().path_of(located.info.first)] {
    lookup->read(env_, *shared, index);
  }),
              gate_.on_loop([this, shared] { on_read(*shared); }));
}

void HistoryLookups::on_read(const Archive::Located& located) {
  Lookup& lookup = *waiting_.front();
  if (!lookup.status.ok()) {
    // Removed meanwhile, because the archive was full: what is left goes on behind it.
    if (archive_.first_index() > located.info.first) return advance();
    if (lookup.no_index && lookup.index_made != located.info.first) return make_index(located);
    return finish(lookup.status);
  }
  if (lookup.passed && !lookup.reader.full()) lookup.reader.pass(located.last);
  advance();
}

void HistoryLookups::make_index(const Archive::Located& located) {
  waiting_.front()->index_made = located.info.first;
  // When it could not be made, the next try says why.
  const Closure go_on = gate_.on_loop([this] { advance(); });
  archive_.indexes().make_now(located.info, [go_on](const Status&) { go_on(); });
}

void HistoryLookups::finish(const Status& status) {
  const std::shared_ptr<Lookup> lookup = std::move(waiting_.front());
  waiting_.pop_front();
  if (!waiting_.empty()) loop_.post(gate_.on_loop([this] { advance(); }));
  if (!status.ok()) return lookup->done(status);
  HistoryPage page = lookup->reader.take(lookup->reader.full());
  page.kept_from = archive_.first_index();
  lookup->done(std::move(page));
}

}  // namespace baton::center
