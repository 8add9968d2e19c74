// Status and Result<T>: how every fallible call reports failure.
//
// A Status is a code from a closed list plus a text for people. The code decides what a caller does
// next; the text is only logged or shown. The codes are those of proto/error.proto, one to one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace baton {

enum class ErrorCode : std::uint8_t {
  kOk = 0,
  kInvalidArgument = 1,
  kNotFound = 2,
  kConflict = 3,
  kClaimSuperseded = 4,
  kUnavailable = 5,
  kNotLeader = 6,
  kRetryLater = 7,
  kDeadlineExceeded = 8,
  kDenied = 9,
  kUnauthenticated = 10,
  kTooLarge = 11,
  kBadFrame = 12,
  kUnsupportedVersion = 13,
  kDataLoss = 14,
  kInternal = 15,
};

// The name used in every text: "claim_superseded", "retry_later", ...
std::string_view to_string(ErrorCode code);

// The code of a number that came over the wire; kInternal for a number this build does not know.
ErrorCode error_code_from_wire(int number);

// True when the same request may succeed later without a change by the caller.
bool is_retriable(ErrorCode code);

// The exit code of the `baton` program for an error (docs/cli.md lists them).
int exit_code(ErrorCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const { return code_ == ErrorCode::kOk; }
  [[nodiscard]] ErrorCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  // "claim_superseded: task 42 was claimed again"; "ok" for success.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  ErrorCode code_ = ErrorCode::kOk;
  std::string message_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {
    BATON_CHECK(!std::get<1>(state_).ok());  // an ok Status carries no value
  }

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  [[nodiscard]] T& value() & {
    BATON_CHECK(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] const T& value() const& {
    BATON_CHECK(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] T value() && {
    BATON_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  [[nodiscard]] Status status() const { return ok() ? Status{} : std::get<1>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace baton

#define BATON_CONCAT_INNER(a, b) a##b
#define BATON_CONCAT(a, b) BATON_CONCAT_INNER(a, b)
#define BATON_ASSIGN_OR_RETURN_INNER(result, lhs, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) [[unlikely]]                              \
    return result.status();                                   \
  lhs = std::move(result).value()
#define BATON_ASSIGN_OR_RETURN(lhs, expression) \
  BATON_ASSIGN_OR_RETURN_INNER(BATON_CONCAT(result_, __LINE__), lhs, expression)
#define BATON_RETURN_IF_ERROR(expression)                                   \
  do {                                                                      \
    if (::baton::Status status_ = (expression); !status_.ok()) [[unlikely]] \
      return status_;                                                       \
  } while (false)
