// A center's directory with a known ledger: a snapshot, several archive segments, table files, a log.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/ids.h"
#include "tests/damage/sweep.h"

namespace baton::damage {

class CenterSubject final : public Subject {
 public:
  CenterSubject();

  [[nodiscard]] const DamagedDisk& disk() const override { return disk_; }
  Verdict judge(const sim::SimDisk& damaged) override;
  bool examine(const sim::SimDisk& damaged) override;

 private:
  class Life;
  class Story;

  DamagedDisk disk_;
  Lsn acknowledged_;   // last entry whose outcome anybody was told
  std::string right_;  // the ledger in words, as an undamaged start finds it
};

}  // namespace baton::damage
