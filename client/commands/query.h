// Query: the short commands that ask a manager and print the answer.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "client/commands/runtime.h"

namespace baton::commands {

class Query {
 public:
  explicit Query(Runtime& runtime) : runtime_(runtime), client_(runtime.make_client()) {}

  [[nodiscard]] bool ready() const { return client_ != nullptr; }
  [[nodiscard]] client::Admin& admin() { return client_->admin(); }
  [[nodiscard]] Duration timeout() const { return runtime_.options().timeout; }
  [[nodiscard]] OutputFormat format() const { return runtime_.options().format; }
  [[nodiscard]] Output& out() { return runtime_.out(); }
  [[nodiscard]] AsioLoop& loop() { return runtime_.loop(); }
  [[nodiscard]] client::Client& client() { return *client_; }

  // Keeps what works on the answers until the query ends, and no longer than what it works with.
  template <class T>
  T& own(std::unique_ptr<T> part) {
    T& kept = *part;
    parts_.push_back(std::shared_ptr<T>(std::move(part)));
    return kept;
  }

  // Says what went wrong, and goes on.
  void complain(const Status& status) { print_error(status, reached()); }
  void fail(const Status& status) { runtime_.fail(status, reached()); }
  void print_and_finish(const Json& object) {
    print_object(out(), format(), object);
    finish();
  }
  // What the first Ctrl-C does (or SIGTERM; `signal` says which) instead of ending at once.
  void on_interrupt(std::function<void(int signal)> act) {
    runtime_.set_on_interrupt(std::move(act));
  }
  // With `code`, or 1 when standard output could not take what was printed.
  void finish(int code = 0) {
    if (!out().flush()) print_error("standard output was closed");
    runtime_.finish(out().ok() ? code : 1);
  }

 private:
  // Some manager has answered.
  [[nodiscard]] bool reached() const { return client_->metrics().connections_opened > 0; }

  Runtime& runtime_;
  std::unique_ptr<client::Client> client_;
  std::vector<std::shared_ptr<void>> parts_;
};

// Runs `ask` with a query of its own until that finishes or fails; returns the exit code.
inline int run_query(CommonOptions common, const std::function<void(Query&)>& ask) {
  Runtime runtime(std::move(common));
  std::unique_ptr<Query> query;
  return runtime.run([&] {
    query = std::make_unique<Query>(runtime);
    if (query->ready()) ask(*query);
  });
}

}  // namespace baton::commands
