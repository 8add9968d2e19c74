#include "manager/service/report_run.h"

#include <algorithm>

#include "common/base/content_hash.h"
#include "common/base/key_hash.h"

namespace baton::manager {

ReportRun report_run(const TaskAttributes& attributes,
                     std::span<const std::uint64_t> content_hash) {
  ReportRun run;
  run.count = static_cast<std::uint32_t>(content_hash.size());
  run.queue = attributes.queue;
  run.options = attributes.options;
  run.options.key.clear();
  run.options.type.clear();
  if (!attributes.options.key.empty()) run.key_hash = key_hash(attributes.options.key);
  run.producer = attributes.producer;
  run.seq = attributes.seq;
  run.waits = attributes.waits;
  run.only_waits = attributes.waits && !attributes.moved;
  run.maybe_at = attributes.maybe_at;
  if (run.waits) run.content_hash.assign(content_hash.begin(), content_hash.end());
  run.payload_bytes.reserve(content_hash.size());
  for (const std::uint64_t hash : content_hash) {
    run.payload_bytes.push_back(content_bytes(hash));
  }
  const bool same = std::all_of(run.payload_bytes.begin(), run.payload_bytes.end(),
                                [&](std::uint32_t bytes) { return bytes == run.payload_bytes[0]; });
  if (same) run.payload_bytes.resize(std::min<std::size_t>(run.payload_bytes.size(), 1));
  return run;
}

}  // namespace baton::manager
