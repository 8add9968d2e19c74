#include "tests/model/payload_log/payload_model.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace baton::manager::model {

PayloadModel::PayloadModel(std::uint64_t seed, PayloadModelCounts& counts)
    : seed_(seed),
      random_(seed),
      counts_(counts),
      rig_({.seed = seed, .strict_directories = seed % 2 == 0}) {
  constexpr SyncMode kModes[] = {SyncMode::kAdaptive, SyncMode::kInline, SyncMode::kWorker,
                                 SyncMode::kAlternating};
  rig_.options().sync_mode = kModes[random_.below(4)];
  rig_.options().stretch_bytes = (2 + random_.below(8)) << 10;
  rig_.options().cache_bytes = random_.below(20) << 10;
  rig_.store_options().write_buffer_bytes = 64 << 10;  // the least that LevelDB takes
}

void PayloadModel::fail(const std::string& what) const {
  throw std::logic_error("seed " + std::to_string(seed_) + ": " + what);
}

void PayloadModel::run(int steps) {
  open();
  for (int i = 0; i < steps; ++i) step();
  end_process();
  check_everything();
}

void PayloadModel::step() {
  struct Command {
    std::uint64_t weight;
    void (PayloadModel::*run)();
  };
  static constexpr Command kCommands[] = {
      {140, &PayloadModel::append},       {20, &PayloadModel::append_result},
      {60, &PayloadModel::read_some},     {20, &PayloadModel::read_a_result},
      {20, &PayloadModel::scan_some},     {40, &PayloadModel::finish_some},
      {20, &PayloadModel::collect_one},   {100, &PayloadModel::let_run},
      {20, &PayloadModel::let_time_pass}, {7, &PayloadModel::arm_a_fault},
      {4, &PayloadModel::end_process},
  };
  std::uint64_t total = 0;
  for (const Command& command : kCommands) total += command.weight;
  std::uint64_t drawn = random_.below(total);
  for (const Command& command : kCommands) {
    if (drawn < command.weight) {
      (this->*command.run)();
      break;
    }
    drawn -= command.weight;
  }
  if (rig_.env().stopped()) end_process();
}

void PayloadModel::let_time_pass() {
  rig_.loop().advance(std::chrono::milliseconds(random_.below(200)));
}

void PayloadModel::append() {
  TaskAttributes attributes;
  attributes.queue = "queue" + std::to_string(random_.below(3));
  if (random_.one_in(2)) attributes.options = draw_options();
  std::vector<std::string> payloads(1 + random_.below(random_.one_in(8) ? 100 : 6));
  for (std::string& payload : payloads) {
    payload.assign(random_.below(random_.one_in(20) ? 6000 : 200),
                   static_cast<char>(random_.next()));
    payload += std::to_string(random_.next());
  }
  if (!random_.one_in(3)) {
    const std::uint64_t producer = 1 + random_.below(4);
    attributes.producer = ProducerId(Uuid{producer, producer});
    attributes.seq = ProducerSeq(next_seq_[producer] + 1);
    next_seq_[producer] += payloads.size();
    attributes.waits = random_.one_in(4);
    attributes.moved = attributes.waits && random_.one_in(2);
    if (attributes.moved) attributes.maybe_at.emplace_back(9U);
  }
  const LogStore::Appended appended = rig_.append(attributes, payloads);
  require(appended.first == oracle_.next_offset(), "an append took the wrong offset");
  oracle_.append(attributes, payloads, appended);
  counts_.tasks += payloads.size();
  require(rig_.log().next_offset() == oracle_.next_offset(), "next_offset is wrong");
  if (random_.one_in(2)) watch(appended.lsn);
}

