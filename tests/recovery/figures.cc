#include "tests/recovery/figures.h"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace baton::recovery {
namespace {

constexpr std::size_t kViolationsTold = 20;

// By BATON_RECOVERY_PART and BATON_RECOVERY_ONLY.
bool is_wanted(const std::string& name, std::size_t number) {
  const char* part = std::getenv("BATON_RECOVERY_PART");
  std::size_t mine = 0;
  std::size_t parts = 1;
  if (part != nullptr && std::sscanf(part, "%zu/%zu", &mine, &parts) == 2 &&
      number % parts != mine) {
    return false;
  }
  const char* only = std::getenv("BATON_RECOVERY_ONLY");
  return only == nullptr || name.find(only) != std::string::npos;
}

// The second line is for scripts/every_step.sh, which sums them.
void print_table(const std::string& what, const Figures& figures, double seconds) {
  std::printf(
      "every step    scenarios operations     reads   crashes    nested    errors read errors "
      "violations   seconds\n");
  std::printf("figures: %-4s %9" PRIu64 " %10" PRIu64 " %9" PRIu64 " %9" PRIu64, what.c_str(),
              figures.scenarios, figures.operations, figures.reads, figures.crashes);
  std::printf(" %9" PRIu64 " %9" PRIu64 " %11" PRIu64 " %10zu %9.1f\n", figures.nested,
              figures.errors, figures.read_errors, figures.violations.size(), seconds);
}

}  // namespace

void Figures::add(const Figures& other) {
  scenarios += other.scenarios;
  operations += other.operations;
  reads += other.reads;
  crashes += other.crashes;
  nested += other.nested;
  errors += other.errors;
  read_errors += other.read_errors;
  violations.insert(violations.end(), other.violations.begin(), other.violations.end());
}

Figures sweep_named(const std::string& what, const std::vector<std::string>& names,
                    const PointOptions& options, const std::function<Figures(std::size_t)>& sweep) {
  const auto began = std::chrono::steady_clock::now();
  Figures figures;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_wanted(names[i], i)) figures.add(sweep(i));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  print_table(what, figures, took.count());
  std::printf("seed %" PRIu64 "; of each %" PRIu64 " operations one is visited, of each %" PRIu64
              " of a recovery\n",
              options.seed, options.stride, options.nested_stride);
  for (std::size_t i = 0; i < std::min(figures.violations.size(), kViolationsTold); ++i)
    std::printf("%s\n", figures.violations[i].c_str());
  std::fflush(stdout);
  return figures;
}

}  // namespace baton::recovery
