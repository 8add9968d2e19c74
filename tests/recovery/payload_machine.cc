#include "tests/recovery/payload_machine.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace baton::recovery {
namespace {

using manager::LogStore;
using manager::PayloadLog;
using manager::ResultRecord;
using manager::ResultRecordId;
using manager::StoredRun;
using manager::Stretch;
using manager::TaskAttributes;
using manager::model::OracleResult;
using manager::model::OracleTask;

// The shard that a result belongs to is another one than where it lies, as a rule.
constexpr ShardId kElsewhere(900);

std::string name_of(ShardId shard, Offset offset) {
  return "offset " + std::to_string(offset.value()) + " of shard " + std::to_string(shard.value());
}

}  // namespace

PayloadMachine::PayloadMachine(const Scenario& scenario, std::uint64_t seed, Plant plant)
    : StoreMachine(seed, plant), scenario_(scenario) {}

PayloadMachine::~PayloadMachine() {
  env().stop();
  close_store();
}

std::unique_ptr<StoreMachine> PayloadMachine::twin() const {
  auto twin =
      std::make_unique<PayloadMachine>(scenario_, seed() * 31 + book_.stamp + life_, plant());
  twin->book_ = book_;
  twin->copy_disk(*this);
  return twin;
}

// ---- opening ------------------------------------------------------------------------------------

Status PayloadMachine::open_store() {
  reports_.clear();
  BATON_ASSIGN_OR_RETURN(data_dir_,
                         DataDir::open(*durable_env_, "/data", StoreKind::kManager, random_));
  KvStore::Options options;
  options.write_buffer_bytes = scenario_.write_buffer_bytes;
  options.cache_bytes = std::size_t{1} << 20;
  BATON_ASSIGN_OR_RETURN(store_, data_dir_->open_store(options));
  for (const Identity::Shard& shard : data_dir_->identity().shards) {
    BATON_ASSIGN_OR_RETURN(logs_[shard.id], open_log(shard.id, shard.sealed));
    if (!shard.sealed) active_ = shard.id;
  }
  if (env().stopped()) return {};  // the caller sees to it
  const Identity& identity = data_dir_->identity();
  require(identity.ledger_index >= Lsn(book_.position), "the identity went back");
  for (const auto& [id, shard] : book_.shards) {
    require(!shard.told || logs_.contains(id), "a shard is gone");
  }
  for (const Identity::Shard& shard : identity.shards) {
    BATON_RETURN_IF_ERROR(compare_opened(shard.id, shard.sealed));
  }
  return {};
}

Result<std::unique_ptr<PayloadLog>> PayloadMachine::open_log(ShardId id, bool sealed) {
  PayloadLog::Options options;
  options.shard = id;
  options.sealed = sealed;
  options.sync_mode = scenario_.sync_mode;
  options.stretch_bytes = scenario_.stretch_bytes;
  options.cache_bytes = std::size_t{16} << 10;
  BATON_ASSIGN_OR_RETURN(std::unique_ptr<PayloadLog> log,
                         PayloadLog::open(loop_, worker_, *store_, random_, options));
  log->set_on_failed([this, id](const Status& status) {
    require(++reports_[id] == 1, "a log reported its failure twice");
    on_failed(status);
  });
  return log;
}

void PayloadMachine::close_store() {
  logs_.clear();
  active_ = {};
  store_.reset();
  data_dir_.reset();
}

Status PayloadMachine::compare_opened(ShardId id, bool sealed) {
  PayloadLog& log = *logs_.at(id);
  Shard& shard = book_.shards[id];
  require(sealed || !shard.sealed, "a sealed shard is open again");
  shard.told = true;
  shard.sealed = sealed;
  if (!sealed) {
    require(log.epoch() > shard.epoch, "the epoch did not rise");
    require(book_.lives.insert(log.life()).second, "a life was drawn twice");
  }
  shard.epoch = log.epoch();
  require(log.durable_end() == log.next_offset(), "an open left something that is not durable");
  require(log.next_offset() <= shard.oracle.next_offset(), "an open made up tasks");
  require(log.durable_lsn() >= shard.oracle.told_lsn(), "told batches are gone");
  require(shard.oracle.reopen(log.next_offset(), log.durable_lsn()), "something told is gone");
  return compare_recent_runs(id);
}

