// baton audit verify, on the directory of a center that did real work: what is right is proved, each
// kind of mistake is named with its entry.
#include "center/storage/audit_archive.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "center/storage/archive_segment.h"
#include "common/log/snapshot_place.h"
#include "tests/unit/center_service/center_fixture.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::testing;

namespace {

// One center and one manager; a session that works on what is created.
struct Bench {
  explicit Bench(std::uint64_t snapshot_log_bytes = std::uint64_t{64} << 20,
                 std::uint64_t archive_bytes_max = std::uint64_t{4} << 30) {
    world.options.snapshot_log_bytes = snapshot_log_bytes;
    world.options.archive_bytes_max = archive_bytes_max;
    REQUIRE(world.start_center().ok());
    manager = &world.join_manager("m1");
    manager->send({attach(kSession, 1)});
    manager->send({demand(kSession, 1, 1, "q", credit = 100)});
  }
  // Creates tasks and acks what comes, in rounds.
  void work(int rounds, std::uint32_t tasks = 5) {
    for (int i = 0; i < rounds; ++i) {
      manager->send({created(*manager, next, tasks, "q")});
      next = Offset(next.value() + tasks);
      manager->durable_end = next;
      std::vector<v1::Command> commands;
      for (const v1::Grant& grant : std::exchange(manager->grants, {})) {
        commands.push_back(ack(kSession, ++seq, grant));
        commands.back().mutable_operations()->set_answered_through(seq - 1);
      }
      commands.push_back(demand(kSession, 1, 1, "q", credit += tasks));
      manager->send(commands);
    }
  }
  // Gives back what it gets, again and again: history grows, the ledger does not.
  void churn(int rounds) {
    manager->send({created(*manager, next, 50, "q")});
    next = Offset(next.value() + 50);
    for (int i = 0; i < rounds; ++i) {
      std::vector<v1::Command> commands;
      for (const v1::Grant& grant : std::exchange(manager->grants, {})) {
        commands.push_back(ack(kSession, ++seq, grant));
        v1::SessionOperations& said = *commands.back().mutable_operations();
        said.set_answered_through(seq - 1);
        said.mutable_operation(0)->set_kind(v1::RELEASE);
      }
      commands.push_back(demand(kSession, 1, 1, "q", credit += 50));
      manager->send(commands);
    }
  }
  Result<AuditReport> audit() {
    return audit_archive(world.env, world.options.data, [](std::uint64_t) {});
  }
  std::string folder() const { return world.options.data + "/archive"; }
  std::vector<std::string> files(const std::string& prefix) {
    std::vector<std::string> paths;
    for (const std::string& name : world.env.disk().children(folder())) {
      if (name.starts_with(prefix)) paths.push_back(folder() + "/" + name);
    }
    return paths;
  }
  std::string& data(const std::string& path) { return world.env.disk().find(path)->data; }

  // Writes all segments anew with a change of one entry, so that every hash fits again.
  void forge(Lsn at, const std::function<void(ArchivedEntry&)>& change) {
    ChainHash hash{};
    bool first = true;
    for (const std::string& path : files("segment-")) {
      const Result<SegmentInfo> info = read_segment_info(world.env, path);
      REQUIRE(info.ok());
      if (std::exchange(first, false)) hash = info.value().before;
      std::string bytes = encode_segment_header(info.value().first, hash);
      REQUIRE(verify_segment(world.env, info.value(), [&](const ArchivedEntry& read) {
                ArchivedEntry entry = read;
                if (entry.index == at) change(entry);
                hash = append_archive_record(bytes, hash, record_of(entry));
              }).ok());
      bytes += encode_segment_footer(info.value().last, hash);
      forged.emplace_back(path, bytes);
    }
    for (const auto& [path, bytes] : forged) data(path) = bytes;
  }
  // The first entry that has a transition of this cause, behind `from`.
  Lsn find(Cause cause, Lsn from = {}) {
    Lsn found;
    for (const std::string& path : files("segment-")) {
      const Result<SegmentInfo> info = read_segment_info(world.env, path);
      if (!info.ok()) continue;
      CHECK(verify_segment(world.env, info.value(), [&](const ArchivedEntry& entry) {
              for (const Transition& transition : entry.transitions) {
                if (!found && entry.index > from && transition.cause == cause) found = entry.index;
              }
            }).ok());
    }
    return found;
  }

