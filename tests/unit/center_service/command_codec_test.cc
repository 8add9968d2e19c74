#include "center/storage/command_codec.h"

#include <functional>

#include <catch2/catch.hpp>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>

#include "center/storage/entry_codec.h"
#include "center/storage/outcome_codec.h"
#include "common/base/limits.h"
#include "tests/unit/center_service/random_commands.h"

using namespace baton;
using namespace baton::center;
using baton::center::testing::RandomCommands;

namespace {

// The names of fields that have their default, at any depth: what a codec may have forgotten.
void collect_unset(const google::protobuf::Message& message, std::vector<std::string>& unset) {
  const auto* descriptor = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    if (field->is_repeated()) {
      const int size = reflection->FieldSize(message, field);
      if (size == 0) unset.push_back(field->full_name());
      if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      for (int k = 0; k < size; ++k) {
        collect_unset(reflection->GetRepeatedMessage(message, field, k), unset);
      }
    } else if (!reflection->HasField(message, field)) {
      // Of a oneof only one can be set; some options of a task are not the ledger's.
      static const std::set<std::string> kNotTheLedgers = {
          "baton.v1.TaskOptions.priority", "baton.v1.TaskOptions.delay_ms",
          "baton.v1.TaskOptions.key", "baton.v1.TaskOptions.type"};
      if (field->containing_oneof() == nullptr && !kNotTheLedgers.contains(field->full_name()))
        unset.push_back(field->full_name());
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      collect_unset(reflection->GetMessage(message, field), unset);
    }
  }
}

v1::Command encoded(const Command& command) {
  v1::Command wire;
  encode_command(command, &wire);
  return wire;
}

v1::Command valid(int kind) { return encoded(RandomCommands(7).make(kind)); }

struct BadCommand {
  const char* what;
  int kind;
  std::function<void(v1::Command&)> spoil;
};

}  // namespace

TEST_CASE("every command survives the way to the wire and back, with all its fields") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    RandomCommands random(seed);
    for (int kind = 0; kind < RandomCommands::kKinds; ++kind) {
      CAPTURE(seed, kind);
      const v1::Command wire = encoded(random.make(kind));
      std::vector<std::string> unset;
      collect_unset(wire, unset);
      CHECK(unset == std::vector<std::string>{});

      const Result<Command> decoded = decode_command(wire);
      REQUIRE(decoded.status() == Status());
      CHECK(decoded.value().index() == static_cast<std::size_t>(kind));
      CHECK(encoded(decoded.value()).SerializeAsString() == wire.SerializeAsString());
    }
  }
}

