// Seeds of what clients say to managers, and managers to clients: T1, T2, T7.
#include <string>
#include <string_view>
#include <vector>

#include "proto/broker.pb.h"

#include "common/net/frame.h"
#include "tests/fuzz/corpus.h"

namespace baton::fuzz {

void frame_decoder_corpus() {
  const auto settings = [] { return Bytes().u16(4096).u16(20'000).u8(0).u8(7); };
  std::string stream;
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(v1::ROLE_CLIENT);
  hello.set_software("baton 0.1.0");
  append_frame(stream, v1::HELLO, 1, hello);
  save("frame_decoder", "hello", settings().raw(stream).str());
  const std::string_view payload[] = {"work", "some", "more"};
  append_frame(stream, v1::PRODUCE, 2, produce(1, 3), payload);
  append_frame(stream, v1::PING, 3, v1::Ping());
  save("frame_decoder", "conversation", settings().raw(stream).str());
  save("frame_decoder", "cut", settings().raw(stream.substr(0, stream.size() - 5)).str());
  save("frame_decoder", "stop", Bytes().u16(4096).u16(20'000).u8(1).u8(7).raw(stream).str());
  save("frame_decoder", "small-limit", Bytes().u16(4096).u16(8).u8(0).u8(7).raw(stream).str());
  std::string wrong = stream;
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  save("frame_decoder", "bad-checksum", settings().raw(wrong).str());
  save("frame_decoder", "http", settings().raw("GET / HTTP/1.1\r\n\r\n").str());
  save("frame_decoder", "tls", settings().raw("\x16\x03\x01\x02").str());
  wrong = stream;
  wrong[3] = 2;
  save("frame_decoder", "version", settings().raw(wrong).str());
  wrong = stream;
  wrong[6] = 1;
  save("frame_decoder", "flags", settings().raw(wrong).str());
}

namespace {

constexpr int kSay = 0;
constexpr int kLose = 7;
constexpr int kRule = 8;
constexpr int kWait = 9;

}  // namespace

void client_requests_corpus() {
  const auto say = [](Bytes& story, v1::FrameType type, std::uint64_t request,
                      const google::protobuf::MessageLite& message, std::string_view payload = {}) {
    story.u8(kSay).frame(type, request, message, payload);
  };
  Bytes life;
  say(life, v1::PRODUCE, 10, produce(1, 2), "onetwo.."), life.u8(kWait).u8(2);
  say(life, v1::ATTACH, 11, attach(1)), say(life, v1::DEMAND, 12, demand(1));
  life.u8(kWait).u8(2).u8(13).u8(kWait).u8(2);  // the center grants
  say(life, v1::OPERATIONS, 13, operations(1), "resbadchk");
  say(life, v1::HEARTBEAT, 14, heartbeat());
  v1::EndWait end_wait;
  end_wait.set_line(1);
  say(life, v1::END_WAIT, 15, end_wait), life.u8(kWait).u8(4);
  v1::ProducerResolved resolved;
  set_uuid(resolved.mutable_producer(), 3, 4);
  resolved.set_resolved_below(3);
  say(life, v1::PRODUCER_RESOLVED, 0, resolved), life.u8(11).u8(10);
  save("client_requests", "life", life.str());

  Bytes moved;
  say(moved, v1::PRODUCE, 10, produce(1, 2, true), "onetwo.."), moved.u8(kWait).u8(9);
  say(moved, v1::PRODUCE, 11, produce(1, 2, true), "onetwo.."), moved.u8(kWait).u8(9);
  say(moved, v1::PRODUCE, 12, produce(2, 1), "else"), moved.u8(kWait).u8(9);
  save("client_requests", "moved", moved.str());

  Bytes asked;
  for (const v1::Query& query : queries()) say(asked, v1::QUERY, 20, query);
  asked.u8(kWait).u8(100);
  save("client_requests", "queries", asked.str());

  Bytes twice;
  say(twice, v1::ATTACH, 1, attach(1)), twice.u8(10), say(twice, v1::ATTACH, 1, attach(2));
  say(twice, v1::DEMAND, 2, demand(1)), twice.u8(15).u8(kWait).u8(80);
  say(twice, v1::OPERATIONS, 3, operations(1), "resbadchk"), twice.u8(14).u8(1);
  save("client_requests", "fail-over", twice.str());

  Bytes slow;
  slow.u8(12).u8(0);
  for (std::uint64_t i = 0; i < 6; ++i)
    say(slow, v1::PRODUCE, 30 + i, produce(1 + 4 * i, 4), "aaaabbbbccccdddd");
  slow.u8(kWait).u8(40).u8(12).u8(1).u8(kWait).u8(40);
  save("client_requests", "slow-reader", slow.str());

  Bytes values;  // well formed, and out of range
  say(values, v1::ATTACH, 1, v1::Attach()), say(values, v1::ATTACH, 2, attach(1));
  v1::Demand bad = demand(1);
  bad.set_lease_ms(0);
  say(values, v1::DEMAND, 3, bad);
  bad = demand(0);
  say(values, v1::DEMAND, 4, bad);
  bad = demand(2);
  bad.set_queue("no spaces");
  say(values, v1::DEMAND, 5, bad);
  bad = demand(3);
  bad.set_task(1);
  say(values, v1::DEMAND, 6, bad);
  v1::Operations wrong = operations(1);
  wrong.mutable_operation(0)->set_seq(0);
  wrong.mutable_operation(1)->set_task(0);
  wrong.mutable_operation(2)->set_kind(v1::OPERATION_NONE);
  wrong.mutable_operation(3)->set_lease_ms(1);
  say(values, v1::OPERATIONS, 7, wrong, "resbadchk");
  say(values, v1::PRODUCE, 8, produce(0, 1), "zero");
  say(values, v1::PRODUCE, 9, produce(std::uint64_t{1} << 63, 1), "over");
  v1::Query limit = queries()[1];
  limit.mutable_task_list()->set_limit(0);
  say(values, v1::QUERY, 10, limit), values.u8(kWait).u8(100);
  save("client_requests", "bad-values", values.str());

  Bytes wishes;  // each on its own, then all for the same request
  std::uint64_t seq = 1;
  v1::Produce many = produce(100, 14);
  for (const v1::TaskOptions& options : task_options()) {
    v1::Produce one = produce(seq++, 1);
    *one.add_options() = options;
    *many.add_options() = options;
    say(wishes, v1::PRODUCE, seq, one, "work");
  }
  std::string payload;
  for (int i = 0; i < 14; ++i) payload += "more";
  say(wishes, v1::PRODUCE, 50, many, payload), wishes.u8(kWait).u8(250);
  v1::Produce copy = produce(200, 1);
  copy.set_length(0, 0);
  copy.add_options()->set_retry_of((std::uint64_t{5} << 44) + 1);
  say(wishes, v1::PRODUCE, 51, copy), wishes.u8(kWait).u8(100);
  save("client_requests", "wishes", wishes.str());

  Bytes acted;
  say(acted, v1::PRODUCE, 1, produce(1, 2), "onetwo.."), acted.u8(kWait).u8(2);
  std::uint64_t request = 2;
  for (const v1::Act& act : acts()) say(acted, v1::ACT, request++, act);
  v1::Act wrong_act = acts()[0];
  wrong_act.set_action(static_cast<v1::TaskAction>(9));
  say(acted, v1::ACT, 20, wrong_act);
  wrong_act.clear_task();
  say(acted, v1::ACT, 21, wrong_act), acted.u8(kWait).u8(100);
  save("client_requests", "acts", acted.str());

  Bytes lost;  // before the delivery, and after it
  say(lost, v1::PRODUCE, 1, produce(1, 2), "onetwo.."), lost.u8(kWait).u8(2);
  say(lost, v1::ATTACH, 2, attach(1)), say(lost, v1::DEMAND, 3, demand(1)), lost.u8(kWait).u8(2);
  lost.u8(13).u8(kLose).u8(13).u8(kWait).u8(2).u8(kLose);
  say(lost, v1::OPERATIONS, 4, operations(1), "resbadchk"), lost.u8(kWait).u8(10);
  save("client_requests", "lost", lost.str());

  Bytes rules;  // ordered, limited, both, none, and the same numbers again each time
  for (const std::uint64_t how : {1U, 2U, 7U, 0x2aU, 0U}) {
    rules.u8(kRule).u8(how).u8(kWait).u8(2);
    for (std::uint64_t i = 1; i < 4; ++i) say(rules, v1::PRODUCE, i, produce(i, 1), "work");
    rules.u8(kWait).u8(60);
  }
  save("client_requests", "rules", rules.str());

  Bytes broken;
  broken.u8(kSay).u8(v1::PRODUCE).u8(5).sized("\xff\xff").sized("");
  broken.u8(kSay).u8(200).u8(6).sized("").sized("x");
  say(broken, v1::HELLO, 7, v1::Hello());
  save("client_requests", "broken", broken.str());
}

// Numbers of steps, as kSteps in client_library.cc has them.
void client_library_corpus() {
  enum : std::uint8_t {
    kProduce,
    kEndClaim,
    kAsk,
    kAnswerRaw,
    kAnswerWell,
    kPushRaw,
    kPushTasks,
    kPushManyTasks,
    kDrop,
    kListen,
    kHelloRaw,
    kHelloWell,
    kPassTime,
    kOther,
    kStop,
    kAnswerRaw2,
    kAnswerAllWell,
    kPushRaw2,
    kPushLost
  };
  Bytes good;
  good.u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  good.u8(kProduce).u8(3).raw(std::string(4, '\0')).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  good.u8(kPushTasks).u8(3).u8(kEndClaim).u8(0).u8(kEndClaim).u8(2).u8(kEndClaim).u8(3);
  good.u8(kEndClaim).u8(5).u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(200);
  good.u8(kAnswerAllWell).u8(kStop).u8(1).u8(kPassTime).u8(2).u8(kAnswerAllWell);
  save("client_library", "good", good.str());

  Bytes lies;
  v1::Produced produced;
  produced.set_shard(1);
  v1::ProducedRun& run = *produced.add_run();
  run.set_count(4);
  run.set_first_task((std::uint64_t{1} << 44) + 1);
  lies.u8(kProduce).u8(1).u8(0).u8(0).u8(kPassTime).u8(1);
  lies.u8(kAnswerRaw).u8(1).frame(v1::PRODUCED, 0, produced);
  run.set_code(v1::CONFLICT);
  lies.u8(kAnswerRaw).u8(3).frame(v1::PRODUCED, 0, produced);
  v1::Attached attached;
  attached.set_code(v1::CONFLICT);
  attached.set_conn_epoch(9);
  attached.add_kept(5);
  lies.u8(kAnswerRaw).u8(0).frame(v1::ATTACHED, 0, attached);
  v1::OperationsDone done;
  done.add_outcome()->set_seq(1);
  done.add_outcome()->set_seq(1);
  done.mutable_outcome(1)->set_code(v1::CLAIM_SUPERSEDED);
  lies.u8(kAnswerRaw).u8(0).frame(v1::OPERATIONS_DONE, 0, done);
  v1::HeartbeatDone beat;
  beat.add_lost(1'000'001);
  lies.u8(kPushRaw).frame(v1::HEARTBEAT_DONE, 3, beat);
  save("client_library", "lies", lies.str());

  Bytes pushed;
  pushed.u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    v1::Delivery& delivery = *tasks.add_delivery();
    delivery.set_number(i % 2 + 1);
    delivery.set_line(1);
    delivery.set_task((std::uint64_t{1} << 44) + i);
    delivery.set_token(100 + i % 2);
    delivery.set_attempt(1);
    delivery.set_lease_ms(3000);
    delivery.set_length(2);
  }
  tasks.add_died(7);
  tasks.add_died(1);
  pushed.u8(kPushRaw).frame(v1::TASKS, 0, tasks, "aabbcc").u8(kPassTime).u8(30);
  pushed.u8(kPushManyTasks).u8(60).u8(kPassTime).u8(10).u8(kDrop).u8(kPassTime).u8(50);
  v1::Goodbye goodbye;
  goodbye.set_reason("restart");
  pushed.u8(kAnswerAllWell).u8(kPushRaw).frame(v1::GOODBYE, 0, goodbye).u8(kPassTime).u8(20);
  save("client_library", "pushed", pushed.str());

  Bytes lost;  // claims that end while they are worked on, saved, answered; acts and their answers
  lost.u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  lost.u8(kPushTasks).u8(3).u8(kEndClaim).u8(6).u8(kEndClaim).u8(126).u8(kPushLost).u8(9);
  lost.u8(kEndClaim).u8(0).u8(kEndClaim).u8(3).u8(kAnswerAllWell).u8(kPushLost).u8(7);
  for (std::uint64_t question = 6; question < 12; ++question) lost.u8(kAsk).u8(question);
  v1::Acted acted;
  acted.add_run()->set_count(2);
  acted.mutable_run(0)->set_state(v1::CANCELLED);
  lost.u8(kPassTime).u8(1).u8(kAnswerRaw).u8(11).frame(v1::ACTED, 0, acted);
  acted.mutable_run(0)->set_count(0xffffffff);
  lost.u8(kAnswerRaw).u8(10).frame(v1::ACTED, 0, acted).u8(kPassTime).u8(200);
  save("client_library", "lost", lost.str());

  Bytes errors;
  v1::Error error;
  error.set_code(v1::RETRY_LATER);
  error.set_message("later");
  error.set_retry_after_ms(20);
  errors.u8(kProduce).u8(2).u8(0).u8(0).u8(0).u8(kPassTime).u8(1);
  errors.u8(kAnswerRaw).u8(0).frame(v1::ERROR, 0, error).u8(kPassTime).u8(9);
  errors.u8(kAnswerRaw).u8(0).frame(v1::ERROR, 0, error).u8(kListen).u8(0).u8(kDrop).u8(kOther);
  v1::HelloOk hello;
  hello.set_version(7);
  hello.set_frame_bytes_max(3);
  errors.u8(kHelloRaw).frame(v1::HELLO_OK, 0, hello).u8(kPassTime).u8(60).u8(kHelloWell);
  for (std::uint64_t i = 0; i < 6; ++i) errors.u8(kAsk).u8(i);
  v1::Answer answer;
  answer.set_index(9);
  answer.mutable_tasks()->add_task()->set_state(v1::READY);
  answer.mutable_tasks()->set_next("x");
  errors.u8(kPassTime).u8(1).u8(kAnswerRaw).u8(0).frame(v1::ANSWER, 0, answer);
  answer.mutable_center()->set_term(3);
  errors.u8(kAnswerRaw).u8(0).frame(v1::ANSWER, 0, answer);
  answer.mutable_result()->set_length(5);
  errors.u8(kAnswerRaw).u8(2).frame(v1::ANSWER, 0, answer, "12345");
  save("client_library", "errors", errors.str());
}

}  // namespace baton::fuzz