  CenterWorld world;
  TestManager* manager = nullptr;
  Offset next{1};
  std::uint64_t credit = 0;
  std::uint64_t seq = 0;
  std::vector<std::pair<std::string, std::string>> forged;
};

// Segments are only finished at snapshots: so that there are some, with every entry in one of them.
struct Finished : Bench {
  Finished() : Bench(5'000) {
    work(60);
    world.run(2s);
    world.kill_center();
    // What is not finished does not matter here.
    for (const std::string& path : files("segment-")) {
      if (!read_segment_info(world.env, path).ok()) world.env.disk().remove(path);
    }
    REQUIRE(files("segment-").size() > 1);
  }
  AuditReport::Problem problem() {
    const Result<AuditReport> report = audit();
    REQUIRE(report.ok());
    REQUIRE(report.value().problem);
    return *report.value().problem;
  }
};

bool says(const AuditReport::Problem& problem, const std::string& text) {
  INFO(problem.what);
  CHECK(problem.what.find(text) != std::string::npos);
  return problem.what.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("a whole history is replayed from the beginning, while the center runs") {
  Bench bench(5'000);
  bench.work(60);

  const Result<AuditReport> report = bench.audit();

  REQUIRE(report.ok());
  CHECK(report.value().problem.has_value() == false);
  if (report.value().problem) FAIL(report.value().problem->what);
  CHECK(report.value().first == Lsn(1));
  CHECK(report.value().replayed_from == Lsn(0));
  CHECK(report.value().replayed == report.value().entries);
  CHECK(report.value().segments > 1);
  CHECK(report.value().tasks > 200);
  CHECK(report.value().claims >= report.value().completions);
  CHECK(report.value().completions > 150);
  CHECK(report.value().uncertain == 0);
  CHECK(report.value().unfinished == report.value().tasks - report.value().completions);
}

TEST_CASE("a claim that ran out is counted as uncertain") {
  Bench bench(5'000);
  bench.work(2);
  bench.manager->send({created(*bench.manager, bench.next, 5, "q")});
  bench.next = Offset(bench.next.value() + 5);
  bench.world.run(60s);
  bench.work(60);

  const Result<AuditReport> report = bench.audit();

  REQUIRE(report.ok());
  if (report.value().problem) FAIL(report.value().problem->what);
  CHECK(report.value().uncertain > 0);
}

TEST_CASE("where the oldest segments went, the replay begins at the snapshot that was kept") {
  Bench bench(40'000, 1'200'000);
  bench.churn(300);

  const Result<AuditReport> report = bench.audit();

  REQUIRE(report.ok());
  if (report.value().problem) FAIL(report.value().problem->what);
  std::uint64_t bytes = 0;
  for (const std::string& path : bench.files("s")) bytes += bench.data(path).size();
  CAPTURE(bytes, bench.files("s"));
  CHECK(report.value().first > Lsn(1));
  REQUIRE(report.value().replayed_from);
  CHECK(report.value().replayed_from->next() == report.value().first);
  CHECK(report.value().replayed == report.value().entries);
  CHECK(report.value().notes.empty());
  CHECK(bytes < 1'500'000);
}

TEST_CASE("without that snapshot what can be proved is proved, and the rest is said") {
  Bench bench(40'000, 1'200'000);
  bench.churn(300);
  bench.world.kill_center();
  for (const std::string& path : bench.files("snapshot-")) bench.world.env.disk().remove(path);

  const Result<AuditReport> report = bench.audit();

  REQUIRE(report.ok());
  if (report.value().problem) FAIL(report.value().problem->what);
  REQUIRE(report.value().notes.size() == 1);
  CHECK(report.value().notes[0].find("taken on trust") != std::string::npos);
  CHECK(report.value().replayed < report.value().entries);
}

TEST_CASE("a flipped byte is named with its file and its entry") {
  Finished bench;
  const std::string path = bench.files("segment-").front();
  const Lsn at(20);
  std::uint64_t place = 0;
  REQUIRE(verify_segment(bench.world.env, read_segment_info(bench.world.env, path).value(),
                         [&](const ArchivedEntry& entry) {
                           if (entry.index == at) place = entry.place;
                         })
              .ok());
  REQUIRE(place > 0);
  bench.data(path)[place + 50] ^= 1;

  const AuditReport::Problem problem = bench.problem();

  CHECK(problem.file == path);
  CHECK(problem.index == at);
}

TEST_CASE("an archive that lost its end is told from one that is whole") {
  Finished bench;
  const std::vector<std::string> segments = bench.files("segment-");
  SECTION("of which a snapshot is there") {
    bench.world.env.disk().remove(segments.back());
    CHECK(says(bench.problem(), "the archive ends with entry"));
  }
  SECTION("and has nothing left") {
    for (const std::string& path : segments) bench.world.env.disk().remove(path);
    CHECK(says(bench.problem(), "the archive ends with entry 0"));
  }
}

TEST_CASE("a newest segment whose header is damaged is not passed over in silence") {
  Bench bench(5'000);
  bench.work(60);
  bench.world.run(2s);
  bench.work(3);
  bench.world.run(2s);
  bench.world.kill_center();
  const std::string newest = bench.files("segment-").back();
  REQUIRE_FALSE(read_segment_info(bench.world.env, newest).ok());  // it is the one being written
  REQUIRE(bench.data(newest).size() > kSegmentHeaderBytes);
  bench.data(newest)[0] ^= 1;

  const Result<AuditReport> report = bench.audit();

  REQUIRE(report.ok());
  REQUIRE(report.value().notes.size() == 1);
  CHECK(report.value().notes[0].find("was not read") != std::string::npos);
  CHECK(report.value().notes[0].find(newest) != std::string::npos);
}

TEST_CASE("a segment that is missing is named") {
  Finished bench;
  const std::vector<std::string> paths = bench.files("segment-");
  REQUIRE(paths.size() > 2);
  const Lsn first = read_segment_info(bench.world.env, paths[1]).value().first;
  bench.world.env.disk().remove(paths[1]);

  const AuditReport::Problem problem = bench.problem();

  CHECK(problem.index == first);
  CHECK(problem.file == paths[2]);
  CHECK(says(problem, "entries are missing"));
}

TEST_CASE("a transition that was edited is found by the replay, although every hash fits") {
  Finished bench;
  const Lsn at = bench.find(Cause::kGranted, Lsn(30));
  bench.forge(at, [](ArchivedEntry& entry) {
    for (Transition& transition : entry.transitions) {
      if (transition.cause == Cause::kGranted) transition.session.lo ^= 1;
    }
  });

  const AuditReport::Problem problem = bench.problem();

  CHECK(problem.index == at);
  CHECK(says(problem, "the replay differs"));
}

TEST_CASE("a promise that is broken is found by the transitions alone") {
  Finished bench;
  SECTION("a token that does not grow") {
    const Lsn at = bench.find(Cause::kGranted, Lsn(30));
    bench.forge(at, [](ArchivedEntry& entry) {
      for (Transition& transition : entry.transitions) {
        if (transition.cause == Cause::kGranted) transition.token = Token(1);
      }
    });
    const AuditReport::Problem problem = bench.problem();
    CHECK(problem.index == at);
    CHECK(says(problem, "its token does not grow"));
  }
  SECTION("a second completion") {
    const Lsn first = bench.find(Cause::kAck);
    const Lsn at = bench.find(Cause::kAck, first);
    Transition earlier;
    bench.forge(first, [&](ArchivedEntry& entry) {
      for (const Transition& transition : entry.transitions) {
        if (transition.cause == Cause::kAck) earlier = transition;
      }
    });
    bench.forged.clear();
    bench.forge(at, [&](ArchivedEntry& entry) { entry.transitions.push_back(earlier); });
    const AuditReport::Problem problem = bench.problem();
    CHECK(problem.index == at);
    CHECK(says(problem, "it was completed before"));
  }
  SECTION("a task that is left out") {
    const Lsn at = bench.find(Cause::kCreated, Lsn(30));
    bench.forge(at, [](ArchivedEntry& entry) {
      for (Transition& transition : entry.transitions) {
        if (transition.cause == Cause::kCreated)
          transition.first = TaskId(transition.first.value() + 1);
      }
    });
    CHECK(bench.problem().index == at);
  }
}

TEST_CASE("a time or a name that was edited is found by the replay") {
  Finished bench;
  const Lsn at = bench.find(Cause::kGranted);
  SECTION("a time") {
    bench.forge(at, [](ArchivedEntry& entry) { entry.times.calendar.ms += 1; });
    CHECK(says(bench.problem(), "another time"));
  }
  SECTION("a name") {
    bench.forge(at, [](ArchivedEntry& entry) {
      REQUIRE(!entry.names.empty());
      entry.names.front().consumer = "somebody else";
    });
    CHECK(says(bench.problem(), "another name"));
  }
}

TEST_CASE("a directory without an archive is said to be none of a center") {
  CenterWorld world;
  const Result<AuditReport> report = audit_archive(world.env, "/nowhere", [](std::uint64_t) {});
  CHECK(report.status().code() == ErrorCode::kNotFound);
}
