// LeaseTable: the claims that a session holds, and until when it may believe in them. Values only.
//
// A token is held from its delivery until its ack, nack or release is *answered* (R9). Believing
// ends at the claim's own deadline (R15): 0.9 of the lease after the sending of the last answered
// heartbeat that listed it; before the first, a third of the lease after its arrival.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/base/protocol_enums.h"
#include "common/base/time.h"

namespace baton::client {

class LeaseTable {
 public:
  struct Lease {
    TaskId task{};
    Millis length{0};
    MonoTime deadline{};
    MonoTime heartbeat_due{};
    bool lost = false;  // not ours any more, or believed so; held until its operation is answered
    std::optional<LostCause> cause{};  // of that, as somebody has said
    bool ending = false;  // its ack, nack or release is on the way: its answer decides, no deadline
  };

  // REQUIRES: the token is not held.
  void add(Token token, TaskId task, Millis length, MonoTime now);
  void erase(Token token) { leases_.erase(token); }
  // Null when it is not held.
  [[nodiscard]] Lease* find(Token token);
  [[nodiscard]] std::size_t size() const { return leases_.size(); }

  // All of them, for attach.
  [[nodiscard]] std::vector<Token> held() const;
  // Those that a heartbeat lists: all but the lost ones.
  [[nodiscard]] std::vector<Token> to_renew() const;

  // A heartbeat that was sent at `sent` and listed these was committed. A lease never gets shorter.
  void renewed(const std::vector<Token>& tokens, MonoTime sent);
  // An extend that was sent at `sent` was accepted.
  void extended(Token token, Millis length, MonoTime sent);

  // True when it became lost just now and its holder is still at work (not ending). The first cause
  // is kept.
  bool lose(Token token, std::optional<LostCause> cause = {});
  [[nodiscard]] std::optional<LostCause> lost_cause(Token token) const;
  // Those whose deadline has passed, not ending, not lost before; they are lost from now on.
  std::vector<Token> expire(MonoTime now);

  // When the next heartbeat is due, and when the next deadline passes; MonoTime::max() when never.
  [[nodiscard]] MonoTime heartbeat_due() const;
  [[nodiscard]] MonoTime deadline() const;
  // The shortest of all leases that are not lost; `fallback` when there is none.
  [[nodiscard]] Millis shortest(Millis fallback) const;

  // The first heartbeat of a claim is due this long after its arrival: early enough that another
  // manager can still be tried before the first deadline.
  static Duration first_heartbeat_after(Millis lease) { return Duration(lease) / 8; }

 private:
  std::map<Token, Lease> leases_;
};

}  // namespace baton::client
