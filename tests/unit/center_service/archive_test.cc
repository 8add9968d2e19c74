#include "center/storage/archive.h"

#include <catch2/catch.hpp>

#include "tests/support/manual_loop.h"
#include "tests/support/sim_env.h"

using namespace baton;
using namespace baton::center;

namespace {

constexpr char kDirectory[] = "/archive";

std::string entry_at(std::uint64_t index) { return "entry " + std::to_string(index); }

std::vector<Transition> transitions_at(std::uint64_t index) {
  Transition created;
  created.first = TaskId(ShardId(1), Offset(index));
  created.count = 3;
  created.from = TaskState::kNone;
  created.to = TaskState::kReady;
  created.cause = Cause::kCreated;
  Transition granted = created;
  granted.from = TaskState::kReady;
  granted.to = TaskState::kClaimed;
  granted.cause = Cause::kGranted;
  granted.token = Token(index * 7);
  granted.session = SessionId(Uuid{index, 42});
  return {created, granted};
}

// An archive on a simulated disk, over several lives.
struct Bench {
  explicit Bench(std::uint64_t segment_bytes = 2000, std::uint64_t bytes_max = 1 << 20)
      : worker(loop) {
    options.directory = kDirectory;
    options.segment_bytes = segment_bytes;
    options.bytes_max = bytes_max;
  }

  Status open(Archive::Position snapshot = {}) {
    archive.reset();
    loop.drop_everything();
    worker.drop_everything();
    env = std::make_unique<DurableEnv>(disk);
    BATON_ASSIGN_OR_RETURN(archive, Archive::open(loop, worker, *env, options, snapshot));
    archive->set_on_failed([this](const Status& status) { failures.push_back(status); });
    return Status();
  }
  void append_one(std::uint64_t index, const std::string& bytes,
                  const std::vector<Transition>& transitions, const Entry& entry = {}) {
    const LedgerTimes times{Millis(static_cast<std::int64_t>(index)),
                            WallTime{static_cast<std::int64_t>(1'000'000 + index)}};
    archive->append({Lsn(index), Term(1), bytes, entry, transitions, times});
  }
  void append(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i <= to; ++i) {
      append_one(i, entry_at(i), transitions_at(i));
    }
    baton::testing::run_until_idle(loop, worker);
  }
  // As at a snapshot.
  Archive::Position seal() {
    bool sealed = false;
    const Archive::Position position = archive->head();
    archive->seal([&](const Status& status) { sealed = status.ok(); });
    baton::testing::run_until_idle(loop, worker);
    CHECK(sealed);
    return position;
  }
  // Of the segments.
  std::vector<std::string> paths() { return files("segment-"); }
  std::vector<std::string> files(const std::string& prefix) {
    std::vector<std::string> names = disk.disk().children(kDirectory);
    std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
    return names;
  }
  std::string& data(std::size_t i) {
    return disk.disk().find(std::string(kDirectory) + "/" + paths().at(i))->data;
  }
  Result<SegmentInfo> info(std::size_t i) {
    return read_segment_info(disk, std::string(kDirectory) + "/" + paths().at(i));
  }

  sim::SimEnv disk;
  baton::testing::ManualLoop loop;
  baton::testing::ManualWorker worker;
  Archive::Options options;
  std::unique_ptr<DurableEnv> env;
  std::unique_ptr<Archive> archive;
  std::vector<Status> failures;
};

}  // namespace

TEST_CASE("what is archived reads back entry by entry, with its transitions") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 5);
  const Archive::Position head = bench.seal();

  std::vector<ArchivedEntry> entries;
  const Result<SegmentInfo> segment = bench.info(0);
  REQUIRE(segment.ok());
  REQUIRE(verify_segment(bench.disk, segment.value(), [&](const ArchivedEntry& entry) {
            entries.push_back(entry);
          }).ok());

  REQUIRE(entries.size() == 5);
  CHECK(entries[2].index == Lsn(3));
  CHECK(entries[2].entry == "entry 3");
  REQUIRE(entries[2].transitions.size() == 2);
  CHECK(entries[2].transitions[1].token == Token(21));
  CHECK(entries[2].transitions[1].session == SessionId(Uuid{3, 42}));
  CHECK(entries[2].transitions[1].to == TaskState::kClaimed);
  CHECK(entries[4].hash == head.hash);
  CHECK(head.index == Lsn(5));
}

