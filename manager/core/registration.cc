#include "manager/core/registration.h"

#include <algorithm>

namespace baton::manager {
namespace {

constexpr Duration kRetryAfter = std::chrono::milliseconds(100);
// A disk that gives no answer now.
constexpr Duration kReadAgainAfter = std::chrono::seconds(1);
// The center takes 600 ms to notice that an earlier life of this store is dead, and longer when it
// has just restarted itself. Who is refused for longer than this meets a living copy of its data
// directory.
constexpr Duration kRefusedMax = std::chrono::seconds(10);

}  // namespace

Registration::Step Registration::connected() {
  refused_ = false;
  state_ = State::kEnrolling;
  return SendEnroll{sealed_};
}

void Registration::disconnected() {
  if (state_ != State::kFailed) state_ = State::kAway;
}

Registration::Step Registration::enrolled(const Status& status, ShardId shard, Offset created_hi,
                                          MonoTime now) {
  if (state_ != State::kEnrolling) return Nothing{};
  if (is_retriable(status.code())) {
    state_ = State::kWaiting;
    return RetryAt{now + kRetryAfter};
  }
  if (!status.ok() || !shard) {
    state_ = State::kFailed;
    return Failed{status.ok() ? Status(ErrorCode::kInternal, "the center gave no shard") : status};
  }
  if (shard != facts_.shard) {
    state_ = State::kOpening;
    created_hi_ = created_hi;
    // Whatever was open is sealed: also when that was answered to an earlier life of this process.
    return OpenShard{shard, facts_.shard};
  }
  return ask_crc(created_hi);
}

Registration::Step Registration::opened(const ShardFacts& facts) {
  facts_ = facts;
  sealed_ = ShardId();
  if (state_ != State::kOpening) return Nothing{};  // disconnected meanwhile
  return ask_crc(created_hi_);
}

Registration::Step Registration::ask_crc(Offset created_hi) {
  created_hi_ = std::max(created_hi, Offset(1));
  unproven_ = Status();
  if (created_hi_ == Offset(1)) {
    state_ = State::kRegistering;
    return SendRegister{created_hi_, 0};
  }
  state_ = State::kReadingCrc;
  return ReadCrc{Offset(created_hi_.value() - 1)};
}

Registration::Step Registration::crc_read(const Result<std::uint32_t>& crc, MonoTime now) {
  if (state_ != State::kReadingCrc) return Nothing{};
  // A store that ends in front of the record needs no proof: the ledger sees it by next_offset.
  const bool expected_here = created_hi_ <= facts_.next_offset;
  if (expected_here && crc.status().code() == ErrorCode::kUnavailable) {
    state_ = State::kWaiting;
    return RetryAt{now + kReadAgainAfter};
  }
  state_ = State::kRegistering;
  if (expected_here) unproven_ = crc.status();
  // 0 is also what was reported of a record that was unreadable even then.
  return SendRegister{created_hi_, crc.ok() ? crc.value() : 0};
}

Registration::Step Registration::answered(const RegisterAnswer& answer, MonoTime now) {
  if (state_ != State::kRegistering) return Nothing{};
  switch (answer.verdict) {
    case RegisterResult::kRegistered:
      if (answer.created_hi > facts_.next_offset) {
        state_ = State::kFailed;
        return Failed{Status(ErrorCode::kDataLoss,
                             "the center registered this store although it knows tasks up to " +
                                 std::to_string(answer.created_hi.value()) +
                                 ", more than are stored here")};
      }
      state_ = State::kRegistered;
      refused_ = false;
      return Registered{answer.incarnation, answer.created_hi};
    case RegisterResult::kExpected:
      return ask_crc(answer.created_hi);
    case RegisterResult::kBehind:
    case RegisterResult::kRolledBack:
      // Its disk, not its history, is what the ledger does not believe.
      if (!unproven_.ok() && answer.verdict == RegisterResult::kRolledBack) return fail_unproven();
      state_ = State::kSealing;
      return SendSeal{facts_.shard, answer.epoch, answer.life, facts_.next_offset};
    case RegisterResult::kSealed:
      sealed_ = facts_.shard;
      state_ = State::kEnrolling;
      return SendEnroll{sealed_};
    case RegisterResult::kInUse:
      return wait_or_fail(now, "another running manager uses a copy of this data directory");
    case RegisterResult::kUnknown:
      break;
  }
  state_ = State::kFailed;
  return Failed{Status(ErrorCode::kConflict,
                       "the center does not know shard " + std::to_string(facts_.shard.value()) +
                           " of this store: it was removed, or the ledger went back")};
}

Registration::Step Registration::fail_unproven() {
  state_ = State::kFailed;
  return Failed{Status(
      ErrorCode::kDataLoss,
      "shard " + std::to_string(facts_.shard.value()) +
          " cannot be registered: its record at offset " + std::to_string(created_hi_.value() - 1) +
          ", the last that the ledger knows, is damaged or missing: " + unproven_.message())};
}

Registration::Step Registration::seal_answered(const Status& status, MonoTime now) {
  if (state_ != State::kSealing) return Nothing{};
  if (status.ok()) {
    sealed_ = facts_.shard;
    state_ = State::kEnrolling;
    return SendEnroll{sealed_};
  }
  return wait_or_fail(now,
                      "this data directory is older than its shard, which a running manager uses");
}

Registration::Step Registration::retry() {
  if (state_ != State::kWaiting) return Nothing{};
  state_ = State::kEnrolling;
  return SendEnroll{sealed_};
}

Registration::Step Registration::wait_or_fail(MonoTime now, const char* what) {
  if (!refused_) {
    refused_ = true;
    refused_since_ = now;
  }
  if (now - refused_since_ >= kRefusedMax) {
    state_ = State::kFailed;
    return Failed{Status(ErrorCode::kConflict, what)};
  }
  state_ = State::kWaiting;
  return RetryAt{now + kRetryAfter};
}

std::string_view to_string(RegisterResult verdict) {
  switch (verdict) {
    case RegisterResult::kRegistered:
      return "registered";
    case RegisterResult::kBehind:
      return "behind";
    case RegisterResult::kExpected:
      return "expected another created_hi";
    case RegisterResult::kRolledBack:
      return "rolled back";
    case RegisterResult::kSealed:
      return "sealed";
    case RegisterResult::kInUse:
      return "in use";
    case RegisterResult::kUnknown:
      break;
  }
  return "unknown shard";
}

}  // namespace baton::manager
