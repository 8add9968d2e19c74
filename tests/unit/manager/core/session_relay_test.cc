#include "manager/core/session_relay.h"

#include <catch2/catch.hpp>

#include "common/base/limits.h"

namespace baton::manager {
namespace {

const SessionId kSession(Uuid{5, 5});
constexpr ConnectionId kConnection = 70;

// The relay with one client and a center that answers when it is told to.
class RelayTest {
 public:
  SessionRelay relay;

  RelayTest() { relay.channel_up(); }

  // Effects of one kind since the last call; the others are dropped.
  template <class Effect>
  std::vector<Effect> take() {
    std::vector<Effect> found;
    for (RelayEffect& effect : relay.take_effects()) {
      if (auto* value = std::get_if<Effect>(&effect)) found.push_back(*value);
    }
    return found;
  }
  template <class Command>
  std::vector<std::pair<CommandId, Command>> sent() {
    std::vector<std::pair<CommandId, Command>> found;
    for (const CommandId id : relay.take_unsent()) {
      if (const auto* value = std::get_if<Command>(&relay.command(id)))
        found.emplace_back(id, *value);
    }
    return found;
  }

  void attach(std::uint64_t conn_epoch = 1, ConnectionId connection = kConnection) {
    relay.attach(connection, 1, AttachCommand{kSession, ConnEpoch(conn_epoch), {}, "test"});
    const auto commands = sent<AttachCommand>();
    REQUIRE(commands.size() == 1);
    relay.attach_answered(commands[0].first, Status(), ConnEpoch(conn_epoch), {});
    REQUIRE(take<TellAttached>().at(0).status.ok());
  }
  void demand(std::uint32_t line, std::uint64_t total, std::uint64_t request = 2) {
    DemandCommand command;
    command.line = LineId(line);
    command.queue = "mail";
    command.lease = Millis(30'000);
    command.total = total;
    relay.demand(kConnection, request, command);
  }
  SessionGrant grant(std::uint64_t number, std::uint32_t line = 1) const {
    return {kSession,
            ConnEpoch(1),
            GrantNumber(number),
            LineId(line),
            TaskId(ShardId(1), Offset(number)),
            Token(100 + number),
            1,
            Millis(30'000)};
  }
  void give(std::uint64_t number, std::uint32_t line = 1) {
    const SessionGrant value = grant(number, line);
    relay.granted({&value, 1});
  }
  void resync(std::uint64_t grants, std::vector<SessionGrant> claims, Status status = {}) {
    relay.resynced({{kSession, status, ConnEpoch(1), GrantNumber(grants), std::move(claims)}});
  }
};

std::vector<SessionOperation> one_ack(std::uint64_t seq) {
  SessionOperation operation;
  operation.seq = OpSeq(seq);
  operation.task = TaskId(ShardId(1), Offset(seq));
  operation.token = Token(100 + seq);
  return {operation};
}

TEST_CASE_METHOD(RelayTest, "attach is forwarded and answered once") {
  relay.attach(kConnection, 11, AttachCommand{kSession, ConnEpoch(3), {Token(9)}, "worker"});
  const auto commands = sent<AttachCommand>();
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].second.held == std::vector{Token(9)});

  relay.attach_answered(commands[0].first, Status(), ConnEpoch(3), {Token(9)});

  const auto told = take<TellAttached>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].request == 11);
  CHECK(told[0].kept == std::vector{Token(9)});
  relay.attach_answered(commands[0].first, Status(), ConnEpoch(3), {});
  CHECK(take<TellAttached>().empty());
}

TEST_CASE_METHOD(RelayTest, "a second session on one connection is refused") {
  attach();
  relay.attach(kConnection, 4, AttachCommand{SessionId(Uuid{6, 6}), ConnEpoch(1), {}, ""});
  CHECK(take<TellAttached>().at(0).status.code() == ErrorCode::kInvalidArgument);
}

TEST_CASE_METHOD(RelayTest,
                 "a later connection takes the session over and the older one is closed") {
  attach(1);
  relay.attach(71, 4, AttachCommand{kSession, ConnEpoch(1), {}, ""});
  CHECK(take<TellAttached>().at(0).status.code() == ErrorCode::kConflict);

  relay.attach(71, 5, AttachCommand{kSession, ConnEpoch(2), {}, ""});
  const auto closed = take<TellClose>();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].connection == kConnection);
  CHECK(relay.session_of(71) == kSession);
  CHECK_FALSE(relay.session_of(kConnection));
}

