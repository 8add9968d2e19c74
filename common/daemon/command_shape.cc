#include "common/daemon/command_shape.h"

#include <array>
#include <cstddef>
#include <utility>

#include <CLI/CLI.hpp>

namespace baton {
namespace {

std::vector<std::string> split(const std::string& text, char between) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end = text.find(between); end != std::string::npos;
       end = text.find(between, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// CLI11's own names of types, which validators follow behind a colon: "UINT:INT in [1 - 16]".
constexpr std::array<const char*, 5> kPlainTypes{"TEXT", "UINT", "INT", "FLOAT", "BOOLEAN"};

// What --help calls a value, and what a validator of CLI11 says of it.
struct TypeName {
  std::string name;
  std::string validator;
};

TypeName split_type(const std::string& type) {
  for (const std::string plain : kPlainTypes) {
    if (type == plain) return {plain, ""};
    if (type.starts_with(plain + ":")) return {plain, type.substr(plain.size() + 1)};
  }
  return {type, ""};
}

// "{a,b}" of CLI::IsMember, or "a|b" of ours; empty for anything else.
std::vector<std::string> choices_of(const TypeName& type) {
  const std::string& member = type.validator;
  if (member.starts_with('{') && member.ends_with('}')) {
    return split(member.substr(1, member.size() - 2), ',');
  }
  return type.name.find('|') == std::string::npos ? std::vector<std::string>()
                                                  : split(type.name, '|');
}

// "1 to 16" of "INT in [1 - 16]".
std::string limits_of(const std::string& validator) {
  if (validator == "POSITIVE") return "more than 0";
  const std::size_t open = validator.find('[');
  const std::size_t middle = validator.find(" - ", open);
  const std::size_t close = validator.find(']', open);
  if (open == std::string::npos || middle == std::string::npos || close == std::string::npos) {
    return "";
  }
  return validator.substr(open + 1, middle - open - 1) + " to " +
         validator.substr(middle + 3, close - middle - 3);
}

ArgumentValue value_of(const std::string& name) {
  if (name == "FILE") return ArgumentValue::kFile;
  if (name == "DIR") return ArgumentValue::kDirectory;
  if (name == "CMD" || name == "COMMAND") return ArgumentValue::kCommand;
  return ArgumentValue::kText;
}

void fill_value(const CLI::Option& option, ArgumentShape& shape) {
  const TypeName type = split_type(option.get_type_name());
  shape.choices = choices_of(type);
  shape.limits = limits_of(type.validator);
  shape.value_name = option.get_positional()                     ? option.get_name(true)
                     : type.name == "UINT" || type.name == "INT" ? "N"
                                                                 : type.name;
  shape.value = value_of(shape.value_name);
  // A positional is called after what it is for, and what it takes may be in its type.
  if (shape.value == ArgumentValue::kText) shape.value = value_of(type.name);
  if (shape.choices.empty()) return;
  shape.value = ArgumentValue::kChoice;
  if (option.get_positional()) return;
  shape.value_name.clear();
  for (const std::string& choice : shape.choices) {
    shape.value_name += (shape.value_name.empty() ? "" : "|") + choice;
  }
}

ArgumentShape shape_of(const CLI::Option& option) {
  ArgumentShape shape;
  for (const std::string& name : option.get_snames()) shape.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) shape.names.push_back("--" + name);
  if (option.get_positional()) shape.names = {option.get_name(true)};
  shape.help = option.get_description();
  shape.required = option.get_required();
  for (const CLI::Option* other : option.get_excludes()) {
    shape.excludes.push_back(other->get_name());
  }
  if (option.get_items_expected_max() == 0 || option.get_type_size() == 0) {
    shape.value = ArgumentValue::kNone;
    return shape;
  }
  shape.repeated = option.get_items_expected_max() >= CLI::detail::expected_max_vector_size;
  shape.default_text = option.get_default_str();
  fill_value(option, shape);
  return shape;
}

CommandShape shape_below(const CLI::App& app, std::vector<std::string> path) {
  CommandShape shape;
  path.push_back(app.get_name());
  shape.path = path;
  shape.summary = app.get_description();
  // A command without a footer of its own has its parent's in CLI11.
  const CLI::App* parent = app.get_parent();
  const bool inherited = parent != nullptr && parent->get_footer() == app.get_footer();
  shape.footer = inherited ? "" : app.get_footer();
  for (const CLI::Option* option : app.get_options({})) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? shape.positionals : shape.flags).push_back(shape_of(*option));
  }
  for (const CLI::App* verb : app.get_subcommands({})) {
    if (!verb->get_group().empty()) shape.verbs.push_back(shape_below(*verb, path));
  }
  return shape;
}

}  // namespace

std::string CommandShape::joined_path(const std::string& between) const {
  std::string text;
  for (const std::string& word : path) text += (text.empty() ? "" : between) + word;
  return text;
}

CommandShape shape_of(const CLI::App& app) { return shape_below(app, {}); }

std::string unwrapped(const std::string& text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == '\n' || c == ' ';
    if (!space) line += c;
    if (space && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

std::string first_sentence(const std::string& text) {
  const std::string line = unwrapped(text);
  const std::size_t stop = line.find(". ");
  if (stop != std::string::npos) return line.substr(0, stop);
  return line.ends_with('.') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace baton
