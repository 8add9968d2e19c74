#include "manager/storage/option_codec.h"

#include <string>
#include <string_view>

namespace baton::manager {
namespace {

enum Tag : std::uint8_t {
  kNotBefore = kOptionTagFirst,
  kTimeToLive = 7,
  kWaitTimeout = 8,
  kAttemptTimeout = 9,
  kTotalTimeout = 10,
  kMaxAttempts = 11,
  kKey = 12,
  kOrderKey = 13,
  kFairKey = 14,
  kFairWeight = 15,
  kType = 16,
  kAfter = 17,
  kOnFailed = 18,
  kParent = 19,
  kRetryOf = kOptionTagLast,
};

// Far above what is accepted, so that a record stays readable when that becomes less one day.
constexpr std::uint64_t kAfterReadMax = 1024;
constexpr std::uint64_t kSpanReadMax = std::uint64_t{1} << 62;

void number(ByteWriter& out, Tag tag, std::uint64_t value) {
  if (value == 0) return;
  std::string bytes;
  ByteWriter(bytes).varint(value);
  out.u8(tag);
  out.sized(bytes);
}

void span(ByteWriter& out, Tag tag, Millis value) {
  number(out, tag, static_cast<std::uint64_t>(value.count()));
}

void text(ByteWriter& out, Tag tag, std::string_view value) {
  if (value.empty()) return;
  out.u8(tag);
  out.sized(value);
}

std::string links(const TaskOptions& options) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(options.after.size());
  for (const TaskId task : options.after) out.u64(task.value());
  return bytes;
}

Millis read_span(ByteReader& in) {
  return Millis(static_cast<std::int64_t>(in.varint_max(kSpanReadMax)));
}

std::uint32_t read_number(ByteReader& in) {
  return static_cast<std::uint32_t>(in.varint_max(UINT32_MAX));
}

}  // namespace

void write_options(ByteWriter& out, const TaskOptions& options) {
  number(out, kNotBefore, static_cast<std::uint64_t>(options.not_before.ms));
  span(out, kTimeToLive, options.time_to_live);
  span(out, kWaitTimeout, options.wait_timeout);
  span(out, kAttemptTimeout, options.attempt_timeout);
  span(out, kTotalTimeout, options.total_timeout);
  number(out, kMaxAttempts, options.max_attempts);
  text(out, kKey, options.key);
  text(out, kOrderKey, options.order_key);
  text(out, kFairKey, options.fair_key);
  number(out, kFairWeight, options.fair_weight);
  text(out, kType, options.type);
  if (!options.after.empty()) text(out, kAfter, links(options));
  number(out, kOnFailed, static_cast<std::uint64_t>(options.on_failed));
  if (options.parent) {
    std::string parent;
    ByteWriter value(parent);
    value.u64(options.parent.value());
    value.u64(options.parent_token.value());
    text(out, kParent, parent);
  }
  if (options.retry_of) {
    std::string task;
    ByteWriter(task).u64(options.retry_of.value());
    text(out, kRetryOf, task);
  }
}

Status read_option(std::uint8_t tag, ByteReader& in, TaskOptions& options) {
  switch (static_cast<Tag>(tag)) {
    case kNotBefore:
      options.not_before.ms = read_span(in).count();
      break;
    case kTimeToLive:
      options.time_to_live = read_span(in);
      break;
    case kWaitTimeout:
      options.wait_timeout = read_span(in);
      break;
    case kAttemptTimeout:
      options.attempt_timeout = read_span(in);
      break;
    case kTotalTimeout:
      options.total_timeout = read_span(in);
      break;
    case kMaxAttempts:
      options.max_attempts = read_number(in);
      break;
    case kKey:
      options.key = in.bytes(in.remaining());
      break;
    case kOrderKey:
      options.order_key = in.bytes(in.remaining());
      break;
    case kFairKey:
      options.fair_key = in.bytes(in.remaining());
      break;
    case kFairWeight:
      options.fair_weight = read_number(in);
      break;
    case kType:
      options.type = in.bytes(in.remaining());
      break;
    case kAfter: {
      const std::uint64_t count = in.varint_max(kAfterReadMax);
      for (std::uint64_t i = 0; i < count && in.ok(); ++i) options.after.emplace_back(in.u64());
      break;
    }
    case kOnFailed: {
      const std::uint64_t policy = in.varint();
      if (policy > static_cast<std::uint64_t>(FailurePolicy::kWait)) {
        return Status(ErrorCode::kUnsupportedVersion, "a task has a policy of a newer Baton");
      }
      options.on_failed = static_cast<FailurePolicy>(policy);
      break;
    }
    case kParent:
      options.parent = TaskId(in.u64());
      options.parent_token = Token(in.u64());
      break;
    case kRetryOf:
      options.retry_of = TaskId(in.u64());
      break;
  }
  return {};
}

}  // namespace baton::manager