TEST_CASE_METHOD(RelayTest, "an attach that the ledger refuses leaves no session") {
  relay.attach(kConnection, 11, AttachCommand{kSession, ConnEpoch(3), {}, ""});
  relay.attach_answered(sent<AttachCommand>()[0].first, Status(ErrorCode::kConflict, "later"),
                        ConnEpoch(4), {});
  const auto told = take<TellAttached>();
  CHECK(told.at(0).status.code() == ErrorCode::kConflict);
  CHECK(told.at(0).conn_epoch == ConnEpoch(4));
  CHECK(relay.sessions() == 0);
}

TEST_CASE_METHOD(RelayTest, "demand is one command per line with the newest total") {
  attach();
  demand(1, 4);
  demand(1, 9);
  demand(1, 7);
  const auto commands = sent<DemandCommand>();
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].second.total == 9);
  CHECK(commands[0].second.session == kSession);
  demand(1, 9);
  CHECK(sent<DemandCommand>().empty());
}

TEST_CASE_METHOD(RelayTest,
                 "a demand that the ledger refused is forwarded when it is stated again") {
  attach();
  demand(1, 4, 11);
  const auto refused = sent<DemandCommand>();
  REQUIRE(refused.size() == 1);
  relay.answered(refused[0].first, Status(ErrorCode::kRetryLater, "too many queues"));
  CHECK(take<TellError>().at(0).request == 11);

  demand(1, 4, 12);
  const auto again = sent<DemandCommand>();
  REQUIRE(again.size() == 1);
  CHECK(again[0].second.total == 4);
  relay.answered(again[0].first, Status());
  demand(1, 4, 13);
  CHECK(sent<DemandCommand>().empty());
}

TEST_CASE_METHOD(RelayTest, "demand that came before the attach was answered leaves after it") {
  relay.attach(kConnection, 1, AttachCommand{kSession, ConnEpoch(1), {}, ""});
  demand(1, 4);
  const auto ids = relay.take_unsent();
  REQUIRE(ids.size() == 1);
  relay.attach_answered(ids[0], Status(), ConnEpoch(1), {});
  CHECK(sent<DemandCommand>().size() == 1);
}

TEST_CASE_METHOD(RelayTest,
                 "a session has at most 64 lines, and an ended line is never opened again") {
  attach();
  for (std::uint32_t line = 1; line <= kSessionLinesMax; ++line) demand(line, 1);
  demand(kSessionLinesMax + 1, 1);
  CHECK(take<TellError>().at(0).status.code() == ErrorCode::kInvalidArgument);

  relay.end_wait(kConnection, 3, LineId(5));
  demand(5, 100);
  for (const auto& [id, command] : sent<DemandCommand>()) CHECK(command.line != LineId(5));
}

TEST_CASE_METHOD(RelayTest, "the end of a wait is told after the last delivery of its line") {
  attach();
  demand(1, 4);
  sent<DemandCommand>();
  give(1);
  relay.end_wait(kConnection, 33, LineId(1));
  const auto commands = sent<EndWaitCommand>();
  REQUIRE(commands.size() == 1);
  give(2);  // crossed it
  CHECK(take<Deliver>().size() == 2);

  relay.answered(commands[0].first, Status());
  CHECK(take<TellWaitEnded>().empty());
  relay.delivered(grant(2));
  CHECK(take<TellWaitEnded>().empty());
  relay.delivered(grant(1));

  const auto ended = take<TellWaitEnded>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].request == 33);
}

TEST_CASE_METHOD(RelayTest,
                 "a wait that ends before its demand left is not sent, nor is a lower line lost") {
  attach();
  demand(1, 1);
  demand(2, 2);
  relay.end_wait(kConnection, 33, LineId(2));

  CHECK(take<TellWaitEnded>().at(0).request == 33);
  const std::vector<CommandId> ids = relay.take_unsent();
  REQUIRE(ids.size() == 1);
  const auto& command = std::get<DemandCommand>(relay.command(ids[0]));
  CHECK(command.line == LineId(1));
  CHECK(command.total == 2);  // the session's, though line 2 told it
}

