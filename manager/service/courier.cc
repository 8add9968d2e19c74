#include "manager/service/courier.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "common/base/limits.h"
#include "manager/service/wire.h"

namespace baton::manager {

std::size_t Courier::Parcel::bytes() const {
  const TaskOptions& options = task.options;
  return task.payload.size() + checkpoint.size() + options.type.size() + options.key.size() +
         options.order_key.size() + options.fair_key.size();
}

Courier::Courier(ServiceContext& context, ShardLogs& logs, PeerLinks& peers, RecordSource& records,
                 SessionRelay& relay, std::size_t frame_bytes_max,
                 std::function<void()> relay_changed)
    : context_(context),
      logs_(logs),
      peers_(peers),
      records_(records),
      relay_(relay),
      payload_bytes_per_frame_(frame_bytes_max - kFrameMetadataBytesMax),
      relay_changed_(std::move(relay_changed)) {}

void Courier::lost(const std::set<Token>& tokens) {
  table_.mark_lost(tokens);
  const auto mark = [&tokens](Parcel& parcel) {
    if (tokens.contains(parcel.delivery.grant.token)) parcel.delivery.lost = true;
  };
  for (const auto& parcel : without_checkpoint_) mark(*parcel);
  for (auto& [connection, parcels] : unread_) std::ranges::for_each(parcels, mark);
}

void Courier::pump() {
  // A connection that is gone needs no payload, but its grants must be given back: they go on too.
  const auto may_deliver = [this](ConnectionId connection) {
    const Peer* peer = server_->find(connection);
    if (peer == nullptr) return true;
    return !peer->is_behind() && !unread_.contains(connection);
  };
  while (auto fetch = table_.next_fetch(may_deliver)) start(*fetch);
}

void Courier::go_on(ConnectionId connection) {
  if (const auto waiting = unread_.find(connection); waiting != unread_.end()) {
    hand_over(connection, waiting->second);
    if (waiting->second.empty()) unread_.erase(waiting);
  }
  relay_changed_();
  pump();
}

void Courier::start(const DeliveryTable::Fetch& fetch) {
  LogStore* log = logs_.find(fetch.shard);
  if (log == nullptr) {
    peers_.fetch_tasks(fetch.shard, fetch.tasks, [this, id = fetch.id](LogStore::Tasks tasks) {
      on_tasks(id, false, std::move(tasks));
    });
    return;
  }
  std::vector<Offset> offsets;
  offsets.reserve(fetch.tasks.size());
  for (const TaskId task : fetch.tasks) offsets.push_back(task.offset());
  log->read_tasks(std::move(offsets), payload_bytes_per_frame_,
                  context_.guarded([this, id = fetch.id](LogStore::Tasks tasks) {
                    on_tasks(id, true, std::move(tasks));
                  }));
}

void Courier::on_tasks(std::uint64_t fetch, bool local, LogStore::Tasks tasks) {
  std::vector<ErrorCode> codes;
  codes.reserve(tasks.size());
  std::size_t bytes = 0;
  for (const Result<StoredTask>& task : tasks) {
    codes.push_back(task.ok() ? ErrorCode::kOk : task.status().code());
    if (task.ok()) bytes += task.value().payload.size();
  }
  std::vector<DeliveryTable::Item> items = table_.finish(fetch, codes, bytes);

  std::map<ConnectionId, std::deque<Parcel>> parcels;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Deliver& delivery = items[i].delivery;
    // Also its payload may be gone by right: the task may have ended elsewhere, and been collected.
    if (items[i].fate != DeliveryTable::Fate::kAgain && drop_if_lost(delivery)) continue;
    switch (items[i].fate) {
      case DeliveryTable::Fate::kDeliver: {
        if (!local) ++context_.metrics.claims_delivered_from_peers;
        Parcel parcel{delivery, std::move(tasks[i]).value(), ""};
        if (delivery.grant.checkpoint) {
          fetch_checkpoint(std::move(parcel));
        } else {
          parcels[delivery.connection].push_back(std::move(parcel));
        }
        break;
      }
      case DeliveryTable::Fate::kDamaged:
        context_.logger.error("payload damaged",
                              {kv("task", delivery.grant.task), kv("status", tasks[i].status())});
        give_back(delivery, GiveBackReason::kDamaged);
        break;
      case DeliveryTable::Fate::kUnreachable:
        give_back(delivery, GiveBackReason::kUnreachable);
        break;
      case DeliveryTable::Fate::kAgain:
        break;  // it waits in the table
    }
  }
  for (auto& [connection, group] : parcels) deliver(connection, std::move(group));
  relay_changed_();
  pump();
}

