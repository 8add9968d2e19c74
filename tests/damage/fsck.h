// fsck_finds: what `baton fsck` would say of a damaged directory.
#pragma once

#include <functional>

#include "common/storage/examined_dir.h"
#include "tests/support/sim_disk.h"

namespace baton::damage {

// Whether it tells of damage, to the files or to what `contents` examines in them. Throws when it
// writes, or tells something without saying what, and what to do.
using ExamineContents =
    std::function<void(ExaminedDir& dir, const OnFinding& tell, const OnProgress& progress)>;
bool fsck_finds(const sim::SimDisk& damaged, const ExamineContents& contents);

}  // namespace baton::damage
