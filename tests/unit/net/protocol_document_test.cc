// docs/protocol.md against the code: its example is what the encoder writes, its tables are the
// .proto files.
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <google/protobuf/descriptor.h>

#include "proto/broker.pb.h"
#include "proto/error.pb.h"

#include "common/net/frame.h"

namespace baton {
namespace {

std::string document() {
  std::ifstream file(BATON_SOURCE_DIR "/docs/protocol.md");
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The frames of section 8, as bytes.
std::vector<std::string> example_frames() {
  std::istringstream lines(document().substr(document().find("## 8. A worked example")));
  std::vector<std::string> frames;
  bool inside = false;
  for (std::string line; std::getline(lines, line) && !line.starts_with("## 9.");) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) frames.emplace_back();
      continue;
    }
    if (!inside) continue;
    std::istringstream bytes(line);
    for (std::string byte; bytes >> byte;) {
      frames.back().push_back(static_cast<char>(std::stoi(byte, nullptr, 16)));
    }
  }
  return frames;
}

std::string frame(v1::FrameType type, std::uint64_t request_id,
                  const google::protobuf::MessageLite& message, std::string_view payload = {}) {
  std::string bytes;
  append_frame(bytes, type, request_id, message, {&payload, 1});
  return bytes;
}

v1::Uuid uuid(std::uint64_t hi, std::uint64_t lo) {
  v1::Uuid id;
  id.set_hi(hi);
  id.set_lo(lo);
  return id;
}

constexpr std::uint64_t kTask = 17592186044417;
constexpr std::uint64_t kToken = 4503599627370497;

std::vector<std::string> greeting_and_producing() {
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(v1::ROLE_CLIENT);
  hello.set_software("demo");
  v1::HelloOk hello_ok;
  hello_ok.set_version(1);
  hello_ok.set_software("baton");
  *hello_ok.mutable_cluster() = uuid(5, 6);
  hello_ok.set_name("m1");
  hello_ok.set_payload_bytes_max(1'048'576);
  hello_ok.set_frame_bytes_max(2'162'688);
  hello_ok.add_manager("127.0.0.1:7101");
  hello_ok.set_shard(1);
  v1::Produce produce;
  *produce.mutable_producer() = uuid(1, 2);
  produce.set_seq(1);
  produce.set_resolved_below(1);
  produce.set_queue("mail");
  produce.add_length(5);
  produce.add_length(5);
  v1::Produced produced;
  v1::ProducedRun& run = *produced.add_run();
  run.set_count(2);
  run.set_first_task(kTask);
  produced.set_shard(1);
  return {frame(v1::HELLO, 1, hello), frame(v1::HELLO_OK, 1, hello_ok),
          frame(v1::PRODUCE, 2, produce, "helloworld"), frame(v1::PRODUCED, 2, produced)};
}

std::vector<std::string> claiming() {
  v1::Attach attach;
  *attach.mutable_session() = uuid(3, 4);
  attach.set_conn_epoch(1);
  attach.set_consumer("demo");
  v1::Attached attached;
  attached.set_conn_epoch(1);
  v1::Demand demand;
  demand.set_line(1);
  demand.set_queue("mail");
  demand.set_lease_ms(30'000);
  demand.set_total(1);
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  v1::Delivery& delivery = *tasks.add_delivery();
  delivery.set_number(1);
  delivery.set_line(1);
  delivery.set_task(kTask);
  delivery.set_token(kToken);
  delivery.set_attempt(1);
  delivery.set_lease_ms(30'000);
  delivery.set_length(5);
  return {frame(v1::ATTACH, 3, attach), frame(v1::ATTACHED, 3, attached),
          frame(v1::DEMAND, 4, demand), frame(v1::TASKS, 0, tasks, "hello")};
}

std::vector<std::string> finishing() {
  v1::Heartbeat heartbeat;
  heartbeat.add_token(kToken);
  v1::Operations operations;
  v1::Operation& operation = *operations.add_operation();
  operation.set_seq(1);
  operation.set_kind(v1::ACK);
  operation.set_task(kTask);
  operation.set_token(kToken);
  operation.set_length(4);
  v1::OperationsDone done;
  done.add_outcome()->set_seq(1);
  v1::Error error;
  error.set_code(v1::INVALID_ARGUMENT);
  error.set_message("old");
  return {frame(v1::HEARTBEAT, 5, heartbeat), frame(v1::HEARTBEAT_DONE, 5, v1::HeartbeatDone()),
          frame(v1::OPERATIONS, 6, operations, "done"), frame(v1::OPERATIONS_DONE, 6, done),
          frame(v1::ERROR, 7, error)};
}

TEST_CASE("the worked example of the protocol document is what the encoder writes") {
  std::vector<std::string> expected = greeting_and_producing();
  for (std::string& bytes : claiming()) expected.push_back(std::move(bytes));
  for (std::string& bytes : finishing()) expected.push_back(std::move(bytes));

  const std::vector<std::string> written = example_frames();

  REQUIRE(written.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("frame " << i + 1);
    CHECK(written[i] == expected[i]);
  }
}

std::string type_name(const google::protobuf::FieldDescriptor& field) {
  std::string name = field.type_name();
  if (field.message_type() != nullptr) name = field.message_type()->name();
  if (field.enum_type() != nullptr) name = field.enum_type()->name();
  return (field.is_repeated() ? "repeated " : "") + name;
}

TEST_CASE("the protocol document lists every field of every message, with number and type") {
  const std::string text = document();
  for (const auto* file : {v1::Error::descriptor()->file(), v1::Hello::descriptor()->file()}) {
    for (int m = 0; m < file->message_type_count(); ++m) {
      const auto& message = *file->message_type(m);
      for (int f = 0; f < message.field_count(); ++f) {
        const auto& field = *message.field(f);
        const std::string row = "| `" + message.name() + "." + field.name() + "` | " +
                                std::to_string(field.number()) + " | " + type_name(field) + " | ";
        if (text.find(row) == std::string::npos) FAIL_CHECK("missing: " << row);
      }
    }
  }
}

TEST_CASE(
    "the protocol document names every error code and every frame of clients, with its number") {
  const std::string text = document();
  for (int i = 0; i < v1::ErrorCode_descriptor()->value_count(); ++i) {
    const int number = v1::ErrorCode_descriptor()->value(i)->number();
    const std::string row = "| " + std::string(to_string(error_code_from_wire(number))) + " | " +
                            std::to_string(number) + " | ";
    if (text.find(row) == std::string::npos) FAIL_CHECK("missing: " << row);
  }
  for (int i = 0; i < v1::FrameType_descriptor()->value_count(); ++i) {
    const auto& value = *v1::FrameType_descriptor()->value(i);
    if (value.number() == 0 || value.number() >= 64)
      continue;  // those between daemons are not for clients
    const std::string row = "| " + std::to_string(value.number()) + " | " + value.name() + " | ";
    if (text.find(row) == std::string::npos) FAIL_CHECK("missing: " << row);
  }
}

}  // namespace
}  // namespace baton
