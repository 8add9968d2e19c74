// FairTable: the fairness keys with unfinished tasks: who a queue is shared between.
#pragma once

#include <cstdint>
#include <string>

#include "center/core/named_table.h"

namespace baton::center {

struct FairKey {
  QueueId queue;  // none: the slot is free
  std::string name;
  std::uint64_t serial = 0;  // in the order of first use: breaks ties
  std::uint32_t weight = 1;  // as the last task of it said
  std::uint32_t claimed = 0;
  std::uint64_t tasks = 0;  // unfinished

  [[nodiscard]] bool in_use() const { return static_cast<bool>(queue); }
};

class FairTable : public NamedTable<FairKey> {
 public:
  // The key's slot, made when it is new.
  std::uint32_t intern(QueueId queue, const std::string& name) {
    const std::uint32_t known = find(queue, name);
    return known == kNoSlot ? add(FairKey{queue, name, ++last_serial_, 1, 0, 0}) : known;
  }

  [[nodiscard]] std::uint64_t last_serial() const { return last_serial_; }
  void restore_last_serial(std::uint64_t last) { last_serial_ = last; }

 private:
  std::uint64_t last_serial_ = 0;
};

}  // namespace baton::center
