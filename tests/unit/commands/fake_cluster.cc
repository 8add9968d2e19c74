#include "tests/unit/commands/fake_cluster.h"

#include <cstdio>
#include <iostream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "client/commands/program.h"

namespace baton::commands {
namespace {

using namespace std::chrono_literals;

// A standard stream that is a file for a while.
class Redirected {
 public:
  Redirected(int descriptor, const std::string& content)
      : descriptor_(descriptor), saved_(::dup(descriptor)), file_(std::tmpfile()) {
    std::cout.flush();  // what was written before goes where it belongs
    std::fflush(nullptr);
    std::fwrite(content.data(), 1, content.size(), file_);
    std::rewind(file_);
    ::dup2(::fileno(file_), descriptor);
  }
  // What was written, and the stream as it was before.
  std::string restore() {
    std::cout.flush();
    std::fflush(nullptr);
    ::dup2(saved_, descriptor_);
    ::close(saved_);
    std::rewind(file_);
    std::string text;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) text += static_cast<char>(c);
    std::fclose(file_);
    return text;
  }

 private:
  int descriptor_;
  int saved_;
  std::FILE* file_;
};

template <class Message>
Message message_of(const Frame& frame) {
  Message message;
  BATON_CHECK(parse_metadata(frame.metadata, message).ok());
  return message;
}

}  // namespace

FakeCluster::FakeCluster() {
  auto listener = transport_.listen(Address{"127.0.0.1", 0}, [this](
                                                                 const ConnectionPtr& connection) {
    connections_.push_back(connection);
    connection->set_frame_bytes_max(std::size_t{2} << 20);
    connection->start({[this, weak = std::weak_ptr<Connection>(connection)](const Frame& frame) {
                         if (const auto alive = weak.lock()) on_frame(alive, frame);
                       },
                       [](const Status&) {}});
  });
  BATON_CHECK(listener.ok());
  listener_ = std::move(listener).value();
  address_ = listener_->address().to_string();
  on_produce = [this](const v1::Produce& message) {
    v1::Produced produced;
    v1::ProducedRun& run = *produced.add_run();
    run.set_count(static_cast<std::uint32_t>(message.length_size()));
    run.set_first_task(next_task_);
    next_task_ += run.count();
    produced.set_shard(1);
    return produced;
  };
  on_act = [](const v1::Act& message) { return all(message, v1::OK, v1::CANCELLED); };
  on_query = [](const v1::Query&) {
    v1::Answer answer;
    answer.set_code(v1::NOT_FOUND);
    return answer;
  };
  thread_ = std::thread([this] { loop_.run(); });
}

