// baton completion bash | zsh | fish

#include "common/daemon/completion.h"

#include <memory>
#include <string>

#include "client/commands/program.h"

namespace baton::commands {
namespace {

int print_script(const CLI::App& app, const std::string& shell) {
  auto parsed = parse_shell(shell);
  if (!parsed.ok()) {
    print_error(parsed.status());
    return exit_code(parsed.status().code());
  }
  Output output(stdout);
  output.write(completion_script(shape_of(app), parsed.value()));
  if (!output.flush()) print_error("standard output was closed");
  return output.ok() ? 0 : 1;
}

}  // namespace

void add_completion(Program& program) {
  auto shell = std::make_shared<std::string>();
  CLI::App& app = program.app();
  program
      .add_command(
          app,
          {.name = "completion",
           .summary = "Print what a shell needs to complete the verbs, flags and values of baton.\n"
                      "An installed baton has brought it; this is for one that was only built.",
           .examples = "  source <(baton completion bash)\n"
                       "  source <(baton completion zsh)       after compinit\n"
                       "  baton completion fish | source",
           .formats = {},
           .talks_to_cluster = false},
          [&app, shell](const CommonOptions&) { return print_script(app, *shell); })
      .add_option("SHELL", *shell, "the shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace baton::commands
