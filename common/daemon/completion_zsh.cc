#include "common/daemon/completion_writers.h"

namespace baton {
namespace {

// "name:what it is" of _describe, where a colon of a word has to be escaped.
std::string described(const std::string& word, const std::string& what) {
  std::string text;
  for (const char c : word) text += c == ':' ? std::string("\\:") : std::string(1, c);
  return quoted(text + ":" + first_sentence(what));
}

std::string array_of_verbs(const CommandShape& command) {
  std::string text;
  for (const CommandShape& verb : command.verbs) text += " " + described(verb.name(), verb.summary);
  return text;
}

std::string array_of_flags(const CommandShape& command) {
  std::string text;
  for (const ArgumentShape& flag : command.flags) {
    for (const std::string& name : flag.names) text += " " + described(name, flag.help);
  }
  return text;
}

// Written for fill_names().
constexpr const char* kWalk = R"(
_FUNCTION() {
  local cur="${words[CURRENT]}" at='PROGRAM' flag='' plain='' count=1 word i kind
  local -a verbs flags values
  _FUNCTION_of "$at"
  for ((i = 2; i < CURRENT; i++)); do
    word="${words[i]}"
    if [[ -n $flag ]]; then
      flag=''
    elif [[ -n $plain ]]; then
      ((count++))
    elif [[ $word == -- ]]; then
      plain=yes
      _FUNCTION_wants "$at -- #1"
      [[ -z $kind ]] || { at+=' --'; count=1; }
    elif [[ $word == --*=* ]]; then
      :
    elif [[ $word == -* ]]; then
      _FUNCTION_wants "$at $word"
      [[ -z $kind ]] || flag="$word"
    elif [[ -n ${(M)verbs:#${word}:*} ]]; then
      at+=" $word"
      _FUNCTION_of "$at"
    elif ((! ${#verbs})); then
      ((count++))
    fi
  done
  if [[ -z $flag && -z $plain && $cur == --*=* ]]; then
    flag="${cur%%=*}"
    compset -P '*='
  fi
  kind='' values=()
  if [[ -n $flag ]]; then
    _FUNCTION_wants "$at $flag"
  elif [[ -z $plain && $cur == -* ]]; then
    _describe -o -t flags flag flags
    return
  elif ((${#verbs})); then
    _describe -t commands command verbs
    return
  else
    _FUNCTION_wants "$at #$count"
  fi
  case "$kind" in
    choice) compadd -a values ;;
    file) _files ;;
    directory) _files -/ ;;
    command) _command_names -e ;;
    *) _message 'free text' ;;
  esac
}

# Loaded by its name this is the function itself; sourced, it registers one.
if [[ ${funcstack[1]} == _PROGRAM ]]; then
  _FUNCTION "$@"
else
  compdef _FUNCTION PROGRAM
fi
)";

}  // namespace

std::string zsh_completion(const CommandShape& program) {
  const std::string name = function_name(program);
  std::string script = "#compdef " + program.name() + "\n# zsh completion for " + program.name() +
                       ", made from its definitions\n";
  script += "\n# The verbs and flags of a command.\n_" + name +
            "_of() {\n  verbs=() flags=()\n  case \"$1\" in\n";
  for_each_command(program, [&](const CommandShape& command) {
    script += "    " + quoted(command.joined_path(" ")) + ")\n      verbs=(" +
              array_of_verbs(command) + " )\n      flags=(" + array_of_flags(command) +
              " )\n      ;;\n";
  });
  script += "  esac\n}\n\n# What a flag of a command takes, or its N-th other word.\n_" + name +
            "_wants() {\n  kind='' values=()\n  case \"$1\" in\n";
  script += wanted_cases(program, [](const ArgumentShape& argument) {
    std::string words;
    for (const std::string& word : argument.choices) words += " " + quoted(word);
    return "values=(" + words + " )";
  });
  return script + "  esac\n}\n" + fill_names(kWalk, program);
}

}  // namespace baton
