// T5: what the center reads from its disk: entries of the log, snapshots, segments of the archive.
// Any bytes are refused, or give a state that keeps the ledger's invariants, behaves as the oracle
// says, and is written again as the same bytes.
//
//   input: u8, what: 0-1 entries, 2 a snapshot's pages, 3 a snapshot's file, 4 a segment, 5 the index
//   by task of one
//     0, 1: past u8 | entries, each sized; with 1 a snapshot is taken and restored behind each
//     2: past u8 | damages, see damage() | whether their checksums are wrong u8
//     3, 4: u8, whether checksums are right | pieces, each sized, or the file
//     5: u8, damage: none, a byte, any file | where u16 | mask u8 | records, see segment_with_index()
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/storage.pb.h"

#include "center/core/snapshot.h"
#include "center/storage/archive_segment.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "center/storage/segment_index.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/log/snapshot_file.h"
#include "common/storage/durable_env.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/model/ledger/checks.h"
#include "tests/model/ledger/generator.h"
#include "tests/support/sim_env.h"

namespace baton::fuzz {
namespace {

using center::Entry;
using center::Ledger;

constexpr std::size_t kEntriesMax = 24;
constexpr std::size_t kTasksMax = 8192;  // more than that the oracle is too slow for

std::vector<std::string> pages_of(const Ledger& ledger) {
  std::vector<std::string> pages;
  const auto snapshot = ledger.snapshot();
  while (auto page = snapshot->next_page()) pages.push_back(*std::move(page));
  return pages;
}

// What a snapshot of it says restores, and says the same again.
void check_round_trip(const Ledger& ledger) {
  const std::vector<std::string> pages = pages_of(ledger);
  const auto restored = Ledger::restore(pages);
  FUZZ_CHECK(restored.ok(), "its own snapshot is refused: " + restored.status().to_string());
  FUZZ_CHECK(restored.value().state_hash() == ledger.state_hash(), "another state hash");
  FUZZ_CHECK(restored.value().index() == ledger.index(), "another index");
  FUZZ_CHECK(pages_of(restored.value()) == pages, "another snapshot");
}

// What a ledger has lived through when a case begins: one of a few lives, each made once.
struct Past {
  explicit Past(std::uint8_t number) {
    Ledger ledger;
    center::model::Generator generator(number, oracle);
    for (std::size_t i = 0; i < std::size_t{12} * number; ++i) {
      const Entry entry = generator.next(ledger.index().next());
      const center::Effects effects = ledger.apply(entry);
      oracle.apply(entry);
      (void)checker.check(entry, effects);
      generator.learn(effects);
    }
    pages = pages_of(ledger);
  }

  static const Past& get(std::size_t number) {
    static std::array<std::unique_ptr<Past>, kPasts> made;
    std::unique_ptr<Past>& past = made[number % kPasts];
    if (!past) past = std::make_unique<Past>(static_cast<std::uint8_t>(number % kPasts));
    return *past;
  }

  static constexpr std::size_t kPasts = 8;
  center::model::Oracle oracle;
  center::model::InvariantChecker checker;
  std::vector<std::string> pages;
};

Ledger restore(const std::vector<std::string>& pages) {
  auto restored = Ledger::restore(pages);
  FUZZ_CHECK(restored.ok(), "its own snapshot is refused: " + restored.status().to_string());
  return std::move(restored).value();
}

// A ledger and its oracle.
class Pair {
 public:
  explicit Pair(const Past& past)
      : ledger(restore(past.pages)), oracle_(past.oracle), checker_(past.checker) {}

  void apply(const Entry& entry) {
    const center::Effects expected = oracle_.apply(entry);
    const center::Effects effects = ledger.apply(entry);
    if (const auto wrong = center::model::compare_effects(effects, expected))
      fail(__FILE__, __LINE__, *wrong);
    if (const auto wrong = checker_.check(entry, effects)) fail(__FILE__, __LINE__, *wrong);
  }
  void check_state() const {
    if (const auto wrong = center::model::compare_state(ledger, oracle_))
      fail(__FILE__, __LINE__, *wrong);
  }

  Ledger ledger;

