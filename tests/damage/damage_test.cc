// Damage to the files of a manager and of a center: whatever happens to one of them, the start
// refuses and names it, or the reader names what was hit, or the other daemons notice that it is
// older, or no harm was done. And what a start finds, `baton fsck` finds.
//
// scripts/damage.sh runs all of it; here it is a sample (sweep.h has the environment).
#include <iostream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/damage/center_subject.h"
#include "tests/damage/manager_subject.h"
#include "tests/damage/sweep.h"

// A length that was believed is found by what it makes a reader reserve.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
extern "C" const char* __asan_default_options();  // NOLINT: the sanitizer's name for it
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=256"; }
#endif
#endif

namespace baton::damage {
namespace {

// A hundred starts or so for each kind of file and damage would be too many for every build.
constexpr std::uint64_t kStride = 6007;

SweepResult run(Subject& subject, const char* name) {
  const SweepOptions options = SweepOptions::of_environment(kStride);
  const SweepResult result = sweep(subject, options);
  std::cout << name << ", seed " << options.seed << ", stride " << options.stride << "\n"
            << result.table() << std::flush;
  return result;
}

TEST_CASE("no damage to a file of a manager goes unnoticed") {
  ManagerSubject subject;
  REQUIRE(subject.judge(subject.disk().disk).kind == Verdict::Kind::kHarmless);
  REQUIRE_FALSE(subject.examine(subject.disk().disk));

  const SweepResult result = run(subject, "manager");

  CHECK(result.total().missed == 0);
  CHECK(result.total().overlooked == 0);
  CHECK(result.total().detected > 0);
  CHECK(result.total().harmless > 0);
  for (const char* kind : {"identity", "CURRENT", "MANIFEST", "log", "table"}) {
    INFO(kind);
    CHECK(result.tallies.contains({kind, DamageKind::kFlip}));
    CHECK(result.tallies.at({kind, DamageKind::kFlip}).detected > 0);
  }
}

TEST_CASE("no damage to a file of a center goes unnoticed") {
  CenterSubject subject;
  REQUIRE(subject.judge(subject.disk().disk).kind == Verdict::Kind::kHarmless);
  REQUIRE_FALSE(subject.examine(subject.disk().disk));

  const SweepResult result = run(subject, "center");

  CHECK(result.total().missed == 0);
  CHECK(result.total().overlooked == 0);
  for (const char* kind : {"identity", "CURRENT", "MANIFEST", "log", "table", "snapshot"}) {
    INFO(kind);
    CHECK(result.tallies.contains({kind, DamageKind::kFlip}));
    CHECK(result.tallies.at({kind, DamageKind::kFlip}).detected > 0);
  }
  CHECK(result.tallies.contains({"segment", DamageKind::kFlip}));
}

// What is right in itself can only be seen by comparing.
TEST_CASE("an older copy of a whole directory is noticed by the other daemons, and only by them") {
  ManagerSubject manager;
  CenterSubject center;
  for (Subject* subject : {static_cast<Subject*>(&manager), static_cast<Subject*>(&center)}) {
    for (std::size_t i = 0; i < subject->disk().earlier.size(); ++i) {
      INFO("copy " << i);
      const sim::SimDisk& older = subject->disk().earlier[i];
      const Verdict verdict = subject->judge(older);
      INFO(verdict.how);
      CHECK(verdict.kind == Verdict::Kind::kDetected);
      CHECK(verdict.by_ledger);
      CHECK_FALSE(subject->examine(older));
    }
  }
}

// A start reads only the ends of older segments: no task depends on them.
TEST_CASE("damage in the middle of any segment but the newest is found by fsck") {
  CenterSubject subject;
  std::vector<std::string> segments;
  for (const auto& [path, file] : subject.disk().disk.files()) {
    if (file_kind(path) == "segment") segments.push_back(path);
  }
  REQUIRE(segments.size() > 2);
  segments.pop_back();
  for (const std::string& path : segments) {
    sim::SimDisk damaged = subject.disk().disk.copy();
    std::string& data = damaged.find(path)->data;
    data[data.size() / 2] ^= 1;
    INFO(path);
    CHECK(subject.examine(damaged));
  }
}

// A store that believes what it reads: records of a length and as many bytes, no checksum.
class Believer final : public Subject {
 public:
  Believer() {
    sim::SimDisk disk(true);
    std::string& data = disk.create("/data/believed.log")->data;
    for (char c = 'a'; c <= 'z'; ++c) {
      data.push_back(40);
      data.append(40, c);
    }
    disk_.earlier.push_back(disk.copy());
    for (char c = 'a'; c <= 'z'; ++c) {
      data.push_back(40);
      data.append(40, c);
    }
    disk_.disk = disk.copy();
  }

  [[nodiscard]] const DamagedDisk& disk() const override { return disk_; }
  Verdict judge(const sim::SimDisk& damaged) override {
    const sim::SimFilePtr file = damaged.find("/data/believed.log");
    if (file == nullptr) return Verdict::detected("/data/believed.log is missing");
    const std::vector<std::string> records = read(file->data);
    const std::vector<std::string> right = read(disk_.disk.find("/data/believed.log")->data);
    if (records == right) return {};
    return Verdict::missed(std::to_string(records.size()) + " records, or wrong ones");
  }
  bool examine(const sim::SimDisk&) override { return false; }

 private:
  static std::vector<std::string> read(const std::string& data) {
    std::vector<std::string> records;
    for (std::size_t at = 0; at < data.size();) {
      const auto size = static_cast<std::size_t>(static_cast<unsigned char>(data[at]));
      records.push_back(data.substr(at + 1, size));
      at += 1 + size;
    }
    return records;
  }

  DamagedDisk disk_;
};

TEST_CASE("a sweep over a store without checksums fails, and says where") {
  Believer subject;
  SweepOptions options;
  options.stride = 17;

  const SweepResult result = sweep(subject, options);

  const auto missed = [&](DamageKind kind) { return result.tallies.at({"log", kind}).missed; };
  CHECK(missed(DamageKind::kFlip) > 100);
  CHECK(missed(DamageKind::kCut) > 10);
  CHECK(missed(DamageKind::kSwapSmall) > 0);
  CHECK(missed(DamageKind::kOlder) == 1);
  // It says that the file is gone; its examination does not.
  CHECK(missed(DamageKind::kRemove) == 0);
  CHECK(result.tallies.at({"log", DamageKind::kRemove}).overlooked == 1);
  REQUIRE_FALSE(result.missed.empty());
  CHECK(result.missed.front().find("/data/believed.log: bit flipped, bit 0") == 0);
}

}  // namespace
}  // namespace baton::damage
