// What the archive tells of one task: by indexes of finished segments, by memory of the open one.
#include <algorithm>

#include <catch2/catch.hpp>

#include "center/storage/archive.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "center/storage/history_lookups.h"
#include "common/storage/stored_files.h"
#include "tests/support/manual_loop.h"
#include "tests/support/sim_env.h"

using namespace baton;
using namespace baton::center;

namespace {

using enum TaskState;

constexpr char kDirectory[] = "/archive";
const TaskId kTask(ShardId(1), Offset(7));
const SessionId kWorker(Uuid{1, 1});
const SessionId kOther(Uuid{2, 2});

Transition step(TaskState from, TaskState to, Cause cause, std::uint64_t token = 0,
                SessionId session = {}, TaskId task = kTask, std::uint32_t count = 1) {
  return {task, count, from, to, cause, Token(token), session};
}

// Counts what is read.
struct CountingEnv final : leveldb::EnvWrapper {
  explicit CountingEnv(leveldb::Env& base) : EnvWrapper(&base) {}
  struct File final : leveldb::RandomAccessFile {
    leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                         char* scratch) const override {
      const leveldb::Status status = base->Read(offset, size, result, scratch);
      *bytes += result->size();
      return status;
    }
    std::unique_ptr<leveldb::RandomAccessFile> base;
    std::uint64_t* bytes = nullptr;
  };
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** result) override {
    auto file = std::make_unique<File>();
    leveldb::RandomAccessFile* base = nullptr;
    const leveldb::Status status = target()->NewRandomAccessFile(name, &base);
    file->base.reset(base);
    file->bytes = &bytes;
    *result = status.ok() ? file.release() : nullptr;
    return status;
  }
  std::uint64_t bytes = 0;
};

// An archive over several lives, with entries that say what a test wants.
struct Bench {
  explicit Bench(std::uint64_t segment_bytes = 3000) : worker(loop) {
    options.directory = kDirectory;
    options.segment_bytes = segment_bytes;
  }
  Status open(Archive::Position snapshot = {}) {
    lookups.reset();
    archive.reset();
    loop.drop_everything();
    worker.drop_everything();
    env = std::make_unique<DurableEnv>(disk);
    BATON_ASSIGN_OR_RETURN(archive, Archive::open(loop, worker, *env, options, snapshot));
    archive->set_on_failed([this](const Status& status) { failures.push_back(status); });
    archive->set_name_of([this](const SessionId& id) {
      return SessionName{id, id == kWorker ? consumer : "somebody", id == kWorker ? "A" : "B"};
    });
    lookups = std::make_unique<HistoryLookups>(loop, worker, *env, *archive);
    index = snapshot.index;
    return Status();
  }
  void idle() { baton::testing::run_until_idle(loop, worker); }

  // An entry with these transitions; `said` is what it was made of.
  void add(const std::vector<Transition>& transitions, std::vector<Command> said = {}) {
    index = index.next();
    Entry entry{index, {{Incarnation(1), said}}};
    v1::LedgerEntry wire;
    v1::LedgerBatch* batch = wire.add_batch();
    for (const Command& command : said) encode_command(command, batch->add_command());
    const std::string bytes = encode_entry(wire);
    const auto now = static_cast<std::int64_t>(index.value());
    archive->append({index, Term(1), bytes, entry, transitions,
                     LedgerTimes{Millis(now), WallTime{1'000'000 + now}}});
    idle();
  }
  // Entries about other tasks, so that segments end.
  void fill(int entries) {
    for (int i = 0; i < entries; ++i) {
      other = other.next();
      const TaskId task(ShardId(2), other);
      add({step(kNone, kReady, Cause::kCreated, 0, {}, task),
           step(kReady, kClaimed, Cause::kGranted, 1'000'000 + other.value(), kOther, task),
           step(kClaimed, kDone, Cause::kAck, 1'000'000 + other.value(), kOther, task)});
    }
  }
  Archive::Position seal() {
    const Archive::Position position = archive->head();
    archive->seal([](const Status& status) { CHECK(status.ok()); });
    idle();
    return position;
  }
  Result<HistoryPage> look(std::string_view cursor = {}, std::size_t limit = 1000,
                           TaskId task = kTask) {
    std::optional<Result<HistoryPage>> found;
    lookups->look_up(task, cursor, limit, [&](const Result<HistoryPage>& page) { found = page; });
    idle();
    REQUIRE(found);
    return *found;
  }
  std::vector<HistoryEvent> events(TaskId task = kTask) {
    const Result<HistoryPage> page = look({}, 1000, task);
    REQUIRE(page.status().to_string() == "ok");
    CHECK(page.value().next.empty());
    return page.value().events;
  }
  std::vector<std::string> files(const std::string& prefix) {
    std::vector<std::string> names = disk.disk().children(kDirectory);
    std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
    return names;
  }
  std::string& data(const std::string& name) {
    return disk.disk().find(std::string(kDirectory) + "/" + name)->data;
  }

