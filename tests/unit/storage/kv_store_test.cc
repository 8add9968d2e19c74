#include "common/storage/kv_store.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/random.h"
#include "tests/unit/storage/store_rig.h"

namespace baton {
namespace {

using testing::StoreRig;

std::string key_of(int i) { return "k" + std::to_string(1000 + i); }

TEST_CASE("what was written is there after a kill and after a power cut") {
  StoreRig rig;
  rig.open();
  CHECK(rig.put("a", "1").ok());
  rig.kill();
  rig.open();
  CHECK(rig.store().get("a").value() == "1");
  CHECK(rig.put("b", "2").ok());
  rig.cut_power();
  rig.open();

  CHECK(rig.store().get("a").value() == "1");
  CHECK(rig.store().get("b").value() == "2");
  CHECK(rig.store().get("c").status().code() == ErrorCode::kNotFound);
}

TEST_CASE("a batch is one change, and a scan stops where it is told to") {
  StoreRig rig;
  rig.open();
  KvBatch batch;
  for (int i = 0; i < 10; ++i) batch.put(key_of(i), std::to_string(i));
  batch.remove(key_of(3));
  CHECK(rig.store().write(batch).ok());
  std::vector<std::string> seen;

  const Status scanned = rig.store().scan(key_of(1), key_of(6), [&](auto, std::string_view value) {
    seen.emplace_back(value);
    return seen.size() < 3;
  });

  CHECK(scanned.ok());
  CHECK(seen == std::vector<std::string>{"1", "2", "4"});
}

TEST_CASE("an absent store is data loss where one must be") {
  StoreRig rig;
  KvStore::Options options;
  options.create = false;
  CHECK(rig.try_open(options).code() == ErrorCode::kDataLoss);
}

TEST_CASE("after a failed write every later one fails and the listener is told once") {
  StoreRig rig;
  rig.open();
  int failures = 0;
  rig.store().add_on_failed([&](const Status&) { ++failures; });
  CHECK(rig.put("a", "1").ok());

  rig.env().fail_at(rig.env().operations() + 1, sim::Fault::kNoSpace);

  CHECK(rig.put("b", "2").code() == ErrorCode::kUnavailable);
  CHECK(rig.put("c", "3").code() == ErrorCode::kUnavailable);
  CHECK(failures == 1);
  CHECK(rig.store().get("a").value() == "1");
  rig.cut_power();
  rig.open();
  CHECK(rig.store().get("a").value() == "1");
  CHECK(rig.store().get("c").status().code() == ErrorCode::kNotFound);
}

TEST_CASE("pages that a failed sync marked clean are not taken for durable") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    StoreRig rig({.seed = seed});
    rig.open();
    CHECK(rig.put("a", "1").ok());
    rig.env().fail_at(rig.env().operations() + 2, sim::Fault::kCleanPages);
    CHECK(rig.put("b", "2").code() == ErrorCode::kUnavailable);
    // The next process reads the page cache: what it sees there it must write anew before it
    // answers.
    rig.kill();
    rig.open();
    const bool seen = rig.store().get("b").ok();
    rig.cut_power();
    rig.open();

    CHECK(rig.store().get("a").value() == "1");
    CHECK(rig.store().get("b").ok() == seen);
  }
}

// Any operation may be the last one before a power cut, a kill or an error; nothing acknowledged
// may be lost.
TEST_CASE("no acknowledged write is lost whatever operation the process ends at") {
  const auto write_all = [](StoreRig& rig, std::vector<int>& acknowledged) {
    if (!rig.try_open({.write_buffer_bytes = 64 << 10}).ok()) return;
    for (int i = 0; i < 60; ++i) {
      if (rig.put(key_of(i), std::string(static_cast<std::size_t>(3000 * (i % 5)), 'x')).ok()) {
        acknowledged.push_back(i);
      }
    }
  };
  StoreRig trial;
  std::vector<int> all;
  write_all(trial, all);
  REQUIRE(all.size() == 60);
  const std::uint64_t operations = trial.env().operations();
  trial.close();

  for (std::uint64_t at = 1; at <= operations; ++at) {
    for (const bool power : {false, true}) {
      StoreRig rig({.seed = at});
      rig.env().crash_at(at);
      std::vector<int> acknowledged;
      write_all(rig, acknowledged);
      power ? rig.cut_power() : rig.kill();
      // The recovery may be cut off as well.
      rig.env().crash_at(rig.env().operations() + 1 + at % 17);
      if (!rig.try_open().ok()) power ? rig.cut_power() : rig.kill();
      const Status opened = rig.try_open();

      INFO("operation " << at << (power ? ", power cut" : ", kill"));
      REQUIRE(opened.to_string() == "ok");
      for (const int i : acknowledged) REQUIRE(rig.store().get(key_of(i)).ok());
    }
  }
}

