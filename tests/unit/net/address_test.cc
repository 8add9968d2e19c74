#include <catch2/catch.hpp>

#include "common/net/transport.h"

namespace baton {
namespace {

TEST_CASE("an address is printed as it is parsed") {
  for (const char* text : {"127.0.0.1:7101", "[::1]:7101", "host.example:1", "localhost:0"}) {
    const auto address = parse_address(text);
    REQUIRE(address.ok());
    CHECK(address.value().to_string() == text);
  }
}

TEST_CASE("what is no HOST:PORT is refused") {
  for (const char* text : {"", ":", "host", "host:", ":7101", "host:65536", "host:-1", "host:7x",
                           "::1:7101", "[::1]", "[host]:7101", "ho st:1", "a,b:1", "[::1:7101"}) {
    CAPTURE(text);
    CHECK(parse_address(text).status().code() == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("a list of addresses needs every one of them to be good") {
  const auto addresses = parse_addresses("127.0.0.1:1,[::1]:2");
  REQUIRE(addresses.ok());
  CHECK(addresses.value() == std::vector<Address>{{"127.0.0.1", 1}, {"::1", 2}});
  CHECK_FALSE(parse_addresses("127.0.0.1:1,").ok());
  CHECK_FALSE(parse_addresses("").ok());
}

TEST_CASE("loopback is judged by the text") {
  CHECK(Address{"127.0.0.1", 1}.is_loopback());
  CHECK(Address{"127.8.9.10", 1}.is_loopback());
  CHECK(Address{"::1", 1}.is_loopback());
  CHECK(Address{"localhost", 1}.is_loopback());
  CHECK_FALSE(Address{"0.0.0.0", 1}.is_loopback());
  CHECK_FALSE(Address{"::", 1}.is_loopback());
  CHECK_FALSE(Address{"127.evil.example", 1}.is_loopback());
}

}  // namespace
}  // namespace baton
