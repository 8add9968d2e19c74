// baton_sim: runs simulated clusters and says which seeds broke a promise.
//
//   baton_sim --seed N             one run, with its stories; --trace prints every line of it
//   baton_sim --seeds A..B         all of them
//   baton_sim --seeds A..B --until-violation
//   baton_sim --seed N --shrink    the simplest run that goes wrong in the same way
//   baton_sim --seconds S          from --seed on (default: from the clock) until the time is over
//
// One line per violation, beginning with its seed. Exit code 1 when there was one, or when
// something that must happen now and then never did.
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/sim/cluster/sim_run.h"
#include "tests/sim/cluster/sim_shrink.h"

namespace baton::sim {
namespace {

struct Sum {
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::uint64_t crashes = 0;
  std::uint64_t bad_runs = 0;
  Duration simulated{};
  check::Totals totals;
  Sometimes sometimes;
};

void add(Sum& sum, const SimVerdict& verdict) {
  sum.runs++;
  sum.events += verdict.events;
  sum.operations += verdict.operations;
  sum.crashes += verdict.crashes;
  sum.bad_runs += verdict.violations.empty() ? 0 : 1;
  sum.simulated += verdict.simulated;
  sum.totals.produced += verdict.totals.produced;
  sum.totals.confirmed += verdict.totals.confirmed;
  sum.totals.produce_unknown += verdict.totals.produce_unknown;
  sum.totals.deliveries += verdict.totals.deliveries;
  sum.totals.completed += verdict.totals.completed;
  sum.sometimes.add(verdict.sometimes);
}

void run_one(std::uint64_t seed, const SimRunOptions& options, bool stories, Sum& sum) {
  const SimVerdict verdict = run_seed(seed, options);
  for (const std::string& violation : verdict.violations) {
    std::cout << "seed " << seed << ": " << violation << "\n";
  }
  if (stories) {
    std::cout << verdict.stories;
    std::printf("seed %" PRIu64 ": trace %016" PRIx64 "\n", seed, verdict.trace_hash);
  }
  std::cout.flush();
  add(sum, verdict);
}

void print_summary(const Sum& sum, double wall_seconds, bool with_log_phrases) {
  for (const auto& [what, times] : sum.sometimes.counts()) {
    if (what.starts_with("log: ") && !with_log_phrases) continue;
    std::printf("%10" PRIu64 "  %s\n", times, what.c_str());
  }
  const double hours = std::chrono::duration<double, std::ratio<3600>>(sum.simulated).count();
  std::printf("%" PRIu64 " runs, %" PRIu64 " with violations; ", sum.runs, sum.bad_runs);
  std::printf("%" PRIu64 " produced, %" PRIu64 " confirmed, %" PRIu64 " unknown, ",
              sum.totals.produced, sum.totals.confirmed, sum.totals.produce_unknown);
  std::printf("%" PRIu64 " delivered, %" PRIu64 " completed; ", sum.totals.deliveries,
              sum.totals.completed);
  std::printf("%" PRIu64 " operations checked, %" PRIu64 " crashes of daemons; ", sum.operations,
              sum.crashes);
  std::printf("%.2f simulated hours in %.1f s (%.0f hours per hour), %.2f million events\n", hours,
              wall_seconds, hours * 3600 / wall_seconds, static_cast<double>(sum.events) / 1e6);
}

// One line for scripts: what was done, and how often each thing happened.
void print_json(const Sum& sum, double wall_seconds) {
  std::printf("{\"runs\":%" PRIu64 ",\"bad_runs\":%" PRIu64 ",", sum.runs, sum.bad_runs);
  std::printf("\"simulated_seconds\":%.3f,\"wall_seconds\":%.3f,",
              std::chrono::duration<double>(sum.simulated).count(), wall_seconds);
  std::printf("\"events\":%" PRIu64 ",\"operations\":%" PRIu64 ",\"crashes\":%" PRIu64 ",",
              sum.events, sum.operations, sum.crashes);
  std::printf("\"sometimes\":{");
  const char* comma = "";
  for (const auto& [what, times] : sum.sometimes.counts()) {
    std::printf("%s\"%s\":%" PRIu64, comma, what.c_str(), times);
    comma = ",";
  }
  std::printf("},\"never\":[");
  comma = "";
  // Over this process alone; a campaign has several.
  for (const std::string& what : missing_events(sum.sometimes, kRunsForSeldom)) {
    std::printf("%s\"%s\"", comma, what.c_str());
    comma = ",";
  }
  std::printf("]}\n");
}

void print_line(SimTime at, std::string_view who, std::string_view what) {
  std::printf("%12.6f %-12.*s %.*s\n", std::chrono::duration<double>(at).count(),
              static_cast<int>(who.size()), who.data(), static_cast<int>(what.size()), what.data());
}

// The command that runs it again is the last line.
int run_shrink(std::uint64_t seed) {
  const auto simplest =
      shrink(seed, [](const std::string& step) { std::cout << step << std::endl; });
  if (!simplest) {
    std::cout << "seed " << seed << " keeps every promise\n";
    return 0;
  }
  std::cout << simplest->violation << "\nbaton_sim --seed " << simplest->seed;
  const char* before = " --simplify ";
  for (const Simplification* chosen : simplest->simplified) {
    std::cout << before << chosen->name;
    before = ",";
  }
  std::cout << " --trace\n";
  return 1;
}

bool parse_simplifications(const std::vector<std::string>& names, SimRunOptions& options) {
  std::vector<const Simplification*> chosen;
  for (const std::string& name : names) {
    chosen.push_back(find_simplification(name));
    if (chosen.back() != nullptr) continue;
    std::cerr << "--simplify knows no '" << name << "', only";
    for (const Simplification& known : simplifications()) std::cerr << " " << known.name;
    std::cerr << "\n";
    return false;
  }
  if (!chosen.empty()) options.adjust = simplified_by(std::move(chosen));
  return true;
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

bool parse_range(const std::string& text, Range& range) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  try {
    range.first = std::stoull(text.substr(0, dots));
    range.last = std::stoull(text.substr(dots + 2));
  } catch (const std::exception&) {
    return false;
  }
  return range.first <= range.last;
}

struct Flags {
  std::optional<std::uint64_t> seed;
  std::string seeds;
  double seconds = 0;
  bool shrinks = false;
  std::vector<std::string> simplify;
  bool trace = false;
  bool frames = false;
  bool first_only = false;
  bool phrases = false;
  bool json = false;
};

void declare(CLI::App& app, Flags& flags) {
  auto* one = app.add_option("--seed", flags.seed, "one run; with --seconds, the first of many");
  app.add_option("--seeds", flags.seeds, "A..B, both included")->excludes(one);
  app.add_option("--seconds", flags.seconds, "go on with the next seed for this long");
  app.add_flag("--trace", flags.trace, "print every line of the trace");
  app.add_flag("--frames", flags.frames, "with --trace: every frame that is sent, too");
  app.add_option("--simplify", flags.simplify, "parts of the plan made simpler: NAME,NAME")
      ->delimiter(',');
  app.add_flag("--shrink", flags.shrinks,
               "search the simplest run that goes wrong as this seed does")
      ->needs(one);
  app.add_flag("--until-violation", flags.first_only, "end with the first seed that has one");
  app.add_flag("--phrases", flags.phrases, "also count the phrases that daemons logged");
  app.add_flag("--json", flags.json, "end with one line of JSON instead of the table");
}

// False: the flags name none.
bool choose_seeds(const Flags& flags, Range& range) {
  if (!flags.seeds.empty()) {
    if (!parse_range(flags.seeds, range)) {
      std::cerr << "--seeds wants A..B with A <= B, not '" << flags.seeds << "'\n";
      return false;
    }
  } else if (flags.seed) {
    range = {*flags.seed, *flags.seed};
  } else {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    range.first = static_cast<std::uint64_t>(since_epoch / std::chrono::seconds(1));
    range.last = range.first;
    std::cout << "first seed " << range.first << "\n";
  }
  if (flags.seconds > 0) range.last = UINT64_MAX;
  return true;
}

// Returns the exit code.
int run_all(const Range& range, const Flags& flags, const SimRunOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  const auto elapsed = [&began] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  const bool single = range.first == range.last;
  Sum sum;
  for (std::uint64_t next = range.first;; next++) {
    run_one(next, options, single, sum);
    if (flags.first_only && sum.bad_runs > 0) break;
    if (next == range.last || (flags.seconds > 0 && elapsed() >= flags.seconds)) break;
  }
  if (flags.json) {
    print_json(sum, elapsed());
  } else {
    print_summary(sum, elapsed(), flags.phrases);
  }
  if (single) return sum.bad_runs == 0 ? 0 : 1;
  const auto missing = missing_events(sum.sometimes, sum.runs);
  if (!flags.json) {
    for (const std::string& what : missing) std::cout << "never happened: " << what << "\n";
  }
  return sum.bad_runs == 0 && missing.empty() ? 0 : 1;
}

int main_program(int argc, char** argv) {
  CLI::App app("Runs simulated Baton clusters under faults; one seed is one run.");
  Flags flags;
  declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  if (flags.shrinks) return run_shrink(*flags.seed);
  Range range;
  if (!choose_seeds(flags, range)) return 2;
  SimRunOptions options;
  if (flags.trace) options.trace = print_line;
  options.frames = flags.frames;
  if (!parse_simplifications(flags.simplify, options)) return 2;
  return run_all(range, flags, options);
}

}  // namespace
}  // namespace baton::sim

int main(int argc, char** argv) { return baton::sim::main_program(argc, argv); }
