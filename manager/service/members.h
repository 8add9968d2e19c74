// Members: where the shards of the cluster are, as the center last told.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/center.pb.h"

#include "common/base/ids.h"
#include "common/net/transport.h"

namespace baton::manager {

class Members {
 public:
  explicit Members(Address self) : self_(std::move(self)) {}

  void update(const v1::MembersAnswer& answer) {
    addresses_ = {self_.to_string()};
    peers_.clear();
    shards_.clear();
    for (const v1::Member& member : answer.member()) {
      const auto address = parse_address(member.address());
      if (!address.ok()) continue;
      for (const std::uint32_t shard : member.shard()) {
        shards_[ShardId(shard)] = Place{member.name(), address.value(), member.online()};
      }
      if (address.value() == self_) continue;
      if (member.online()) addresses_.push_back(member.address());
      if (member.online()) peers_.push_back(address.value());
    }
  }

  struct Place {
    std::string name;
    Address address;
    bool online = false;
  };
  // Null when the center has not named the shard.
  [[nodiscard]] const Place* find(ShardId shard) const {
    const auto found = shards_.find(shard);
    return found == shards_.end() ? nullptr : &found->second;
  }
  // HOST:PORT of every manager that is up, this one first.
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  [[nodiscard]] const std::vector<Address>& peers() const { return peers_; }

 private:
  Address self_;
  std::vector<std::string> addresses_{self_.to_string()};
  std::vector<Address> peers_;
  std::map<ShardId, Place> shards_;
};

}  // namespace baton::manager
