#include "center/core/void_credit.h"

#include "center/core/grant_matching.h"

namespace baton::center {
namespace {

template <class Change>
void for_each_session_at(Tables& tables, std::uint32_t manager, Change&& change) {
  for (std::uint32_t slot = 0; slot < tables.sessions.slots(); ++slot) {
    if (tables.sessions.used(slot) && tables.sessions[slot].manager == manager) change(slot);
  }
}

}  // namespace

void void_credit(Work& work, std::uint32_t manager) {
  for_each_session_at(work.tables, manager, [&](std::uint32_t slot) {
    Session& session = work.tables.sessions.edit(slot);
    session.credit = session.grants;
    update_waiting(work.tables, slot);
  });
}

void end_connections(Work& work, std::uint32_t manager) {
  for_each_session_at(work.tables, manager,
                      [&](std::uint32_t slot) { end_lines(work.tables, slot); });
}

void end_lines(Tables& tables, std::uint32_t slot) {
  Session& session = tables.sessions.edit(slot);
  session.credit = session.grants;
  update_waiting(tables, slot);
  for (const std::uint32_t line : session.lines) tables.lines.remove(line);
  session.lines.clear();
}

}  // namespace baton::center
