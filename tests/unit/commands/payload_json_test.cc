#include "client/commands/payload_json.h"

#include <catch2/catch.hpp>

#include "common/base/random.h"
#include "common/base/utf8.h"

using namespace baton;
using namespace baton::commands;
using namespace std::string_literals;

TEST_CASE("base64 is what everybody else writes") {
  CHECK(encode_base64("") == "");
  CHECK(encode_base64("f") == "Zg==");
  CHECK(encode_base64("fo") == "Zm8=");
  CHECK(encode_base64("foo") == "Zm9v");
  CHECK(encode_base64("\x00\xff\xfe"s) == "AP/+");
}

TEST_CASE("base64 comes back as it was, for every length") {
  Random random(7);
  for (std::size_t length = 0; length < 200; ++length) {
    std::string bytes;
    while (bytes.size() < length) bytes += static_cast<char>(random.below(256));
    CHECK(decode_base64(encode_base64(bytes)).value() == bytes);
  }
}

TEST_CASE("what is no base64 is refused") {
  for (const char* text :
       {"A", "AB", "ABC", "A===", "====", "AB=C", "AB==AB==", "A!==", "AB C", "AB==", "AAC="}) {
    INFO(text);
    CHECK_FALSE(decode_base64(text).ok());
  }
}

TEST_CASE("bytes in JSON are text where they can be, and come back either way") {
  for (const std::string& bytes : {""s, "text \"quoted\"\n"s, "\xff\x00\x01"s}) {
    Json object = Json::object();
    put_bytes(object, "payload", bytes);
    const Json read = Json::parse(object.dump());
    CHECK(read.contains("payload") == is_utf8(bytes));
    CHECK(take_bytes(read, "payload").value() == bytes);
  }
}

TEST_CASE("an object that is no payload is refused with the keys that are wanted") {
  for (const char* text :
       {"{}", "[]", "3", "\"text\"", "{\"payload\":3}", "{\"pay\":\"x\"}",
        "{\"payload\":\"x\",\"priority\":1}", "{\"payload_base64\":\"*\"}", "{bad"}) {
    INFO(text);
    const auto taken = take_bytes(Json::parse(text, nullptr, false), "payload");
    CHECK_FALSE(taken.ok());
    CHECK(taken.status().code() == ErrorCode::kInvalidArgument);
  }
}
