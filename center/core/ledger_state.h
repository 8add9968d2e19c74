// Ledger::State: the tables behind the Ledger's face.
#pragma once

#include <utility>

#include "center/core/ledger.h"
#include "center/core/tables.h"

namespace baton::center {

class Ledger::State {
 public:
  explicit State(Tables t) : tables(std::move(t)) {}
  Tables tables;
};

}  // namespace baton::center