TaskOptions PayloadModel::draw_options() {
  TaskOptions options;
  options.priority = static_cast<std::uint32_t>(1 + random_.below(10));
  if (random_.one_in(2)) options.type = "type " + std::to_string(random_.below(3));
  if (random_.one_in(2)) options.key = std::string(1 + random_.below(200), 'k');
  if (random_.one_in(2)) options.order_key = "order " + std::to_string(random_.below(5));
  if (random_.one_in(2)) options.not_before = WallTime{1 + static_cast<int>(random_.below(1000))};
  if (random_.one_in(4)) options.after.emplace_back(ShardId(4), Offset(1 + random_.below(9)));
  if (random_.one_in(4)) {
    options.parent = TaskId(ShardId(5), Offset(1));
    options.parent_token = Token(1 + random_.below(9));
    options.with_completion = random_.one_in(2);
  }
  return options;
}

void PayloadModel::append_result() {
  ResultRecord result;
  result.task = TaskId(ShardId(3), Offset(1 + random_.below(1000)));
  result.token = Token(1 + random_.next() % 1'000'000);
  Lsn lsn;
  // Often records of several kinds share their task and token, and mostly their batch: also of a
  // kind that this version does not know.
  for (std::uint64_t kinds = 1 + random_.below(3); kinds > 0; --kinds) {
    constexpr std::uint8_t kKinds[] = {1, 2, 200};
    result.kind = static_cast<RecordKind>(kKinds[kinds - 1]);
    result.bytes = std::string(random_.below(300), static_cast<char>(random_.next()));
    result.content_type = random_.one_in(3) ? "text/plain" : "";
    lsn = rig_.log().append_result(result);
    oracle_.append_result(result, lsn);
  }
  watch(lsn);
}

void PayloadModel::watch(Lsn lsn) {
  rig_.log().when_durable(lsn, [this, lsn, life = life_number_](const Status& status) {
    require(life == life_number_, "a callback of a dead process was called");
    if (status.ok()) {
      oracle_.tell(lsn);
    } else {
      require(fault_armed_ || rig_.env().stopped(), "a commit failed without a fault");
    }
  });
}

void PayloadModel::read_some() {
  std::vector<Offset> offsets(1 + random_.below(10));
  for (Offset& offset : offsets) offset = Offset(random_.below(oracle_.next_offset().value() + 3));
  if (random_.one_in(2)) std::sort(offsets.begin(), offsets.end());
  const Offset told_end = oracle_.told_end();  // what is told later may still be not_found
  rig_.log().read_tasks(offsets, SIZE_MAX, [this, offsets, told_end](LogStore::Tasks tasks) {
    require(tasks.size() == offsets.size(), "a read gave another number of answers");
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      check_task(offsets[i], offsets[i] < told_end, tasks[i]);
    }
  });
  if (random_.one_in(2)) rig_.settle();
}

void PayloadModel::check_task(Offset offset, bool told, const Result<StoredTask>& found) {
  ++counts_.reads;
  const OracleTask* task = oracle_.find(offset);
  const std::string name = "offset " + std::to_string(offset.value());
  if (found.ok()) {
    require(task != nullptr && found.value().payload == task->payload, name + " has wrong bytes");
    require(found.value().options == task->attributes.options, name + " has wrong options");
    if (told && !task->finished && task->offered) ++counts_.survivors_read;
    return;
  }
  const ErrorCode code = found.status().code();
  if (code == ErrorCode::kUnavailable) {
    require(fault_armed_ || rig_.env().stopped(), name + " is unavailable without a fault");
    return;
  }
  require(code == ErrorCode::kNotFound, name + ": " + found.status().to_string());
  const bool may_be_gone = task == nullptr || !told || (task->finished && task->offered);
  require(may_be_gone, name + " is told but not found");
  if (task != nullptr && told) ++counts_.dropped_read;
}

