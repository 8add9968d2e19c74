// TaskPages: the tasks of one shard, by offset, in pages of 4,096.
//
// A page whose tasks are all alike is one value; only a mixed one has an array of four bytes per
// offset. The same holds for each run of 1,024 and its two columns: the extras of tasks that ask
// for one thing more than a plain one (task_value.h), and the sizes of payloads. Pages whose tasks
// are all finished cost nothing. end() is created_hi: the first offset not known.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "center/core/task_value.h"
#include "common/base/cow.h"
#include "common/base/ids.h"
#include "common/base/time.h"

namespace baton::center {

class TaskPages {
 public:
  static constexpr std::uint64_t kPageTasks = 4096;
  // Order between shards is kept per run of so many offsets (R12).
  static constexpr std::uint64_t kRunTasks = 1024;
  // When tasks were stored is kept for blocks of so many.
  static constexpr std::uint64_t kBlockTasks = 64;

  using Values = std::array<TaskValue, kPageTasks>;
  static constexpr std::size_t kRuns = kPageTasks / kRunTasks;
  static constexpr std::size_t kBlocks = kPageTasks / kBlockTasks;
  using Times = std::array<std::int64_t, kBlocks>;

  // A number for each offset of a run: one for all, or an array.
  struct Column {
    using Numbers = std::array<std::uint32_t, kRunTasks>;
    std::uint32_t uniform = 0;
    Cow<Numbers> numbers;

    [[nodiscard]] std::uint32_t get(std::uint64_t at) const {
      return numbers ? (*numbers)[at] : uniform;
    }
    void fill(std::uint64_t first, std::uint64_t count, std::uint32_t number);
  };
  struct Page {
    std::uint32_t live = 0;  // not finished
    TaskValue uniform;       // of every known offset of the page, while there are no values
    Times created{};         // when the last known task of each block was stored
    std::array<std::uint64_t, kRuns> order{};
    // Times are kept in extras as milliseconds after these; the first task that needs one sets it.
    // 0: none did.
    std::array<std::int64_t, kRuns> calendar_base{};
    std::array<std::int64_t, kRuns> lease_base{};
    std::array<Column, kRuns> extras;
    std::array<Column, kRuns> bytes;  // of payloads
    Cow<Values> values;
  };

  [[nodiscard]] Offset end() const { return Offset(end_); }

  // REQUIRES: offset < end().
  [[nodiscard]] TaskValue get(Offset offset) const;
  void set(Offset offset, TaskValue value);
  // Where the task stands between those of other shards: lower is older. REQUIRES: not finished.
  [[nodiscard]] std::uint64_t order(Offset offset) const {
    return find(offset.value())->order[offset.value() % kPageTasks / kRunTasks];
  }
  // No earlier than the task was stored, and no later than the block of 64 that it is in was full.
  // Zero for a page that is gone.
  [[nodiscard]] WallTime created(Offset offset) const;

  // REQUIRES for the next four: not finished.
  [[nodiscard]] std::uint32_t extra(Offset offset) const;
  void set_extra(Offset offset, std::uint32_t extra);
  // The time in the extra of a task of kind kDelayed or kMortal.
  [[nodiscard]] std::int64_t time(Offset offset, TaskValue::Kind kind) const;
  // False, and no change, when the time is too far from the others of its run for four bytes.
  bool set_time(Offset offset, TaskValue::Kind kind, std::int64_t at_ms);
  // Zero for a page that is gone.
  [[nodiscard]] std::uint32_t payload_bytes(Offset offset) const;
  // REQUIRES: within one call's append.
  void set_payload_bytes(Offset first, std::uint64_t count, std::uint32_t bytes);

  // Adds `count` tasks at end(). `order` is that of the first, and grows by one per task.
  void append(std::uint64_t count, TaskValue value, std::uint64_t order, WallTime created);

  // The first offset at or after `from` that is not finished, or end().
  [[nodiscard]] Offset next_live(Offset from) const;
  // The end of the run of known offsets from `from` on (not finished) that are certain to have
  // its value: more than one for a uniform page.
  [[nodiscard]] Offset same_until(Offset from) const;

  // ---- snapshots ----
  [[nodiscard]] std::uint64_t first_page() const { return first_page_; }
  [[nodiscard]] std::size_t page_count() const { return pages_.size(); }
  // Null for a page that is gone. REQUIRES: i < page_count().
  [[nodiscard]] const Page* page(std::size_t i) const { return pages_[i] ? &*pages_[i] : nullptr; }
  // The offsets of page number `page` that are known: [first, last).
  [[nodiscard]] std::uint64_t known_first(std::uint64_t page) const {
    return page == 0 ? 1 : page * kPageTasks;
  }
  [[nodiscard]] std::uint64_t known_last(std::uint64_t page) const {
    return std::min(end_, (page + 1) * kPageTasks);
  }
  // REQUIRES: empty; page numbers rise from call to call; offsets of the page below `end`.
  void restore_end(Offset end) { end_ = end.value(); }
  void restore_page(std::uint64_t number, Page page);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  [[nodiscard]] const Page* find(std::uint64_t offset) const {
    const std::uint64_t number = offset / kPageTasks;
    if (number < first_page_ || number - first_page_ >= pages_.size()) return nullptr;
    const Cow<Page>& page = pages_[number - first_page_];
    return page ? &*page : nullptr;
  }
  Page& edit(std::uint64_t offset) { return pages_[offset / kPageTasks - first_page_].edit(); }
  // Makes the page of end_ the last one; true if it was not there yet.
  bool begin_page_if_new(std::uint64_t number, std::uint64_t order);
  // Gives the page an array, filled for what is known.
  Values& make_values(Page& page, std::uint64_t number, std::uint64_t known_end);
  void drop_if_finished(std::uint64_t number);

  std::uint64_t end_ = 1;
  std::uint64_t first_page_ = 0;
  std::vector<Cow<Page>> pages_;  // from first_page_ on; empty ones are finished
};

}  // namespace baton::center