TEST_CASE("a command with a value out of its range is refused, and names it") {
  const std::vector<BadCommand> table = {
      {"a store of zeros", 0, [](v1::Command& c) { c.mutable_enroll()->clear_store(); }},
      {"a name with a space", 0, [](v1::Command& c) { c.mutable_enroll()->set_name("a b"); }},
      {"an empty name", 0, [](v1::Command& c) { c.mutable_enroll()->clear_name(); }},
      {"a sealed shard of 21 bits", 0,
       [](v1::Command& c) { c.mutable_enroll()->set_sealed(1 << 20); }},
      {"a long address", 0,
       [](v1::Command& c) { c.mutable_enroll()->set_address(std::string(300, 'a')); }},
      {"shard 0", 1, [](v1::Command& c) { c.mutable_register_()->set_shard(0); }},
      {"a shard of 21 bits", 1, [](v1::Command& c) { c.mutable_register_()->set_shard(1 << 20); }},
      {"epoch 0", 1, [](v1::Command& c) { c.mutable_register_()->set_epoch(0); }},
      {"no life", 1, [](v1::Command& c) { c.mutable_register_()->clear_life(); }},
      {"next_offset 0", 1, [](v1::Command& c) { c.mutable_register_()->set_next_offset(0); }},
      {"an offset of 45 bits", 1,
       [](v1::Command& c) {
         c.mutable_register_()->set_next_offset((std::uint64_t{1} << 44) + 1);
       }},
      {"from 0", 2, [](v1::Command& c) { c.mutable_created()->set_from(0); }},
      {"a run of none", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_count(0); }},
      {"a run beyond the limit", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_count(4097); }},
      {"runs beyond the limit together", 2,
       [](v1::Command& c) {
         v1::CreatedRun run;
         run.set_count(4000);
         run.set_queue("q");
         run.set_priority(5);
         c.mutable_created()->clear_run();
         *c.mutable_created()->add_run() = run;
         *c.mutable_created()->add_run() = run;
       }},
      {"offsets over the end", 2,
       [](v1::Command& c) { c.mutable_created()->set_from((std::uint64_t{1} << 44) - 1); }},
      {"no queue at all", 2,
       [](v1::Command& c) {
         c.mutable_created()->mutable_run(0)->clear_queue();
         c.mutable_created()->mutable_run(0)->clear_queue_id();
       }},
      {"a queue name with a slash and a newline", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_queue("a/\n"); }},
      {"priority 0", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_priority(0); }},
      {"priority 11", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_priority(11); }},
      {"waiting without a producer", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->clear_producer(); }},
      {"waiting with too few hashes", 2,
       [](v1::Command& c) {
         c.mutable_created()->mutable_run(0)->mutable_content_hash()->RemoveLast();
       }},
      {"seq 0", 2, [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_seq(0); }},
      {"seq at the very end", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->set_seq(UINT64_MAX); }},
      {"a shard 0 in maybe_at", 2,
       [](v1::Command& c) { c.mutable_created()->mutable_run(0)->add_maybe_at(0); }},
      {"no session", 3, [](v1::Command& c) { c.mutable_attach()->clear_session(); }},
      {"conn_epoch 0", 3, [](v1::Command& c) { c.mutable_attach()->set_conn_epoch(0); }},
      {"too many held", 3,
       [](v1::Command& c) { c.mutable_attach()->mutable_held()->Resize(5121, 1); }},
      {"a long consumer name", 3,
       [](v1::Command& c) { c.mutable_attach()->set_consumer(std::string(300, 'c')); }},
      {"line 0", 4, [](v1::Command& c) { c.mutable_demand()->set_line(0); }},
      {"no queue to wait on", 4, [](v1::Command& c) { c.mutable_demand()->clear_queue(); }},
      {"a lease too short", 4, [](v1::Command& c) { c.mutable_demand()->set_lease_ms(2999); }},
      {"a lease too long", 4,
       [](v1::Command& c) { c.mutable_demand()->set_lease_ms(12 * 3600 * 1000 + 1); }},
      {"a task without an offset", 4,
       [](v1::Command& c) { c.mutable_demand()->set_task(std::uint64_t{1} << 44); }},
      {"ending line 0", 5, [](v1::Command& c) { c.mutable_end_wait()->set_line(0); }},
      {"closing no session", 6,
       [](v1::Command& c) { c.mutable_session_closed()->clear_session(); }},
      {"operation seq 0", 7,
       [](v1::Command& c) { c.mutable_operations()->mutable_operation(0)->set_seq(0); }},
      {"operation of no kind", 7,
       [](v1::Command& c) {
         c.mutable_operations()->mutable_operation(0)->set_kind(v1::OPERATION_NONE);
       }},
      {"operation of a kind to come", 7,
       [](v1::Command& c) {
         c.mutable_operations()->mutable_operation(0)->set_kind(static_cast<v1::OperationKind>(99));
       }},
      {"operation on task 0", 7,
       [](v1::Command& c) { c.mutable_operations()->mutable_operation(0)->set_task(0); }},
      {"a long reason", 7,
       [](v1::Command& c) {
         c.mutable_operations()->mutable_operation(0)->set_reason(std::string(1025, 'r'));
       }},
      {"a result without a shard", 7,
       [](v1::Command& c) { c.mutable_operations()->mutable_operation(0)->set_result_shard(0); }},
      {"a result too large", 7,
       [](v1::Command& c) {
         c.mutable_operations()->mutable_operation(0)->set_result_bytes(1U << 31);
       }},
      {"too many operations", 7,
       [](v1::Command& c) {
         const v1::LedgerOperation one = c.operations().operation(0);
         for (int i = 0; i < 1025; ++i) *c.mutable_operations()->add_operation() = one;
       }},
      {"too many heartbeats", 8,
       [](v1::Command& c) {
         for (int i = 0; i < 1025; ++i) c.mutable_heartbeat()->add_token(1);
       }},
      {"giving back task 0", 9, [](v1::Command& c) { c.mutable_give_back()->set_task(0); }},
      {"giving back for no reason", 9,
       [](v1::Command& c) { c.mutable_give_back()->set_reason(v1::GIVE_BACK_NONE); }},
      {"reporting shard 0", 10, [](v1::Command& c) { c.mutable_report()->set_shard(0); }},
      {"reporting end 0", 10, [](v1::Command& c) { c.mutable_report()->set_durable_end(0); }},
      {"no producer", 11, [](v1::Command& c) { c.mutable_producer_done()->clear_producer(); }},
      {"shard 0 offline", 12, [](v1::Command& c) { c.mutable_shard_offline()->set_shard(0); }},
      {"sealing shard 0", 13, [](v1::Command& c) { c.mutable_seal()->set_shard(0); }},
      {"sealing epoch 0", 13, [](v1::Command& c) { c.mutable_seal()->set_epoch(0); }},
      {"term 0", 14, [](v1::Command& c) { c.mutable_term_start()->set_term(0); }},
      {"a tick over the cap", 15, [](v1::Command& c) { c.mutable_tick()->set_elapsed_ms(1001); }},
      {"removing nobody", 16, [](v1::Command& c) { c.mutable_remove()->clear_name(); }},
      {"quarantining offset 0", 17, [](v1::Command& c) { c.mutable_quarantine()->add_offset(0); }},
      {"no kind", 18, [](v1::Command& c) { c.Clear(); }},
  };
  for (const BadCommand& bad : table) {
    CAPTURE(bad.what);
    v1::Command wire = valid(bad.kind);
    REQUIRE(decode_command(wire).ok());

    bad.spoil(wire);

    const Result<Command> decoded = decode_command(wire);
    CHECK(decoded.status().code() == ErrorCode::kInvalidArgument);
    CHECK_FALSE(decoded.status().message().empty());
  }
}

