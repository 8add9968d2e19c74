#include "common/base/status.h"

#include <catch2/catch.hpp>

#include "proto/error.pb.h"

using namespace baton;

TEST_CASE("every error code has the name and the number of the protocol") {
  const auto* names = v1::ErrorCode_descriptor();

  for (int i = 0; i < names->value_count(); ++i) {
    std::string name = names->value(i)->name();
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    CHECK(to_string(error_code_from_wire(names->value(i)->number())) == name);
  }
  CHECK(names->value_count() == 16);
  CHECK(error_code_from_wire(16) == ErrorCode::kInternal);
  CHECK(error_code_from_wire(-1) == ErrorCode::kInternal);
}

TEST_CASE("a status says its code and its text") {
  CHECK(Status().to_string() == "ok");
  CHECK(Status(ErrorCode::kRetryLater, "disk is full").to_string() == "retry_later: disk is full");
}
