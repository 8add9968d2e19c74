// baton fence: lets a command run only if no larger fencing token has passed before.

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "client/commands/program.h"
#include "common/daemon/flags.h"
#include "common/storage/fence_file.h"

namespace baton::commands {
namespace {

constexpr char kTokenEnvironment[] = "BATON_TOKEN";
// As env(1) and the shells have them.
constexpr int kCannotRun = 126;
constexpr int kNoSuchProgram = 127;

struct FenceOptions {
  std::string file;
  std::string token;
  Millis wait{0};
  const CLI::Option* token_given = nullptr;
  const CLI::Option* wait_given = nullptr;
  std::vector<std::string> command;
};

// An empty argument is a variable that was not set, and must not turn into another token.
Result<Token> token_of(const FenceOptions& options) {
  if (options.token_given->count() > 0) return parse_token(options.token);
  const char* text = std::getenv(kTokenEnvironment);
  if (text != nullptr) return parse_token(text);
  return Status(ErrorCode::kInvalidArgument,
                "no token: give one, or run under `baton consume --exec`, which sets BATON_TOKEN");
}

int fail(const Status& status) {
  print_error(status.to_string());
  return exit_code(status.code());
}

// This process becomes the command: its exit code and its signals are then the command's own.
int become(const std::vector<std::string>& command) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  const int error = errno;
  print_error("cannot run " + command.front() + ": " + std::strerror(error));
  return error == ENOENT ? kNoSuchProgram : kCannotRun;
}

int fence(const FenceOptions& options) {
  const Result<Token> token = token_of(options);
  if (!token.ok()) return fail(token.status());
  const bool limited = options.wait_given->count() > 0;
  const Result<FenceFile> held = FenceFile::pass(
      options.file, token.value(), limited ? std::optional(options.wait) : std::nullopt);
  if (!held.ok()) return fail(held.status());
  if (options.command.empty()) return 0;
  const Status kept = held.value().keep_over_exec();
  if (!kept.ok()) return fail(kept);
  ::setenv(kTokenEnvironment, std::to_string(token.value().value()).c_str(), 1);
  return become(options.command);
}

}  // namespace

void add_fence(Program& program) {
  auto options = std::make_shared<FenceOptions>();
  CLI::App& command = program.add_command(
      program.app(),
      {.name = "fence",
       .summary = "Refuse a fencing token that is smaller than one that FILE has seen (exit 4), or "
                  "record it\nand run a command. Until that has ended, others wait.",
       .examples =
           "  baton consume -q orders --exec 'baton fence /var/lib/orders.fence -- ./ship'\n"
           "  baton fence --wait 10s /var/lib/orders.fence 17592186044417 -- rsync out/ host:in/\n"
           "  baton fence /var/lib/orders.fence \"$BATON_TOKEN\" || exit\n"
           "\nWithout TOKEN it is that of the environment, BATON_TOKEN. The command gets "
           "the token there, and its exit\n"
           "code is passed on. Exit 4 with a line on stderr: refused; stop, do not try "
           "again, somebody else has the\n"
           "task. 126, 127: the command cannot be run. Without a command nothing is held: "
           "what follows may come late.\n"
           "The hold ends with the last process that the command started. FILE's folder "
           "must be writable and local.",
       .formats = {},
       .talks_to_cluster = false},
      [options](const CommonOptions&) { return fence(*options); });
  command.add_option("FILE", options->file, "where the largest token is kept; made when missing")
      ->required();
  options->token_given =
      command.add_option("TOKEN", options->token, "the token, as BATON_TOKEN has it");
  options->wait_given =
      add_duration_flag(command, "--wait", options->wait,
                        "give up (exit 6) when others hold FILE for so long; 0s: at once\n"
                        "(default: wait for ever)")
          ->default_str("");
  program.take_command(command, options->command, "what to run, with its arguments");
}

}  // namespace baton::commands
