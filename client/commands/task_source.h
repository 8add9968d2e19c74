// TaskSource: where `baton produce` takes its tasks from: lines, JSON lines, or whole files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/commands/input_reader.h"
#include "client/commands/task_flags.h"
#include "common/base/status.h"

namespace baton::commands {

enum class TaskForm { kLines, kJsonLines, kFiles };

class TaskSource {
 public:
  // `paths`: "-" is standard input. With kFiles each is one task, otherwise they are read one after
  // the other. `defaults`: what a task asks for unless its line says otherwise.
  TaskSource(AsioLoop& loop, TaskForm form, std::vector<std::string> paths,
             const TaskOptions& defaults = {});

  // Calls `done` on the loop, never inside this call, with at least one task, or with none at the
  // end. Not ok: a file cannot be read or a line is no task (the text says which); nothing follows.
  using Done = std::function<void(Result<std::vector<SourceTask>>)>;
  void read(Done done);

 private:
  void open_next(Done done);
  void take(std::string bytes, Done done);
  Status split(std::vector<SourceTask>& tasks);
  [[nodiscard]] Result<SourceTask> task_of(std::string line) const;

  AsioLoop& loop_;
  TaskForm form_;
  std::vector<std::string> paths_;
  const std::shared_ptr<const TaskOptions> defaults_;
  std::size_t next_path_ = 0;
  std::unique_ptr<InputReader> reader_;
  LineSplitter lines_;
  std::string file_;  // kFiles: what was read of it so far
  std::uint64_t line_number_ = 0;
};

}  // namespace baton::commands