TEST_CASE_METHOD(RelayTest, "what an ended line had demanded is told again by another one") {
  attach();
  demand(1, 1);
  demand(2, 2);
  REQUIRE(sent<DemandCommand>().size() == 2);
  const bool ends_before_the_loss = GENERATE(false, true);
  if (ends_before_the_loss) relay.end_wait(kConnection, 33, LineId(2));
  relay.channel_down();  // the ledger may not have heard of any, or has voided the credit since
  if (!ends_before_the_loss) relay.end_wait(kConnection, 33, LineId(2));
  relay.channel_up();

  const auto demands = sent<DemandCommand>();

  REQUIRE(demands.size() == 1);
  CHECK(demands[0].second.line == LineId(1));
  CHECK(demands[0].second.total == 2);
}

TEST_CASE_METHOD(RelayTest, "the demand of a lower line goes before the end of a higher one") {
  attach();
  demand(2, 1);
  const auto second = sent<DemandCommand>();
  REQUIRE(second.size() == 1);
  relay.answered(second[0].first, Status());
  demand(3, 2);
  relay.end_wait(kConnection, 33, LineId(2));
  const bool channel_lost = GENERATE(false, true);
  if (channel_lost) {
    relay.take_unsent();
    relay.channel_down();
    relay.channel_up();
  }

  const std::vector<CommandId> ids = relay.take_unsent();

  REQUIRE(ids.size() == 2);
  CHECK(std::get<DemandCommand>(relay.command(ids[0])).line == LineId(3));
  CHECK(std::get<EndWaitCommand>(relay.command(ids[1])).line == LineId(2));
  relay.answered(ids[1], Status());
  if (channel_lost) resync(0, {});
  CHECK(take<TellWaitEnded>().at(0).line == LineId(2));
}

TEST_CASE_METHOD(RelayTest, "a wait that ends before the session is attached is not sent") {
  relay.attach(kConnection, 1, AttachCommand{kSession, ConnEpoch(1), {}, "test"});
  demand(1, 1);
  relay.end_wait(kConnection, 33, LineId(1));
  CHECK(take<TellWaitEnded>().size() == 1);
  const std::vector<CommandId> ids = relay.take_unsent();
  REQUIRE(ids.size() == 1);
  relay.attach_answered(ids[0], Status(), ConnEpoch(1), {});
  CHECK(relay.take_unsent().empty());
}

TEST_CASE_METHOD(RelayTest, "operations that are refused here are told as forgotten") {
  relay.operations(kConnection, 4, OpSeq(), one_ack(1));
  CHECK(take<Forgotten>().at(0).operations.at(0).seq == OpSeq(1));
  attach();
  relay.operations(kConnection, 5, OpSeq(), std::vector<SessionOperation>(kSessionOutcomesMax));
  relay.operations(kConnection, 6, OpSeq(), one_ack(2));
  CHECK(take<Forgotten>().at(0).operations.at(0).seq == OpSeq(2));
}

TEST_CASE_METHOD(RelayTest,
                 "numbers that are jumped over have died, those seen before are ignored") {
  attach();
  give(1);
  give(4);
  give(4);
  const auto effects = relay.take_effects();
  REQUIRE(effects.size() == 3);
  CHECK(std::get<Deliver>(effects[0]).grant.number == GrantNumber(1));
  CHECK(std::get<TellDied>(effects[1]).numbers == std::vector{GrantNumber(2), GrantNumber(3)});
  CHECK(std::get<Deliver>(effects[2]).grant.number == GrantNumber(4));
}

TEST_CASE_METHOD(RelayTest, "a grant of a session or connection that is not here is given back") {
  attach(2);
  give(1);  // of conn_epoch 1
  const auto commands = sent<GiveBackCommand>();
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].second.reason == GiveBackReason::kUndelivered);
  CHECK(commands[0].second.token == Token(101));
  CHECK(take<Deliver>().empty());
}

TEST_CASE_METHOD(RelayTest,
                 "a grant that cannot be delivered is given back and its number announced") {
  attach();
  give(1);
  relay.undeliverable(grant(1), GiveBackReason::kUnreachable);
  CHECK(sent<GiveBackCommand>().at(0).second.reason == GiveBackReason::kUnreachable);
  CHECK(take<TellDied>().at(0).numbers == std::vector{GrantNumber(1)});
}

TEST_CASE_METHOD(RelayTest, "a total that was stated before operations goes before them") {
  attach();
  demand(1, 4);
  sent<DemandCommand>();
  demand(1, 6);
  relay.operations(kConnection, 5, OpSeq(), one_ack(1));
  const std::vector<CommandId> ids = relay.take_unsent();
  REQUIRE(ids.size() == 2);
  REQUIRE(std::holds_alternative<DemandCommand>(relay.command(ids[0])));
  CHECK(std::get<DemandCommand>(relay.command(ids[0])).total == 6);
  CHECK(std::holds_alternative<OperationsCommand>(relay.command(ids[1])));
}

