#include "tests/sim/cluster/sim_rogue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/broker.pb.h"

#include "common/base/check.h"
#include "common/net/frame.h"
#include "tests/sim/cluster/sim_notes.h"
#include "tests/support/draw.h"
#include "tests/support/history_notes.h"

namespace baton::sim {
namespace {

constexpr std::uint64_t kGreed = 3;  // tasks it wants beyond those it has taken

std::vector<Address> parsed(const std::vector<std::string>& managers) {
  std::vector<Address> addresses;
  for (const std::string& text : managers) addresses.push_back(parse_address(text).value());
  return addresses;
}

check::Outcome outcome_of(const v1::OperationOutcome& outcome) {
  return sim::outcome_of(error_code_from_wire(outcome.code()), outcome.finished_unknown());
}

}  // namespace

SimRogue::SimRogue(SimWorld& world, std::string host, std::vector<std::string> managers)
    : SimClient(world, std::move(host), managers), managers_(parsed(managers)) {}

void SimRogue::on_start() {
  attached_ = false;
  ChannelOptions options;
  options.addresses = managers_;
  options.what = "manager";
  ChannelEvents events;
  events.on_open = [this](const v1::HelloOk&) {
    on_open();
    return Status();
  };
  events.on_frame = [this](const Frame& frame) { on_frame(frame); };
  events.on_closed = [this](const Status&) { attached_ = false; };
  channel_ = Channel::create(loop(), transport(), logger(), random_.next(), std::move(options),
                             std::move(events));
  channel_->start();
  act_now_and_then();
}

void SimRogue::on_open() {
  process_ = world_.next_process();
  taken_ = 0;
  last_seq_ = 0;
  stated_total_ = anticipated_ = 0;
  open_.clear();  // nobody will ever know
  sent_.clear();
  const Uuid session = random_.uuid();
  v1::Attach attach;
  attach.mutable_session()->set_hi(session.hi);
  attach.mutable_session()->set_lo(session.lo);
  attach.set_conn_epoch(1);
  attach.set_consumer(host());
  channel_->send(v1::ATTACH, channel_->next_request_id(), attach);
  channel_->set_outstanding(true);
}

void SimRogue::on_frame(const Frame& frame) {
  if (frame.type == v1::ATTACHED) {
    v1::Attached attached;
    BATON_CHECK(parse_metadata(frame.metadata, attached).ok());
    attached_ = attached.code() == v1::OK;
    if (attached_) demand();
  } else if (frame.type == v1::TASKS) {
    on_tasks(frame);
  } else if (frame.type == v1::OPERATIONS_DONE) {
    on_operations_done(frame);
  }
}

void SimRogue::on_tasks(const Frame& frame) {
  v1::Tasks tasks;
  BATON_CHECK(parse_metadata(frame.metadata, tasks).ok());
  std::string_view rest = frame.payload;
  for (const v1::Delivery& delivery : tasks.delivery()) {
    const std::string_view payload = rest.substr(0, delivery.length());
    const std::string_view checkpoint =
        rest.substr(delivery.length(), delivery.checkpoint_length());
    rest.remove_prefix(delivery.length() + delivery.checkpoint_length());
    taken_++;
    const std::uint64_t allowed = stated_total_ + anticipated_;
    if (delivery.number() > allowed) {
      world_.fail(host() + " allowed " + std::to_string(allowed) + " grants and got number " +
                      std::to_string(delivery.number()),
                  TaskId(delivery.task()));
    }
    check::Event event = claim_event(check::Action::kDelivery, world_.scheduler.now(), process_,
                                     TaskId(delivery.task()), Token(delivery.token()));
    event.attempt = delivery.attempt();
    event.lease_ms = delivery.lease_ms();
    add_payload(event, payload);
    name_copy(event, TaskId(delivery.options().retry_of()), delivery.options().type());
    if (world_.plan.life.on)
      world_.tasks.book.handed(event.token, std::string(checkpoint), delivery.expiries());
    world_.history.note(event);
    loot_.push_back({event.task, event.token});
  }
}

void SimRogue::on_operations_done(const Frame& frame) {
  v1::OperationsDone done;
  BATON_CHECK(parse_metadata(frame.metadata, done).ok());
  for (const v1::OperationOutcome& outcome : done.outcome()) {
    const auto asked = open_.find(outcome.seq());
    if (asked == open_.end()) continue;
    const check::Outcome result = outcome_of(outcome);
    if (result == check::Outcome::kOk) world_.sometimes.happened("rogue operation accepted");
    if (result == check::Outcome::kFail) world_.sometimes.happened("rogue operation refused");
    world_.history.end(asked->second, world_.scheduler.now(), result);
    open_.erase(asked);
    const bool raised = result != check::Outcome::kFail;
    if (sent_.at(outcome.seq()).wants_next() && !raised) anticipated_--;
    sent_.erase(outcome.seq());
  }
}

void SimRogue::demand() {
  v1::Demand demand;
  demand.set_line(1);
  demand.set_queue("q" + std::to_string(process_ % world_.plan.queues));
  demand.set_lease_ms(static_cast<std::uint32_t>(kLeaseMin.count()));
  // Now and then an old total once more, which must change nothing: the highest counts.
  const std::uint64_t total = taken_ + kGreed;
  demand.set_total(random_.one_in(4) ? 1 + random_.below(total) : total);
  stated_total_ = std::max<std::uint64_t>(stated_total_, demand.total());
  channel_->send(v1::DEMAND, channel_->next_request_id(), demand);
}

void SimRogue::act_now_and_then() {
  loop().call_after(up_to(random_, 1500ms), [this] {
    if (attached_ && retired_) heartbeat();
    if (attached_ && !retired_) {
      demand();
      if (random_.one_in(4)) repeat_one();
      if (random_.one_in(4)) heartbeat();
      // The latest is probably still its own, the others hardly.
      const bool latest = random_.one_in(4);
      if (!loot_.empty()) act_on(latest ? loot_.back() : loot_[random_.below(loot_.size())]);
    }
    act_now_and_then();
  });
}

void SimRogue::act_on(const Loot& loot) {
  using enum OperationKind;
  const OperationKind kind = one_of(random_, {kAck, kAck, kAck, kNack, kRelease, kExtend});
  check::Event event =
      claim_event(action_of(kind), world_.scheduler.now(), process_, loot.task, loot.token);
  if (kind == kExtend) event.lease_ms = static_cast<std::uint32_t>(kLeaseMin.count());
  const std::uint64_t seq = ++last_seq_;
  open_[seq] = world_.history.invoke(event);

  v1::Operations operations;
  operations.set_answered_through(open_.begin()->first - 1);
  v1::Operation& operation = *operations.add_operation();
  operation.set_seq(seq);
  operation.set_kind(static_cast<v1::OperationKind>(kind));
  operation.set_task(loot.task.value());
  operation.set_token(loot.token.value());
  operation.set_started(true);
  // An extension ends no claim and so frees nothing.
  operation.set_wants_next(kind != kExtend && random_.one_in(2));
  if (operation.wants_next()) anticipated_++;
  operation.set_lease_ms(static_cast<std::uint32_t>(kLeaseMin.count()));
  sent_[seq] = operation;
  channel_->send(v1::OPERATIONS, channel_->next_request_id(), operations);
}

// The same operation once more: it has no second effect, and gets the first answer.
void SimRogue::repeat_one() {
  if (sent_.empty()) return;
  const auto chosen =
      std::next(sent_.begin(), static_cast<std::ptrdiff_t>(random_.below(sent_.size())));
  v1::Operations operations;
  operations.set_answered_through(open_.begin()->first - 1);
  *operations.add_operation() = chosen->second;
  channel_->send(v1::OPERATIONS, channel_->next_request_id(), operations);
  world_.sometimes.happened("rogue operation repeated");
}

// Renews some of what it has, and nothing else. Retired, it only shows that it lives.
void SimRogue::heartbeat() {
  v1::Heartbeat heartbeat;
  heartbeat.add_token(1);  // long gone
  if (!retired_) {
    for (const Loot& loot : loot_) {
      if (random_.one_in(4) && heartbeat.token_size() < 16) heartbeat.add_token(loot.token.value());
    }
  }
  channel_->send(v1::HEARTBEAT, channel_->next_request_id(), heartbeat);
}

}  // namespace baton::sim
