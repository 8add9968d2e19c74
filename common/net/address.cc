#include <charconv>

#include "common/net/transport.h"

namespace baton {
namespace {

Status bad_address(std::string_view text, const char* why) {
  return Status(ErrorCode::kInvalidArgument,
                "'" + std::string(text.substr(0, 200)) + "' is no HOST:PORT: " + why);
}

// 127.x.y.z with each part a number: "127.evil.example" is a name.
bool is_ipv4_loopback(std::string_view host) {
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::string Address::to_string() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Address::is_loopback() const {
  return is_ipv4_loopback(host) || host == "::1" || host == "localhost";
}

Result<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text, "the port is missing");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return bad_address(text, "brackets are for IPv6");
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return bad_address(text, "IPv6 needs brackets, as in [::1]:7101");
  }
  if (host.empty()) return bad_address(text, "the host is missing");
  for (const char c : host) {
    if (c <= ' ' || c == ',' || c == 127)
      return bad_address(text, "the host has a character that no host has");
  }

  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return bad_address(text, "the port is a number from 0 to 65535");
  }
  return Address{std::string(host), port};
}

Result<std::vector<Address>> parse_addresses(std::string_view text) {
  std::vector<Address> addresses;
  while (true) {
    const std::size_t comma = text.find(',');
    BATON_ASSIGN_OR_RETURN(Address address, parse_address(text.substr(0, comma)));
    addresses.push_back(std::move(address));
    if (comma == std::string_view::npos) return addresses;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace baton
