#include "manager/service/center_link.h"

#include <string>
#include <tuple>
#include <utility>

#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

// The center answers within the query's own time or not at all; this much is left for the way back.
constexpr Duration kQuerySlack = std::chrono::milliseconds(200);
// Attempts follow each other quickly; the log says that they fail only so often.
constexpr Duration kUnreachableEvery = std::chrono::seconds(60);

std::string position(Generation generation, Lsn index) {
  return std::to_string(generation.value()) + "/" + std::to_string(index.value());
}

// HELLO_OK; a number for one of a later version.
std::string frame_type_text(v1::FrameType type) {
  const std::string& name = v1::FrameType_Name(type);
  return name.empty() ? std::to_string(type) : name;
}

Status closed_status() { return Status(ErrorCode::kUnavailable, "the center cannot be reached"); }

}  // namespace

CenterLink::CenterLink(ServiceContext& context, Transport& transport, ShardLogs& logs,
                       std::vector<Address> centers, std::uint64_t seed, Events events)
    : context_(context),
      logs_(logs),
      events_(std::move(events)),
      generation_(logs.identity().generation),
      index_(logs.identity().ledger_index) {
  ChannelOptions options;
  options.addresses = std::move(centers);
  options.role = v1::ROLE_MANAGER;
  options.what = "center";
  ChannelEvents channel_events;
  channel_events.fill_hello = [this](v1::Hello& hello) { fill_hello(hello); };
  channel_events.on_open = [this](const v1::HelloOk& hello) { return on_hello_ok(hello); };
  channel_events.on_frame = [this](const Frame& frame) { on_frame(frame); };
  channel_events.on_closed = [this](const Status& reason) { on_channel_closed(reason); };
  channel_events.on_failed = [this](const Status& reason) { on_attempt_failed(reason); };
  channel_events.on_goodbye = [this] {
    reconnect(Status(ErrorCode::kUnavailable, "the center is stopping"));
  };
  channel_ = Channel::create(context.loop, transport, context.logger, seed, std::move(options),
                             std::move(channel_events));
}

void CenterLink::start() { channel_->start(); }

void CenterLink::stop() {
  channel_->stop(Status(ErrorCode::kUnavailable, "the manager is stopping"));
}

void CenterLink::fill_hello(v1::Hello& hello) {
  const Identity& identity = logs_.identity();
  if (identity.cluster) to_wire(identity.cluster, hello.mutable_cluster());
  hello.set_name(identity.name);
  to_wire(identity.store, hello.mutable_store());
  hello.set_generation_seen(identity.generation.value());
  hello.set_index_seen(identity.ledger_index.value());
}

Status CenterLink::on_hello_ok(const v1::HelloOk& hello) {
  const ClusterId cluster(from_wire(hello.cluster()));
  if (!cluster) return Status(ErrorCode::kUnavailable, "the center has no cluster yet");
  const Identity& identity = logs_.identity();
  if (identity.cluster && identity.cluster != cluster) {
    return Status(ErrorCode::kConflict, "foreign cluster: the data directory belongs to cluster " +
                                            baton::to_string(identity.cluster) +
                                            ", the center to " + baton::to_string(cluster));
  }
  const Generation generation(hello.generation());
  const Lsn index(hello.index());
  if (identity.cluster &&
      std::tie(generation, index) < std::tie(identity.generation, identity.ledger_index)) {
    return Status(ErrorCode::kDataLoss, "ledger went back: this manager has seen position " +
                                            position(identity.generation, identity.ledger_index) +
                                            ", the center is at " + position(generation, index));
  }
  if (Status status = logs_.set_cluster(cluster); !status.ok()) return status;
  note_position(generation, index);
  // Liveness both ways, also while nothing is asked: claims wait for grants.
  channel_->set_outstanding(true);
  ++context_.metrics.center_connections;
  unreachable_ = false;
  context_.logger.info("center reached", {kv("address", channel_->address().to_string()),
                                          kv("cluster", cluster), kv("index", index)});
  context_.post([this] {
    if (is_open()) events_.on_open();
  });
  return {};
}

// Whoever of the two finds it first: a center refuses HELLO with these codes for nothing else.
void CenterLink::on_attempt_failed(const Status& reason) {
  if (reason.code() == ErrorCode::kConflict || reason.code() == ErrorCode::kDataLoss) {
    return events_.on_foreign(reason);
  }
  tell_unreachable(reason);
}

// The first failed attempt since there was a center, then one now and then.
void CenterLink::tell_unreachable(const Status& reason) {
  const MonoTime now = context_.loop.now();
  if (unreachable_ && now - unreachable_told_ < kUnreachableEvery) return;
  unreachable_ = true;
  unreachable_told_ = now;
  context_.logger.warn("center cannot be reached",
                       {kv("reason", reason), kv("address", channel_->address().to_string())});
}

