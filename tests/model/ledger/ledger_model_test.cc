// The ledger against the oracle: random entries, crashes in between (restore from a snapshot, then
// replay).
//
// BATON_SEED repeats one run; BATON_MODEL_RUNS makes more.
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "center/core/auditor.h"
#include "tests/model/ledger/checks.h"
#include "tests/model/ledger/generator.h"
#include "tests/support/environment.h"

namespace baton::center::model {
namespace {

// One ledger and its snapshots. A snapshot's pages are read while entries go on being applied.
class CrashingLedger {
 public:
  explicit CrashingLedger(Random random) : random_(random) {}

  Ledger& ledger() { return ledger_; }

  Effects apply(const Entry& entry) {
    log_.push_back(entry);
    Effects effects = ledger_.apply(entry);
    read_some_pages();
    return effects;
  }

  // kill -9: what is left is the last complete snapshot and the log. Complains when the replay
  // differs.
  Complaint crash() {
    const std::uint64_t hash = ledger_.state_hash();
    Ledger restored;
    if (!pages_.empty()) {
      Result<Ledger> result = Ledger::restore(pages_);
      if (!result.ok()) return result.status().to_string();
      restored = std::move(result).value();
    }
    for (const Entry& entry : log_) {
      if (entry.index > restored.index()) restored.apply(entry);
    }
    reading_.reset();
    ledger_ = std::move(restored);
    if (ledger_.state_hash() != hash) return "the replay gives another state hash";
    return {};
  }

 private:
  void read_some_pages() {
    if (!reading_ && random_.one_in(20)) {
      reading_ = ledger_.snapshot();
      new_pages_.clear();
      return;
    }
    if (!reading_) return;
    for (std::uint64_t i = random_.below(6); i > 0; --i) {
      std::optional<std::string> page = reading_->next_page();
      if (page) {
        new_pages_.push_back(*std::move(page));
        continue;
      }
      reading_.reset();
      pages_ = std::move(new_pages_);
      return;
    }
  }

  Random random_;
  Ledger ledger_;
  std::vector<Entry> log_;
  std::unique_ptr<LedgerSnapshot> reading_;
  std::vector<std::string> new_pages_;
  std::vector<std::string> pages_;  // of the last complete snapshot
};

// Runs one seed; the first complaint, if any.
Complaint run(std::uint64_t seed, std::uint64_t entries) {
  Random random(seed);
  Oracle oracle;
  Generator generator(random.next(), oracle);
  const bool fills_pages = seed % 4 == 0;
  if (fills_pages) generator.fill_pages(5);
  CrashingLedger real(random.fork());
  InvariantChecker checker;
  // One auditor sees everything, the other begins anew over each restored ledger.
  Auditor auditor;
  Auditor restarted;
  for (std::uint64_t i = 1; i <= entries; ++i) {
    const Entry entry = generator.next(Lsn(i));
    const Effects expected = oracle.apply(entry);
    const Effects effects = real.apply(entry);
    generator.learn(effects);
    const auto found = [&](const Complaint& c) { return "entry " + std::to_string(i) + ": " + *c; };
    if (const auto c = compare_effects(effects, expected)) return found(c);
    if (const auto c = checker.check(entry, effects)) return found(c);
    for (Auditor* one : {&auditor, &restarted}) {
      if (one->check(entry.index, effects.transitions) != 0) return found(one->last().what);
    }
    if (i % 10 == 0) {
      if (const auto c = compare_state(real.ledger(), oracle)) return found(c);
    }
    if (i % 50 == 0) {
      const std::string disagreement = auditor.disagreement(real.ledger());
      if (!disagreement.empty()) return found(disagreement);
    }
    if (random.one_in(fills_pages ? 12 : 60)) {
      if (const auto c = real.crash()) return found(c);
      if (const auto c = compare_state(real.ledger(), oracle)) return "after a crash, " + found(c);
      restarted.begin_at(real.ledger());
    }
  }
  return {};
}

TEST_CASE("the ledger does what the oracle does, through crashes") {
  const std::uint64_t first = testing::number_from_environment("BATON_SEED", 1);
  const std::uint64_t runs = testing::number_from_environment("BATON_SEED", 0) != 0
                                 ? 1
                                 : testing::number_from_environment("BATON_MODEL_RUNS", 16);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    const Complaint complaint = run(seed, 400);
    INFO("BATON_SEED=" << seed);
    CHECK(complaint.value_or("") == "");
    if (complaint) break;
  }
}

// Runs an oracle with a mistake planted until the invariants alone complain.
bool breaks_invariants(Mistake mistake) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    Oracle wrong(mistake);
    Generator generator(random.next(), wrong);
    InvariantChecker checker;
    for (std::uint64_t i = 1; i <= 400; ++i) {
      const Entry entry = generator.next(Lsn(i));
      const Effects effects = wrong.apply(entry);
      generator.learn(effects);
      if (checker.check(entry, effects)) return true;
    }
  }
  return false;
}

// All oracles with a mistake planted beside a right one; who differs once is found.
TEST_CASE("the comparison tells a ledger with any mistake planted from a right one") {
  std::set<int> hidden;
  for (int n = 1; n <= static_cast<int>(kLastMistake); ++n) hidden.insert(n);
  for (std::uint64_t seed = 1; seed <= 200 && !hidden.empty(); ++seed) {
    Random random(seed);
    Oracle right;
    Generator generator(random.next(), right);
    std::map<int, Oracle> wrong;
    for (const int n : hidden) wrong.emplace(n, Oracle(static_cast<Mistake>(n)));
    for (std::uint64_t i = 1; i <= 300 && !hidden.empty(); ++i) {
      const Entry entry = generator.next(Lsn(i));
      const Effects expected = right.apply(entry);
      generator.learn(expected);
      std::erase_if(hidden,
                    [&](int n) { return compare_effects(wrong.at(n).apply(entry), expected); });
    }
  }
  for (const int n : hidden) FAIL_CHECK("mistake " << n << " is not found");
}

TEST_CASE("the auditor tells a ledger without fencing from a right one") {
  const auto is_found = [](Mistake mistake) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Oracle oracle(mistake);
      Generator generator(Random(seed).next(), oracle);
      Auditor auditor;
      for (std::uint64_t i = 1; i <= 400; ++i) {
        const Effects effects = oracle.apply(generator.next(Lsn(i)));
        generator.learn(effects);
        if (auditor.check(Lsn(i), effects.transitions) != 0) return true;
      }
    }
    return false;
  };
  CHECK(is_found(Mistake::kNoFencing));
  CHECK_FALSE(is_found(Mistake::kNone));
}

TEST_CASE("the invariants alone tell a ledger that breaks them") {
  for (const Mistake mistake :
       {Mistake::kNoFencing, Mistake::kAnySession, Mistake::kCreditAdds, Mistake::kOldCredit,
        Mistake::kRepeatAnticipates, Mistake::kRunsTwice}) {
    INFO("mistake " << static_cast<int>(mistake));
    CHECK(breaks_invariants(mistake));
  }
  CHECK_FALSE(breaks_invariants(Mistake::kNone));
}

}  // namespace
}  // namespace baton::center::model
