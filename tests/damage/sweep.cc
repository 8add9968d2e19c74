#include "tests/damage/sweep.h"

#include <cinttypes>
#include <cstdio>
#include <random>

#include "tests/support/environment.h"

namespace baton::damage {
namespace {

constexpr std::size_t kMissedKept = 20;

void judge_one(Subject& subject, const FileDamage& damage, std::uint64_t number, bool with_fsck,
               Tally& tally, std::vector<std::string>& missed) {
  const sim::SimDisk damaged = damage.apply(number);
  const Verdict verdict = subject.judge(damaged);
  const auto keep = [&](const std::string& how) {
    if (missed.size() < kMissedKept) missed.push_back(damage.describe(number) + ": " + how);
  };
  ++tally.tried;
  tally.detected += verdict.kind == Verdict::Kind::kDetected ? 1 : 0;
  tally.by_ledger += verdict.by_ledger ? 1 : 0;
  tally.harmless += verdict.kind == Verdict::Kind::kHarmless ? 1 : 0;
  if (verdict.kind == Verdict::Kind::kMissed) {
    ++tally.missed;
    keep(verdict.how);
  }
  if (!with_fsck) return;
  ++tally.examined;
  const bool found = subject.examine(damaged);
  if (verdict.kind != Verdict::Kind::kDetected || verdict.by_ledger || found) return;
  ++tally.overlooked;
  keep("fsck overlooks what the start says: " + verdict.how);
}

}  // namespace

Tally SweepResult::total() const {
  Tally sum;
  for (const auto& [what, tally] : tallies) {
    sum.tried += tally.tried;
    sum.detected += tally.detected;
    sum.by_ledger += tally.by_ledger;
    sum.harmless += tally.harmless;
    sum.missed += tally.missed;
    sum.examined += tally.examined;
    sum.overlooked += tally.overlooked;
  }
  return sum;
}

std::string SweepResult::table() const {
  std::string text =
      "file        damage             tried  detected  (by ledger)  harmless  missed   "
      "fsck  overlooked\n";
  char line[160];
  for (const auto& [what, tally] : tallies) {
    std::snprintf(line, sizeof(line),
                  "%-11s %-16s %7" PRIu64 " %9" PRIu64 " %12" PRIu64 " %9" PRIu64 " %7" PRIu64
                  " %6" PRIu64 " %11" PRIu64 "\n",
                  what.first.c_str(), std::string(to_string(what.second)).c_str(), tally.tried,
                  tally.detected, tally.by_ledger, tally.harmless, tally.missed, tally.examined,
                  tally.overlooked);
    text += line;
  }
  for (const std::string& one : missed) text += "MISSED " + one + "\n";
  return text;
}

SweepOptions SweepOptions::of_environment(std::uint64_t stride) {
  using testing::number_from_environment;
  SweepOptions options;
  options.seed = number_from_environment("BATON_DAMAGE_SEED", std::random_device{}());
  options.stride =
      std::max<std::uint64_t>(1, number_from_environment("BATON_DAMAGE_STRIDE", stride));
  options.fsck_every = number_from_environment("BATON_DAMAGE_FSCK", options.stride == 1 ? 16 : 4);
  return options;
}

SweepResult sweep(Subject& subject, const SweepOptions& options) {
  SweepResult result;
  std::uint64_t tried = 0;
  for (const auto& [path, file] : subject.disk().disk.files()) {
    for (const DamageKind kind : kAllDamage) {
      const FileDamage damage(subject.disk(), path, kind);
      if (damage.count() == 0) continue;
      Tally& tally = result.tallies[{file_kind(path), kind}];
      // Of rare damage everything, whatever the stride.
      const std::uint64_t stride =
          std::min(options.stride, std::max<std::uint64_t>(1, damage.count() / 8));
      for (std::uint64_t i = options.seed % stride; i < damage.count(); i += stride) {
        const bool with_fsck = options.fsck_every != 0 && tried++ % options.fsck_every == 0;
        judge_one(subject, damage, i, with_fsck, tally, result.missed);
      }
    }
  }
  return result;
}

}  // namespace baton::damage
