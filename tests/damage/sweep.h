// The sweep: damages every file of a directory in every way, and judges what comes of each.
//
// Environment: BATON_DAMAGE_STRIDE takes every so-manieth damage of a kind (1: all), from an offset
// that BATON_DAMAGE_SEED gives (drawn and printed otherwise); BATON_DAMAGE_FSCK judges the
// examination as well after every so-manieth of those (0: never).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/damage/damage.h"

namespace baton::damage {

struct Verdict {
  enum class Kind : std::uint8_t {
    kDetected,  // an error names what is wrong
    kHarmless,  // everything acknowledged is there and right
    kMissed,
  };
  Kind kind = Kind::kHarmless;
  // kDetected by comparing with the other daemons: what is here is right in itself, only older.
  bool by_ledger = false;
  std::string how;

  static Verdict detected(std::string how) { return {Kind::kDetected, false, std::move(how)}; }
  static Verdict older(std::string how) { return {Kind::kDetected, true, std::move(how)}; }
  static Verdict missed(std::string how) { return {Kind::kMissed, false, std::move(how)}; }
};

// A daemon's directory with what was acknowledged from it.
class Subject {
 public:
  virtual ~Subject() = default;
  [[nodiscard]] virtual const DamagedDisk& disk() const = 0;
  // Starts a daemon's storage on it, reads everything, compares.
  virtual Verdict judge(const sim::SimDisk& damaged) = 0;
  // Whether `baton fsck` tells of damage.
  virtual bool examine(const sim::SimDisk& damaged) = 0;
};

struct Tally {
  std::uint64_t tried = 0;
  std::uint64_t detected = 0;
  std::uint64_t by_ledger = 0;  // of those
  std::uint64_t harmless = 0;
  std::uint64_t missed = 0;
  std::uint64_t examined = 0;
  std::uint64_t overlooked = 0;  // by the examination, although the start found it
};

struct SweepResult {
  // By kind of file and damage.
  std::map<std::pair<std::string, DamageKind>, Tally> tallies;
  std::vector<std::string> missed;  // the first of them, described
  [[nodiscard]] Tally total() const;
  [[nodiscard]] std::string table() const;
};

struct SweepOptions {
  std::uint64_t seed = 0;
  std::uint64_t stride = 1;
  std::uint64_t fsck_every = 1;
  // Of the environment; `stride` where it says nothing.
  static SweepOptions of_environment(std::uint64_t stride);
};

SweepResult sweep(Subject& subject, const SweepOptions& options);

}  // namespace baton::damage
