// History files: what is written is read, and what is no history is refused where it stands.
#include "common/history/history_file.h"

#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/history/judge.h"
#include "tests/sim/history_story.h"

namespace baton::check {
namespace {

using Catch::Contains;

const std::string kHead = "{\"baton_history\":1}\n";

std::vector<Event> events_of(const History& history) {
  std::vector<Event> events;
  for (const Event& event : history.events()) events.push_back(event);
  return events;
}

Status read(const std::string& text) {
  std::istringstream in(text);
  return HistoryFiles().read(in, "a.jsonl");
}

std::string refusal(const std::string& text) {
  const Status status = read(text);
  REQUIRE_FALSE(status.ok());
  return status.message();
}

TEST_CASE("a history that is written and read is the same") {
  Story story;
  story.task(11, 1).leased(11, 5, 201, std::chrono::seconds(3)).sample("open files \"x\"\n", 7, 9);
  story.refused(Action::kNack, 11, 4, 202).asked(Action::kAck, 11, 5, 201);
  story.ended(story.produce(2, UINT64_MAX), Outcome::kUnknown);
  story.seen(story.asked(Action::kState, 11, 0, 300), FinalState::kDone, 5);
  story.delivered(12, UINT64_MAX, 201, 3, 2).sample("disk_bytes", 0, 0);
  std::stringstream file;

  write_history(story.history(), file);
  HistoryFiles files;
  REQUIRE(files.read(file, "a.jsonl").ok());
  const History again = files.merge();

  CHECK(events_of(again) == events_of(story.history()));
  CHECK(again.samples() == story.history().samples());
  CHECK(files.cut_lines() == 0);
}

TEST_CASE("files of several processes are merged by time, each in its own order") {
  std::istringstream producer(
      kHead +
      "{\"at\":10,\"action\":\"produce\",\"outcome\":\"invoke\",\"operation\":1,\"producer\":1,"
      "\"number\":1}\n"
      "{\"at\":30,\"action\":\"produce\",\"outcome\":\"ok\",\"operation\":1,\"task\":17}\n");
  std::istringstream consumer(
      kHead +
      "{\"at\":20,\"action\":\"delivery\",\"process\":2,\"task\":17,\"token\":3,\"producer\":1,"
      "\"number\":1}\n"
      "{\"at\":30,\"action\":\"ack\",\"outcome\":\"invoke\",\"operation\":1,\"process\":2,\"task\":"
      "17,\"token\":3}\n"
      "{\"at\":40,\"action\":\"ack\",\"outcome\":\"ok\",\"operation\":1}\n");
  HistoryFiles files;
  REQUIRE(files.read(producer, "producer").ok());
  REQUIRE(files.read(consumer, "consumer").ok());

  const History history = files.merge();

  std::string order;
  for (const Event& event : history.events()) {
    order += std::string(to_string(event.action)) + " " + std::string(to_string(event.outcome)) +
             " " + std::to_string(event.operation) + "\n";
  }
  CHECK(order == "produce invoke 1\ndelivery ok 0\nack invoke 2\nproduce ok 1\nack ok 2\n");
  CHECK(judge(history, {.healed = true}).good());
}

TEST_CASE("a last line that its writer did not live to finish is left out") {
  HistoryFiles files;
  std::istringstream in(
      kHead + "{\"at\":1,\"action\":\"delivery\",\"task\":1,\"token\":1}\n{\"at\":2,\"act");
  REQUIRE(files.read(in, "a.jsonl").ok());

  CHECK(files.cut_lines() == 1);
  CHECK(files.merge().events().size() == 1);
}

TEST_CASE("a file of another version, or of something else, is refused") {
  CHECK(read("{\"baton_history\":2}\n").code() == ErrorCode::kUnsupportedVersion);
  CHECK_THAT(refusal("{\"baton_history\":2}\n"), Contains("a.jsonl:1: a history of version 2"));
  CHECK_THAT(refusal(""), Contains("a.jsonl:0: an empty file"));
  CHECK_THAT(refusal("{\"at\":1,\"action\":\"ack\"}\n"), Contains("a.jsonl:1: not a history"));
  CHECK_THAT(refusal("\x7f"
                     "ELF\n"),
             Contains("a.jsonl:1: not a history"));
}

TEST_CASE("a line that no history has is refused by its number") {
  const auto second = [](const std::string& line) { return refusal(kHead + line + "\n"); };

  CHECK_THAT(second("garbage"), Contains("a.jsonl:2: not a JSON object"));
  CHECK_THAT(second("{\"at\":1}"), Contains("a.jsonl:2: unknown action \"\""));
  CHECK_THAT(second("{\"at\":1,\"action\":\"steal\"}"), Contains("unknown action \"steal\""));
  CHECK_THAT(second("{\"at\":-1,\"action\":\"grant\"}"),
             Contains("\"at\" is not what it should be"));
  CHECK_THAT(second("{\"at\":1.5,\"action\":\"grant\"}"), Contains("\"at\" is not"));
  CHECK_THAT(second("{\"at\":1,\"action\":\"grant\",\"attempt\":4294967296}"),
             Contains("\"attempt\""));
  CHECK_THAT(second("{\"at\":1,\"action\":\"grant\",\"colour\":1}"),
             Contains("unknown field \"colour\""));
  CHECK_THAT(second("{\"at\":1,\"action\":\"state\",\"state\":\"lost\"}"),
             Contains("\"state\" is not"));
  CHECK_THAT(second("{\"at\":1,\"action\":\"ack\",\"outcome\":\"fail\"}"),
             Contains("without an operation"));
  CHECK_THAT(second("{\"at\":1,\"action\":\"ack\",\"outcome\":\"ok\",\"operation\":1}"),
             Contains("no ack is open as operation 1"));
  CHECK_THAT(second("{\"at\":1,\"action\":\"sample\",\"value\":1}"), Contains("\"what\""));
  CHECK_THAT(second(std::string(5000, ' ')), Contains("a.jsonl:2: the line is too long"));
}

TEST_CASE("an operation is invoked once and ended once, as what it was") {
  const std::string ack = "{\"at\":1,\"action\":\"ack\",\"outcome\":\"invoke\",\"operation\":1}\n";
  const std::string ok = "{\"at\":1,\"action\":\"ack\",\"outcome\":\"ok\",\"operation\":1}\n";
  const std::string nacked = "{\"at\":1,\"action\":\"nack\",\"outcome\":\"ok\",\"operation\":1}\n";

  CHECK(read(kHead + ack + ok).ok());
  CHECK_THAT(refusal(kHead + ack + ack), Contains("a.jsonl:3: operation 1 was invoked before"));
  CHECK_THAT(refusal(kHead + ack + ok + ok), Contains("a.jsonl:4: no ack is open"));
  CHECK_THAT(refusal(kHead + ack + nacked), Contains("a.jsonl:3: no nack is open"));
}

}  // namespace
}  // namespace baton::check
