// CenterLink: the manager's channel to the center.
//
// Finds the center, ends the manager when that is of another cluster or its ledger went back (R20),
// whichever of the two sees it first, carries command frames and queries, each answered or failed
// exactly once. What must survive a lost channel is repeated by whoever owns it (SessionRelay,
// CreatedReporter), not here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "proto/center.pb.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/net/channel.h"
#include "common/net/transport.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class CenterLink {
 public:
  struct Events {
    std::function<void()> on_open;    // an acceptable center answered HELLO
    std::function<void()> on_closed;  // after everything unanswered was failed
    std::function<void(const v1::ChannelGrants&)> on_grants;
    // The center must not be served by this data directory: the process ends with this sentence.
    std::function<void(const Status&)> on_foreign;
  };

  CenterLink(ServiceContext& context, Transport& transport, ShardLogs& logs,
             std::vector<Address> centers, std::uint64_t seed, Events events);

  void start();
  void stop();
  [[nodiscard]] bool is_open() const { return channel_->is_open(); }
  // Drops the connection and looks for the center again.
  void reconnect(const Status& reason) { channel_->reconnect(reason); }

  // Of this life; carried by every frame but those of `before_registration`.
  void set_incarnation(Incarnation incarnation) { incarnation_ = incarnation; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }

  // `done` gets ok and one outcome per command, or the error of the whole frame; unavailable when
  // the channel is closed first (it may have been applied) or is not open.
  using OutcomesDone = std::function<void(const Status&, const v1::ChannelOutcomes&)>;
  void send(v1::ChannelCommands& commands, OutcomesDone done);
  void send_before_registration(v1::ChannelCommands& commands, OutcomesDone done);

  // `done` gets ok and the answer (whose own code may be an error), or unavailable /
  // deadline_exceeded.
  using AnswerDone = std::function<void(const Status&, const v1::ChannelAnswer&)>;
  void query(v1::ChannelQuery& query, Duration timeout, AnswerDone done);

  void send_beat(const v1::ChannelBeat& beat);

  // The highest ledger position that any answer carried.
  [[nodiscard]] Generation generation_seen() const { return generation_; }
  [[nodiscard]] Lsn index_seen() const { return index_; }

 private:
  struct PendingQuery {
    AnswerDone done;
    Loop::TimerId timer = 0;
  };

  void fill_hello(v1::Hello& hello);
  Status on_hello_ok(const v1::HelloOk& hello);
  void on_frame(const Frame& frame);
  void on_outcomes(const Frame& frame);
  void on_answer(const Frame& frame);
  void on_error(const Frame& frame);
  void on_channel_closed(const Status& reason);
  void on_attempt_failed(const Status& reason);
  void tell_unreachable(const Status& reason);
  void finish_query(std::uint64_t request, const Status& status, const v1::ChannelAnswer& answer);
  void note_position(Generation generation, Lsn index);

  ServiceContext& context_;
  ShardLogs& logs_;
  Events events_;
  std::unique_ptr<Channel> channel_;
  Incarnation incarnation_;
  Generation generation_;
  Lsn index_;
  bool unreachable_ = false;  // and the log says so
  MonoTime unreachable_told_{};
  std::map<std::uint64_t, OutcomesDone> commands_;
  std::map<std::uint64_t, PendingQuery> queries_;
  v1::ChannelOutcomes outcomes_;  // reused
  v1::ChannelGrants grants_;
};

}  // namespace baton::manager
