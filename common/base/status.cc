#include "common/base/status.h"

#include <array>

namespace baton {
namespace {

struct CodeFacts {
  std::string_view name;
  bool retriable;
  int exit_code;
};

// Indexed by ErrorCode.
constexpr std::array<CodeFacts, 16> kFacts = {{
    {"ok", false, 0},
    {"invalid_argument", false, 2},
    {"not_found", false, 3},
    {"conflict", false, 4},
    {"claim_superseded", false, 4},
    {"unavailable", true, 5},
    {"not_leader", true, 5},
    {"retry_later", true, 5},
    {"deadline_exceeded", true, 6},
    {"denied", false, 7},
    {"unauthenticated", false, 7},
    {"too_large", false, 1},
    {"bad_frame", false, 1},
    {"unsupported_version", false, 1},
    {"data_loss", false, 1},
    {"internal", false, 1},
}};

const CodeFacts& facts(ErrorCode code) { return kFacts[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view to_string(ErrorCode code) { return facts(code).name; }

ErrorCode error_code_from_wire(int number) {
  const bool known = number >= 0 && number < static_cast<int>(kFacts.size());
  return known ? static_cast<ErrorCode>(number) : ErrorCode::kInternal;
}

bool is_retriable(ErrorCode code) { return facts(code).retriable; }

int exit_code(ErrorCode code) { return facts(code).exit_code; }

std::string Status::to_string() const {
  std::string text(baton::to_string(code_));
  if (!message_.empty()) text.append(": ").append(message_);
  return text;
}

}  // namespace baton
