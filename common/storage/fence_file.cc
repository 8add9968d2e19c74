#include "common/storage/fence_file.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/crc32c.h"

namespace baton {
namespace {

constexpr std::string_view kName = "baton-fence ";
constexpr std::string_view kVersion = "1 ";
constexpr std::size_t kRecordBytesMax = 128;
constexpr mode_t kModeOfNew = 0666;  // less the umask

// A file or folder that is open. -1: none.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// What a failed call means to the caller.
Status failed(const std::string& what, int error) {
  const std::string text = what + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM || error == EROFS) return {ErrorCode::kDenied, text};
  if (error == ENOENT || error == ENOTDIR) return {ErrorCode::kNotFound, text};
  return {ErrorCode::kUnavailable, text};
}

// ---- waiting ----------------------------------------------------------------------------------

// A signal's handler can reach nothing else.
volatile std::sig_atomic_t alarm_rang = 0;

void ring(int) { alarm_rang = 1; }

// Interrupts a blocking call of this thread after a while, and again and again, since the first time
// may come just before the call.
class Alarm {
 public:
  explicit Alarm(Millis after) {
    alarm_rang = 0;
    struct sigaction action{};
    action.sa_handler = ring;  // without SA_RESTART
    ::sigaction(SIGALRM, &action, &before_);
    itimerval timer{};
    timer.it_value.tv_sec = static_cast<time_t>(after.count() / 1000);
    timer.it_value.tv_usec = static_cast<suseconds_t>(after.count() % 1000 * 1000);
    timer.it_interval.tv_usec = 10'000;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  // A timer would outlive an exec, and end the program that knows nothing of it.
  ~Alarm() {
    const itimerval off{};
    ::setitimer(ITIMER_REAL, &off, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  struct sigaction before_{};
};

// Takes the lock; `wait` is 0: only if it is free.
Status lock(int descriptor, const std::string& path, std::optional<Millis> wait) {
  const bool at_once = wait && wait->count() == 0;
  while (::flock(descriptor, LOCK_EX | (at_once ? LOCK_NB : 0)) != 0) {
    const bool late = errno == EWOULDBLOCK || (errno == EINTR && wait && alarm_rang != 0);
    if (late) return {ErrorCode::kDeadlineExceeded, "another process holds " + path};
    if (errno != EINTR) return failed("cannot lock " + path, errno);
  }
  return {};
}

// ---- the file ---------------------------------------------------------------------------------

struct Place {
  std::string path;  // without symbolic links, so that everybody locks and replaces the same name
  std::string folder;
};

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : "";
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<Place> place_of(const std::string& path) {
  struct stat info{};
  const std::string real = real_path(path);
  if (!real.empty()) return Place{real, folder_of(real)};
  if (errno != ENOENT) return failed("cannot open " + path, errno);
  if (::lstat(path.c_str(), &info) == 0) {
    return Status(ErrorCode::kInvalidArgument, path + " is a link to a file that is not there");
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty()) {
    return Status(ErrorCode::kInvalidArgument, "'" + path + "' does not name a file");
  }
  const std::string folder = real_path(folder_of(path));
  if (folder.empty()) return failed("cannot make " + path + " in " + folder_of(path), errno);
  return Place{folder + "/" + name, folder};
}

Result<Descriptor> open_folder(const Place& place) {
  Descriptor folder(::open(place.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return failed("cannot open " + place.folder, errno);
  return folder;
}

// Nobody calls a fence of his own like this: it would be removed.
std::string scratch_of(const Place& place) {
  return place.folder + "/." + place.path.substr(place.path.rfind('/') + 1) + ".baton-fence-new";
}

// Whether the name still leads to what is open.
bool is_still(int descriptor, const std::string& path) {
  struct stat open_one{};
  struct stat named{};
  return ::fstat(descriptor, &open_one) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

Status check_kind(int descriptor, const std::string& path) {
  struct stat info{};
  if (::fstat(descriptor, &info) != 0) return failed("cannot look at " + path, errno);
  if (!S_ISREG(info.st_mode)) return {ErrorCode::kInvalidArgument, path + " is no regular file"};
  if (info.st_nlink > 1) {
    return {ErrorCode::kInvalidArgument,
            path + " has several names: they would lead to different tokens"};
  }
  return {};
}

Result<Token> read_token(int descriptor, const std::string& path) {
  std::array<char, kRecordBytesMax + 1> buffer{};
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t bytes =
        ::pread(descriptor, buffer.data() + size, buffer.size() - size, static_cast<off_t>(size));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return failed("cannot read " + path, errno);
    if (bytes == 0) break;
    size += static_cast<std::size_t>(bytes);
  }
  Result<Token> token = parse_fence_record({buffer.data(), size});
  if (token.ok()) return token;
  return Status(token.status().code(), path + " " + token.status().message());
}

Status write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("cannot write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// What is open as `descriptor` becomes the record, durable as a file but without its final name.
Status fill(int descriptor, Token token) {
  // Before it has its name: whoever opens it then has to wait for us.
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return failed("cannot lock", errno);
  BATON_RETURN_IF_ERROR(write_all(descriptor, fence_record(token)));
  return ::fsync(descriptor) == 0 ? Status() : failed("cannot sync", errno);
}

// Puts a record with `token` in the place of whatever is there, and holds it. `like`: the file whose
// permissions it gets, or -1. Whoever calls has locked what is there, or the folder when nothing is.
Result<Descriptor> replace(const Place& place, const Descriptor& folder, Token token, int like) {
  const std::string scratch = scratch_of(place);
  ::unlink(scratch.c_str());  // a crash left it, and nobody was told of what it says
  Descriptor file(::open(scratch.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kModeOfNew));
  if (!file.is_open()) return failed("cannot make " + scratch, errno);
  struct stat info{};
  if (like >= 0 && ::fstat(like, &info) == 0) {
    // Without the right to give it to that group it stays ours, with the same mode.
    if (::fchown(file.number(), info.st_uid, info.st_gid) != 0) errno = 0;
    ::fchmod(file.number(), info.st_mode & 07777U);
  }
  Status status = fill(file.number(), token);
  if (status.ok() && ::rename(scratch.c_str(), place.path.c_str()) != 0) {
    status = failed("cannot rename", errno);
  }
  if (!status.ok()) {
    ::unlink(scratch.c_str());
    return Status(status.code(), scratch + ": " + status.message());
  }
  if (::fsync(folder.number()) != 0) return failed("cannot sync " + place.folder, errno);
  return file;
}

// The first token of a file that is not there. Nobody (a closed Descriptor): it is there by now.
Result<Descriptor> create(const Place& place, Token token, std::optional<Millis> wait) {
  BATON_ASSIGN_OR_RETURN(Descriptor folder, open_folder(place));
  BATON_RETURN_IF_ERROR(lock(folder.number(), place.folder, wait));
  struct stat info{};
  if (::lstat(place.path.c_str(), &info) == 0) return Descriptor(-1);
  return replace(place, folder, token, -1);
}

Status refusal(const std::string& path, Token token, Token highest) {
  return {ErrorCode::kClaimSuperseded, "token " + std::to_string(token.value()) +
                                           " is smaller than " + std::to_string(highest.value()) +
                                           ", the largest that " + path + " has seen"};
}

// Compares with what is locked as `held`, and records.
Result<Descriptor> advance(const Place& place, Descriptor held, Token token) {
  BATON_RETURN_IF_ERROR(check_kind(held.number(), place.path));
  BATON_ASSIGN_OR_RETURN(const Token highest, read_token(held.number(), place.path));
  if (token < highest) return refusal(place.path, token, highest);
  BATON_ASSIGN_OR_RETURN(Descriptor folder, open_folder(place));
  if (token > highest) return replace(place, folder, token, held.number());
  // Whoever recorded it may have died between the rename and the sync.
  if (::fsync(folder.number()) != 0) return failed("cannot sync " + place.folder, errno);
  return held;
}

Result<Descriptor> pass_within(const Place& place, Token token, std::optional<Millis> wait) {
  for (;;) {
    // Not blocking: the name may be that of a pipe, which nobody writes to.
    Descriptor file(::open(place.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file.is_open() && errno != ENOENT) return failed("cannot open " + place.path, errno);
    if (!file.is_open()) {
      BATON_ASSIGN_OR_RETURN(Descriptor created, create(place, token, wait));
      if (created.is_open()) return created;
      continue;
    }
    BATON_RETURN_IF_ERROR(lock(file.number(), place.path, wait));
    // While we waited, somebody who held it has replaced it.
    if (is_still(file.number(), place.path)) return advance(place, std::move(file), token);
  }
}

Status damaged(const std::string& what) { return {ErrorCode::kDataLoss, "is damaged: " + what}; }

std::string hex(std::uint32_t number) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", number);
  return text.data();
}

}  // namespace

Result<FenceFile> FenceFile::pass(const std::string& path, Token token,
                                  std::optional<Millis> wait) {
  BATON_ASSIGN_OR_RETURN(const Place place, place_of(path));
  std::optional<Alarm> alarm;
  if (wait && wait->count() > 0) alarm.emplace(*wait);
  BATON_ASSIGN_OR_RETURN(Descriptor held, pass_within(place, token, wait));
  return FenceFile(held.release());
}

FenceFile::FenceFile(FenceFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FenceFile::~FenceFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status FenceFile::keep_over_exec() const {
  if (::fcntl(descriptor_, F_SETFD, 0) == 0) return {};
  return failed("cannot pass the lock on", errno);
}

Result<Token> parse_token(std::string_view text) {
  const auto refuse = [](const std::string& why) {
    return Status(ErrorCode::kInvalidArgument, why);
  };
  if (text.empty()) return refuse("the token is empty");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  if (error == std::errc::result_out_of_range && whole) {
    return refuse("token " + std::string(text) + " is larger than 64 bits hold");
  }
  if (error != std::errc() || !whole) {
    return refuse("'" + std::string(text) + "' is no token: decimal digits are");
  }
  if (value == 0) return refuse("0 is no token: they begin with 1");
  return Token(value);
}

std::string fence_record(Token token) {
  std::string text(kName);
  text += kVersion;
  text += std::to_string(token.value());
  return text + " " + hex(crc32c(text)) + "\n";
}

Result<Token> parse_fence_record(std::string_view text) {
  if (text.empty()) return damaged("it is empty");
  if (!text.starts_with(kName)) return damaged("it is no fence of Baton");
  if (!text.substr(kName.size()).starts_with(kVersion)) {
    const std::string_view version =
        text.substr(kName.size(), text.find(' ', kName.size()) - kName.size());
    const bool number =
        !version.empty() && version.find_first_not_of("0123456789") == std::string_view::npos;
    if (!number) return damaged("its version is no number");
    return Status(ErrorCode::kUnsupportedVersion, "was written by a newer Baton");
  }
  const std::string_view rest = text.substr(kName.size() + kVersion.size());
  auto token = parse_token(rest.substr(0, rest.find(' ')));
  if (!token.ok()) return damaged("its token is none");
  if (fence_record(token.value()) != text) return damaged("its checksum does not match");
  return token;
}

}  // namespace baton
