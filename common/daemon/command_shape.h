// CommandShape: a command line as a value: its verbs, its flags, and what may follow each.
//
// Read from the CLI11 app that parses, so that manual pages and completions know a new verb or flag
// without being told. What stands after a flag is told by the name of its value, as --help shows it:
//
//   a|b|c, or CLI::IsMember    one of these words
//   FILE, DIR                  a file, a directory
//   CMD, COMMAND               a program to run
//   anything else              free text
//
// What is in the group "" is hidden, and no part of the shape.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace baton {

enum class ArgumentValue { kNone, kText, kChoice, kFile, kDirectory, kCommand };

// A flag or a positional.
struct ArgumentShape {
  std::vector<std::string> names;  // "-q", "--queue"; of a positional its name, "FILE"
  ArgumentValue value = ArgumentValue::kText;
  std::string value_name;  // "HOST:PORT"; empty for a flag without a value
  std::vector<std::string> choices;
  std::string help;
  std::string limits;        // "1 to 256"; may be empty
  std::string default_text;  // may be empty
  std::vector<std::string> excludes;
  bool required = false;
  bool repeated = false;
};

struct CommandShape {
  std::vector<std::string> path;  // {"baton", "task", "show"}
  std::string summary;
  std::string footer;
  std::vector<ArgumentShape> flags;
  std::vector<ArgumentShape> positionals;
  std::vector<CommandShape> verbs;

  // The last word of the path.
  [[nodiscard]] const std::string& name() const { return path.back(); }
  // The words of the path with `between` between them.
  [[nodiscard]] std::string joined_path(const std::string& between) const;
};

CommandShape shape_of(const CLI::App& app);

// `text` without line breaks: a paragraph that wraps where it is shown.
std::string unwrapped(const std::string& text);
// Up to the first full stop, without it.
std::string first_sentence(const std::string& text);

}  // namespace baton
