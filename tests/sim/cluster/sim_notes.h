// What programs that use the client library write into the history of their run.
//
// `process` names a producer or a session: each life of a program has another one.
#pragma once

#include <cstdint>
#include <string_view>

#include "client/consumer.h"
#include "client/producer.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::sim {

// Both return the operation's number in the history.
std::uint64_t note_produce(SimWorld& world, std::uint64_t process, std::string_view payload);
std::uint64_t note_operation(SimWorld& world, std::uint64_t process, check::Action action,
                             const client::Claim& claim, Millis lease = Millis(0));

void note_produced(SimWorld& world, std::uint64_t operation, const client::ProduceOutcome& outcome);
void note_delivery(SimWorld& world, std::uint64_t process, const client::Delivery& delivery);
// Takes the answer to an operation that is asked for now.
client::OperationCallback answer_noter(SimWorld& world, std::uint64_t process,
                                       std::uint64_t operation, const client::Claim& claim);

check::Outcome outcome_of(const client::OperationResult& result);

}  // namespace baton::sim
