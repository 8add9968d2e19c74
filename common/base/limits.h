// The limits and defaults that manager, ledger and client share, each with its reason.
//
// A manager refuses with them before it confirms, the ledger relies on them, and docs/protocol.md
// prints them. What an operator may change is a flag of a daemon and only starts from the value
// here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/status.h"
#include "common/base/time.h"

namespace baton {

// Where the daemons listen unless they are told otherwise.
inline constexpr std::uint16_t kCenterPortDefault = 10000;
inline constexpr std::uint16_t kManagerPortDefault = 7101;

inline constexpr std::size_t kQueueNameBytesMax = 200;
inline constexpr std::size_t kManagerNameBytesMax = 200;
inline constexpr std::size_t kConsumerNameBytesMax = 200;
inline constexpr std::size_t kPayloadBytesDefaultMax = std::size_t{1} << 20;
inline constexpr std::size_t kPayloadBytesHardMax = std::size_t{16} << 20;
inline constexpr std::size_t kResultBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kReasonBytesMax = 1024;   // of a nack, or of who acts on a task
inline constexpr std::size_t kTaskTextBytesMax = 200;  // a key, a type, a content type, progress
// Room for metadata beside the largest payload of a frame.
inline constexpr std::size_t kFrameMetadataBytesMax = std::size_t{64} << 10;
// The largest frame of a daemon that takes payloads of this size: a delivery brings the checkpoint of
// an earlier attempt, which is as large as a result may be, behind the payload.
constexpr std::size_t frame_bytes_max_of(std::size_t payload_bytes_max) {
  return payload_bytes_max + kResultBytesMax + kFrameMetadataBytesMax;
}

// Items of one request: produce, operations, heartbeat.
inline constexpr std::size_t kBatchItemsMax = 1024;
inline constexpr std::size_t kCreatedTasksMax = 4096;     // tasks that one created message reports
inline constexpr std::size_t kEntryTasksMax = 4096;       // tasks that one ledger entry may touch
inline constexpr std::size_t kSessionWindowMax = 1024;    // claims a session may hold at once
inline constexpr std::size_t kSessionOutcomesMax = 4096;  // unanswered operations kept per session
// What a client may name as held at ATTACH: a full window, and every operation without an answer.
inline constexpr std::size_t kHeldMax = kSessionWindowMax + kSessionOutcomesMax;
inline constexpr std::size_t kSessionLinesMax = 64;  // queues one session may wait on
// Unresolved sequence numbers of one producer.
inline constexpr std::size_t kProducerWindow = 1024;
// Every sequence number is below this, so that no sum of one with a count overflows anywhere.
inline constexpr std::uint64_t kProducerSeqEnd = std::uint64_t{1} << 63;
// Shards that one message may name as those that may have a moved task already.
inline constexpr std::size_t kMaybeAtMax = 64;

inline constexpr Millis kLeaseMin = std::chrono::seconds(3);
inline constexpr Millis kLeaseMax = std::chrono::hours(12);
inline constexpr Millis kLeaseDefault = std::chrono::seconds(30);
inline constexpr Millis kAttemptTimeoutDefault = std::chrono::hours(1);
inline constexpr std::uint32_t kMaxAttemptsDefault = 5;
inline constexpr Millis kBackoffMin = std::chrono::seconds(1);
inline constexpr Millis kBackoffMax = std::chrono::minutes(5);
inline constexpr std::uint32_t kPriorityDefault = 5;
// Where tasks go that were damaged before the ledger learned their queue.
inline constexpr std::string_view kLostAndFoundQueue = "lost+found";
inline constexpr std::uint32_t kPriorityMin = 1;
inline constexpr std::uint32_t kPriorityMax = 10;

// ---- options of tasks and settings of queues ----

// Longer delays and timeouts are mistyped rather than meant, and sums with them never overflow.
inline constexpr Millis kTaskSpanMax = std::chrono::hours(24) * 3653;
inline constexpr WallTime kNotBeforeMax{7'258'118'400'000};  // 2200-01-01
inline constexpr std::uint32_t kMaxAttemptsMax = 1000;
inline constexpr std::uint32_t kMaxExpiriesDefault = 10;
inline constexpr std::uint32_t kWeightMax = 100;
inline constexpr std::size_t kAfterMax = 16;
// Children that one claim may have spawned and not finished.
inline constexpr std::size_t kChildrenMax = 1024;
inline constexpr Millis kKeyWindowMin = std::chrono::seconds(60);  // R6
inline constexpr Millis kKeyWindowDefault = std::chrono::hours(24);
inline constexpr std::uint64_t kKeysPerQueueMax = 1'000'000;  // R6
inline constexpr std::uint64_t kKeysMax = 10'000'000;
inline constexpr Millis kKeepAgeDefault = std::chrono::hours(24);  // R18
inline constexpr std::uint64_t kKeepCountDefault = 100'000;
inline constexpr std::uint64_t kKeepCountMax = 1'000'000;
inline constexpr std::uint32_t kAgeingDefault = 32;
inline constexpr std::uint32_t kAgeingMax = 1'000'000;
inline constexpr std::uint32_t kRateMax = 10'000'000;

// Lease time that one tick may add; also how much longer than `lease` the ledger waits (R15,
// docs/rules.md).
inline constexpr Millis kTickCap = std::chrono::seconds(1);
inline constexpr Millis kTickWhileClaimed = std::chrono::milliseconds(100);
inline constexpr Millis kGraceAfterTermStart = std::chrono::seconds(10);
inline constexpr Millis kSessionIdleMax = std::chrono::minutes(10);
inline constexpr Millis kProducerIdleMax = std::chrono::minutes(10);
inline constexpr Millis kPingInterval = std::chrono::milliseconds(200);
inline constexpr Millis kPeerDeadAfter = std::chrono::milliseconds(600);

// 1 to 200 bytes of A-Z a-z 0-9 - _ . : / +; invalid_argument with the reason otherwise.
Status validate_queue_name(std::string_view name);
// The same alphabet: a manager's default name is its listen address.
Status validate_manager_name(std::string_view name);
// invalid_argument unless the `count` numbers from `seq` on are all within 1 .. kProducerSeqEnd - 1.
Status validate_producer_seqs(std::uint64_t seq, std::uint64_t count);
// invalid_argument when outside kLeaseMin..kLeaseMax.
Status validate_lease(Millis lease);

}  // namespace baton
