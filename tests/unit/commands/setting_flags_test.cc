#include "client/commands/setting_flags.h"

#include <catch2/catch.hpp>

#include "client/commands/output.h"

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNow{1'798'135'000'000};

Result<QueueChange> parse(std::vector<std::string> words) {
  CLI::App app("x", "x");
  QueueChange change;
  add_setting_flags(app, change, [] { return kNow; });
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return Status(ErrorCode::kInvalidArgument, error.what());
  }
  return change;
}

}  // namespace

TEST_CASE("every setting has a flag, a sentence of help, and a text that is read back") {
  const QueueChange all = change_to(QueueSettings());
  const Json text = settings_text(all);
  std::size_t settings = 0;
  for_each_setting([&](const char* name, auto, auto wanted) {
    INFO(name);
    ++settings;
    CHECK_FALSE(setting_help(name).empty());
    REQUIRE(text.contains(name));
    QueueChange change;
    CHECK(set_setting(change, name, text[name].get<std::string>(), kNow).ok());
    CHECK(change.*wanted == all.*wanted);
    std::string flag = "--" + std::string(name);
    std::ranges::replace(flag, '_', '-');
    const auto parsed = parse({flag, text[name].get<std::string>()});
    REQUIRE(parsed.ok());
    CHECK(parsed.value() == change);
  });
  CHECK(text.size() == settings);
  CHECK(settings_json(all).size() == settings);
}

TEST_CASE("values are read as people write them") {
  const auto change = parse(
      {"--lease",      "1m",     "--max-attempts", "3",    "--keep",         "all",
       "--keep-bytes", "64MiB",  "--ordered",      "true", "--on-uncertain", "hold",
       "--on-dead",    "hold",   "--ttl",          "1h",   "--paused-until", "2026-12-24T18:00:00Z",
       "--max-tasks",  "1000000"});
  REQUIRE(change.ok());
  QueueChange want;
  want.lease = 1min;
  want.max_attempts = 3;
  want.keep = KeepFinished::kAll;
  want.keep_bytes = std::uint64_t{64} << 20;
  want.ordered = true;
  want.on_uncertain = OnUncertain::kHold;
  want.on_dead = OnDead::kHoldKey;
  want.time_to_live = 1h;
  want.paused_until = WallTime{1'798'135'200'000};
  want.max_tasks = 1'000'000;
  CHECK(change.value() == want);
  CHECK(settings_text(want)["keep_bytes"] == "64MiB");
  CHECK(settings_json(want)["lease_ms"] == 60'000);
  CHECK(settings_json(want)["on_dead"] == "hold");
  CHECK(settings_json(want)["paused_until"] == "2026-12-24T18:00:00.000Z");
}

TEST_CASE("a backoff is a range, and default puts a setting back") {
  const auto change = parse({"--backoff", "10s..1h", "--weight", "default"});
  REQUIRE(change.ok());
  CHECK(change.value().backoff_min == Millis(10s));
  CHECK(change.value().backoff_max == Millis(1h));
  CHECK(change.value().weight == 1U);
}

TEST_CASE("a flag of two values takes every word for them") {
  for (const char* word : {"true", "yes", "on", "1"})
    CHECK(parse({"--ordered", word}).value().ordered == true);
  for (const char* word : {"false", "no", "off", "0"})
    CHECK(parse({"--ordered", word}).value().ordered == false);
}

TEST_CASE("a pause until a time is a pause") {
  QueueChange change = parse({"--paused-until", "+5m"}).value();
  CHECK(change.paused_until == WallTime{kNow.ms + 300'000});
  CHECK(settle_change(change, kNow).ok());
  CHECK(change.paused == true);

  change = parse({"--paused-until", "0"}).value();
  CHECK(settle_change(change, kNow).ok());
  CHECK_FALSE(change.paused.has_value());
  change = parse({"--paused-until", "default"}).value();
  CHECK(settle_change(change, kNow).ok());
  CHECK_FALSE(change.paused.has_value());

  change = parse({"--paused-until", "+5m", "--paused", "off"}).value();
  CHECK(settle_change(change, kNow).code() == ErrorCode::kInvalidArgument);
  change = parse({"--paused-until", "2020-01-01T00:00:00Z"}).value();
  CHECK(settle_change(change, kNow).code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("of two settings that belong together one alone may be anything within its range") {
  QueueChange change = parse({"--backoff-min", "10m"}).value();
  CHECK(settle_change(change, kNow).ok());
  change = parse({"--backoff-max", "10ms"}).value();
  CHECK(settle_change(change, kNow).ok());
  change = parse({"--backoff-min", "10m", "--backoff-max", "5m"}).value();
  CHECK(settle_change(change, kNow).code() == ErrorCode::kInvalidArgument);
  change = parse({"--backoff-min", "4000d"}).value();
  CHECK(settle_change(change, kNow).code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("what is no value of a setting is refused with its flag's name") {
  const std::vector<std::vector<std::string>> wrong = {
      {"--lease", "soon"},
      {"--lease", "-5s"},
      {"--lease", ""},
      {"--max-attempts", "x"},
      {"--max-attempts", "-1"},
      {"--max-attempts", "4294967296"},
      {"--max-attempts", "3.5"},
      {"--keep", "some"},
      {"--keep-bytes", "much"},
      {"--keep-bytes", "-1"},
      {"--ordered", "maybe"},
      {"--on-uncertain", "drop"},
      {"--on-dead", "retry"},
      {"--paused-until", "soon"},
      {"--backoff", "5s"},
      {"--backoff", "5s..x"},
      {"--backoff", ".."},
      {"--max-tasks", "18446744073709551616"},
      {"--backoff", "1s..2s", "--backoff-min", "1s"},
      {"--no-such-setting", "1"},
      {"--lease"}};
  for (const auto& words : wrong) {
    INFO(words.front());
    const auto change = parse(words);
    REQUIRE_FALSE(change.ok());
    CHECK(change.status().message().find(words.front()) != std::string::npos);
  }
  QueueChange change;
  CHECK(set_setting(change, "nothing", "1", kNow).code() == ErrorCode::kInvalidArgument);
  CHECK(change == QueueChange());
}
