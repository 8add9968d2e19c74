#include "common/daemon/completion_writers.h"

namespace baton {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string names_of_verbs(const CommandShape& command) {
  std::vector<std::string> names;
  for (const CommandShape& verb : command.verbs) names.push_back(verb.name());
  return joined(names);
}

std::string names_of_flags(const CommandShape& command) {
  std::vector<std::string> names;
  for (const ArgumentShape& flag : command.flags) {
    names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return joined(names);
}

// Written for fill_names().
constexpr const char* kWalk = R"(
_FUNCTION() {
  local cur="${COMP_WORDS[COMP_CWORD]}" at='PROGRAM' flag='' plain='' count=1 word i
  local verbs flags kind values
  _FUNCTION_of "$at"
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    if [[ $word == [:=] ]]; then
      # Bash cuts words there: what follows belongs to the word before, unless it is a flag's value.
      [[ -n $flag ]] || ((i++))
    elif [[ -n $flag ]]; then
      flag=''
    elif [[ -n $plain ]]; then
      ((count++))
    elif [[ $word == -- ]]; then
      plain=yes
      _FUNCTION_wants "$at -- #1"
      [[ -z $kind ]] || { at+=' --'; count=1; }
    elif [[ $word == -* ]]; then
      _FUNCTION_wants "$at $word"
      [[ -z $kind ]] || flag="$word"
    elif [[ " $verbs " == *" $word "* ]]; then
      at+=" $word"
      _FUNCTION_of "$at"
    elif [[ -z $verbs ]]; then
      ((count++))
    fi
  done
  [[ $cur == '=' ]] && cur=''
  kind='' values=''
  if [[ -n $flag ]]; then
    _FUNCTION_wants "$at $flag"
  elif [[ -z $plain && $cur == -* ]]; then
    kind=choice values="$flags"
  elif [[ -n $verbs ]]; then
    kind=choice values="$verbs"
  else
    _FUNCTION_wants "$at #$count"
  fi
  COMPREPLY=()
  case "$kind" in
    choice) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur") ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directory) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    command) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
  esac
  # So that bash quotes names and puts a slash behind directories; it fails when nobody completes.
  if [[ $kind == file || $kind == directory ]]; then compopt -o filenames 2>/dev/null; fi
  return 0
}

complete -F _FUNCTION PROGRAM
)";

}  // namespace

std::string bash_completion(const CommandShape& program) {
  const std::string name = function_name(program);
  std::string script = "# bash completion for " + program.name() + ", made from its definitions\n";
  script += "\n# The verbs and flags of a command.\n_" + name +
            "_of() {\n  verbs='' flags=''\n  case \"$1\" in\n";
  for_each_command(program, [&](const CommandShape& command) {
    script += "    " + quoted(command.joined_path(" ")) +
              ") verbs=" + quoted(names_of_verbs(command)) +
              " flags=" + quoted(names_of_flags(command)) + " ;;\n";
  });
  script += "  esac\n}\n\n# What a flag of a command takes, or its N-th other word.\n_" + name +
            "_wants() {\n  kind='' values=''\n  case \"$1\" in\n";
  script += wanted_cases(program, [](const ArgumentShape& argument) {
    return "values=" + quoted(joined(argument.choices));
  });
  return script + "  esac\n}\n" + fill_names(kWalk, program);
}

}  // namespace baton
