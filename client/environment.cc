#include "client/environment.h"

namespace baton::client {

ChannelOptions Environment::channel_options(std::size_t first) const {
  ChannelOptions options;
  for (std::size_t i = 0; i < managers.size(); ++i) {
    options.addresses.push_back(managers[(first + i) % managers.size()]);
  }
  options.connect_timeout = connect_timeout;
  options.software = "baton client";
  options.what = "manager";
  return options;
}

}  // namespace baton::client
