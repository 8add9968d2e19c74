#include "tests/support/sim_payload.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/base/hash64.h"

namespace baton::sim {
namespace {

bool take_number(std::string_view& text, char end, std::uint64_t& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest == text.data() + text.size() || *rest != end) return false;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()) + 1);
  return true;
}

}  // namespace

std::string make_payload(PayloadName name, std::size_t bytes_max, Random& random) {
  std::string payload = std::to_string(name.producer) + "/" + std::to_string(name.number) + ":";
  const std::size_t filling = bytes_max == 0 ? 0 : random.below(bytes_max);
  while (payload.size() < filling) {
    const std::uint64_t drawn = random.next();
    const std::size_t bytes = std::min(sizeof drawn, filling - payload.size());
    payload.append(reinterpret_cast<const char*>(&drawn), bytes);
  }
  return payload;
}

std::optional<PayloadName> parse_payload(std::string_view payload) {
  PayloadName name;
  if (!take_number(payload, '/', name.producer) || !take_number(payload, ':', name.number))
    return {};
  return name;
}

std::vector<std::size_t> payload_places(std::string_view bytes) {
  std::vector<std::size_t> places;
  for (std::size_t colon = bytes.find(':'); colon != std::string_view::npos;
       colon = bytes.find(':', colon + 1)) {
    std::size_t start = colon;
    const auto digit = [&] {
      return start > 0 && bytes[start - 1] >= '0' && bytes[start - 1] <= '9';
    };
    while (digit()) start--;
    if (start == colon || start == 0 || bytes[start - 1] != '/') continue;
    start--;
    const std::size_t slash = start;
    while (digit()) start--;
    if (start < slash) places.push_back(start);
  }
  return places;
}

// Not the checksum that the product relies on: a mistake in that must show.
std::uint64_t content_of(std::string_view payload) {
  Hash64 hash;
  hash.add(payload.size());
  while (!payload.empty()) {
    std::uint64_t word = 0;
    const std::size_t bytes = std::min(sizeof word, payload.size());
    std::memcpy(&word, payload.data(), bytes);
    hash.add(word);
    payload.remove_prefix(bytes);
  }
  return hash.value();
}

}  // namespace baton::sim
