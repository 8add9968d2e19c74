// NackWish: what a command of `baton consume --exec` wants to become of its task when it fails, from
// the file BATON_NACK_FILE. One wish a line; of two of the same kind the last one counts:
//
//   reason TEXT     why, for people, instead of "exit code N"; cut at 1,024 bytes
//   delay DURATION  runs again after this, instead of the queue's backoff
//   dead            dead at once: trying again makes no sense
//
// And which exit codes say the last one by themselves.
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/consumer.h"

namespace baton::commands {

// What is read of such a file.
inline constexpr std::size_t kNackFileBytesMax = std::size_t{64} << 10;

struct NackWish {
  std::optional<std::string> reason;
  client::NackOptions options;
  // A sentence for each line that says nothing, which is passed over.
  std::vector<std::string> complaints;
};

NackWish parse_nack_wish(std::string_view text);

// "3,4": exit codes from 1 to 255. invalid_argument says what is none.
using ExitCodes = std::bitset<256>;
Result<ExitCodes> parse_exit_codes(std::string_view text);

}  // namespace baton::commands
