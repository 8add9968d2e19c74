// The I/O errors of a sweep, and what a store must say of them.
#pragma once

#include "common/base/status.h"
#include "tests/support/sim_env.h"

namespace baton::recovery {

struct ErrorKind {
  sim::Fault fault;
  const char* name;
};
inline constexpr ErrorKind kErrorKinds[] = {
    {sim::Fault::kError, "EIO"},
    {sim::Fault::kNoSpace, "ENOSPC"},
    {sim::Fault::kShortWrite, "a short write"},
    {sim::Fault::kCleanPages, "EIO that cleans pages"},
};

// The message that an operator gets must name the error and the file. Throws a Violation.
void require_clear(const Status& status);

}  // namespace baton::recovery