TEST_CASE_METHOD(RelayTest,
                 "a grant of a session that was there before ends nothing of the next one") {
  attach();
  give(1);
  attach(2, 71);  // the session goes to another connection, and another one comes to its own
  relay.attach(kConnection, 4, AttachCommand{SessionId(Uuid{6, 6}), ConnEpoch(1), {}, ""});
  relay.attach_answered(sent<AttachCommand>().at(0).first, Status(), ConnEpoch(1), {});
  relay.take_effects();
  relay.lost_undelivered(grant(1));
  relay.undeliverable(grant(1), GiveBackReason::kUnreachable);
  CHECK(take<TellDied>().empty());
}

TEST_CASE_METHOD(
    RelayTest, "everything unanswered is sent again in the old order after the channel was lost") {
  attach();
  demand(1, 4);
  relay.operations(kConnection, 5, OpSeq(), one_ack(1));
  relay.operations(kConnection, 6, OpSeq(), one_ack(2));
  const auto first = sent<OperationsCommand>();
  REQUIRE(first.size() == 2);
  relay.operations_answered(first[0].first, {{OpSeq(1), ErrorCode::kOk, "", false}});
  REQUIRE(take<TellOperationsDone>().size() == 1);

  relay.channel_down();
  relay.operations(kConnection, 7, OpSeq(), one_ack(3));
  CHECK(relay.take_unsent().empty());
  relay.channel_up();

  std::vector<std::uint64_t> seqs;
  std::size_t demands = 0;
  for (const CommandId id : relay.take_unsent()) {
    if (const auto* operations = std::get_if<OperationsCommand>(&relay.command(id))) {
      seqs.push_back(operations->operations.at(0).seq.value());
    }
    if (std::holds_alternative<DemandCommand>(relay.command(id))) ++demands;
  }
  CHECK(seqs == std::vector<std::uint64_t>{2, 3});
  CHECK(demands == 1);
}

TEST_CASE_METHOD(RelayTest, "without the center heartbeats, attaches and new lines fail at once") {
  attach();
  demand(1, 4);
  relay.heartbeat(kConnection, 8, {Token(1)});
  sent<HeartbeatCommand>();

  relay.channel_down();
  CHECK(take<TellHeartbeatDone>().at(0).status.code() == ErrorCode::kUnavailable);
  relay.heartbeat(kConnection, 9, {Token(1)});
  CHECK(take<TellHeartbeatDone>().at(0).request == 9);
  relay.attach(71, 10, AttachCommand{SessionId(Uuid{6, 6}), ConnEpoch(1), {}, ""});
  CHECK(take<TellAttached>().at(0).status.code() == ErrorCode::kUnavailable);
  demand(2, 8, 12);
  CHECK(take<TellError>().at(0).request == 12);
  demand(1, 8);  // more credit for a line that is open is no claim of its own
  CHECK(take<TellError>().empty());
  relay.channel_up();
  CHECK(sent<DemandCommand>().at(0).second.total == 8);
}

TEST_CASE_METHOD(RelayTest,
                 "an attach in flight fails with the channel and the connection may try again") {
  relay.attach(kConnection, 1, AttachCommand{kSession, ConnEpoch(1), {}, ""});
  sent<AttachCommand>();
  relay.channel_down();
  CHECK(take<TellAttached>().at(0).status.code() == ErrorCode::kUnavailable);
  relay.channel_up();
  relay.attach(kConnection, 2, AttachCommand{kSession, ConnEpoch(2), {}, ""});
  CHECK(sent<AttachCommand>().size() == 1);
}

TEST_CASE_METHOD(RelayTest,
                 "after a reconnect lost grants are delivered and numbers without a claim die") {
  attach();
  demand(1, 8);
  give(1);
  take<Deliver>();
  relay.channel_down();
  relay.channel_up();
  const auto items = relay.resync_items();
  REQUIRE(items.size() == 1);
  CHECK(items[0].last_number == GrantNumber(1));
  CHECK(items[0].credit_total == 8);

  resync(5, {grant(3)});

  const auto effects = relay.take_effects();
  REQUIRE(effects.size() == 3);
  CHECK(std::get<TellDied>(effects[0]).numbers == std::vector{GrantNumber(2)});
  CHECK(std::get<Deliver>(effects[1]).grant.number == GrantNumber(3));
  CHECK(std::get<TellDied>(effects[2]).numbers == std::vector{GrantNumber(4), GrantNumber(5)});
  CHECK(relay.resync_items().empty());
}

