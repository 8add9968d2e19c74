// Every step of the whole trio: BATON_RECOVERY_STRIDE=1 visits every operation of every daemon,
// which takes long.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/recovery/error_kinds.h"
#include "tests/recovery/figures.h"
#include "tests/recovery/points.h"
#include "tests/recovery/trio_scenarios.h"

namespace baton::recovery {
namespace {

class TrioSweep {
 public:
  TrioSweep(const Trio::Scenario& scenario, const PointOptions& options)
      : scenario_(scenario), options_(options) {}

  Figures run() {
    figures_.scenarios = 1;
    Trio calm(scenario_, options_.seed);
    attempt("without a fault", [&] { calm.play(); });
    if (!figures_.violations.empty()) return std::move(figures_);
    for (std::size_t who = 0; who < Trio::kDaemons; ++who) {
      const std::uint64_t first = 1 + (scenario_.first_start ? 0 : calm.up_at().at(who));
      const std::uint64_t last = calm.done_at().at(who);
      figures_.operations += last + 1 - first;
      for (const std::uint64_t point : chosen(first, last, who, "crash")) crash(who, point);
      for (const std::uint64_t point : chosen(first, last, who, "error")) fail(who, point);
    }
    return std::move(figures_);
  }

 private:
  [[nodiscard]] std::vector<std::uint64_t> chosen(std::uint64_t first, std::uint64_t last,
                                                  std::size_t who, const std::string& what) const {
    return options_.points(first, last, scenario_.name + what + std::to_string(who));
  }
  void attempt(const std::string& what, const std::function<void()>& body) {
    try {
      body();
    } catch (const std::exception& error) {
      figures_.violations.push_back("\"" + std::string(scenario_.name) + "\", " + what + ": " +
                                    error.what());
    }
  }

  // BATON_RECOVERY_TRACE=1: every line, for looking at one point of one scenario.
  static void trace_if_asked(Trio& trio) {
    if (std::getenv("BATON_RECOVERY_TRACE") == nullptr) return;
    trio.set_trace_sink([](Duration at, std::string_view host, std::string_view what) {
      std::printf("%12.6f %-12.*s %.*s\n", std::chrono::duration<double>(at).count(),
                  static_cast<int>(host.size()), host.data(), static_cast<int>(what.size()),
                  what.data());
    });
  }

  void crash(std::size_t who, std::uint64_t operation) {
    for (const Death death : {Death::kKill, Death::kPowerCut}) {
      ++figures_.crashes;
      Trio trio(scenario_, options_.seed);
      trace_if_asked(trio);
      TrioDaemon& daemon = trio.daemon(who);
      attempt(std::string(to_string(death)) + " of " + daemon.host() + " at operation " +
                  std::to_string(operation),
              [&] {
                daemon.set_trap({.crash_at = operation}, death);
                trio.play();
                require(daemon.env().operations() >= operation, "the crash never came");
              });
    }
  }

  void fail(std::size_t who, std::uint64_t operation) {
    for (const ErrorKind& kind : kErrorKinds) {
      for (const bool sticky : {false, true}) {
        ++figures_.errors;
        Trio trio(scenario_, options_.seed);
        trace_if_asked(trio);
        TrioDaemon& daemon = trio.daemon(who);
        attempt(std::string(kind.name) + (sticky ? " for good" : " once") + " at operation " +
                    std::to_string(operation) + " of " + daemon.host(),
                [&] {
                  // Pages that were taken for clean are missed only when the machine ends.
                  const bool cleaned = kind.fault == sim::Fault::kCleanPages;
                  daemon.set_trap({.fail_at = operation, .fault = kind.fault, .sticky = sticky},
                                  cleaned ? Death::kPowerCut : Death::kKill);
                  trio.play();
                  require(daemon.env().faults_met() > 0, "the error never came");
                  if (!daemon.died_before_saying()) {
                    require(daemon.said().size() == 1, "it did not stop for the error");
                    require_clear(daemon.said().front());
                  }
                  require(!daemon.wrote_on(), "it wrote on after the error");
                });
      }
    }
  }

  const Trio::Scenario& scenario_;
  const PointOptions options_;
  Figures figures_;
};

TEST_CASE("the trio keeps what it confirmed, whatever operation a daemon is cut off or fails at") {
  const Figures figures =
      sweep_all("trio", trio_scenarios(), {.stride = 97},
                [](const Trio::Scenario& scenario, const PointOptions& options) {
                  return TrioSweep(scenario, options).run();
                });
  CHECK(figures.violations.empty());
}

TEST_CASE("a scenario of the trio is the same one each time") {
  std::uint64_t hashes[2] = {};
  for (std::uint64_t& hash : hashes) {
    Trio trio(trio_scenarios().front(), 1);
    trio.play();
    hash = trio.trace_hash();
  }
  CHECK(hashes[0] == hashes[1]);
}

}  // namespace
}  // namespace baton::recovery
