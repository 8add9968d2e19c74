// SimDisk: the files of one simulated machine, and what a power cut leaves of them.
//
// A file has what was written (the page cache, which every reader sees) and how much of it is
// synced. Names are apart from contents: a created, renamed or removed name is durable only after
// its directory was synced. Files are only ever appended to, as LevelDB does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"

namespace baton::sim {

struct SimFile {
  std::string data;
  std::size_t synced = 0;  // bytes at the front that survive a power cut
  // Ranges whose pages were marked clean by a failed sync: read back well, gone after a power cut.
  std::vector<std::pair<std::size_t, std::size_t>> lost_pages;
};
using SimFilePtr = std::shared_ptr<SimFile>;

class SimDisk {
 public:
  // strict: only sync_directory makes names durable (POSIX). Otherwise syncing a file makes its
  // name durable too (ext4).
  explicit SimDisk(bool strict) : strict_(strict) {}

  [[nodiscard]] SimFilePtr find(const std::string& path) const;
  [[nodiscard]] bool is_directory(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> children(const std::string& directory) const;
  [[nodiscard]] const std::map<std::string, SimFilePtr>& files() const { return names_; }
  [[nodiscard]] std::uint64_t used_bytes() const;

  SimFilePtr create(const std::string& path);  // replaces what was there
  void make_directory(const std::string& path);
  void remove(const std::string& path);
  void remove_directory(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  void sync_file(const std::string& path, SimFile& file);
  // A sync that failed: what was not synced yet will never be, although it can be read.
  static void lose_pages(SimFile& file);
  void sync_directory(const std::string& directory);

  // Unsynced bytes survive in part, by sectors; unsynced names by a front part of their changes.
  void cut_power(Random& random);

  // A deep copy, all of it durable: for putting an older state back.
  [[nodiscard]] SimDisk copy() const;
  // A deep copy that is as durable as this one is: the same machine once more.
  [[nodiscard]] SimDisk twin() const;

 private:
  struct NameChange {
    enum class Kind : std::uint8_t { kSet, kRemove, kMakeDirectory, kRemoveDirectory };
    Kind kind;
    std::string path;
    SimFilePtr file;
  };

  void change(NameChange change);
  static void apply(const NameChange& change, std::map<std::string, SimFilePtr>& names,
                    std::set<std::string>& directories);
  static void tear(SimFile& file, Random& random);

  bool strict_;
  std::map<std::string, SimFilePtr> names_;
  std::set<std::string> directories_;
  std::map<std::string, SimFilePtr> durable_names_;
  std::set<std::string> durable_directories_;
  std::vector<NameChange> unsynced_;  // in order
};

std::string parent_directory(const std::string& path);

}  // namespace baton::sim
