// Thousands of consumers that lose their manager at once: how soon each is back, and whether it
// still holds its task.
//
//   herd HOST:PORT[,HOST:PORT...] CONSUMERS SECONDS
//
// Gives each consumer a task, prints "holding", and waits for a line on stdin, which says that their
// managers were killed and come back. Each then renews its claim; the time until the ledger has
// answered is how long that consumer was away. Ends with a line of JSON, at the latest after so many
// SECONDS. Run by scripts/overload.sh.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/baton.h"

using namespace std::chrono_literals;
namespace bc = baton::client;

namespace {

using Clock = std::chrono::steady_clock;
constexpr char kQueue[] = "herd";
// Long enough that no claim ends by itself, however long they take to come back.
constexpr baton::Millis kLease{60'000};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

class Herd {
 public:
  explicit Herd(std::size_t size) : size_(size) {}

  // False: not every consumer got a task in time.
  bool gather(bc::Client& client, Clock::duration patience) {
    produce(client);
    bc::ConsumerHandlers handlers;
    handlers.on_task = [this](bc::Claim claim) {
      const std::lock_guard lock(mutex_);
      claims_.push_back(std::move(claim));
      changed_.notify_all();
    };
    handlers.on_superseded = [this](const bc::Claim&) {
      const std::lock_guard lock(mutex_);
      ++lost_;
    };
    const bc::ConsumerOptions options{.queues = {kQueue}, .lease = kLease};
    for (std::size_t i = 0; i < size_; ++i) {
      auto consumer = client.make_consumer(options, handlers);
      if (!consumer.ok()) return false;
      consumers_.push_back(std::move(consumer).value());
    }
    return wait([this] { return claims_.size() == size_; }, patience);
  }

  // Every consumer asks the ledger for its claim once more.
  void renew(Clock::duration patience) {
    const Clock::time_point began = Clock::now();
    for (const bc::Claim& claim : claims_) {
      claim.extend(kLease, [this, began](const bc::OperationResult& result) {
        const std::lock_guard lock(mutex_);
        (result.status.ok() ? away_ : refused_).push_back(Clock::now() - began);
        changed_.notify_all();
      });
    }
    wait([this] { return away_.size() + refused_.size() == size_; }, patience);
  }

  nlohmann::ordered_json figures() {
    const std::lock_guard lock(mutex_);
    std::sort(away_.begin(), away_.end());
    return {{"consumers", size_},
            {"back", away_.size()},
            {"claims_lost", lost_ + refused_.size()},
            {"p50_seconds", percentile(50)},
            {"p99_seconds", percentile(99)},
            {"max_seconds", percentile(100)}};
  }

  void scatter() { consumers_.clear(); }

 private:
  void produce(bc::Client& client) const {
    const auto producer = client.make_producer();
    for (std::size_t i = 0; i < size_; ++i)
      producer->produce(kQueue, "hold me", [](const auto&) {});
    producer->close();
  }

  bool wait(const std::function<bool()>& done, Clock::duration patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, done);
  }

  // Of those who are back, in seconds; null when nobody is.
  [[nodiscard]] nlohmann::ordered_json percentile(std::size_t percent) const {
    if (away_.empty()) return nullptr;
    const std::size_t at = std::min(away_.size() - 1, away_.size() * percent / 100);
    return std::chrono::duration<double>(away_[at]).count();
  }

  const std::size_t size_;
  std::vector<std::unique_ptr<bc::Consumer>> consumers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bc::Claim> claims_;
  std::vector<Clock::duration> away_;
  std::vector<Clock::duration> refused_;
  std::size_t lost_ = 0;
};

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const auto consumers = argc == 4 ? number(argv[2]) : std::nullopt;
  const auto seconds = argc == 4 ? number(argv[3]) : std::nullopt;
  if (!consumers || !seconds) {
    std::cerr << "usage: herd HOST:PORT[,HOST:PORT...] CONSUMERS SECONDS\n";
    return 2;
  }
  const auto client = bc::Client::open({.managers = split(argv[1])});
  if (!client.ok()) {
    std::cerr << client.status().to_string() << "\n";
    return 1;
  }
  const std::chrono::seconds patience(*seconds);
  Herd herd(*consumers);
  if (!herd.gather(*client.value(), patience)) {
    std::cerr << "not every consumer got a task\n";
    return 1;
  }
  std::cout << "holding" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  herd.renew(patience);
  std::cout << herd.figures() << std::endl;
  herd.scatter();
  return 0;
}
