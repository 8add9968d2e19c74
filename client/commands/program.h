// Program: the `baton` program's command line. One file per verb adds itself with an add_ function.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/commands/runtime.h"

namespace baton::commands {

// Flags that may stand before or after the verb. What stands after it wins.
class CommonFlags {
 public:
  explicit CommonFlags(Millis timeout_default) : timeout_(timeout_default) {}

  void add_manager_flags(CLI::App& app);
  void add_timeout_flag(CLI::App& app);
  // `formats`: "table|json|jsonl", or fewer.
  void add_output_flag(CLI::App& app, const std::vector<std::string>& formats);

  // These flags, where one was not given `before`'s, then the environment (BATON_MANAGER), then
  // defaults. Throws a usage error when `before` has what the command does not know.
  [[nodiscard]] CommonOptions merge(const CommonFlags& before) const;

 private:
  std::vector<Address> managers_;
  Millis timeout_;
  std::string format_;
  std::vector<std::string> formats_;
  bool verbose_ = false;
  CLI::Option* managers_option_ = nullptr;
  CLI::Option* timeout_option_ = nullptr;
  CLI::Option* format_option_ = nullptr;
};

class Program {
 public:
  Program();

  // Parses, runs the verb that was named, returns the exit code. Usage errors are 2.
  int run(int argc, char** argv);

  // A command: `run` is called after parsing, with the common flags resolved.
  using Run = std::function<int(CommonOptions)>;
  struct CommandSpec {
    std::string name;
    std::string summary;
    std::string examples = {};
    Millis timeout_default = std::chrono::seconds(5);
    std::vector<std::string> formats = {"table", "json", "jsonl"};
    bool talks_to_cluster = true;
    bool has_timeout = true;
  };
  // Adds it below `parent`; the caller adds its own flags to what is returned.
  CLI::App& add_command(CLI::App& parent, const CommandSpec& spec, Run run);
  // A noun whose verbs follow: `task`, `queue`, ...
  CLI::App& add_noun(const std::string& name, const std::string& summary);
  [[nodiscard]] CLI::App& app() { return app_; }
  // What comes behind `--` is a program to run with its arguments: `words` gets them as they are,
  // whatever they begin with; `--` with nothing behind it is wrong usage. Call it after the other
  // positionals were added.
  void take_command(CLI::App& command, std::vector<std::string>& words, const std::string& help);

 private:
  // How many of `argv` are ours: not those behind `--` of a command that takes them.
  int take_words_behind_dashes(int argc, char** argv);
  int usage_error(const std::string& what, const CLI::App& where) const;
  // The first word that names no verb where one was wanted, with the app that wanted it.
  int explain(const CLI::ParseError& error, const std::vector<std::string>& words);

  CLI::App app_;
  CommonFlags before_;
  std::vector<std::unique_ptr<CommonFlags>> flags_;
  std::map<const CLI::App*, std::vector<std::string>*>
      takers_;  // by take_command(); never iterated
  std::function<int()> chosen_;
};

void add_produce(Program& program);
void add_consume(Program& program);
void add_task(Program& program);
void add_queue(Program& program);
void add_dead(Program& program);
void add_manager(Program& program);
void add_center(Program& program);
void add_dev(Program& program);
void add_bench(Program& program);
void add_fsck(Program& program);
void add_fence(Program& program);
void add_completion(Program& program);
void add_audit(Program& program);

}  // namespace baton::commands
