// baton_judge: judges a run by the histories that its processes wrote (common/history/history_file.h).
//
//   baton_judge [--healed] [--dead-allowed] [--quarantine-allowed] [--states-unknown]
//               [--lease-share X] [--max-attempts N] FILE...
//
// Merges the files by time, runs every checker, prints one line per violation, what the run did, and
// the stories of the tasks in question. Exit code 1 when a promise was broken or something could not
// be decided, 2 when a file is no history or a flag is wrong.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/history/history_file.h"
#include "common/history/judge.h"

namespace baton::check {
namespace {

constexpr int kUsage = 2;

void print_totals(const Judgement& judgement, std::size_t events, std::size_t cut_lines) {
  const auto line = [](const char* what, std::uint64_t count) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(count), what);
  };
  const Totals& totals = judgement.totals;
  line("events", events);
  line("resource samples", judgement.samples);
  line("produced", totals.produced);
  line("confirmed", totals.confirmed);
  line("refused produces", totals.produce_failed);
  line("produces with an unknown end", totals.produce_unknown);
  line("of those, delivered", totals.recovered);
  line("deliveries", totals.deliveries);
  line("of those, once more", totals.redeliveries);
  line("completed", totals.completed);
  line("refused operations", totals.superseded);
  line("acks with an unknown end", totals.ack_unknown);
  line("tasks put in order", judgement.order.tasks);
  line("steps of those", judgement.order.steps);
  line("tasks undecided", judgement.order.undecided);
  if (cut_lines > 0) line("lines cut off at the end of a file", cut_lines);
}

void print_shape_of_lost(const History& history, const JudgeOptions& options) {
  const LostShape shape =
      shape_of_lost(history, {options.quarantine_allowed, options.states_asked});
  if (shape.prefix + shape.middle + shape.postfix == 0) return;
  std::printf("lost, in the order of confirmation: %llu first, %llu in the middle, %llu last\n",
              static_cast<unsigned long long>(shape.prefix),
              static_cast<unsigned long long>(shape.middle),
              static_cast<unsigned long long>(shape.postfix));
}

const char* sentence(const Judgement& judgement) {
  if (!judgement.violations.empty()) return "a promise was broken";
  return judgement.good() ? "every promise was kept"
                          : "no broken promise was found, but not everything could be decided";
}

int judge_files(const std::vector<std::string>& names, const JudgeOptions& options) {
  HistoryFiles files;
  for (const std::string& name : names) {
    std::ifstream in(name, std::ios::binary);
    const Status status = in.is_open() ? files.read(in, name)
                                       : Status(ErrorCode::kNotFound, name + ": cannot be opened");
    if (status.ok()) continue;
    std::cerr << "error: " << status.message() << "\n";
    return kUsage;
  }
  const std::size_t cut_lines = files.cut_lines();
  const History history = files.merge();
  const Judgement judgement = judge(history, options);
  for (const std::string& line : judgement.lines()) std::cout << line << "\n";
  std::cout << judgement.stories(history);
  std::cout.flush();
  print_shape_of_lost(history, options);
  print_totals(judgement, history.events().size(), cut_lines);
  std::printf("%s\n", sentence(judgement));
  return judgement.good() ? 0 : 1;
}

int main_program(int argc, char** argv) {
  CLI::App app("Judges a run of Baton by the histories that its processes wrote.");
  std::vector<std::string> files;
  JudgeOptions options;
  bool states_unknown = false;
  app.add_option("FILE", files, "history files; all of one run")->required();
  app.add_flag("--healed", options.healed,
               "faults had ended and consumers had time: every confirmed task must be done");
  app.add_flag("--dead-allowed", options.dead_allowed, "with --healed: or dead");
  app.add_flag("--quarantine-allowed", options.quarantine_allowed,
               "or in quarantine: disks were damaged or put back");
  app.add_flag("--states-unknown", states_unknown, "nobody looked at the tasks in the end");
  app.add_option("--lease-share", options.order.lease_share, "a claim lasts this part of its lease")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--max-attempts", options.order.max_attempts, "dead at so many nacks; 0: unknown")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  options.states_asked = !states_unknown;
  return judge_files(files, options);
}

}  // namespace
}  // namespace baton::check

int main(int argc, char** argv) { return baton::check::main_program(argc, argv); }
