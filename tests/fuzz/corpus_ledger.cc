// Seeds of what reaches the ledger: sessions, entries as bytes, channels. T3, T5, T8.
#include <string>
#include <vector>

#include "proto/center.pb.h"

#include "center/storage/archive_segment.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "common/base/bytes.h"
#include "common/storage/small_record.h"
#include "tests/fuzz/corpus.h"
#include "tests/model/ledger/generator.h"

namespace baton::fuzz {
namespace {

// A step's byte: the client or node in the upper three bits.
std::uint64_t step(std::uint64_t who, std::uint64_t what) { return who << 5 | what; }

// What happens on a bad day: mostly work, and now and then a lost answer, a late lease, a crash.
std::string random_story(Random random) {
  Bytes story;
  story.u8(random.below(256)).u8(step(1, 27));
  for (std::uint64_t left = 40 + random.below(90); left > 0; --left) {
    const std::uint64_t who = random.below(3);
    const std::uint64_t dice = random.below(100);
    if (dice < 14) {
      story.u8(step(who, 0)).u8(random.below(16));  // produces
    } else if (dice < 26) {
      story.u8(step(who, 3)).u8(7);  // reports
    } else if (dice < 33) {
      story.u8(step(who, 5)).u8(random.below(2));  // attaches
    } else if (dice < 47) {
      story.u8(step(who, 6)).u8(random.below(4));  // demands
    } else if (dice < 75) {                        // ends a claim, its own or any
      static constexpr std::uint64_t kHow[] = {1, 1, 0, 0, 136, 132, 138, 17};
      story.u8(step(who, 9)).u8(kHow[random.below(8)]).u8(random.below(256));
    } else if (dice < 80) {
      for (std::uint64_t i = random.below(5); i > 0; --i) story.u8(21);  // a second of lease time
    } else if (dice < 86) {
      story.u8(step(who, dice < 83 ? 13 : 15));  // a heartbeat, a repetition
    } else if (dice < 90) {
      story.u8(dice < 88 ? 29 : 31).u8(random.below(4));  // deliveries, answers get lost
    } else if (dice < 94) {
      story.u8(step(who, dice < 92 ? 17 : 18));  // the channel
    } else if (dice < 95) {
      story.u8(22).u8(23);  // a snapshot, a crash of the center
    } else if (dice < 97) {
      story.u8(step(who % 2, dice < 96 ? 24 : 25)).u8(step(who % 2, 27));
    } else if (dice < 99) {
      story.u8(step(who % 2, 26)).u8(random.below(30)).u8(step(who % 2, 0)).u8(3);
    } else {
      story.u8(30).u8(random.below(3));  // grants are given back
    }
  }
  return story.str();
}

}  // namespace

void session_ledger_corpus() {
  Bytes good;
  good.u8(1).u8(step(1, 27));
  for (std::uint64_t i = 0; i < 4; ++i) good.u8(step(i % 2, 0)).u8(3).u8(step(i % 2, 3)).u8(7);
  for (std::uint64_t who = 0; who < 3; ++who) {
    good.u8(step(who, 5)).u8(who).u8(step(who, 6)).u8(1).u8(step(who, 13));
  }
  for (std::uint64_t i = 0; i < 12; ++i)
    good.u8(step(i % 3, 9)).u8(1).u8(i).u8(step(i % 3, 6)).u8(0);
  save("session_ledger", "good", good.str());

  Bytes saves;  // of claims that are current, that have ended, and that nobody has
  saves.raw(good.str().substr(0, 40));
  for (std::uint64_t i = 0; i < 9; ++i) saves.u8(step(i % 3, 9)).u8(192 | (i % 4)).u8(i);
  for (int i = 0; i < 5; ++i) saves.u8(21);
  for (std::uint64_t i = 0; i < 9; ++i) {
    saves.u8(step(i % 3, 9)).u8(193 + 16 * (i % 2)).u8(i).u8(step(i % 3, 15));
    saves.u8(step(i % 3, 9)).u8(i % 2).u8(i);
  }
  save("session_ledger", "saves", saves.str());

  Bytes late;  // leases end, and everybody answers all the same
  late.raw(good.str().substr(0, 40));
  for (int i = 0; i < 5; ++i) late.u8(21);
  for (std::uint64_t who = 0; who < 3; ++who)
    late.u8(step(who, 5)).u8(who + 1).u8(step(who, 6)).u8(1);
  for (std::uint64_t i = 0; i < 12; ++i) late.u8(step(i % 3, 9)).u8(i % 2).u8(i);
  save("session_ledger", "late", late.str());

  Bytes crashes;
  crashes.raw(good.str().substr(0, 40)).u8(22).u8(23).u8(step(0, 24)).u8(step(0, 27));
  crashes.u8(step(1, 26)).u8(9).u8(step(1, 0)).u8(3).u8(step(1, 25)).u8(step(1, 27)).u8(23);
  crashes.u8(step(0, 17)).u8(step(0, 9)).u8(1).u8(0).u8(step(0, 18)).u8(step(0, 15));
  crashes.u8(step(0, 28)).u8(0).u8(29).u8(3).u8(31).u8(2).raw(good.str().substr(20));
  save("session_ledger", "crashes", crashes.str());

  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    save("session_ledger", "story-" + std::to_string(seed), random_story(Random(seed)));
  }
}

