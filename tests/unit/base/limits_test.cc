#include "common/base/limits.h"

#include <catch2/catch.hpp>

using namespace baton;

TEST_CASE("a queue name has 1 to 200 bytes of a small alphabet") {
  CHECK(validate_queue_name("a").ok());
  CHECK(validate_queue_name("Mail-out_2.eu:high/x+y").ok());
  CHECK(validate_queue_name(std::string(200, 'q')).ok());
  CHECK(validate_queue_name("").code() == ErrorCode::kInvalidArgument);
  CHECK(validate_queue_name(std::string(201, 'q')).code() == ErrorCode::kInvalidArgument);
  CHECK(validate_queue_name("a b").code() == ErrorCode::kInvalidArgument);
  CHECK(validate_queue_name(std::string_view("a\0b", 3)).code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("the numbers of a producer end below 2^63") {
  CHECK(validate_producer_seqs(1, 1).ok());
  CHECK(validate_producer_seqs(kProducerSeqEnd - 1, 1).ok());
  CHECK(validate_producer_seqs(kProducerSeqEnd - 1024, 1024).ok());
  CHECK(validate_producer_seqs(0, 1).code() == ErrorCode::kInvalidArgument);
  CHECK(validate_producer_seqs(kProducerSeqEnd - 1, 2).code() == ErrorCode::kInvalidArgument);
  CHECK(validate_producer_seqs(kProducerSeqEnd, 0).code() == ErrorCode::kInvalidArgument);
  CHECK(validate_producer_seqs(UINT64_MAX - 1023, 1024).code() == ErrorCode::kInvalidArgument);
  CHECK(validate_producer_seqs(1, UINT64_MAX).code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a lease lasts 3 seconds to 12 hours, both included") {
  CHECK(validate_lease(std::chrono::seconds(3)).ok());
  CHECK(validate_lease(std::chrono::hours(12)).ok());
  CHECK_FALSE(validate_lease(Millis(2999)).ok());
  CHECK_FALSE(validate_lease(Millis(12 * 3600 * 1000 + 1)).ok());
  CHECK_FALSE(validate_lease(Millis(-1)).ok());
}
