// What a task may ask for, on the command line: the one table from which come the flags of
// `baton produce` and `baton task retry`, and the keys of --json-lines.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "common/base/task_options.h"

namespace baton::commands {

struct TaskOptionSpec {
  std::string_view name;   // the JSON key; the flag is the same with - in place of _
  std::string_view value;  // of what kind the value is, for --help; empty: true or false
  std::string_view help;
  // invalid_argument with a sentence that names the value's form or range; then nothing is changed.
  Status (*set)(TaskOptions& options, std::string_view text);

  [[nodiscard]] std::string flag() const;
};

std::span<const TaskOptionSpec> task_option_specs();

// A flag for each, which fills `options`; those that exclude each other do so.
void add_task_flags(CLI::App& command, TaskOptions& options);

// invalid_argument: the options contradict each other, or one says nothing without another that is
// not there. Not for a copy, which has those of what it is made of, too.
Status check_task_options(const TaskOptions& options);

// A task as one line of JSON: an object with "payload" or "payload_base64", and any of the options
// above, which go before `defaults`. invalid_argument names what is wrong.
struct SourceTask {
  std::string payload;
  std::shared_ptr<const TaskOptions> options;
};
Result<SourceTask> task_of_json(std::string_view line, const TaskOptions& defaults);

}  // namespace baton::commands
