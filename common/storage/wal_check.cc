#include "common/storage/wal_check.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/storage/durable_env.h"
#include "common/storage/wal_reader.h"

namespace baton {
namespace {

Status lost(const std::string& what) { return Status(ErrorCode::kDataLoss, what); }

// What the check needs of a MANIFEST: LevelDB's VersionEdit records, field by field.
class ManifestFacts {
 public:
  // Every log file below this number is obsolete.
  [[nodiscard]] std::uint64_t log_number() const { return log_number_; }
  // The tables by number, with their sizes.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& tables() const { return tables_; }

  bool add_edit(std::string_view edit) {
    ByteReader in(edit);
    while (in.ok() && in.remaining() > 0) read_field(in);
    // A file that changes its level is deleted from one and added to the other.
    for (const std::uint64_t number : deleted_) tables_.erase(number);
    tables_.merge(added_);
    deleted_.clear();
    added_.clear();
    return in.ok();
  }

 private:
  void read_field(ByteReader& in) {
    switch (in.varint()) {
      case 2:
        log_number_ = in.varint();
        break;
      case 1:  // comparator
        in.sized();
        break;
      case 3:  // next file number
      case 4:  // last sequence
      case 9:  // previous log number, unused since LevelDB 1.0
        in.varint();
        break;
      case 5:  // compact pointer: level, key
        in.varint();
        in.sized();
        break;
      case 6:  // deleted file: level, number
        in.varint();
        deleted_.push_back(in.varint());
        break;
      case 7: {  // new file: level, number, size, smallest, largest
        in.varint();
        const std::uint64_t number = in.varint();
        added_[number] = in.varint();
        in.sized();
        in.sized();
        break;
      }
      default:
        in.fail();
    }
  }

  std::uint64_t log_number_ = 0;
  std::map<std::uint64_t, std::uint64_t> tables_;
  // Of the edit that is being read.
  std::vector<std::uint64_t> deleted_;
  std::map<std::uint64_t, std::uint64_t> added_;
};

// LevelDB numbers every change; a write batch starts with the number of its first and their count.
class SequenceChain {
 public:
  Status follow(std::string_view batch, const std::string& where) {
    ByteReader in(batch);
    const std::uint64_t first = in.u64();
    const std::uint64_t count = in.u32();
    if (!in.ok()) return lost(where + " has a record that is no write batch");
    if (next_ && first != *next_) {
      return lost(where + " starts at change " + std::to_string(first) + " where " +
                  std::to_string(*next_) + " should follow: records in between are missing");
    }
    next_ = first + count;
    return {};
  }

  [[nodiscard]] bool plausible(std::string_view record_start) const {
    ByteReader in(record_start);
    const std::uint64_t first = in.u64();
    in.u32();
    // A later record of this log is at most one log file of changes ahead.
    constexpr std::uint64_t kAheadMax = std::uint64_t{1} << 26;
    return in.ok() && (!next_ || (first >= *next_ && first - *next_ < kAheadMax));
  }

