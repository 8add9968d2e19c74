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
  return page == nullptr ? WallTime{} : page->created;
}

void TaskPages::set(Offset offset, TaskValue value) {
  BATON_CHECK(offset.value() < end_);
  const std::uint64_t number = offset.value() / kPageTasks;
  Page& page = edit(offset.value());
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
    const bool fresh = begin_page_if_new(number, order, created);
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
    end_ += part;
    order += part;
    count -= part;
    if (page.live == 0) drop_if_finished(number);
  }
}

bool TaskPages::begin_page_if_new(std::uint64_t number, std::uint64_t order, WallTime created) {
  if (pages_.empty()) first_page_ = number;
  // A snapshot has no trace of pages that are gone: after a restore the last ones lack an entry.
  if (pages_.size() < number - first_page_) pages_.resize(number - first_page_);
  if (pages_.size() > number - first_page_) return false;
  Page page;
  page.created = created;
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
  }
  return bytes;
}

}  // namespace baton::center
