// Seeds of what a center and other managers say to a manager: T8.
#include <string>
#include <vector>

#include "proto/center.pb.h"
#include "proto/peer.pb.h"

#include "tests/fuzz/corpus.h"

namespace baton::fuzz {

// Numbers of steps, as kSteps in manager_links.cc has them.
void manager_links_corpus() {
  enum : std::uint8_t {
    kCenterFrame,
    kRegister,
    kEnroll,
    kAttach,
    kHeartbeat,
    kResync,
    kMembers,
    kLive,
    kQuery,
    kWinner,
    kNumbers,
    kSilence,
    kGrant,
    kGoodGrant,
    kDrop,
    kPeerFrame,
    kFetch,
    kConnect,
    kProduce,
    kMoved,
    kDemand,
    kEndWait,
    kAck,
    kBeat,
    kAsk,
    kPass,
    kCenterFrame2,
    kGoodGrant2,
    kLose,
    kNews,
    kActed,
    kAct,
    kSave
  };
  Bytes life;
  life.u8(kProduce).u8(3).u8(kPass).u8(1).u8(kDemand).u8(kPass).u8(1).u8(kGoodGrant).u8(0).u8(0);
  life.u8(kGoodGrant).u8(1).u8(0).u8(kPass).u8(1).u8(kAck).u8(1).u8(kBeat).u8(kAck).u8(0);
  life.u8(kPass).u8(2).u8(kEndWait).u8(kMoved).u8(1).u8(kPass).u8(20).u8(kDrop).u8(kPass).u8(50);
  save("manager_links", "life", life.str());

  Bytes peers;
  peers.u8(kDemand).u8(kPass).u8(1).u8(kGoodGrant).u8(0).u8(1).u8(kGoodGrant).u8(1).u8(1);
  v1::PeerFetched fetched;
  fetched.add_item()->set_length(4);
  peers.u8(kFetch).frame(v1::PEER_FETCHED, 0, fetched, "work").u8(kPass).u8(4);
  fetched.add_item()->set_code(v1::DATA_LOSS);
  peers.u8(kGoodGrant).u8(2).u8(1).u8(kFetch).frame(v1::PEER_FETCHED, 0, fetched, "wor");
  peers.u8(kPass).u8(250);
  v1::PeerFetch fetch;
  fetch.add_task((std::uint64_t{5} << 44) + 1);
  fetch.add_result()->set_shard(5);
  fetch.mutable_result(0)->set_lsn(1);
  peers.u8(kProduce).u8(2).u8(kPass).u8(1).u8(kPeerFrame).frame(v1::PEER_FETCH, 3, fetch);
  v1::PeerBeat beat;
  beat.add_end()->set_shard(5);
  beat.mutable_end(0)->set_durable_end(99);
  peers.u8(kPeerFrame).frame(v1::PEER_BEAT, 0, beat).u8(kPass).u8(30);
  save("manager_links", "peers", peers.str());

  Bytes lies;
  v1::AttachOutcome attached;
  attached.set_code(v1::CONFLICT);
  attached.set_conn_epoch(7);
  lies.u8(kAttach).sized(attached).u8(kConnect).u8(kPass).u8(2).u8(kConnect).u8(kPass).u8(2);
  v1::SessionHeartbeatOutcome lost;
  lost.set_code(v1::NOT_FOUND);
  lost.add_lost(1001);
  lies.u8(kDemand).u8(kGoodGrant).u8(0).u8(0).u8(kHeartbeat).sized(lost).u8(kBeat).u8(kPass).u8(1);
  v1::ChannelOutcomes outcomes;
  outcomes.set_index(50);
  outcomes.add_outcome()->mutable_operations()->add_outcome()->set_seq(1);
  for (std::uint64_t request = 1; request < 12; ++request) {
    lies.u8(kCenterFrame).frame(v1::CHANNEL_OUTCOMES, request, outcomes);
  }
  v1::ChannelAnswer answer;
  answer.mutable_live()->set_created_hi(9);
  answer.mutable_live()->add_first(1);
  answer.mutable_live()->add_count(3);
  lies.u8(kCenterFrame).frame(v1::CHANNEL_ANSWER, 3, answer).u8(kLive).sized(answer.live());
  lies.u8(kPass).u8(100);
  save("manager_links", "lies", lies.str());

  Bytes ended;
  ended.u8(kProduce).u8(3).u8(kPass).u8(1).u8(kDemand).u8(kPass).u8(1);
  ended.u8(kGoodGrant).u8(0).u8(0).u8(kLose).u8(0).u8(kPass).u8(1);
  ended.u8(kGoodGrant).u8(1).u8(0).u8(kPass).u8(1).u8(kSave).u8(1).u8(kPass).u8(2);
  ended.u8(kLose).u8(0).u8(kAck).u8(1).u8(kPass).u8(2);
  v1::Grant saved;  // of an attempt that left a checkpoint, here and elsewhere
  set_uuid(saved.mutable_session(), 5, 6);
  saved.set_conn_epoch(1);
  saved.set_number(3);
  saved.set_line(1);
  saved.set_task((std::uint64_t{5} << 44) + 3);
  saved.set_token(1003);
  saved.mutable_checkpoint()->set_task(saved.task());
  saved.mutable_checkpoint()->set_token(1002);
  saved.mutable_checkpoint()->set_shard(5);
  saved.mutable_checkpoint()->set_lsn(2);
  saved.mutable_checkpoint()->set_length(1);
  ended.u8(kGrant).sized(saved).u8(kPass).u8(1);
  saved.set_number(4);
  saved.mutable_checkpoint()->set_shard(9);
  ended.u8(kGrant).sized(saved).u8(kLose).u8(1).u8(kPass).u8(100);
  save("manager_links", "lost", ended.str());

  Bytes ruled;
  v1::ChannelGrants news;
  v1::QueueRule& rule = *news.add_rule();
  rule.set_queue("mail");
  rule.set_limits_tasks(true);
  rule.set_max_bytes(64);
  ruled.u8(kNews).sized(news).u8(kProduce).u8(3).u8(kPass).u8(10).u8(kProduce).u8(2);
  rule.set_max_bytes(1);  // less than a payload
  ruled.u8(kNews).sized(news).u8(kProduce).u8(1).u8(kPass).u8(30).u8(kProduce).u8(1);
  rule.Clear();
  rule.set_queue("mail");
  rule.set_ordered(true);
  ruled.u8(kNews).sized(news).u8(kProduce).u8(2).u8(kPass).u8(2);
  rule.set_ordered(false);
  ruled.u8(kNews).sized(news).u8(kProduce).u8(1).u8(kPass).u8(10);
  v1::ActedItem item;
  item.set_code(v1::CONFLICT);
  item.set_state(v1::DONE);
  ruled.u8(kActed).sized(item).u8(0);
  for (std::uint64_t action = 0; action < 6; ++action) ruled.u8(kAct).u8(action).u8(action % 2);
  ruled.u8(kPass).u8(60);
  save("manager_links", "ruled", ruled.str());

  Bytes registering;
  v1::RegisterOutcome outcome;
  for (int result = v1::REGISTER_BEHIND; result <= v1::REGISTER_UNKNOWN; ++result) {
    outcome.set_result(static_cast<v1::RegisterResult>(result));
    outcome.set_created_hi(2);
    registering.u8(kRegister).sized(outcome).u8(kDrop).u8(kPass).u8(60);
  }
  v1::EnrollOutcome enrolled;
  enrolled.set_shard(6);
  enrolled.set_created_hi(1);
  registering.u8(kEnroll).sized(enrolled).u8(kDrop).u8(kPass).u8(60);
  save("manager_links", "registering", registering.str());

  Bytes silent;
  silent.u8(kSilence).u8(1).u8(7).u8(kDemand).u8(kAck).u8(1).u8(kPass).u8(30).u8(kDrop);
  v1::ResyncState state;
  set_uuid(state.mutable_session(), 5, 6);
  state.set_conn_epoch(1);
  state.set_grants(5);
  v1::Grant& claim = *state.add_claim();
  set_uuid(claim.mutable_session(), 5, 6);
  claim.set_conn_epoch(1);
  claim.set_number(3);
  claim.set_line(1);
  claim.set_task((std::uint64_t{5} << 44) + 1);
  claim.set_token(1001);
  silent.u8(kResync).sized(state).u8(kPass).u8(100).u8(kGrant).sized(claim).u8(kPass).u8(10);
  v1::MembersAnswer members;
  members.add_member()->set_address("peer:7101");
  members.mutable_member(0)->add_shard(5);
  silent.u8(kMembers).sized(members).u8(kPass).u8(120);
  for (const v1::Query& query : queries()) silent.u8(kAsk).sized(query);
  v1::ChannelAnswer place;
  place.mutable_result()->set_shard(9);
  place.mutable_result()->set_lsn(1);
  silent.u8(kQuery).sized(place).u8(kAsk).sized(queries()[6]).u8(kPass).u8(80);
  silent.u8(kNumbers).u8(0).u8(230).u8(kWinner).u8(1).u8(9).u8(kMoved).u8(1).u8(kPass).u8(30);
  save("manager_links", "silent", silent.str());
}

}  // namespace baton::fuzz
