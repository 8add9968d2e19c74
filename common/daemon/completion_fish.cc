#include "common/daemon/completion_writers.h"

namespace baton {
namespace {

// In fish's single quotes only these two need a backslash.
std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string after(const std::string& words) { return words.empty() ? "" : " " + words; }

std::string words_of(const std::vector<std::string>& choices) {
  std::string text;
  for (const std::string& choice : choices) text += (text.empty() ? "" : " ") + choice;
  return fish_quoted(text);
}

// What `complete` has to say about the value; files are offered only with -F.
std::string value_words(const ArgumentShape& argument) {
  switch (argument.value) {
    case ArgumentValue::kNone:
      return "";
    case ArgumentValue::kText:
      return "-x";
    case ArgumentValue::kChoice:
      return "-x -a " + words_of(argument.choices);
    case ArgumentValue::kFile:
      return "-r -F";
    case ArgumentValue::kDirectory:
      return "-x -a '(__fish_complete_directories)'";
    case ArgumentValue::kCommand:
      return "-x -a '(__fish_complete_command)'";
  }
  return "";
}

std::string flag_line(const std::string& begin, const ArgumentShape& flag) {
  std::string line = begin;
  for (const std::string& name : flag.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return line + after(value_words(flag)) + " -d " + fish_quoted(first_sentence(flag.help)) + "\n";
}

// A positional is offered wherever no flag wants a value: fish does not count words.
std::string positional_line(const std::string& begin, const ArgumentShape& argument) {
  if (argument.value == ArgumentValue::kText) return "";
  if (argument.value == ArgumentValue::kFile) return begin + " -F\n";
  std::string value = value_words(argument);
  return begin + " " + value.replace(0, 2, "-f") + "\n";
}

// Written for fill_names(). A word that stands where a verb may stand and
// is none is a flag's value.
constexpr const char* kWalk = R"(
# True when the command line so far is in the command that the arguments name.
function __FUNCTION_at
    set -l at PROGRAM
    set -l verbs (__FUNCTION_verbs $at)
    for word in (commandline -opc)[2..-1]
        if contains -- $word $verbs
            set -a at $word
            set verbs (__FUNCTION_verbs $at)
        end
    end
    test "$at" = "$argv"
end

complete -c PROGRAM -f
)";

std::string verbs_function(const CommandShape& program) {
  std::string text = "\n# The verbs of a command, one a line.\nfunction __" +
                     function_name(program) + "_verbs\n    switch \"$argv\"\n";
  for_each_command(program, [&](const CommandShape& command) {
    if (command.verbs.empty()) return;
    text +=
        "        case " + fish_quoted(command.joined_path(" ")) + "\n            printf '%s\\n'";
    for (const CommandShape& verb : command.verbs) text += " " + verb.name();
    text += "\n";
  });
  return text + "    end\nend\n";
}

}  // namespace

std::string fish_completion(const CommandShape& program) {
  std::string script = "# fish completion for " + program.name() + ", made from its definitions\n" +
                       verbs_function(program) + fill_names(kWalk, program);
  for_each_command(program, [&](const CommandShape& command) {
    const std::string begin = "complete -c " + program.name() + " -n '__" + function_name(program) +
                              "_at " + command.joined_path(" ") + "'";
    script += "\n";
    for (const CommandShape& verb : command.verbs) {
      script +=
          begin + " -a " + verb.name() + " -d " + fish_quoted(first_sentence(verb.summary)) + "\n";
    }
    for (const ArgumentShape& flag : command.flags) script += flag_line(begin, flag);
    for (const ArgumentShape& argument : command.positionals) {
      script += positional_line(begin, argument);
    }
  });
  return script;
}

}  // namespace baton