// The table of R5 is rebuilt from them: every plain task of a producer must come, and nothing else.
Status PayloadMachine::compare_recent_runs(ShardId id) {
  using Given = std::tuple<Offset, ProducerSeq, std::uint64_t>;
  std::vector<Given> given;
  BATON_RETURN_IF_ERROR(logs_.at(id)->recent_runs([&](const StoredRun& run) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      given.emplace_back(Offset(run.first.value() + i), ProducerSeq(run.attributes.seq.value() + i),
                         run.content_hash.at(i));
    }
  }));
  std::vector<Given> expected;
  Oracle& oracle = book_.shards.at(id).oracle;
  for (Offset offset(1); offset < oracle.next_offset(); offset = offset.next()) {
    const OracleTask& task = *oracle.find(offset);
    if (!task.attributes.producer || task.attributes.waits) continue;
    expected.emplace_back(offset, task.attributes.seq, task.content_hash);
  }
  require(given == expected, "recent_runs does not give what producers sent");
  return {};
}

// ---- steps --------------------------------------------------------------------------------------

void PayloadMachine::add_shard() {
  const ShardId id(static_cast<std::uint32_t>(book_.shards.size() + 1));
  Identity identity = data_dir_->identity();
  for (Identity::Shard& known : identity.shards) known.sealed = true;
  identity.shards.push_back({id, false});
  Status status = data_dir_->save(identity);
  if (status.ok()) {
    Result<std::unique_ptr<PayloadLog>> log = open_log(id, false);
    status = log.status();
    if (log.ok()) logs_[id] = std::move(log).value();
  }
  if (!status.ok()) {
    if (!env().stopped()) on_failed(status);
    return end_if_over();
  }
  for (auto& [other, shard] : book_.shards) shard.sealed = true;
  active_ = id;
  book_.shards[id].told = true;
  book_.shards[id].epoch = active().epoch();
  require(book_.lives.insert(active().life()).second, "a life was drawn twice");
  end_if_over();
}

void PayloadMachine::save_position(std::uint64_t index) {
  Identity identity = data_dir_->identity();
  identity.ledger_index = Lsn(index);
  const Status saved = data_dir_->save(identity);
  if (saved.ok()) {
    book_.position = index;
  } else if (!env().stopped()) {
    on_failed(saved);
  }
  end_if_over();
}

void PayloadMachine::put(int count, std::size_t bytes) {
  TaskAttributes attributes;
  attributes.queue = "mail";
  append(std::move(attributes), count, bytes);
}

void PayloadMachine::put_from(std::uint64_t producer, int count, std::size_t bytes) {
  TaskAttributes attributes;
  attributes.queue = "jobs";
  attributes.options.priority = 7;
  attributes.producer = ProducerId(Uuid{producer, producer});
  attributes.seq = ProducerSeq(book_.next_seq[producer] + 1);
  book_.next_seq[producer] += static_cast<std::uint64_t>(count);
  append(std::move(attributes), count, bytes);
}

void PayloadMachine::put_waiting(std::uint64_t producer) {
  TaskAttributes attributes;
  attributes.queue = "moved";
  attributes.producer = ProducerId(Uuid{producer, producer});
  attributes.seq = ProducerSeq(++book_.next_seq[producer]);
  attributes.waits = attributes.moved = true;
  attributes.maybe_at = {kElsewhere};
  append(std::move(attributes), 1, 40);
}

void PayloadMachine::append(TaskAttributes attributes, int count, std::size_t bytes) {
  std::vector<std::string> payloads;
  for (int i = 0; i < count; ++i) {
    const auto stamp = ++book_.stamp;
    std::string payload = std::to_string(stamp) + ":";
    payload.resize(std::max(bytes, payload.size()), static_cast<char>('a' + stamp % 26));
    payloads.push_back(std::move(payload));
  }
  const std::vector<std::string_view> views(payloads.begin(), payloads.end());
  const LogStore::Appended appended = active().append_tasks(attributes, views);
  Oracle& oracle = book_.shards.at(active_).oracle;
  require(appended.first == oracle.next_offset(), "an append took the wrong offset");
  oracle.append(attributes, payloads, appended);
  watch(active_, appended.lsn);
}