 private:
  center::model::Oracle oracle_;
  center::model::InvariantChecker checker_;
};

std::string encode(const Entry& entry) {
  v1::LedgerEntry wire;
  for (const center::Batch& from : entry.batches) {
    v1::LedgerBatch& batch = *wire.add_batch();
    batch.set_incarnation(from.incarnation.value());
    for (const center::Command& command : from.commands)
      center::encode_command(command, batch.add_command());
  }
  return center::encode_entry(wire);
}

std::size_t weight_of(const Entry& entry) {
  std::size_t weight = 0;
  for (const center::Batch& batch : entry.batches) {
    for (const center::Command& command : batch.commands) {
      const auto* created = std::get_if<center::Created>(&command);
      if (created == nullptr) continue;
      for (const center::CreatedRun& run : created->runs) weight += run.count;
    }
  }
  return weight;
}

void read_entries(FuzzInput in, bool with_snapshots) {
  Pair pair(Past::get(in.u8()));
  std::size_t tasks = 0;
  for (std::size_t i = 0; i < kEntriesMax && !in.empty(); ++i) {
    const Lsn index = pair.ledger.index().next();
    const auto entry = center::decode_entry(index, in.sized());
    if (!entry.ok()) continue;
    const std::string bytes = encode(entry.value());
    const auto again = center::decode_entry(index, bytes);
    FUZZ_CHECK(again.ok(), "its own entry is refused: " + again.status().to_string());
    FUZZ_CHECK(encode(again.value()) == bytes, "an entry that changes when it is written again");
    tasks += weight_of(entry.value());
    if (tasks > kTasksMax) break;
    pair.apply(entry.value());
    if (with_snapshots) {
      check_round_trip(pair.ledger);
      pair.ledger = restore(pages_of(pair.ledger));
    }
  }
  pair.check_state();
  check_round_trip(pair.ledger);
}

// ---- snapshots ----------------------------------------------------------------------------------

constexpr std::size_t kPageHeaderBytes = 20;
constexpr std::size_t kItemsAt = 12;
constexpr std::size_t kBytesAt = 16;

void put_u32(std::string& page, std::size_t at, std::size_t value) {
  for (std::size_t i = 0; i < 4; ++i) page[at + i] = static_cast<char>(value >> (8 * i));
}

// So many wrong things: page u8 | kind u8 | position u16 | what the kind needs.
void damage(std::vector<std::string>& pages, FuzzInput& in) {
  for (int i = 0; i < 8 && !in.empty() && !pages.empty(); ++i) {
    const std::size_t number = in.below(pages.size());
    std::string& page = pages[number];
    const std::size_t kind = in.below(7);
    const std::size_t room = page.size() - kPageHeaderBytes - 4;
    const std::size_t at = kPageHeaderBytes + (room == 0 ? 0 : in.u16() % room);
    switch (kind) {
      case 0:
        page[at] = static_cast<char>(in.u8());
        break;
      case 1:
        page.insert(at, in.bytes(in.u8()));
        break;
      case 2:
        page.erase(at, std::min<std::size_t>(in.u8(), page.size() - 4 - at));
        break;
      case 3:
        put_u32(page, kItemsAt, in.u8());
        break;
      case 4: {  // an item twice, perhaps
        const std::string part =
            page.substr(at, std::min<std::size_t>(in.u8(), page.size() - 4 - at));
        page.insert(at, part);
        break;
      }
      case 5:
        pages.erase(pages.begin() + static_cast<std::ptrdiff_t>(number));
        break;
      default:
        std::swap(page, pages[in.below(pages.size())]);
    }
  }
}

// Numbers, lengths and checksums as they should be, so that only the content is wrong.
void mend(std::vector<std::string>& pages) {
  for (std::size_t i = 0; i < pages.size(); ++i) {
    std::string& page = pages[i];
    put_u32(page, 8, i);
    put_u32(page, kBytesAt, page.size() - kPageHeaderBytes - 4);
    put_u32(page, page.size() - 4, crc32c(std::string_view(page).substr(0, page.size() - 4)));
  }
}

// What the service goes on to do with whatever was restored.
void live_on(Ledger& ledger) {
  const auto apply = [&ledger](Incarnation incarnation, center::Command command) {
    ledger.apply({ledger.index().next(), {center::Batch{incarnation, {std::move(command)}}}});
  };
  const auto managers = ledger.managers();
  for (const center::ManagerView& manager : managers) {
    const SessionId session(Uuid{1, manager.incarnation.value()});
    apply(manager.incarnation, center::AttachSession{session, ConnEpoch(1000), {}, "late"});
    for (const char* queue : {"a", "b", "mail"}) {
      apply(
          manager.incarnation,
          center::SessionDemand{session, ConnEpoch(1000), LineId(1), queue, Millis(3000), 100, {}});
    }
    for (const center::ShardView& shard : manager.shards) {
      apply({}, center::ShardOffline{shard.shard, shard.epoch, shard.life});
      (void)ledger.live(shard.shard, Offset(1), Offset(10'000));
    }
  }
  for (int i = 0; i < 20; ++i) {
    apply({}, center::Tick{Millis(1000), WallTime{1}});
    apply({}, center::Continue{});
  }
  for (const center::QueueView& queue : ledger.list_queues("", "", 100).queues) {
    (void)ledger.list_tasks(queue.name, center::TaskState::kReady, {}, "", 100);
    (void)ledger.list_tasks(queue.name, center::TaskState::kDone, {}, "", 100);
  }
  (void)ledger.totals();
  (void)ledger.tick_plan();
}

void read_pages(FuzzInput in) {
  const std::vector<std::string>& before = Past::get(in.u8()).pages;
  std::vector<std::string> pages = before;
  damage(pages, in);
  if (in.flag()) {  // as they are: nothing of it may pass
    const auto restored = Ledger::restore(pages);
    FUZZ_CHECK(!restored.ok() || pages == before, "damage that is not seen");
    return;
  }
  mend(pages);
  auto restored = Ledger::restore(pages);
  if (!restored.ok()) return;
  check_round_trip(restored.value());
  live_on(restored.value());
  check_round_trip(restored.value());
}

// ---- files --------------------------------------------------------------------------------------

const Lsn kIndex(9);

void read_snapshot(FuzzInput in) {
  sim::SimEnv env;
  std::vector<std::string> pages;
  const bool right = in.flag();
  if (right) {
    DurableEnv durable(env);
    auto writer = SnapshotFileWriter::create(durable, "/snapshot", kIndex, Term(1));
    FUZZ_CHECK(writer.ok(), "cannot write");
    while (!in.empty()) pages.emplace_back(in.sized());
    FUZZ_CHECK(writer.value()->write_pages(pages).ok() && writer.value()->finish().ok(), "write");
  } else {
    env.disk().create("/snapshot")->data = in.rest();
  }
  const auto read = read_snapshot_file(env, "/snapshot", kIndex);
  FUZZ_CHECK(!right || (read.ok() && read.value() == pages), "not what was written");
}

void read_segment(FuzzInput in) {
  sim::SimEnv env;
  const std::uint8_t how = in.u8();
  std::string file;
  if (how % 2 == 0) {
    file = in.rest();
  } else {
    // A right segment: how many transitions u8 | entry sized; then one byte of it changed.
    const std::size_t damage_at = in.u16();
    const std::uint8_t mask = in.u8();
    center::ChainHash hash{};
    file = center::encode_segment_header(Lsn(1), hash);
    Lsn index;
    while (!in.empty()) {
      index = index.next();
      std::vector<center::Transition> transitions(in.below(4));
      for (center::Transition& transition : transitions) transition.token = Token(in.u8());
      const std::vector<center::SessionName> names(index.value() % 3 == 0 ? 1 : 0);
      hash = center::append_archive_record(file, hash,
                                           {index, Term(1), {}, in.sized(), transitions, names});
    }
    file += center::encode_segment_footer(index, hash);
    std::string& where = file;
    where[damage_at % where.size()] = static_cast<char>(where[damage_at % where.size()] ^ mask);
    env.disk().create("/segment")->data = file;
    const auto info = center::read_segment_info(env, "/segment");
    const bool ok = info.ok() && center::verify_segment(env, info.value()).ok();
    FUZZ_CHECK(ok == (mask == 0 && index), "damage that is not seen, or was none");
    return;
  }
  env.disk().create("/segment")->data = file;
  const auto info = center::read_segment_info(env, "/segment");
  if (!info.ok()) return;
  const std::uint8_t version = info.value().version;
  std::string again =
      center::encode_segment_header(info.value().first, info.value().before, version);
  center::ChainHash hash = info.value().before;
  const Status verified =
      center::verify_segment(env, info.value(), [&](const center::ArchivedEntry& entry) {
        hash = center::append_archive_record(again, hash, center::record_of(entry), version);
      });
  again += center::encode_segment_footer(info.value().last, hash);
  FUZZ_CHECK(!verified.ok() || again == file, "a segment that changes when it is written again");
}

// ---- the index by task --------------------------------------------------------------------------

struct IndexedSegment {
  center::SegmentInfo info;
  center::Postings postings;
  std::vector<TaskId> asked;  // worth asking for: the ends of each run, and one beside it
};

// Records of up to three transitions each: how many | shard, offset u16, count u8 x (1 or 200).
IndexedSegment segment_with_index(sim::SimEnv& env, FuzzInput& in) {
  IndexedSegment made;
  center::ChainHash hash{};
  std::string file = center::encode_segment_header(Lsn(1), hash);
  Lsn index;
  while (!in.empty() && index.value() < 40) {
    index = index.next();
    std::vector<center::Transition> transitions(1 + in.below(3));
    for (center::Transition& transition : transitions) {
      const ShardId shard(in.flag() ? 2 : 1);
      transition.first = TaskId(shard, Offset(1 + in.u16()));
      const std::uint32_t scale = in.flag() ? 200 : 1;
      transition.count = 1 + in.u8() * scale;
      transition.to = center::TaskState::kReady;
      for (const std::uint64_t beside : {0U, transition.count - 1, transition.count})
        made.asked.emplace_back(transition.first.value() + beside);
    }
    made.postings.add(transitions, {}, file.size());
    hash = center::append_archive_record(file, hash, {index, Term(1), {}, "e", transitions, {}});
  }
  if (!index) return made;
  file += center::encode_segment_footer(index, hash);
  env.disk().create("/segment")->data = file;
  const auto info = center::read_segment_info(env, "/segment");
  FUZZ_CHECK(info.ok(), "a right segment cannot be read");
  made.info = info.value();
  return made;
}

void read_index(FuzzInput in) {
  sim::SimEnv env;
  const std::size_t how = in.below(3);
  const std::size_t damage_at = in.u16();
  const std::uint8_t mask = in.u8();
  const IndexedSegment made = segment_with_index(env, in);
  if (made.asked.empty()) return;
  center::IndexBuilder builder(made.info, made.postings);
  while (!builder.step()) {
  }
  std::string bytes = builder.bytes();
  if (how == 1) bytes[damage_at % bytes.size()] ^= static_cast<char>(mask);
  if (how == 2) bytes.resize(damage_at % (bytes.size() + 1));
  const bool right = bytes == builder.bytes();
  env.disk().create("/index")->data = bytes;
  const auto index = center::SegmentIndex::open(env, "/index", made.info);
  FUZZ_CHECK(index.ok() || !right, "a right index cannot be read");
  if (!index.ok()) return;
  for (const TaskId task : made.asked) {
    const auto found = index.value().find_task(task);
    FUZZ_CHECK(found.ok() || !right, "a right index cannot be asked");
    FUZZ_CHECK(!found.ok() || found.value() == made.postings.find_task(task),
               "the index names other records than there are");
  }
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baton::fuzz;
  FuzzInput in(data, size);
  const std::size_t what = in.below(6);
  switch (what) {
    case 0:
    case 1:
      read_entries(in, what == 1);
      break;
    case 2:
      read_pages(in);
      break;
    case 3:
      read_snapshot(in);
      break;
    case 4:
      read_segment(in);
      break;
    default:
      read_index(in);
  }
  return 0;
}
