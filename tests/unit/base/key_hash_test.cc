#include "common/base/key_hash.h"

#include <string_view>

#include <catch2/catch.hpp>

namespace baton {
namespace {

TEST_CASE("the hash of an idempotency key never changes") {
  CHECK(key_hash("") == Uuid{0xc774b8d0a67adf2e, 0x4f465abf96d2274e});
  CHECK(key_hash("a") == Uuid{0xaa1c26a50a9b79a4, 0x12e85a553b9cf678});
  CHECK(key_hash("invoice-17") == Uuid{0xfb7a5e33ca4712ca, 0x4f6194d3ab2a0391});
  CHECK(key_hash(std::string_view("\0\xff", 2)) == Uuid{0x1b48cf7b520109cc, 0x58f2bb4471843b67});
}

TEST_CASE("keys that differ in a bit, a length or a zero have other hashes in both halves") {
  const Uuid hash = key_hash("invoice-17");
  for (const std::string_view other :
       {std::string_view("invoice-18"), std::string_view("invoice-1"),
        std::string_view("invoice-17\0", 11), std::string_view("Invoice-17")}) {
    CHECK(key_hash(other).hi != hash.hi);
    CHECK(key_hash(other).lo != hash.lo);
  }
  CHECK(hash.hi != hash.lo);
}

}  // namespace
}  // namespace baton