void PayloadModel::read_a_result() {
  if (oracle_.results().empty()) return;
  // By index: the vector may grow before the answer comes.
  const std::size_t at = random_.below(oracle_.results().size());
  const OracleResult asked = oracle_.results()[at];
  rig_.log().read_record({asked.task, asked.token, asked.kind, asked.lsn},
                         [this, at, told = asked.told](Result<ResultContent> bytes) {
                           const OracleResult& result = oracle_.results().at(at);
                           if (bytes.ok()) {
                             require(bytes.value().bytes == result.bytes &&
                                         bytes.value().content_type == result.content_type,
                                     "a result has wrong bytes");
                           } else if (bytes.status().code() == ErrorCode::kUnavailable) {
                             require(fault_armed_ || rig_.env().stopped(),
                                     "a result is unavailable without a fault");
                           } else {
                             const bool may_be_gone = !told || (result.finished && result.offered);
                             require(bytes.status().code() == ErrorCode::kNotFound && may_be_gone,
                                     "a told result: " + bytes.status().to_string());
                           }
                         });
  rig_.settle();
}

void PayloadModel::scan_some() {
  const Offset from(1 + random_.below(oracle_.next_offset().value()));
  const std::size_t max = 1 + random_.below(60);
  rig_.log().scan(from, max, [this, from, max](Result<std::vector<StoredRun>> runs) {
    if (!runs.ok()) {
      // The beginning was collected, or a fault was met.
      const bool collected = runs.status().code() == ErrorCode::kConflict;
      require(collected || fault_armed_ || rig_.env().stopped(), runs.status().to_string());
      return;
    }
    Offset next = from;
    for (const StoredRun& run : runs.value()) {
      require(run.first == next, "a scan has a hole");
      require(run.content_hash.size() == run.count, "a scanned run is malformed");
      for (std::uint32_t i = 0; i < run.count; ++i, next = next.next()) {
        const OracleTask* task = oracle_.find(next);
        require(task != nullptr, "a scan made up a task");
        TaskAttributes attributes = run.attributes;
        if (attributes.producer) attributes.seq = ProducerSeq(attributes.seq.value() + i);
        require(attributes == task->attributes, "a scan gave wrong attributes");
        require(run.content_hash[i] == task->content_hash, "a scan gave a wrong hash");
      }
    }
    require(next.value() - from.value() <= max, "a scan gave more than asked for");
  });
  rig_.settle();
}

void PayloadModel::finish_some() {
  for (OracleTask& task : oracle_.tasks()) {
    if (task.told && random_.one_in(4)) task.finished = true;
  }
  for (OracleResult& result : oracle_.results()) {
    if (result.told && random_.one_in(4)) result.finished = true;
  }
}

void PayloadModel::collect_one() {
  const std::vector<Stretch> stretches = rig_.log().closed_stretches(20);
  if (stretches.empty()) return;
  const Stretch& stretch = stretches[random_.below(stretches.size())];
  std::vector<Offset> live;
  for (Offset offset = stretch.from; offset < stretch.to; offset = offset.next()) {
    OracleTask* task = oracle_.find(offset);
    require(task != nullptr && rig_.log().durable_end() >= stretch.to,
            "a stretch is named closed that is not durable");
    // Only what was reported to the ledger is judged; the rest counts as alive.
    task->offered = true;
    if (!task->finished) live.push_back(offset);
  }
  std::vector<ResultRecordId> live_results;
  for (OracleResult& result : oracle_.results()) {
    if (result.lsn < stretch.first || result.lsn > stretch.last) continue;
    result.offered = true;
    if (!result.finished) {
      live_results.push_back({result.task, result.token, result.kind, result.lsn});
    }
  }
  rig_.log().collect(stretch, live, live_results, [this](const Status& status) {
    if (status.ok()) ++counts_.collections;
    require(status.ok() || status.code() == ErrorCode::kNotFound || fault_armed_ ||
                rig_.env().stopped(),
            "a collection failed without a fault: " + status.to_string());
  });
}

void PayloadModel::let_run() {
  if (random_.one_in(3)) {
    rig_.settle();
    return;
  }
  for (std::uint64_t i = random_.below(8); i > 0; --i) {
    random_.one_in(2) ? rig_.loop().run_one() : rig_.worker().run_job();
  }
}

