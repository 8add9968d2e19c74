// Paged containers, each against the plain one it stands for. BATON_SEED repeats a run.
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/deadline_heap.h"
#include "common/base/hash64.h"
#include "common/base/paged_map.h"
#include "common/base/paged_vector.h"
#include "common/base/random.h"
#include "common/base/run_set.h"

using namespace baton;

namespace {

std::uint64_t seed_of_run() {
  const char* text = std::getenv("BATON_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

std::vector<std::uint64_t> numbers_of(const RunSet& set) {
  std::vector<std::uint64_t> numbers;
  set.for_each_run([&](RunSet::Run run) {
    for (std::uint64_t i = 0; i < run.count; ++i) numbers.push_back(run.first + i);
  });
  return numbers;
}

std::vector<std::uint64_t> numbers_of(const std::set<std::uint64_t>& set) {
  return {set.begin(), set.end()};
}

}  // namespace

TEST_CASE("a run set holds what a set holds, and its copies stay as they were") {
  const std::uint64_t seed = seed_of_run();
  INFO("BATON_SEED=" << seed);
  Random random(seed);
  RunSet set;
  std::set<std::uint64_t> plain;
  RunSet copy;
  std::vector<std::uint64_t> copied;
  for (int i = 0; i < 60'000; ++i) {
    const std::uint64_t number = random.below(20'000);
    switch (random.below(6)) {
      case 0:
      case 1:
      case 2:
        REQUIRE(set.insert(number) == plain.insert(number).second);
        break;
      case 3:
        REQUIRE(set.erase(number) == (plain.erase(number) == 1));
        break;
      case 4:
        if (plain.empty()) break;
        REQUIRE(set.front() == *plain.begin());
        set.pop_front();
        plain.erase(plain.begin());
        break;
      default: {
        const std::uint64_t first = plain.empty() ? number : *plain.rbegin() + 1 + random.below(2);
        if (first > 30'000) break;
        const std::uint64_t count = 1 + random.below(3);
        set.push_back(first, count);
        for (std::uint64_t n = first; n < first + count; ++n) plain.insert(n);
      }
    }
    REQUIRE(set.size() == plain.size());
    REQUIRE(set.contains(number) == plain.contains(number));
    if (random.one_in(5000)) {
      REQUIRE(numbers_of(copy) == copied);
      copy = set;
      copied = numbers_of(plain);
    }
  }
  CHECK(numbers_of(set) == numbers_of(plain));
}

TEST_CASE("a run set is a queue that is nearly empty or nearly full, for as long as it goes on") {
  const std::uint64_t seed = seed_of_run();
  INFO("BATON_SEED=" << seed);
  Random random(seed);
  for (const std::uint64_t waiting : {0U, 1U, 2U, 2'047U, 2'048U, 2'049U, 5'000U}) {
    RunSet set;
    std::set<std::uint64_t> plain;
    std::uint64_t next = 1;
    for (int i = 0; i < 20'000; ++i) {
      next += 1 + random.below(3);  // most are runs of their own
      if (random.one_in(2)) {
        REQUIRE(set.insert(next) == plain.insert(next).second);
      } else {
        set.push_back(next, 1);
        plain.insert(next);
      }
      if (random.one_in(50)) {  // one comes back
        const std::uint64_t back = next - random.below(std::min<std::uint64_t>(next, 20'000));
        REQUIRE(set.insert(back) == plain.insert(back).second);
      }
      for (; plain.size() > waiting; plain.erase(plain.begin())) {
        REQUIRE(set.front() == *plain.begin());
        REQUIRE(set.contains(*plain.rbegin()));
        set.pop_front();
        REQUIRE(set.size() + 1 == plain.size());
      }
    }
    CHECK(numbers_of(set) == numbers_of(plain));
  }
}

TEST_CASE("a run set whose holes are filled has few runs, whatever the order was") {
  const std::uint64_t seed = seed_of_run();
  INFO("BATON_SEED=" << seed);
  Random random(seed);
  RunSet set;
  std::vector<std::uint64_t> open;  // as tasks that some workers have
  for (std::uint64_t next = 1; next <= 200'000; ++next) {
    open.push_back(next);
    if (open.size() < 100) continue;
    const std::size_t done = random.below(open.size());
    REQUIRE(set.insert(open[done]));
    open[done] = open.back();
    open.pop_back();
  }
  CHECK(set.memory_bytes() < 40'000);
  for (const std::uint64_t number : open) REQUIRE(set.insert(number));
  CHECK(set.size() == 200'000);
  std::size_t runs = 0;
  set.for_each_run([&](RunSet::Run) { ++runs; });
  CHECK(runs <= 3);
}

TEST_CASE("a run set of more than a run can count is still one set") {
  RunSet set;
  set.push_back(1, 3'000'000);
  set.push_back(3'000'001, 5);

  CHECK(set.size() == 3'000'005);
  CHECK(set.erase(2'000'000));
  CHECK_FALSE(set.contains(2'000'000));
  CHECK(set.contains(3'000'005));
  CHECK(set.memory_bytes() < 1000);
}

TEST_CASE("what a queue leaves behind keeps no pages of a paged map") {
  PagedMap<std::uint64_t, std::uint64_t> map;
  std::size_t left = 0;
  for (std::uint64_t next = 0; next < 400'000; ++next) {
    map[next] = next;
    if (next < 5'000) continue;
    const std::uint64_t behind = next - 5'000;
    if (behind % 1'000 == 0) {
      ++left;
    } else {
      REQUIRE(map.erase(behind));
    }
  }
  CHECK(map.size() == left + 5'000);
  CHECK(map.memory_bytes() < 400'000);  // 16 bytes each, and a few pages that are not full
}

TEST_CASE("a paged map holds what a map holds, in order, and its copies stay as they were") {
  const std::uint64_t seed = seed_of_run();
  INFO("BATON_SEED=" << seed);
  Random random(seed);
  PagedMap<std::uint64_t, std::uint64_t> map;
  std::map<std::uint64_t, std::uint64_t> plain;
  PagedMap<std::uint64_t, std::uint64_t> copy;
  std::map<std::uint64_t, std::uint64_t> copied;
  const auto same = [](const auto& paged, const auto& other) {
    auto at = other.begin();
    for (auto it = paged.begin(); !it.done(); ++it, ++at) {
      if (at == other.end() || it->first != at->first || it->second != at->second) return false;
    }
    return at == other.end();
  };
  for (int i = 0; i < 100'000; ++i) {
    const bool growing = (i / 20'000) % 2 == 0;
    const std::uint64_t key = random.below(8'000);
    if (random.below(10) < (growing ? 7U : 3U)) {
      map[key] = static_cast<std::uint64_t>(i);
      plain[key] = static_cast<std::uint64_t>(i);
    } else {
      REQUIRE(map.erase(key) == (plain.erase(key) == 1));
    }
    const auto above = map.lower_bound(key);
    const auto plain_above = plain.lower_bound(key);
    REQUIRE(above.done() == (plain_above == plain.end()));
    if (!above.done()) REQUIRE(above->first == plain_above->first);
    if (random.one_in(10'000)) {
      REQUIRE(same(copy, copied));
      copy = map;
      copied = plain;
    }
  }
  CHECK(map.size() == plain.size());
  CHECK(same(map, plain));
}

TEST_CASE("a copy of a paged vector does not see what is written later") {
  PagedVector<std::uint64_t> vector;
  for (std::uint64_t i = 0; i < 10'000; ++i) vector.push_back(i);
  const PagedVector<std::uint64_t> copy = vector;

  vector.edit(5000) = 1;
  vector.resize(20'000);

  CHECK(copy[5000] == 5000);
  CHECK(copy.size() == 10'000);
  CHECK(vector[5000] == 1);
  CHECK(vector[19'999] == 0);
}

TEST_CASE(
    "a deadline heap gives the earliest first, equal ones by their tie, through changes of mind") {
  const std::uint64_t seed = seed_of_run();
  INFO("BATON_SEED=" << seed);
  Random random(seed);
  DeadlineHeap heap;
  std::map<std::uint32_t, std::int64_t> plain;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = static_cast<std::uint32_t>(random.below(300));
    if (random.one_in(3)) {
      heap.erase(id);
      plain.erase(id);
    } else {
      const auto deadline = static_cast<std::int64_t>(random.below(50));
      heap.set(id, deadline, id);
      plain[id] = deadline;
    }
    REQUIRE(heap.size() == plain.size());
    if (plain.empty()) continue;
    std::pair<std::int64_t, std::uint32_t> first{1000, 0};
    for (const auto& [known, deadline] : plain) first = std::min(first, {deadline, known});
    REQUIRE(heap.top().id == first.second);
    REQUIRE(heap.deadline(heap.top().id) == first.first);
  }
}

TEST_CASE("hashes are the same on every machine and differ with any change") {
  Hash64 hash;
  hash.add(1);
  hash.add("abc");

  Hash64 other;
  other.add(1);
  other.add("abd");

  CHECK(hash.value() != other.value());
  CHECK(hash64(1) != hash64(2));
  // Backoffs in logs that exist were made with these.
  CHECK(hash64(1) == 0x25cb4ec241cfa5b6ULL);
}
