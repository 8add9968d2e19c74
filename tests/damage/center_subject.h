// A center's directory with a known ledger: a snapshot, several archive segments, table files, a log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/ids.h"
#include "tests/damage/sweep.h"

namespace baton::damage {

class CenterSubject final : public Subject {
 public:
  CenterSubject();
  ~CenterSubject() override;

  [[nodiscard]] const DamagedDisk& disk() const override { return disk_; }
  Verdict judge(const sim::SimDisk& damaged) override;
  bool examine(const sim::SimDisk& damaged, bool& notes) override;

 private:
  class Life;
  void remember(sim::SimDisk disk) { disk_.earlier.push_back(std::move(disk)); }

  DamagedDisk disk_;
  Lsn acknowledged_;   // last entry whose outcome anybody was told
  std::string right_;  // the ledger in words, as an undamaged start finds it
};

}  // namespace baton::damage