namespace {

std::string encode(const center::Entry& entry) {
  v1::LedgerEntry wire;
  for (const center::Batch& from : entry.batches) {
    v1::LedgerBatch& batch = *wire.add_batch();
    batch.set_incarnation(from.incarnation.value());
    for (const center::Command& command : from.commands)
      center::encode_command(command, batch.add_command());
  }
  return center::encode_entry(wire);
}

}  // namespace

void ledger_bytes_corpus() {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    center::model::Oracle oracle;
    center::model::Generator generator(seed, oracle);
    Lsn index;
    const auto next = [&] {
      index = index.next();
      const center::Entry entry = generator.next(index);
      generator.learn(oracle.apply(entry));
      return encode(entry);
    };
    for (std::uint64_t i = 0; i < 12 * seed; ++i) next();  // as the target's Past
    Bytes entries;
    entries.u8(seed % 2).u8(seed);
    for (int i = 0; i < 20; ++i) entries.sized(next());
    save("ledger_bytes", "entries-" + std::to_string(seed), entries.str());
  }
  for (std::uint64_t kind = 0; kind < 7; ++kind) {
    Bytes damage;
    damage.u8(2).u8(1 + kind).u8(2 + kind).u8(kind).u16(5 + kind).u8(1).u8(1);
    save("ledger_bytes", "pages-" + std::to_string(kind), damage.str());
  }
  save("ledger_bytes", "snapshot",
       Bytes().u8(3).u8(1).sized("page one").sized("").sized("3").str());
  std::string file("BtSn\1\0\0\0", 8);
  ByteWriter(file).u64(9), ByteWriter(file).u64(1);
  ByteWriter(file).u32(0xffffffff), ByteWriter(file).u64(0), ByteWriter(file).u32(0);
  save("ledger_bytes", "snapshot-file", Bytes().u8(3).u8(0).raw(file).str());
  for (std::uint64_t mask = 0; mask < 2; ++mask) {
    Bytes segment;
    segment.u8(4)
        .u8(1)
        .u16(mask == 0 ? 70 : 170)
        .u8(mask)
        .u8(2)
        .u8(7)
        .u8(8)
        .sized("entry")
        .u8(0)
        .sized("another");
    save("ledger_bytes", "segment-" + std::to_string(mask), segment.str());
  }
  for (std::uint64_t how = 0; how < 3; ++how) {  // an index: right, damaged, cut off
    Bytes index;
    index.u8(5).u8(how).u16(150 * how).u8(1);
    for (std::uint64_t record = 0; record < 30; ++record) {
      index.u8(record % 3);
      for (std::uint64_t i = 0; i <= record % 3; ++i)
        index.u8(i).u16(record * 37 % 500).u8(record % 7 == 0 ? 1 : 0).u8(record * 11 % 200);
    }
    save("ledger_bytes", "index-" + std::to_string(how), index.str());
  }
  center::ChainHash hash{};
  std::string segment = center::encode_segment_header(Lsn(4), hash);
  hash = center::append_archive_record(
      segment, hash, {Lsn(4), Term(1), {}, "entry", {{}, {}}, {{{}, "consumer", "manager"}}});
  segment += center::encode_segment_footer(Lsn(4), hash);
  save("ledger_bytes", "segment-file", Bytes().u8(4).u8(0).raw(segment).str());
}

