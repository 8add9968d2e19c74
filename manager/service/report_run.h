// report_run: what the ledger is told of a stored run; the same from what was just appended and from
// what a scan of the log finds (R1, R6).
#pragma once

#include <span>

#include "manager/core/created_reporter.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

// `content_hash` has one per task. `first`, `crc_last`, `stored_at` and resolved_below are the
// caller's.
ReportRun report_run(const TaskAttributes& attributes, std::span<const std::uint64_t> content_hash);

}  // namespace baton::manager