  sim::SimEnv disk;
  baton::testing::ManualLoop loop;
  baton::testing::ManualWorker worker;
  Archive::Options options;
  std::unique_ptr<DurableEnv> env;
  std::unique_ptr<Archive> archive;
  std::unique_ptr<HistoryLookups> lookups;
  std::vector<Status> failures;
  std::string consumer = "w1";
  Lsn index;
  Offset other{1000};
};

Operation operation(OperationKind kind, std::uint64_t token, const std::string& reason = {}) {
  Operation made;
  made.seq = OpSeq(1);
  made.kind = kind;
  made.task = kTask;
  made.token = Token(token);
  made.reason = reason;
  return made;
}

// Created with its neighbours, nacked, expired, taken back undelivered, completed; and a late ack.
void tell_a_life(Bench& bench, int between) {
  Created created;
  created.shard = ShardId(1);
  created.epoch = Epoch(1);
  created.from = Offset(1);
  created.runs.resize(1);
  created.runs[0].count = 20;
  created.runs[0].queue = "q";
  created.wall = WallTime{5'000'000};
  bench.add({step(kNone, kReady, Cause::kCreated, 0, {}, TaskId(ShardId(1), Offset(1)), 20)},
            {created});
  bench.fill(between);
  bench.add({step(kReady, kClaimed, Cause::kGranted, 10, kWorker)});
  bench.fill(between);
  bench.add({step(kClaimed, kDelayed, Cause::kNack, 10, kWorker)},
            {SessionOperations{kWorker, {}, {operation(OperationKind::kNack, 10, "no room")}}});
  bench.fill(between);
  bench.add({step(kDelayed, kReady, Cause::kBackoffOver, 10),
             step(kReady, kClaimed, Cause::kGranted, 11, kWorker)});
  bench.fill(between);
  bench.add({step(kClaimed, kReady, Cause::kExpired, 11, kWorker),
             step(kReady, kClaimed, Cause::kGranted, 12, kOther)});
  bench.fill(between);
  bench.add({step(kClaimed, kReady, Cause::kUndelivered, 12, kOther)});
  bench.consumer = "w2";
  bench.add({}, {AttachSession{kWorker, ConnEpoch(2), {}, "w2"}});
  bench.add({step(kReady, kClaimed, Cause::kGranted, 13, kWorker)});
  bench.fill(between);
  bench.add({step(kClaimed, kDone, Cause::kAck, 13, kWorker)});
  bench.add({step(kNone, kNone, Cause::kSuperseded, 11, kWorker)});
}

void check_life(const std::vector<HistoryEvent>& events) {
  REQUIRE(events.size() == 11);
  const auto is = [&](std::size_t i, Cause cause, std::uint32_t attempt, bool uncertain,
                      const std::string& consumer) {
    CAPTURE(i);
    CHECK(events[i].transition.cause == cause);
    CHECK(events[i].attempt == attempt);
    CHECK(events[i].uncertain == uncertain);
    CHECK(events[i].consumer == consumer);
    CHECK(events[i].transition.first == kTask);
    CHECK(events[i].transition.count == 1);
  };
  is(0, Cause::kCreated, 0, false, "");
  is(1, Cause::kGranted, 1, false, "w1");
  is(2, Cause::kNack, 1, false, "w1");
  CHECK(events[2].reason == "no room");
  CHECK(events[2].manager == "A");
  is(3, Cause::kBackoffOver, 0, false, "");
  is(4, Cause::kGranted, 2, false, "w1");
  is(5, Cause::kExpired, 2, true, "w1");
  is(6, Cause::kGranted, 3, false, "somebody");
  is(7, Cause::kUndelivered, 3, false, "somebody");
  CHECK(events[7].manager == "B");
  is(8, Cause::kGranted, 3, false, "w2");
  is(9, Cause::kAck, 3, false, "w2");
  is(10, Cause::kSuperseded, 0, false, "w2");
  // The manager's clock was ahead of the ledger's: times do not go back.
  CHECK(events[0].times.calendar == WallTime{5'000'000});
  CHECK(events[1].times.calendar == WallTime{5'000'000});
}

}  // namespace

