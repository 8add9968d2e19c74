#include "client/commands/bench_workload.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/base/random.h"

namespace baton::commands {
namespace {

constexpr std::size_t kHeaderBytes = 2 * sizeof(std::uint64_t);

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

}  // namespace

BenchWorkload::BenchWorkload(std::uint64_t run, std::size_t payload_bytes)
    : run_(run), payload_bytes_(std::max(payload_bytes, kHeaderBytes)) {}

void BenchWorkload::fill(std::uint64_t number, std::string& payload) const {
  payload.resize(payload_bytes_);
  std::memcpy(payload.data(), &run_, sizeof(run_));
  std::memcpy(payload.data() + sizeof(run_), &number, sizeof(number));
  Random random(run_ ^ number);
  for (std::size_t at = kHeaderBytes; at < payload_bytes_; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random.next();
    std::memcpy(payload.data() + at, &word, std::min(sizeof(word), payload_bytes_ - at));
  }
}

std::string BenchWorkload::make(MonoTime now, std::uint64_t& number) {
  number = tasks_.size();
  tasks_.push_back(Task{.sent = now});
  std::string payload;
  fill(number, payload);
  return payload;
}

void BenchWorkload::confirmed(std::uint64_t number, MonoTime now) {
  Task& task = tasks_[number];
  BATON_CHECK(!task.confirmed);  // the library promises one outcome
  task.confirmed = true;
  ++confirmed_;
  confirm_latency_.add(now - task.sent);
}

std::optional<std::uint64_t> BenchWorkload::arrived(std::string_view payload, MonoTime now) {
  const bool ours = payload.size() == payload_bytes_ && number_at(payload, 0) == run_ &&
                    number_at(payload, sizeof(run_)) < tasks_.size();
  const std::uint64_t number = ours ? number_at(payload, sizeof(run_)) : 0;
  if (ours) fill(number, expected_);
  if (!ours || payload != expected_) {
    ++damaged_;
    return std::nullopt;
  }
  Task& task = tasks_[number];
  if (!task.arrived) end_to_end_latency_.add(now - task.sent);
  task.arrived = true;
  return number;
}

void BenchWorkload::completed(std::uint64_t number) {
  Task& task = tasks_[number];
  if (task.completed) return;
  task.completed = true;
  ++completed_;
}

std::uint64_t BenchWorkload::missing_count() const {
  return static_cast<std::uint64_t>(
      std::count_if(tasks_.begin(), tasks_.end(),
                    [](const Task& task) { return task.confirmed && !task.completed; }));
}

}  // namespace baton::commands
