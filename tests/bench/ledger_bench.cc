// Figures of the ledger alone: bytes per task as slopes, and how many tasks a second it applies.
//
// ledger_bench [TASKS]   (default 5,000,000 for the slopes; build with the release preset)
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/bench/ledger_feed.h"

namespace baton::center {
namespace {

using namespace bench;

void print_audit(const LedgerFeed& feed, std::uint64_t tasks) {
  std::printf("%-44s %6.0f ns per task (the ledger: %.0f), %zu KiB%s\n",
              "  of the auditor, beside it", feed.auditing() / static_cast<double>(tasks) * 1e9,
              feed.busy() / static_cast<double>(tasks) * 1e9, feed.auditor().memory_bytes() >> 10,
              feed.auditor().violations() == 0 ? "" : " VIOLATIONS");
}

void print_slope(const char* what, std::uint32_t queues, std::uint64_t tasks) {
  LedgerFeed feed(1);
  feed.fill(tasks / 5, queues);
  const double before = static_cast<double>(feed.ledger().totals().memory_bytes);
  const double resident_before = resident_bytes();
  feed.fill(tasks - tasks / 5, queues);
  const double more = static_cast<double>(tasks - tasks / 5);
  std::printf("%-44s %6.2f bytes per task (resident %6.2f)\n", what,
              (static_cast<double>(feed.ledger().totals().memory_bytes) - before) / more,
              (resident_bytes() - resident_before) / more);
}

void print_claimed(std::uint64_t tasks) {
  LedgerFeed feed(1);
  feed.fill(tasks, 1);
  const double before = static_cast<double>(feed.ledger().totals().memory_bytes);
  const double resident_before = resident_bytes();
  const std::uint64_t sessions = tasks / 1024;
  for (std::uint32_t s = 1; s <= sessions; ++s) feed.attach(1000 + s, 1, 1024);
  const double claimed = static_cast<double>(feed.ledger().totals().claimed);
  std::printf("%-44s %6.2f bytes per task (resident %6.2f)\n", "claimed",
              (static_cast<double>(feed.ledger().totals().memory_bytes) - before) / claimed,
              (resident_bytes() - resident_before) / claimed);
}

// 16 sessions with windows of 64 at 3 managers; every round creates 1,024 tasks and acks what was
// granted.
void print_cycle() {
  LedgerFeed feed(3);
  feed.create_timed(1);
  for (std::uint32_t s = 0; s < 16; ++s) feed.attach(s, 1 + s % 3, 64);
  feed.begin_audit();
  std::uint64_t done = 0;
  for (std::uint32_t round = 0; round < 2000; ++round) {
    feed.create_timed(1 + round % 3);
    done += feed.ack_all();
  }
  std::printf("%-44s %6.2f million tasks/s\n", "cycle: created 1,024, granted, acked",
              static_cast<double>(done) / feed.busy() / 1e6);
  print_audit(feed, done);
}

void print_drain(std::uint64_t tasks) {
  LedgerFeed feed(3);
  feed.fill(tasks, 1);
  for (std::uint32_t s = 0; s < 16; ++s) feed.attach(s, 1 + s % 3, 64);
  feed.begin_audit();
  std::uint64_t done = 0;
  while (const std::uint64_t some = feed.ack_all()) done += some;
  std::printf("%-44s %6.2f million tasks/s (%llu)\n", "drain of a backlog",
              static_cast<double>(done) / feed.busy() / 1e6, static_cast<unsigned long long>(done));
  print_audit(feed, done);
}

void print_snapshot(std::uint64_t tasks) {
  LedgerFeed feed(1);
  feed.fill(tasks, 7);
  const auto start = cpu_now();
  auto snapshot = feed.ledger().snapshot();
  const auto taken = cpu_now();
  std::vector<std::string> pages;
  std::size_t bytes = 0;
  while (auto page = snapshot->next_page()) {
    bytes += page->size();
    pages.push_back(*std::move(page));
  }
  const auto written = cpu_now();
  const bool ok = Ledger::restore(pages).ok();
  const auto restored = cpu_now();
  std::printf("%-44s taken in %.3f ms, written in %.0f ms (%.1f MB), restored in %.0f ms%s\n",
              "snapshot of mixed tasks", Seconds(taken - start).count() * 1e3,
              Seconds(written - taken).count() * 1e3, static_cast<double>(bytes) / 1e6,
              Seconds(restored - written).count() * 1e3, ok ? "" : " WRONG");
}

}  // namespace
}  // namespace baton::center

int main(int argc, char** argv) {
  using namespace baton::center;
  const std::uint64_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  print_slope("waiting, one queue", 1, tasks);
  print_slope("waiting, seven queues mixed task by task", 7, tasks);
  print_claimed(1'000'000);
  print_cycle();
  print_drain(1'000'000);
  print_snapshot(tasks);
  return 0;
}
