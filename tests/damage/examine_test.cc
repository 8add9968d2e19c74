// What the examination of a directory says, beyond whether it finds anything.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/storage/examined_dir.h"
#include "manager/storage/examine_shards.h"
#include "tests/damage/manager_subject.h"
#include "tests/support/sim_env.h"

namespace baton::damage {
namespace {

struct Said {
  std::vector<Finding> findings;
  std::vector<manager::ShardReport> shards;

  [[nodiscard]] const Finding* hit(std::uint32_t shard, std::uint64_t offset) const {
    const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) {
      return finding.log == shard && finding.from.value() <= offset && offset < finding.to.value();
    });
    return found == findings.end() ? nullptr : &*found;
  }
};

Said examine(const sim::SimDisk& disk) {
  sim::SimEnv env;
  env.disk() = disk.copy();
  Said said;
  const OnFinding tell = [&](const Finding& finding) { said.findings.push_back(finding); };
  const OnProgress progress = [](std::uint64_t) {};
  const auto dir = ExaminedDir::open(env, "/data", tell);
  REQUIRE(dir.ok());
  dir.value()->examine_store(tell, progress);
  said.shards = manager::examine_shards(*dir.value(), tell, progress);
  return said;
}

std::string text_of(std::uint32_t shard, std::uint64_t offset) {
  return "shard " + std::to_string(shard) + " task " + std::to_string(offset) + " ";
}

// The file that has the text, and where; fails when none has.
std::pair<std::string, std::size_t> place_of(const sim::SimDisk& disk, const std::string& text) {
  for (const auto& [path, file] : disk.files()) {
    const std::size_t at = file->data.find(text);
    if (at != std::string::npos) return {path, at};
  }
  FAIL("no file has '" << text << "'");
  return {};
}

TEST_CASE("a clean directory tells how far it was acknowledged") {
  ManagerSubject subject;

  const Said said = examine(subject.disk().disk);

  CHECK(said.findings.empty());
  REQUIRE(said.shards.size() == 2);
  CHECK(said.shards[0].sealed);
  CHECK_FALSE(said.shards[1].sealed);
  for (const manager::ShardReport& shard : said.shards) {
    CHECK(shard.lost == 0);
    CHECK(shard.results > 0);
    CHECK(shard.tasks + shard.collected + 1 == shard.durable_end.value());
  }
  CHECK(said.shards[1].collected > 0);
}

TEST_CASE("a damaged payload in a table is named by file and byte, by batch, and by task") {
  ManagerSubject subject;
  sim::SimDisk damaged = subject.disk().disk.copy();
  constexpr std::uint64_t kOffset = 9;
  const auto [path, at] = place_of(damaged, text_of(1, kOffset));
  REQUIRE(path.ends_with(".ldb"));
  damaged.find(path)->data[at] ^= 1;

  const Said said = examine(damaged);

  const Finding* hit = said.hit(1, kOffset);
  REQUIRE(hit != nullptr);
  CHECK(hit->first);
  CHECK(std::any_of(said.findings.begin(), said.findings.end(),
                    [&, &file = path](const Finding& finding) {
                      return finding.file == file && finding.byte && *finding.byte <= at;
                    }));
  CHECK(said.shards.at(0).lost > 0);
  // The others are counted on, and what follows counts as acknowledged.
  CHECK(said.shards.at(0).tasks > 0);
  CHECK(said.shards.at(0).durable_end == examine(subject.disk().disk).shards.at(0).durable_end);
}

TEST_CASE("a log that ends early says up to where it can be read, as a note") {
  ManagerSubject subject;
  sim::SimDisk damaged = subject.disk().disk.copy();
  const std::uint64_t end = examine(damaged).shards.at(1).durable_end.value();
  const auto [path, at] = place_of(damaged, text_of(2, end - 2));
  REQUIRE(path.ends_with(".log"));
  damaged.find(path)->data.resize(at + 1);

  const Said said = examine(damaged);

  REQUIRE(said.findings.size() == 1);
  CHECK(said.findings[0].kind == Finding::Kind::kNote);
  CHECK(said.findings[0].file == path);
  CHECK(said.findings[0].byte.value() < at);
  CHECK(said.shards.at(1).durable_end.value() < end);
}

TEST_CASE("a store that cannot be opened still shows how far its files reach") {
  ManagerSubject subject;
  sim::SimDisk damaged = subject.disk().disk.copy();
  for (const auto& [path, file] : subject.disk().disk.files()) {
    if (path.find("MANIFEST-") != std::string::npos) damaged.remove(path);
  }
  const std::uint64_t end = examine(subject.disk().disk).shards.at(1).durable_end.value();

  const Said said = examine(damaged.copy());

  REQUIRE(said.findings.size() == 1);
  CHECK(said.findings[0].what.find("MANIFEST-") != std::string::npos);
  CHECK(said.shards.at(1).durable_end.value() == end);
}

}  // namespace
}  // namespace baton::damage
