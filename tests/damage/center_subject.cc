#include "tests/damage/center_subject.h"

#include <stdexcept>
#include <utility>
#include <variant>

#include "center/service/hello_check.h"
#include "center/service/ledger_host.h"
#include "center/storage/command_codec.h"
#include "center/storage/examine_ledger.h"
#include "common/log/local_log.h"
#include "common/storage/data_dir.h"
#include "tests/damage/fsck.h"
#include "tests/damage/node_life.h"

namespace baton::damage {
namespace {

using namespace center;

constexpr char kData[] = "/data";
constexpr StoreId kStore{Uuid{3, 3}};
constexpr SessionId kSession{Uuid{4, 4}};

baton::Life life_of(std::uint64_t epoch) { return baton::Life(Uuid{8, epoch}); }

// Everything that a client could ask of the ledger.
std::string in_words(const Ledger& ledger) {
  std::string words = std::to_string(ledger.state_hash()) + "\n";
  for (const ManagerView& manager : ledger.managers()) {
    for (const ShardView& shard : manager.shards) {
      words += manager.name + " shard " + std::to_string(shard.shard.value()) + " up to " +
               std::to_string(shard.created_hi.value()) + "\n";
      for (Offset offset(1); offset < shard.created_hi; offset = offset.next()) {
        const Result<TaskView> task = ledger.find(TaskId(shard.shard, offset));
        words += task.ok() ? std::to_string(static_cast<int>(task.value().state)) + ":" +
                                 std::to_string(task.value().token.value()) + " "
                           : task.status().to_string();
      }
    }
  }
  const LedgerTotals totals = ledger.totals();
  return words + "\n" + std::to_string(totals.grants) + " " + std::to_string(totals.completions);
}

}  // namespace

// One start of the center's storage, as CenterNode does it.
class CenterSubject::Life {
 public:
  explicit Life(const sim::SimDisk& disk) : random_(7) { world_.env.disk() = disk.copy(); }
  ~Life() { end(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  Status open() {
    env_ = std::make_unique<DurableEnv>(world_.env);
    BATON_ASSIGN_OR_RETURN(directory_, DataDir::open(*env_, kData, StoreKind::kCenter, random_));
    if (!directory_->identity().cluster) {
      Identity identity = directory_->identity();
      identity.cluster = ClusterId(random_.uuid());
      BATON_RETURN_IF_ERROR(directory_->save(identity));
    }
    BATON_ASSIGN_OR_RETURN(store_, directory_->open_store());
    LocalLog::Options log_options;
    log_options.snapshot_directory = std::string(kData) + "/snapshots";
    log_options.replaced_directory = std::string(kData) + "/archive";
    BATON_ASSIGN_OR_RETURN(
        std::unique_ptr<LocalLog> log,
        LocalLog::open(world_.loop, world_.worker, *env_, *store_, random_, log_options));
    recovered_ = log->last_index();
    LedgerHost::Options options;
    options.archive.directory = std::string(kData) + "/archive";
    options.archive.segment_bytes = 4000;
    options.snapshot_log_bytes = 9000;
    options.cluster = directory_->identity().cluster;
    BATON_ASSIGN_OR_RETURN(host_, LedgerHost::open(world_.loop, world_.worker, *env_, world_.logger,
                                                   std::move(log), options));
    BATON_RETURN_IF_ERROR(check_cluster());
    host_->start({.on_serving = [] {},
                  .on_stopped = [] {},
                  .on_applied = [this](const Effects& effects) { effects_ = effects; },
                  .on_failed = [this](const Status& status) { failure_ = status; }});
    run();
    BATON_RETURN_IF_ERROR(failure_);
    if (!host_->serving()) return Status(ErrorCode::kInternal, "it does not serve");
    return check_cluster();
  }

  void end() {
    host_.reset();
    store_.reset();
    directory_.reset();
    world_.forget();
    env_.reset();
  }
  void kill() {
    world_.env.stop();
    end();
    world_.env.restart_after_kill();
  }

  // One entry with one command; what came of it.
  template <class Outcome>
  Outcome ask(Incarnation from, const Command& command) {
    v1::LedgerEntry entry;
    v1::LedgerBatch* batch = entry.add_batch();
    batch->set_incarnation(from.value());
    encode_command(command, batch->add_command());
    host_->propose(entry, [](Lsn, const Effects*) {});
    run();
    require(failure_);
    require(effects_.batches.at(0).status);
    return std::get<Outcome>(effects_.batches.at(0).outcomes.at(0));
  }

  void run() {
    for (int i = 0; i < 6; ++i) {
      world_.settle();
      world_.loop.advance(std::chrono::milliseconds(1));
    }
    world_.settle();
  }

  NodeWorld& world() { return world_; }
  const LedgerHost& host() const { return *host_; }
  const Effects& effects() const { return effects_; }
  [[nodiscard]] Lsn recovered() const { return recovered_; }
  [[nodiscard]] ClusterId cluster() const { return directory_->identity().cluster; }

 private:
  Status check_cluster() const {
    const ClusterId ledger = host_->ledger().cluster();
    if (!ledger || ledger == cluster()) return {};
    return Status(ErrorCode::kConflict, "the identity in /data and its ledger are of two clusters");
  }

  NodeWorld world_;
  Random random_;
  std::unique_ptr<DurableEnv> env_;
  std::unique_ptr<DataDir> directory_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<LedgerHost> host_;
  Lsn recovered_;
  Effects effects_;
  Status failure_;
};

// ---- how the directory came to be ----------------------------------------------------------------

class CenterSubject::Story {
 public:
  explicit Story(CenterSubject& subject) : subject_(subject), life_(sim::SimDisk(true)) {}

  void begin() {
    require(life_.open());
    remember();
    shard_ = life_.ask<EnrollOutcome>(Incarnation(), Enroll{kStore, "m1", "h:1", {}}).shard;
    join();
  }
  void remember() { subject_.disk_.earlier.push_back(life_.world().env.disk().copy()); }
  void restart() {
    life_.ask<SimpleOutcome>(Incarnation(), ShardOffline{shard_, Epoch(epoch_), life_of(epoch_)});
    remember();
    life_.kill();
    require(life_.open());
    join();
  }
  // Created, granted, and one of each three completed.
  void work(std::uint32_t rounds) {
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const std::string queue = "mail/" + std::to_string(round % 5);
      create(queue);
      life_.ask<SimpleOutcome>(manager_, SessionDemand{kSession,
                                                       ConnEpoch(epoch_),
                                                       LineId(round % 5 + 1),
                                                       queue,
                                                       std::chrono::seconds(30),
                                                       2 * (operations_ + 1),
                                                       {}});
      const std::vector<Grant> grants = life_.effects().grants;
      if (!grants.empty()) complete(grants.front());
    }
  }
  void end() {
    subject_.acknowledged_ = life_.host().ledger().index();
    life_.kill();
    subject_.disk_.disk = life_.world().env.disk().copy();
  }

 private:
  // A manager with its shard, and a session.
  void join() {
    ++epoch_;
    const bool new_shard = end_ == Offset(1);
    const auto outcome = life_.ask<RegisterOutcome>(
        Incarnation(), Register{shard_, kStore, Epoch(epoch_), life_of(epoch_), end_, end_,
                                new_shard ? 0U : kCrc, "h:1"});
    if (outcome.result != RegisterResult::kRegistered) throw std::runtime_error("not registered");
    manager_ = outcome.incarnation;
    life_.ask<AttachOutcome>(manager_, AttachSession{kSession, ConnEpoch(epoch_), {}, "test"});
    operations_ = 0;
  }
  void create(const std::string& queue) {
    CreatedRun run;
    run.count = 3;
    run.queue = queue;
    const Offset end(end_.value() + run.count);
    life_.ask<CreatedOutcome>(manager_, Created{shard_, Epoch(epoch_), end_, {run}, end, kCrc, {}});
    end_ = end;
  }
  void complete(const Grant& grant) {
    Operation operation;
    operation.seq = OpSeq(++operations_);
    operation.task = grant.task;
    operation.token = grant.token;
    life_.ask<OperationsOutcome>(manager_, SessionOperations{kSession, OpSeq(0), {operation}});
  }

  static constexpr std::uint32_t kCrc = 7;  // of whatever record is the last

  CenterSubject& subject_;
  Life life_;
  ShardId shard_;
  std::uint64_t epoch_ = 0;
  Offset end_{1};
  Incarnation manager_;
  std::uint64_t operations_ = 0;  // of the session since it attached
};

CenterSubject::CenterSubject() {
  Story story(*this);
  story.begin();
  story.work(60);
  story.restart();
  story.work(60);
  story.remember();
  story.work(10);
  story.restart();
  story.work(30);
  story.end();
  Life right(disk_.disk);
  require(right.open());
  right_ = in_words(right.host().ledger());
}

// ---- judging -------------------------------------------------------------------------------------

Verdict CenterSubject::judge(const sim::SimDisk& damaged) {
  Life life(damaged);
  if (const Status opened = life.open(); !opened.ok()) {
    return names_a_place(opened.message()) ? Verdict::detected(opened.message())
                                           : Verdict::missed("no place: " + opened.message());
  }
  // What a manager says that has registered with the center that is compared with.
  v1::Hello hello;
  hello.set_role(v1::ROLE_MANAGER);
  hello.set_name("m1");
  hello.mutable_cluster()->set_hi(life.host().ledger().cluster().hi);
  hello.mutable_cluster()->set_lo(life.host().ledger().cluster().lo);
  hello.set_index_seen(acknowledged_.value());
  const Status met = check_hello(hello, {life.cluster(), Generation(), life.recovered()});
  if (!met.ok()) return Verdict::older(met.message());
  if (in_words(life.host().ledger()) == right_) return {};
  return Verdict::missed("another ledger");
}

bool CenterSubject::examine(const sim::SimDisk& damaged) {
  return fsck_finds(damaged,
                    [this](ExaminedDir& dir, const OnFinding& tell, const OnProgress& progress) {
                      const LedgerReport report = examine_ledger(dir, tell, progress);
                      if (report.last_index > acknowledged_)
                        throw std::runtime_error("fsck invents entries");
                    });
}

}  // namespace baton::damage
