// baton fsck: what is wrong in a stopped daemon's data directory.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <leveldb/env.h>

#include "center/storage/examine_ledger.h"
#include "client/commands/program.h"
#include "common/storage/durable_env.h"
#include "common/storage/examined_dir.h"
#include "manager/storage/examine_shards.h"

namespace baton::commands {
namespace {

// Redrawn after so much: a terminal is not the bottleneck.
constexpr std::uint64_t kBytesPerDraw = std::uint64_t{64} << 20;

std::string text(std::uint64_t number) { return std::to_string(number); }

Json or_null(std::uint64_t number) { return number == 0 ? Json() : Json(text(number)); }

std::string_view kind_of(const Finding& finding) {
  switch (finding.kind) {
    case Finding::Kind::kNote:
      return "note";
    case Finding::Kind::kNewer:
      return "newer";
    case Finding::Kind::kDamage:
      break;
  }
  return "damage";
}

Json to_json(const Finding& finding) {
  return Json{{"found", std::string(kind_of(finding))},
              {"file", finding.file.empty() ? Json() : Json(finding.file)},
              {"byte", finding.byte ? Json(*finding.byte) : Json()},
              {"log", finding.log ? Json(*finding.log) : Json()},
              {"first_batch", or_null(finding.first.value())},
              {"last_batch", or_null(finding.last.value())},
              {"first_offset", or_null(finding.from.value())},
              {"last_offset", finding.to ? Json(text(finding.to.value() - 1)) : Json()},
              {"what", finding.what},
              {"advice", finding.advice}};
}

Json to_json(const manager::ShardReport& shard) {
  return Json{{"found", "shard"},
              {"shard", shard.shard.value()},
              {"sealed", shard.sealed},
              {"epoch", or_null(shard.epoch.value())},
              {"first_batch", or_null(shard.first_batch.value())},
              {"last_batch", or_null(shard.last_batch.value())},
              {"durable_end", text(shard.durable_end.value())},
              {"tasks", shard.tasks},
              {"lost", shard.lost},
              {"collected", shard.collected},
              {"results", shard.results}};
}

Json to_json(const center::LedgerReport& ledger) {
  return Json{{"found", "ledger"},
              {"term", or_null(ledger.term.value())},
              {"snapshot_index", or_null(ledger.snapshot_index.value())},
              {"last_index", or_null(ledger.last_index.value())},
              {"archive_first", or_null(ledger.archive_first.value())},
              {"archive_last", or_null(ledger.archive_last.value())},
              {"state_hash", ledger.replayed ? Json(text(ledger.state_hash)) : Json()},
              {"waiting", ledger.replayed ? Json(ledger.totals.waiting) : Json()},
              {"claimed", ledger.replayed ? Json(ledger.totals.claimed) : Json()},
              {"completions", ledger.replayed ? Json(ledger.totals.completions) : Json()}};
}

Json to_json(const center::ManagerView& manager, const center::ShardView& shard) {
  return Json{{"found", "known_shard"},
              {"shard", shard.shard.value()},
              {"manager", manager.name},
              {"epoch", or_null(shard.epoch.value())},
              {"created_hi", text(shard.created_hi.value())},
              {"durable_end", text(shard.durable_end.value())},
              {"sealed", shard.sealed}};
}

// "tasks 5..9", with what comes before it when there are any.
std::string range(const char* what, std::uint64_t first, std::uint64_t last) {
  if (first == 0) return "";
  return std::string(", ") + what + " " + text(first) + (last > first ? ".." + text(last) : "");
}

std::string place_of(const Finding& finding) {
  std::string place = finding.file;
  if (finding.byte) place += " at byte " + text(*finding.byte);
  if (finding.log && *finding.log != 0) {
    place += std::string(place.empty() ? "" : ", ") + "shard " + text(*finding.log);
  } else if (finding.log) {
    place += "the ledger's log";
  }
  place += range("batch", finding.first.value(), finding.last.value());
  if (finding.to > finding.from) {
    place += range("offset", finding.from.value(), finding.to.value() - 1);
  }
  return place;
}

// Prints as it goes: sentences for people, or an object for each.
class Report {
 public:
  Report(Output& output, OutputFormat format)
      : output_(output), format_(format), rows_(output, format, {}) {}

  void say(const Finding& finding) {
    if (finding.kind != Finding::Kind::kNote) ++problems_;
    if (format_ != OutputFormat::kTable) return static_cast<void>(rows_.add(to_json(finding)));
    output_.write(std::string(kind_of(finding)) + ": " + place_of(finding) + ": " + finding.what +
                  "\n    " + finding.advice + "\n");
  }

  void say(const Json& row, const std::string& sentence) {
    format_ == OutputFormat::kTable ? output_.write(sentence + "\n") : rows_.add(row);
  }

  // The exit code.
  int finish() {
    const std::string verdict = problems_ == 0   ? "clean"
                                : problems_ == 1 ? "1 problem"
                                                 : text(problems_) + " problems";
    say(Json{{"found", "verdict"}, {"clean", problems_ == 0}, {"problems", problems_}}, verdict);
    if (format_ != OutputFormat::kTable) rows_.finish();
    if (!output_.flush()) print_error("standard output was closed");
    return problems_ == 0 && output_.ok() ? 0 : 1;
  }

 private:
  Output& output_;
  const OutputFormat format_;
  RowWriter rows_;
  std::uint64_t problems_ = 0;
};

// One line on a terminal that overwrites itself.
class BytesLine {
 public:
  explicit BytesLine(std::uint64_t total) : total_(total) {}
  ~BytesLine() {
    if (drawn_) std::fprintf(stderr, "\r\033[K");
  }
  BytesLine(const BytesLine&) = delete;
  BytesLine& operator=(const BytesLine&) = delete;

