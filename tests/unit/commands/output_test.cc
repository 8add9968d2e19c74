#include "client/commands/output.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <catch2/catch.hpp>

using namespace baton::commands;

namespace {

// A file in memory in place of standard output.
struct Sink {
  Sink() : file(open_memstream(&bytes, &size)), output(file) {}
  ~Sink() {
    std::fclose(file);
    std::free(bytes);
  }
  std::string text() {
    std::fflush(file);
    return {bytes, size};
  }
  char* bytes = nullptr;
  std::size_t size = 0;
  std::FILE* file;
  Output output;
};

std::string rows(OutputFormat format, const std::vector<Json>& all) {
  Sink sink;
  RowWriter writer(sink.output, format, {{"name", "NAME"}, {"n", "COUNT"}, {"up", "UP"}});
  for (const Json& row : all) writer.add(row);
  writer.finish();
  return sink.text();
}

}  // namespace

TEST_CASE("a table is aligned, and its last column is not padded") {
  CHECK(rows(OutputFormat::kTable,
             {{{"name", "a"}, {"n", 1}, {"up", true}}, {{"name", "longer"}, {"n", 12345}}}) ==
        "NAME    COUNT  UP\n"
        "a       1      yes\n"
        "longer  12345  -\n");
}

TEST_CASE("a table without rows still has its titles, JSON is an empty list, JSON lines are none") {
  CHECK(rows(OutputFormat::kTable, {}) == "NAME  COUNT  UP\n");
  CHECK(rows(OutputFormat::kJson, {}) == "[]\n");
  CHECK(rows(OutputFormat::kJsonLines, {}).empty());
}

TEST_CASE("JSON rows keep every field, also those that the table leaves out") {
  const Json row{{"name", "a"}, {"other", nullptr}};

  CHECK(rows(OutputFormat::kJsonLines, {row, row}) ==
        "{\"name\":\"a\",\"other\":null}\n{\"name\":\"a\",\"other\":null}\n");
  CHECK(Json::parse(rows(OutputFormat::kJson, {row, row})).size() == 2);
}

TEST_CASE("control characters of a name cannot move the cursor") {
  CHECK(rows(OutputFormat::kTable, {{{"name", "a\x1b[2Jb\n"}, {"n", 1}, {"up", false}}})
            .find('\x1b') == std::string::npos);
}

TEST_CASE("bytes that are no UTF-8 do not stop the printing") {
  CHECK(rows(OutputFormat::kJsonLines, {{{"name", "\xff"}}}).ends_with("}\n"));
}

TEST_CASE("an object is printed a field a line, or as JSON") {
  Sink plain;
  print_object(plain.output, OutputFormat::kTable,
               {{"id", "7"}, {"state", "done"}, {"list", {1, 2}}, {"no", nullptr}});
  CHECK(plain.text() == "id     7\nstate  done\nlist   1,2\nno     -\n");

  Sink lines;
  print_object(lines.output, OutputFormat::kJsonLines, {{"id", "7"}});
  CHECK(lines.text() == "{\"id\":\"7\"}\n");
}

TEST_CASE("times are RFC 3339 with milliseconds, in UTC") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(1'795'321'383'045) == "2026-11-22T04:23:03.045Z");
}

TEST_CASE("an output whose reader has gone says so and stays so") {
  std::FILE* full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  Output output(full);

  output.write("text");
  CHECK_FALSE(output.flush());
  CHECK_FALSE(output.write("more"));
  CHECK_FALSE(output.ok());
  std::fclose(full);
}

TEST_CASE("a long table is printed in parts whose columns stay in line") {
  std::vector<Json> all(10'001, Json{{"name", "abc"}, {"n", 1}, {"up", true}});
  all.back()["name"] = "a longer one";
  const std::string text = rows(OutputFormat::kTable, all);

  CHECK(text.starts_with("NAME  COUNT  UP\nabc   1      yes\n"));
  CHECK(text.ends_with("\nabc   1      yes\na longer one  1      yes\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 10'002);
}

TEST_CASE("bytes become one field of a line") {
  CHECK(one_line("a\tb\nc\\d\n") == "a\\tb\\nc\\\\d");
  CHECK(one_line("\n\n") == "\\n");
  CHECK(one_line("").empty());
}