FakeCluster::~FakeCluster() {
  // Posted: a stop before the thread has come to run() would be forgotten there.
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

void FakeCluster::on_frame(const ConnectionPtr& connection, const Frame& frame) {
  if (frame.type == v1::HELLO) return greet(*connection, frame);
  if (frame.type == v1::PING)
    return connection->send(v1::PONG, frame.request_id, message_of<v1::Ping>(frame));
  if (frame.type == v1::PRODUCE) return produce(*connection, frame);
  if (frame.type == v1::ACT) return act(*connection, frame);
  if (frame.type == v1::QUERY) return query(*connection, frame);
  if (frame.type == v1::ATTACH) return attach(*connection, frame);
  if (frame.type == v1::DEMAND) return demand(connection);
  if (frame.type == v1::OPERATIONS) return operate(*connection, frame);
  if (frame.type == v1::END_WAIT) {
    v1::WaitEnded ended;
    ended.set_line(message_of<v1::EndWait>(frame).line());
    connection->send(v1::WAIT_ENDED, frame.request_id, ended);
  } else if (frame.type == v1::HEARTBEAT) {
    connection->send(v1::HEARTBEAT_DONE, frame.request_id, v1::HeartbeatDone());
  }
}

void FakeCluster::greet(Connection& connection, const Frame& frame) {
  v1::HelloOk hello;
  hello.set_version(1);
  hello.set_name("fake");
  hello.set_payload_bytes_max(std::size_t{1} << 20);
  hello.set_frame_bytes_max((std::size_t{1} << 20) + kFrameMetadataBytesMax);
  hello.set_shard(1);
  connection.send(v1::HELLO_OK, frame.request_id, hello);
}

void FakeCluster::produce(Connection& connection, const Frame& frame) {
  const std::lock_guard lock(mutex_);
  produced_.push_back({message_of<v1::Produce>(frame), std::string(frame.payload)});
  connection.send(v1::PRODUCED, frame.request_id, on_produce(produced_.back().message));
}

void FakeCluster::act(Connection& connection, const Frame& frame) {
  const std::lock_guard lock(mutex_);
  acts_.push_back(message_of<v1::Act>(frame));
  connection.send(v1::ACTED, frame.request_id, on_act(acts_.back()));
}

void FakeCluster::query(Connection& connection, const Frame& frame) {
  const std::lock_guard lock(mutex_);
  queries_.push_back(message_of<v1::Query>(frame));
  const std::vector<std::string_view> payload{query_payload};
  connection.send(v1::ANSWER, frame.request_id, on_query(queries_.back()), payload);
}

void FakeCluster::attach(Connection& connection, const Frame& frame) {
  const auto message = message_of<v1::Attach>(frame);
  conn_epoch_ = message.conn_epoch();
  v1::Attached attached;
  attached.set_conn_epoch(conn_epoch_);
  for (const std::uint64_t token : message.held()) attached.add_kept(token);
  connection.send(v1::ATTACHED, frame.request_id, attached);
}

void FakeCluster::demand(const ConnectionPtr& connection) {
  if (std::exchange(handed_out_, true)) return;
  tasks.set_conn_epoch(conn_epoch_);
  const std::vector<std::string_view> payload{task_bytes};
  connection->send(v1::TASKS, 0, tasks, payload);
  if (lost.claim_size() == 0) return;
  loop_.call_after(200ms, [this, connection] { connection->send(v1::CLAIMS_LOST, 0, lost); });
}

void FakeCluster::operate(Connection& connection, const Frame& frame) {
  const auto message = message_of<v1::Operations>(frame);
  v1::OperationsDone done;
  std::size_t at = 0;
  const std::lock_guard lock(mutex_);
  for (const v1::Operation& operation : message.operation()) {
    operations_.push_back({operation, std::string(frame.payload.substr(at, operation.length()))});
    at += operation.length();
    v1::OperationOutcome& outcome = *done.add_outcome();
    outcome.set_seq(operation.seq());
    for (const v1::LostClaim& claim : lost.claim()) {
      if (claim.token() == operation.token()) outcome.set_code(v1::CLAIM_SUPERSEDED);
    }
  }
  connection.send(v1::OPERATIONS_DONE, frame.request_id, done);
}

v1::Acted all(const v1::Act& act, v1::ErrorCode code, v1::TaskState state) {
  v1::Acted acted;
  v1::ActedRun& run = *acted.add_run();
  run.set_count(static_cast<std::uint32_t>(act.task_size()));
  run.set_code(code);
  run.set_state(state);
  return acted;
}

Ran run_baton(std::vector<std::string> words, const FakeCluster* cluster,
              const std::string& input) {
  ::setenv("BATON_MANAGER", cluster == nullptr ? "127.0.0.1:1" : cluster->address().c_str(), 1);
  words.insert(words.begin(), "baton");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Ran ran;
  Redirected in(STDIN_FILENO, input);
  Redirected out(STDOUT_FILENO, "");
  Redirected err(STDERR_FILENO, "");
  {
    Program program;
    add_produce(program);
    add_consume(program);
    add_task(program);
    add_queue(program);
    add_dead(program);
    ran.code = program.run(static_cast<int>(argv.size()), argv.data());
  }
  ran.err = err.restore();
  ran.out = out.restore();
  in.restore();
  return ran;
}

}  // namespace baton::commands
