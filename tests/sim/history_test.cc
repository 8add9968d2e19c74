#include "common/history/history.h"

#include <vector>

#include <catch2/catch.hpp>

namespace baton::check {
namespace {

TEST_CASE("the end of an operation carries what its invoke said") {
  History history;
  Event produce;
  produce.process = 4;
  produce.producer = 1;
  produce.number = 2;
  produce.content = 99;

  const std::uint64_t operation = history.invoke(produce);
  history.end(operation, std::chrono::seconds(1), Outcome::kOk, TaskId(7));

  REQUIRE(history.events().size() == 2);
  std::vector<Event> events;
  for (const Event& event : history.events()) events.push_back(event);
  const Event& end = events.at(1);
  CHECK(end.process == 4);
  CHECK(end.content == 99);
  CHECK(end.task == TaskId(7));
  CHECK(end.outcome == Outcome::kOk);
}

TEST_CASE("an operation may stay open while thousands of others come and go") {
  History history;
  std::vector<std::uint64_t> long_ones;
  Event ack;
  ack.action = Action::kAck;
  for (std::uint64_t i = 1; i <= 5000; i++) {
    ack.token = Token(i);
    const std::uint64_t operation = history.invoke(ack);
    if (i % 1000 == 1) {
      long_ones.push_back(operation);
    } else {
      history.end(operation, Duration(0), Outcome::kOk);
    }
  }
  for (const std::uint64_t operation : long_ones) {
    history.end(operation, Duration(0), Outcome::kFail);
  }

  std::vector<Token> refused;
  for (const Event& event : history.events()) {
    if (event.outcome != Outcome::kInvoke) CHECK(event.operation == event.token.value());
    if (event.outcome == Outcome::kFail) refused.push_back(event.token);
  }
  CHECK(refused == std::vector{Token(1), Token(1001), Token(2001), Token(3001), Token(4001)});
}

TEST_CASE("a task's story begins with the produce that made it") {
  History history;
  Event produce;
  produce.process = 4;
  produce.producer = 1;
  produce.number = 2;
  history.end(history.invoke(produce), std::chrono::seconds(1), Outcome::kOk, TaskId(7));
  produce.number = 3;
  history.invoke(produce);
  Event delivery;
  delivery.at = std::chrono::milliseconds(1500);
  delivery.action = Action::kDelivery;
  delivery.process = 5;
  delivery.task = TaskId(7);
  delivery.token = Token(9);
  delivery.attempt = 1;
  history.note(delivery);

  CHECK(history.story(TaskId(7)) ==
        "  0.000000s produce invoke process 4 item 1/2\n"
        "  1.000000s produce ok process 4 task 7 item 1/2\n"
        "  1.500000s delivery ok process 5 task 7 token 9 attempt 1\n");
}

}  // namespace
}  // namespace baton::check
