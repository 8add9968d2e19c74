#include "tests/unit/manager/service/fake_center.h"

#include <algorithm>

#include "center/service/hello_check.h"
#include "center/storage/command_codec.h"
#include "common/base/check.h"
#include "common/net/frame.h"

namespace baton::manager {

FakeCenter::FakeCenter(sim::SimScheduler& scheduler, sim::SimNetwork& network, Logger& logger)
    : scheduler_(scheduler), network_(network), logger_(logger) {}

void FakeCenter::start() {
  loop_ = std::make_unique<sim::SimLoop>(scheduler_, "center");
  transport_ = std::make_unique<sim::SimTransport>(network_, *loop_, "center");
  ServerOptions options;
  options.listen = {"center", 10000};
  auto server = Server::open(*loop_, *transport_, logger_, *this, options);
  BATON_CHECK(server.ok());
  server_ = std::move(server).value();
}

void FakeCenter::stop() {
  loop_->kill();
  network_.crash("center", sim::Death::kProcess);
  server_.reset();
  transport_.reset();
  loop_.reset();
}

const v1::Command& FakeCenter::last(v1::Command::KindCase kind) const {
  const auto found =
      std::find_if(commands.rbegin(), commands.rend(),
                   [kind](const v1::Command& command) { return command.kind_case() == kind; });
  BATON_CHECK(found != commands.rend());
  return *found;
}

void FakeCenter::grant(const v1::Grant& grant) {
  v1::ChannelGrants grants;
  grants.set_index(++index);
  *grants.add_grant() = grant;
  push(grants);
}

void FakeCenter::push(const v1::ChannelGrants& grants) {
  server_->for_each([&grants](Peer& peer) { peer.send(v1::CHANNEL_GRANTS, 0, grants); });
}

void FakeCenter::say(v1::FrameType type) { say(type, 0, v1::Ping()); }

void FakeCenter::say(v1::FrameType type, std::uint64_t request,
                     const google::protobuf::MessageLite& message) {
  server_->for_each([&](Peer& peer) { peer.send(type, request, message); });
}

void FakeCenter::drop_connections() {
  server_->for_each(
      [](Peer& peer) { peer.close(Status(ErrorCode::kUnavailable, "dropped by the test")); });
}

Result<v1::HelloOk> FakeCenter::on_hello(Peer&, const v1::Hello& hello) {
  BATON_RETURN_IF_ERROR(refusal);
  if (checks_hello) {
    BATON_RETURN_IF_ERROR(
        center::check_hello(hello, {ClusterId(cluster), Generation(generation), Lsn(index)}));
  }
  v1::HelloOk ok;
  ok.mutable_cluster()->set_hi(cluster.hi);
  ok.mutable_cluster()->set_lo(cluster.lo);
  ok.set_name("center");
  ok.set_generation(generation);
  ok.set_index(index);
  return ok;
}

Status FakeCenter::on_frame(Peer& peer, const Frame& frame) {
  if (frame.type == v1::CHANNEL_COMMANDS) on_commands(peer, frame);
  if (frame.type == v1::CHANNEL_QUERY) on_question(peer, frame);
  if (frame.type == v1::CHANNEL_BEAT) {
    BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, beats.emplace_back()));
  }
  return {};
}

void FakeCenter::on_commands(Peer& peer, const Frame& frame) {
  v1::ChannelCommands sent;
  BATON_CHECK(parse_metadata(frame.metadata, sent).ok());
  v1::ChannelOutcomes outcomes;
  outcomes.set_index(++index);
  outcomes.set_generation(generation);
  bool heard = true;
  bool answered = true;
  const auto lists = [](const auto& kinds, const v1::Command& command) {
    return std::find(kinds.begin(), kinds.end(), command.kind_case()) != kinds.end();
  };
  for (const v1::Command& command : sent.command()) {
    // A center that takes less than a manager stores keeps that manager away for good.
    const auto decoded = center::decode_command(command);
    BATON_CHECK(decoded.ok() || tells_lies);
    commands.push_back(command);
    heard = heard && !lists(silent, command);
    answered = answered && !lists(answers_lost, command);
    if (heard) answer(command, *outcomes.add_outcome());
  }
  if (heard && answered) peer.send(v1::CHANNEL_OUTCOMES, frame.request_id, outcomes);
}

