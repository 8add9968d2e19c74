#include "tests/recovery/ledger_machine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "center/storage/archive_segment.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"

namespace baton::recovery {
namespace {

using center::Command;
using center::Entry;
using center::Ledger;

constexpr SessionId kSession{Uuid{7, 7}};
constexpr ConnEpoch kConnection(1);
const std::string kQueue = "q";
// Reports until a snapshot must have been due.
constexpr int kSnapshotPatience = 100;

Entry decode(Lsn index, const std::string& bytes) {
  const Result<Entry> entry = center::decode_entry(index, bytes);
  require(entry.ok(), "an entry cannot be decoded: " + entry.status().to_string());
  return entry.value();
}

bool is_term_start(const Entry& entry) {
  return std::holds_alternative<center::TermStart>(entry.batches.at(0).commands.at(0));
}

std::string all_pages(const Ledger& ledger) {
  std::string pages;
  const auto snapshot = ledger.snapshot();
  while (const auto page = snapshot->next_page()) pages += *page;
  return pages;
}

}  // namespace

// The log as it is, with a note of all that goes in and comes out.
class LedgerMachine::RecordingLog final : public ReplicatedLog {
 public:
  RecordingLog(LedgerMachine& machine, std::unique_ptr<LocalLog> log)
      : machine_(machine), log_(std::move(log)) {}

  Result<Restored> restore() override {
    Result<Restored> restored = log_->restore();
    if (restored.ok()) machine_.handed_ = restored.value().index;
    return restored;
  }
  void start(Events events) override {
    events.on_entry = [this, on_entry = std::move(events.on_entry)](Lsn index, Term term,
                                                                    std::string_view entry) {
      machine_.on_entry(index, entry);
      on_entry(index, term, entry);
    };
    log_->start(std::move(events));
  }
  void propose(std::string entry, std::function<void(ProposalFate, Lsn)> done) override {
    machine_.book_.entries.push_back(entry);
    log_->propose(std::move(entry), [this, done = std::move(done), life = machine_.life_,
                                     faults = machine_.faults_met()](ProposalFate fate, Lsn index) {
      require(life == machine_.life_, "a callback of a dead process came");
      if (fate == ProposalFate::kApplied) {
        machine_.check_may_acknowledge(faults);
        require(index == machine_.handed_, "a fate does not follow its entry");
        machine_.book_.told = index;
      }
      done(fate, index);
    });
  }
  void barrier(std::function<void(Status)> done) override { log_->barrier(std::move(done)); }
  [[nodiscard]] bool is_leader() const override { return log_->is_leader(); }
  [[nodiscard]] Term term() const override { return log_->term(); }
  [[nodiscard]] Lsn last_index() const override { return log_->last_index(); }
  [[nodiscard]] Lsn first_index() const override { return log_->first_index(); }
  [[nodiscard]] std::uint64_t bytes_since_snapshot() const override {
    return log_->bytes_since_snapshot();
  }
  void save_snapshot(Lsn index, std::unique_ptr<SnapshotSource> source,
                     std::function<void(Status)> done) override {
    log_->save_snapshot(index, std::move(source), std::move(done));
  }

