// Registration: how a store becomes a shard that may append (R2).
//
//   state         what comes                     the next state
//   away          the channel is open            enrolling
//   enrolling     the shard that is open here    reading_crc
//                 another shard                  opening
//                 not now                        waiting
//   opening       it is open                     reading_crc
//   reading_crc   the record's CRC               registering
//                 it is behind the end           registering, which will say rolled back
//                 not readable now               waiting
//                 damaged                        registering without it
//   registering   registered                     registered
//                 expected, behind created_hi    reading_crc
//                 behind, rolled back            sealing, or failed for want of that record
//                 sealed                         enrolling, for a new shard
//                 in use                         waiting
//   sealing       sealed                         enrolling, for a new shard
//                 refused                        waiting
//   waiting       it is time                     enrolling
//   any           the channel is lost            away
//   any           refused for good, or too long  failed
//
// A step machine: every input returns what to do next. A wrong disk never appends: it is sealed and
// the store gets a new shard. Losing the channel goes back to `away`, and the next connection
// registers the same life again, which is answered as the first time.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/base/ids.h"
#include "common/base/protocol_enums.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton::manager {

// What the open shard is. All but next_offset are constant while the process lives.
struct ShardFacts {
  ShardId shard;  // none: the store has no shard yet
  Epoch epoch;
  Life life;
  Offset next_offset{1};
};

// For log lines.
std::string_view to_string(RegisterResult verdict);

struct RegisterAnswer {
  RegisterResult verdict = RegisterResult::kUnknown;
  Offset created_hi;
  Incarnation incarnation;
  Epoch epoch;  // the registered ones: what a seal names
  Life life;
};

class Registration {
 public:
  // ---- what to do next ----
  struct Nothing {};
  struct SendEnroll {
    ShardId sealed;
  };
  struct OpenShard {
    ShardId shard;
    ShardId sealed;  // set: this one was sealed and is only read from now on
  };
  struct ReadCrc {
    Offset offset;
  };
  struct SendRegister {
    Offset created_hi_seen;
    std::uint32_t crc_below = 0;
  };
  struct SendSeal {
    ShardId shard;
    Epoch epoch;
    Life life;
    Offset next_offset;
  };
  struct RetryAt {
    MonoTime at;
  };
  struct Registered {
    Incarnation incarnation;
    Offset created_hi;
  };
  struct Failed {
    Status status;  // the process must end with this sentence
  };
  using Step = std::variant<Nothing, SendEnroll, OpenShard, ReadCrc, SendRegister, SendSeal,
                            RetryAt, Registered, Failed>;

  enum class State : std::uint8_t {
    kAway,
    kEnrolling,
    kOpening,
    kReadingCrc,
    kRegistering,
    kSealing,
    kWaiting,
    kRegistered,
    kFailed,
  };

  explicit Registration(ShardFacts facts) : facts_(facts) {}

  Step connected();
  void disconnected();
  void set_next_offset(Offset next_offset) { facts_.next_offset = next_offset; }

  Step enrolled(const Status& status, ShardId shard, Offset created_hi, MonoTime now);
  Step opened(const ShardFacts& facts);
  // `crc`: of the record asked for. unavailable: it could not be read now. A store that cannot prove
  // itself because of its disk is never sealed for it: its other records are whole, and confirmed.
  Step crc_read(const Result<std::uint32_t>& crc, MonoTime now);
  Step answered(const RegisterAnswer& answer, MonoTime now);
  Step seal_answered(const Status& status, MonoTime now);
  Step retry();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool registered() const { return state_ == State::kRegistered; }
  [[nodiscard]] ShardId shard() const { return facts_.shard; }

 private:
  Step ask_crc(Offset created_hi);
  Step wait_or_fail(MonoTime now, const char* what);
  Step fail_unproven();

  ShardFacts facts_;
  State state_ = State::kAway;
  ShardId sealed_;  // waiting for the shard that replaces it
  Offset created_hi_{1};
  Status unproven_;  // why the record asked for was not read, or ok
  MonoTime refused_since_{};
  bool refused_ = false;
};

}  // namespace baton::manager
