#include "common/daemon/log_line.h"

#include <catch2/catch.hpp>

namespace baton {
namespace {

std::string text(std::vector<LogField> fields, std::uint64_t suppressed = 0) {
  return text_line({LogLevel::kInfo, "baton-center", "listening", fields, suppressed});
}
std::string json(std::vector<LogField> fields, std::uint64_t suppressed = 0) {
  return json_line({LogLevel::kWarn, "c", "odd event", fields, suppressed});
}

TEST_CASE("a text line is level, component, event and key=value pairs") {
  CHECK(text({kv("address", "127.0.0.1:10000"), kv("tasks", 42)}) ==
        "INFO baton-center listening address=127.0.0.1:10000 tasks=42");
  CHECK(text_line({LogLevel::kError, "", "x", {}, 0}) == "ERROR x");
  CHECK(text({}, 17) == "INFO baton-center listening suppressed=17");
}

TEST_CASE("values that would break the line are quoted") {
  CHECK(text({kv("reason", "two words")}) == "INFO baton-center listening reason=\"two words\"");
  CHECK(text({kv("reason", "")}) == "INFO baton-center listening reason=\"\"");
  CHECK(text({kv("reason", "a\nb\"c\\d")}) == R"(INFO baton-center listening reason="a\nb\"c\\d")");
  CHECK(text({kv("reason", std::string("\x1b[31m"))}) ==
        "INFO baton-center listening reason=\"\\u001b[31m\"");
}

TEST_CASE("a JSON line has the same, as members") {
  CHECK(json({kv("address", "a:1")}, 3) ==
        R"("level":"warn","component":"c","event":"odd event","address":"a:1","suppressed":"3")");
}

TEST_CASE("a JSON line stays UTF-8 whatever a value is") {
  CHECK(json({kv("v", "gr\xc3\xbc\xc3\x9f")}).find("gr\xc3\xbc\xc3\x9f") != std::string::npos);
  CHECK(json({kv("v", "\xff\xc3(")}).find(R"("v":"\u00ff\u00c3(")") != std::string::npos);
  CHECK(json({kv("v", "\xc0\xaf")}).find(R"(\u00c0\u00af)") != std::string::npos);  // overlong
  CHECK(json({kv("v", "\xed\xa0\x80")}).find(R"(\u00ed\u00a0\u0080)") !=
        std::string::npos);  // surrogate
  CHECK(json({kv("v", "\xf0\x9f\x98\x80")}).find("\xf0\x9f\x98\x80") != std::string::npos);
  CHECK(json({kv("v", "cut \xf0\x9f")}).find(R"(cut \u00f0\u009f)") != std::string::npos);
}

}  // namespace
}  // namespace baton
