#include "manager/service/peer_links.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

// A peer that is alive answers from its disk well within this; a dead one is noticed by the
// channel.
constexpr Duration kFetchTimeout = std::chrono::seconds(2);
// A grant that waits longer for a connection is better given to somebody else.
constexpr Duration kConnectPatience = kPeerDeadAfter;
constexpr std::size_t kWaitingMax = 1024;

}  // namespace

PeerLinks::PeerLinks(ServiceContext& context, Transport& transport, ShardLogs& logs,
                     const Members& members, std::function<void()> refresh_members)
    : context_(context),
      transport_(transport),
      logs_(logs),
      members_(members),
      refresh_members_(std::move(refresh_members)) {}

void PeerLinks::fetch_tasks(ShardId shard, const std::vector<TaskId>& tasks,
                            std::function<void(LogStore::Tasks)> done) {
  v1::PeerFetch request;
  for (const TaskId task : tasks) request.add_task(task.value());
  const auto hand_on = [done = std::move(done)](std::vector<Result<Record>> records) {
    LogStore::Tasks found;
    found.reserve(records.size());
    for (Result<Record>& record : records) {
      if (!record.ok()) {
        found.emplace_back(record.status());
        continue;
      }
      found.emplace_back(
          StoredTask{std::move(record.value().bytes), std::move(record.value().options)});
    }
    done(std::move(found));
  };
  fetch(shard, std::move(request), {tasks.size(), hand_on, 0});
}

void PeerLinks::fetch_result(ShardId shard, const ResultRecordId& id,
                             std::function<void(Result<ResultContent>)> done) {
  v1::PeerFetch request;
  v1::FetchResult& result = *request.add_result();
  result.set_task(id.task.value());
  result.set_token(id.token.value());
  result.set_kind(to_wire(id.kind));
  result.set_shard(shard.value());
  result.set_lsn(id.lsn.value());
  const auto hand_on = [done = std::move(done)](std::vector<Result<Record>> records) {
    Result<Record>& record = records.front();
    if (!record.ok()) return done(record.status());
    done(ResultContent{std::move(record.value().bytes), std::move(record.value().content_type)});
  };
  fetch(shard, std::move(request), {1, hand_on, 0});
}

void PeerLinks::fetch(ShardId shard, v1::PeerFetch request, PendingFetch pending) {
  const Members::Place* place = members_.find(shard);
  if (place == nullptr) return ask_where(shard, std::move(request), std::move(pending));
  if (stopped_) return post_failed(std::move(pending), "the manager is stopping");
  Link& link = open_link(place->address);
  if (link.channel->is_open()) return send(link, request, std::move(pending));
  if (link.waiting.size() >= kWaitingMax) {
    return post_failed(std::move(pending), "too much waits for a manager that does not answer");
  }
  link.waiting.emplace_back(std::move(request), std::move(pending));
  if (link.waiting.size() > 1) return;
  context_.call_after(kConnectPatience, [this, address = place->address.to_string()] {
    const auto found = links_.find(address);
    if (found != links_.end() && !found->second->channel->is_open()) fail_all(*found->second);
  });
}

// Right after a start the member list is empty, and later up to a second old.
void PeerLinks::ask_where(ShardId shard, v1::PeerFetch request, PendingFetch pending) {
  if (stopped_ || unplaced_.size() >= kWaitingMax) {
    return post_failed(std::move(pending), "the manager that keeps it is not known");
  }
  const std::uint64_t id = ++last_unplaced_;
  pending.timer = context_.call_after(kConnectPatience, [this, id] { give_up_unplaced(id); });
  unplaced_.push_back({id, shard, std::move(request), std::move(pending)});
  refresh_members_();
}

void PeerLinks::place_waiting() {
  for (UnplacedFetch& waiting : std::exchange(unplaced_, {})) {
    if (members_.find(waiting.shard) == nullptr) {
      unplaced_.push_back(std::move(waiting));
      continue;
    }
    context_.loop.cancel(std::exchange(waiting.pending.timer, 0));
    fetch(waiting.shard, std::move(waiting.request), std::move(waiting.pending));
  }
}

void PeerLinks::give_up_unplaced(std::uint64_t id) {
  const auto found = std::find_if(unplaced_.begin(), unplaced_.end(),
                                  [id](const UnplacedFetch& fetch) { return fetch.id == id; });
  if (found == unplaced_.end()) return;
  const PendingFetch pending = std::move(found->pending);
  unplaced_.erase(found);
  pending.done(failed(pending.items, "the manager that keeps it is not known"));
}

void PeerLinks::post_failed(PendingFetch pending, const char* why) {
  context_.post(
      [items = pending.items, done = std::move(pending.done), why] { done(failed(items, why)); });
}

PeerLinks::Link& PeerLinks::open_link(const Address& address) {
  std::unique_ptr<Link>& slot = links_[address.to_string()];
  if (slot) return *slot;
  slot = std::make_unique<Link>();
  Link& link = *slot;
  link.address = address;
  ChannelOptions options;
  options.addresses = {address};
  options.role = v1::ROLE_MANAGER;
  options.what = "peer";
  options.connect_timeout = kConnectPatience;
  ChannelEvents events;
  events.fill_hello = [this](v1::Hello& hello) {
    const Identity& identity = logs_.identity();
    to_wire(identity.cluster, hello.mutable_cluster());
    to_wire(identity.store, hello.mutable_store());
    hello.set_name(identity.name);
  };
  events.on_open = [this, &link](const v1::HelloOk& hello) {
    if (ClusterId(from_wire(hello.cluster())) != logs_.identity().cluster) {
      return Status(ErrorCode::kConflict, "the manager belongs to another cluster");
    }
    on_open(link);
    return Status();
  };
  events.on_frame = [this, &link](const Frame& frame) { on_frame(link, frame); };
  events.on_closed = [this, &link](const Status&) { fail_all(link); };
  link.channel = Channel::create(context_.loop, transport_, context_.logger, context_.random.next(),
                                 std::move(options), std::move(events));
  link.channel->start();
  return link;
}

