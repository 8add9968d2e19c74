#include "common/daemon/manual_page.h"

#include <algorithm>
#include <cstddef>
#include <sstream>

namespace baton {
namespace {

// A footer taken apart: lines that begin with two spaces are examples, the rest is prose.
struct Footer {
  std::vector<std::string> examples;
  std::vector<std::string> paragraphs;
};

// The exit codes have their section, and the example's title is the section's.
bool is_told_elsewhere(const std::string& paragraph) {
  return paragraph.starts_with("Exit codes:") || paragraph.ends_with(':');
}

Footer parse_footer(const std::string& text) {
  Footer footer;
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (!paragraph.empty() && !is_told_elsewhere(paragraph)) footer.paragraphs.push_back(paragraph);
    paragraph.clear();
  };
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool example = line.starts_with("  ");
    if (example || line.empty()) end_paragraph();
    if (example) footer.examples.push_back(line.substr(2));
    if (!example && !line.empty()) paragraph += (paragraph.empty() ? "" : " ") + line;
  }
  end_paragraph();
  return footer;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

// "\fB-q\fR, \fB--queue\fR \fITEXT\fR"
std::string heading_of(const ArgumentShape& argument, bool positional) {
  if (positional) return italic(argument.names.front());
  std::string text;
  for (const std::string& name : argument.names) text += (text.empty() ? "" : ", ") + bold(name);
  return argument.value_name.empty() ? text : text + " " + italic(argument.value_name);
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string with_stop(const std::string& text) {
  return text.empty() || text.ends_with('.') ? text : text + ".";
}

// What is known of a flag or positional beside its help.
std::string facts_of(const ArgumentShape& argument, bool positional) {
  std::string text;
  if (argument.required) text += " Required.";
  const bool command = argument.value == ArgumentValue::kCommand;
  if (positional && argument.repeated && !command) text += " May be repeated.";
  if (positional && !argument.choices.empty()) text += " One of " + listed(argument.choices) + ".";
  if (!argument.limits.empty()) text += " Allowed: " + argument.limits + ".";
  if (!argument.default_text.empty()) text += " Default: " + argument.default_text + ".";
  if (!argument.excludes.empty()) text += " Not with " + listed(argument.excludes) + ".";
  return text;
}

class PageWriter {
 public:
  explicit PageWriter(const ManualFacts& facts) : facts_(facts) {}

  void title(const CommandShape& command) {
    std::string name = command.joined_path("-");
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    line(".\\\" made from the program's definitions");
    line(".TH " + name + " " + std::to_string(facts_.section) + " \"\" \"Baton " +
         roff(facts_.version) + "\" \"Baton\"");
    section("NAME");
    text(roff(command.joined_path("-")) + " \\- " + roff(first_sentence(command.summary)));
  }

  void synopsis(const CommandShape& command) {
    section("SYNOPSIS");
    for_each_leaf(command, [&](const CommandShape& leaf) {
      if (!out_.ends_with("SYNOPSIS\n")) line(".PP");
      text(usage_of(leaf));
    });
  }

  void description(const CommandShape& command) {
    section("DESCRIPTION");
    text(roff(unwrapped(with_stop(command.summary))));
    for (const std::string& paragraph : parse_footer(command.footer).paragraphs) {
      line(".PP");
      text(roff(paragraph));
    }
  }

  // One line for each verb, on the program's own page.
  void overview(const CommandShape& program) {
    section("COMMANDS");
    for (const CommandShape& command : program.verbs) {
      line(".TP");
      text(bold(command.joined_path("-")) + "(" + std::to_string(facts_.section) + ")");
      text(roff(unwrapped(with_stop(command.summary))));
    }
  }

  void options(const CommandShape& command) {
    section("OPTIONS");
    arguments(command);
  }

  // A noun's verbs, each with its flags.
  void verbs(const CommandShape& noun) {
    section("OPTIONS");
    arguments(noun);
    for (const CommandShape& verb : noun.verbs) {
      line(".SS \"" + roff(verb.joined_path(" ")) + "\"");
      text(roff(unwrapped(with_stop(verb.summary))));
      for (const std::string& paragraph : parse_footer(verb.footer).paragraphs) {
        line(".PP");
        text(roff(paragraph));
      }
      arguments(verb);
    }
  }

  void examples(const CommandShape& command) {
    std::vector<std::string> lines = parse_footer(command.footer).examples;
    for (const CommandShape& verb : command.path.size() > 1 ? command.verbs : no_verbs_) {
      for (const std::string& example : parse_footer(verb.footer).examples)
        lines.push_back(example);
    }
    section("EXAMPLES");
    line(".EX");
    for (const std::string& example : lines) text(roff(example));
    line(".EE");
  }

  // Last, since what it names depends on the rest of the page.
  std::string finish(const std::vector<std::string>& see_also) {
    const std::string told = out_;
    list("EXIT STATUS", facts_.exit_codes);
    std::vector<std::pair<std::string, std::string>> used;
    for (const auto& variable : facts_.environment) {
      if (told.find(roff(variable.first)) != std::string::npos) used.push_back(variable);
    }
    list("ENVIRONMENT", used);
    if (used.empty()) text("Nothing in the environment changes what this does.");
    section("SEE ALSO");
    text(roff(listed(see_also)));
    return std::move(out_);
  }

 private:
  void line(const std::string& request) { out_ += request + "\n"; }
  // A line that shows something; one that begins like a request must not be one.
  void text(const std::string& shown) {
    const bool request = shown.starts_with('.') || shown.starts_with('\'');
    out_ += (request ? "\\&" : "") + shown + "\n";
  }
  void section(const std::string& name) {
    line(".SH " + (name.find(' ') == std::string::npos ? name : "\"" + name + "\""));
  }

  void list(const std::string& name,
            const std::vector<std::pair<std::string, std::string>>& entries) {
    section(name);
    for (const auto& [word, meaning] : entries) {
      line(".TP");
      text(bold(word));
      text(roff(with_stop(meaning)));
    }
  }

  void arguments(const CommandShape& command) {
    for (const ArgumentShape& positional : command.positionals) argument(positional, true);
    for (const ArgumentShape& flag : command.flags) argument(flag, false);
  }

  void argument(const ArgumentShape& shape, bool positional) {
    line(".TP");
    text(heading_of(shape, positional));
    const std::string help = with_stop(unwrapped(shape.help)) + facts_of(shape, positional);
    text(help.empty() ? "\\&" : roff(help.starts_with(' ') ? help.substr(1) : help));
  }

  static std::string usage_of(const CommandShape& command) {
    std::string usage = bold(command.joined_path(" "));
    for (const ArgumentShape& flag : command.flags) {
      if (flag.required) usage += " " + bold(flag.names.back()) + " " + italic(flag.value_name);
    }
    usage += " [" + italic("OPTION") + "...]";
    for (const ArgumentShape& positional : command.positionals) {
      std::string word = italic(positional.names.front()) + (positional.repeated ? "..." : "");
      if (positional.value == ArgumentValue::kCommand) word = bold("--") + " " + word;
      usage += positional.required ? " " + word : " [" + word + "]";
    }
    return command.verbs.empty() ? usage : usage + " " + italic("COMMAND") + " ...";
  }

  template <class Visit>
  static void for_each_leaf(const CommandShape& command, const Visit& visit) {
    if (command.path.size() == 1 || command.verbs.empty()) return visit(command);
    for (const CommandShape& verb : command.verbs) for_each_leaf(verb, visit);
  }

  const ManualFacts& facts_;
  const std::vector<CommandShape> no_verbs_;
  std::string out_;
};

std::string reference(const CommandShape& command, int section) {
  return command.joined_path("-") + "(" + std::to_string(section) + ")";
}

std::string page_of(const CommandShape& command, const CommandShape& program,
                    const ManualFacts& facts) {
  const bool is_program = command.path.size() == 1;
  PageWriter page(facts);
  page.title(command);
  page.synopsis(command);
  page.description(command);
  if (is_program && !command.verbs.empty()) page.overview(command);
  if (is_program || command.verbs.empty()) {
    page.options(command);
  } else {
    page.verbs(command);
  }
  page.examples(command);
  std::vector<std::string> see_also;
  if (!is_program) see_also.push_back(reference(program, facts.section));
  for (const CommandShape& other : program.verbs) {
    if (other.path != command.path) see_also.push_back(reference(other, facts.section));
  }
  see_also.insert(see_also.end(), facts.see_also.begin(), facts.see_also.end());
  return page.finish(see_also);
}

}  // namespace

std::string roff(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    switch (c) {
      case '\\':
        shown += "\\e";
        break;
      case '-':
        shown += "\\-";
        break;
      case '\'':
        shown += "\\(aq";
        break;
      case '"':
        shown += "\\(dq";
        break;
      case '`':
        shown += "\\(ga";
        break;
      case '^':
        shown += "\\(ha";
        break;
      case '~':
        shown += "\\(ti";
        break;
      default:
        shown += c;
    }
  }
  return shown;
}

std::vector<ManualPage> manual_pages(const CommandShape& program, const ManualFacts& facts) {
  const std::string suffix = "." + std::to_string(facts.section);
  std::vector<ManualPage> pages{{program.name() + suffix, page_of(program, program, facts)}};
  for (const CommandShape& command : program.verbs) {
    pages.push_back({command.joined_path("-") + suffix, page_of(command, program, facts)});
  }
  return pages;
}

}  // namespace baton
