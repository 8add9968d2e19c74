#include "client/commands/task_source.h"

#include <utility>

#include "client/commands/payload_json.h"
#include "common/base/limits.h"

namespace baton::commands {
namespace {

Status too_long(const std::string& what) {
  return {ErrorCode::kTooLarge, what + " is longer than the largest payload there is (" +
                                    std::to_string(kPayloadBytesHardMax >> 20) + " MiB)"};
}

}  // namespace

TaskSource::TaskSource(AsioLoop& loop, TaskForm form, std::vector<std::string> paths)
    : loop_(loop), form_(form), paths_(std::move(paths)) {}

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
    loop_.post([done = std::move(done)] { done(std::vector<std::string>()); });
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
  std::vector<std::string> payloads;
  if (form_ == TaskForm::kFiles) {
    file_ += bytes;
    if (file_.size() > kPayloadBytesHardMax) return done(too_long(paths_[next_path_ - 1]));
    if (ended) payloads.push_back(std::move(file_));
  } else {
    lines_.add(bytes);
    if (ended) lines_.end();
    if (Status status = split(payloads); !status.ok()) return done(status);
  }
  if (ended) reader_.reset();
  if (payloads.empty()) {
    read(std::move(done));
  } else {
    done(std::move(payloads));
  }
}

Status TaskSource::split(std::vector<std::string>& payloads) {
  std::string line;
  while (lines_.next(line)) {
    ++line_number_;
    if (form_ == TaskForm::kLines) {
      payloads.push_back(std::move(line));
      continue;
    }
    BATON_ASSIGN_OR_RETURN(std::string payload, payload_of(line));
    payloads.push_back(std::move(payload));
  }
  // base64 inside JSON takes more room than the payload it stands for.
  if (lines_.bytes() > 2 * kPayloadBytesHardMax)
    return too_long("line " + std::to_string(line_number_ + 1));
  return {};
}

Result<std::string> TaskSource::payload_of(const std::string& line) const {
  const Json object = Json::parse(line, nullptr, false);
  auto payload = take_bytes(object, "payload");
  if (payload.ok()) return payload;
  return Status(ErrorCode::kInvalidArgument,
                "line " + std::to_string(line_number_) + ": " + payload.status().message());
}

}  // namespace baton::commands
