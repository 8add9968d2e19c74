// What a command prints: data on stdout, in the format that -o chose. Everything else goes to
// stderr.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/payload_json.h"

namespace baton::commands {

enum class OutputFormat { kTable, kJson, kJsonLines };

// Standard output as a stream that notices when its reader has gone.
class Output {
 public:
  explicit Output(std::FILE* file) : file_(file) {}

  // Both are false once any write has failed; nothing is written after that.
  bool write(std::string_view bytes);
  bool flush();
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::FILE* file_;
  bool ok_ = true;
};

// A column of a table; `key` names the field of the JSON row that fills it.
struct Column {
  std::string key;
  std::string title;
};

// Rows of one kind: an aligned table with titles, one JSON array, or one JSON object a line. A
// table is printed in parts of 10,000 rows, since its widths need them; the other two row by row.
class RowWriter {
 public:
  RowWriter(Output& output, OutputFormat format, std::vector<Column> columns);

  bool add(const Json& row);
  bool finish();

 private:
  bool print_table();

  Output& output_;
  OutputFormat format_;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> cells_;
  std::vector<std::size_t> widths_;
  bool first_ = true;
};

// One object: "key  value" lines, or JSON.
bool print_object(Output& output, OutputFormat format, const Json& object);

// A JSON value as people read it: text without quotes, yes and no, "-" for nothing, lists with
// commas.
std::string plain_text(const Json& value);

// Bytes as one field of a line: the last newline is a command's habit, the other ones, tabs and
// backslashes become \n, \t and \\.
std::string one_line(std::string_view bytes);

// "2026-11-22T04:23:03.123Z"
std::string rfc3339(std::int64_t wall_ms);

// JSON text; bytes that are no UTF-8 (names and reasons should be) are replaced, never thrown over.
std::string json_text(const Json& value, int indent = -1);

}  // namespace baton::commands
