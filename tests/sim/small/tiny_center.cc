#include "tests/sim/small/tiny_center.h"

#include "common/base/check.h"

namespace baton::sim {

TinyCenter::TinyCenter() { begin_term(); }

center::Effects TinyCenter::apply(std::vector<center::Batch> batches) {
  read_some_pages();
  center::Entry entry{ledger_.index().next(), std::move(batches)};
  log_.push_back(entry);
  return ledger_.apply(entry);
}

center::Outcome TinyCenter::apply_one(Incarnation incarnation, center::Command command,
                                      center::Effects& effects) {
  center::Batch batch{incarnation, {}};
  batch.commands.push_back(std::move(command));
  effects = apply({std::move(batch)});
  BATON_CHECK(effects.batches.size() == 1);
  if (!effects.batches[0].status.ok()) return center::SimpleOutcome{effects.batches[0].status};
  BATON_CHECK(effects.batches[0].outcomes.size() == 1);
  return effects.batches[0].outcomes[0];
}

void TinyCenter::start_snapshot() {
  saving_ = Snapshot{ledger_.index(), {}};
  source_ = ledger_.snapshot();
}

void TinyCenter::read_some_pages() {
  for (int i = 0; source_ && i < 2; i++) {
    auto page = source_->next_page();
    if (page) {
      saving_->pages.push_back(std::move(*page));
      continue;
    }
    source_.reset();
    saved_ = std::move(saving_);
    saving_.reset();
    snapshots_++;
  }
}

std::string TinyCenter::crash() {
  source_.reset();  // a snapshot that was not whole yet is lost
  saving_.reset();
  center::Ledger back;
  if (saved_) {
    auto restored = center::Ledger::restore(saved_->pages);
    if (!restored.ok()) return "the snapshot cannot be restored: " + restored.status().to_string();
    back = std::move(restored).value();
    if (back.index() != saved_->index) return "the snapshot is of another index";
  }
  for (const center::Entry& entry : log_) {
    if (entry.index <= back.index()) continue;
    back.apply(entry);
    replayed_++;
  }
  if (back.index() != ledger_.index()) return "the replay ended at another index";
  if (back.state_hash() != ledger_.state_hash()) return "the replay ended in another state";
  ledger_ = std::move(back);
  begin_term();
  return {};
}

void TinyCenter::begin_term() {
  center::Batch batch;
  batch.commands.push_back(center::TermStart{Term(++term_), ClusterId(Uuid{7, 7})});
  apply({std::move(batch)});
}

}  // namespace baton::sim
