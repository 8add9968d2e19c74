// BenchHistory: what a `baton bench` run asked for and was told, for the checkers that judge the
// simulation too (common/history).
//
// Costs some 100 bytes and less than half a microsecond a task. The producer's name is the same for
// all of a run; an item is a number of BenchWorkload, which compares payloads byte by byte: those
// that are right are known by their number here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/consumer.h"
#include "client/producer.h"
#include "common/history/judge.h"

namespace baton::commands {

class BenchHistory {
 public:
  // Each returns the operation's number, to end it with.
  std::uint64_t produce(std::uint64_t number, MonoTime now);
  void produced(std::uint64_t operation, const client::ProduceOutcome& outcome, MonoTime now);
  // `number`: of the item, if the payload is just what was sent.
  void delivered(const client::Delivery& delivery, std::uint64_t consumer,
                 std::optional<std::uint64_t> number, MonoTime now);
  std::uint64_t ack(const client::Delivery& delivery, std::uint64_t consumer, MonoTime now);
  std::uint64_t nack(const client::Delivery& delivery, std::uint64_t consumer, MonoTime now);
  void answered(std::uint64_t operation, const client::OperationResult& result, MonoTime now);

  // `drained`: consumers had time to complete everything.
  [[nodiscard]] check::Judgement judge(bool drained) const;
  // io error text, or empty. `file` is replaced.
  [[nodiscard]] Status write(const std::string& file) const;
  [[nodiscard]] const check::History& history() const { return history_; }

 private:
  check::History history_;
};

}  // namespace baton::commands