TEST_CASE("a task's history is told from the open segment") {
  Bench bench(1 << 20);
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 3);

  CHECK(bench.files("index-").empty());
  check_life(bench.events());
}

TEST_CASE("a history says why an operator acted") {
  Bench bench(1 << 20);
  REQUIRE(bench.open().ok());
  const auto act = [](TaskAction action, const std::string& reason) {
    return ActOn{action, {TaskId(ShardId(1), Offset(99)), kTask}, reason};
  };
  bench.add({step(kNone, kReady, Cause::kCreated, 0)});
  bench.add({step(kReady, kDead, Cause::kKilled, 0)}, {act(TaskAction::kKill, "poison")});
  // What the same entry brought about besides is nobody's act.
  bench.add({step(kDead, kReady, Cause::kRedriven, 0),
             step(kReady, kClaimed, Cause::kGranted, 5, kWorker)},
            {act(TaskAction::kRedrive, "fixed")});
  bench.add({step(kClaimed, kCancelled, Cause::kCancelled, 5, kWorker)},
            {act(TaskAction::kCancel, "by mistake")});
  std::vector<std::string> reasons;
  for (const HistoryEvent& event : bench.events()) reasons.push_back(event.reason);
  CHECK(reasons == std::vector<std::string>{"", "poison", "fixed", "", "by mistake"});
}

TEST_CASE("a task's history is told over many segments") {
  Bench bench;
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 25);

  CHECK(bench.files("segment-").size() > 8);
  CHECK(bench.files("index-").size() + 1 >= bench.files("segment-").size());
  check_life(bench.events());
  CHECK(bench.failures.empty());
}

TEST_CASE("pages of any size tell the same history") {
  Bench bench;
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 10);
  for (std::size_t limit = 1; limit <= 12; ++limit) {
    CAPTURE(limit);
    std::vector<HistoryEvent> events;
    std::string cursor;
    do {
      const Result<HistoryPage> page = bench.look(cursor, limit);
      REQUIRE(page.ok());
      REQUIRE(page.value().events.size() <= limit);
      events.insert(events.end(), page.value().events.begin(), page.value().events.end());
      cursor = page.value().next;
    } while (!cursor.empty());
    check_life(events);
  }
}

TEST_CASE("an index that is missing or damaged is made again") {
  Bench bench;
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 25);
  bench.seal();
  const std::vector<std::string> names = bench.files("index-");
  REQUIRE(names.size() > 8);
  REQUIRE(names.size() == bench.files("segment-").size());
  std::vector<std::string> whole;
  for (const std::string& name : names) whole.push_back(bench.data(name));

  SECTION("missing") {
    for (const std::string& name : names) {
      bench.disk.disk().remove(std::string(kDirectory) + "/" + name);
    }
  }
  SECTION("a bit of the header") {
    for (const std::string& name : names) bench.data(name)[30] ^= 1;
  }
  SECTION("a bit of a page") {
    for (const std::string& name : names) {
      std::string& data = bench.data(name);
      data[data.size() - 4096 + 100] ^= 1;
      data[data.size() - 2 * 4096 + 100] ^= 1;
    }
  }
  SECTION("cut") {
    for (const std::string& name : names) bench.data(name).resize(50);
  }
  SECTION("of another segment") {
    for (std::size_t i = 1; i < names.size(); ++i) bench.data(names[i]) = whole[i - 1];
  }
  SECTION("of a newer version") {
    for (const std::string& name : names) bench.data(name)[4] = 9;
  }

  check_life(bench.events());
  CHECK(bench.files("index-") == names);
  // Every page of every index was asked for by this or is right anyway, but for damage in pages
  // that hold neither the task nor a name.
  CHECK(bench.data(names.front()) == whole.front());
  CHECK(bench.failures.empty());
}