 private:
  LedgerMachine& machine_;
  const std::unique_ptr<LocalLog> log_;
};

LedgerMachine::LedgerMachine(const Scenario& scenario, std::uint64_t seed, Plant plant)
    : StoreMachine(seed, plant), scenario_(scenario) {}

LedgerMachine::~LedgerMachine() {
  env().stop();
  close_store();
}

std::unique_ptr<StoreMachine> LedgerMachine::twin() const {
  auto twin = std::make_unique<LedgerMachine>(scenario_, seed() * 31 + book_.entries.size() + life_,
                                              plant());
  twin->book_ = book_;
  twin->copy_disk(*this);
  return twin;
}

// ---- opening ------------------------------------------------------------------------------------

Status LedgerMachine::open_store() {
  serving_ = false;
  snapshots_seen_ = 0;
  BATON_RETURN_IF_ERROR(open_parts());
  if (env().stopped()) return {};  // the caller sees to it
  compare_opened();
  host_->start({
      .on_serving = [this] { serving_ = true; },
      .on_stopped = [] {},
      .on_applied = [](const center::Effects&) {},
      .on_failed = [this](const Status& status) { on_failed(status); },
  });
  run_until_idle(loop_, worker_);
  if (env().stopped() || !failures().empty()) return {};
  require(serving_, "the center does not serve");
  reported_ = host_->ledger().live(ShardId(1), Offset(1), Offset(1)).created_hi.value();
  reported_ -= reported_ > 0 ? 1 : 0;
  return {};
}

Status LedgerMachine::open_parts() {
  BATON_ASSIGN_OR_RETURN(data_dir_,
                         DataDir::open(*durable_env_, "/data", StoreKind::kCenter, random_));
  if (!data_dir_->identity().cluster) {
    Identity identity = data_dir_->identity();
    identity.cluster = ClusterId(random_.uuid());
    BATON_RETURN_IF_ERROR(data_dir_->save(identity));
  }
  KvStore::Options store_options;
  store_options.write_buffer_bytes = scenario_.write_buffer_bytes;
  store_options.cache_bytes = std::size_t{1} << 20;
  BATON_ASSIGN_OR_RETURN(store_, data_dir_->open_store(store_options));
  LocalLog::Options log_options;
  log_options.snapshot_directory = "/data/snapshots";
  log_options.replaced_directory = "/data/archive";
  log_options.sync_mode = scenario_.sync_mode;
  BATON_ASSIGN_OR_RETURN(
      std::unique_ptr<LocalLog> log,
      LocalLog::open(loop_, worker_, *durable_env_, *store_, random_, std::move(log_options)));
  center::LedgerHost::Options options;
  options.archive.directory = "/data/archive";
  options.archive.bytes_max = scenario_.archive_bytes_max;
  options.archive.segment_bytes = scenario_.segment_bytes;
  options.snapshot_log_bytes = scenario_.snapshot_log_bytes;
  options.cluster = data_dir_->identity().cluster;
  auto recording = std::make_unique<RecordingLog>(*this, std::move(log));
  log_ = recording.get();
  BATON_ASSIGN_OR_RETURN(host_, center::LedgerHost::open(loop_, worker_, *durable_env_, logger_,
                                                         std::move(recording), std::move(options)));
  return {};
}

void LedgerMachine::close_store() {
  host_.reset();
  log_ = nullptr;
  store_.reset();
  data_dir_.reset();
}

void LedgerMachine::compare_opened() {
  const Lsn last = log_->last_index();
  require(last >= book_.told, "told entries are gone");
  require(last.value() <= book_.entries.size(), "an open made up entries");
  book_.entries.resize(last.value());
  book_.told = last;
  const bool dropping = scenario_.archive_bytes_max < (std::uint64_t{1} << 30);
  require(!logger_.archive_gap || dropping, "the archive has a gap");
}

// In order, each once, exactly as it was proposed.
void LedgerMachine::on_entry(Lsn index, std::string_view entry) {
  require(index == handed_.next(), "an entry came twice, or one was left out");
  require(index.value() <= book_.entries.size(), "an entry came that nobody proposed");
  require(book_.entries.at(index.value() - 1) == entry, "an entry is not what was proposed");
  handed_ = index;
}

// ---- steps --------------------------------------------------------------------------------------

void LedgerMachine::propose_as(Incarnation incarnation, Command command) {
  end_if_over();
  v1::LedgerEntry entry;
  entry.add_batch()->set_incarnation(incarnation.value());
  center::encode_command(command, entry.mutable_batch(0)->add_command());
  host_->propose(entry, [](Lsn, const center::Effects*) {});
}

void LedgerMachine::propose(Command command) { propose_as(incarnation(), std::move(command)); }

Incarnation LedgerMachine::incarnation() const {
  const auto managers = host_->ledger().managers();
  return managers.empty() ? Incarnation() : managers.front().incarnation;
}

void LedgerMachine::join() {
  const StoreId store(Uuid{11, 11});
  if (host_->ledger().managers().empty()) {
    propose_as(Incarnation(), center::Enroll{store, "m1", "m1:7101", {}});
    settle();
  }
  if (!incarnation()) {
    center::Register request;
    request.shard = ShardId(1);
    request.store = store;
    request.epoch = Epoch(1);
    request.life = Life(Uuid{12, 12});
    request.next_offset = Offset(1);
    request.created_hi_seen = Offset(1);
    request.address = "m1:7101";
    propose_as(Incarnation(), request);
    settle();
  }
  if (host_->ledger().totals().sessions == 0) {
    propose(center::AttachSession{kSession, kConnection, {}, "consumer"});
    settle();
  }
  require(incarnation() && host_->ledger().totals().sessions == 1, "the script could not join");
}

void LedgerMachine::demand(std::uint64_t total) {
  propose(center::SessionDemand{
      kSession, kConnection, LineId(1), kQueue, std::chrono::seconds(30), total, {}});
}

void LedgerMachine::report(int entries, int tasks) {
  for (int i = 0; i < entries; ++i) {
    center::CreatedRun run;
    run.count = static_cast<std::uint32_t>(tasks);
    run.queue = kQueue;
    propose(center::Created{ShardId(1), Epoch(1), Offset(reported_ + 1), {run}, {}, 7, {5}});
    reported_ += run.count;
  }
}

void LedgerMachine::report_queues(int queues) {
  std::vector<center::CreatedRun> runs;
  for (int i = 0; i < queues; ++i) {
    center::CreatedRun run;
    run.count = 1;
    run.queue = "queue-" + std::to_string(reported_) + "-" + std::to_string(i) + "-";
    run.queue.resize(100, 'x');
    runs.push_back(std::move(run));
  }
  propose(
      center::Created{ShardId(1), Epoch(1), Offset(reported_ + 1), std::move(runs), {}, 7, {5}});
  reported_ += static_cast<std::uint64_t>(queues);
}

void LedgerMachine::ack() {
  settle();
  const auto before = host_->ledger().totals().completions;
  const auto session = host_->ledger().resync(kSession, kConnection, incarnation(), GrantNumber(0));
  require(!session.claims.empty(), "the script has nothing to ack");
  for (const center::Grant& claim : session.claims) {
    center::Operation operation;
    operation.seq = OpSeq(book_.next_operation++);
    operation.task = claim.task;
    operation.token = claim.token;
    propose(center::SessionOperations{kSession, OpSeq(operation.seq.value() - 1), {operation}});
  }
  settle();
  require(host_->ledger().totals().completions == before + session.claims.size(),
          "an ack was not accepted");
}

void LedgerMachine::tick(Millis length) {
  propose_as(Incarnation(), center::Tick{length, {1'790'000'000'000}});
}

void LedgerMachine::expect_snapshot() {
  settle();
  require(host_->snapshots() > snapshots_seen_, "the script expects a snapshot");
  snapshots_seen_ = host_->snapshots();
}

// ---- looking ------------------------------------------------------------------------------------

std::string LedgerMachine::verify() {
  settle();
  require(book_.told == host_->ledger().index() && book_.told.value() == book_.entries.size(),
          "an entry is not committed after a while");
  compare_with_reference();
  check_archive();
  check_snapshots();
  // Each life adds its TermStart: what was asked for besides is the same after any recovery.
  std::string contents = "snapshot " + std::to_string(host_->snapshot_index().value());
  for (std::size_t i = 0; i < book_.entries.size(); ++i) {
    if (!is_term_start(decode(Lsn(i + 1), book_.entries[i]))) contents += "\n" + book_.entries[i];
  }
  return contents;
}

// What a ledger gives that never was on any disk. And no task is done twice, or granted once done.
void LedgerMachine::compare_with_reference() const {
  Ledger reference;
  std::set<TaskId> done;
  for (std::size_t i = 0; i < book_.entries.size(); ++i) {
    const center::Effects effects = reference.apply(decode(Lsn(i + 1), book_.entries[i]));
    for (const center::Transition& transition : effects.transitions) {
      if (transition.to == center::TaskState::kDone)
        require(done.insert(transition.first).second, "a task was completed twice");
    }
    for (const center::Grant& grant : effects.grants)
      require(!done.contains(grant.task), "a finished task was granted");
  }
  const Ledger& ledger = host_->ledger();
  require(ledger.index() == reference.index() && ledger.state_hash() == reference.state_hash(),
          "the ledger is another one than its entries give");
  require(ledger.totals().completions == done.size(), "the ledger has lost completions");
  require(all_pages(ledger) == all_pages(reference), "a snapshot of the ledger would differ");
}

// Finished segments are one chain of the very entries, without a gap up to the snapshot.
void LedgerMachine::check_archive() {
  leveldb::Env& env = this->env();
  std::vector<std::string> names;
  require(env.GetChildren("/data/archive", &names).ok(), "there is no archive");
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("segment-"); });
  std::sort(names.begin(), names.end());
  Lsn last;
  for (const std::string& name : names) {
    const Result<center::SegmentInfo> info =
        center::read_segment_info(env, "/data/archive/" + name);
    if (!info.ok()) {
      require(info.status().code() == ErrorCode::kNotFound && name == names.back(),
              "the archive: " + info.status().to_string());
      break;  // still being written
    }
    const bool dropping = scenario_.archive_bytes_max < (std::uint64_t{1} << 30);
    require(info.value().first == last.next() || (!last && dropping), "the archive has a hole");
    const Status verified =
        center::verify_segment(env, info.value(), [&](const center::ArchivedEntry& archived) {
          require(archived.entry == book_.entries.at(archived.index.value() - 1),
                  "an archived entry is another one");
        });
    require(verified.ok(), "the archive: " + verified.to_string());
    last = info.value().last;
  }
  require(last >= host_->snapshot_index(), "the log was cut behind what the archive has");
}

