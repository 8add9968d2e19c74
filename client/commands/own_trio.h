// OwnTrio: a center and managers as processes of their own in a temporary folder, for `baton bench
// --self`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "client/commands/temporary_folder.h"
#include "common/base/status.h"
#include "common/net/asio_loop.h"

namespace baton::commands {

class OwnTrio {
 public:
  explicit OwnTrio(AsioLoop& loop) : loop_(loop) {}
  // Ends the processes (SIGTERM, after a while SIGKILL), waits for them, removes the folder.
  ~OwnTrio();
  OwnTrio(const OwnTrio&) = delete;
  OwnTrio& operator=(const OwnTrio&) = delete;

  // `done` gets the managers' addresses once all listen, or why not. The daemons are those beside
  // this program.
  using Done = std::function<void(Result<std::vector<std::string>>)>;
  void start(std::size_t managers, Done done);

  // Resident memory of the processes together, in bytes, and what their folder holds on disk.
  [[nodiscard]] std::uint64_t resident_bytes() const;
  [[nodiscard]] std::uint64_t disk_bytes() const;

 private:
  struct Process {
    std::string name;
    pid_t pid = -1;
    std::string log;
  };

  Status spawn(const std::string& name, const std::string& program,
               std::vector<std::string> arguments);
  void start_managers(std::size_t managers, const std::string& center, Done done);
  // Looks at a log until its daemon listens; `done` gets its address.
  void await_listening(const Process& process, MonoTime deadline,
                       std::function<void(Result<std::string>)> done);
  void collect(std::size_t next, std::vector<std::string> addresses, Done done);

  AsioLoop& loop_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::vector<Process> processes_;  // the center first
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace baton::commands