namespace {

v1::Command created(std::uint64_t from, std::uint32_t count) {
  v1::Command command;
  v1::Created& message = *command.mutable_created();
  message.set_shard(1);
  message.set_epoch(1);
  message.set_from(from);
  message.set_durable_end(from + count);
  message.set_wall_ms(1'790'000'000'000);
  v1::CreatedRun& run = *message.add_run();
  run.set_count(count);
  run.set_queue("mail");
  run.set_priority(5);
  set_uuid(run.mutable_producer(), 3, 4);
  run.set_seq(from);
  return command;
}

// Settings, acts, purges, and what managers borrow.
std::vector<v1::Command> queue_commands() {
  std::vector<v1::Command> all(2);
  all[0].mutable_set_queue()->set_queue("mail");
  *all[0].mutable_set_queue()->mutable_settings() = queue_settings();
  all[1].mutable_borrow()->set_queue("mail");
  all[1].mutable_borrow()->set_have_tasks(2);
  all[1].mutable_borrow()->set_want_tasks(1000);
  all[1].mutable_borrow()->set_want_bytes(100'000);
  for (const v1::Act& act : acts()) {
    v1::ActOn& command = *all.emplace_back().mutable_act_on();
    command.set_action(act.action());
    for (std::uint64_t offset = 1; offset < 9; ++offset)
      command.add_task((std::uint64_t{1} << 44) + offset);
    command.set_reason(act.reason());
  }
  all.emplace_back().mutable_purge()->set_queue("mail");
  return all;
}

std::vector<v1::Command> session_commands() {
  std::vector<v1::Command> all(8);
  set_uuid(all[0].mutable_attach()->mutable_session(), 5, 6);
  all[0].mutable_attach()->set_conn_epoch(1);
  v1::SessionDemand& demand = *all[1].mutable_demand();
  set_uuid(demand.mutable_session(), 5, 6);
  demand.set_conn_epoch(1);
  demand.set_line(1);
  demand.set_queue("mail");
  demand.set_lease_ms(30'000);
  demand.set_total(2);
  v1::SessionOperations& operations = *all[2].mutable_operations();
  set_uuid(operations.mutable_session(), 5, 6);
  v1::LedgerOperation& ack = *operations.add_operation();
  ack.set_seq(1);
  ack.set_kind(v1::ACK);
  ack.set_task((std::uint64_t{1} << 44) + 1);
  ack.set_token((std::uint64_t{1} << 52) + 1);
  ack.set_wants_next(true);
  ack.set_result_shard(1);
  ack.set_result_lsn(4);
  ack.set_result_bytes(6);
  set_uuid(all[3].mutable_heartbeat()->mutable_session(), 5, 6);
  all[3].mutable_heartbeat()->add_token((std::uint64_t{1} << 52) + 2);
  all[4].mutable_give_back()->set_task((std::uint64_t{1} << 44) + 2);
  all[4].mutable_give_back()->set_token((std::uint64_t{1} << 52) + 2);
  all[4].mutable_give_back()->set_reason(v1::UNREACHABLE);
  set_uuid(all[5].mutable_end_wait()->mutable_session(), 5, 6);
  all[5].mutable_end_wait()->set_conn_epoch(1);
  all[5].mutable_end_wait()->set_line(1);
  all[6].mutable_quarantine()->set_shard(1);
  all[6].mutable_quarantine()->set_epoch(1);
  all[6].mutable_quarantine()->add_offset(2);
  set_uuid(all[7].mutable_session_closed()->mutable_session(), 5, 6);
  all[7].mutable_session_closed()->set_conn_epoch(1);
  return all;
}

}  // namespace

void center_channel_corpus() {
  constexpr int kCommands = 6;
  constexpr int kJoin = 9;
  constexpr int kPass = 10;
  v1::ChannelCommands commands;
  Bytes life;
  life.u8(kJoin);
  *commands.add_command() = created(1, 3);
  life.u8(kCommands).u8(1).sized(commands);
  for (const v1::Command& command : session_commands()) {
    commands.Clear();
    *commands.add_command() = command;
    life.u8(kCommands).u8(2).sized(commands);
  }
  life.u8(14).u8(kPass).u8(200).u8(15).u8(kJoin);
  save("center_channel", "life", life.str());

  Bytes together;
  together.u8(kJoin).u8(11).u8(kJoin).u8(11).u8(11);
  commands.Clear();
  *commands.add_command() = created(1, 5);
  for (const v1::Command& command : session_commands()) *commands.add_command() = command;
  together.u8(kCommands).u8(1).sized(commands).u8(12).u8(kJoin).u8(kCommands).u8(1).sized(commands);
  commands.mutable_command(0)->mutable_created()->mutable_run(0)->set_waits(true);
  for (int i = 0; i < 5; ++i)
    commands.mutable_command(0)->mutable_created()->mutable_run(0)->add_content_hash(7);
  together.u8(kCommands).u8(2).sized(commands).u8(13).u8(0).u8(kPass).u8(255).u8(13).u8(1);
  save("center_channel", "together", together.str());

  Bytes lives;  // what tasks ask for, and what is done about them
  lives.u8(kJoin);
  std::uint64_t from = 1;
  for (const v1::TaskOptions& options : task_options()) {
    commands.Clear();
    v1::Command& command = *commands.add_command() = created(from++, 1);
    v1::CreatedRun& run = *command.mutable_created()->mutable_run(0);
    *run.mutable_options() = options;
    run.mutable_options()->clear_key();
    if (!options.key().empty())
      for (int half = 0; half < 2; ++half) run.add_key_hash(7);
    run.set_waits(true);
    run.set_only_waits(true);
    run.add_content_hash(7);
    lives.u8(kCommands).u8(1).sized(commands);
  }
  for (const v1::Command& command : queue_commands()) {
    commands.Clear();
    *commands.add_command() = command;
    lives.u8(kCommands).u8(1).sized(commands);
  }
  lives.u8(kPass).u8(255).u8(15).u8(kJoin).u8(kPass).u8(60);
  save("center_channel", "lives", lives.str());

  Bytes asked;
  asked.u8(kJoin);
  v1::ChannelQuery query;
  query.set_timeout_ms(100);
  for (const v1::Query& one : queries()) {
    *query.mutable_query() = one;
    asked.u8(0).frame(v1::CHANNEL_QUERY, 5, query);
  }
  v1::ResyncSession& session = *query.mutable_resync()->add_session();
  set_uuid(session.mutable_session(), 5, 6);
  session.set_conn_epoch(1);
  asked.u8(0).frame(v1::CHANNEL_QUERY, 6, query);
  query.mutable_settle()->add_item()->set_task((std::uint64_t{1} << 44) + 1);
  asked.u8(0).frame(v1::CHANNEL_QUERY, 7, query);
  query.mutable_live()->set_shard(1);
  query.mutable_live()->set_from(1);
  query.mutable_live()->set_to(9);
  query.mutable_live()->add_result()->set_lsn(4);
  asked.u8(0).frame(v1::CHANNEL_QUERY, 8, query);
  query.mutable_members();
  asked.u8(0).frame(v1::CHANNEL_QUERY, 9, query).u8(kPass).u8(60);
  save("center_channel", "queries", asked.str());

  Bytes forbidden;
  forbidden.u8(kJoin);
  commands.Clear();
  commands.add_command()->mutable_tick()->set_elapsed_ms(1000);
  commands.add_command()->mutable_term_start()->set_term(9);
  commands.add_command()->mutable_continue_();
  commands.add_command()->mutable_remove()->set_name("m1");
  commands.add_command()->mutable_shard_offline()->set_shard(1);
  commands.add_command()->mutable_seal()->set_shard(1);
  commands.mutable_command(5)->mutable_seal()->set_epoch(1);
  set_uuid(commands.mutable_command(5)->mutable_seal()->mutable_life(), 7, 1);
  commands.add_command()->mutable_report()->set_shard(1);
  set_uuid(commands.add_command()->mutable_producer_done()->mutable_producer(), 3, 4);
  for (const v1::Command& command :
       std::vector(commands.command().begin(), commands.command().end())) {
    v1::ChannelCommands one;
    *one.add_command() = command;
    forbidden.u8(kCommands).u8(1).sized(one);
  }
  forbidden.u8(0).frame(v1::CHANNEL_COMMANDS, 4, commands).u8(kPass).u8(20);
  save("center_channel", "forbidden", forbidden.str());
}

}  // namespace baton::fuzz