TEST_CASE_METHOD(RelayTest, "grants that arrive before the resync answer wait for it") {
  attach();
  relay.channel_down();
  relay.channel_up();
  give(2);
  give(3);
  CHECK(take<Deliver>().empty());

  resync(2, {grant(1), grant(2)});

  const auto delivered = take<Deliver>();
  REQUIRE(delivered.size() == 3);
  CHECK(delivered[2].grant.number == GrantNumber(3));
}

TEST_CASE_METHOD(
    RelayTest, "grants of the next channel that come before its registration wait for the resync") {
  attach();
  relay.channel_down();
  give(2);
  relay.channel_up();
  CHECK(relay.take_effects().empty());
  resync(2, {grant(1), grant(2)});
  CHECK(take<Deliver>().size() == 2);
}

TEST_CASE_METHOD(RelayTest, "a grant that waits for the resync and is lost meanwhile has died") {
  attach();
  relay.channel_down();
  relay.channel_up();
  give(1);
  give(2);
  const LostClaim lost{kSession, ConnEpoch(1), grant(1).task, grant(1).token,
                       LostCause::kCancelled};
  relay.lost(std::span(&lost, 1));
  resync(0, {});
  std::vector<GrantNumber> died;
  std::vector<GrantNumber> delivered;
  for (const auto& effect : relay.take_effects()) {
    if (const auto* told = std::get_if<TellDied>(&effect)) died = told->numbers;
    if (const auto* one = std::get_if<Deliver>(&effect)) delivered.push_back(one->grant.number);
  }
  CHECK(died == std::vector{GrantNumber(1)});
  CHECK(delivered == std::vector{GrantNumber(2)});
}

TEST_CASE_METHOD(RelayTest, "a grant that arrived but whose claim is gone by the resync has died") {
  attach();
  relay.channel_down();
  relay.channel_up();
  give(1);
  resync(1, {});
  const auto effects = relay.take_effects();
  REQUIRE(effects.size() == 1);
  CHECK(std::get<TellDied>(effects[0]).numbers == std::vector{GrantNumber(1)});
}

TEST_CASE_METHOD(RelayTest, "a session that the ledger gave to another manager is closed here") {
  attach();
  relay.channel_down();
  relay.channel_up();
  give(1);
  resync(0, {}, Status(ErrorCode::kConflict, "attached elsewhere"));
  CHECK(take<TellClose>().at(0).connection == kConnection);
  CHECK(relay.sessions() == 0);
  CHECK(sent<GiveBackCommand>().size() == 1);
}

TEST_CASE_METHOD(RelayTest,
                 "a closed connection ends its lines, also when the center hears of it later") {
  attach();
  relay.channel_down();
  relay.closed(kConnection);
  CHECK(relay.sessions() == 0);
  relay.channel_up();
  const auto closed = sent<ClosedCommand>();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].second.conn_epoch == ConnEpoch(1));
}

TEST_CASE_METHOD(RelayTest,
                 "operations of a connection that ended while the center was away are forgotten") {
  attach();
  relay.channel_down();
  relay.operations(kConnection, 5, OpSeq(), one_ack(1));
  relay.closed(kConnection);
  CHECK(take<Forgotten>().at(0).operations.at(0).seq == OpSeq(1));
  relay.channel_up();
  CHECK(sent<OperationsCommand>().empty());
}

std::vector<SessionOperation> one_ack_and_next(std::uint64_t seq) {
  std::vector<SessionOperation> operations = one_ack(seq);
  operations[0].wants_next = true;
  return operations;
}

TEST_CASE_METHOD(RelayTest,
                 "a raise that came with an operation is stated again on a new channel") {
  attach();
  demand(1, 2);
  sent<DemandCommand>();
  for (const std::uint64_t seq : {1U, 2U, 2U}) {  // a repetition raises nothing
    relay.operations(kConnection, 5, OpSeq(), one_ack_and_next(seq));
    const auto ops = sent<OperationsCommand>();
    relay.operations_answered(ops.at(0).first, {{OpSeq(seq), ErrorCode::kOk, "", false}});
  }
  relay.operations(kConnection, 5, OpSeq(), one_ack_and_next(3));
  relay.operations_answered(sent<OperationsCommand>().at(0).first,
                            {{OpSeq(3), ErrorCode::kClaimSuperseded, "", false}});

  relay.channel_down();
  relay.channel_up();

  CHECK(relay.resync_items().at(0).credit_total == 4);
  CHECK(sent<DemandCommand>().at(0).second.total == 4);
}

