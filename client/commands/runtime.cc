#include "client/commands/runtime.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include <unistd.h>

namespace baton::commands {
namespace {

LogOptions log_options(bool verbose) {
  LogOptions options;
  options.component = "baton";
  // Without --verbose a command says itself what went wrong, once.
  options.level = verbose ? LogLevel::kDebug : LogLevel::kError;
  return options;
}

// What the user can do about it; empty where the message says it all.
std::string_view next_step(ErrorCode code, bool reached) {
  switch (code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      if (reached) return "a part of it is away: `baton manager ls` tells which managers are up";
      return "is the cluster running? `baton dev` starts one here; --manager HOST:PORT names "
             "another";
    case ErrorCode::kNotLeader:
    case ErrorCode::kRetryLater:
      return "try again in a moment";
    case ErrorCode::kClaimSuperseded:
      return "somebody else may have worked on it since: `baton task show ID` tells";
    case ErrorCode::kUnsupportedVersion:
      return "compare `baton --version` with `baton center status`";
    case ErrorCode::kDataLoss:
      return "look at the manager's log: it names the damaged record";
    case ErrorCode::kOk:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kDenied:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kTooLarge:
    case ErrorCode::kBadFrame:
    case ErrorCode::kInternal:
      return "";
  }
  return "";
}

}  // namespace

Runtime::Runtime(CommonOptions options)
    : options_(std::move(options)),
      logger_(log_options(options_.verbose)),
      transport_(loop_, logger_),
      out_(stdout),
      async_out_(loop_, out_),
      on_interrupt_([this](int signal) { finish(128 + signal); }),
      signals_(
          loop_, [this](int signal) { on_interrupt_(signal); },
          [](int signal) { std::_Exit(128 + signal); }) {
  silence_protobuf();
}

Runtime::~Runtime() = default;

std::unique_ptr<client::Client> Runtime::make_client(std::vector<std::string> managers) {
  client::ClientOptions options;
  options.managers = std::move(managers);
  options.seed = system_seed() | 1U;  // 0 has a meaning of its own
  auto opened = client::open_embedded({loop_, transport_, logger_}, std::move(options));
  if (opened.ok()) return std::move(opened).value();
  fail(opened.status());
  return nullptr;
}

int Runtime::run(const std::function<void()>& start) {
  loop_.post(start);
  loop_.run();
  // Nobody reads what we print: waiting for that, with signals no longer heard, would hang.
  if (async_out_.busy()) std::_Exit(exit_code_);
  return exit_code_;
}

void Runtime::finish(int exit_code) {
  if (finished_) return;
  finished_ = true;
  exit_code_ = exit_code;
  loop_.stop();
}

void Runtime::fail(const Status& status, bool reached) {
  print_error(status, reached);
  finish(exit_code_of_request(status));
}

void print_error(const std::string& text) { std::fprintf(stderr, "error: %s\n", text.c_str()); }

void print_error(const Status& status, bool reached) {
  print_error(status.to_string());
  const std::string_view step = next_step(status.code(), reached);
  if (!step.empty()) std::fprintf(stderr, "  %.*s\n", static_cast<int>(step.size()), step.data());
}

int usage_error(const std::string& command, const std::string& what) {
  std::fprintf(stderr, "error: %s\n  `baton %s --help` shows how it is used\n", what.c_str(),
               command.c_str());
  return 2;
}

int exit_code_of_request(const Status& status) {
  return exit_code(status.code() == ErrorCode::kDeadlineExceeded ? ErrorCode::kUnavailable
                                                                 : status.code());
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace baton::commands