  void add(std::uint64_t bytes) {
    done_ += bytes;
    if (done_ - drawn_at_ < kBytesPerDraw || !stderr_is_terminal()) return;
    drawn_at_ = done_;
    drawn_ = true;
    // Most bytes are read twice: as blocks, and as what is in them.
    std::fprintf(stderr, "\rexamined %llu MiB of about %llu\033[K",
                 static_cast<unsigned long long>(done_ >> 20),
                 static_cast<unsigned long long>(2 * total_ >> 20));
  }

 private:
  const std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t drawn_at_ = 0;
  bool drawn_ = false;
};

void say_whose(const ExaminedDir& dir, Report& report) {
  const Identity& identity = dir.identity();
  const std::string kind(to_string(identity.kind));
  const std::string name = identity.name.empty() ? "" : " " + identity.name;
  if (!dir.has_identity()) {
    return report.say(Json{{"found", "directory"}, {"path", dir.path()}, {"kind", kind}},
                      dir.path() + ": probably of a " + kind);
  }
  report.say(
      Json{{"found", "directory"},
           {"path", dir.path()},
           {"kind", kind},
           {"name", identity.name},
           {"store", to_string(identity.store)},
           {"cluster", identity.cluster ? Json(to_string(identity.cluster)) : Json()},
           {"ledger_index", or_null(identity.ledger_index.value())}},
      dir.path() + ": " + kind + name + ", store " + to_string(identity.store) +
          (identity.cluster ? ", cluster " + to_string(identity.cluster) : "") +
          (identity.ledger_index ? ", has seen ledger entry " + text(identity.ledger_index.value())
                                 : ""));
}

void examine_manager(const ExaminedDir& dir, Report& report, const OnFinding& tell,
                     const OnProgress& progress) {
  for (const manager::ShardReport& shard : manager::examine_shards(dir, tell, progress)) {
    std::string line = "shard " + text(shard.shard.value()) + (shard.sealed ? " (sealed)" : "") +
                       ": acknowledged up to offset " + text(shard.durable_end.value() - 1) +
                       ", batch " + text(shard.last_batch.value());
    if (shard.epoch) line += ", epoch " + text(shard.epoch.value());
    line += "; " + text(shard.tasks) + " tasks here, " + text(shard.lost) + " lost, " +
            text(shard.collected) + " collected, " + text(shard.results) + " results";
    report.say(to_json(shard), line);
  }
}

void examine_center(const ExaminedDir& dir, Report& report, const OnFinding& tell,
                    const OnProgress& progress) {
  const center::LedgerReport ledger = center::examine_ledger(dir, tell, progress);
  std::string line = "ledger: acknowledged up to entry " + text(ledger.last_index.value());
  if (ledger.snapshot_index) line += ", snapshot at " + text(ledger.snapshot_index.value());
  if (ledger.archive_first) {
    line += ", archive from " + text(ledger.archive_first.value()) + " to " +
            text(ledger.archive_last.value());
  }
  if (ledger.replayed) {
    line += ", state " + text(ledger.state_hash) + "; " + text(ledger.totals.waiting) +
            " tasks wait, " + text(ledger.totals.claimed) + " are claimed, " +
            text(ledger.totals.completions) + " were completed";
  }
  report.say(to_json(ledger), line);
  for (const center::ManagerView& manager : ledger.managers) {
    for (const center::ShardView& shard : manager.shards) {
      report.say(to_json(manager, shard),
                 "shard " + text(shard.shard.value()) + " of " + manager.name +
                     (shard.sealed ? " (sealed)" : "") + ": the ledger knows offsets up to " +
                     text(shard.created_hi.value() - 1) + ", epoch " + text(shard.epoch.value()));
    }
  }
}

int fsck(const CommonOptions& common, const std::string& path) {
  Output output(stdout);
  Report report(output, common.format);
  const OnFinding tell = [&](const Finding& finding) { report.say(finding); };
  DurableEnv env(*leveldb::Env::Default());
  auto opened = ExaminedDir::open(env, path, tell);
  if (!opened.ok()) {
    print_error(opened.status());
    return exit_code(opened.status().code());
  }
  ExaminedDir& dir = *opened.value();
  BytesLine line(stderr_is_terminal() ? dir.bytes() : 0);
  const OnProgress progress = [&](std::uint64_t bytes) { line.add(bytes); };
  say_whose(dir, report);
  dir.examine_store(tell, progress);
  dir.identity().kind == StoreKind::kManager ? examine_manager(dir, report, tell, progress)
                                             : examine_center(dir, report, tell, progress);
  return report.finish();
}

}  // namespace

void add_fsck(Program& program) {
  auto path = std::make_shared<std::string>();
  program
      .add_command(
          program.app(),
          {.name = "fsck",
           .summary =
               "Examine the data directory of a stopped center or manager, without changing it:\n"
               "what is damaged, what was acknowledged, what can be done. Exit 1: damage.\n"
               "An older copy of a whole directory is right in itself: only the other daemons\n"
               "notice it.",
           .examples = "  baton fsck --data ~/.local/state/baton/A\n"
                       "  baton fsck --data /var/lib/baton-center -o jsonl",
           .talks_to_cluster = false},
          [path](CommonOptions common) { return fsck(common, *path); })
      .add_option("--data", *path, "the directory")
      ->type_name("DIR")
      ->required();
}

}  // namespace baton::commands
