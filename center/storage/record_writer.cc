#include "center/storage/record_writer.h"

#include <variant>

namespace baton::center {

void RecordWriter::begin_segment(std::uint8_t version) {
  version_ = version;
  named_.clear();
  last_ = {};
}

ChainHash RecordWriter::append(std::string& out, const ChainHash& before,
                               const AppliedEntry& applied) {
  names_.clear();
  if (version_ >= 2) {
    forget_attached(applied.entry);
    name_sessions(applied.transitions);
  }
  return append_archive_record(
      out, before,
      {applied.index, applied.term, applied.times, applied.bytes, applied.transitions, names_},
      version_);
}

void RecordWriter::forget_attached(const Entry& entry) {
  for (const Batch& batch : entry.batches) {
    for (const Command& command : batch.commands) {
      const auto* attach = std::get_if<AttachSession>(&command);
      if (attach == nullptr) continue;
      named_.erase(attach->session);
      last_ = {};
    }
  }
}

void RecordWriter::name_sessions(const std::vector<Transition>& transitions) {
  for (const Transition& transition : transitions) {
    if (!transition.session || transition.session == last_) continue;
    last_ = transition.session;
    if (named_.insert(last_).second) names_.push_back(name_of_(last_));
  }
}

}  // namespace baton::center