void FakeCenter::answer(const v1::Command& command, v1::Outcome& out) {
  switch (command.kind_case()) {
    case v1::Command::kEnroll: {
      v1::EnrollOutcome& enrolled = *out.mutable_enroll();
      enrolled.set_shard(shard);
      enrolled.set_created_hi(created_hi);
      if (enroll_script.empty()) return;
      enrolled = enroll_script.front();
      return enroll_script.pop_front();
    }
    case v1::Command::kRegister: {
      v1::RegisterOutcome& registered = *out.mutable_register_();
      registered.set_result(v1::REGISTERED);
      registered.set_created_hi(created_hi);
      registered.set_incarnation(incarnation);
      if (register_script.empty()) return;
      registered = register_script.front();
      return register_script.pop_front();
    }
    case v1::Command::kCreated:
      return answer_created(command.created(), *out.mutable_created());
    case v1::Command::kAttach:
      out.mutable_attach()->set_conn_epoch(command.attach().conn_epoch());
      *out.mutable_attach()->mutable_kept() = command.attach().held();
      if (attach_script.empty()) return;
      *out.mutable_attach() = attach_script.front();
      return attach_script.pop_front();
    case v1::Command::kOperations:
      for (const v1::LedgerOperation& operation : command.operations().operation()) {
        out.mutable_operations()->add_outcome()->set_seq(operation.seq());
      }
      return;
    case v1::Command::kHeartbeat:
      out.mutable_heartbeat();
      if (heartbeat_script.empty()) return;
      *out.mutable_heartbeat() = heartbeat_script.front();
      return heartbeat_script.pop_front();
    case v1::Command::kActOn:
      return answer_act(command.act_on(), *out.mutable_act());
    case v1::Command::kBorrow:
      return answer_borrow(command.borrow(), *out.mutable_borrow());
    default:
      out.mutable_simple();
  }
}

void FakeCenter::answer_act(const v1::ActOn& act, v1::ActOutcome& out) {
  for (const std::uint64_t task : act.task()) {
    v1::ActedItem& item = *out.add_item();
    item.set_state(v1::CANCELLED);
    const auto scripted = acted.find(task);
    if (scripted == acted.end()) continue;
    item = scripted->second.front();
    if (scripted->second.size() > 1) scripted->second.pop_front();
  }
}

// All that is wanted, up to what the queue has left for this manager.
void FakeCenter::answer_borrow(const v1::Borrow& borrow, v1::BorrowOutcome& out) {
  const auto room = room_tasks.find(borrow.queue());
  const std::uint64_t most = room == room_tasks.end() ? UINT64_MAX : room->second;
  out.set_tasks(std::min(borrow.want_tasks(), most));
  out.set_bytes(borrow.want_bytes());
}

void FakeCenter::answer_created(const v1::Created& created, v1::CreatedOutcome& out) {
  if (disk_low) return out.set_code(v1::RETRY_LATER);
  std::uint64_t& known = created.shard() == shard ? created_hi : sealed_created_hi[created.shard()];
  if (created.from() > known) {
    out.set_code(v1::CONFLICT);
    out.set_created_hi(known);
    return;
  }
  std::uint64_t offset = created.from();
  for (const v1::CreatedRun& run : created.run()) {
    for (std::uint32_t i = 0; i < run.count(); ++i, ++offset) {
      if (!run.waits() || run.is_void()) continue;
      v1::Winner& winner = *out.add_winner();
      if (const auto scripted = winner_script.find(offset); scripted != winner_script.end()) {
        winner = scripted->second;
        winner.set_offset(offset);
        continue;
      }
      winner.set_offset(offset);
      const auto named = winners.find(offset);
      winner.set_task(named != winners.end()
                          ? named->second
                          : TaskId(ShardId(created.shard()), Offset(offset)).value());
    }
  }
  known = std::max(known, offset);
  out.set_created_hi(known);
}

void FakeCenter::on_question(Peer& peer, const Frame& frame) {
  v1::ChannelQuery query;
  BATON_CHECK(parse_metadata(frame.metadata, query).ok());
  v1::ChannelAnswer answer;
  answer.set_index(index - answers_behind);
  if (query.has_members()) {
    for (const v1::Member& member : members) *answer.mutable_members()->add_member() = member;
    answer.mutable_members();
  } else if (query.has_resync()) {
    for (const v1::ResyncSession& session : query.resync().session()) {
      v1::ResyncState& state = *answer.mutable_resync()->add_session();
      const auto scripted = resyncs.find(session.session().lo());
      if (scripted != resyncs.end()) state = scripted->second;
      *state.mutable_session() = session.session();
      state.set_conn_epoch(session.conn_epoch());
      if (scripted == resyncs.end()) state.set_grants(session.last_number());
    }
  } else if (query.has_live() && on_live) {
    lives.push_back(query.live());
    *answer.mutable_live() = on_live(query.live());
  } else if (query.has_settle()) {
    for (const v1::SettleItem& item : query.settle().item()) {
      settled.push_back(item);
      answer.mutable_settle()->add_verdict(v1::KEEP);
    }
  } else if (query.has_queue_rules()) {
    const std::string& cursor = query.queue_rules().cursor();
    const std::size_t at = cursor.empty() ? 0 : std::stoul(cursor);
    v1::QueueRulesAnswer& page = *answer.mutable_queue_rules();
    if (at < rules.size()) *page.add_rule() = rules[at];
    if (at + 1 < rules.size()) page.set_next(std::to_string(at + 1));
  } else if (query.has_query() && on_query) {
    answer = on_query(query.query());
    answer.set_index(index);
  }
  peer.send(v1::CHANNEL_ANSWER, frame.request_id, answer);
}

}  // namespace baton::manager
