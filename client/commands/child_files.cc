#include "client/commands/child_files.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/utf8.h"

namespace baton::commands {
namespace {

// More than a line of progress can be.
constexpr std::size_t kProgressBytesMax = 4096;

// The bytes of a file, at most one more than `max`.
std::string read_file(const std::string& path, std::size_t max) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(max + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

// Its time is a little before now, so that a change that follows at once does not look the same to a
// clock that ticks slowly.
Status write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return {ErrorCode::kUnavailable, "cannot write " + path};
  std::error_code ignored;
  const auto written = std::filesystem::last_write_time(path, ignored);
  std::filesystem::last_write_time(path, written - std::chrono::seconds(1), ignored);
  return {};
}

// At most 200 bytes that are UTF-8; empty when it is not UTF-8 at all.
std::string short_text(std::string_view text) {
  if (text.size() <= kTaskTextBytesMax) return is_utf8(text) ? std::string(text) : "";
  for (std::size_t size = kTaskTextBytesMax; size > kTaskTextBytesMax - 4; --size) {
    if (is_utf8(text.substr(0, size))) return std::string(text.substr(0, size));
  }
  return "";
}

}  // namespace

client::Progress parse_progress(std::string_view line) {
  line = line.substr(0, line.find_first_of("\r\n"));
  client::Progress progress;
  std::uint32_t percent = 0;
  const char* end = line.data() + line.size();
  auto [stopped, error] = std::from_chars(line.data(), end, percent);
  const bool percent_sign = error == std::errc() && stopped != end && *stopped == '%';
  if (percent_sign) ++stopped;
  if (error == std::errc() && percent <= 100 && (stopped == end || *stopped == ' ')) {
    progress.percent = percent;
    line.remove_prefix(static_cast<std::size_t>(stopped - line.data()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  }
  progress.text = short_text(line);
  return progress;
}

std::string progress_line(std::optional<std::uint32_t> percent, const std::string& text) {
  std::string line = percent ? std::to_string(*percent) : "";
  if (!line.empty() && !text.empty()) line += ' ';
  line += text;
  return line.empty() ? "" : line + "\n";
}

Result<std::unique_ptr<ChildFiles>> ChildFiles::make() {
  BATON_ASSIGN_OR_RETURN(auto folder, TemporaryFolder::make("baton-consume-"));
  return std::unique_ptr<ChildFiles>(new ChildFiles(std::move(folder)));
}

ChildFiles::Stamp ChildFiles::stamp_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_ino, static_cast<std::uint64_t>(found.st_size),
          found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
}

Result<ChildFiles::Paths> ChildFiles::open(const client::Delivery& task) {
  const std::string base = folder_->path() + "/" + std::to_string(task.token.value());
  Entry entry{{base + ".checkpoint", base + ".progress", base + ".nack"}, {}, {}};
  BATON_RETURN_IF_ERROR(fill(entry, task));
  return entries_.insert_or_assign(task.token, std::move(entry)).first->second.paths;
}

Status ChildFiles::fill(Entry& entry, const client::Delivery& task) {
  if (!task.checkpoint.empty()) {
    BATON_RETURN_IF_ERROR(write_file(entry.paths.checkpoint, task.checkpoint));
    entry.checkpoint = stamp_of(entry.paths.checkpoint);
  }
  entry.progress = progress_line(task.percent, task.progress);
  return entry.progress.empty() ? Status() : write_file(entry.paths.progress, entry.progress);
}

std::optional<client::Progress> ChildFiles::look(Token token, std::string& complain) {
  const auto found = entries_.find(token);
  if (found == entries_.end()) return std::nullopt;
  Entry& entry = found->second;
  std::optional<client::Progress> change;
  if (std::string now = read_file(entry.paths.progress, kProgressBytesMax); now != entry.progress) {
    client::Progress told = parse_progress(now);
    entry.progress = std::move(now);
    if (told.percent || !told.text.empty()) change = std::move(told);
  }
  if (const Stamp now = stamp_of(entry.paths.checkpoint); now != entry.checkpoint) {
    entry.checkpoint = now;
    std::string bytes = read_file(entry.paths.checkpoint, kResultBytesMax);
    if (bytes.size() > kResultBytesMax) {
      complain = "the checkpoint is larger than 1 MiB and was not saved";
    } else {
      if (!change) change.emplace();
      change->checkpoint = std::move(bytes);
    }
  }
  return change;
}

NackWish ChildFiles::nack_wish(Token token) const {
  const auto found = entries_.find(token);
  if (found == entries_.end()) return {};
  return parse_nack_wish(read_file(found->second.paths.nack, kNackFileBytesMax));
}

void ChildFiles::close(Token token) {
  const auto found = entries_.find(token);
  if (found == entries_.end()) return;
  ::unlink(found->second.paths.checkpoint.c_str());
  ::unlink(found->second.paths.progress.c_str());
  ::unlink(found->second.paths.nack.c_str());
  entries_.erase(found);
}

}  // namespace baton::commands
