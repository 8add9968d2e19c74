// History: what the processes of a run asked for and were told, in the order it happened.
//
// One append-only list, fed by the simulation, by the bench and, as files (history_file.h), by
// programs that drive real daemons; the checkers (checkers.h) read nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/history/event.h"
#include "common/history/event_store.h"

namespace baton::check {

class History {
 public:
  // Returns the operation's number, to end it with.
  std::uint64_t invoke(Event event);
  // Ends an operation, once; task, token and the rest are those of its invoke where `end` leaves
  // them out.
  void end(std::uint64_t operation, Duration at, Outcome outcome, TaskId task = {});
  // Ends a look at a task's state. `token`: the one that did it, of a done task, if known.
  void end_look(std::uint64_t operation, Duration at, FinalState state, Token token = {});
  // Ends it as `event` says, whose operation is ignored: for copying a history.
  void end_as(std::uint64_t operation, Event event);
  // A single event.
  void note(const Event& event);
  void sample(ResourceSample sample) { samples_.push_back(std::move(sample)); }

  // In order; to be read from front to back.
  [[nodiscard]] const EventStore& events() const { return events_; }
  [[nodiscard]] const std::vector<ResourceSample>& samples() const { return samples_; }
  // The events of one task, or of one producer's number, as lines: what a person wants to see of a
  // violation.
  [[nodiscard]] std::string story(TaskId task) const;

 private:
  EventStore events_;
  std::vector<ResourceSample> samples_;
};

}  // namespace baton::check
