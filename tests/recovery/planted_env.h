// PlantedEnv: a disk driver that breaks one promise, to show that the sweeps notice.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <leveldb/env.h>

#include "common/storage/durable_env.h"
#include "tests/support/sim_env.h"

namespace baton::recovery {

enum class Plant : std::uint8_t {
  kNone,
  kNoSync,           // a sync says that it is done, and does nothing
  kLateSync,         // a sync says that it is done, and happens before the file's next write
  kErrorsIgnored,    // a failed write or sync passes for a good one
  kNoDirectorySync,  // names are never made durable
};

class PlantedEnv final : public leveldb::EnvWrapper, public EnvExtras {
 public:
  // `disk` outlives this.
  PlantedEnv(sim::SimEnv& disk, Plant plant) : EnvWrapper(&disk), disk_(disk), plant_(plant) {}

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& name,
                                    leveldb::WritableFile** result) override;
  leveldb::Status sync_directory(const std::string& directory) override;
  std::uint64_t free_bytes(const std::string& directory) override {
    return disk_.free_bytes(directory);
  }

 private:
  class File;
  leveldb::Status wrap(const leveldb::Status& opened, leveldb::WritableFile** result) const;

  sim::SimEnv& disk_;
  const Plant plant_;
};

}  // namespace baton::recovery
