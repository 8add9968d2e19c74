#include "tests/sim/small/tiny_manager.h"

#include <utility>

#include "common/base/check.h"

namespace baton::sim {

TinyManager::TinyManager(SimScheduler& scheduler, TinyCenter& center, std::string name)
    : scheduler_(scheduler),
      center_(center),
      name_(std::move(name)),
      store_id_(scheduler.random().uuid()),
      random_(scheduler.random().fork()),
      env_(SimEnv::Options{.seed = random_.next(), .strict_directories = random_.one_in(2)}) {}

TinyManager::~TinyManager() {
  env_.stop();
  bury(false);
}

bool TinyManager::start(std::string& what) {
  BATON_CHECK(!up());
  loop_ = std::make_unique<SimLoop>(scheduler_, name_);
  loop_->set_death_probe([this] { return env_.stopped(); });
  worker_ = std::make_unique<SimWorker>(*loop_, SimWorker::Mode::kMixed);
  durable_ = std::make_unique<DurableEnv>(env_);
  if (!shard_) {
    center::Effects effects;
    const auto outcome =
        center_.apply_one({}, center::Enroll{store_id_, name_, name_ + ":1", {}}, effects);
    shard_ = std::get<center::EnrollOutcome>(outcome).shard;
  }
  Status status = open();
  if (status.ok()) status = register_shard();
  if (status.ok()) return true;
  if (!env_.stopped()) what = name_ + " cannot start: " + status.to_string();
  bury(env_.stopped());
  return false;
}

Status TinyManager::open() {
  BATON_ASSIGN_OR_RETURN(store_, KvStore::open(*durable_, "/store"));
  manager::PayloadLog::Options options;
  options.shard = shard_;
  options.stretch_bytes = 4000;  // many of them even in a short run
  BATON_ASSIGN_OR_RETURN(log_,
                         manager::PayloadLog::open(*loop_, *worker_, *store_, random_, options));
  return {};
}

Status TinyManager::register_shard() {
  for (int attempt = 0; attempt < 3; attempt++) {
    std::uint32_t crc = 0;
    if (created_hi_ > Offset(1)) {
      bool done = false;
      Result<std::uint32_t> found = Status(ErrorCode::kUnavailable, "stopped");
      log_->record_crc(Offset(created_hi_.value() - 1), [&](Result<std::uint32_t> result) {
        found = std::move(result);
        done = true;
      });
      run_until(done);
      BATON_ASSIGN_OR_RETURN(crc, std::move(found));
    }
    center::Effects effects;
    // The center sees that the old life is gone before it lets the new one in.
    for (const auto& manager : center_.ledger().managers()) {
      for (const auto& shard : manager.shards) {
        if (shard.shard != shard_ || !shard.online) continue;
        center_.apply_one({}, center::ShardOffline{shard_, shard.epoch, shard.life}, effects);
      }
    }
    const auto outcome = std::get<center::RegisterOutcome>(
        center_.apply_one({},
                          center::Register{shard_, store_id_, log_->epoch(), log_->life(),
                                           log_->next_offset(), created_hi_, crc, name_ + ":1"},
                          effects));
    created_hi_ = outcome.created_hi;
    if (outcome.result == RegisterResult::kRegistered) {
      incarnation_ = outcome.incarnation;
      return {};
    }
    if (outcome.result != RegisterResult::kExpected) {
      return Status(ErrorCode::kInternal,
                    "register was answered " + std::to_string(static_cast<int>(outcome.result)));
    }
  }
  return Status(ErrorCode::kInternal, "register never agreed on created_hi");
}

Offset TinyManager::append(const manager::TaskAttributes& attributes,
                           const std::vector<std::string>& payloads) {
  const std::vector<std::string_view> views(payloads.begin(), payloads.end());
  const auto appended = log_->append_tasks(attributes, views);
  last_lsn_ = appended.lsn;
  return appended.first;
}

bool TinyManager::sync() {
  bool done = false;
  Status status;
  log_->when_durable(last_lsn_, [&](Status result) {
    status = std::move(result);
    done = true;
  });
  run_until(done);
  return done && status.ok() && !env_.stopped();
}

void TinyManager::report(std::size_t tasks_max, center::Effects& effects) {
  bool done = false;
  std::vector<manager::StoredRun> runs;
  log_->scan(created_hi_, tasks_max, [&](Result<std::vector<manager::StoredRun>> result) {
    if (result.ok()) runs = std::move(result).value();
    done = true;
  });
  run_until(done);
  if (runs.empty() || env_.stopped()) return;
  center::Created created;
  created.shard = shard_;
  created.epoch = log_->epoch();
  created.from = runs.front().first;
  created.durable_end = log_->durable_end();
  created.crc_last = runs.back().crc_last;
  created.wall = runs.front().stored_at;
  for (const manager::StoredRun& run : runs) {
    center::CreatedRun reported;
    reported.count = run.count;
    reported.queue = run.attributes.queue;
    reported.priority = run.attributes.options.priority;
    reported.producer = run.attributes.producer;
    reported.seq = run.attributes.seq;
    created.runs.push_back(std::move(reported));
  }
  const auto outcome = center_.apply_one(incarnation_, std::move(created), effects);
  if (const auto* answer = std::get_if<center::CreatedOutcome>(&outcome)) {
    created_hi_ = answer->created_hi;
  }
}

Result<std::string> TinyManager::read(Offset offset) {
  bool done = false;
  Result<std::string> payload = Status(ErrorCode::kUnavailable, "stopped");
  log_->read({offset}, 1, [&](manager::LogStore::Payloads payloads) {
    payload = std::move(payloads.at(0));
    done = true;
  });
  run_until(done);
  return payload;
}

void TinyManager::kill() {
  if (up()) bury(false);
}

void TinyManager::cut_power() {
  if (up()) bury(true);
}

void TinyManager::arm_power_cut(std::uint64_t operations) {
  env_.crash_at(env_.operations() + operations);
}

bool TinyManager::bury_if_dead() {
  if (!up() || !env_.stopped()) return false;
  bury(true);
  return true;
}

void TinyManager::bury(bool power_cut) {
  if (loop_) loop_->kill();
  env_.stop();
  log_.reset();
  store_.reset();
  durable_.reset();
  worker_.reset();
  loop_.reset();
  incarnation_ = {};
  if (power_cut) {
    env_.restart_after_power_cut();
  } else {
    env_.restart_after_kill();
  }
}

void TinyManager::run_until(const bool& done) {
  scheduler_.run_until([&] { return done || env_.stopped(); }, 10s);
}

}  // namespace baton::sim
