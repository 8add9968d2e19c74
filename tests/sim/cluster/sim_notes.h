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

// All return the operation's number in the history.
std::uint64_t note_produce(SimWorld& world, std::uint64_t process, std::string_view payload);
std::uint64_t note_operation(SimWorld& world, std::uint64_t process, check::Action action,
                             const client::Claim& claim, Millis lease = Millis(0));
// With what it asks for beside the payload.
std::uint64_t note_wish(SimWorld& world, std::uint64_t process, const Wished& wished);
// A copy: the number is its own, the content that of the other.
std::uint64_t note_copy(SimWorld& world, std::uint64_t process, std::uint64_t number,
                        const Wished& wished, std::uint64_t content);
// A delivery of a copy says by its type which one it is, since it has the other's payload.
void name_copy(check::Event& delivery, TaskId retry_of, std::string_view type);

void note_produced(SimWorld& world, std::uint64_t operation, const client::ProduceOutcome& outcome);
void note_delivery(SimWorld& world, std::uint64_t process, const client::Delivery& delivery);
// Takes the answer to an operation that is asked for now.
client::OperationCallback answer_noter(SimWorld& world, std::uint64_t process,
                                       std::uint64_t operation, const client::Claim& claim);

check::Outcome outcome_of(const client::OperationResult& result);

}  // namespace baton::sim
