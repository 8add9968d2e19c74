// copy_options: what a copy of an ended task asks for: what that one asked for, but for its
// relations and its time, and what the request says goes first.
#pragma once

#include <utility>

#include "common/base/task_options.h"

namespace baton::manager {

inline TaskOptions copy_options(const TaskOptions& stored, const TaskOptions& given) {
  TaskOptions copy = given;
  const TaskOptions nothing;
  const auto inherit = [&](auto TaskOptions::* option) {
    if (given.*option == nothing.*option) copy.*option = stored.*option;
  };
  inherit(&TaskOptions::priority);
  inherit(&TaskOptions::time_to_live);
  inherit(&TaskOptions::wait_timeout);
  inherit(&TaskOptions::attempt_timeout);
  inherit(&TaskOptions::total_timeout);
  inherit(&TaskOptions::max_attempts);
  inherit(&TaskOptions::order_key);
  inherit(&TaskOptions::fair_key);
  inherit(&TaskOptions::fair_weight);
  inherit(&TaskOptions::type);
  inherit(&TaskOptions::on_failed);
  return copy;
}

}  // namespace baton::manager
