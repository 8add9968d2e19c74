#include "common/history/history_file.h"

#include <algorithm>
#include <array>
#include <istream>
#include <optional>
#include <ostream>
#include <queue>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

namespace baton::check {
namespace {

using Json = nlohmann::json;

void add_number(std::string& line, std::string_view key, std::uint64_t value) {
  if (value == 0) return;
  line += ",\"";
  line += key;
  line += "\":";
  line += std::to_string(value);
}

void add_word(std::string& line, std::string_view key, std::string_view value) {
  line += ",\"";
  line += key;
  line += "\":\"";
  line += value;
  line += '"';
}

std::string line_of(const Event& event) {
  std::string line = "{\"at\":" + std::to_string(event.at.count());
  add_word(line, "action", to_string(event.action));
  if (event.operation != 0) add_word(line, "outcome", to_string(event.outcome));
  add_number(line, "operation", event.operation);
  add_number(line, "process", event.process);
  add_number(line, "task", event.task.value());
  add_number(line, "token", event.token.value());
  add_number(line, "attempt", event.attempt);
  add_number(line, "lease_ms", event.lease_ms);
  add_number(line, "producer", event.producer);
  add_number(line, "number", event.number);
  add_number(line, "content", event.content);
  if (event.action == Action::kState && event.outcome == Outcome::kOk)
    add_word(line, "state", to_string(event.state));
  return line + "}\n";
}

std::string line_of(const ResourceSample& sample) {
  std::string line = "{\"at\":" + std::to_string(sample.at.count()) + ",\"action\":\"sample\"";
  add_number(line, "process", sample.process);
  line += ",\"what\":" + Json(sample.what).dump(-1, ' ', true, Json::error_handler_t::replace);
  add_number(line, "value", sample.value);
  add_number(line, "cap", sample.cap);
  return line + "}\n";
}

template <class Word>
std::optional<Word> word_of(std::string_view text, std::uint8_t count) {
  for (std::uint8_t i = 0; i < count; ++i) {
    if (to_string(static_cast<Word>(i)) == text) return static_cast<Word>(i);
  }
  return std::nullopt;
}

// The fields of one line, each taken once; what is left in the end nobody knows.
class Fields {
 public:
  explicit Fields(Json object) : object_(std::move(object)) {}

  std::uint64_t number(const char* key, std::uint64_t max = UINT64_MAX) {
    const auto at = object_.find(key);
    if (at == object_.end()) return 0;
    if (!at->is_number_unsigned() || at->get<std::uint64_t>() > max) {
      wrong(key);
      return 0;
    }
    const auto value = at->get<std::uint64_t>();
    object_.erase(at);
    return value;
  }
  // Without the field: empty.
  std::string text(const char* key) {
    const auto at = object_.find(key);
    if (at == object_.end()) return {};
    if (!at->is_string()) {
      wrong(key);
      return {};
    }
    std::string value = at->get<std::string>();
    object_.erase(at);
    return value;
  }
  template <class Word>
  Word word(const char* key, std::uint8_t count, Word otherwise) {
    const std::string found = text(key);
    if (found.empty()) return otherwise;
    const auto value = word_of<Word>(found, count);
    if (!value) wrong(key);
    return value.value_or(otherwise);
  }
  void wrong(const std::string& key) {
    if (status_.ok())
      status_ = Status(ErrorCode::kInvalidArgument, "\"" + key + "\" is not what it should be");
  }
  // Whether all was good.
  Status finish() {
    if (status_.ok() && !object_.empty())
      status_ =
          Status(ErrorCode::kInvalidArgument, "unknown field \"" + object_.begin().key() + "\"");
    return status_;
  }

 private:
  Json object_;
  Status status_;
};

}  // namespace

void write_history(const History& history, std::ostream& out) {
  out << "{\"baton_history\":" << kHistoryFileVersion << "}\n";
  auto sample = history.samples().begin();
  const auto samples_until = [&](Duration at) {
    for (; sample != history.samples().end() && sample->at <= at; ++sample) out << line_of(*sample);
  };
  for (const Event& event : history.events()) {
    samples_until(event.at);
    out << line_of(event);
  }
  samples_until(Duration::max());
}

// Reads one file.
class HistoryFiles::Reader {
 public:
  explicit Reader(File& file) : file_(file) {}

  Status head(const std::string& line) {
    const Json json = Json::parse(line, nullptr, false);
    const bool history = json.is_object() && json.size() == 1 && json.contains("baton_history") &&
                         json["baton_history"].is_number_unsigned();
    if (!history)
      return {ErrorCode::kInvalidArgument, "not a history: it begins without baton_history"};
    const auto version = json["baton_history"].get<std::uint64_t>();
    if (version == static_cast<std::uint64_t>(kHistoryFileVersion)) return {};
    return {ErrorCode::kUnsupportedVersion, "a history of version " + std::to_string(version) +
                                                ", and this program knows " +
                                                std::to_string(kHistoryFileVersion)};
  }

  Status line(const std::string& line) {
    Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return {ErrorCode::kInvalidArgument, "not a JSON object"};
    Fields fields(std::move(json));
    const Duration at(static_cast<std::int64_t>(fields.number("at", INT64_MAX)));
    const std::string action = fields.text("action");
    if (action == "sample") return sample(fields, at);
    const auto known = word_of<Action>(action, kActions);
    if (!known) return {ErrorCode::kInvalidArgument, "unknown action \"" + action + "\""};
    return event(fields, at, *known);
  }

