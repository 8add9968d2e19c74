#include "client/session_lines.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::client {

SessionLines::SessionLines(const std::vector<std::string>& queues) {
  BATON_CHECK(!queues.empty());
  for (const std::string& queue : queues) lines_.push_back(Line{.queue = queue});
}

void SessionLines::reset() {
  for (Line& line : lines_) line = Line{.queue = std::move(line.queue)};
  highest_ = 0;
}

const SessionLines::Line* SessionLines::first_open() const {
  const auto open = std::ranges::find_if(lines_, [](const Line& line) { return line.number != 0; });
  return open == lines_.end() ? nullptr : &*open;
}

std::vector<SessionLines::Line*> SessionLines::to_open(MonoTime now) {
  std::vector<Line*> lines;
  for (Line& line : lines_) {
    if (line.number == 0 && line.not_before <= now) lines.push_back(&line);
  }
  return lines;
}

std::vector<SessionLines::Line*> SessionLines::to_end(MonoTime now) {
  std::vector<Line*> lines;
  for (Line& line : lines_) {
    if (line.number != 0 && line.ending == 0 && line.not_before <= now) lines.push_back(&line);
  }
  return lines;
}

MonoTime SessionLines::next_try(MonoTime now) const {
  MonoTime next = MonoTime::max();
  for (const Line& line : lines_) {
    if (line.not_before > now) next = std::min(next, line.not_before);
  }
  return next;
}

// The lowest above all that were given whose remainder is the line's.
void SessionLines::open(Line& line) {
  const std::size_t count = lines_.size();
  const auto index = static_cast<std::size_t>(&line - lines_.data());
  const std::size_t round = (highest_ + count - 1 - index) / count;
  line.number = highest_ = static_cast<std::uint32_t>(round * count + index + 1);
}

void SessionLines::close(Line& line) {
  line.number = 0;
  line.opening = line.ending = 0;
}

SessionLines::Line* SessionLines::demanded_by(std::uint64_t request) {
  const auto opened = std::ranges::find(lines_, request, &Line::opening);
  if (request != 0 && opened != lines_.end()) return &*opened;
  const auto open = std::ranges::find_if(lines_, [](const Line& line) { return line.number != 0; });
  return open == lines_.end() ? nullptr : &*open;
}

SessionLines::Line* SessionLines::ended_by(std::uint64_t request) {
  const auto ending = std::ranges::find(lines_, request, &Line::ending);
  return request == 0 || ending == lines_.end() ? nullptr : &*ending;
}

const std::string* SessionLines::queue_of(std::uint32_t number) const {
  if (lines_.size() == 1) return &lines_.front().queue;
  if (number == 0 || number > highest_) return nullptr;
  return &lines_[(number - 1) % lines_.size()].queue;
}

}  // namespace baton::client
