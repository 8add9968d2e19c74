// Every step of both stores: BATON_RECOVERY_STRIDE=1 visits every operation, which takes minutes.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/recovery/ledger_scenarios.h"
#include "tests/recovery/payload_scenarios.h"
#include "tests/recovery/sweep.h"

namespace baton::recovery {
namespace {

template <class Machine>
Figures sweep_scenario(const typename Machine::Scenario& scenario, const PointOptions& options) {
  return sweep(
      scenario.name, [&] { return std::make_unique<Machine>(scenario, options.seed); }, options);
}

// Of the normal run: some seconds, also with sanitizers.
constexpr PointOptions kUsual{.stride = 59, .nested_stride = 41};

TEST_CASE("a manager's store keeps what it told, whatever operation it is cut off or fails at") {
  const Figures figures =
      sweep_all("payload", payload_scenarios(), kUsual, sweep_scenario<PayloadMachine>);
  CHECK(figures.violations.empty());
}

TEST_CASE("a center's store keeps what it told, whatever operation it is cut off or fails at") {
  const Figures figures =
      sweep_all("ledger", ledger_scenarios(), kUsual, sweep_scenario<LedgerMachine>);
  CHECK(figures.violations.empty());
}

// ---- the sweeps can fail ----

// Violations that the sweep of the first of these scenarios finds with the planted mistake.
template <class Machine, class Scenarios>
std::vector<std::string> found_with(Plant plant, const Scenarios& scenarios,
                                    const std::string& name) {
  for (const typename Machine::Scenario& scenario : scenarios) {
    if (scenario.name != name) continue;
    return sweep(name, [&] { return std::make_unique<Machine>(scenario, 1, plant); },
                 {.stride = 3, .nested_stride = 50})
        .violations;
  }
  FAIL("there is no such scenario");
  return {};
}

std::size_t count_of(const std::vector<std::string>& violations, const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      violations.begin(), violations.end(),
      [&](const std::string& violation) { return violation.find(text) != std::string::npos; }));
}

TEST_CASE("a disk that does not sync is found by the sweep over power cuts") {
  const auto payloads =
      found_with<PayloadMachine>(Plant::kNoSync, payload_scenarios(), "one by one");
  CHECK(count_of(payloads, "power cut at operation") > 0);
  const auto ledger = found_with<LedgerMachine>(Plant::kNoSync, ledger_scenarios(), "one by one");
  CHECK(count_of(ledger, "power cut at operation") > 0);
}

TEST_CASE("a store that acknowledges before it syncs is found by the sweep over power cuts") {
  const auto payloads =
      found_with<PayloadMachine>(Plant::kLateSync, payload_scenarios(), "one by one");
  CHECK(count_of(payloads, "power cut at operation") > 0);
  const auto ledger = found_with<LedgerMachine>(Plant::kLateSync, ledger_scenarios(), "one by one");
  CHECK(count_of(ledger, "power cut at operation") > 0);
}

TEST_CASE("a store that does not sync its directory is found by the sweep over power cuts") {
  const auto payloads =
      found_with<PayloadMachine>(Plant::kNoDirectorySync, payload_scenarios(), "a clean restart");
  CHECK(count_of(payloads, "power cut at operation") > 0);
}

TEST_CASE("a store that goes on after a failed write or sync is found by the sweep over errors") {
  const auto payloads =
      found_with<PayloadMachine>(Plant::kErrorsIgnored, payload_scenarios(), "one by one");
  CHECK(count_of(payloads, "EIO once") > 0);
  CHECK(count_of(payloads, "after the fault") > 0);
  const auto ledger =
      found_with<LedgerMachine>(Plant::kErrorsIgnored, ledger_scenarios(), "one by one");
  CHECK(count_of(ledger, "EIO once") > 0);
  CHECK(count_of(ledger, "after the fault") > 0);
}

}  // namespace
}  // namespace baton::recovery
