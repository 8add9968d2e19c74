#include "center/core/task_pages.h"

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::center;

namespace {
const TaskValue kPlain = TaskValue::ready(QueueId(1), 5);
const TaskValue kOther = TaskValue::ready(QueueId(2), 9);
}  // namespace

TEST_CASE("a task value keeps its queue and priority, or its row") {
  CHECK(kOther.queue() == QueueId(2));
  CHECK(kOther.priority() == 9);
  CHECK(kOther.kind() == TaskValue::Kind::kReady);
  CHECK(TaskValue::row(TaskValue::kRowMax).row_slot() == TaskValue::kRowMax);
  CHECK(TaskValue::from_bits(kOther.bits()) == kOther);
  CHECK(TaskValue().finished());
}

TEST_CASE("tasks that are all alike cost no array") {
  TaskPages pages;
  pages.append(4096 * 100, kPlain, 1, WallTime{1});

  CHECK(pages.end() == Offset(4096 * 100 + 1));
  CHECK(pages.get(Offset(1)) == kPlain);
  CHECK(pages.get(Offset(400'000)) == kPlain);
  CHECK(pages.memory_bytes() < 100'000);
}

TEST_CASE("a page gets an array when its tasks differ, and goes when all are finished") {
  TaskPages pages;
  pages.append(5000, kPlain, 1, WallTime{1});
  pages.append(5000, kOther, 5001, WallTime{2});
  CHECK(pages.get(Offset(5000)) == kPlain);
  CHECK(pages.get(Offset(5001)) == kOther);

  for (std::uint64_t at = 1; at < 8192; ++at) pages.set(Offset(at), TaskValue());

  CHECK(pages.first_page() == 2);
  CHECK(pages.get(Offset(17)).finished());
  CHECK(pages.get(Offset(8192)) == kOther);
  CHECK(pages.next_live(Offset(1)) == Offset(8192));
}

TEST_CASE("a page that is not full yet stays, although all its tasks are finished") {
  TaskPages pages;
  pages.append(2, kPlain, 1, WallTime{1});
  pages.set(Offset(1), TaskValue());
  pages.set(Offset(2), TaskValue());
  CHECK(pages.next_live(Offset(1)) == Offset(3));

  pages.append(1, kOther, 3, WallTime{1});

  CHECK(pages.get(Offset(1)).finished());
  CHECK(pages.get(Offset(3)) == kOther);
}

TEST_CASE("void tasks are finished from the start, also a whole page of them") {
  TaskPages pages;
  pages.append(10'000, TaskValue(), 1, WallTime{1});
  pages.append(1, kPlain, 10'001, WallTime{1});

  CHECK(pages.next_live(Offset(1)) == Offset(10'001));
  CHECK(pages.get(Offset(9'999)).finished());
}

TEST_CASE("order is that of the first task of the stretch, whoever comes later") {
  TaskPages pages;
  pages.append(10, kPlain, 1, WallTime{1});
  pages.append(2000, kPlain, 5001, WallTime{1});

  CHECK(pages.order(Offset(1)) == 1);
  CHECK(pages.order(Offset(1023)) == 1);
  CHECK(pages.order(Offset(1024)) == 5001 + 1013);
  CHECK(pages.order(Offset(2010)) == 5001 + 1013);
}

TEST_CASE("a task was stored no later than its pages say, and not much earlier") {
  TaskPages pages;
  for (std::uint64_t i = 1; i <= 200; ++i)
    pages.append(1, kPlain, i, WallTime{static_cast<std::int64_t>(1000 * i)});
  for (std::uint64_t i = 1; i <= 200; ++i) {
    const std::int64_t said = pages.created(Offset(i)).ms;
    CHECK(said >= static_cast<std::int64_t>(1000 * i));
    CHECK(said < static_cast<std::int64_t>(1000 * (i + TaskPages::kBlockTasks)));
  }
  CHECK(pages.created(Offset(200)).ms == 200'000);
}

TEST_CASE("a copy of the pages does not see what is written later") {
  TaskPages pages;
  pages.append(100, kPlain, 1, WallTime{1});
  pages.set(Offset(1), kOther);
  const TaskPages copy = pages;

  pages.set(Offset(1), TaskValue());
  pages.set(Offset(2), kOther);

  CHECK(copy.get(Offset(1)) == kOther);
  CHECK(copy.get(Offset(2)) == kPlain);
}

TEST_CASE("after a restore new tasks begin a page of their own, although the last pages are gone") {
  TaskPages pages;
  pages.append(4095, kPlain, 1, WallTime{1});         // page 0 as a whole
  pages.append(2 * 4096, kPlain, 4096, WallTime{2});  // pages 1 and 2
  for (std::uint64_t at = 4096; at < 3 * 4096; ++at) pages.set(Offset(at), TaskValue());
  TaskPages restored;  // as a snapshot does it: only pages that are there
  restored.restore_end(pages.end());
  restored.restore_page(0, *pages.page(0));

  restored.append(3, kOther, 12'288, WallTime{3});

  CHECK(restored.get(Offset(1)) == kPlain);
  CHECK(restored.get(Offset(4095)) == kPlain);
  CHECK(restored.get(Offset(4096)).finished());
  CHECK(restored.get(Offset(12'288)) == kOther);
  CHECK(restored.order(Offset(12'288)) == 12'288);
  CHECK(restored.created(Offset(12'288)) == WallTime{3});
}
