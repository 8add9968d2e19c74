// FenceFile: the highest fencing token that has passed, in a file, so that a smaller one is refused.
//
// A pass compares, records and holds: until the FenceFile is gone, or every process that inherited
// its descriptor has ended, every other pass of the same file waits. So whatever is done while it is
// held is in strictly growing order of tokens, apart from repetitions by one token.
//
// Crash-safe: a new record is written beside the file, synced, renamed over it, and the name synced,
// before anybody may act on it. A crash leaves the old record or the new one. An existing file is
// never taken for an empty one: what is no whole record is damage, and is left as it is.
//
// The file is replaced, so its folder must be writable, and it may have one name only (a symbolic
// link is followed). Locks are those of flock(2): a local file system, not NFS. While a fence is in
// use nobody may remove its file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton {

class FenceFile {
 public:
  // Waits for others, at most `wait` where it is given (with SIGALRM: one call at a time in a
  // process), then lets `token` pass. Nothing was recorded on failure, but for `unavailable`, after
  // which a crash decides:
  //
  //   claim_superseded     the file has seen a larger token; the message names both
  //   deadline_exceeded    somebody else held the file for so long
  //   data_loss            the file is damaged
  //   unsupported_version  a newer Baton wrote it
  //   not_found            the folder is not there
  //   denied               no permission
  //   invalid_argument     the path names no regular file, or one with several names
  //   unavailable          any other failure: disk full, I/O error
  static Result<FenceFile> pass(const std::string& path, Token token, std::optional<Millis> wait);

  FenceFile(FenceFile&& other) noexcept;
  FenceFile& operator=(FenceFile&& other) = delete;
  ~FenceFile();

  // A program that this process becomes inherits the hold.
  Status keep_over_exec() const;

 private:
  explicit FenceFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

// A token as BATON_TOKEN has it: decimal digits. invalid_argument: empty, anything else, 0, or more
// than 64 bits.
Result<Token> parse_token(std::string_view text);

// The line that a fence's file consists of, and the token of one.
std::string fence_record(Token token);
Result<Token> parse_fence_record(std::string_view text);

}  // namespace baton
