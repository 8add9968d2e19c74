#include "tests/fuzz/corpus.h"

#include <filesystem>
#include <fstream>
#include <utility>

namespace baton::fuzz {
namespace {

std::filesystem::path g_directory;

}  // namespace

void set_corpus_directory(std::string directory) { g_directory = std::move(directory); }

void save(const std::string& target, const std::string& name, std::string_view bytes) {
  std::filesystem::create_directories(g_directory / target);
  std::ofstream file(g_directory / target / name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void set_uuid(v1::Uuid* to, std::uint64_t hi, std::uint64_t lo) {
  to->set_hi(hi);
  to->set_lo(lo);
}

v1::Produce produce(std::uint64_t seq, std::uint32_t items, bool moved) {
  v1::Produce message;
  set_uuid(message.mutable_producer(), 3, 4);
  message.set_seq(seq);
  message.set_resolved_below(1);
  message.set_queue("mail");
  message.set_moved(moved);
  if (moved) message.add_maybe_at(9);
  message.set_timeout_ms(1000);
  for (std::uint32_t i = 0; i < items; ++i) message.add_length(4);
  return message;
}

v1::Attach attach(std::uint64_t conn_epoch) {
  v1::Attach message;
  set_uuid(message.mutable_session(), 5, 6);
  message.set_conn_epoch(conn_epoch);
  message.set_consumer("host/7");
  return message;
}

v1::Demand demand(std::uint32_t line) {
  v1::Demand message;
  message.set_line(line);
  message.set_queue("mail");
  message.set_lease_ms(30'000);
  message.set_total(8);
  return message;
}

v1::Operations operations(std::uint64_t seq) {
  v1::Operations message;
  message.set_answered_through(seq - 1);
  for (int kind = v1::ACK; kind <= v1::SAVE; ++kind) {
    v1::Operation& operation = *message.add_operation();
    operation.set_seq(seq++);
    operation.set_kind(static_cast<v1::OperationKind>(kind));
    operation.set_task((std::uint64_t{5} << 44) + 1);
    operation.set_token(1001);
    operation.set_wants_next(kind == v1::ACK);
    operation.set_length(kind <= v1::NACK || kind == v1::SAVE ? 3 : 0);
    operation.set_lease_ms(5000);
    if (kind == v1::ACK) operation.set_content_type("text/plain");
    if (kind == v1::ACK) operation.set_on_failed_child(v1::IGNORE);
    if (kind == v1::NACK) operation.set_delay_ms(100);
    if (kind != v1::SAVE) continue;
    operation.set_percent(40);
    operation.set_progress("page 4");
    operation.set_checkpoint(true);
  }
  return message;
}

std::vector<v1::Query> queries() {
  std::vector<v1::Query> all(15);
  all[0].mutable_task_show()->set_task((std::uint64_t{5} << 44) + 1);
  all[1].mutable_task_list()->set_queue("mail");
  all[1].mutable_task_list()->set_state(v1::READY);
  all[1].mutable_task_list()->set_limit(10);
  all[2].mutable_queue_list()->set_limit(10);
  all[3].mutable_manager_list();
  all[4].mutable_center_status();
  all[5].mutable_manager_remove()->set_name("m2");
  all[6].mutable_task_result()->set_task((std::uint64_t{5} << 44) + 1);
  const std::uint64_t task = (std::uint64_t{5} << 44) + 1;
  all[7].mutable_task_wait()->set_task(task);
  all[8].mutable_task_explain()->set_task(task);
  all[9].mutable_task_payload()->set_task(task);
  all[10].mutable_queue_show()->set_queue("mail");
  all[11].mutable_queue_set()->set_queue("mail");
  *all[11].mutable_queue_set()->mutable_settings() = queue_settings();
  all[12].mutable_queue_purge()->set_queue("mail");
  all[13].mutable_task_history()->set_task(task);
  all[13].mutable_task_history()->set_limit(10);
  all[14].mutable_audit_status();
  for (v1::Query& query : all) query.set_timeout_ms(500);
  return all;
}

v1::Heartbeat heartbeat() {
  v1::Heartbeat message;
  message.add_token(1001);
  message.add_token(77);
  return message;
}

std::vector<v1::TaskOptions> task_options() {
  const std::uint64_t task = (std::uint64_t{5} << 44) + 1;
  std::vector<v1::TaskOptions> all(14);
  all[0].set_priority(9);
  all[1].set_delay_ms(100);
  all[2].set_not_before_wall_ms(1'790'000'000'000);
  all[3].set_time_to_live_ms(500);
  all[4].set_wait_timeout_ms(500);
  all[5].set_attempt_timeout_ms(500);
  all[6].set_total_timeout_ms(500);
  all[7].set_max_attempts(3);
  all[8].set_key("order-1");
  all[9].set_order_key("alice");
  all[10].set_fair_key("acme");
  all[10].set_fair_weight(3);
  all[11].set_type("letter");
  all[12].add_after(task);
  all[12].set_on_failed(v1::WAIT);
  all[13].set_parent(task);
  all[13].set_parent_token(1001);
  all[13].set_with_completion(true);
  return all;
}

v1::QueueSettings queue_settings() {
  v1::QueueSettings settings;
  settings.set_lease_ms(10'000);
  settings.set_max_attempts(3);
  settings.set_max_expiries(2);
  settings.set_backoff_min_ms(10);
  settings.set_backoff_max_ms(1000);
  settings.set_backoff_factor_percent(300);
  settings.set_backoff_jitter_percent(10);
  settings.set_keep(v1::KEEP_ALL);
  settings.set_keep_age_ms(1000);
  settings.set_keep_count(2);
  settings.set_keep_bytes(100);
  settings.set_max_tasks(4);
  settings.set_max_bytes(1000);
  settings.set_max_in_flight(2);
  settings.set_max_per_fair_key(1);
  settings.set_max_rate(10);
  settings.set_ordered(true);
  settings.set_paused(false);
  settings.set_paused_until_wall_ms(0);
  settings.set_weight(5);
  settings.set_ageing(2);
  settings.set_key_window_ms(60'000);
  settings.set_key_count(2);
  settings.set_on_uncertain(v1::HOLD);
  settings.set_on_dead(v1::HOLD_KEY);
  settings.set_time_to_live_ms(10'000);
  settings.set_wait_timeout_ms(9000);
  settings.set_attempt_timeout_ms(8000);
  settings.set_total_timeout_ms(20'000);
  return settings;
}

std::vector<v1::Act> acts() {
  std::vector<v1::Act> all;
  for (int action = v1::CANCEL; action <= v1::KILL; ++action) {
    v1::Act& act = all.emplace_back();
    act.set_action(static_cast<v1::TaskAction>(action));
    act.add_task((std::uint64_t{5} << 44) + 1);
    act.add_task((std::uint64_t{5} << 44) + 2);
    act.set_reason("enough");
    act.set_timeout_ms(300);
  }
  return all;
}

}  // namespace baton::fuzz
