#include "tests/recovery/trio_scenarios.h"

namespace baton::recovery {
namespace {

using namespace std::chrono_literals;
using Scenario = Trio::Scenario;

void from_produce_to_ack(Trio& t) {
  t.produce(2);
  t.claim(2);
  t.ack(1);
  t.ack(1, 40);
}

void every_kind_of_end(Trio& t) {
  t.produce(4);
  t.claim(4);
  t.nack();
  t.extend();
  t.ack(1);
  t.release();
  t.claim(2);
  t.ack(2, 40);
}

void managers_are_killed(Trio& t) {
  t.produce(3);
  t.claim(3);
  t.ack(1, 40);
  t.kill(Trio::kFirst, 300ms);
  t.run_for(1s);
  t.produce(1);
  t.kill(Trio::kSecond, 300ms);
  t.run_for(1s);
  t.ack(2, 40);
}

void the_center_is_killed(Trio& t) {
  t.produce(2);
  t.claim(2);
  t.ack(1);
  t.kill(Trio::kCenter, 300ms);
  t.produce(1);
  t.run_for(1s);
  t.ack(1);
  t.claim(1);
  t.ack(1);
}

void power_is_lost_everywhere(Trio& t) {
  t.produce(2);
  t.claim(2);
  t.ack(1, 40);
  t.begin_to_produce(2);
  t.run_for(100us);
  t.cut_power(Trio::kFirst, 200ms);
  t.cut_power(Trio::kCenter, 300ms);
  t.cut_power(Trio::kSecond, 100ms);
  t.run_for(3s);
  t.ack(1);
}

// The first manager's answers are lost, then it is away: the produce goes to the other one, and
// only the ledger can say which of the two copies counts.
void a_produce_moves(Trio& t) {
  t.block("manager1", "producer");
  t.block("manager2", "producer");
  t.begin_to_produce(2);
  t.run_for(50ms);
  t.kill(Trio::kFirst, 3s);
  t.unblock();
  t.run_for(5s);
  t.claim(2);
  t.ack(2);
}

void garbage_is_collected(Trio& t) {
  t.produce(4, 300);
  t.claim(4);
  t.ack(3, 40);
  t.produce(2, 600);
  t.claim(3);
  t.ack(1);
  t.run_for(8s);
}

void the_ledger_is_snapshotted(Trio& t) {
  for (int i = 0; i < 3; ++i) {
    t.produce(2);
    t.claim(2);
    t.ack(2, 40);
  }
  t.kill(Trio::kCenter, 200ms);
  t.run_for(2s);
  t.produce(1);
}

void everybody_is_restarted(Trio& t) {
  t.produce(2);
  t.claim(2);
  t.restart(Trio::kFirst);
  t.ack(1, 40);
  t.restart(Trio::kCenter);
  t.restart(Trio::kSecond);
  t.ack(1);
  t.produce(1);
}

}  // namespace

std::span<const Scenario> trio_scenarios() {
  static const Scenario kScenarios[] = {
      {.name = "from the first start to an ack",
       .script = from_produce_to_ack,
       .first_start = true},
      {.name = "every kind of end", .script = every_kind_of_end, .sync_mode = SyncMode::kWorker},
      {.name = "managers are killed", .script = managers_are_killed},
      {.name = "the center is killed", .script = the_center_is_killed},
      {.name = "power is lost everywhere",
       .script = power_is_lost_everywhere,
       .sync_mode = SyncMode::kAlternating},
      {.name = "a produce moves", .script = a_produce_moves},
      {.name = "garbage is collected", .script = garbage_is_collected, .stretch_bytes = 1500},
      {.name = "the ledger is snapshotted",
       .script = the_ledger_is_snapshotted,
       .snapshot_log_bytes = 1500},
      {.name = "everybody is restarted", .script = everybody_is_restarted},
  };
  return kScenarios;
}

}  // namespace baton::recovery
