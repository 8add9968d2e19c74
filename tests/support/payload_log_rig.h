// PayloadLogRig: a PayloadLog on a simulated disk, with a loop and a worker that the test moves.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "manager/storage/payload_log.h"
#include "tests/support/manual_loop.h"
#include "tests/support/sim_env.h"

namespace baton::manager::testing {

class PayloadLogRig {
 public:
  explicit PayloadLogRig(sim::SimEnv::Options options = {})
      : env_(options), random_(options.seed), worker_(loop_) {
    options_.stretch_bytes = 8 << 10;
    options_.cache_bytes = 16 << 10;
  }
  ~PayloadLogRig() { close(); }

  PayloadLog::Options& options() { return options_; }
  KvStore::Options& store_options() { return store_options_; }
  sim::SimEnv& env() { return env_; }
  baton::testing::ManualLoop& loop() { return loop_; }
  baton::testing::ManualWorker& worker() { return worker_; }
  PayloadLog& log() { return *log_; }
  [[nodiscard]] bool is_open() const { return log_ != nullptr; }
  KvStore& store() { return *store_; }
  [[nodiscard]] ShardId shard() const { return options_.shard; }
  [[nodiscard]] WallTime wall_now() const { return loop_.wall_now(); }

  Status try_open(ShardId shard = ShardId(7)) {
    durable_env_ = std::make_unique<DurableEnv>(env_);
    BATON_ASSIGN_OR_RETURN(store_, KvStore::open(*durable_env_, "/store", store_options_));
    options_.shard = shard;
    BATON_ASSIGN_OR_RETURN(log_, PayloadLog::open(loop_, worker_, *store_, random_, options_));
    return {};
  }
  void open(ShardId shard = ShardId(7)) { require(try_open(shard)); }
  std::unique_ptr<PayloadLog> open_beside(ShardId shard, bool sealed) {
    PayloadLog::Options options = options_;
    options.shard = shard;
    options.sealed = sealed;
    return PayloadLog::open(loop_, worker_, *store_, random_, options).value();
  }
  void close() {
    log_.reset();
    loop_.drop_everything();
    worker_.drop_everything();
    store_.reset();
    durable_env_.reset();
  }
  // The process ends at once; afterwards nothing is open.
  void die(bool power_cut) {
    env_.stop();
    close();
    power_cut ? env_.restart_after_power_cut() : env_.restart_after_kill();
  }
  void reopen() {
    close();
    open(options_.shard);
  }

  LogStore::Appended append(const TaskAttributes& attributes,
                            const std::vector<std::string>& payloads) {
    const std::vector<std::string_view> views(payloads.begin(), payloads.end());
    return log_->append_tasks(attributes, views);
  }
  LogStore::Appended append(const std::string& queue, const std::vector<std::string>& payloads) {
    TaskAttributes attributes;
    attributes.queue = queue;
    return append(attributes, payloads);
  }
  // Appends until the open stretch closes.
  void fill_stretch() {
    const std::size_t closed = keys_of_kind('s');
    while (keys_of_kind('s') == closed) {
      append("filler", {std::string(500, 'f'), std::string(500, 'g')});
      settle();
    }
  }

  void settle() { run_until_idle(loop_, worker_); }
  void advance(Duration by) {
    loop_.advance(by);
    settle();
  }
  // Lets the background verification come to its end.
  void verify_all() {
    for (int i = 0; i < 1000; ++i) advance(std::chrono::milliseconds(20));
  }

  Result<std::string> read(Offset offset) { return read_from(*log_, offset); }
  Result<std::string> read_from(PayloadLog& log, Offset offset) {
    std::optional<Result<std::string>> answer;
    log.read({offset}, 1, [&](LogStore::Payloads payloads) { answer = payloads.at(0); });
    return wait(answer);
  }
  Result<StoredTask> read_task(Offset offset) {
    std::optional<Result<StoredTask>> answer;
    log_->read_tasks({offset}, 1, [&](LogStore::Tasks tasks) { answer = tasks.at(0); });
    return wait(answer);
  }
  std::vector<Result<std::string>> read(std::vector<Offset> offsets, std::size_t bytes_max) {
    std::optional<LogStore::Payloads> answer;
    log_->read(std::move(offsets), bytes_max,
               [&](LogStore::Payloads payloads) { answer = std::move(payloads); });
    settle();
    if (!answer) throw std::runtime_error("no answer came");
    return *answer;
  }
  Result<std::string> read_result(TaskId task, Token token, Lsn lsn,
                                  RecordKind kind = RecordKind::kResult) {
    std::optional<Result<std::string>> answer;
    log_->read_result({task, token, kind, lsn}, [&](Result<std::string> bytes) { answer = bytes; });
    return wait(answer);
  }
  Result<ResultContent> read_record(const ResultRecordId& id) {
    std::optional<Result<ResultContent>> answer;
    log_->read_record(id, [&](Result<ResultContent> content) { answer = content; });
    return wait(answer);
  }
  Result<std::vector<StoredRun>> scan(Offset from, std::size_t tasks_max) {
    std::optional<Result<std::vector<StoredRun>>> answer;
    log_->scan(from, tasks_max, [&](Result<std::vector<StoredRun>> runs) { answer = runs; });
    return wait(answer);
  }
  Result<std::uint32_t> record_crc(Offset offset) {
    std::optional<Result<std::uint32_t>> answer;
    log_->record_crc(offset, [&](Result<std::uint32_t> crc) { answer = crc; });
    return wait(answer);
  }
  Status collect(const Stretch& stretch, std::vector<Offset> live,
                 std::vector<ResultRecordId> live_results) {
    std::optional<Result<bool>> answer;
    log_->collect(stretch, std::move(live), std::move(live_results), [&](const Status& status) {
      answer = status.ok() ? Result<bool>(true) : Result<bool>(status);
    });
    return wait(answer).status();
  }
  // Keys of the payload log that begin so.
  std::size_t keys_of_kind(char kind) {
    std::size_t count = 0;
    require(store_->scan(std::string(1, kind), std::string(1, static_cast<char>(kind + 1)),
                         [&](std::string_view, std::string_view) {
                           ++count;
                           return true;
                         }));
    return count;
  }

 private:
  static void require(const Status& status) {
    if (!status.ok()) throw std::runtime_error(status.to_string());
  }
  template <class T>
  Result<T> wait(std::optional<Result<T>>& answer) {
    settle();
    if (!answer) throw std::runtime_error("no answer came");
    return *answer;
  }

  sim::SimEnv env_;
  Random random_;
  baton::testing::ManualLoop loop_;
  baton::testing::ManualWorker worker_;
  PayloadLog::Options options_;
  KvStore::Options store_options_;
  std::unique_ptr<DurableEnv> durable_env_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<PayloadLog> log_;
};

}  // namespace baton::manager::testing
