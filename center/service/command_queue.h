// CommandQueue: commands that arrived and are in no entry of the log yet, merged into entries.
//
// Two lanes (R3): reports of new tasks wait behind everything else, so that acks, heartbeats and
// attaches stay quick under a flood of produces; a report that had to wait once goes first the next
// time. An entry is bounded in bytes and in tasks touched (R21). The frames of one manager keep
// their order within a lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "proto/center.pb.h"
#include "proto/storage.pb.h"

#include "center/core/command.h"
#include "center/core/effects.h"
#include "common/net/server.h"

namespace baton::center {

// One frame of commands on its way through the ledger, and its answer as it comes together.
struct CommandFrame {
  PeerId peer = 0;
  std::uint64_t request_id = 0;
  Incarnation incarnation;
  google::protobuf::RepeatedPtrField<v1::Command> commands;  // those that may enter the ledger
  std::vector<int> slots;  // commands[i] is answered in outcome slots[i]
  std::size_t bytes = 0;
  v1::ChannelOutcomes answer;  // outcomes of refused commands are in place from the start
  int taken = 0;               // commands that are in an entry
  bool ends_wait = false;      // a command among them is END_WAIT
  int answered = 0;

  [[nodiscard]] bool complete() const { return answered == commands.size(); }
};
using CommandFramePtr = std::shared_ptr<CommandFrame>;

// The outcome of a command of the center itself; null when it never was (leadership ended).
using OwnDone = std::function<void(Lsn, const Outcome*)>;

// An entry to propose, and whose commands are in it.
struct MergedEntry {
  // Batch i of the entry is commands [first, first + count) of `frame`; a null frame is the center
  // itself.
  struct Share {
    CommandFramePtr frame;
    int first = 0;
    int count = 0;
    std::vector<OwnDone> done;  // of the center's own commands, one each; may be empty functions
  };
  v1::LedgerEntry entry;
  std::vector<Share> shares;
};

class CommandQueue {
 public:
  // Bytes after which an entry is closed: larger ones would delay those behind them.
  static constexpr std::size_t kEntryBytesMax = std::size_t{1} << 20;

  // Asked for each register that is about to enter an entry: commands of the center that come
  // before it.
  using BeforeRegister = std::function<std::vector<Command>(const v1::Register&)>;

  explicit CommandQueue(BeforeRegister before_register)
      : before_register_(std::move(before_register)) {}

  // REQUIRES: the frame has at least one command.
  void push(CommandFramePtr frame);
  // A command of the center itself: in the next entry, before all others.
  void push_own(const Command& command, OwnDone done = {});

  [[nodiscard]] bool empty() const { return own_.empty() && urgent_.empty() && bulk_.empty(); }

  // The next entry. Frames may be split over several. REQUIRES: not empty.
  MergedEntry take();

  // Forgets everything that waits, because leadership ended or the center stops: the center's own
  // commands are told so. Managers send theirs again, to whoever leads then.
  void clear();

 private:
  using Lane = std::deque<CommandFramePtr>;
  struct Budget {
    std::size_t weight = 0;
    std::size_t bytes = 0;
  };

  void fill(Lane& lane, Budget& budget, MergedEntry& merged);
  // False when the frame does not fit whole: the rest stays.
  bool take_frame(const CommandFramePtr& frame, Budget& budget, MergedEntry& merged);

  BeforeRegister before_register_;
  std::vector<std::pair<Command, OwnDone>> own_;
  Lane urgent_;
  Lane bulk_;
  bool bulk_waited_ = false;  // the entry before had no room for the first bulk frame
};

}  // namespace baton::center
