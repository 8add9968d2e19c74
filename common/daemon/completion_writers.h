// What completion.cc puts together: one writer for each shell, and the few words that they share.
#pragma once

#include <functional>
#include <string>

#include "common/daemon/command_shape.h"

namespace baton {

std::string bash_completion(const CommandShape& program);
std::string zsh_completion(const CommandShape& program);
std::string fish_completion(const CommandShape& program);

// The program's name as part of a function's name: "baton_center".
std::string function_name(const CommandShape& program);

// `text` with FUNCTION and PROGRAM replaced by the program's names.
std::string fill_names(std::string text, const CommandShape& program);

// `text` in single quotes, for bash and zsh.
std::string quoted(const std::string& text);

// Calls `visit` with the program, then with every command below it.
void for_each_command(const CommandShape& program,
                      const std::function<void(const CommandShape&)>& visit);

// The lines of a `case` of bash or zsh, by "COMMAND FLAG" and "COMMAND #N", the N-th positional, that
// set `kind` (text, choice, file, directory, command) and call `choices` for the words of a choice.
// What comes behind `--` when a program to run is expected is "COMMAND -- #N".
std::string wanted_cases(const CommandShape& program,
                         const std::function<std::string(const ArgumentShape&)>& choices);

}  // namespace baton