void PayloadMachine::put_result(std::size_t bytes, RecordKind kind) {
  const std::uint64_t stamp = ++book_.stamp;
  ResultRecord record;
  record.task = TaskId(kElsewhere, Offset(stamp));
  record.token = Token(stamp);
  record.kind = kind;
  record.bytes.assign(bytes, static_cast<char>('A' + stamp % 26));
  const Lsn lsn = active().append_result(record);
  book_.shards.at(active_).oracle.append_result(record, lsn);
  watch(active_, lsn);
}

void PayloadMachine::watch(ShardId id, Lsn lsn) {
  logs_.at(id)->when_durable(
      lsn, [this, id, lsn, life = life_, faults = faults_met()](const Status& status) {
        require(life == life_, "a callback of a dead process came");
        if (!status.ok()) return;
        check_may_acknowledge(faults);
        book_.shards.at(id).oracle.tell(lsn);
      });
}

std::size_t PayloadMachine::closed_stretches_of_active() {
  std::size_t closed = 0;
  for (const Stretch& stretch : active().closed_stretches(1000)) closed += stretch.first ? 1 : 0;
  return closed;
}

void PayloadMachine::fill_stretches(int count) {
  const std::size_t wanted = closed_stretches_of_active() + static_cast<std::size_t>(count);
  while (closed_stretches_of_active() < wanted) {
    put(2, scenario_.stretch_bytes / 6);
    settle();
  }
}

void PayloadMachine::finish(std::uint64_t keep) {
  for (auto& [id, shard] : book_.shards) {
    std::uint64_t number = 0;
    for (OracleTask& task : shard.oracle.tasks()) {
      ++number;
      if (task.told && (keep == 0 || number % keep != 0)) task.finished = true;
    }
    for (OracleResult& result : shard.oracle.results()) {
      ++number;
      if (result.told && (keep == 0 || number % keep != 0)) result.finished = true;
    }
  }
}

void PayloadMachine::collect() {
  for (auto& [id, shard] : book_.shards) {
    for (const Stretch& stretch : logs_.at(id)->closed_stretches(100)) {
      std::vector<Offset> live;
      for (Offset offset = stretch.from; offset < stretch.to; offset = offset.next()) {
        OracleTask* task = shard.oracle.find(offset);
        require(task != nullptr, "a stretch has tasks that nobody put there");
        task->offered = true;
        if (!task->finished) live.push_back(offset);
      }
      std::vector<ResultRecordId> live_results;
      for (OracleResult& result : shard.oracle.results()) {
        if (result.lsn < stretch.first || result.lsn > stretch.last) continue;
        result.offered = true;
        if (!result.finished)
          live_results.push_back({result.task, result.token, result.kind, result.lsn});
      }
      logs_.at(id)->collect(stretch, std::move(live), std::move(live_results),
                            [this, life = life_](const Status&) {
                              require(life == life_, "a callback of a dead process came");
                            });
    }
  }
}

// ---- looking ------------------------------------------------------------------------------------

void PayloadMachine::read_all() {
  for (const auto& [id, shard] : book_.shards) read_all_of(id, nullptr);
}

