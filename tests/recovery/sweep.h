// The sweeps: one scenario, and every operation at which it can be cut off or fail.
//
// Crash: at every operation the machine stops, by kill and by power cut; the store must open with
// all that it told, go on, and survive another power cut. The recovery itself is cut off at each of
// its operations too and done again: it must come to the same (I16).
//
// I/O errors: at every operation each kind of error, once and for good. The store must say so, in
// words that name the error and the place, acknowledge nothing that was asked for afterwards and
// write nothing more (I15); after a restart on a healthy disk all that it told is there. Reads fail
// one by one: the store may go on or stop, but never forgets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/recovery/figures.h"
#include "tests/recovery/points.h"
#include "tests/recovery/store_machine.h"

namespace baton::recovery {

using MakeMachine = std::function<std::unique_ptr<StoreMachine>()>;

Figures sweep(const std::string& scenario, const MakeMachine& make, const PointOptions& options);

}  // namespace baton::recovery
