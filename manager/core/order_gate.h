// OrderGate: keeps what a producer sends in order (R7).
//
// When an ordered item was refused, all later ordered items of its producer on that connection are
// refused too, so that none overtakes it, until the item was produced again and decided, or its
// producer tells that it has given that number up (resolved_below). Lower numbers pass meanwhile.
//
// A producer without an id has no numbers to go back to: its refusals count within their request
// only.
//
// Bounds: connections are the server's; kProducersMax producers of a connection, the one that was
// refused first is let go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "manager/core/relay_values.h"

namespace baton::manager {

class OrderGate {
 public:
  static constexpr std::size_t kProducersMax = 64;

  // A request begins.
  void begin(ConnectionId connection, ProducerId producer, ProducerSeq resolved_below) {
    open_if(connection, producer,
            [&](ProducerSeq refused) { return !producer || refused < resolved_below; });
  }
  // These items were taken, or refused for good.
  void decided(ConnectionId connection, ProducerId producer, ProducerSeq first, std::size_t count) {
    open_if(connection, producer, [&](ProducerSeq refused) {
      return first <= refused && refused.value() - first.value() < count;
    });
  }
  // The producer knows the outcome of all its numbers below.
  void resolved(ConnectionId connection, ProducerId producer, ProducerSeq below) {
    open_if(connection, producer, [&](ProducerSeq refused) { return refused < below; });
  }
  // An ordered item was refused, and may be accepted later.
  void refused(ConnectionId connection, ProducerId producer, ProducerSeq seq) {
    std::vector<Closed>& closed = closed_[connection];
    const auto found = find(closed, producer);
    if (found != closed.end()) {
      found->seq = std::min(found->seq, seq);
      return;
    }
    if (closed.size() >= kProducersMax) closed.erase(closed.begin());
    closed.push_back({producer, seq});
  }
  // The refused number, which no higher one may overtake.
  [[nodiscard]] std::optional<ProducerSeq> closed_at(ConnectionId connection,
                                                     ProducerId producer) const {
    const auto found = closed_.find(connection);
    if (found == closed_.end()) return {};
    const auto entry = std::find_if(found->second.begin(), found->second.end(),
                                    [&](const Closed& one) { return one.producer == producer; });
    if (entry == found->second.end()) return {};
    return entry->seq;
  }
  // The connection is gone.
  void forget(ConnectionId connection) { closed_.erase(connection); }

  [[nodiscard]] std::size_t connections() const { return closed_.size(); }

 private:
  struct Closed {
    ProducerId producer;
    ProducerSeq seq;
  };

  static std::vector<Closed>::iterator find(std::vector<Closed>& closed, ProducerId producer) {
    return std::find_if(closed.begin(), closed.end(),
                        [&](const Closed& one) { return one.producer == producer; });
  }

  template <class Opens>
  void open_if(ConnectionId connection, ProducerId producer, Opens opens) {
    const auto found = closed_.find(connection);
    if (found == closed_.end()) return;
    const auto entry = find(found->second, producer);
    if (entry == found->second.end() || !opens(entry->seq)) return;
    found->second.erase(entry);
    if (found->second.empty()) closed_.erase(found);
  }

  std::map<ConnectionId, std::vector<Closed>> closed_;
};

}  // namespace baton::manager