TEST_CASE("no acknowledged write is lost whatever operation fails") {
  for (const sim::Fault fault : {sim::Fault::kError, sim::Fault::kNoSpace, sim::Fault::kShortWrite,
                                 sim::Fault::kCleanPages}) {
    for (std::uint64_t at = 1; at <= 120; ++at) {
      StoreRig rig({.seed = at});
      rig.env().fail_at(at, fault);
      std::vector<int> acknowledged;
      if (rig.try_open({.write_buffer_bytes = 64 << 10}).ok()) {
        for (int i = 0; i < 40; ++i) {
          if (rig.put(key_of(i), std::string(3000, 'x')).ok()) acknowledged.push_back(i);
        }
      }
      rig.kill();
      const Status reopened = rig.try_open();
      INFO("operation " << at << ", fault " << static_cast<int>(fault));
      REQUIRE(reopened.to_string() == "ok");
      rig.cut_power();
      REQUIRE(rig.try_open().to_string() == "ok");
      for (const int i : acknowledged) REQUIRE(rig.store().get(key_of(i)).ok());
    }
  }
}

// LevelDB takes a read error in its log for the log's end, and would go on with what it has.
TEST_CASE("a read that fails while the store is opened refuses the open, or does no harm") {
  for (std::uint64_t read = 1;; ++read) {
    StoreRig rig;
    rig.open();
    for (int i = 0; i < 5; ++i) REQUIRE(rig.put(key_of(i), std::string(9000, 'x')).ok());
    rig.close();
    rig.env().fail_read_at(rig.env().reads() + read);
    const Status opened = rig.try_open();
    if (rig.env().faults_met() == 0) break;
    INFO("read " << read << ": " << opened.to_string());
    if (!opened.ok()) {
      CHECK(opened.code() == ErrorCode::kUnavailable);
      CHECK(opened.message().find("/store") != std::string::npos);
      CHECK(opened.message().find("Input/output error") != std::string::npos);
    }
    rig.open();
    for (int i = 0; i < 5; ++i) CHECK(rig.store().get(key_of(i)).ok());
  }
}

TEST_CASE("a scan that could not read on its way says so, also when it was told to stop") {
  StoreRig rig;
  rig.open();
  KvBatch batch;  // several to a block
  for (int i = 0; i < 40; ++i) batch.put(key_of(i), std::string(5'000, 'x'));
  CHECK(rig.store().write(batch).ok());
  int refused = 0;
  for (std::uint64_t read = 1; read <= 6; ++read) {
    CAPTURE(read);
    rig.kill();
    rig.open();
    rig.env().fail_read_at(rig.env().reads() + read);
    std::vector<std::string> seen;
    const Status scanned = rig.store().scan(key_of(20), key_of(40), [&](auto key, auto) {
      seen.emplace_back(key);
      return seen.size() < 4;
    });
    if (!scanned.ok()) ++refused;
    CHECK((!scanned.ok() ||
           seen == std::vector<std::string>{key_of(20), key_of(21), key_of(22), key_of(23)}));
  }
  CHECK(refused > 0);
}

TEST_CASE("a disk that fills up stops the store before anything is lost") {
  StoreRig rig({.seed = 3, .capacity_bytes = 300 << 10});
  rig.open();
  int acknowledged = 0;
  while (rig.put(key_of(acknowledged), std::string(5000, 'x')).ok()) ++acknowledged;
  CHECK(acknowledged > 10);
  rig.env().set_capacity(std::uint64_t{1} << 40);
  rig.cut_power();
  rig.open();

  for (int i = 0; i < acknowledged; ++i) CHECK(rig.store().get(key_of(i)).ok());
}

TEST_CASE("the same seed gives the same operations") {
  const auto run = [](std::uint64_t seed) {
    StoreRig rig({.seed = seed});
    rig.open();
    for (int i = 0; i < 50; ++i) static_cast<void>(rig.put(key_of(i), std::string(20'000, 'x')));
    rig.cut_power();
    rig.open();
    return rig.env().trace_hash();
  };
  CHECK(run(7) == run(7));
}

}  // namespace
}  // namespace baton
