#include "client/commands/program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "client/commands/suggest.h"
#include "common/base/limits.h"
#include "common/daemon/flags.h"
#include "common/daemon/shell_files.h"

namespace baton::commands {
namespace {

constexpr int kUsageError = 2;
constexpr char kManagerEnvironment[] = "BATON_MANAGER";

OutputFormat format_of(const std::string& text) {
  if (text == "json") return OutputFormat::kJson;
  if (text == "jsonl") return OutputFormat::kJsonLines;
  return OutputFormat::kTable;
}

std::vector<std::string> texts_of(const std::vector<Address>& addresses) {
  std::vector<std::string> texts;
  for (const Address& address : addresses) texts.push_back(address.to_string());
  return texts;
}

// Why a command does not print in this format; empty when it does.
std::string refuse_format(const std::string& format, const std::vector<std::string>& formats) {
  if (std::find(formats.begin(), formats.end(), format) != formats.end()) return "";
  std::string known;
  for (const std::string& name : formats) known += (known.empty() ? "" : ", ") + name;
  if (known.empty()) return "this prints in one way only";
  return "this prints " + known + ", not '" + format + "'";
}

// The managers of the environment; a bad list there is a usage error like a bad flag.
std::vector<Address> managers_of_environment() {
  const char* text = std::getenv(kManagerEnvironment);
  if (text == nullptr || *text == '\0') return {Address{"127.0.0.1", kManagerPortDefault}};
  auto parsed = parse_addresses(text);
  if (parsed.ok()) return std::move(parsed).value();
  throw CLI::ValidationError(kManagerEnvironment, parsed.status().message());
}

// The full name: "baton task show".
std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) {
    names.push_back(verb->get_name());
  }
  return names;
}

// Its own, and those of what it belongs to: they may stand before the verb.
std::vector<std::string> long_flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options({})) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    }
  }
  return flags;
}

struct UnknownFlag {
  std::string flag;   // empty: there is none
  std::string meant;  // empty: nobody knows
};

// The first flag of `words` that is none of `known`, and rather one that is nearly one of them. What
// stands behind -- is a command's.
UnknownFlag find_unknown_flag(const std::vector<std::string>& words,
                              const std::vector<std::string>& known) {
  UnknownFlag first;
  for (const std::string& word : words) {
    if (word == "--") break;
    const std::string flag = word.substr(0, word.find('='));
    if (!flag.starts_with("--") || std::ranges::find(known, flag) != known.end()) continue;
    const std::string meant = suggest(flag, known);
    if (!meant.empty()) return {flag, meant};
    if (first.flag.empty()) first.flag = flag;
  }
  return first;
}

std::string did_you_mean(const std::string& meant) {
  return meant.empty() ? "" : "; did you mean '" + meant + "'?";
}

bool is(const CLI::ParseError& error, CLI::ExitCodes code) {
  return error.get_exit_code() == static_cast<int>(code);
}

// The parser lists what it does not know from the last word to the first: here as it was typed.
std::string in_typed_order(const CLI::ParseError& error, const std::vector<std::string>& words) {
  const std::string said = error.what();
  const std::size_t colon = said.find(": ");
  if (!is(error, CLI::ExitCodes::ExtrasError) || colon == std::string::npos) return said;
  std::string_view rest = std::string_view(said).substr(colon + 2);
  std::string typed;
  for (auto word = words.rbegin(); word != words.rend() && !rest.empty(); ++word) {
    const bool next = rest == *word || rest.starts_with(*word + " ");
    if (!next) continue;
    typed = *word + (typed.empty() ? "" : " ") + typed;
    rest.remove_prefix(std::min(word->size() + 1, rest.size()));
  }
  return rest.empty() ? said.substr(0, colon + 2) + typed : said;
}

CLI::App* verb_named(CLI::App& app, const std::string& word) {
  const auto found =
      app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; });
  return found.empty() ? nullptr : found.front();
}