void PeerLinks::on_open(Link& link) {
  link.told.clear();
  for (auto& [request, pending] : std::exchange(link.waiting, {})) {
    send(link, request, std::move(pending));
  }
}

void PeerLinks::send(Link& link, const v1::PeerFetch& request, PendingFetch pending) {
  const std::uint64_t id = link.channel->next_request_id();
  pending.timer = context_.call_after(kFetchTimeout, [this, id,
                                                      address = link.address.to_string()] {
    const auto found = links_.find(address);
    if (found == links_.end()) return;
    const auto late = found->second->fetches.find(id);
    if (late == found->second->fetches.end()) return;
    finish(*found->second, id, failed(late->second.items, "the manager did not answer in time"));
  });
  link.fetches.emplace(id, std::move(pending));
  link.channel->set_outstanding(true);
  link.channel->send(v1::PEER_FETCH, id, request);
}

void PeerLinks::on_frame(Link& link, const Frame& frame) {
  if (frame.type == v1::PEER_FETCHED) return on_fetched(link, frame);
  const auto found = link.fetches.find(frame.request_id);
  if (frame.type != v1::ERROR || found == link.fetches.end()) return;
  finish(link, frame.request_id, failed(found->second.items, "the manager refused to serve it"));
}

void PeerLinks::on_fetched(Link& link, const Frame& frame) {
  const auto found = link.fetches.find(frame.request_id);
  if (found == link.fetches.end()) return;
  v1::PeerFetched fetched;
  Status status = parse_metadata(frame.metadata, fetched);
  if (status.ok() && static_cast<std::size_t>(fetched.item_size()) != found->second.items) {
    status = Status(ErrorCode::kInvalidArgument, "the answer has another number of items");
  }
  std::vector<std::uint32_t> lengths;
  for (const v1::FetchedItem& item : fetched.item()) {
    lengths.push_back(item.code() == v1::OK ? item.length() : 0);
  }
  auto pieces = cut_payload(frame.payload, lengths);
  if (status.ok()) status = pieces.status();
  if (!status.ok()) return link.channel->reconnect(status);

  std::vector<Result<Record>> items;
  items.reserve(lengths.size());
  for (int i = 0; i < fetched.item_size(); ++i) {
    const v1::FetchedItem& item = fetched.item(i);
    if (item.code() == v1::OK) {
      items.emplace_back(Record{std::string(pieces.value()[static_cast<std::size_t>(i)]),
                                task_options_from_wire(item.options()), item.content_type()});
    } else {
      items.emplace_back(Status(from_wire(item.code()), "at the peer"));
    }
  }
  finish(link, frame.request_id, std::move(items));
}

void PeerLinks::finish(Link& link, std::uint64_t request, std::vector<Result<Record>> items) {
  const auto found = link.fetches.find(request);
  PendingFetch pending = std::move(found->second);
  link.fetches.erase(found);
  context_.loop.cancel(pending.timer);
  link.channel->set_outstanding(!link.fetches.empty());
  pending.done(std::move(items));
}

void PeerLinks::fail_all(Link& link) {
  for (auto& [request, pending] : std::exchange(link.waiting, {})) {
    pending.done(failed(pending.items, "the manager that keeps it does not answer"));
  }
  for (auto& [id, pending] : std::exchange(link.fetches, {})) {
    context_.loop.cancel(pending.timer);
    pending.done(failed(pending.items, "the manager that keeps it does not answer"));
  }
}

std::vector<Result<PeerLinks::Record>> PeerLinks::failed(std::size_t items, const char* why) {
  return {items, Result<Record>(Status(ErrorCode::kUnavailable, why))};
}

void PeerLinks::update() {
  if (stopped_) return;
  const std::vector<Address>& peers = members_.peers();
  for (const Address& address : peers) open_link(address);
  std::erase_if(links_, [&peers](auto& entry) {
    Link& link = *entry.second;
    if (std::find(peers.begin(), peers.end(), link.address) != peers.end()) return false;
    if (!link.fetches.empty() || !link.waiting.empty()) return false;  // closed at the next update
    return true;
  });
  place_waiting();
}

void PeerLinks::beat() {
  for (auto& [address, link] : links_) {
    if (!link->channel->is_open()) continue;
    v1::PeerBeat beat;
    for (const auto& [shard, log] : logs_.all()) {
      Offset& told = link->told[shard];
      if (told == log->durable_end()) continue;
      told = log->durable_end();
      v1::ShardEnd& end = *beat.add_end();
      end.set_shard(shard.value());
      end.set_durable_end(told.value());
    }
    if (beat.end_size() > 0) link->channel->send(v1::PEER_BEAT, 0, beat);
  }
}

void PeerLinks::stop() {
  stopped_ = true;
  for (auto& [address, link] : links_) {
    link->channel->stop(Status(ErrorCode::kUnavailable, "the manager is stopping"));
  }
}

}  // namespace baton::manager