TEST_CASE("a restart makes the indexes that are missing, and removes what belongs to no segment") {
  Bench bench;
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 25);
  const Archive::Position snapshot = bench.seal();
  const std::vector<std::string> names = bench.files("index-");
  bench.disk.disk().remove(std::string(kDirectory) + "/" + names.at(2));
  bench.disk.disk().create(std::string(kDirectory) + "/index-00000000000000099999");
  bench.disk.disk().create(std::string(kDirectory) + "/scratch-index");

  REQUIRE(bench.open(snapshot).ok());
  bench.idle();

  CHECK(bench.files("index-") == names);
  CHECK(bench.files("scratch").empty());
  check_life(bench.events());
}

TEST_CASE("a lookup reads a small part of the archive") {
  Bench bench(std::uint64_t{64} << 10);
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 1000);
  bench.seal();
  std::uint64_t total = 0;
  for (const std::string& name : bench.files("segment-")) total += bench.data(name).size();

  CountingEnv counting(bench.disk);
  bench.lookups =
      std::make_unique<HistoryLookups>(bench.loop, bench.worker, counting, *bench.archive);
  check_life(bench.events());
  const std::uint64_t read = counting.bytes;

  CHECK(total > 1'000'000);
  CHECK(read < total / 5);
}

TEST_CASE("a damaged record is told with its segment, not passed over") {
  Bench bench;
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 25);
  bench.seal();
  const std::string first = bench.files("segment-").front();
  std::string& data = bench.data(first);
  data[kSegmentHeaderBytes + 40] ^= 1;

  const Status status = bench.look().status();

  CHECK(status.code() == ErrorCode::kDataLoss);
  CHECK(status.message().find(first) != std::string::npos);
}

TEST_CASE("segments of version 1 tell a history without times and names") {
  Bench bench(1 << 20);
  std::string bytes = encode_segment_header(Lsn(1), {}, 1);
  const std::vector<Transition> created = {step(kNone, kReady, Cause::kCreated)};
  const std::vector<Transition> granted = {step(kReady, kClaimed, Cause::kGranted, 9, kWorker)};
  const std::string entry = encode_entry({});
  ChainHash hash = append_archive_record(bytes, {}, {Lsn(1), Term(1), {}, entry, created, {}}, 1);
  hash = append_archive_record(bytes, hash, {Lsn(2), Term(1), {}, entry, granted, {}}, 1);
  bytes += encode_segment_footer(Lsn(2), hash);
  bench.disk.disk().make_directory(kDirectory);
  bench.disk.disk().create(numbered_path(kDirectory, "segment-", Lsn(1)))->data = bytes;

  REQUIRE(bench.open({Lsn(2), hash}).ok());
  bench.add({step(kClaimed, kDone, Cause::kAck, 9, kWorker)});
  const std::vector<HistoryEvent> events = bench.events();

  REQUIRE(events.size() == 3);
  CHECK(events[1].attempt == 1);
  CHECK(events[1].consumer.empty());
  CHECK(events[1].times == LedgerTimes());
  CHECK(events[2].consumer == "w1");
  CHECK(events[2].times.lease == Millis(3));
  CHECK(bench.files("index-").size() == 1);
}

TEST_CASE("a replay of entries that an older Baton archived is compared in the form they have") {
  Bench bench(1 << 20);
  std::string bytes = encode_segment_header(Lsn(1), {}, 1);
  const std::vector<Transition> created = {step(kNone, kReady, Cause::kCreated)};
  ChainHash hash =
      append_archive_record(bytes, {}, {Lsn(1), Term(1), {}, encode_entry({}), created, {}}, 1);
  bytes += encode_segment_footer(Lsn(1), hash);
  bench.disk.disk().make_directory(kDirectory);
  bench.disk.disk().create(numbered_path(kDirectory, "segment-", Lsn(1)))->data = bytes;

  REQUIRE(bench.open().ok());
  v1::LedgerEntry wire;
  const std::string entry = encode_entry(wire);
  bench.archive->append({Lsn(1), Term(1), entry, Entry(), created, LedgerTimes()});
  bench.idle();

  CHECK(bench.failures.empty());
  CHECK(bench.archive->head().hash == hash);
}