void CenterLink::on_frame(const Frame& frame) {
  switch (frame.type) {
    case v1::CHANNEL_OUTCOMES:
      return on_outcomes(frame);
    case v1::CHANNEL_ANSWER:
      return on_answer(frame);
    case v1::CHANNEL_GRANTS:
      if (Status status = parse_metadata(frame.metadata, grants_); !status.ok()) {
        return reconnect(status);
      }
      return events_.on_grants(grants_);
    case v1::ERROR:
      return on_error(frame);
    default:
      context_.logger.warn("unexpected frame",
                           {kv("peer", "center"), kv("type", frame_type_text(frame.type))});
  }
}

void CenterLink::on_outcomes(const Frame& frame) {
  if (Status status = parse_metadata(frame.metadata, outcomes_); !status.ok())
    return reconnect(status);
  const auto found = commands_.find(frame.request_id);
  if (found == commands_.end()) return;
  const OutcomesDone done = std::move(found->second);
  commands_.erase(found);
  note_position(Generation(outcomes_.generation()), Lsn(outcomes_.index()));
  done(status_from_wire(outcomes_.code(), outcomes_.message()), outcomes_);
}

void CenterLink::on_answer(const Frame& frame) {
  v1::ChannelAnswer answer;
  if (Status status = parse_metadata(frame.metadata, answer); !status.ok())
    return reconnect(status);
  note_position(generation_, Lsn(answer.index()));
  finish_query(frame.request_id, Status(), answer);
}

// The center did not understand a frame, or refused it before it was a proposal.
void CenterLink::on_error(const Frame& frame) {
  v1::Error error;
  if (Status status = parse_metadata(frame.metadata, error); !status.ok()) return reconnect(status);
  const Status status = from_error(error);
  if (const auto found = commands_.find(frame.request_id); found != commands_.end()) {
    const OutcomesDone done = std::move(found->second);
    commands_.erase(found);
    outcomes_.Clear();
    return done(status, outcomes_);
  }
  finish_query(frame.request_id, status, {});
}

void CenterLink::on_channel_closed(const Status& reason) {
  context_.logger.warn("center lost", {kv("reason", reason)});
  const auto commands = std::exchange(commands_, {});
  const v1::ChannelOutcomes nothing;
  for (const auto& [request, done] : commands) done(closed_status(), nothing);
  while (!queries_.empty()) finish_query(queries_.begin()->first, closed_status(), {});
  events_.on_closed();
}

void CenterLink::send(v1::ChannelCommands& commands, OutcomesDone done) {
  commands.set_incarnation(incarnation_.value());
  send_before_registration(commands, std::move(done));
}

void CenterLink::send_before_registration(v1::ChannelCommands& commands, OutcomesDone done) {
  if (!is_open()) {
    context_.post([done = std::move(done)] { done(closed_status(), {}); });
    return;
  }
  const std::uint64_t request = channel_->next_request_id();
  commands_.emplace(request, std::move(done));
  channel_->send(v1::CHANNEL_COMMANDS, request, commands);
}

void CenterLink::query(v1::ChannelQuery& query, Duration timeout, AnswerDone done) {
  if (!is_open()) {
    context_.post([done = std::move(done)] { done(closed_status(), {}); });
    return;
  }
  query.set_timeout_ms(
      static_cast<std::uint32_t>(std::chrono::duration_cast<Millis>(timeout).count()));
  const std::uint64_t request = channel_->next_request_id();
  const auto timer = context_.call_after(timeout + kQuerySlack, [this, request] {
    finish_query(request, Status(ErrorCode::kDeadlineExceeded, "the center did not answer in time"),
                 {});
  });
  queries_.emplace(request, PendingQuery{std::move(done), timer});
  channel_->send(v1::CHANNEL_QUERY, request, query);
}

void CenterLink::finish_query(std::uint64_t request, const Status& status,
                              const v1::ChannelAnswer& answer) {
  const auto found = queries_.find(request);
  if (found == queries_.end()) return;
  const PendingQuery pending = std::move(found->second);
  queries_.erase(found);
  context_.loop.cancel(pending.timer);
  pending.done(status, answer);
}

void CenterLink::send_beat(const v1::ChannelBeat& beat) {
  channel_->send(v1::CHANNEL_BEAT, 0, beat);
}

void CenterLink::note_position(Generation generation, Lsn index) {
  if (std::tie(generation, index) <= std::tie(generation_, index_)) return;
  generation_ = generation;
  index_ = index;
}

}  // namespace baton::manager
