#include "tests/recovery/sweep.h"

#include <exception>
#include <utility>

#include "tests/recovery/error_kinds.h"

namespace baton::recovery {
namespace {

constexpr Death kDeaths[] = {Death::kKill, Death::kPowerCut};

class Sweep {
 public:
  Sweep(std::string scenario, const MakeMachine& make, const PointOptions& options)
      : scenario_(std::move(scenario)), make_(make), options_(options) {}

  Figures run() {
    figures_.scenarios = 1;
    attempt("without a fault", [this] { measure(); });
    if (!figures_.violations.empty()) return std::move(figures_);  // the rest would say the same
    crash_everywhere();
    fail_everywhere();
    fail_reads_everywhere();
    return std::move(figures_);
  }

 private:
  // A violation becomes a line, and the sweep goes on.
  void attempt(const std::string& what, const std::function<void()>& body) {
    try {
      body();
    } catch (const std::exception& error) {
      figures_.violations.push_back("\"" + scenario_ + "\", " + what + ": " + error.what());
    }
  }
  [[nodiscard]] std::vector<std::uint64_t> chosen(std::uint64_t last,
                                                  const std::string& what) const {
    return options_.points(1, last, scenario_ + what);
  }

  void measure();
  void crash_everywhere();
  void crash(std::uint64_t operation, Death death);
  void crash_recovery(const StoreMachine& dead, std::uint64_t operation, Death death,
                      const std::string& contents);
  void fail_everywhere();
  void fail(std::uint64_t operation, const ErrorKind& kind, bool sticky, Death death);
  void fail_read(std::uint64_t read);
  void fail_reads_everywhere();

  // On a healthy disk the store opens and has everything. Returns what it has.
  static void recover(StoreMachine& machine);
  static std::string recover_and_verify(StoreMachine& machine);

  const std::string scenario_;
  const MakeMachine& make_;
  const PointOptions options_;
  Figures figures_;
};

void Sweep::recover(StoreMachine& machine) {
  const Status opened = machine.recover();
  require(opened.ok(), "it does not open: " + opened.to_string());
  require(machine.failures().empty(), "it fails on a healthy disk");
}

std::string Sweep::recover_and_verify(StoreMachine& machine) {
  recover(machine);
  return machine.verify();
}

void Sweep::measure() {
  const auto machine = make_();
  machine->play({});
  require(!machine->refusal() && machine->failures().empty(), "the script failed by itself");
  figures_.operations = machine->env().operations();
  figures_.reads = machine->env().reads();
  machine->die(Death::kKill);
  recover_and_verify(*machine);
}

void Sweep::crash_everywhere() {
  for (const std::uint64_t operation : chosen(figures_.operations, "crash")) {
    for (const Death death : kDeaths) {
      attempt(std::string(to_string(death)) + " at operation " + std::to_string(operation),
              [&] { crash(operation, death); });
    }
  }
}

void Sweep::crash(std::uint64_t operation, Death death) {
  ++figures_.crashes;
  const auto machine = make_();
  machine->play({.crash_at = operation});
  require(machine->env().stopped(), "the crash never came");
  machine->die(death);
  const auto dead = machine->twin();
  const std::uint64_t before = machine->env().operations();
  recover(*machine);
  const std::uint64_t operations = machine->env().operations() - before;
  const std::string contents = machine->verify();
  // What a recovery has found is promised from then on.
  machine->go_on();
  machine->die(Death::kPowerCut);
  recover_and_verify(*machine);

  const std::string where = to_string(death) + std::to_string(operation);
  for (const std::uint64_t step : options_.nested_points(operations, scenario_ + where)) {
    for (const Death again : kDeaths) {
      // After kills alone all that was written is still there; a power cut first leaves only what
      // is durable. In both cases a second recovery has nothing else to find than the first.
      const bool same = death == Death::kPowerCut || again == Death::kKill;
      attempt(std::string(to_string(death)) + " at operation " + std::to_string(operation) +
                  ", then " + to_string(again) + " at operation " + std::to_string(step) +
                  " of the recovery",
              [&] { crash_recovery(*dead, step, again, same ? contents : std::string()); });
    }
  }
}

void Sweep::crash_recovery(const StoreMachine& dead, std::uint64_t operation, Death death,
                           const std::string& contents) {
  ++figures_.nested;
  const auto machine = dead.twin();
  const Status opened = machine->recover({.crash_at = operation});
  require(!opened.ok() && machine->env().stopped(), "the crash never came");
  machine->die(death);
  const std::string found = recover_and_verify(*machine);
  require(contents.empty() || found == contents,
          "another recovery comes to something else:\n" + found + "\ninstead of\n" + contents);
}

void Sweep::fail_everywhere() {
  for (const std::uint64_t operation : chosen(figures_.operations, "error")) {
    for (const ErrorKind& kind : kErrorKinds) {
      for (const bool sticky : {false, true}) {
        for (const Death death : kDeaths) {
          attempt(std::string(kind.name) + (sticky ? " for good" : " once") + " at operation " +
                      std::to_string(operation) + ", then " + to_string(death),
                  [&] { fail(operation, kind, sticky, death); });
        }
      }
    }
  }
}

void Sweep::fail(std::uint64_t operation, const ErrorKind& kind, bool sticky, Death death) {
  ++figures_.errors;
  const auto machine = make_();
  machine->play({.fail_at = operation, .fault = kind.fault, .sticky = sticky});
  require(machine->env().faults_met() > 0, "the error never came");
  if (machine->refusal()) {
    require_clear(*machine->refusal());
  } else if (!machine->failures().empty()) {
    require_clear(machine->failures().front());
    machine->check_refuses();
  } else {
    require(machine->fault_met_dying(), "it went on after the error");
  }
  machine->die(death);
  recover_and_verify(*machine);
  machine->go_on();
}

void Sweep::fail_reads_everywhere() {
  for (const std::uint64_t read : chosen(figures_.reads, "read")) {
    attempt("EIO at read " + std::to_string(read), [&] { fail_read(read); });
  }
}

void Sweep::fail_read(std::uint64_t read) {
  ++figures_.read_errors;
  const auto machine = make_();
  machine->play({.fail_read_at = read});
  require(machine->env().faults_met() > 0, "the error never came");
  if (machine->refusal()) require_clear(*machine->refusal());
  if (!machine->failures().empty()) require_clear(machine->failures().front());
  machine->die(Death::kPowerCut);
  recover_and_verify(*machine);
  machine->go_on();
}

}  // namespace

Figures sweep(const std::string& scenario, const MakeMachine& make, const PointOptions& options) {
  return Sweep(scenario, make, options).run();
}

}  // namespace baton::recovery
