#include "client/commands/nack_wish.h"

#include <catch2/catch.hpp>

#include "common/base/limits.h"

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

TEST_CASE("a command may wish for a reason, a delay, or that its task is dead") {
  const NackWish some = parse_nack_wish("reason the server is away\ndelay 1m30s\n");
  CHECK(some.reason == "the server is away");
  CHECK(some.options.delay == Millis(90s));
  CHECK_FALSE(some.options.dead);
  CHECK(some.complaints.empty());

  const NackWish dead = parse_nack_wish("dead\nreason there is no such address");
  CHECK(dead.options.dead);
  CHECK(dead.reason == "there is no such address");
  CHECK(dead.complaints.empty());

  CHECK(parse_nack_wish("delay 0").options.delay == Millis(0));
}

TEST_CASE("an empty file wishes nothing, and what is around the words does not matter") {
  for (const char* text : {"", "\n", " \r\n\n\t\n"}) {
    const NackWish none = parse_nack_wish(text);
    CHECK_FALSE(none.reason.has_value());
    CHECK_FALSE(none.options.delay.has_value());
    CHECK_FALSE(none.options.dead);
    CHECK(none.complaints.empty());
  }
  const NackWish spaced = parse_nack_wish("  reason   two  words \r\n delay  5s\r\ndead \r\n");
  CHECK(spaced.reason == "two  words");
  CHECK(spaced.options.dead);
}

TEST_CASE("of two wishes of one kind the last one counts") {
  const NackWish wish = parse_nack_wish("reason first\ndelay 1s\nreason second\ndelay 2s\n");
  CHECK(wish.reason == "second");
  CHECK(wish.options.delay == Millis(2s));
  CHECK(wish.complaints.empty());
}

TEST_CASE("a line that is no wish is complained about, and the others count") {
  const NackWish wish = parse_nack_wish(
      "reason useful\ndelay soon\nretry\ndead end\nreason\ndelay\ndelay -1s\ndelay 4000d\nDEAD\n"
      "reason \xff\n" +
      std::string(100, 'x'));
  CHECK(wish.reason == "useful");
  CHECK_FALSE(wish.options.delay.has_value());
  CHECK_FALSE(wish.options.dead);
  REQUIRE(wish.complaints.size() == 10);
  CHECK(wish.complaints[0].find("'delay soon' ") == 0);
  CHECK(wish.complaints[1] == "'retry' is none of: reason TEXT, delay DURATION, dead");
  CHECK(wish.complaints[2] == "'dead end' has a word behind dead");
  CHECK(wish.complaints[3] == "'reason' says no reason");
  CHECK(wish.complaints[6] == "'delay 4000d' is over 10 years");
  CHECK(wish.complaints[8].find("is not UTF-8") != std::string::npos);
  CHECK(wish.complaints[9].find("...' is none of") != std::string::npos);
}

TEST_CASE("a dead task has no delay") {
  const NackWish wish = parse_nack_wish("delay 5s\ndead\n");
  CHECK(wish.options.dead);
  CHECK_FALSE(wish.options.delay.has_value());
  REQUIRE(wish.complaints.size() == 1);
  CHECK(wish.complaints[0] == "a task that is dead has no delay");
}

TEST_CASE("a long reason is cut, between its characters") {
  const NackWish plain = parse_nack_wish("reason " + std::string(5000, 'x'));
  CHECK(plain.reason == std::string(kReasonBytesMax, 'x'));
  const NackWish wide =
      parse_nack_wish("reason " + std::string(kReasonBytesMax - 1, 'x') + "\xc3\xa4");
  CHECK(wide.reason == std::string(kReasonBytesMax - 1, 'x'));
  CHECK(wide.complaints.empty());
}

TEST_CASE("of a file that is too large the beginning is read") {
  const NackWish wish =
      parse_nack_wish("dead\n" + std::string(kNackFileBytesMax, '\n') + "reason x");
  CHECK(wish.options.dead);
  CHECK_FALSE(wish.reason.has_value());
  REQUIRE(wish.complaints.size() == 1);
  CHECK(wish.complaints[0] == "only the first 64 KiB are read");
}

TEST_CASE("exit codes are numbers from 1 to 255 with commas between them") {
  const auto codes = parse_exit_codes("3,255,3,1");
  REQUIRE(codes.ok());
  CHECK(codes.value().count() == 3);
  CHECK(codes.value()[1]);
  CHECK(codes.value()[3]);
  CHECK(codes.value()[255]);
  for (const char* wrong :
       {"", "0", "256", "-1", "3,", ",3", "3,,4", "3 4", "1.5", "three", "99999999999999999999"}) {
    INFO(wrong);
    CHECK(parse_exit_codes(wrong).status().code() == ErrorCode::kInvalidArgument);
  }
}
