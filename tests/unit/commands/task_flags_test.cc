#include "client/commands/task_flags.h"

#include <set>

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

const TaskOptionSpec& spec(std::string_view name) {
  for (const TaskOptionSpec& candidate : task_option_specs()) {
    if (candidate.name == name) return candidate;
  }
  FAIL("no option is called " << name);
  return task_option_specs().front();
}

Status set(TaskOptions& options, std::string_view name, std::string_view text) {
  return spec(name).set(options, text);
}

// The flags of a command line, or why not.
Result<TaskOptions> parse(std::vector<std::string> words) {
  CLI::App app("x", "x");
  TaskOptions options;
  add_task_flags(app, options);
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return Status(ErrorCode::kInvalidArgument, error.what());
  }
  return options;
}

}  // namespace

TEST_CASE("every option can be set by its flag") {
  const auto options = parse({"--priority",
                              "9",
                              "--ttl",
                              "1h",
                              "--wait-timeout",
                              "2m",
                              "--attempt-timeout",
                              "30s",
                              "--total-timeout",
                              "1d",
                              "--max-attempts",
                              "3",
                              "--key",
                              "k",
                              "--order-key",
                              "o",
                              "--fair-key",
                              "f",
                              "--fair-weight",
                              "7",
                              "--type",
                              "t",
                              "--on-failed",
                              "wait",
                              "--parent",
                              "17592186044417",
                              "--token",
                              "99",
                              "--with-completion",
                              "--delay",
                              "5s",
                              "--after",
                              "17592186044418,17592186044419",
                              "--after",
                              "17592186044420"});
  REQUIRE(options.ok());
  TaskOptions want;
  want.priority = 9;
  want.time_to_live = 1h;
  want.wait_timeout = 2min;
  want.attempt_timeout = 30s;
  want.total_timeout = 24h;
  want.max_attempts = 3;
  want.key = "k";
  want.order_key = "o";
  want.fair_key = "f";
  want.fair_weight = 7;
  want.type = "t";
  want.on_failed = FailurePolicy::kWait;
  want.parent = TaskId(17592186044417);
  want.parent_token = Token(99);
  want.with_completion = true;
  want.delay = 5s;
  want.after = {TaskId(17592186044418), TaskId(17592186044419), TaskId(17592186044420)};
  CHECK(options.value() == want);
  want.key.clear();  // not together with --with-completion
  CHECK(validate_task_options(want).ok());
}

TEST_CASE("without flags nothing is asked for") { CHECK(parse({}).value() == TaskOptions()); }

TEST_CASE("a time is absolute, or so long from when the task is taken") {
  TaskOptions options;
  REQUIRE(set(options, "at", "+10m").ok());
  CHECK(options.delay == 10min);
  CHECK(options.not_before.ms == 0);
  REQUIRE(set(options, "at", "2026-12-24T18:00:00Z").ok());
  CHECK(options.delay == Millis(0));
  CHECK(options.not_before.ms == 1'798'135'200'000);
  REQUIRE(set(options, "delay", "1s").ok());
  CHECK(options.not_before.ms == 0);
}

TEST_CASE("every wrong value is refused with a sentence, and changes nothing") {
  const std::string long_text(201, 'x');
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong = {
      {"priority", {"", "0", "11", "-1", "high", "5.5", "5 ", "99999999999999999999"}},
      {"delay", {"", "soon", "-5s", "5", "11000d", "3654d"}},
      {"at",
       {"", "soon", "+", "+soon", "2026-12-24", "1969-12-31T00:00:00Z", "2999-01-01T00:00:00Z"}},
      {"ttl", {"", "x", "-1s", "9999999999d"}},
      {"wait_timeout", {"", "x"}},
      {"attempt_timeout", {"", "x"}},
      {"total_timeout", {"", "x"}},
      {"max_attempts", {"", "0", "1001", "-1", "many", "4294967297"}},
      {"key", {"", long_text}},
      {"order_key", {"", long_text}},
      {"fair_key", {"", long_text}},
      {"fair_weight", {"", "0", "101", "x"}},
      {"type", {"", long_text}},
      {"after", {"", "x", "0", "17592186044417,x"}},
      {"on_failed", {"", "retry", "FAIL"}},
      {"parent", {"", "0", "x", "5"}},
      {"token", {"", "0", "-1", "x", "18446744073709551616"}},
      {"with_completion", {"", "1", "yes"}}};
  std::set<std::string> tested;
  for (const auto& [name, texts] : wrong) {
    tested.insert(name);
    for (const std::string& text : texts) {
      INFO(name << " " << text);
      TaskOptions options;
      const Status status = set(options, name, text);
      CHECK(status.code() == ErrorCode::kInvalidArgument);
      CHECK_FALSE(status.message().empty());
      CHECK(options == TaskOptions());
    }
  }
  CHECK(tested.size() == task_option_specs().size());  // none was forgotten
}