void LedgerMachine::check_snapshots() const {
  const auto snapshots = env().disk().children("/data/snapshots").size();
  require(snapshots == (host_->snapshot_index() ? 1U : 0U), "another number of snapshot files");
}

// Where the scenario is about snapshots, up to the next one: then the log is cut, and what the cut
// relies on must be durable.
void LedgerMachine::go_on() {
  join();
  report(1);
  settle();
  const bool snapshots = scenario_.snapshot_log_bytes < (std::uint64_t{1} << 20);
  const std::uint64_t saved = host_->snapshots();
  for (int i = 0; snapshots && host_->snapshots() == saved; ++i) {
    require(i < kSnapshotPatience, "no snapshot is written");
    report_queues(1 + static_cast<int>(scenario_.snapshot_log_bytes / 1000));
    settle();
  }
  require(book_.told.value() == book_.entries.size(), "an entry is not committed after a while");
}

void LedgerMachine::check_refuses() {
  run_until_idle(loop_, worker_);
  const std::uint64_t operations = env().operations();
  const std::size_t failures = this->failures().size();
  if (log_ != nullptr) {
    std::optional<ProposalFate> fate;
    log_->propose("too late", [&](ProposalFate answer, Lsn) { fate = answer; });
    run_until_idle(loop_, worker_);
    require(fate == ProposalFate::kUnknown, "a proposal after the failure was not refused");
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
