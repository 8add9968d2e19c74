#include "common/net/server_peer.h"

namespace baton {

void ServerPeer::send(v1::FrameType type, std::uint64_t request_id,
                      const google::protobuf::MessageLite& metadata,
                      std::span<const std::string_view> payload) {
  if (closing()) return;
  const std::size_t before = connection_->bytes_queued();
  connection_->send(type, request_id, metadata, payload);
  bytes_sent_ += connection_->bytes_queued() - before;
  ++counters_.frames_out;
  check_queue();
}

void ServerPeer::send_error(std::uint64_t request_id, const Status& status, Millis retry_after) {
  v1::Error error = to_error(status);
  error.set_retry_after_ms(static_cast<std::uint32_t>(retry_after.count()));
  send(v1::ERROR, request_id, error);
}

void ServerPeer::refuse_type(const Frame& frame) {
  ++counters_.unknown_types;
  send_error(frame.request_id,
             Status(ErrorCode::kInvalidArgument,
                    "frame type " + std::to_string(frame.type) + " is not served here"),
             Millis(0));
}

void ServerPeer::close_for(CloseCause cause, Status reason, const v1::Error* error) {
  if (closing()) return;
  // Who does not read gets no more to read; who is told to go elsewhere has had a GOODBYE.
  if (cause != CloseCause::kSlowReader && cause != CloseCause::kDraining) {
    connection_->send(v1::ERROR, 0, error != nullptr ? *error : to_error(reason));
  }
  cause_ = cause;
  connection_->close(std::move(reason));
}

void ServerPeer::refuse_unparsable(std::uint64_t request_id, const Status& status) {
  ++counters_.unparsable_requests;
  send_error(request_id, status, Millis(0));
  if (++unparsable_ < options_.unparsable_max) return;
  close_for(CloseCause::kUnparsable,
            Status(ErrorCode::kInvalidArgument, "too many requests that cannot be parsed"));
}

void ServerPeer::open() {
  open_ = true;
  connection_->set_frame_bytes_max(options_.frame_bytes_max);
}

void ServerPeer::check_queue() {
  const std::size_t queued = connection_->bytes_queued();
  if (queued <= options_.queue_bytes_soft) return;
  // One frame beyond the limit is fine: a single large payload must not look like a slow reader.
  if (queued > options_.queue_bytes_hard + options_.frame_bytes_max) {
    return close_for(
        CloseCause::kSlowReader,
        Status(ErrorCode::kUnavailable, std::to_string(queued) + " bytes unread by the peer"));
  }
  if (paused_) return;
  paused_ = true;
  connection_->pause_reading();
}

bool ServerPeer::resume_if_drained() {
  if (!paused_ || closing() || connection_->bytes_queued() > options_.queue_bytes_soft / 2)
    return false;
  paused_ = false;
  connection_->resume_reading();
  return true;
}

void ServerPeer::sweep(int sweeps_max) {
  const std::size_t queued = connection_->bytes_queued();
  const std::uint64_t drained = bytes_sent_ - queued;
  const bool progress = queued == 0 || drained != bytes_drained_;
  bytes_drained_ = drained;
  sweeps_without_progress_ = progress ? 0 : sweeps_without_progress_ + 1;
  if (sweeps_without_progress_ >= sweeps_max) {
    close_for(CloseCause::kSlowReader,
              Status(ErrorCode::kUnavailable, "the peer does not read its answers"));
  }
}

}  // namespace baton
