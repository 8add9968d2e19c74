// TinyCenter: the real ledger behind a log in memory, with snapshots, crashes and replay.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "center/core/ledger.h"

namespace baton::sim {

class TinyCenter {
 public:
  TinyCenter();

  // One entry with these batches, durable before anybody sees its effects.
  center::Effects apply(std::vector<center::Batch> batches);
  // The outcome of a single command; the other effects go to `effects`.
  center::Outcome apply_one(Incarnation incarnation, center::Command command,
                            center::Effects& effects);

  // Begins a snapshot; its pages are read in the course of the next entries.
  void start_snapshot();
  // The process dies and comes back from its newest whole snapshot and the entries behind it.
  // Returns what is not as it was before; empty as it should be.
  std::string crash();

  [[nodiscard]] const center::Ledger& ledger() const { return ledger_; }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }
  [[nodiscard]] std::uint64_t snapshots() const { return snapshots_; }

 private:
  struct Snapshot {
    Lsn index;
    std::vector<std::string> pages;
  };
  void begin_term();
  void read_some_pages();

  center::Ledger ledger_;
  std::vector<center::Entry> log_;
  std::uint64_t term_ = 0;
  std::optional<Snapshot> saved_;
  std::optional<Snapshot> saving_;
  std::unique_ptr<center::LedgerSnapshot> source_;
  std::uint64_t replayed_ = 0;
  std::uint64_t snapshots_ = 0;
};

}  // namespace baton::sim
