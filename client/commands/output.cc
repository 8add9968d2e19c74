#include "client/commands/output.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <utility>

namespace baton::commands {
namespace {

constexpr std::size_t kRowsOfPart = 10'000;

// Control characters in a name or reason must not move the reader's cursor.
std::string visible(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

void append_padded(std::string& line, const std::string& text, std::size_t width, bool last) {
  line += text;
  if (!last) line.append(width - text.size() + 2, ' ');
}

}  // namespace

bool Output::write(std::string_view bytes) {
  if (ok_ && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) ok_ = false;
  return ok_;
}

bool Output::flush() {
  if (ok_ && std::fflush(file_) != 0) ok_ = false;
  return ok_;
}

RowWriter::RowWriter(Output& output, OutputFormat format, std::vector<Column> columns)
    : output_(output), format_(format), columns_(std::move(columns)) {}

bool RowWriter::add(const Json& row) {
  switch (format_) {
    case OutputFormat::kTable: {
      std::vector<std::string> cells;
      for (const Column& column : columns_) {
        cells.push_back(row.contains(column.key) ? visible(plain_text(row[column.key])) : "-");
      }
      cells_.push_back(std::move(cells));
      return cells_.size() < kRowsOfPart ? output_.ok() : print_table();
    }
    case OutputFormat::kJson:
      output_.write(first_ ? "[\n" : ",\n");
      first_ = false;
      return output_.write(json_text(row));
    case OutputFormat::kJsonLines:
      return output_.write(json_text(row) + "\n");
  }
  return false;
}

bool RowWriter::finish() {
  if (format_ == OutputFormat::kTable) print_table();
  if (format_ == OutputFormat::kJson) output_.write(first_ ? "[]\n" : "\n]\n");
  return output_.flush();
}

bool RowWriter::print_table() {
  if (std::exchange(first_, false)) {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    cells_.insert(cells_.begin(), titles);
    widths_.resize(columns_.size());
  }
  for (const auto& cells : cells_) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths_[i] = std::max(widths_[i], cells[i].size());
  }
  for (const auto& cells : cells_) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      append_padded(line, cells[i], widths_[i], i + 1 == cells.size());
    }
    output_.write(line + "\n");
  }
  cells_.clear();
  return output_.ok();
}

bool print_object(Output& output, OutputFormat format, const Json& object) {
  if (format != OutputFormat::kTable) {
    output.write(json_text(object, format == OutputFormat::kJson ? 2 : -1) + "\n");
    return output.flush();
  }
  std::size_t width = 0;
  for (const auto& [key, value] : object.items()) width = std::max(width, key.size());
  for (const auto& [key, value] : object.items()) {
    std::string line;
    append_padded(line, key, width, false);
    output.write(line + visible(plain_text(value)) + "\n");
  }
  return output.flush();
}

std::string plain_text(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? "-" : text;
  }
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) text += (text.empty() ? "" : ",") + plain_text(item);
    return text.empty() ? "-" : text;
  }
  return json_text(value);
}

std::string one_line(std::string_view bytes) {
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  std::string text;
  for (const char c : bytes) {
    switch (c) {
      case '\n':
        text += "\\n";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\\':
        text += "\\\\";
        break;
      default:
        text += c;
    }
  }
  return text;
}

std::string rfc3339(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> millis{};
  std::snprintf(millis.data(), millis.size(), ".%03dZ", static_cast<int>(wall_ms % 1000));
  return std::string(text.data(), length) + millis.data();
}

std::string json_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace baton::commands
