// PeerService: what other managers ask of this one: payloads, result records, and telling how far
// their shards are durable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/peer.pb.h"

#include "common/base/ids.h"
#include "common/net/server.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class PeerService {
 public:
  PeerService(ServiceContext& context, ShardLogs& logs, std::size_t frame_bytes_max)
      : context_(context), logs_(logs), frame_bytes_max_(frame_bytes_max) {}

  void set_server(Server& server) { server_ = &server; }

  // Not ok: not understood (see ServerHandler::on_frame).
  Status on_fetch(Peer& peer, const Frame& frame);
  Status on_beat(const Frame& frame);

  // The highest durable end that any peer told of each shard: what a center must hear before it
  // believes a store that says less.
  [[nodiscard]] const std::map<ShardId, Offset>& durable_ends() const { return ends_; }

 private:
  // A task or a result.
  struct Record {
    std::string bytes;
    TaskOptions options;
    std::string content_type;
  };
  struct Fetch {
    PeerId peer = 0;
    std::uint64_t request = 0;
    std::vector<Result<Record>> items;
    std::size_t open = 0;  // reads without an answer
  };

  void read_tasks(const std::shared_ptr<Fetch>& fetch, const v1::PeerFetch& request);
  void read_results(const std::shared_ptr<Fetch>& fetch, const v1::PeerFetch& request);
  void finish(const std::shared_ptr<Fetch>& fetch);
  void answer(const Fetch& fetch);

  ServiceContext& context_;
  ShardLogs& logs_;
  const std::size_t frame_bytes_max_;
  Server* server_ = nullptr;
  std::map<ShardId, Offset> ends_;
};

}  // namespace baton::manager
