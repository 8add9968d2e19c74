// PeerLinks: channels to the other managers, for payloads and result records that are kept there.
//
// A link exists to every manager that the center calls up, and tells it how far this manager's
// shards are durable (R2: register compares). Fetches on a link are in flight together; when the
// link breaks, or no answer comes in time, they fail.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/peer.pb.h"

#include "common/base/ids.h"
#include "common/net/channel.h"
#include "manager/service/members.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class PeerLinks {
 public:
  // `refresh_members` asks the center for its members now; update() follows when it answers.
  PeerLinks(ServiceContext& context, Transport& transport, ShardLogs& logs, const Members& members,
            std::function<void()> refresh_members);

  // One entry per task asked for, in order. A whole fetch that failed: every entry unavailable. A
  // shard that is not known yet is asked for first.
  void fetch_tasks(ShardId shard, const std::vector<TaskId>& tasks,
                   std::function<void(LogStore::Tasks)> done);
  void fetch_result(ShardId shard, const ResultRecordId& id,
                    std::function<void(Result<ResultContent>)> done);

  // The members are others now: opens links to new ones, closes those to members that are gone.
  void update();
  // Sends how far the shards here are durable, where that has changed.
  void beat();
  void stop();

 private:
  // A task or a result, whichever was asked for.
  struct Record {
    std::string bytes;
    TaskOptions options;
    std::string content_type;
  };
  using Fetched = std::function<void(std::vector<Result<Record>>)>;
  struct PendingFetch {
    std::size_t items = 0;
    Fetched done;
    Loop::TimerId timer = 0;
  };
  // For a shard that the center has not named yet.
  struct UnplacedFetch {
    std::uint64_t id = 0;
    ShardId shard;
    v1::PeerFetch request;
    PendingFetch pending;
  };
  struct Link {
    Address address;
    std::unique_ptr<Channel> channel;
    std::map<std::uint64_t, PendingFetch> fetches;
    // Asked while the channel was connecting.
    std::vector<std::pair<v1::PeerFetch, PendingFetch>> waiting;
    std::map<ShardId, Offset> told;
  };

  Link& open_link(const Address& address);
  void fetch(ShardId shard, v1::PeerFetch request, PendingFetch pending);
  void ask_where(ShardId shard, v1::PeerFetch request, PendingFetch pending);
  void place_waiting();
  void give_up_unplaced(std::uint64_t id);
  void post_failed(PendingFetch pending, const char* why);
  void send(Link& link, const v1::PeerFetch& request, PendingFetch pending);
  void on_open(Link& link);
  void on_frame(Link& link, const Frame& frame);
  void on_fetched(Link& link, const Frame& frame);
  void finish(Link& link, std::uint64_t request, std::vector<Result<Record>> items);
  void fail_all(Link& link);
  static std::vector<Result<Record>> failed(std::size_t items, const char* why);

  ServiceContext& context_;
  Transport& transport_;
  ShardLogs& logs_;
  const Members& members_;
  const std::function<void()> refresh_members_;
  std::vector<UnplacedFetch> unplaced_;  // the oldest first
  std::uint64_t last_unplaced_ = 0;
  std::map<std::string, std::unique_ptr<Link>> links_;  // by address
  bool stopped_ = false;
};

}  // namespace baton::manager
