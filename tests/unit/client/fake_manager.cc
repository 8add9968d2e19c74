#include "tests/unit/client/fake_manager.h"

#include <algorithm>

namespace baton::client {

void Received::answer(v1::FrameType with, const google::protobuf::MessageLite& message,
                      std::string_view bytes) const {
  connection->send(with, request_id, message, std::vector<std::string_view>{bytes});
}

void Received::refuse(v1::ErrorCode code, std::uint32_t retry_after_ms) const {
  v1::Error error;
  error.set_code(code);
  error.set_message("refused by the test");
  error.set_retry_after_ms(retry_after_ms);
  answer(v1::ERROR, error);
}

void Received::push(v1::FrameType with, const google::protobuf::MessageLite& message,
                    std::string_view bytes) const {
  connection->send(with, 0, message, std::vector<std::string_view>{bytes});
}

FakeManager::FakeManager(sim::SimScheduler& scheduler, sim::SimNetwork& network,
                         const std::string& name, std::uint32_t shard)
    : scheduler_(scheduler),
      name_(name),
      loop_(scheduler, name),
      transport_(network, loop_, name),
      shard_(shard) {
  listen();
}

FakeManager::~FakeManager() = default;

void FakeManager::listen() {
  auto listener = transport_.listen(
      Address{name_, 7101}, [this](const ConnectionPtr& connection) { accept(connection); });
  REQUIRE(listener.ok());
  listener_ = std::move(listener).value();
}

void FakeManager::accept(const ConnectionPtr& connection) {
  connections_.push_back(connection);
  connection->set_frame_bytes_max(std::size_t{32} << 20);
  Connection* raw = connection.get();
  connection->start({[this, raw](const Frame& frame) {
                       const auto found = std::ranges::find(connections_, raw,
                                                            [](const auto& c) { return c.get(); });
                       if (found != connections_.end()) on_frame(*found, frame);
                     },
                     [this, raw](const Status&) {
                       std::erase_if(connections_, [raw](const auto& c) { return c.get() == raw; });
                     }});
}

void FakeManager::on_frame(const ConnectionPtr& connection, const Frame& frame) {
  const ConnectionPtr alive = connection;
  if (frame.type == v1::HELLO) {
    v1::HelloOk hello;
    hello.set_version(1);
    hello.set_name(name_);
    hello.set_payload_bytes_max(payload_bytes_max_);
    hello.set_frame_bytes_max(payload_bytes_max_ + kFrameMetadataBytesMax);
    hello.set_shard(shard_);
    ++greeted_;
    alive->send(v1::HELLO_OK, frame.request_id, hello);
  } else if (frame.type == v1::PING) {
    v1::Ping ping;
    REQUIRE(parse_metadata(frame.metadata, ping).ok());
    alive->send(v1::PONG, frame.request_id, ping);
  } else {
    received_.push_back(Received{frame.type, frame.request_id, std::string(frame.metadata),
                                 std::string(frame.payload), alive});
  }
}

bool FakeManager::has(v1::FrameType type) const { return count(type) > 0; }

std::size_t FakeManager::count(v1::FrameType type) const {
  return static_cast<std::size_t>(std::ranges::count(received_, type, &Received::type));
}

Received FakeManager::expect(v1::FrameType type) {
  INFO(name_ << " expects a frame of type " << type);
  REQUIRE(scheduler_.run_until([&] { return has(type); }, 10s));
  const auto found = std::ranges::find(received_, type, &Received::type);
  Received frame = std::move(*found);
  received_.erase(found);
  return frame;
}

void FakeManager::drop_connections() {
  for (const ConnectionPtr& connection : connections_) {
    connection->close(Status(ErrorCode::kUnavailable, "dropped by the test"));
  }
}

void FakeManager::say_goodbye() {
  v1::Goodbye goodbye;
  goodbye.set_reason("told by the test");
  for (const ConnectionPtr& connection : connections_) connection->send(v1::GOODBYE, 0, goodbye);
}

ClientWorld::ClientWorld(std::size_t managers, std::uint64_t seed) : scheduler_(seed) {
  ClientOptions options;
  options.managers.clear();
  options.name = "test";
  options.seed = seed;
  for (std::size_t i = 1; i <= managers; ++i) {
    managers_.push_back(std::make_unique<FakeManager>(scheduler_, network_, "m" + std::to_string(i),
                                                      static_cast<std::uint32_t>(i)));
    options.managers.push_back(managers_.back()->address());
  }
  loop_ = std::make_unique<sim::SimLoop>(scheduler_, "client");
  transport_ = std::make_unique<sim::SimTransport>(network_, *loop_, "client");
  auto client = open_embedded({*loop_, *transport_, logger_}, std::move(options));
  REQUIRE(client.ok());
  client_ = std::move(client).value();
}

ClientWorld::~ClientWorld() {
  client_.reset();
  transport_.reset();
  loop_.reset();
}

v1::Produced stored(const Received& produce, std::uint64_t first_task, std::uint32_t shard) {
  v1::Produced produced;
  v1::ProducedRun& run = *produced.add_run();
  run.set_count(static_cast<std::uint32_t>(produce.as<v1::Produce>().length_size()));
  run.set_first_task(first_task);
  produced.set_shard(shard);
  return produced;
}

v1::Produced refused(const Received& produce, v1::ErrorCode code, std::uint32_t retry_after_ms) {
  v1::Produced produced;
  v1::ProducedRun& run = *produced.add_run();
  run.set_count(static_cast<std::uint32_t>(produce.as<v1::Produce>().length_size()));
  run.set_code(code);
  run.set_message("refused by the test");
  run.set_retry_after_ms(retry_after_ms);
  return produced;
}

v1::Attached attached(const Received& attach, const std::vector<std::uint64_t>& kept) {
  v1::Attached answer;
  answer.set_conn_epoch(attach.as<v1::Attach>().conn_epoch());
  for (const std::uint64_t token : kept) answer.add_kept(token);
  return answer;
}

v1::OperationsDone done(const Received& operations, v1::ErrorCode code) {
  v1::OperationsDone answer;
  const auto message = operations.as<v1::Operations>();
  for (const v1::Operation& operation : message.operation()) {
    v1::OperationOutcome& outcome = *answer.add_outcome();
    outcome.set_seq(operation.seq());
    outcome.set_code(code);
  }
  return answer;
}

}  // namespace baton::client
