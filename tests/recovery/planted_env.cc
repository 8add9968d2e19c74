#include "tests/recovery/planted_env.h"

#include <utility>

namespace baton::recovery {

class PlantedEnv::File final : public leveldb::WritableFile {
 public:
  File(leveldb::WritableFile* base, Plant plant) : base_(base), plant_(plant) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (std::exchange(sync_owed_, false)) {
      if (leveldb::Status synced = base_->Sync(); !synced.ok()) return synced;
    }
    return judged(base_->Append(data));
  }
  leveldb::Status Sync() override {
    if (plant_ == Plant::kNoSync) return leveldb::Status::OK();
    if (plant_ == Plant::kLateSync) {
      sync_owed_ = true;
      return leveldb::Status::OK();
    }
    return judged(base_->Sync());
  }
  leveldb::Status Close() override { return base_->Close(); }
  leveldb::Status Flush() override { return base_->Flush(); }

 private:
  [[nodiscard]] leveldb::Status judged(leveldb::Status status) const {
    return plant_ == Plant::kErrorsIgnored ? leveldb::Status::OK() : status;
  }

  const std::unique_ptr<leveldb::WritableFile> base_;
  const Plant plant_;
  bool sync_owed_ = false;
};

leveldb::Status PlantedEnv::wrap(const leveldb::Status& opened,
                                 leveldb::WritableFile** result) const {
  if (opened.ok()) *result = new File(*result, plant_);  // LevelDB's interface: the caller owns it
  return opened;
}

leveldb::Status PlantedEnv::NewWritableFile(const std::string& name,
                                            leveldb::WritableFile** result) {
  return wrap(target()->NewWritableFile(name, result), result);
}

leveldb::Status PlantedEnv::NewAppendableFile(const std::string& name,
                                              leveldb::WritableFile** result) {
  return wrap(target()->NewAppendableFile(name, result), result);
}

leveldb::Status PlantedEnv::sync_directory(const std::string& directory) {
  if (plant_ == Plant::kNoDirectorySync) return leveldb::Status::OK();
  return disk_.sync_directory(directory);
}

}  // namespace baton::recovery
