#include "tests/support/sim_wire.h"

#include <algorithm>
#include <utility>

#include "tests/support/sim_network.h"

namespace baton::sim {
namespace {

// After this long without an answer the kernel gives a connection up (TCP_USER_TIMEOUT).
constexpr Duration kKernelGivesUp = std::chrono::seconds(15);

Status broken(std::string text) { return {ErrorCode::kUnavailable, std::move(text)}; }

}  // namespace

SimWire::SimWire(SimNetwork& network, std::uint64_t id, std::string connector_host,
                 std::string acceptor_host)
    : network_(network), id_(id) {
  sides_[kConnector].host = std::move(connector_host);
  sides_[kAcceptor].host = std::move(acceptor_host);
}

void SimWire::send(std::size_t side, std::string_view bytes) {
  Side& from = sides_[side];
  if (!from.open || from.gone || bytes.empty()) return;
  from.outstanding += bytes.size();
  Random& random = network_.random();
  while (!bytes.empty()) {
    // Mostly one segment per write; now and then cut anywhere, down to single bytes.
    std::size_t length = bytes.size();
    if (random.one_in(8)) length = 1 + random.below(std::min<std::size_t>(bytes.size(), 64));
    enqueue(side, Kind::kData, std::string(bytes.substr(0, length)));
    bytes.remove_prefix(length);
  }
}

void SimWire::close(std::size_t side) {
  Side& from = sides_[side];
  if (!from.open) return;
  from.open = false;
  from.end.reset();
  if (!from.gone) enqueue(side, Kind::kFin, {});
}

void SimWire::consumed(std::size_t side, std::size_t bytes) {
  Side& sender = sides_[1 - side];
  sender.outstanding -= std::min(sender.outstanding, bytes);
  if (const auto end = sender.end.lock()) end->on_wire_taken();
}

void SimWire::abort(std::size_t side) {
  Side& from = sides_[side];
  if (!from.open || from.gone) return;
  from.open = false;
  from.end.reset();
  Random& random = network_.random();
  if (random.one_in(2)) from.queue.resize(from.queue.size() - random.below(from.queue.size() + 1));
  enqueue(side, Kind::kReset, {});
}

void SimWire::vanish(std::size_t side) {
  Side& from = sides_[side];
  if (from.gone) return;
  from.gone = true;
  from.queue.clear();
  end_side(side, broken("connection lost"));
}

void SimWire::reset() {
  for (Side& side : sides_) side.queue.clear();
  end_side(kConnector, broken("connection reset"));
  end_side(kAcceptor, broken("connection reset"));
}

void SimWire::orphan() {
  for (Side& side : sides_) {
    side.open = false;
    side.queue.clear();
  }
}

void SimWire::kick(std::size_t side) { schedule_pump(side); }

bool SimWire::finished() const {
  const auto quiet = [](const Side& side) {
    return !side.open && (side.gone || side.queue.empty());
  };
  return quiet(sides_[0]) && quiet(sides_[1]);
}

void SimWire::enqueue(std::size_t side, Kind kind, std::string bytes) {
  Side& from = sides_[side];
  const SimTime now = network_.scheduler().now();
  const Duration delay = network_.draw_delay();
  from.last_arrival = std::max(from.last_arrival, now + delay);
  from.queue.push_back(Segment{kind, from.last_arrival, now, std::move(bytes)});
  schedule_pump(side);
}

void SimWire::schedule_pump(std::size_t side) {
  Side& from = sides_[side];
  if (from.pump_scheduled || from.queue.empty()) return;
  from.pump_scheduled = true;
  network_.scheduler().at(from.queue.front().arrives_at, [wire = shared_from_this(), side] {
    wire->sides_[side].pump_scheduled = false;
    wire->pump(side);
  });
}

void SimWire::pump(std::size_t side) {
  Side& from = sides_[side];
  if (from.queue.empty()) return;
  const SimTime now = network_.scheduler().now();
  if (from.queue.front().arrives_at > now) {  // the queue was cleared and filled again meanwhile
    schedule_pump(side);
    return;
  }
  if (!network_.open_way(from.host, sides_[1 - side].host)) {
    give_up_when_stuck(side);  // kick() comes when the way opens
    return;
  }
  Segment segment = std::move(from.queue.front());
  from.queue.pop_front();
  arrive(side, std::move(segment));
  schedule_pump(side);
  network_.forget_if_finished(*this);
}

void SimWire::arrive(std::size_t from, Segment segment) {
  const std::size_t to = 1 - from;
  Side& sender = sides_[from];
  Side& receiver = sides_[to];
  if (receiver.gone) {
    // That kernel knows of no such connection: it answers with a reset, which does not answer a
    // reset.
    if (segment.kind != Kind::kReset) {
      receiver.gone = false;
      receiver.queue.clear();
      enqueue(to, Kind::kReset, {});
    }
    return;
  }
  if (!receiver.open) return;  // closed there: what still comes is dropped
  switch (segment.kind) {
    case Kind::kData: {
      const bool cut = sender.cut_after && *sender.cut_after < segment.bytes.size();
      if (cut) segment.bytes.resize(*sender.cut_after);
      if (sender.cut_after) *sender.cut_after -= segment.bytes.size();
      if (const auto end = receiver.end.lock(); end && !segment.bytes.empty()) {
        end->on_wire_bytes(segment.bytes);
      }
      if (cut) reset();
      return;
    }
    case Kind::kFin: {
      end_side(to, broken("connection closed by the other side"));
      return;
    }
    case Kind::kReset: {
      receiver.queue.clear();
      end_side(to, broken("connection reset by the other side"));
      return;
    }
  }
}

void SimWire::end_side(std::size_t side, const Status& why) {
  Side& ended = sides_[side];
  if (!ended.open) return;
  ended.open = false;
  const auto end = ended.end.lock();
  ended.end.reset();
  if (end) end->on_wire_ended(why);
}

void SimWire::give_up_when_stuck(std::size_t side) {
  const SimTime sent_at = sides_[side].queue.front().sent_at;
  const SimTime deadline = sent_at + kKernelGivesUp;
  network_.scheduler().at(deadline, [weak = weak_from_this(), side, sent_at] {
    const auto wire = weak.lock();
    if (!wire || wire->sides_[side].queue.empty()) return;
    if (wire->sides_[side].queue.front().sent_at != sent_at) return;
    // The sender's kernel gives up; the other one still believes in the connection.
    wire->vanish(side);
    wire->network_.forget_if_finished(*wire);
  });
}

}  // namespace baton::sim
