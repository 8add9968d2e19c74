#include "client/commands/suggest.h"

#include <catch2/catch.hpp>

using baton::commands::suggest;

TEST_CASE("a word with a letter wrong, missing or too many finds the word that was meant") {
  const std::vector<std::string> verbs = {"produce", "consume", "task", "queue"};

  CHECK(suggest("prodcue", verbs) == "produce");
  CHECK(suggest("consum", verbs) == "consume");
  CHECK(suggest("queues", verbs) == "queue");
  CHECK(suggest("tsk", verbs) == "task");
}

TEST_CASE("a beginning of a word is enough") {
  CHECK(suggest("prod", {"produce", "consume"}) == "produce");
}

TEST_CASE("another word finds none") {
  CHECK(suggest("banana", {"produce", "consume"}).empty());
  CHECK(suggest("", {"produce"}).empty());
}
