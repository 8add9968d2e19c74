// The stores on the machine's own disk, loop and storage thread: what the simulated ones cannot
// show.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/net/asio_loop.h"
#include "common/storage/data_dir.h"
#include "manager/storage/payload_log.h"

namespace baton::manager {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(60);

// ok, or why there is no payload; ok also means that it is the right one.
ErrorCode code_of(const Result<std::string>& payload) {
  if (payload.ok()) CHECK(payload.value() == std::string(500, 'x'));
  return payload.status().code();
}

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "baton-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path = pattern;
  }
  ~TempDirectory() { std::filesystem::remove_all(path); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string path;
};

TEST_CASE("a payload log on a real disk with a real storage thread keeps everything") {
  TempDirectory directory;
  AsioLoop loop;
  Random random(1);
  constexpr std::uint64_t kRounds = 60;
  Stretch collected;  // all but its first task may be gone at the second open
  for (int open = 1; open <= 2; ++open) {
    AsioWorker worker(loop);
    DurableEnv env(*leveldb::Env::Default());
    const auto data =
        DataDir::open(env, directory.path + "/data", StoreKind::kManager, random).value();
    const auto store = data->open_store().value();
    PayloadLog::Options options;
    options.shard = ShardId(3);
    options.stretch_bytes = 24 << 10;
    options.cache_bytes = 32 << 10;
    options.sync_mode = SyncMode::kAlternating;
    const auto log = PayloadLog::open(loop, worker, *store, random, options).value();
    REQUIRE(log->epoch() == Epoch(static_cast<std::uint64_t>(open)));
    std::uint64_t durable = 0;
    if (open == 1) {
      TaskAttributes attributes;
      attributes.queue = "mail";
      const std::string payload(500, 'x');
      const std::vector<std::string_view> payloads(5, payload);
      for (std::uint64_t i = 0; i < kRounds; ++i) {
        log->when_durable(log->append_tasks(attributes, payloads).lsn,
                          [&](const Status& status) { durable += status.ok() ? 1 : 0; });
        if (i % 10 == 0) REQUIRE(loop.run_until([&] { return durable == i + 1; }, kTimeout));
      }
      REQUIRE(loop.run_until([&] { return durable == kRounds; }, kTimeout));
    }
    CHECK(log->durable_end() == Offset(5 * kRounds + 1));
    std::vector<Offset> offsets;
    for (std::uint64_t offset = 1; offset <= 5 * kRounds; offset += 3) offsets.emplace_back(offset);
    LogStore::Payloads payloads;
    log->read(offsets, SIZE_MAX, [&](LogStore::Payloads read) { payloads = std::move(read); });
    REQUIRE(loop.run_until([&] { return !payloads.empty(); }, kTimeout));
    std::set<ErrorCode> dropped;  // how what the collection may drop was answered
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      if (offsets[i] > collected.from && offsets[i] < collected.to)
        dropped.insert(code_of(payloads[i]));
      else
        CHECK(code_of(payloads[i]) == ErrorCode::kOk);
    }
    if (open == 1) {
      const std::vector<Stretch> stretches = log->closed_stretches(100);
      REQUIRE(stretches.size() >= 3);
      // In flight when the log is destroyed: it happens as a whole or not at all, and nobody is
      // called.
      collected = stretches[0];
      log->collect(collected, {collected.from}, {}, [](const Status&) {});
    } else {
      REQUIRE(dropped.size() == 1);
      CHECK((*dropped.begin() == ErrorCode::kOk || *dropped.begin() == ErrorCode::kNotFound));
    }
  }
}

TEST_CASE("a second process is kept out of a real directory, and free room is told") {
  TempDirectory directory;
  Random random(1);
  DurableEnv env(*leveldb::Env::Default());
  const auto first = DataDir::open(env, directory.path, StoreKind::kCenter, random).value();

  const Status second = DataDir::open(env, directory.path, StoreKind::kCenter, random).status();

  CHECK(second.code() == ErrorCode::kUnavailable);
  CHECK(second.message().find(directory.path) != std::string::npos);
  CHECK(env.free_bytes(directory.path) > 0);
}

TEST_CASE("a file in the place of a real directory is refused in one sentence") {
  TempDirectory directory;
  Random random(1);
  DurableEnv env(*leveldb::Env::Default());
  REQUIRE(write_file_atomically(env, directory.path + "/file", directory.path + "/tmp", "x").ok());

  const Status opened =
      DataDir::open(env, directory.path + "/file", StoreKind::kCenter, random).status();

  CHECK(opened.code() == ErrorCode::kInvalidArgument);
  CHECK(opened.message().find("not a directory") != std::string::npos);
}

}  // namespace
}  // namespace baton::manager