 private:
  std::optional<std::uint64_t> next_;
};

std::optional<std::uint64_t> log_file_number(std::string_view name) {
  constexpr std::string_view kSuffix = ".log";
  if (!name.ends_with(kSuffix)) return {};
  name.remove_suffix(kSuffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return {};
  return number;
}

class Checker {
 public:
  Checker(leveldb::Env& env, const std::string& directory) : env_(env), directory_(directory) {}

  Result<WalCheck> run() {
    std::vector<std::string> names;
    // A directory that is not there yet has no children, which is what some Envs call an error.
    if (const leveldb::Status listed = env_.GetChildren(directory_, &names); !listed.ok()) {
      if (env_.FileExists(directory_)) return from_leveldb(listed);
      names.clear();
    }
    if (std::find(names.begin(), names.end(), "CURRENT") == names.end()) {
      if (has_data(names)) {
        return lost("the store " + directory_ + " has lost its file CURRENT");
      }
      return WalCheck{};
    }
    result_.exists = true;
    BATON_RETURN_IF_ERROR(check_manifest());
    BATON_RETURN_IF_ERROR(check_tables());
    BATON_RETURN_IF_ERROR(check_logs(names));
    return std::move(result_);
  }

 private:
  // Before CURRENT there is at most the MANIFEST of a creation that did not finish.
  static bool has_data(const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(), [](const std::string& name) {
      return name.ends_with(".ldb") || name.ends_with(".log");
    });
  }

  Status check_manifest() {
    BATON_ASSIGN_OR_RETURN(std::string name, read_file(env_, directory_ + "/CURRENT"));
    if (name.empty() || name.back() != '\n') {
      return lost(directory_ + "/CURRENT is damaged");
    }
    name.pop_back();
    const std::string path = directory_ + "/" + name;
    if (!name.starts_with("MANIFEST-") || !env_.FileExists(path)) {
      return lost(directory_ + "/CURRENT names '" + name + "', which is not there");
    }
    return check_file(
        path,
        [&](std::string_view edit, std::uint64_t position) {
          if (manifest_.add_edit(edit)) return Status();
          return lost(path + " has an unreadable edit (at byte " + std::to_string(position) + ")");
        },
        [](std::string_view) { return true; });
  }

  Status check_tables() {
    for (const auto& [number, bytes] : manifest_.tables()) {
      char name[32];
      std::snprintf(name, sizeof(name), "/%06llu.ldb", static_cast<unsigned long long>(number));
      const std::string path = directory_ + name;
      if (!env_.FileExists(path)) return lost(path + " is missing");
      result_.tables.push_back({path, bytes});
    }
    return {};
  }

  Status check_logs(const std::vector<std::string>& names) {
    std::map<std::uint64_t, std::string> live;
    for (const std::string& name : names) {
      const std::optional<std::uint64_t> number = log_file_number(name);
      if (number && *number >= manifest_.log_number()) {
        live[*number] = directory_ + "/" + name;
      }
    }
    if (manifest_.log_number() != 0 && !live.contains(manifest_.log_number())) {
      return lost("the store " + directory_ + " has lost its log file number " +
                  std::to_string(manifest_.log_number()));
    }
    SequenceChain chain;
    std::string torn_before;
    for (const auto& [number, path] : live) {
      result_.logs.push_back(path);
      const auto follow = [&, &file = path](std::string_view batch, std::uint64_t position) {
        const std::string where = file + " (at byte " + std::to_string(position) + ")";
        // Every write was synced before the next log file was begun.
        if (!torn_before.empty()) {
          return lost(torn_before + " ends in a damaged record, but " + where + " goes on");
        }
        return chain.follow(batch, where);
      };
      const std::size_t torn_files = result_.torn.size();
      BATON_RETURN_IF_ERROR(
          check_file(path, follow, [&](std::string_view start) { return chain.plausible(start); }));
      if (result_.torn.size() > torn_files) torn_before = path;
    }
    return {};
  }

  Status check_file(const std::string& path, const WalReader::Visit& visit,
                    const WalReader::Plausible& plausible) {
    BATON_ASSIGN_OR_RETURN(const std::string bytes, read_file(env_, path));
    WalReader reader(bytes, path);
    BATON_ASSIGN_OR_RETURN(const std::uint64_t keep, reader.read_all(visit, plausible));
    if (keep < bytes.size()) result_.torn.push_back({path, keep});
    return {};
  }

  leveldb::Env& env_;
  const std::string& directory_;
  ManifestFacts manifest_;
  WalCheck result_;
};

}  // namespace

Result<WalCheck> check_wal(leveldb::Env& env, const std::string& directory) {
  return Checker(env, directory).run();
}

Result<std::string> read_file(leveldb::Env& env, const std::string& name) {
  std::string bytes;
  BATON_RETURN_IF_ERROR(from_leveldb(leveldb::ReadFileToString(&env, name, &bytes)));
  return bytes;
}

}  // namespace baton