TEST_CASE_METHOD(RelayTest, "an operation answered on a later channel states its raise again") {
  attach();
  demand(1, 2);
  sent<DemandCommand>();
  relay.operations(kConnection, 5, OpSeq(), one_ack_and_next(1));
  sent<OperationsCommand>();  // executed, and its raise void, while the channel was gone
  relay.channel_down();
  relay.channel_up();
  const auto first = sent<OperationsCommand>();
  CHECK(sent<DemandCommand>().empty());

  relay.operations_answered(first.at(0).first, {{OpSeq(1), ErrorCode::kOk, "", false}});

  CHECK(sent<DemandCommand>().at(0).second.total == 3);
}

TEST_CASE_METHOD(RelayTest, "a session has at most 4,096 unanswered operations") {
  attach();
  relay.operations(kConnection, 5, OpSeq(), std::vector<SessionOperation>(kSessionOutcomesMax));
  relay.operations(kConnection, 6, OpSeq(), one_ack(9));
  const auto refused = take<TellOperationsDone>();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].outcomes.at(0).code == ErrorCode::kRetryLater);
}

TEST_CASE_METHOD(RelayTest,
                 "a draining manager ends lines, takes no new ones and still forwards operations") {
  attach();
  demand(1, 4);
  sent<DemandCommand>();
  relay.drain();
  CHECK(sent<ClosedCommand>().size() == 1);
  demand(2, 8);
  CHECK(take<TellError>().at(0).status.code() == ErrorCode::kUnavailable);
  relay.operations(kConnection, 5, OpSeq(), one_ack(1));
  CHECK(sent<OperationsCommand>().size() == 1);
  CHECK(relay.unanswered() > 0);
}

TEST_CASE_METHOD(RelayTest, "requests of a connection without a session are refused") {
  demand(1, 4);
  relay.end_wait(kConnection, 2, LineId(1));
  relay.heartbeat(kConnection, 3, {});
  relay.operations(kConnection, 4, OpSeq(), one_ack(1));
  const auto errors = take<TellError>();
  REQUIRE(errors.size() == 4);
  for (const TellError& error : errors) CHECK(error.status.code() == ErrorCode::kInvalidArgument);
}

TEST_CASE_METHOD(RelayTest, "saving progress raises no credit, whatever it wants next") {
  attach();
  demand(1, 4);
  const auto demands = sent<DemandCommand>();
  relay.answered(demands.at(0).first, Status());
  std::vector<SessionOperation> save = one_ack(1);
  save[0].kind = OperationKind::kSave;
  save[0].wants_next = true;
  relay.operations(kConnection, 5, OpSeq(0), save);
  const auto operations = sent<OperationsCommand>();
  relay.channel_down();
  relay.channel_up();
  resync(0, {});
  relay.operations_answered(operations.at(0).first, {{OpSeq(1), ErrorCode::kOk, "", false}});

  for (const auto& [id, command] : sent<DemandCommand>()) CHECK(command.total == 4);
}

LostClaim lost_claim(std::uint64_t token, std::uint64_t conn_epoch = 1) {
  return {kSession, ConnEpoch(conn_epoch), TaskId(ShardId(1), Offset(token)), Token(token),
          LostCause::kCancelled};
}

TEST_CASE_METHOD(RelayTest, "lost claims are told to the connection of their session, together") {
  attach();
  const std::vector<LostClaim> claims = {lost_claim(101), lost_claim(102)};
  relay.lost(claims);

  const auto told = take<TellLost>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].connection == kConnection);
  REQUIRE(told[0].claims.size() == 2);
  CHECK(told[0].claims[1].token == Token(102));
  CHECK(told[0].claims[1].cause == LostCause::kCancelled);
}

TEST_CASE_METHOD(RelayTest, "lost claims of another connection or session are told to nobody") {
  attach(2);
  LostClaim foreign = lost_claim(101, 2);
  foreign.session = SessionId(Uuid{6, 6});
  const std::vector<LostClaim> claims = {lost_claim(101, 1), foreign};
  relay.lost(claims);
  CHECK(take<TellLost>().empty());
}

}  // namespace
}  // namespace baton::manager