 private:
  Status sample(Fields& fields, Duration at) {
    ResourceSample sample;
    sample.at = at;
    sample.process = fields.number("process");
    sample.what = fields.text("what");
    sample.value = fields.number("value");
    sample.cap = fields.number("cap");
    if (sample.what.empty()) fields.wrong("what");
    file_.samples.push_back(std::move(sample));
    return fields.finish();
  }

  Status event(Fields& fields, Duration at, Action action) {
    Event event;
    event.at = at;
    event.action = action;
    event.operation = fields.number("operation");
    event.outcome = fields.word("outcome", kOutcomes, Outcome::kOk);
    event.process = fields.number("process");
    event.task = TaskId(fields.number("task"));
    event.token = Token(fields.number("token"));
    event.attempt = static_cast<std::uint32_t>(fields.number("attempt", UINT32_MAX));
    event.lease_ms = static_cast<std::uint32_t>(fields.number("lease_ms", UINT32_MAX));
    event.producer = fields.number("producer");
    event.number = fields.number("number");
    event.content = fields.number("content");
    event.state = fields.word("state", kFinalStates, FinalState::kNotFound);
    BATON_RETURN_IF_ERROR(fields.finish());
    file_.events.push_back(event);
    return match(event);
  }

  // An operation is invoked once and ended at most once, by an event of the same action.
  Status match(const Event& event) {
    if (event.operation == 0) {
      if (event.outcome == Outcome::kOk) return {};
      return {ErrorCode::kInvalidArgument, "an outcome without an operation"};
    }
    if (event.outcome == Outcome::kInvoke) {
      if (invoked_.try_emplace(event.operation, event.action).second) return {};
      return {ErrorCode::kInvalidArgument,
              "operation " + std::to_string(event.operation) + " was invoked before"};
    }
    const auto open = invoked_.find(event.operation);
    if (open == invoked_.end() || open->second != event.action) {
      return {ErrorCode::kInvalidArgument, "no " + std::string(to_string(event.action)) +
                                               " is open as operation " +
                                               std::to_string(event.operation)};
    }
    open->second = std::nullopt;
    return {};
  }

  File& file_;
  std::unordered_map<std::uint64_t, std::optional<Action>> invoked_;  // none: it has ended
};

Status HistoryFiles::read(std::istream& in, const std::string& name) {
  File& file = files_.emplace_back();
  Reader reader(file);
  std::array<char, kHistoryLineBytesMax + 2> buffer{};  // and its newline, and an end
  std::size_t number = 0;
  const auto wrong = [&](const Status& status) {
    return Status(status.code(), name + ":" + std::to_string(number) + ": " + status.message());
  };
  while (in.good() && in.peek() != std::istream::traits_type::eof()) {
    ++number;
    in.getline(buffer.data(), buffer.size());
    if (in.fail()) return wrong({ErrorCode::kInvalidArgument, "the line is too long"});
    const bool cut = in.eof();  // without its newline
    const std::string line(buffer.data(), static_cast<std::size_t>(in.gcount()) - (cut ? 0 : 1));
    if (number > kHistoryLinesMax) return wrong({ErrorCode::kInvalidArgument, "too many lines"});
    if (cut && number > 1) {
      ++cut_lines_;
      break;
    }
    const Status status = number == 1 ? reader.head(line) : reader.line(line);
    if (!status.ok()) return wrong(status);
  }
  if (number == 0) return wrong({ErrorCode::kInvalidArgument, "an empty file"});
  return {};
}

// Of events at the same time invokes go first: nobody can say that they did not.
History HistoryFiles::merge() {
  struct Place {
    std::size_t file;
    std::size_t event;
  };
  const auto later = [this](const Place& a, const Place& b) {
    const Event& left = files_[a.file].events[a.event];
    const Event& right = files_[b.file].events[b.event];
    if (left.at != right.at) return left.at > right.at;
    const bool left_first = left.outcome == Outcome::kInvoke;
    const bool right_first = right.outcome == Outcome::kInvoke;
    return left_first != right_first ? right_first : a.file > b.file;
  };
  std::priority_queue<Place, std::vector<Place>, decltype(later)> next(later);
  for (std::size_t file = 0; file < files_.size(); ++file) {
    if (!files_[file].events.empty()) next.push({file, 0});
  }
  History history;
  std::vector<std::unordered_map<std::uint64_t, std::uint64_t>> operations(files_.size());
  while (!next.empty()) {
    const Place place = next.top();
    next.pop();
    const Event& event = files_[place.file].events[place.event];
    auto& known = operations[place.file];
    if (event.operation == 0) {
      history.note(event);
    } else if (event.outcome == Outcome::kInvoke) {
      known[event.operation] = history.invoke(event);
    } else {
      history.end_as(known.at(event.operation), event);
    }
    if (place.event + 1 < files_[place.file].events.size())
      next.push({place.file, place.event + 1});
  }
  std::vector<ResourceSample> samples;
  for (File& file : files_) {
    std::move(file.samples.begin(), file.samples.end(), std::back_inserter(samples));
  }
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
    return std::tie(a.at, a.process, a.what) < std::tie(b.at, b.process, b.what);
  });
  for (ResourceSample& sample : samples) history.sample(std::move(sample));
  files_.clear();
  return history;
}

}  // namespace baton::check