void Courier::fetch_checkpoint(Parcel parcel) {
  ++checkpoints_;
  const SessionGrant& grant = parcel.delivery.grant;
  const ShardId shard = grant.checkpoint.shard;
  const ResultRecordId id{grant.task, grant.checkpoint.token, RecordKind::kCheckpoint,
                          grant.checkpoint.lsn};
  auto waiting = std::make_shared<Parcel>(std::move(parcel));
  without_checkpoint_.insert(waiting);
  records_.fetch_result(shard, id, [this, waiting](Result<ResultContent> found) {
    without_checkpoint_.erase(waiting);
    on_checkpoint(std::move(*waiting), std::move(found));
  });
}

void Courier::on_checkpoint(Parcel parcel, Result<ResultContent> found) {
  --checkpoints_;
  const ConnectionId connection = parcel.delivery.connection;
  const ErrorCode code = found.status().code();
  if (found.ok()) {
    parcel.checkpoint = std::move(found.value().bytes);
  } else if (code == ErrorCode::kNotFound || code == ErrorCode::kDataLoss) {
    // The work begins anew, which is what happens without checkpoints.
    context_.logger.error("checkpoint lost",
                          {kv("task", parcel.delivery.grant.task), kv("status", found.status())});
  } else {
    give_back(parcel.delivery, GiveBackReason::kUnreachable);
    return relay_changed_();
  }
  std::deque<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  deliver(connection, std::move(parcels));
  relay_changed_();
}

void Courier::deliver(ConnectionId connection, std::deque<Parcel> parcels) {
  if (const auto waiting = unread_.find(connection); waiting != unread_.end()) {
    std::move(parcels.begin(), parcels.end(), std::back_inserter(waiting->second));
    return;
  }
  hand_over(connection, parcels);
  if (!parcels.empty()) unread_[connection] = std::move(parcels);
}

void Courier::hand_over(ConnectionId connection, std::deque<Parcel>& parcels) {
  Peer* peer = server_->find(connection);
  // The session of the grant, not only the connection: it may have attached another one meanwhile.
  if (peer == nullptr || relay_.session_of(connection) != parcels.front().delivery.grant.session) {
    for (const Parcel& parcel : parcels) give_back(parcel.delivery, GiveBackReason::kUndelivered);
    return parcels.clear();
  }
  std::erase_if(parcels, [this](const Parcel& parcel) { return drop_if_lost(parcel.delivery); });
  while (!parcels.empty() && !peer->is_behind()) {
    std::vector<Parcel> frame;
    std::size_t bytes = 0;
    while (!parcels.empty() && frame.size() < kBatchItemsMax) {
      bytes += parcels.front().bytes();
      if (!frame.empty() && bytes > payload_bytes_per_frame_) break;
      frame.push_back(std::move(parcels.front()));
      parcels.pop_front();
    }
    send(*peer, frame);
  }
}

void Courier::send(Peer& peer, const std::vector<Parcel>& parcels) {
  tasks_.Clear();
  pieces_.clear();
  tasks_.set_conn_epoch(parcels.front().delivery.grant.conn_epoch.value());
  for (const Parcel& parcel : parcels) {
    v1::Delivery& delivery = *tasks_.add_delivery();
    to_wire(parcel.delivery.grant, parcel.task.payload.size(), delivery);
    to_delivery_options(parcel.task.options, delivery);
    delivery.set_checkpoint_length(static_cast<std::uint32_t>(parcel.checkpoint.size()));
    pieces_.push_back(parcel.task.payload);
    if (!parcel.checkpoint.empty()) pieces_.push_back(parcel.checkpoint);
  }
  peer.send(v1::TASKS, 0, tasks_, pieces_);
  context_.metrics.claims_delivered += parcels.size();
  for (const Parcel& parcel : parcels) {
    relay_.delivered(parcel.delivery.grant);
  }
}

bool Courier::drop_if_lost(const Deliver& delivery) {
  if (delivery.lost) relay_.lost_undelivered(delivery.grant);
  return delivery.lost;
}

void Courier::give_back(const Deliver& delivery, GiveBackReason reason) {
  switch (reason) {
    case GiveBackReason::kUndelivered:
      ++context_.metrics.given_back_undelivered;
      break;
    case GiveBackReason::kUnreachable:
      ++context_.metrics.given_back_unreachable;
      break;
    case GiveBackReason::kDamaged:
      ++context_.metrics.given_back_damaged;
      break;
  }
  relay_.undeliverable(delivery.grant, reason);
}

}  // namespace baton::manager
