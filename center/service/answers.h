// Views of the ledger in the wire form that clients and managers see.
#pragma once

#include "proto/broker.pb.h"
#include "proto/center.pb.h"

#include "center/core/views.h"
#include "center/service/manager_liveness.h"
#include "center/storage/task_history.h"

namespace baton::center {

// `manager` is the name of the one that keeps the payload; empty when its shard was removed.
void encode_view(const TaskView& view, const std::string& manager, v1::TaskInfo* wire);
void encode_view(const QueueView& view, v1::QueueInfo* wire);
void encode_view(const QueueDetailView& view, v1::QueueDetail* wire);
// `beat` may be null: nothing was heard of it yet.
void encode_view(const ManagerView& view, const ManagerLiveness::Beat* beat, v1::ManagerInfo* wire);
void encode_view(const SessionView& view, SessionId session, v1::ResyncState* wire);
void encode_view(const HistoryPage& page, v1::HistoryPage* wire);
void encode_view(const LiveOffsets& view, v1::LiveAnswer* wire);
void encode_member(const ManagerView& view, v1::Member* wire);

}  // namespace baton::center