TEST_CASE("an attach may hold a full window and every operation without an answer, in one frame") {
  v1::Command wire = valid(3);
  wire.mutable_attach()->mutable_held()->Resize(static_cast<int>(kHeldMax), 1);

  const Result<Command> decoded = decode_command(wire);

  REQUIRE(decoded.ok());
  CHECK(std::get<AttachSession>(decoded.value()).held.size() == 5120);
  v1::Attach attach;
  *attach.mutable_session() = wire.attach().session();
  attach.set_conn_epoch(UINT64_MAX);
  *attach.mutable_held() = wire.attach().held();
  attach.set_consumer(std::string(200, 'c'));
  CHECK(attach.ByteSizeLong() <= kFrameMetadataBytesMax);
}

TEST_CASE("the last numbers that a manager confirms are taken from it, none behind them") {
  v1::Command wire = valid(2);
  v1::CreatedRun& run = *wire.mutable_created()->mutable_run(0);
  run.set_seq(kProducerSeqEnd - run.count());
  CHECK(decode_command(wire).ok());
  run.set_seq(run.seq() + 1);
  CHECK(decode_command(wire).status().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a refusal has the shape of the command's own answer") {
  const Status status(ErrorCode::kRetryLater, "the disk is full");
  v1::Outcome outcome;

  encode_refusal(valid(0), status, &outcome);
  CHECK(outcome.enroll().code() == v1::RETRY_LATER);
  encode_refusal(valid(1), status, &outcome);
  CHECK(outcome.has_register_());
  encode_refusal(valid(2), status, &outcome);
  CHECK(outcome.created().code() == v1::RETRY_LATER);
  encode_refusal(valid(3), status, &outcome);
  CHECK(outcome.attach().code() == v1::RETRY_LATER);
  CHECK(outcome.attach().message() == "the disk is full");
  encode_refusal(valid(8), status, &outcome);
  CHECK(outcome.heartbeat().code() == v1::RETRY_LATER);
  CHECK(outcome.heartbeat().message() == "the disk is full");
  encode_refusal(valid(10), status, &outcome);
  CHECK(outcome.simple().code() == v1::RETRY_LATER);
  CHECK(outcome.simple().message() == "the disk is full");

  const v1::Command operations = valid(7);
  encode_refusal(operations, status, &outcome);
  REQUIRE(outcome.operations().outcome_size() == operations.operations().operation_size());
  CHECK(outcome.operations().outcome(0).seq() == operations.operations().operation(0).seq());
  CHECK(outcome.operations().outcome(0).code() == v1::RETRY_LATER);
}

TEST_CASE("only the center may ask for time, terms, removals, and what follows from silence") {
  for (int kind = 0; kind < RandomCommands::kKinds; ++kind) {
    CAPTURE(kind);
    const bool own = kind == 12 || kind == 14 || kind == 15 || kind == 16 || kind == 18;
    CHECK(is_center_command(valid(kind)) == own);
  }
}

TEST_CASE("spoilt bytes of an entry are refused or read as something valid, never fatal") {
  const google::protobuf::LogSilencer silent;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    RandomCommands commands(seed);
    v1::LedgerEntry wire;
    for (int i = 0; i < 4; ++i) {
      encode_command(commands.make(static_cast<int>(random.below(RandomCommands::kKinds))),
                     wire.add_batch()->add_command());
    }
    std::string bytes = encode_entry(wire);
    for (std::uint64_t i = 0, n = 1 + random.below(6); i < n; ++i) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    }
    if (random.one_in(4)) bytes.resize(random.below(bytes.size()));

    const Result<Entry> entry = decode_entry(Lsn(5), bytes);

    if (entry.ok()) {
      CHECK(entry.value().index == Lsn(5));
    } else {
      const ErrorCode code = entry.status().code();
      CHECK((code == ErrorCode::kDataLoss || code == ErrorCode::kUnsupportedVersion));
      CHECK_THAT(entry.status().message(), Catch::Contains("5"));
    }
  }
}

TEST_CASE("an entry of a later version is refused by its number") {
  v1::LedgerEntry wire;
  std::string bytes = encode_entry(wire);
  REQUIRE(decode_entry(Lsn(1), bytes).ok());

  bytes.front() = 2;

  CHECK(decode_entry(Lsn(1), bytes).status().code() == ErrorCode::kUnsupportedVersion);
  CHECK(decode_entry(Lsn(1), "").status().code() == ErrorCode::kDataLoss);
}