// What the definitions do not tell the manual page.
ManualFacts manual_facts() {
  ManualFacts facts;
  facts.version = version_of_build();
  facts.exit_codes = {{"0", "ok"},
                      {"1", "failure"},
                      {"2", "wrong usage"},
                      {"3", "no such task, queue, manager or file"},
                      {"4", "a claim was superseded, or a conflict"},
                      {"5", "unavailable: trying again makes sense"},
                      {"6", "timed out, or nothing there"},
                      {"7", "not allowed"},
                      {"8", "partly done"},
                      {"130, 143", "stopped by Ctrl-C, by SIGTERM"}};
  facts.environment = {
      {kManagerEnvironment, "the managers to talk to, where --manager does not name them"},
      {"BATON_TASK_ID", "the id of the task, for the command of baton consume --exec"},
      {"BATON_TOKEN",
       "the fencing token of the claim, for the command of baton consume --exec and for what it "
       "runs"},
      {"BATON_ATTEMPT", "which attempt it is, from 1, for the command of baton consume --exec"},
      {"BATON_QUEUE", "the queue of the task, for the same"},
      {"BATON_TASK_TYPE", "the type of the task, if it has one, for the same"},
      {"BATON_CHECKPOINT_FILE",
       "a file with what an earlier attempt saved; what the command writes into it is saved"},
      {"BATON_PROGRESS_FILE", "a file for progress: a percentage, a space, and words"},
      {"BATON_NACK_FILE",
       "a file that says what a failure means: lines with reason TEXT, delay DURATION, or dead"}};
  facts.see_also = {"baton-center(8)", "baton-manager(8)"};
  return facts;
}

}  // namespace

void CommonFlags::add_manager_flags(CLI::App& app) {
  managers_option_ =
      add_addresses_flag(app, "--manager", managers_,
                         "HOST:PORT[,HOST:PORT...] of managers; tries the next when one fails\n"
                         "(environment: BATON_MANAGER; default 127.0.0.1:7101)");
  app.add_flag("-v,--verbose", verbose_, "log what the client library does, on stderr");
}

void CommonFlags::add_timeout_flag(CLI::App& app) {
  timeout_option_ = add_duration_flag(app, "--timeout", timeout_, "how long to try");
}

void CommonFlags::add_output_flag(CLI::App& app, const std::vector<std::string>& formats) {
  formats_ = formats;
  std::string names;
  for (const std::string& name : formats) names += (names.empty() ? "" : "|") + name;
  format_option_ =
      app.add_option("-o,--output", format_, "how to print")
          ->type_name(names)
          ->check([formats](const std::string& format) { return refuse_format(format, formats); });
}

CommonOptions CommonFlags::merge(const CommonFlags& before) const {
  const auto given = [](const CLI::Option* option) {
    return option != nullptr && option->count() > 0;
  };
  if (given(before.format_option_) && !given(format_option_)) {
    const std::string refused = refuse_format(before.format_, formats_);
    if (!refused.empty()) throw CLI::ValidationError("--output", refused);
  }
  if (given(before.timeout_option_) && timeout_option_ == nullptr) {
    throw CLI::ValidationError("--timeout", "this does not give up by itself and has no such flag");
  }
  CommonOptions options;
  options.managers = texts_of(given(managers_option_)          ? managers_
                              : given(before.managers_option_) ? before.managers_
                                                               : managers_of_environment());
  options.timeout =
      given(timeout_option_) || !given(before.timeout_option_) ? timeout_ : before.timeout_;
  options.format = format_of(given(format_option_) ? format_ : before.format_);
  options.verbose = verbose_ || before.verbose_;
  return options;
}

Program::Program()
    : app_("Baton, a distributed task broker: produce to any manager, claim from any manager.",
           "baton"),
      before_(std::chrono::seconds(5)) {
  add_version_flag(app_, "baton");
  before_.add_manager_flags(app_);
  before_.add_timeout_flag(app_);
  before_.add_output_flag(app_, {"table", "json", "jsonl"});
  add_shell_files_flag(app_, manual_facts());
  app_.require_subcommand(1);
  app_.footer(
      "A first try:\n"
      "  baton dev &                            a center and three managers, in this process\n"
      "  seq 10 | baton produce -q demo         ten tasks; prints their ids\n"
      "  baton consume -q demo --wait 2s        claims, prints and acks them\n"
      "\n"
      "Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 superseded or conflict, 5 "
      "unavailable,\n"
      "6 timed out or empty, 7 not allowed, 8 partly done, 130 and 143 stopped by a signal.");
}

