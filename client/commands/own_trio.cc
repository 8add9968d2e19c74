#include "client/commands/own_trio.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace baton::commands {
namespace {

constexpr Duration kStartTimeout = std::chrono::seconds(30);
constexpr Duration kLookInterval = std::chrono::milliseconds(20);
constexpr int kStopPolls = 120;  // of 100 ms: a little more than the 10 s that a daemon may take
constexpr std::string_view kAddressKey = " address=";

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The address of "... listening ... address=HOST:PORT ..."; empty while there is no such line.
std::string listening_address(const std::string& log) {
  const std::size_t event = log.find(" listening");
  if (event == std::string::npos) return "";
  const std::size_t end = log.find('\n', event);
  const std::size_t key = log.find(kAddressKey, event);
  if (end == std::string::npos || key == std::string::npos || key > end) return "";
  const std::size_t begin = key + kAddressKey.size();
  return log.substr(begin, log.find_first_of(" \n", begin) - begin);
}

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

void wait_a_little() { ::poll(nullptr, 0, 100); }

}  // namespace

OwnTrio::~OwnTrio() {
  *alive_ = false;
  for (const Process& process : processes_) ::kill(process.pid, SIGTERM);
  for (const Process& process : processes_) {
    for (int polls = 0; polls < kStopPolls && !has_ended(process.pid); ++polls) wait_a_little();
    if (!has_ended(process.pid)) ::kill(process.pid, SIGKILL);
    ::waitpid(process.pid, nullptr, 0);
  }
}

Status OwnTrio::spawn(const std::string& name, const std::string& program,
                      std::vector<std::string> arguments) {
  std::error_code error;
  const std::string path =
      (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / program).string();
  Process process{.name = name, .pid = -1, .log = folder_->path() + "/" + name + ".log"};
  arguments.insert(arguments.begin(),
                   {path, "--listen", "127.0.0.1:0", "--data", folder_->path() + "/" + name});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, process.log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C is for us, and we end it in order.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int failed =
      ::posix_spawn(&process.pid, path.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    return {ErrorCode::kUnavailable, "cannot start " + path + ": " + std::strerror(failed)};
  processes_.push_back(std::move(process));
  return {};
}

void OwnTrio::start(std::size_t managers, Done done) {
  auto made = TemporaryFolder::make("baton-bench-");
  if (!made.ok()) return done(made.status());
  folder_ = std::move(made).value();
  if (Status status = spawn("center", "baton-center", {"--log-level", "info"}); !status.ok())
    return done(status);
  await_listening(processes_.front(), loop_.now() + kStartTimeout,
                  [this, managers, done = std::move(done)](Result<std::string> center) mutable {
                    if (!center.ok()) return done(center.status());
                    start_managers(managers, center.value(), std::move(done));
                  });
}

void OwnTrio::start_managers(std::size_t managers, const std::string& center, Done done) {
  for (std::size_t number = 1; number <= managers; ++number) {
    const std::string name = "manager-" + std::to_string(number);
    Status status =
        spawn(name, "baton-manager", {"--center", center, "--name", name, "--log-level", "info"});
    if (!status.ok()) return done(status);
  }
  collect(1, {}, std::move(done));
}

void OwnTrio::collect(std::size_t next, std::vector<std::string> addresses, Done done) {
  if (next == processes_.size()) return done(std::move(addresses));
  await_listening(processes_[next], loop_.now() + kStartTimeout,
                  [this, next, addresses = std::move(addresses),
                   done = std::move(done)](Result<std::string> address) mutable {
                    if (!address.ok()) return done(address.status());
                    addresses.push_back(std::move(address).value());
                    collect(next + 1, std::move(addresses), std::move(done));
                  });
}

void OwnTrio::await_listening(const Process& process, MonoTime deadline,
                              std::function<void(Result<std::string>)> done) {
  const std::string said = text_of(process.log);
  const std::string address = listening_address(said);
  if (!address.empty()) return done(address);
  if (has_ended(process.pid) || loop_.now() > deadline) {
    return done(Status(ErrorCode::kUnavailable, process.name + " did not start: " + said));
  }
  loop_.call_after(kLookInterval,
                   [this, alive = alive_, process, deadline, done = std::move(done)]() mutable {
                     if (*alive) await_listening(process, deadline, std::move(done));
                   });
}

std::uint64_t OwnTrio::resident_bytes() const {
  std::uint64_t pages = 0;
  for (const Process& process : processes_) {
    std::ifstream statm("/proc/" + std::to_string(process.pid) + "/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    statm >> total >> resident;
    pages += resident;
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t OwnTrio::disk_bytes() const {
  std::uint64_t bytes = 0;
  std::error_code error;
  // Files come and go while we look.
  for (std::filesystem::recursive_directory_iterator file(folder_->path(), error), end;
       !error && file != end; file.increment(error)) {
    std::error_code gone;
    const std::uint64_t size = file->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace baton::commands
