// BenchWorkload: the tasks of one `baton bench` run, each known by number, and how long they took.
//
// The payload of a task says the run and the number and is filled from both, so that a delivery is
// checked byte by byte, and a task of somebody else in the same queue is seen. What went wrong is
// told by the run's history (common/history), not here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/latency_histogram.h"

namespace baton::commands {

class BenchWorkload {
 public:
  // Payloads are at least 16 bytes.
  BenchWorkload(std::uint64_t run, std::size_t payload_bytes);

  // A new task, sent now.
  std::string make(MonoTime now, std::uint64_t& number);
  void confirmed(std::uint64_t number, MonoTime now);
  void not_confirmed(bool unknown) { ++(unknown ? unknown_ : failed_); }
  // The number of a delivered task; empty (and counted) when the bytes are not what was sent.
  std::optional<std::uint64_t> arrived(std::string_view payload, MonoTime now);
  // Its ack was accepted; again changes nothing.
  void completed(std::uint64_t number);
  void superseded() { ++superseded_; }

  [[nodiscard]] std::uint64_t sent() const { return tasks_.size(); }
  [[nodiscard]] std::uint64_t confirmed_count() const { return confirmed_; }
  [[nodiscard]] std::uint64_t completed_count() const { return completed_; }
  [[nodiscard]] std::uint64_t failed_count() const { return failed_; }
  [[nodiscard]] std::uint64_t unknown_count() const { return unknown_; }
  [[nodiscard]] std::uint64_t superseded_count() const { return superseded_; }
  [[nodiscard]] std::uint64_t damaged_count() const { return damaged_; }
  // Confirmed and not completed: what a drain still waits for.
  [[nodiscard]] std::uint64_t missing_count() const;
  [[nodiscard]] const LatencyHistogram& confirm_latency() const { return confirm_latency_; }
  [[nodiscard]] const LatencyHistogram& end_to_end_latency() const { return end_to_end_latency_; }

 private:
  struct Task {
    MonoTime sent;
    bool confirmed = false;
    bool arrived = false;
    bool completed = false;
  };

  void fill(std::uint64_t number, std::string& payload) const;

  std::uint64_t run_;
  std::size_t payload_bytes_;
  std::vector<Task> tasks_;  // by number
  std::string expected_;     // scratch
  std::uint64_t confirmed_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t superseded_ = 0;
  std::uint64_t damaged_ = 0;
  LatencyHistogram confirm_latency_;
  LatencyHistogram end_to_end_latency_;
};

}  // namespace baton::commands
