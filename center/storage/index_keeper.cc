#include "center/storage/index_keeper.h"

#include <algorithm>
#include <utility>

#include "common/storage/stored_files.h"

namespace baton::center {
namespace {

// Of a segment, read for its index by one job.
constexpr std::uint64_t kReadPerStep = std::uint64_t{256} << 10;

}  // namespace

// Touched by the worker while it is being built, but for `waiters` and `dropped`.
struct IndexKeeper::Build {
  SegmentInfo segment;
  bool has_postings = false;
  Postings postings;
  std::unique_ptr<SegmentReader> reader;
  std::unique_ptr<IndexBuilder> builder;
  bool written = false;
  Status status;
  bool write_failed = false;
  std::vector<Done> waiters;
  bool dropped = false;

  void step(DurableEnv& env, const std::string& directory, const std::string& path) {
    if (!has_postings) {
      status = read_some(env);
    } else if (builder == nullptr) {
      builder = std::make_unique<IndexBuilder>(segment, std::move(postings));
    } else if (builder->step()) {
      status = write_file_atomically(env, path, directory + "/scratch-index", builder->bytes());
      write_failed = !status.ok();
      written = true;
    }
  }
  Status read_some(leveldb::Env& env) {
    if (reader == nullptr) {
      reader = std::make_unique<SegmentReader>(env, segment, SegmentReader::Check::kStructure);
    }
    const std::uint64_t until = reader->position() + kReadPerStep;
    while (reader->position() < until) {
      BATON_ASSIGN_OR_RETURN(const ArchivedEntry* entry, reader->next());
      if (entry == nullptr) {
        has_postings = true;
        reader.reset();
        return Status();
      }
      postings.add(entry->transitions, entry->names, entry->place);
    }
    return Status();
  }
};

IndexKeeper::IndexKeeper(Worker& worker, DurableEnv& env, std::string directory, Done on_failed)
    : worker_(worker),
      env_(env),
      directory_(std::move(directory)),
      on_failed_(std::move(on_failed)) {}

std::string IndexKeeper::path_of(Lsn first) const {
  return numbered_path(directory_, "index-", first);
}

void IndexKeeper::add(const SegmentInfo& segment, Postings postings) {
  auto build = std::make_shared<Build>();
  build->segment = segment;
  if (queue_.size() < kPostingsKept) {
    build->postings = std::move(postings);
    build->has_postings = true;
  }
  enqueue(std::move(build), false);
}

void IndexKeeper::add(const SegmentInfo& segment) {
  auto build = std::make_shared<Build>();
  build->segment = segment;
  enqueue(std::move(build), false);
}

void IndexKeeper::make_now(const SegmentInfo& segment, Done done) {
  if (building_ && building_->segment.first == segment.first) {
    building_->waiters.push_back(std::move(done));
    return;
  }
  const auto known = std::find_if(queue_.begin(), queue_.end(), [&](const auto& build) {
    return build->segment.first == segment.first;
  });
  std::shared_ptr<Build> build;
  if (known != queue_.end()) {
    build = *known;
    queue_.erase(known);
  } else {
    build = std::make_shared<Build>();
    build->segment = segment;
  }
  build->waiters.push_back(std::move(done));
  enqueue(std::move(build), true);
}

void IndexKeeper::drop(Lsn first) {
  if (building_ && building_->segment.first == first) building_->dropped = true;
  const auto known = std::find_if(queue_.begin(), queue_.end(),
                                  [&](const auto& build) { return build->segment.first == first; });
  if (known != queue_.end()) {
    (*known)->dropped = true;
  }
}

void IndexKeeper::enqueue(std::shared_ptr<Build> build, bool first) {
  first ? queue_.push_front(std::move(build)) : queue_.push_back(std::move(build));
  if (!building_) start_next();
}

void IndexKeeper::start_next() {
  if (queue_.empty()) return;
  building_ = std::move(queue_.front());
  queue_.pop_front();
  step();
}

void IndexKeeper::step() {
  if (building_->dropped) return end(Status(ErrorCode::kNotFound, "the segment was removed"));
  worker_.run(gate_.job([this, build = building_] {
    build->step(env_, directory_, path_of(build->segment.first));
  }),
              gate_.on_loop([this] {
                const bool over = building_->written || !building_->status.ok();
                over ? end(building_->status) : step();
              }));
}

void IndexKeeper::end(const Status& status) {
  const std::shared_ptr<Build> build = std::exchange(building_, nullptr);
  if (build->dropped && build->written && !build->write_failed) {
    // It was removed while the index was being written.
    worker_.run(gate_.job([this, path = path_of(build->segment.first)] { env_.RemoveFile(path); }),
                [] {});
  }
  start_next();
  if (build->write_failed) on_failed_(status);
  for (const Done& done : build->waiters) done(status);
}

}  // namespace baton::center
