#include "tests/scenarios/ledger/conversation_text.h"

#include <map>
#include <sstream>
#include <stdexcept>

namespace baton::center::scenario {
namespace {

constexpr std::uint64_t kGeneration = std::uint64_t{1} << 52;

}  // namespace

std::string text(TaskId id) {
  return std::to_string(id.shard().value()) + "." + std::to_string(id.offset().value());
}
std::string text(Token token) {
  return token ? "#" + std::to_string(token.value() & (kGeneration - 1)) : "-";
}
std::string text(const Status& status) { return std::string(to_string(status.code())); }

TaskId task_of(const std::string& word) {
  const std::size_t dot = word.find('.');
  return TaskId(ShardId(static_cast<std::uint32_t>(std::stoul(word.substr(0, dot)))),
                Offset(std::stoull(word.substr(dot + 1))));
}
Token token_of(const std::string& word) { return Token(kGeneration | std::stoull(word.substr(1))); }

Millis duration_of(const std::string& word) {
  std::size_t end = 0;
  const auto count = static_cast<std::int64_t>(std::stoull(word, &end));
  const std::string unit = word.substr(end);
  if (unit == "ms") return Millis(count);
  if (unit == "s") return std::chrono::seconds(count);
  if (unit == "m") return std::chrono::minutes(count);
  if (unit == "h") return std::chrono::hours(count);
  throw std::invalid_argument("no duration: " + word);
}

FailurePolicy policy_of(const std::string& word) {
  static const std::map<std::string, FailurePolicy> kPolicies = {{"", FailurePolicy::kDefault},
                                                                 {"fail", FailurePolicy::kFail},
                                                                 {"ignore", FailurePolicy::kIgnore},
                                                                 {"wait", FailurePolicy::kWait}};
  const auto found = kPolicies.find(word);
  if (found == kPolicies.end()) throw std::invalid_argument("no policy: " + word);
  return found->second;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

Uuid uuid_of(const std::string& name) {
  std::uint64_t letters = 0;
  for (const char c : name.substr(0, 8)) letters = letters << 8 | static_cast<unsigned char>(c);
  return Uuid{letters, 1};
}

}  // namespace baton::center::scenario
