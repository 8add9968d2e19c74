#include "tests/support/sim_disk.h"

#include <algorithm>

namespace baton::sim {

std::string parent_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

SimFilePtr SimDisk::find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

bool SimDisk::is_directory(const std::string& path) const {
  return path == "/" || path == "." || directories_.contains(path);
}

std::vector<std::string> SimDisk::children(const std::string& directory) const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (parent_directory(path) == directory) names.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, file] : names_) add(path);
  for (const std::string& path : directories_) add(path);
  return names;
}

std::uint64_t SimDisk::used_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, file] : names_) bytes += file->data.size();
  return bytes;
}

SimFilePtr SimDisk::create(const std::string& path) {
  auto file = std::make_shared<SimFile>();
  change({NameChange::Kind::kSet, path, file});
  return file;
}

void SimDisk::make_directory(const std::string& path) {
  change({NameChange::Kind::kMakeDirectory, path, nullptr});
}

void SimDisk::remove(const std::string& path) {
  change({NameChange::Kind::kRemove, path, nullptr});
}

void SimDisk::remove_directory(const std::string& path) {
  change({NameChange::Kind::kRemoveDirectory, path, nullptr});
}

void SimDisk::rename(const std::string& from, const std::string& to) {
  const SimFilePtr file = find(from);
  change({NameChange::Kind::kSet, to, file});
  change({NameChange::Kind::kRemove, from, nullptr});
}

void SimDisk::sync_file(const std::string& path, SimFile& file) {
  file.synced = file.data.size();
  if (!strict_) sync_directory(parent_directory(path));
}

void SimDisk::lose_pages(SimFile& file) {
  if (file.synced < file.data.size()) file.lost_pages.emplace_back(file.synced, file.data.size());
}

void SimDisk::sync_directory(const std::string& directory) {
  const auto in_directory = [&](const NameChange& change) {
    return parent_directory(change.path) == directory;
  };
  for (const NameChange& change : unsynced_) {
    if (in_directory(change)) apply(change, durable_names_, durable_directories_);
  }
  std::erase_if(unsynced_, in_directory);
}

void SimDisk::cut_power(Random& random) {
  const std::size_t survived = random.one_in(2) ? 0 : random.below(unsynced_.size() + 1);
  for (std::size_t i = 0; i < survived; ++i) {
    apply(unsynced_[i], durable_names_, durable_directories_);
  }
  unsynced_.clear();
  // What is in a directory that never got durable is out of reach. In order of paths, so that the
  // upper one is judged first.
  for (auto path = durable_directories_.begin(); path != durable_directories_.end();) {
    directories_ = durable_directories_;
    path =
        is_directory(parent_directory(*path)) ? std::next(path) : durable_directories_.erase(path);
  }
  directories_ = durable_directories_;
  std::erase_if(durable_names_,
                [&](const auto& name) { return !is_directory(parent_directory(name.first)); });
  names_ = durable_names_;
  for (const auto& [path, file] : names_) tear(*file, random);
}

// Of what was not synced any part may have reached the disk: the file ends anywhere in it, and
// sectors in it may be still empty.
void SimDisk::tear(SimFile& file, Random& random) {
  constexpr std::size_t kSector = 512;
  const std::size_t unsynced = file.data.size() - file.synced;
  std::size_t keep = unsynced;
  if (unsynced > 0 && !random.one_in(4)) keep = random.one_in(3) ? 0 : random.below(unsynced + 1);
  file.data.resize(file.synced + keep);
  if (random.one_in(2)) {
    for (std::size_t at = file.synced; at < file.data.size();) {
      const std::size_t end = std::min((at / kSector + 1) * kSector, file.data.size());
      if (random.one_in(4))
        std::fill(file.data.begin() + static_cast<std::ptrdiff_t>(at),
                  file.data.begin() + static_cast<std::ptrdiff_t>(end), '\0');
      at = end;
    }
  }
  for (const auto& [from, to] : file.lost_pages) {
    const std::size_t end = std::min(to, file.data.size());
    for (std::size_t at = from; at < end; ++at) file.data[at] = '\0';
  }
  file.lost_pages.clear();
  file.synced = file.data.size();
}

SimDisk SimDisk::copy() const {
  SimDisk copy(strict_);
  for (const auto& [path, file] : names_) {
    auto twin = std::make_shared<SimFile>(*file);
    twin->synced = twin->data.size();
    twin->lost_pages.clear();
    copy.names_[path] = std::move(twin);
  }
  copy.directories_ = directories_;
  copy.durable_names_ = copy.names_;
  copy.durable_directories_ = directories_;
  return copy;
}

SimDisk SimDisk::twin() const {
  SimDisk twin(strict_);
  // One file may have several names, and a removed one may still have its durable name.
  std::map<const SimFile*, SimFilePtr> twins;
  const auto twin_of = [&twins](const SimFilePtr& file) {
    if (file == nullptr) return file;
    SimFilePtr& copy = twins[file.get()];
    if (copy == nullptr) copy = std::make_shared<SimFile>(*file);
    return copy;
  };
  for (const auto& [path, file] : names_) twin.names_[path] = twin_of(file);
  for (const auto& [path, file] : durable_names_) twin.durable_names_[path] = twin_of(file);
  for (const NameChange& change : unsynced_) {
    twin.unsynced_.push_back({change.kind, change.path, twin_of(change.file)});
  }
  twin.directories_ = directories_;
  twin.durable_directories_ = durable_directories_;
  return twin;
}

void SimDisk::change(NameChange change) {
  apply(change, names_, directories_);
  unsynced_.push_back(std::move(change));
}

void SimDisk::apply(const NameChange& change, std::map<std::string, SimFilePtr>& names,
                    std::set<std::string>& directories) {
  switch (change.kind) {
    case NameChange::Kind::kSet:
      names[change.path] = change.file;
      break;
    case NameChange::Kind::kRemove:
      names.erase(change.path);
      break;
    case NameChange::Kind::kMakeDirectory:
      directories.insert(change.path);
      break;
    case NameChange::Kind::kRemoveDirectory:
      directories.erase(change.path);
      break;
  }
}

}  // namespace baton::sim
