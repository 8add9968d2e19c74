#include "manager/core/order_gate.h"

#include <catch2/catch.hpp>

namespace baton::manager {
namespace {

const ProducerId kProducer(Uuid{1, 2});
const ProducerId kOther(Uuid{3, 4});
const ProducerId kNobody;

TEST_CASE("a refusal closes the gate for its producer on its connection alone") {
  OrderGate gate;
  gate.refused(7, kProducer, ProducerSeq(5));

  CHECK(gate.closed_at(7, kProducer) == ProducerSeq(5));
  CHECK_FALSE(gate.closed_at(7, kOther));
  CHECK_FALSE(gate.closed_at(8, kProducer));
}

TEST_CASE("the gate opens when the refused number was decided, not for lower or higher ones") {
  OrderGate gate;
  gate.refused(7, kProducer, ProducerSeq(5));

  gate.begin(7, kProducer, ProducerSeq(1));
  gate.decided(7, kProducer, ProducerSeq(3), 2);
  gate.decided(7, kProducer, ProducerSeq(6), 10);
  gate.decided(7, kOther, ProducerSeq(5), 1);
  CHECK(gate.closed_at(7, kProducer));
  gate.decided(7, kProducer, ProducerSeq(4), 2);
  CHECK_FALSE(gate.closed_at(7, kProducer));
}

TEST_CASE("of several refusals the first number counts") {
  OrderGate gate;
  gate.refused(7, kProducer, ProducerSeq(5));
  gate.refused(7, kProducer, ProducerSeq(9));
  CHECK(gate.closed_at(7, kProducer) == ProducerSeq(5));
  gate.refused(7, kProducer, ProducerSeq(4));
  CHECK(gate.closed_at(7, kProducer) == ProducerSeq(4));
}

TEST_CASE("a number that its producer gave up closes nothing any more") {
  OrderGate gate;
  gate.refused(7, kProducer, ProducerSeq(5));
  gate.resolved(7, kProducer, ProducerSeq(5));
  CHECK(gate.closed_at(7, kProducer));
  gate.resolved(7, kProducer, ProducerSeq(6));
  CHECK_FALSE(gate.closed_at(7, kProducer));

  gate.refused(7, kProducer, ProducerSeq(5));
  gate.begin(7, kProducer, ProducerSeq(6));
  CHECK_FALSE(gate.closed_at(7, kProducer));
}

TEST_CASE("without an id of its own a producer is refused within its request only") {
  OrderGate gate;
  gate.refused(7, kNobody, ProducerSeq(0));
  CHECK(gate.closed_at(7, kNobody));
  gate.begin(7, kNobody, ProducerSeq(0));
  CHECK_FALSE(gate.closed_at(7, kNobody));
}

TEST_CASE("a connection that is gone is forgotten, and keeps a bounded number of producers") {
  OrderGate gate;
  for (std::uint64_t i = 0; i < OrderGate::kProducersMax + 1; ++i) {
    gate.refused(7, ProducerId(Uuid{9, i + 1}), ProducerSeq(1));
  }
  CHECK_FALSE(gate.closed_at(7, ProducerId(Uuid{9, 1})));
  CHECK(gate.closed_at(7, ProducerId(Uuid{9, 2})));
  gate.forget(7);
  CHECK(gate.connections() == 0);
}

}  // namespace
}  // namespace baton::manager