TEST_CASE("the hash depends on every entry before it") {
  Bench one;
  Bench other;
  REQUIRE(one.open().ok());
  REQUIRE(other.open().ok());

  one.append_one(1, "a", {});
  other.append_one(1, "b", {});
  one.append(2, 10);
  other.append(2, 10);

  CHECK(one.archive->head().hash != other.archive->head().hash);
}

TEST_CASE("segments end by size and are one chain") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 100);
  bench.seal();

  REQUIRE(bench.paths().size() > 4);
  for (std::size_t i = 1; i < bench.paths().size(); ++i) {
    CHECK(bench.info(i).value().before == bench.info(i - 1).value().after);
    CHECK(bench.info(i).value().first == bench.info(i - 1).value().last.next());
  }
  CHECK(bench.failures.empty());
}

TEST_CASE("nothing is synced before a segment ends") {
  Bench bench(1 << 20);
  REQUIRE(bench.open().ok());
  const std::uint64_t before = bench.disk.syncs();
  bench.append(1, 100);
  const std::uint64_t appended = bench.disk.syncs();
  bench.seal();

  CHECK(appended - before <= 1);  // the new file's name
  CHECK(bench.disk.syncs() > appended);
}

TEST_CASE("any flipped bit in a segment is found") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 8);
  bench.seal();
  const SegmentInfo segment = bench.info(0).value();
  std::string& data = bench.data(0);

  for (std::size_t at = 0; at < data.size(); ++at) {
    CAPTURE(at);
    data[at] = static_cast<char>(data[at] ^ 16);
    const Result<SegmentInfo> read = read_segment_info(bench.disk, segment.path);
    const bool found = !read.ok() || !verify_segment(bench.disk, read.value()).ok();
    // Three bytes of the header are unused; its CRC covers them too.
    CHECK(found);
    data[at] = static_cast<char>(data[at] ^ 16);
  }
  CHECK(verify_segment(bench.disk, segment).ok());
}

TEST_CASE("a restart goes on where the snapshot was taken, with the same hashes") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 30);
  const Archive::Position snapshot = bench.seal();
  bench.append(31, 90);
  const Archive::Position before = bench.archive->head();

  const bool power_cut = GENERATE(false, true);
  bench.archive.reset();
  bench.disk.stop();
  power_cut ? bench.disk.restart_after_power_cut() : bench.disk.restart_after_kill();
  REQUIRE(bench.open(snapshot).ok());
  bench.append(31, 90);
  CHECK(bench.archive->head() == before);
  bench.append(91, 100);
  bench.seal();

  CHECK(bench.failures.empty());
  Lsn next(1);
  for (std::size_t i = 0; i < bench.paths().size(); ++i) {
    const Result<SegmentInfo> segment = bench.info(i);
    REQUIRE(segment.ok());
    CHECK(segment.value().first == next);
    CHECK(verify_segment(bench.disk, segment.value()).ok());
    next = segment.value().last.next();
  }
  CHECK(next == Lsn(101));
}

TEST_CASE("a replay that differs from what was archived is a failure") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 90);

  REQUIRE(bench.open().ok());
  bench.append(1, 9);
  bench.append_one(10, "another entry", {});
  bench.append(11, 90);

  REQUIRE(bench.failures.size() == 1);
  CHECK(bench.failures.front().code() == ErrorCode::kDataLoss);
}

