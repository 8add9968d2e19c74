#include "common/storage/data_dir.h"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/sim_env.h"

namespace baton {
namespace {

class DirRig {
 public:
  ~DirRig() { close(); }

  Status try_open(StoreKind kind = StoreKind::kManager) {
    close();
    durable_env = std::make_unique<DurableEnv>(env);
    BATON_ASSIGN_OR_RETURN(dir, DataDir::open(*durable_env, path, kind, random));
    BATON_ASSIGN_OR_RETURN(store, dir->open_store());
    return {};
  }
  void close() {
    store.reset();
    dir.reset();
    durable_env.reset();
  }
  void cut_power() {
    env.stop();
    close();
    env.restart_after_power_cut();
  }
  std::string& contents(const std::string& file) { return env.disk().find(file)->data; }
  void remove_store() {
    for (const std::string& file : env.paths_ending("")) {
      if (file.starts_with("/data/store/")) env.disk().remove(file);
    }
  }

  std::string path = "/data";
  sim::SimEnv env;
  Random random{5};
  std::unique_ptr<DurableEnv> durable_env;
  std::unique_ptr<DataDir> dir;
  std::unique_ptr<KvStore> store;
};

// Refused with this code and a sentence that says this.
void check_refused(const Status& opened, ErrorCode code, const std::string& says) {
  INFO(opened.to_string());
  CHECK(opened.code() == code);
  CHECK(opened.message().find(says) != std::string::npos);
  CHECK(opened.message().find("/data") != std::string::npos);
  CHECK(opened.message().find('\n') == std::string::npos);
}

TEST_CASE("a missing directory is made, with an identity that stays") {
  DirRig rig;
  REQUIRE(rig.try_open().to_string() == "ok");
  const StoreId store = rig.dir->identity().store;
  CHECK(store);
  CHECK(rig.dir->identity().has_store);
  rig.cut_power();
  REQUIRE(rig.try_open().to_string() == "ok");
  CHECK(rig.dir->identity().store == store);
}

TEST_CASE("a directory is made with the parents that are missing") {
  DirRig rig;
  rig.path = "/data/of/this/one";
  REQUIRE(rig.try_open().to_string() == "ok");
  const StoreId store = rig.dir->identity().store;
  rig.cut_power();
  REQUIRE(rig.try_open().to_string() == "ok");
  CHECK(rig.dir->identity().store == store);
}

TEST_CASE("a saved identity is whole after a power cut at any operation") {
  for (std::uint64_t at = 1; at <= 12; ++at) {
    DirRig rig;
    REQUIRE(rig.try_open().to_string() == "ok");
    const Identity before = rig.dir->identity();
    Identity after = before;
    after.name = "m1";
    after.cluster = ClusterId(Uuid{3, 4});
    after.shards = {{ShardId(7), true}, {ShardId(9), false}};
    after.generation = Generation(2);
    after.ledger_index = Lsn(1234);
    rig.env.crash_at(rig.env.operations() + at);
    const bool saved = rig.dir->save(after).ok();
    rig.cut_power();
    REQUIRE(rig.try_open().to_string() == "ok");

    if (saved) CHECK(rig.dir->identity() == after);
    CHECK((rig.dir->identity() == after || rig.dir->identity() == before));
  }
}

TEST_CASE("a first start that a crash cut off at any operation can be repeated") {
  DirRig trial;
  REQUIRE(trial.try_open().ok());
  const std::uint64_t operations = trial.env.operations();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    DirRig rig;
    rig.env.crash_at(at);
    static_cast<void>(rig.try_open());
    rig.cut_power();
    INFO("operation " << at);
    REQUIRE(rig.try_open().to_string() == "ok");
  }
}

// What a killed process made is in memory only: a power cut later must not take it away together
// with all that was put into it.
TEST_CASE("a first start that was killed at any operation leaves nothing that a later one loses") {
  for (std::uint64_t at = 1; at <= 60; ++at) {
    CAPTURE(at);
    DirRig rig;
    rig.path = "/above/data";
    rig.env.crash_at(at);
    if (rig.try_open().ok()) break;
    rig.env.stop();
    rig.close();
    rig.env.restart_after_kill();
    REQUIRE(rig.try_open().to_string() == "ok");
    const StoreId store = rig.dir->identity().store;
    rig.cut_power();

    REQUIRE(rig.try_open().to_string() == "ok");
    CHECK(rig.dir->identity().store == store);
  }
}

TEST_CASE("a directory in use is refused") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  const auto second = DataDir::open(*rig.durable_env, "/data", StoreKind::kManager, rig.random);
  check_refused(second.status(), ErrorCode::kUnavailable, "another process");
}

TEST_CASE("a directory of the other kind is refused") {
  DirRig rig;
  REQUIRE(rig.try_open(StoreKind::kCenter).ok());
  check_refused(rig.try_open(StoreKind::kManager), ErrorCode::kConflict, "belongs to a center");
}

TEST_CASE("a file in the place of the directory is refused") {
  DirRig rig;
  rig.env.disk().create("/data");
  check_refused(rig.try_open(), ErrorCode::kInvalidArgument, "not a directory");
}

TEST_CASE("a directory with other things in it is refused and left alone") {
  DirRig rig;
  rig.env.disk().make_directory("/data");
  rig.env.disk().create("/data/holiday.jpg");
  check_refused(rig.try_open(), ErrorCode::kInvalidArgument, "not empty");
  CHECK(rig.env.disk().children("/data").size() == 1);
}

TEST_CASE("a directory that cannot be made is refused") {
  DirRig rig;
  rig.env.fail_at(1, sim::Fault::kNoSpace);
  check_refused(rig.try_open(), ErrorCode::kInvalidArgument, "cannot be created");
}

TEST_CASE("an unreadable identity is refused") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  rig.close();
  rig.env.fail_read_at(rig.env.reads() + 2);
  check_refused(rig.try_open(), ErrorCode::kInvalidArgument, "cannot be read");
}

TEST_CASE("every flipped bit and every missing byte of the identity is refused") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  rig.close();
  const std::string whole = rig.contents("/data/identity");
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string& identity = rig.contents("/data/identity");
    identity[bit / 8] = static_cast<char>(identity[bit / 8] ^ (1 << (bit % 8)));
    check_refused(rig.try_open(), ErrorCode::kDataLoss, "damaged");
    rig.close();
    rig.contents("/data/identity") = whole;
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    rig.contents("/data/identity") = whole.substr(0, size);
    check_refused(rig.try_open(), ErrorCode::kDataLoss, "damaged");
    rig.close();
  }
}

TEST_CASE("a lost identity beside a store is refused") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  rig.close();
  rig.env.disk().remove("/data/identity");
  check_refused(rig.try_open(), ErrorCode::kDataLoss, "has lost its file 'identity'");
}

TEST_CASE("a lost store beside an identity is refused") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  rig.close();
  rig.remove_store();
  check_refused(rig.try_open(), ErrorCode::kDataLoss, "has lost its store");
}

TEST_CASE("the store of another directory is refused") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  rig.close();
  Identity other = decode_identity(rig.contents("/data/identity")).value();
  other.store = StoreId(Uuid{8, 8});
  rig.contents("/data/identity") = encode_identity(other);
  check_refused(rig.try_open(), ErrorCode::kConflict, "store of another data directory");
}

TEST_CASE("two lives of one machine may use a directory one after the other") {
  DirRig rig;
  REQUIRE(rig.try_open().ok());
  rig.env.stop();
  rig.close();
  rig.env.restart_after_kill();
  CHECK(rig.try_open().to_string() == "ok");
}

}  // namespace
}  // namespace baton