TEST_CASE("more tasks than a task may run after are refused") {
  std::string seventeen;
  for (int i = 1; i <= 17; ++i) seventeen += std::to_string(17592186044416 + i) + ",";
  TaskOptions options;
  CHECK(set(options, "after", seventeen).message() == "name 1 to 16 tasks");
}

TEST_CASE("a wrong flag names itself, and flags that contradict each other are refused") {
  CHECK(parse({"--priority", "11"}).status().message().find("--priority") != std::string::npos);
  CHECK_FALSE(parse({"--delay", "5s", "--at", "+5s"}).ok());
  CHECK_FALSE(parse({"--key", "a", "--key", "b"}).ok());
  CHECK_FALSE(parse({"--priority"}).ok());
}

// ---- JSON lines ---------------------------------------------------------------------------------

TEST_CASE("a JSON line may set every option, and goes before the defaults") {
  TaskOptions defaults;
  defaults.priority = 2;
  defaults.type = "default";
  const auto task = task_of_json(
      R"({"payload":"hi","priority":9,"delay":"5s","order_key":"o","max_attempts":"3",
          "after":["17592186044417",17592186044418],"parent":"17592186044419","token":7,
          "with_completion":true,"key":null})",
      defaults);
  REQUIRE(task.ok());
  CHECK(task.value().payload == "hi");
  const TaskOptions& options = *task.value().options;
  CHECK(options.priority == 9);
  CHECK(options.type == "default");
  CHECK(options.delay == 5s);
  CHECK(options.order_key == "o");
  CHECK(options.max_attempts == 3);
  CHECK(options.after == std::vector<TaskId>{TaskId(17592186044417), TaskId(17592186044418)});
  CHECK(options.parent_token == Token(7));
  CHECK(options.with_completion);
  CHECK(options.key.empty());

  defaults.after = {TaskId(17592186044417)};
  CHECK(task_of_json(R"({"payload":"hi","after":[]})", defaults).value().options->after.empty());
}

TEST_CASE("a JSON line that is no task says what is wrong") {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"nonsense", "object"},
      {"[]", "object"},
      {"{}", "payload"},
      {R"({"payload":5})", "payload"},
      {R"({"payload":"a","payload_base64":"YQ=="})", "payload"},
      {R"({"payload_base64":"***"})", "base64"},
      {R"({"payload":"a","prioritty":5})", "did you mean \"priority\""},
      {R"({"payload":"a","priority":11})", "\"priority\""},
      {R"({"payload":"a","priority":true})", "\"priority\" wants"},
      {R"({"payload":"a","priority":[5]})", "\"priority\" wants"},
      {R"({"payload":"a","priority":5.5})", "\"priority\" wants"},
      {R"({"payload":"a","delay":5})", "\"delay\""},
      {R"({"payload":"a","delay":"5s","at":"+5s"})", "exclude"},
      {R"({"payload":"a","after":[["1"]]})", "\"after\" wants"},
      {R"({"payload":"a","with_completion":"true"})", "\"with_completion\" wants"},
      {R"({"payload":"a","with_completion":true})", "parent"},
      {R"({"payload":"a","fair_weight":5})", "fair_key"},
      {R"({"payload":"a","parent":"17592186044417"})", "token"}};
  for (const auto& [line, sentence] : wrong) {
    INFO(line);
    const auto task = task_of_json(line, {});
    CHECK(task.status().code() == ErrorCode::kInvalidArgument);
    CHECK(task.status().message().find(sentence) != std::string::npos);
  }
}
