// The payloads of a run say whose they are: "<producer>/<number>:" and then anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"

namespace baton::sim {

struct PayloadName {
  std::uint64_t producer = 0;
  std::uint64_t number = 0;
};

std::string make_payload(PayloadName name, std::size_t bytes_max, Random& random);
// Nothing when it does not begin with a name.
std::optional<PayloadName> parse_payload(std::string_view payload);
// Where names of payloads begin in the bytes of a file.
std::vector<std::size_t> payload_places(std::string_view bytes);
// Of all its bytes.
std::uint64_t content_of(std::string_view payload);

}  // namespace baton::sim
