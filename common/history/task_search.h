// TaskSearch: whether the steps of one task fit into an order that the ledger could have taken them
// in (Wing and Gong's search, as in porcupine; without it a history proves nothing about what two
// processes did at the same time).
//
// A step may come next if it began before every step that is not yet placed and must be was over.
// Most histories need no second attempt: steps that change nothing are placed at once, and grants
// come in the order of their tokens. Where there is a choice, dead ends are remembered by what was
// placed and what state it led to.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/history/task_machine.h"

namespace baton::check {

struct SearchResult {
  enum class Verdict : std::uint8_t { kFits, kContradiction, kUndecided };
  Verdict verdict = Verdict::kFits;
  std::string why;  // contradiction: the longest way found, and what could not come next
};

// `steps` of one task, sorted by begin. Gives up (undecided) after `budget` placed steps.
SearchResult search_order(std::span<const Step> steps, const TaskRules& rules,
                          std::uint64_t budget);

}  // namespace baton::check
