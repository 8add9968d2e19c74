#include "client/commands/task_source.h"

#include <utility>

#include "common/base/limits.h"

namespace baton::commands {
namespace {

Status too_long(const std::string& what) {
  return {ErrorCode::kTooLarge, what + " is longer than the largest payload there is (" +
                                    std::to_string(kPayloadBytesHardMax >> 20) + " MiB)"};
}

}  // namespace

TaskSource::TaskSource(AsioLoop& loop, TaskForm form, std::vector<std::string> paths,
                       const TaskOptions& defaults)
    : loop_(loop),
      form_(form),
      paths_(std::move(paths)),
      defaults_(std::make_shared<const TaskOptions>(defaults)) {}

void TaskSource::read(Done done) {
  if (!reader_) {
    open_next(std::move(done));
    return;
  }
  reader_->read([this, done = std::move(done)](Result<std::string> bytes) mutable {
    if (!bytes.ok()) {
      done(bytes.status());
      return;
    }
    take(std::move(bytes).value(), std::move(done));
  });
}

void TaskSource::open_next(Done done) {
  if (next_path_ == paths_.size()) {
    loop_.post([done = std::move(done)] { done(std::vector<SourceTask>()); });
    return;
  }
  auto opened = InputReader::open(loop_, paths_[next_path_++]);
  if (!opened.ok()) {
    loop_.post([done = std::move(done), status = opened.status()] { done(status); });
    return;
  }
  reader_ = std::move(opened).value();
  lines_ = LineSplitter();
  line_number_ = 0;
  file_.clear();
  read(std::move(done));
}

void TaskSource::take(std::string bytes, Done done) {
  const bool ended = bytes.empty();
  std::vector<SourceTask> tasks;
  if (form_ == TaskForm::kFiles) {
    file_ += bytes;
    if (file_.size() > kPayloadBytesHardMax) return done(too_long(paths_[next_path_ - 1]));
    if (ended) tasks.push_back({std::move(file_), defaults_});
  } else {
    lines_.add(bytes);
    if (ended) lines_.end();
    if (Status status = split(tasks); !status.ok()) return done(status);
  }
  if (ended) reader_.reset();
  if (tasks.empty()) {
    read(std::move(done));
  } else {
    done(std::move(tasks));
  }
}

Status TaskSource::split(std::vector<SourceTask>& tasks) {
  std::string line;
  while (lines_.next(line)) {
    ++line_number_;
    BATON_ASSIGN_OR_RETURN(SourceTask task, task_of(std::move(line)));
    tasks.push_back(std::move(task));
  }
  // base64 inside JSON takes more room than the payload it stands for.
  if (lines_.bytes() > 2 * kPayloadBytesHardMax)
    return too_long("line " + std::to_string(line_number_ + 1));
  return {};
}

Result<SourceTask> TaskSource::task_of(std::string line) const {
  if (form_ == TaskForm::kLines) return SourceTask{std::move(line), defaults_};
  auto task = task_of_json(line, *defaults_);
  if (task.ok()) return task;
  return Status(ErrorCode::kInvalidArgument,
                "line " + std::to_string(line_number_) + ": " + task.status().message());
}

}  // namespace baton::commands
