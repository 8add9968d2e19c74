#include "client/lease_table.h"

#include <algorithm>

#include "common/base/check.h"

namespace baton::client {
namespace {

// A tenth of the lease is kept as a margin for clocks that run at different rates.
Duration believed(Millis lease) { return Duration(lease) / 10 * 9; }

}  // namespace

void LeaseTable::add(Token token, TaskId task, Millis length, MonoTime now) {
  const bool added =
      leases_
          .emplace(token, Lease{.task = task,
                                .length = length,
                                .deadline = now + Duration(length) / 3,
                                .heartbeat_due = now + first_heartbeat_after(length)})
          .second;
  BATON_CHECK(added);
}

LeaseTable::Lease* LeaseTable::find(Token token) {
  const auto found = leases_.find(token);
  return found == leases_.end() ? nullptr : &found->second;
}

std::vector<Token> LeaseTable::held() const {
  std::vector<Token> tokens;
  tokens.reserve(leases_.size());
  for (const auto& [token, lease] : leases_) tokens.push_back(token);
  return tokens;
}

std::vector<Token> LeaseTable::to_renew() const {
  std::vector<Token> tokens;
  for (const auto& [token, lease] : leases_) {
    if (!lease.lost) tokens.push_back(token);
  }
  return tokens;
}

void LeaseTable::renewed(const std::vector<Token>& tokens, MonoTime sent) {
  for (const Token token : tokens) {
    Lease* lease = find(token);
    if (lease == nullptr || lease->lost) continue;
    // An extension may reach further.
    lease->deadline = std::max(lease->deadline, sent + believed(lease->length));
    lease->heartbeat_due = sent + Duration(lease->length) / 3;
  }
}

void LeaseTable::extended(Token token, Millis length, MonoTime sent) {
  Lease* lease = find(token);
  if (lease == nullptr || lease->lost) return;
  lease->deadline = std::max(lease->deadline, sent + believed(length));
}

bool LeaseTable::lose(Token token, std::optional<LostCause> cause) {
  Lease* lease = find(token);
  if (lease == nullptr) return false;
  if (!lease->cause) lease->cause = cause;
  if (lease->lost) return false;
  lease->lost = true;
  return !lease->ending;
}

std::optional<LostCause> LeaseTable::lost_cause(Token token) const {
  const auto found = leases_.find(token);
  return found == leases_.end() ? std::nullopt : found->second.cause;
}

std::vector<Token> LeaseTable::expire(MonoTime now) {
  std::vector<Token> lost;
  for (auto& [token, lease] : leases_) {
    if (lease.lost || lease.ending || lease.deadline > now) continue;
    lease.lost = true;
    lost.push_back(token);
  }
  return lost;
}

MonoTime LeaseTable::heartbeat_due() const {
  MonoTime due = MonoTime::max();
  for (const auto& [token, lease] : leases_) {
    if (!lease.lost) due = std::min(due, lease.heartbeat_due);
  }
  return due;
}

MonoTime LeaseTable::deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [token, lease] : leases_) {
    if (!lease.lost && !lease.ending) next = std::min(next, lease.deadline);
  }
  return next;
}

Millis LeaseTable::shortest(Millis fallback) const {
  Millis shortest = Millis::max();
  for (const auto& [token, lease] : leases_) {
    if (!lease.lost) shortest = std::min(shortest, lease.length);
  }
  return shortest == Millis::max() ? fallback : shortest;
}

}  // namespace baton::client