void PayloadModel::arm_a_fault() {
  const std::uint64_t at = rig_.env().operations() + 1 + random_.below(30);
  if (random_.one_in(2)) {
    rig_.env().crash_at(at);
    return;
  }
  constexpr sim::Fault kFaults[] = {sim::Fault::kError, sim::Fault::kNoSpace,
                                    sim::Fault::kShortWrite, sim::Fault::kCleanPages};
  rig_.env().fail_at(at, kFaults[random_.below(4)], random_.one_in(2));
  fault_armed_ = true;
}

void PayloadModel::end_process() {
  const std::uint64_t met = rig_.env().faults_met();
  ++life_number_;
  const bool power_cut = random_.one_in(2);
  ++(power_cut ? counts_.power_cuts : counts_.kills);
  counts_.io_errors += met > 0 ? 1 : 0;
  rig_.die(power_cut);
  fault_armed_ = false;
  open();
}

void PayloadModel::open() {
  for (int attempt = 0;; ++attempt) {
    require(attempt < 50, "it does not open");
    // The recovery itself may be cut off, but not for ever.
    if (attempt < 5 && random_.one_in(4)) {
      rig_.env().crash_at(rig_.env().operations() + 1 + random_.below(25));
    }
    const Status opened = rig_.try_open();
    if (opened.ok() && !rig_.env().stopped()) break;
    require(rig_.env().stopped(), "an open without a fault failed: " + opened.to_string());
    ++counts_.failed_opens;
    rig_.die(random_.one_in(2));
  }
  ++counts_.opens;
  check_after_open();
}

void PayloadModel::check_after_open() {
  PayloadLog& log = rig_.log();
  require(log.epoch() > epoch_, "the epoch did not rise");
  epoch_ = log.epoch();
  require(lives_.insert(log.life()).second, "a life was drawn twice");
  require(log.durable_end() == log.next_offset(), "an open left something that is not durable");
  require(log.next_offset() <= oracle_.next_offset(), "an open made up tasks");
  const std::uint64_t kept = log.next_offset().value() - oracle_.told_end().value();
  require(log.next_offset() >= oracle_.told_end(), "told tasks are gone");
  counts_.untold_kept += kept;
  counts_.untold_lost += oracle_.next_offset().value() - log.next_offset().value();
  const Lsn told = oracle_.told_lsn();
  require(log.durable_lsn() >= told, "told batches are gone");
  require(oracle_.reopen(log.next_offset(), log.durable_lsn()), "something told is gone");
  check_recent_runs();
}

void PayloadModel::check_everything() {
  for (int i = 0; i < 300; ++i) rig_.advance(std::chrono::milliseconds(20));  // verification
  std::vector<Offset> offsets;
  for (Offset offset(1); offset < oracle_.next_offset(); offset = offset.next()) {
    offsets.push_back(offset);
  }
  bool answered = false;
  rig_.log().read_tasks(offsets, SIZE_MAX, [&](LogStore::Tasks tasks) {
    for (std::size_t i = 0; i < offsets.size(); ++i) check_task(offsets[i], true, tasks[i]);
    answered = true;
  });
  rig_.settle();
  require(answered, "the last read was not answered");
  require(rig_.log().take_damaged().empty(), "undamaged tasks are reported as damaged");
}

// The table of R5 is rebuilt from them: every plain task of a producer must come, and nothing else.
void PayloadModel::check_recent_runs() {
  std::vector<std::tuple<Offset, ProducerSeq, std::uint64_t>> given;
  const Status read = rig_.log().recent_runs([&](const StoredRun& run) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      given.emplace_back(Offset(run.first.value() + i), ProducerSeq(run.attributes.seq.value() + i),
                         run.content_hash.at(i));
    }
  });
  std::vector<std::tuple<Offset, ProducerSeq, std::uint64_t>> expected;
  for (Offset offset(1); offset < oracle_.next_offset(); offset = offset.next()) {
    const OracleTask& task = *oracle_.find(offset);
    if (!task.attributes.producer || task.attributes.waits) continue;
    expected.emplace_back(offset, task.attributes.seq, task.content_hash);
  }
  require(read.ok() && given == expected, "recent_runs does not give what producers sent");
}

}  // namespace baton::manager::model