void PayloadMachine::read_all_of(ShardId id, std::string* contents) {
  Oracle& oracle = book_.shards.at(id).oracle;
  PayloadLog& log = *logs_.at(id);
  const Offset told_end = oracle.told_end();
  std::vector<Offset> offsets;
  for (Offset offset(1); offset < oracle.next_offset(); offset = offset.next())
    offsets.push_back(offset);
  bool answered = false;
  log.read(offsets, SIZE_MAX, [&](const LogStore::Payloads& payloads) {
    answered = true;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const std::string answer =
          payload_answer(id, offsets[i], offsets[i] < told_end, payloads.at(i));
      if (contents != nullptr) *contents += answer;
    }
  });
  settle();
  require(answered, "a read was not answered");
  // By index: the vector may grow before an answer comes.
  for (std::size_t i = 0; i < oracle.results().size(); ++i) {
    const OracleResult asked = oracle.results()[i];
    log.read_result(
        {asked.task, asked.token, asked.kind, asked.lsn}, [&](const Result<std::string>& bytes) {
          if (contents != nullptr) *contents += bytes.ok() ? "R" : "-";
          if (bytes.ok()) {
            require(bytes.value() == asked.bytes, "a result has wrong bytes");
          } else if (bytes.status().code() == ErrorCode::kUnavailable) {
            require(faults_met() > 0, "a result is unavailable on a healthy disk");
          } else {
            require(bytes.status().code() == ErrorCode::kNotFound,
                    "a result: " + bytes.status().to_string());
            require(!asked.told || (asked.finished && asked.offered), "a told result is gone");
          }
        });
    settle();
  }
}

std::string PayloadMachine::payload_answer(ShardId id, Offset offset, bool told,
                                           const Result<std::string>& answer) {
  const OracleTask& task = *book_.shards.at(id).oracle.find(offset);
  if (answer.ok()) {
    require(answer.value() == task.payload, name_of(id, offset) + " has wrong bytes");
    return "T";
  }
  if (answer.status().code() == ErrorCode::kUnavailable) {
    require(faults_met() > 0, name_of(id, offset) + " is unavailable on a healthy disk");
    return "u";
  }
  require(answer.status().code() == ErrorCode::kNotFound,
          name_of(id, offset) + ": " + answer.status().to_string());
  require(!told || (task.finished && task.offered), name_of(id, offset) + " was told and is gone");
  return "-";
}

std::string PayloadMachine::verify() {
  verify_in_background();
  std::string contents = "position " + std::to_string(data_dir_->identity().ledger_index.value());
  for (const auto& [id, shard] : book_.shards) {
    PayloadLog& log = *logs_.at(id);
    contents += "\nshard " + std::to_string(id.value()) + (shard.sealed ? " sealed" : "") + " to " +
                std::to_string(log.next_offset().value()) + " in batch " +
                std::to_string(log.durable_lsn().value()) + ": ";
    read_all_of(id, &contents);
    for (const Stretch& stretch : log.closed_stretches(1000)) {
      contents += "\n  stretch " + std::to_string(stretch.first.value()) + " to " +
                  std::to_string(stretch.last.value()) + ", bytes " +
                  std::to_string(stretch.bytes) + ", results " +
                  std::to_string(stretch.results.size());
    }
    require(log.take_damaged().empty(), "undamaged tasks are reported as damaged");
  }
  return contents;
}

void PayloadMachine::go_on() {
  if (!active_) {
    add_shard();
  }
  put(1);
  settle();
  const Shard& shard = book_.shards.at(active_);
  require(shard.oracle.told_end() == shard.oracle.next_offset(),
          "a task is not durable after a while");
}

void PayloadMachine::check_refuses() {
  run_until_idle(loop_, worker_);
  const std::uint64_t operations = env().operations();
  const std::size_t failures = this->failures().size();
  for (const auto& [id, log] : logs_) {
    if (id != active_) continue;
    TaskAttributes attributes;
    attributes.queue = "late";
    const std::string_view payload = "too late";
    const LogStore::Appended appended = log->append_tasks(attributes, {&payload, 1});
    std::optional<Status> answer;
    log->when_durable(appended.lsn, [&](const Status& status) { answer = status; });
    run_until_idle(loop_, worker_);
    loop_.advance(std::chrono::milliseconds(5));
    run_until_idle(loop_, worker_);
    require(answer && answer->code() == ErrorCode::kUnavailable,
            "an append after the failure was not refused");
  }
  KvBatch change;
  change.put("zz", "too late");
  require(store_ == nullptr || !store_->write(change).ok(), "a write after the failure succeeded");
  require(data_dir_ == nullptr || !data_dir_->save(data_dir_->identity()).ok(),
          "the identity was written after the failure");
  require(env().operations() == operations, "something was written after the failure");
  require(this->failures().size() == failures, "the failure was reported again");
}

}  // namespace baton::recovery
