#include "common/daemon/completion.h"

#include <cstddef>

#include "common/daemon/completion_writers.h"

namespace baton {
namespace {

std::string_view kind_of(ArgumentValue value) {
  switch (value) {
    case ArgumentValue::kNone:
      return "";
    case ArgumentValue::kText:
      return "text";
    case ArgumentValue::kChoice:
      return "choice";
    case ArgumentValue::kFile:
      return "file";
    case ArgumentValue::kDirectory:
      return "directory";
    case ArgumentValue::kCommand:
      return "command";
  }
  return "";
}

std::string case_line(const std::string& pattern, const std::string& body) {
  return "    " + pattern + ") " + body + " ;;\n";
}

using Choices = std::function<std::string(const ArgumentShape&)>;

std::string set_kind(const ArgumentShape& argument, const Choices& choices) {
  const std::string kind = "kind=" + std::string(kind_of(argument.value));
  return argument.choices.empty() ? kind : kind + " " + choices(argument);
}

std::string positional_case(const std::string& command, std::size_t number,
                            const ArgumentShape& argument, const Choices& choices) {
  if (argument.value == ArgumentValue::kCommand) {
    // A program's arguments are mostly files.
    return case_line(quoted(command + " -- #1"), "kind=command") +
           case_line(quoted(command + " -- #") + "*", "kind=file");
  }
  const std::string pattern = argument.repeated ? quoted(command + " #") + "*"
                                                : quoted(command + " #" + std::to_string(number));
  return case_line(pattern, set_kind(argument, choices));
}

}  // namespace

std::string_view to_string(Shell shell) {
  switch (shell) {
    case Shell::kBash:
      return "bash";
    case Shell::kZsh:
      return "zsh";
    case Shell::kFish:
      return "fish";
  }
  return "";
}

Result<Shell> parse_shell(std::string_view text) {
  for (const Shell shell : kShells) {
    if (to_string(shell) == text) return shell;
  }
  return Status(ErrorCode::kInvalidArgument,
                "bash, zsh and fish are known, not '" + std::string(text) + "'");
}

std::string completion_script(const CommandShape& program, Shell shell) {
  switch (shell) {
    case Shell::kBash:
      return bash_completion(program);
    case Shell::kZsh:
      return zsh_completion(program);
    case Shell::kFish:
      return fish_completion(program);
  }
  return "";
}

std::string completion_path(const std::string& program, Shell shell) {
  switch (shell) {
    case Shell::kBash:
      return "bash-completion/completions/" + program;
    case Shell::kZsh:
      return "zsh/site-functions/_" + program;
    case Shell::kFish:
      return "fish/vendor_completions.d/" + program + ".fish";
  }
  return "";
}

std::string function_name(const CommandShape& program) {
  std::string name = program.name();
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

std::string fill_names(std::string text, const CommandShape& program) {
  const auto replace = [&text](const std::string& word, const std::string& name) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
      text.replace(at, word.size(), name);
      at += name.size();
    }
  };
  replace("FUNCTION", function_name(program));
  replace("PROGRAM", program.name());
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

void for_each_command(const CommandShape& program,
                      const std::function<void(const CommandShape&)>& visit) {
  visit(program);
  for (const CommandShape& verb : program.verbs) for_each_command(verb, visit);
}

std::string wanted_cases(const CommandShape& program, const Choices& choices) {
  std::string cases;
  for_each_command(program, [&](const CommandShape& command) {
    const std::string path = command.joined_path(" ");
    for (const ArgumentShape& flag : command.flags) {
      if (flag.value == ArgumentValue::kNone) continue;
      std::string pattern;
      for (const std::string& name : flag.names) {
        pattern += (pattern.empty() ? "" : " | ") + quoted(path + " " + name);
      }
      cases += case_line(pattern, set_kind(flag, choices));
    }
    for (std::size_t i = 0; i < command.positionals.size(); ++i) {
      cases += positional_case(path, i + 1, command.positionals[i], choices);
    }
  });
  return cases;
}

}  // namespace baton
