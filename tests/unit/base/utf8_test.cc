#include "common/base/utf8.h"

#include <string>

#include <catch2/catch.hpp>

using namespace baton;
using namespace std::string_literals;

TEST_CASE("UTF-8 is told from what only looks like it") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain"));
  CHECK(is_utf8("gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80"));
  CHECK(is_utf8("zero\0byte"s));

  CHECK_FALSE(is_utf8("\xff"));
  CHECK_FALSE(is_utf8("\xc3"));              // cut off
  CHECK_FALSE(is_utf8("\x80"));              // begins in the middle
  CHECK_FALSE(is_utf8("\xc0\xaf"));          // overlong
  CHECK_FALSE(is_utf8("\xe0\x9f\xbf"));      // overlong, in three bytes
  CHECK_FALSE(is_utf8("\xf0\x8f\xbf\xbf"));  // overlong, in four
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
  CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(is_utf8("fine, then \xff"));
}

TEST_CASE("a character is as long as its first byte says, if all of it is there") {
  CHECK(utf8_length("ab") == 1);
  CHECK(utf8_length("\xc3\xbc.") == 2);
  CHECK(utf8_length("\xe4\xbd\xa0.") == 3);
  CHECK(utf8_length("\xf0\x9f\x98\x80.") == 4);
  CHECK(utf8_length("\xe4\xbd.") == 0);
}
