// FakeCluster: one manager on a real port that does what a test tells it to, and run_baton(): the
// program's commands run against it, with their output caught.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proto/broker.pb.h"

#include "common/base/logger.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"
#include "common/net/frame.h"

namespace baton::commands {

class FakeCluster {
 public:
  FakeCluster();
  ~FakeCluster();
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  // What it does; set before anybody connects. By default: what a task asks for is confirmed with
  // ids from kFirstTask on, actions succeed, queries are not found.
  static constexpr std::uint64_t kFirstTask = 17592186044417;
  std::function<v1::Produced(const v1::Produce&)> on_produce;
  std::function<v1::Acted(const v1::Act&)> on_act;
  std::function<v1::Answer(const v1::Query&)> on_query;
  std::string query_payload;
  // Handed out to the first demand, with these payloads (and checkpoints) behind each other.
  v1::Tasks tasks;
  std::string task_bytes;
  // Pushed 200 ms after the tasks.
  v1::ClaimsLost lost;

  struct Produced {
    v1::Produce message;
    std::string payload;
  };
  struct Operated {
    v1::Operation operation;
    std::string bytes;
  };
  // What was asked of it.
  [[nodiscard]] std::vector<Produced> produced() const { return copy(produced_); }
  [[nodiscard]] std::vector<v1::Act> acts() const { return copy(acts_); }
  [[nodiscard]] std::vector<v1::Query> queries() const { return copy(queries_); }
  [[nodiscard]] std::vector<Operated> operations() const { return copy(operations_); }

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  class SilentLog final : public Logger {
   public:
    void write(LogLevel, std::string_view, std::span<const LogField>) override {}
    [[nodiscard]] bool enabled(LogLevel) const override { return false; }
  };
  template <class T>
  T copy(const T& from) const {
    const std::lock_guard lock(mutex_);
    return from;
  }
  void on_frame(const ConnectionPtr& connection, const Frame& frame);
  void greet(Connection& connection, const Frame& frame);
  void produce(Connection& connection, const Frame& frame);
  void act(Connection& connection, const Frame& frame);
  void query(Connection& connection, const Frame& frame);
  void attach(Connection& connection, const Frame& frame);
  void demand(const ConnectionPtr& connection);
  void operate(Connection& connection, const Frame& frame);

  AsioLoop loop_;
  SilentLog logger_;
  AsioTransport transport_{loop_, logger_};
  std::vector<ConnectionPtr> connections_;
  std::unique_ptr<Listener> listener_;
  std::string address_;
  std::uint64_t next_task_ = kFirstTask;
  std::uint64_t conn_epoch_ = 0;
  bool handed_out_ = false;

  mutable std::mutex mutex_;
  std::vector<Produced> produced_;
  std::vector<v1::Act> acts_;
  std::vector<v1::Query> queries_;
  std::vector<Operated> operations_;
  std::thread thread_;
};

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};
// Runs `baton WORDS...` in this process, against the cluster if there is one.
Ran run_baton(std::vector<std::string> words, const FakeCluster* cluster = nullptr,
              const std::string& input = "");

// Outcomes of an action: all of them this.
v1::Acted all(const v1::Act& act, v1::ErrorCode code, v1::TaskState state);

}  // namespace baton::commands
