#include "center/core/task_pages.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::center {

TaskValue TaskPages::get(Offset offset) const {
  BATON_CHECK(offset.value() < end_);
  const Page* page = find(offset.value());
  if (page == nullptr) return {};
  return page->values ? (*page->values)[offset.value() % kPageTasks] : page->uniform;
}

WallTime TaskPages::created(Offset offset) const {
  const Page* page = find(offset.value());
  if (page == nullptr) return {};
  return WallTime{page->created[offset.value() % kPageTasks / kBlockTasks]};
}

void TaskPages::Column::fill(std::uint64_t first, std::uint64_t count, std::uint32_t number) {
  if (!numbers) {
    if (number == uniform) return;
    if (first == 0 && count == kRunTasks) {
      uniform = number;
      return;
    }
    Numbers all{};
    all.fill(uniform);
    numbers = Cow<Numbers>(all);
  }
  Numbers& all = numbers.edit();
  std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(first), count, number);
}

namespace {

std::size_t run_of(std::uint64_t offset) {
  return offset % TaskPages::kPageTasks / TaskPages::kRunTasks;
}

// Half the span of an extra to either side of the first time of a run.
constexpr std::int64_t kBaseBelow = std::int64_t{1} << 31;

}  // namespace

std::uint32_t TaskPages::extra(Offset offset) const {
  const Page& page = *find(offset.value());
  return page.extras[run_of(offset.value())].get(offset.value() % kRunTasks);
}

void TaskPages::set_extra(Offset offset, std::uint32_t extra) {
  edit(offset.value()).extras[run_of(offset.value())].fill(offset.value() % kRunTasks, 1, extra);
}

std::int64_t TaskPages::time(Offset offset, TaskValue::Kind kind) const {
  const Page& page = *find(offset.value());
  const auto& base = kind == TaskValue::Kind::kDelayed ? page.calendar_base : page.lease_base;
  return base[run_of(offset.value())] + extra(offset);
}

bool TaskPages::set_time(Offset offset, TaskValue::Kind kind, std::int64_t at_ms) {
  Page& page = edit(offset.value());
  std::int64_t& base = kind == TaskValue::Kind::kDelayed
                           ? page.calendar_base[run_of(offset.value())]
                           : page.lease_base[run_of(offset.value())];
  if (base == 0) base = std::max<std::int64_t>(at_ms - kBaseBelow, 1);
  if (at_ms < base || at_ms - base > std::int64_t{0xffffffff}) return false;
  set_extra(offset, static_cast<std::uint32_t>(at_ms - base));
  return true;
}

std::uint32_t TaskPages::payload_bytes(Offset offset) const {
  const Page* page = find(offset.value());
  if (page == nullptr) return 0;
  return page->bytes[run_of(offset.value())].get(offset.value() % kRunTasks);
}

void TaskPages::set_payload_bytes(Offset first, std::uint64_t count, std::uint32_t bytes) {
  for (std::uint64_t at = first.value(); at < first.value() + count;) {
    const std::uint64_t end = std::min(first.value() + count, (at / kRunTasks + 1) * kRunTasks);
    if (find(at) == nullptr) {  // finished from the start
      at = end;
      continue;
    }
    Column& column = edit(at).bytes[run_of(at)];
    // The first tasks of a run speak for those that are still to come.
    const std::uint64_t run_first = std::max<std::uint64_t>(at / kRunTasks * kRunTasks, 1);
    if (at == run_first) column = Column{bytes, {}};
    column.fill(at % kRunTasks, end - at, bytes);
    at = end;
  }
}

void TaskPages::set(Offset offset, TaskValue value) {
  BATON_CHECK(offset.value() < end_);
  const std::uint64_t number = offset.value() / kPageTasks;
  Page& page = edit(offset.value());
  if (!page.values && page.uniform == value) return;
  if (!page.values) make_values(page, number, end_);
  TaskValue& place = page.values.edit()[offset.value() % kPageTasks];
  if (!place.finished()) --page.live;
  if (!value.finished()) ++page.live;
  place = value;
  if (page.live == 0) drop_if_finished(number);
}