TEST_CASE("a chain that is broken, cut or of another ledger refuses to open") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 60);
  Archive::Position snapshot = bench.seal();
  REQUIRE(bench.paths().size() > 3);
  const std::string first = std::string(kDirectory) + "/" + bench.paths().front();
  const std::string middle = std::string(kDirectory) + "/" + bench.paths().at(1);
  const std::string newest = std::string(kDirectory) + "/" + bench.paths().back();

  SECTION("a segment in the middle is missing") { bench.disk.disk().remove(middle); }
  SECTION("the newest is missing") { bench.disk.disk().remove(newest); }
  SECTION("one in the middle is cut") { bench.data(1).resize(100); }
  SECTION("the newest is cut, although the log was cut behind it") {
    bench.disk.disk().find(newest)->data.resize(100);
  }
  SECTION("a byte of the newest") {
    std::string& data = bench.disk.disk().find(newest)->data;
    data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 1);
  }
  SECTION("the snapshot is of another history") { snapshot.hash[0] ^= 1; }

  CHECK(bench.open(snapshot).code() == ErrorCode::kDataLoss);
}

TEST_CASE("a newest segment that lost its middle in a power cut comes again from the log") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 30);
  const Archive::Position snapshot = bench.seal();
  bench.append(31, 60);
  const Archive::Position end = bench.seal();
  const std::string newest = std::string(kDirectory) + "/" + bench.paths().back();
  std::string& data = bench.disk.disk().find(newest)->data;
  const std::string whole = data;
  data.replace(data.size() / 2, 16, std::string(16, '\0'));  // its footer is right

  REQUIRE(bench.open(snapshot).ok());
  CHECK(bench.disk.disk().find(newest) == nullptr);
  bench.append(31, 60);
  bench.seal();

  CHECK(bench.archive->head() == end);
  CHECK(bench.failures.empty());
  CHECK(bench.disk.disk().find(newest)->data == whole);
}

// The next life reads it from the page cache. When the log is cut behind it, nothing but the disk has
// it.
TEST_CASE("what a killed process had archived but not synced survives a later power cut") {
  const auto die = [](Bench& bench) {
    bench.disk.stop();
    bench.archive.reset();
  };
  for (std::uint64_t at = 1;; ++at) {
    CAPTURE(at);
    Bench bench;
    bench.disk.crash_at(at);
    if (bench.open().ok()) bench.append(1, 30);
    const bool done = !bench.disk.stopped();
    die(bench);
    bench.disk.restart_after_kill();
    REQUIRE(bench.open().ok());
    bench.append(1, 40);
    const Archive::Position snapshot = bench.seal();
    die(bench);
    bench.disk.restart_after_power_cut();

    REQUIRE(bench.open(snapshot).to_string() == "ok");
    CHECK(bench.archive->first_index() == Lsn(1));
    if (done) break;
  }
}

TEST_CASE("an archive that was moved away begins anew with a gap") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.append(1, 60);
  const Archive::Position snapshot = bench.seal();
  for (const std::string& name : bench.paths()) {
    bench.disk.disk().remove(std::string(kDirectory) + "/" + name);
  }

  REQUIRE(bench.open(snapshot).ok());
  bench.append(61, 90);

  CHECK(bench.archive->first_index() == Lsn(61));
  CHECK(bench.info(0).value().before == snapshot.hash);
}

TEST_CASE("the oldest segments go when there are too many, but never what a restart needs") {
  Bench bench(2000, 6000);
  REQUIRE(bench.open().ok());
  bench.append(1, 100);
  CHECK(bench.archive->first_index() == Lsn(1));  // the log was never cut: all would come again

  const Archive::Position snapshot = bench.seal();
  bench.archive->snapshot_saved(snapshot.index);
  baton::testing::run_until_idle(bench.loop, bench.worker);
  CHECK(bench.archive->bytes() <= 6000);
  CHECK(bench.archive->first_index() > Lsn(1));

  bench.append(101, 300);
  CHECK(bench.archive->first_index() <= snapshot.index.next());
  REQUIRE(bench.open(snapshot).ok());
  bench.append(101, 300);
  CHECK(bench.failures.empty());
}

TEST_CASE("a write error of the archive is told once") {
  Bench bench;
  REQUIRE(bench.open().ok());
  bench.disk.fail_at(bench.disk.operations() + 2, sim::Fault::kNoSpace);

  bench.append(1, 100);

  CHECK(bench.failures.size() == 1);
  bool sealed = true;
  bench.archive->seal([&](const Status& status) { sealed = status.ok(); });
  baton::testing::run_until_idle(bench.loop, bench.worker);
  CHECK_FALSE(sealed);
}
