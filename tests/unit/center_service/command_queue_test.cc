#include "center/service/command_queue.h"

#include <catch2/catch.hpp>

#include "common/base/limits.h"

using namespace baton;
using namespace baton::center;

namespace {

v1::Command ack_of(std::uint64_t seq) {
  v1::Command command;
  command.mutable_operations()->add_operation()->set_seq(seq);
  return command;
}

v1::Command created_of(std::uint32_t tasks) {
  v1::Command command;
  command.mutable_created()->add_run()->set_count(tasks);
  return command;
}

CommandFramePtr frame_of(std::uint64_t request, const std::vector<v1::Command>& commands) {
  auto frame = std::make_shared<CommandFrame>();
  frame->request_id = request;
  frame->incarnation = Incarnation(9);
  for (const v1::Command& command : commands) {
    frame->slots.push_back(static_cast<int>(frame->slots.size()));
    *frame->commands.Add() = command;
  }
  return frame;
}

std::vector<std::uint64_t> requests(const MergedEntry& merged) {
  std::vector<std::uint64_t> requests;
  for (const MergedEntry::Share& share : merged.shares) {
    requests.push_back(share.frame ? share.frame->request_id : 0);
  }
  return requests;
}

CommandQueue queue_without_registers() {
  return CommandQueue([](const v1::Register&) { return std::vector<Command>(); });
}

}  // namespace

TEST_CASE("frames that wait become one entry, a batch each, in order") {
  CommandQueue queue = queue_without_registers();
  queue.push(frame_of(1, {ack_of(1), ack_of(2)}));
  queue.push(frame_of(2, {ack_of(3)}));

  const MergedEntry merged = queue.take();

  CHECK(requests(merged) == std::vector<std::uint64_t>{1, 2});
  CHECK(merged.entry.batch(0).command_size() == 2);
  CHECK(merged.entry.batch(1).incarnation() == 9);
  CHECK(merged.shares[0].count == 2);
  CHECK(queue.empty());
}

TEST_CASE("acks go before reports of new tasks, whatever came first") {
  CommandQueue queue = queue_without_registers();
  queue.push(frame_of(1, {created_of(10)}));
  queue.push(frame_of(2, {ack_of(1)}));

  CHECK(requests(queue.take()) == std::vector<std::uint64_t>{2, 1});
}

TEST_CASE("a frame that mixes both kinds keeps its place among the urgent ones") {
  CommandQueue queue = queue_without_registers();
  queue.push(frame_of(1, {created_of(10)}));
  queue.push(frame_of(2, {created_of(10), ack_of(1)}));
  queue.push(frame_of(3, {ack_of(2)}));

  CHECK(requests(queue.take()) == std::vector<std::uint64_t>{2, 3, 1});
}

TEST_CASE("an entry touches no more tasks than it may, and a frame goes on in the next one") {
  CommandQueue queue = queue_without_registers();
  const auto frame = frame_of(1, {created_of(4000), created_of(4000), created_of(50)});
  queue.push(frame);

  const MergedEntry first = queue.take();
  const MergedEntry second = queue.take();

  CHECK(first.entry.batch(0).command_size() == 1);
  CHECK(second.entry.batch(0).command_size() == 2);
  CHECK(second.shares[0].first == 1);
  CHECK(second.shares[0].count == 2);
  CHECK(queue.empty());
}

TEST_CASE("an entry is bounded in bytes") {
  CommandQueue queue = queue_without_registers();
  for (std::uint64_t i = 1; i <= 30; ++i) {
    v1::Command command = ack_of(i);
    command.mutable_operations()->mutable_operation(0)->set_reason(std::string(100'000, 'r'));
    queue.push(frame_of(i, {command}));
  }

  std::size_t entries = 0;
  while (!queue.empty()) {
    CHECK(queue.take().entry.ByteSizeLong() <= CommandQueue::kEntryBytesMax);
    ++entries;
  }
  CHECK(entries == 3);
}

TEST_CASE("a report that had to wait goes first the next time: no flood of acks starves it") {
  CommandQueue queue = queue_without_registers();
  queue.push(frame_of(100, {created_of(4000)}));
  std::uint64_t request = 0;
  const auto flood = [&] {
    v1::Command command;
    for (int i = 0; i < 1000; ++i) command.mutable_operations()->add_operation()->set_seq(1);
    queue.push(frame_of(++request, {command}));
  };
  for (int i = 0; i < 3; ++i) flood();

  const auto first = requests(queue.take());
  for (int i = 0; i < 3; ++i) flood();
  const auto second = requests(queue.take());

  CHECK(std::count(first.begin(), first.end(), 100U) == 0);
  REQUIRE_FALSE(second.empty());
  CHECK(second.front() == 100);
}

TEST_CASE("the center's own commands come first, as its own, and are told their outcome") {
  CommandQueue queue = queue_without_registers();
  std::vector<bool> told;
  queue.push(frame_of(1, {ack_of(1)}));
  queue.push_own(Tick{}, [&](Lsn, const Outcome* outcome) { told.push_back(outcome != nullptr); });
  queue.push_own(Continue{});

  const MergedEntry merged = queue.take();

  CHECK(requests(merged) == std::vector<std::uint64_t>{0, 1});
  CHECK(merged.entry.batch(0).incarnation() == 0);
  CHECK(merged.entry.batch(0).command(0).has_tick());
  CHECK(merged.entry.batch(0).command(1).has_continue_());
  REQUIRE(merged.shares[0].done.size() == 2);

  queue.push_own(Tick{}, [&](Lsn, const Outcome* outcome) { told.push_back(outcome != nullptr); });
  queue.push(frame_of(2, {ack_of(1)}));
  queue.clear();
  CHECK(told == std::vector<bool>{false});
  CHECK(queue.empty());
}

TEST_CASE("what must come before a register is in the same entry, in front of it") {
  CommandQueue queue([](const v1::Register&) {
    return std::vector<Command>{Tick{}, ShardOffline{ShardId(3), Epoch(1), Life(Uuid{1, 1})}};
  });
  v1::Command command;
  command.mutable_register_()->set_shard(3);
  queue.push(frame_of(1, {ack_of(1), command, ack_of(2)}));

  const MergedEntry merged = queue.take();

  CHECK(requests(merged) == std::vector<std::uint64_t>{1, 0, 1});
  CHECK(merged.entry.batch(1).command(0).has_tick());
  CHECK(merged.entry.batch(1).command(1).has_shard_offline());
  CHECK(merged.shares[1].done.size() == 2);
  CHECK(merged.entry.batch(2).command(0).has_register_());
  CHECK(merged.shares[2].first == 1);
  CHECK(merged.shares[2].count == 2);
}
