#include "client/commands/program.h"

#include <cstdlib>
#include <optional>

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

// A program with one plain verb and one noun, and what they were called with.
struct Calls {
  explicit Calls(const char* environment = nullptr) {
    if (environment == nullptr) {
      ::unsetenv("BATON_MANAGER");
    } else {
      ::setenv("BATON_MANAGER", environment, 1);
    }
    const auto note = [this](CommonOptions options) {
      called = std::move(options);
      return 0;
    };
    program.add_command(program.app(), {.name = "produce", .summary = "x", .timeout_default = 60s},
                        note);
    program.add_command(
        program.app(),
        {.name = "consume", .summary = "x", .formats = {"table", "jsonl"}, .has_timeout = false},
        note);
    CLI::App& noun = program.add_noun("task", "x");
    program.add_command(noun, {.name = "show", .summary = "x"}, note);
  }
  int run(std::vector<std::string> words) {
    words.insert(words.begin(), "baton");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return program.run(static_cast<int>(argv.size()), argv.data());
  }

  Program program;
  std::optional<CommonOptions> called;
};

using Managers = std::vector<std::string>;

}  // namespace

TEST_CASE("without flags a command asks the usual manager, for its own time") {
  Calls calls;
  CHECK(calls.run({"produce"}) == 0);
  CHECK(calls.called->managers == Managers{"127.0.0.1:7101"});
  CHECK(calls.called->timeout == 60s);
  CHECK(calls.called->format == OutputFormat::kTable);
}

TEST_CASE("the managers come from the flag, before the environment, before the default") {
  Calls from_environment("h1:1,h2:2");
  CHECK(from_environment.run({"produce"}) == 0);
  CHECK(from_environment.called->managers == Managers{"h1:1", "h2:2"});

  Calls from_flag("h1:1");
  CHECK(from_flag.run({"produce", "--manager", "h3:3,h4:4"}) == 0);
  CHECK(from_flag.called->managers == Managers{"h3:3", "h4:4"});
}

TEST_CASE("common flags may stand before the verb; those after it win") {
  Calls calls;
  CHECK(calls.run({"--manager", "h1:1", "--timeout", "7s", "-o", "json", "task", "show",
                   "--timeout", "9s"}) == 0);
  CHECK(calls.called->managers == Managers{"h1:1"});
  CHECK(calls.called->timeout == 9s);
  CHECK(calls.called->format == OutputFormat::kJson);
}

TEST_CASE("a flag that a command does not have is refused before the verb as it is after it") {
  const std::vector<std::vector<std::string>> wrong = {{"consume", "-o", "json"},
                                                       {"-o", "json", "consume"},
                                                       {"consume", "--timeout", "5s"},
                                                       {"--timeout", "5s", "consume"}};
  for (const auto& words : wrong) {
    Calls calls;
    CHECK(calls.run(words) == 2);
    CHECK_FALSE(calls.called.has_value());
  }
  Calls calls;
  CHECK(calls.run({"-o", "json", "consume", "-o", "jsonl"}) == 0);  // what stands after it wins
  CHECK(calls.called->format == OutputFormat::kJsonLines);
}

TEST_CASE("wrong usage is exit code 2 and calls nothing") {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"prodcue"},
                                                       {"task"},
                                                       {"task", "shw"},
                                                       {"produce", "--no-such-flag"},
                                                       {"produce", "-o", "xml"},
                                                       {"produce", "--manager", "nowhere"},
                                                       {"produce", "--timeout", "soon"},
                                                       {"produce", "extra"}};
  for (const auto& words : wrong) {
    Calls calls;
    CHECK(calls.run(words) == 2);
    CHECK_FALSE(calls.called.has_value());
  }
  Calls calls("not an address");
  CHECK(calls.run({"produce"}) == 2);
}

TEST_CASE("what stands behind -- is a command's own, where one is taken") {
  Calls calls;
  std::vector<std::string> command;
  std::string file;
  CLI::App& guard = calls.program.add_command(calls.program.app(),
                                              {.name = "guard", .summary = "x", .formats = {}},
                                              [&](CommonOptions) { return 42; });
  guard.add_option("FILE", file, "x")->required();
  calls.program.take_command(guard, command, "x");

  CHECK(calls.run({"guard", "f", "--", "ls", "--help", "--", "-o", ""}) == 42);
  CHECK(file == "f");
  CHECK(command == std::vector<std::string>{"ls", "--help", "--", "-o", ""});
  CHECK(calls.run({"guard", "f"}) == 42);
  CHECK(calls.run({"guard", "f", "ls"}) == 2);
  CHECK(calls.run({"guard", "f", "--"}) == 2);
  CHECK(calls.run({"guard", "--", "ls"}) == 2);  // FILE is not behind it
  CHECK(calls.run({"produce", "--"}) == 0);      // takes none: as ever
}

TEST_CASE("help and version are exit code 0") {
  for (const std::string word : {"--help", "--version"}) {
    Calls calls;
    CHECK(calls.run({word}) == 0);
  }
  Calls calls;
  CHECK(calls.run({"task", "show", "--help"}) == 0);
}
