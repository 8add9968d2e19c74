// Snapshots of version 1, as the code before the life of a task wrote them, are read.
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "center/core/auditor.h"
#include "center/core/ledger.h"
#include "tests/formats/hex_lines.h"

using namespace baton;
using namespace baton::center;

namespace {

// Pages are apart by an empty line.
std::vector<std::string> golden_pages() {
  std::ifstream in(std::string(BATON_FORMATS_DIR) + "/ledger_snapshot_v1.hex");
  std::stringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  std::vector<std::string> pages;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size());
    pages.push_back(from_hex_lines(std::string_view(text).substr(at, end - at)));
    at = end + 2;
  }
  return pages;
}

std::vector<std::string> pages_of(const Ledger& ledger) {
  std::vector<std::string> pages;
  const auto snapshot = ledger.snapshot();
  while (auto page = snapshot->next_page()) pages.push_back(*std::move(page));
  return pages;
}

QueueView queue_of(const Ledger& ledger, const std::string& name) {
  return ledger.list_queues(name, "", 1).queues.at(0);
}

Ledger restored(const std::vector<std::string>& pages) {
  Result<Ledger> ledger = Ledger::restore(pages);
  INFO(ledger.status().to_string());
  REQUIRE(ledger.ok());
  return std::move(ledger).value();
}

}  // namespace

TEST_CASE("a snapshot of version 1 is the ledger that it was taken from") {
  const Ledger ledger = restored(golden_pages());
  CHECK(ledger.index() == Lsn(35));
  CHECK(queue_of(ledger, "q").ready == 36);
  CHECK(queue_of(ledger, "q").claimed == 2);
  CHECK(queue_of(ledger, "q").delayed == 1);
  CHECK(queue_of(ledger, "q").quarantined == 1);
  CHECK(queue_of(ledger, "q").done == 1);
  CHECK(queue_of(ledger, "other").ready == 3);
  // Sealed from offset 4 on, and removed with all that it had.
  CHECK(queue_of(ledger, "old").ready == 3);
  CHECK(queue_of(ledger, "old").quarantined == 3);
  CHECK(queue_of(ledger, "lost").ready == 0);
  CHECK(queue_of(ledger, "lost").quarantined == 5);

  const TaskView lost = ledger.find(TaskId(ShardId(3), Offset(2))).value();
  CHECK(lost.state == TaskState::kQuarantined);
  CHECK(lost.reason == "its manager was removed");
  const TaskView done = ledger.find(TaskId(ShardId(1), Offset(1))).value();
  CHECK(done.state == TaskState::kDone);
  CHECK(done.result == ResultPlace{ShardId(1), Lsn(4), 2});
  CHECK(ledger.find(TaskId(ShardId(1), Offset(2))).value().reason == "why");
}

TEST_CASE("a ledger of version 1 goes on, and is written in today's version") {
  Ledger ledger = restored(golden_pages());
  Auditor auditor;
  auditor.begin_at(ledger);
  WallTime wall{10'000'000};
  for (int i = 0; i < 100; ++i) {
    wall.ms += 1000;
    const Entry entry{ledger.index().next(), {Batch{Incarnation(), {Tick{Millis(1000), wall}}}}};
    REQUIRE(auditor.check(entry.index, ledger.apply(entry).transitions) == 0);
  }
  CHECK(queue_of(ledger, "q").delayed == 0);
  CHECK(auditor.disagreement(ledger).empty());
  const Ledger again = restored(pages_of(ledger));
  CHECK(again.state_hash() == ledger.state_hash());
  CHECK(queue_of(again, "q").ready == queue_of(ledger, "q").ready);
}