CLI::App& Program::add_noun(const std::string& name, const std::string& summary) {
  CLI::App* noun = app_.add_subcommand(name, summary);
  noun->require_subcommand(1);
  return *noun;
}

CLI::App& Program::add_command(CLI::App& parent, const CommandSpec& spec, Run run) {
  CLI::App* command = parent.add_subcommand(spec.name, spec.summary);
  command->footer("Examples:\n" + spec.examples);
  flags_.push_back(std::make_unique<CommonFlags>(spec.timeout_default));
  CommonFlags* flags = flags_.back().get();
  if (spec.talks_to_cluster) flags->add_manager_flags(*command);
  if (spec.talks_to_cluster && spec.has_timeout) flags->add_timeout_flag(*command);
  if (!spec.formats.empty()) flags->add_output_flag(*command, spec.formats);
  command->callback([this, flags, run = std::move(run)] {
    CommonOptions options = flags->merge(before_);
    chosen_ = [run, options = std::move(options)] { return run(options); };
  });
  return *command;
}

void Program::take_command(CLI::App& command, std::vector<std::string>& words,
                           const std::string& help) {
  command
      .add_option_function<std::vector<std::string>>(
          "COMMAND",
          [](const std::vector<std::string>&) {
            throw CLI::ValidationError("COMMAND", "write -- before the command");
          },
          help)
      ->expected(0, CLI::detail::expected_max_vector_size);
  takers_[&command] = &words;
}

int Program::take_words_behind_dashes(int argc, char** argv) {
  CLI::App* where = &app_;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    CLI::App* verb = word.starts_with('-') ? nullptr : verb_named(*where, word);
    if (verb != nullptr) where = verb;
    if (word != "--") continue;
    const auto taker = takers_.find(where);
    if (taker == takers_.end()) return argc;
    // A variable that was not set must not pass for a command that ran.
    if (i + 1 == argc) throw CLI::ValidationError("COMMAND", "nothing stands behind --");
    taker->second->assign(argv + i + 1, argv + argc);
    return i;
  }
  return argc;
}

int Program::run(int argc, char** argv) {
  try {
    app_.parse(take_words_behind_dashes(argc, argv), argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app_.exit(success);
  } catch (const CLI::ParseError& error) {
    return explain(error, std::vector<std::string>(argv + 1, argv + argc));
  }
  return chosen_();
}

int Program::usage_error(const std::string& what, const CLI::App& where) const {
  std::fprintf(stderr, "error: %s\n  `%s --help` shows how it is used\n", what.c_str(),
               path_of(where).c_str());
  return kUsageError;
}

int Program::explain(const CLI::ParseError& error, const std::vector<std::string>& words) {
  CLI::App* where = &app_;
  for (const std::string& word : words) {
    if (word.starts_with('-') || where->get_require_subcommand_min() == 0) continue;
    CLI::App* verb = verb_named(*where, word);
    if (verb != nullptr) {
      where = verb;
      continue;
    }
    // A flag's value also comes here, when the flags stand before the verb; then the parser's words
    // are better.
    const std::string meant = suggest(word, verbs_of(*where));
    if (meant.empty() && where->get_subcommands().size() > 0) continue;
    return usage_error("'" + path_of(*where) + "' has no verb '" + word + "'" + did_you_mean(meant),
                       *where);
  }
  const UnknownFlag unknown = find_unknown_flag(words, long_flags_of(*where));
  std::string what = in_typed_order(error, words);
  if (is(error, CLI::ExitCodes::ExtrasError)) {
    what += did_you_mean(unknown.meant);
  } else if (is(error, CLI::ExitCodes::RequiredError) && !unknown.flag.empty()) {
    // What is missing was perhaps only mistyped.
    what += "; '" + unknown.flag + "' is no flag of this command" + did_you_mean(unknown.meant);
  }
  return usage_error(what, *where);
}

}  // namespace baton::commands
