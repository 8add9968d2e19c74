#include "tests/damage/fsck.h"

#include <stdexcept>

#include "tests/support/sim_env.h"

namespace baton::damage {

bool fsck_finds(const sim::SimDisk& damaged, const ExamineContents& contents) {
  sim::SimEnv env;
  env.disk() = damaged.copy();
  const std::uint64_t operations = env.operations();
  bool found = false;
  const OnFinding tell = [&](const Finding& finding) {
    found = found || finding.kind != Finding::Kind::kNote;
    if (finding.what.empty() || finding.advice.empty()) throw std::runtime_error("says nothing");
  };
  const OnProgress progress = [](std::uint64_t) {};
  const auto dir = ExaminedDir::open(env, "/data", tell);
  if (!dir.ok()) return true;  // an error in one sentence
  dir.value()->examine_store(tell, progress);
  contents(*dir.value(), tell, progress);
  if (env.operations() != operations) throw std::runtime_error("fsck writes");
  return found;
}

}  // namespace baton::damage
