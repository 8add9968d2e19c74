// baton audit verify | status

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <leveldb/env.h>

#include "center/storage/audit_archive.h"
#include "client/commands/info_json.h"
#include "client/commands/program.h"
#include "client/commands/query.h"
#include "common/storage/durable_env.h"

namespace baton::commands {
namespace {

// Redrawn after so much.
constexpr std::uint64_t kBytesPerDraw = std::uint64_t{32} << 20;

std::string text(std::uint64_t number) { return std::to_string(number); }
Json index_or_null(Lsn index) { return index ? Json(index.value()) : Json(); }

Json json_of(const center::AuditReport& report, double seconds) {
  Json notes = Json::array();
  for (const std::string& note : report.notes) notes.push_back(note);
  const double million = static_cast<double>(report.entries) / 1e6;
  return {{"ok", !report.problem},
          {"problem", report.problem ? Json(report.problem->what) : Json()},
          {"problem_entry", report.problem ? index_or_null(report.problem->index) : Json()},
          {"problem_file", report.problem ? Json(report.problem->file) : Json()},
          {"first_entry", index_or_null(report.first)},
          {"last_entry", index_or_null(report.last)},
          {"segments", report.segments},
          {"open_end", report.open_end},
          {"entries", report.entries},
          {"replayed", report.replayed},
          {"replayed_from", report.replayed_from ? Json(report.replayed_from->value()) : Json()},
          {"transitions", report.transitions},
          {"tasks", report.tasks},
          {"claims", report.claims},
          {"completions", report.completions},
          {"uncertain", report.uncertain},
          {"unfinished", report.unfinished},
          {"seconds", seconds},
          {"seconds_per_million_entries", million > 0 ? Json(seconds / million) : Json()},
          {"notes", std::move(notes)}};
}

void print_sentences(Output& out, const center::AuditReport& report, double seconds) {
  for (const std::string& note : report.notes) out.write("note: " + note + "\n");
  if (report.entries > 0) {
    out.write("entries " + text(report.first.value()) + " to " + text(report.last.value()) +
              " in " + text(report.segments) + " segments" +
              (report.open_end ? " and the one that is being written" : "") + ": " +
              text(report.transitions) + " transitions, " + text(report.tasks) +
              " tasks created, " + text(report.claims) + " claims, " + text(report.completions) +
              " completions, " + text(report.uncertain) + " uncertain attempts, " +
              text(report.unfinished) + " tasks unfinished\n");
    if (!report.replayed_from) {
      out.write("nothing could be replayed\n");
    } else {
      out.write("replayed " + text(report.replayed) + " entries from " +
                (*report.replayed_from
                     ? "the snapshot at entry " + text(report.replayed_from->value())
                     : std::string("the beginning")) +
                "\n");
    }
  }
  char time[64];
  std::snprintf(time, sizeof time, "%.2f s", seconds);
  if (report.problem) {
    const center::AuditReport::Problem& problem = *report.problem;
    out.write("wrong: " + problem.file +
              (problem.index ? ", entry " + text(problem.index.value()) : "") + ": " +
              problem.what + "\n");
  } else {
    out.write("proved in " + std::string(time) + "\n");
  }
}

int verify(const CommonOptions& common, const std::string& data) {
  DurableEnv env(*leveldb::Env::Default());  // which does not map files that grow
  const std::uint64_t began_us = env.NowMicros();
  std::uint64_t done = 0;
  std::uint64_t drawn_at = 0;
  const auto report = center::audit_archive(env, data, [&](std::uint64_t bytes) {
    done += bytes;
    if (!stderr_is_terminal() || done - drawn_at < kBytesPerDraw) return;
    drawn_at = done;
    std::fprintf(stderr, "\rverified %llu MiB\033[K", static_cast<unsigned long long>(done >> 20));
  });
  if (drawn_at > 0) std::fprintf(stderr, "\r\033[K");
  if (!report.ok()) {
    print_error(report.status());
    return exit_code(report.status().code());
  }
  const double seconds = static_cast<double>(env.NowMicros() - began_us) / 1e6;
  Output out(stdout);
  if (common.format == OutputFormat::kTable) {
    print_sentences(out, report.value(), seconds);
  } else {
    print_object(out, common.format, json_of(report.value(), seconds));
  }
  if (!out.flush()) print_error("standard output was closed");
  return report.value().problem || !out.ok() ? 1 : 0;
}

int status(CommonOptions common) {
  return run_query(std::move(common), [](Query& query) {
    query.admin().audit_status(query.timeout(), [&query](Result<client::AuditInfo> audit) {
      if (!audit.ok()) return query.fail(audit.status());
      query.print_and_finish(to_json(audit.value()));
    });
  });
}

}  // namespace

void add_audit(Program& program) {
  CLI::App& noun = program.add_noun("audit", "Prove what the ledger did");
  auto data = std::make_shared<std::string>();
  program
      .add_command(
          noun,
          {.name = "verify",
           .summary = "Prove the history in a center's data directory: its hashes, a replay, and "
                      "the promises\n"
                      "by themselves. The center may be running. Exit 1: something is wrong, and "
                      "the first entry is named.",
           .examples = "  baton audit verify --data /var/lib/baton-center\n"
                       "  baton audit verify --data ~/.local/state/baton/center -o json",
           .talks_to_cluster = false},
          [data](CommonOptions common) { return verify(common, *data); })
      .add_option("--data", *data, "the center's directory")
      ->required();
  program.add_command(
      noun,
      {.name = "status",
       .summary = "Show what the center's auditor has seen since its start, and what is kept of "
                  "the past.",
       .examples = "  baton audit status"},
      status);
}

}  // namespace baton::commands
