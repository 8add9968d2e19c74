#include "manager/service/peer_service.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr std::size_t kShardsTrackedMax = 4096;  // of a cluster; beyond it the newest are not noted

// Also what stands for an item before its read came back: "not here, ask again" is never wrong.
Status not_here() { return Status(ErrorCode::kRetryLater, "this manager does not keep the shard"); }

}  // namespace

Status PeerService::on_fetch(Peer& peer, const Frame& frame) {
  v1::PeerFetch request;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, request));
  BATON_RETURN_IF_ERROR(
      check_items("task and result", request.task_size() + request.result_size(), kBatchItemsMax));
  auto fetch = std::make_shared<Fetch>();
  fetch->peer = peer.id();
  fetch->request = frame.request_id;
  fetch->items.assign(static_cast<std::size_t>(request.task_size() + request.result_size()),
                      not_here());
  fetch->open = 1;  // this call's own, so that a store that answers at once cannot finish it early
  read_tasks(fetch, request);
  read_results(fetch, request);
  finish(fetch);
  return {};
}

void PeerService::read_tasks(const std::shared_ptr<Fetch>& fetch, const v1::PeerFetch& request) {
  struct Read {
    std::vector<Offset> offsets;
    std::vector<std::size_t> items;
  };
  std::map<ShardId, Read> reads;
  for (int i = 0; i < request.task_size(); ++i) {
    const TaskId task(request.task(i));
    Read& read = reads[task.shard()];
    read.offsets.push_back(task.offset());
    read.items.push_back(static_cast<std::size_t>(i));
  }
  for (auto& [shard, read] : reads) {
    LogStore* log = logs_.find(shard);
    if (log == nullptr) continue;
    ++fetch->open;
    log->read_tasks(
        std::move(read.offsets), (frame_bytes_max_ - kFrameMetadataBytesMax) / reads.size(),
        context_.guarded([this, fetch, items = std::move(read.items)](LogStore::Tasks tasks) {
          for (std::size_t i = 0; i < items.size(); ++i) {
            Result<StoredTask>& task = tasks[i];
            fetch->items[items[i]] =
                task.ok() ? Result<Record>(Record{std::move(task.value().payload),
                                                  std::move(task.value().options), ""})
                          : task.status();
          }
          finish(fetch);
        }));
  }
}

void PeerService::read_results(const std::shared_ptr<Fetch>& fetch, const v1::PeerFetch& request) {
  const auto results_max =
      static_cast<int>((frame_bytes_max_ - kFrameMetadataBytesMax) / kResultBytesMax + 1);
  for (int i = 0; i < std::min(request.result_size(), results_max); ++i) {
    const v1::FetchResult& wanted = request.result(i);
    LogStore* log = logs_.find(ShardId(wanted.shard()));
    if (log == nullptr) continue;
    ++fetch->open;
    const auto item = static_cast<std::size_t>(request.task_size() + i);
    log->read_record(
        {TaskId(wanted.task()), Token(wanted.token()), from_wire(wanted.kind()), Lsn(wanted.lsn())},
        context_.guarded([this, fetch, item](Result<ResultContent> found) {
          fetch->items[item] =
              found.ok() ? Result<Record>(Record{std::move(found.value().bytes), TaskOptions(),
                                                 std::move(found.value().content_type)})
                         : found.status();
          finish(fetch);
        }));
  }
}

void PeerService::finish(const std::shared_ptr<Fetch>& fetch) {
  if (--fetch->open == 0) answer(*fetch);
}

// Cut short where the frame is full: the rest is retry_later, the peer asks for it again.
void PeerService::answer(const Fetch& fetch) {
  Peer* peer = server_->find(fetch.peer);
  if (peer == nullptr) return;
  v1::PeerFetched answer;
  std::vector<std::string_view> payload;
  std::size_t room = frame_bytes_max_ - kFrameMetadataBytesMax;
  for (const Result<Record>& item : fetch.items) {
    v1::FetchedItem& out = *answer.add_item();
    if (!item.ok()) {
      out.set_code(to_wire(item.status().code()));
      continue;
    }
    const Record& record = item.value();
    if (record.options != TaskOptions()) to_wire(record.options, out.mutable_options());
    out.set_content_type(record.content_type);
    // Options may be longer than the payload.
    const std::size_t bytes = record.bytes.size() + out.ByteSizeLong();
    if (bytes > room) {
      out.Clear();
      out.set_code(v1::RETRY_LATER);
      continue;
    }
    room -= bytes;
    out.set_length(static_cast<std::uint32_t>(record.bytes.size()));
    payload.push_back(record.bytes);
    ++context_.metrics.payloads_served;
  }
  peer->send(v1::PEER_FETCHED, fetch.request, answer, payload);
}

Status PeerService::on_beat(const Frame& frame) {
  v1::PeerBeat beat;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, beat));
  for (const v1::ShardEnd& end : beat.end()) {
    const ShardId shard(end.shard());
    if (!ends_.contains(shard) && ends_.size() >= kShardsTrackedMax) continue;
    Offset& known = ends_[shard];
    known = std::max(known, Offset(end.durable_end()));
  }
  return {};
}

}  // namespace baton::manager
