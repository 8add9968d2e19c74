#include "tests/sim/cluster/sim_payload.h"

#include <charconv>

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
  while (payload.size() < filling) payload.push_back(static_cast<char>(random.below(256)));
  return payload;
}

std::optional<PayloadName> parse_payload(std::string_view payload) {
  PayloadName name;
  if (!take_number(payload, '/', name.producer) || !take_number(payload, ':', name.number))
    return {};
  return name;
}

std::uint64_t content_of(std::string_view payload) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : payload) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace baton::sim
