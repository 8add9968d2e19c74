// ChildFiles: how a command of `baton consume --exec` keeps progress and a checkpoint with its task,
// and says what is to become of it, without a client of its own: it writes files. Baton looks at the
// first two now and then.
//
//   BATON_CHECKPOINT_FILE  there when an attempt before left one; what the command puts in its place
//                          is saved for the next attempt (write another file, then mv it here)
//   BATON_PROGRESS_FILE    its first line, "PERCENT TEXT" or "TEXT", is shown by `baton task show`;
//                          there when an attempt before said something, and saved again only when
//                          it says something else
//   BATON_NACK_FILE        read when the command has failed: nack_wish.h
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "client/commands/nack_wish.h"
#include "client/commands/temporary_folder.h"
#include "client/consumer.h"

namespace baton::commands {

class ChildFiles {
 public:
  // unavailable: there is no place for them.
  static Result<std::unique_ptr<ChildFiles>> make();

  struct Paths {
    std::string checkpoint;
    std::string progress;
    std::string nack;
  };
  // For a claim that is worked on from now on; with what attempts before saved. unavailable: that
  // cannot be written.
  Result<Paths> open(const client::Delivery& task);
  // What the command has changed since the last look; nothing when nothing. `complain` gets a
  // sentence about what cannot be saved.
  std::optional<client::Progress> look(Token token, std::string& complain);
  // What the command wants its failure to mean.
  [[nodiscard]] NackWish nack_wish(Token token) const;
  // The claim is over: its files go.
  void close(Token token);

 private:
  // What tells one content of a file from another without reading it.
  struct Stamp {
    std::uint64_t inode = 0;  // 0: no such file
    std::uint64_t size = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Entry {
    Paths paths;
    Stamp checkpoint;
    std::string progress;  // its content at the last look: it is short, and often of equal size
  };

  explicit ChildFiles(std::unique_ptr<TemporaryFolder> folder) : folder_(std::move(folder)) {}
  static Stamp stamp_of(const std::string& path);
  static Status fill(Entry& entry, const client::Delivery& task);

  const std::unique_ptr<TemporaryFolder> folder_;
  std::map<Token, Entry> entries_;
};

// "40 page 4" is 40 percent and a text; what begins otherwise is text alone, cut at 200 bytes.
client::Progress parse_progress(std::string_view line);
// The line that says this; empty when it says nothing.
std::string progress_line(std::optional<std::uint32_t> percent, const std::string& text);

}  // namespace baton::commands