void TaskPages::append(std::uint64_t count, TaskValue value, std::uint64_t order,
                       WallTime created) {
  while (count > 0) {
    const std::uint64_t number = end_ / kPageTasks;
    const std::uint64_t part = std::min(count, (number + 1) * kPageTasks - end_);
    const bool fresh = begin_page_if_new(number, order);
    Page& page = pages_.back().edit();
    if (fresh) {
      page.uniform = value;
    } else if (page.values || page.uniform != value) {
      Values& values = page.values ? page.values.edit() : make_values(page, number, end_);
      std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(end_ % kPageTasks), part, value);
    }
    if (!value.finished()) page.live += static_cast<std::uint32_t>(part);
    for (std::uint64_t at = end_; at < end_ + part; at = (at / kRunTasks + 1) * kRunTasks) {
      // The first task of a run gives it its order, whoever comes later.
      if (at == 1 || at % kRunTasks == 0)
        page.order[at % kPageTasks / kRunTasks] = order + (at - end_);
    }
    const std::uint64_t last_block = (end_ + part - 1) % kPageTasks / kBlockTasks;
    for (std::uint64_t block = end_ % kPageTasks / kBlockTasks; block <= last_block; ++block)
      page.created[block] = std::max(page.created[block], created.ms);
    end_ += part;
    order += part;
    count -= part;
    if (page.live == 0) drop_if_finished(number);
  }
}

bool TaskPages::begin_page_if_new(std::uint64_t number, std::uint64_t order) {
  if (pages_.empty()) first_page_ = number;
  // A snapshot has no trace of pages that are gone: after a restore the last ones lack an entry.
  if (pages_.size() < number - first_page_) pages_.resize(number - first_page_);
  if (pages_.size() > number - first_page_) return false;
  Page page;
  page.order[end_ % kPageTasks / kRunTasks] = order;
  pages_.emplace_back(std::move(page));
  return true;
}

TaskPages::Values& TaskPages::make_values(Page& page, std::uint64_t number,
                                          std::uint64_t known_end) {
  Values values{};
  const std::uint64_t first = known_first(number);
  const std::uint64_t last = std::min(known_end, (number + 1) * kPageTasks);
  for (std::uint64_t at = first; at < last; ++at) values[at % kPageTasks] = page.uniform;
  page.values = Cow<Values>(values);
  return page.values.edit();
}

void TaskPages::drop_if_finished(std::uint64_t number) {
  if (end_ < (number + 1) * kPageTasks) return;  // more will come into it
  pages_[number - first_page_].reset();
  std::size_t gone = 0;
  while (gone < pages_.size() && !pages_[gone]) ++gone;
  pages_.erase(pages_.begin(), pages_.begin() + static_cast<std::ptrdiff_t>(gone));
  first_page_ += gone;
}

Offset TaskPages::next_live(Offset from) const {
  std::uint64_t at = std::max({from.value(), first_page_ * kPageTasks, std::uint64_t{1}});
  while (at < end_) {
    const Page* page = find(at);
    const std::uint64_t page_end = known_last(at / kPageTasks);
    if (page != nullptr && page->live > 0) {
      if (!page->values) return Offset(at);
      for (; at < page_end; ++at) {
        if (!(*page->values)[at % kPageTasks].finished()) return Offset(at);
      }
    }
    at = page_end;
  }
  return Offset(end_);
}

Offset TaskPages::same_until(Offset from) const {
  const Page* page = find(from.value());
  const bool uniform = page != nullptr && !page->values;
  return uniform ? Offset(known_last(from.value() / kPageTasks)) : from.next();
}

void TaskPages::restore_page(std::uint64_t number, Page page) {
  if (pages_.empty()) first_page_ = number;
  BATON_CHECK(number >= first_page_ + pages_.size());
  pages_.resize(number - first_page_);
  pages_.emplace_back(std::move(page));
}

std::size_t TaskPages::memory_bytes() const {
  std::size_t bytes = pages_.capacity() * sizeof(Cow<Page>);
  for (const auto& page : pages_) {
    if (!page) continue;
    bytes += sizeof(Page) + (page->values ? sizeof(Values) : 0);
    for (std::size_t run = 0; run < kRuns; ++run) {
      if (page->extras[run].numbers) bytes += sizeof(Column::Numbers);
      if (page->bytes[run].numbers) bytes += sizeof(Column::Numbers);
    }
  }
  return bytes;
}

}  // namespace baton::center
