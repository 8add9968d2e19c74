#include "client/commands/nack_wish.h"

#include <algorithm>
#include <charconv>

#include "common/base/duration_text.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

namespace baton::commands {
namespace {

constexpr std::size_t kQuotedBytesMax = 40;

std::string quoted(std::string_view line) {
  const bool cut = line.size() > kQuotedBytesMax;
  return "'" + std::string(line.substr(0, kQuotedBytesMax)) + (cut ? "...'" : "'");
}

// What comes before `separator`, and `text` begins behind it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

// A cut never leaves a part of a character. REQUIRES: UTF-8.
std::string cut_reason(std::string_view text) {
  while (text.size() > kReasonBytesMax || !is_utf8(text)) {
    text = text.substr(0, std::min(text.size() - 1, kReasonBytesMax));
  }
  return std::string(text);
}

Status wish_reason(NackWish& wish, std::string_view text) {
  if (text.empty()) return {ErrorCode::kInvalidArgument, "says no reason"};
  if (!is_utf8(text)) return {ErrorCode::kInvalidArgument, "is not UTF-8"};
  wish.reason = cut_reason(text);
  return {};
}

Status wish_delay(NackWish& wish, std::string_view text) {
  BATON_ASSIGN_OR_RETURN(const Millis delay, parse_duration(text));
  if (delay > kTaskSpanMax) return {ErrorCode::kInvalidArgument, "is over 10 years"};
  wish.options.delay = delay;
  return {};
}

Status wish_dead(NackWish& wish, std::string_view text) {
  if (!text.empty()) return {ErrorCode::kInvalidArgument, "has a word behind dead"};
  wish.options.dead = true;
  return {};
}

Status read_line(NackWish& wish, std::string_view line) {
  std::string_view rest = line;
  const std::string_view word = take_until(rest, ' ');
  if (word == "reason") return wish_reason(wish, trimmed(rest));
  if (word == "delay") return wish_delay(wish, trimmed(rest));
  if (word == "dead") return wish_dead(wish, trimmed(rest));
  return {ErrorCode::kInvalidArgument, "is none of: reason TEXT, delay DURATION, dead"};
}

}  // namespace

NackWish parse_nack_wish(std::string_view text) {
  NackWish wish;
  if (text.size() > kNackFileBytesMax) {
    wish.complaints.emplace_back("only the first 64 KiB are read");
    text = text.substr(0, kNackFileBytesMax);
  }
  while (!text.empty()) {
    const std::string_view line = trimmed(take_until(text, '\n'));
    if (line.empty()) continue;
    const Status read = read_line(wish, line);
    if (!read.ok()) wish.complaints.push_back(quoted(line) + " " + read.message());
  }
  if (wish.options.dead && wish.options.delay) {
    wish.complaints.emplace_back("a task that is dead has no delay");
    wish.options.delay.reset();
  }
  return wish;
}

Result<ExitCodes> parse_exit_codes(std::string_view text) {
  ExitCodes codes;
  for (bool more = true; more;) {
    more = text.find(',') != std::string_view::npos;
    const std::string_view word = take_until(text, ',');
    std::size_t code = 0;
    const char* end = word.data() + word.size();
    const auto [stopped, error] = std::from_chars(word.data(), end, code);
    if (error != std::errc() || stopped != end || code < 1 || code > 255) {
      return Status(ErrorCode::kInvalidArgument,
                    quoted(word) + " is no exit code from 1 to 255; want CODE[,CODE...]");
    }
    codes.set(code);
  }
  return codes;
}

}  // namespace baton::commands