TEST_CASE(
    "a task that the archive does not know has no history, and says from when on it is kept") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.fill(200);
  const Archive::Position snapshot = bench.seal();
  bench.archive->snapshot_saved(snapshot.index);

  const Result<HistoryPage> page = bench.look();

  REQUIRE(page.ok());
  CHECK(page.value().events.empty());
  CHECK(page.value().kept_from == Lsn(1));
}

TEST_CASE("text that is no cursor is refused, and so are too many questions") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.fill(3);
  for (const char* text :
       {"x", "1", "1.2", "1.2.3", "0.0.0.0", "1.2.3.4.5", "1.-2.3.4", "1..3.4"}) {
    CAPTURE(text);
    CHECK(bench.look(text).status().code() == ErrorCode::kInvalidArgument);
  }
  CHECK(bench.look("1.0..0").ok());
  int refused = 0;
  int answered = 0;
  for (std::size_t i = 0; i < HistoryLookups::kWaitingMax + 3; ++i) {
    bench.lookups->look_up(kTask, {}, 10, [&](const Result<HistoryPage>& page) {
      ++(page.status().code() == ErrorCode::kRetryLater ? refused : answered);
    });
  }
  bench.idle();
  CHECK(refused == 3);
  CHECK(answered == static_cast<int>(HistoryLookups::kWaitingMax));
}

TEST_CASE("a segment that is removed while it is asked about is passed over") {
  Bench bench;
  bench.options.bytes_max = 20'000;
  REQUIRE(bench.open().ok());
  tell_a_life(bench, 25);
  const Archive::Position snapshot = bench.seal();
  std::optional<Result<HistoryPage>> found;
  bench.lookups->look_up(kTask, {}, 1000, [&](const Result<HistoryPage>& page) { found = page; });
  bench.loop.run_posted();
  // The question is under way; now the archive gets smaller.
  const std::string first = std::string(kDirectory) + "/" + bench.files("segment-").front();
  bench.archive->snapshot_saved(snapshot.index);
  bench.idle();

  REQUIRE(found);
  CHECK(found->status() == Status());
  CHECK(!found->value().events.empty());
}

TEST_CASE("postings of a run cover each of its tasks and nothing else") {
  Postings postings;
  postings.add({step(kNone, kReady, Cause::kCreated, 0, {}, TaskId(ShardId(1), Offset(100)), 4096),
                step(kReady, kQuarantined, Cause::kRemoved, 0, {}, TaskId(ShardId(2), Offset(1)),
                     1'000'000)},
               {}, 60);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    postings.add({step(kReady, kClaimed, Cause::kGranted, i, kWorker,
                       TaskId(ShardId(1), Offset(100 + (i * 7) % 5000)))},
                 {}, 1000 + i * 100);
  }
  SegmentInfo segment;
  segment.first = Lsn(1);
  segment.last = Lsn(9);
  const Postings same = postings;
  IndexBuilder builder(segment, std::move(postings));
  while (!builder.step()) {
  }
  sim::SimEnv env;
  REQUIRE(leveldb::WriteStringToFile(&env, builder.bytes(), "/index").ok());
  const Result<SegmentIndex> index = SegmentIndex::open(env, "/index", segment);
  REQUIRE(index.ok());
  for (std::uint64_t offset = 90; offset < 5200; offset += 3) {
    const TaskId task(ShardId(1), Offset(offset));
    REQUIRE(index.value().find_task(task).value() == same.find_task(task));
  }
  CHECK(index.value().find_task(TaskId(ShardId(2), Offset(999'999))).value().size() == 1);
  CHECK(index.value().find_task(TaskId(ShardId(2), Offset(1'000'001))).value().empty());
  CHECK(index.value().find_task(TaskId(ShardId(1), Offset(100))).value().size() == 2);
}
