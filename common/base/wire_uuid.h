// A Uuid to and from its message in proto/. Templates, so that common/base needs no protobuf.
#pragma once

#include <concepts>
#include <cstdint>

#include "common/base/ids.h"

namespace baton {

template <class Message>
concept UuidMessage = requires(const Message& message) {
  { message.hi() } -> std::convertible_to<std::uint64_t>;
  { message.lo() } -> std::convertible_to<std::uint64_t>;
};

template <UuidMessage Message>
Uuid from_wire(const Message& message) {
  return Uuid{message.hi(), message.lo()};
}

template <UuidMessage Message>
void to_wire(const Uuid& uuid, Message* out) {
  out->set_hi(uuid.hi);
  out->set_lo(uuid.lo);
}

}  // namespace baton
