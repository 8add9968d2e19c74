// The settings of a queue on the command line: flags for `baton queue set`, text and JSON for
// `baton queue show`. All of it follows from for_each_setting() and one sentence of help for each.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "client/commands/payload_json.h"
#include "common/base/queue_settings.h"

namespace baton::commands {

// A flag for each setting, which fills `change`; the word "default" puts it back to what a new queue
// has. Also --backoff MIN..MAX, and --ttl for --time-to-live. `clock` says when "+5m" begins.
void add_setting_flags(CLI::App& command, QueueChange& change, std::function<WallTime()> clock);

// The sentence of a setting; empty: there is no such setting.
std::string_view setting_help(std::string_view name);

// Sets the member called `name`. invalid_argument: no such setting, or the text is no value of it.
Status set_setting(QueueChange& change, std::string_view name, std::string_view text, WallTime now);

// A time until which the queue is paused says that it is paused. invalid_argument: a value is out of
// its range, or two of those given do not go together. What one of them means beside the queue's own
// settings only the ledger can tell.
Status settle_change(QueueChange& change, WallTime now);

// What the change names, as people write it ("30s", "64MiB", "hold").
Json settings_text(const QueueChange& change);
// The same for programs: durations as NAME_ms, times as RFC 3339 or null.
Json settings_json(const QueueChange& change);

}  // namespace baton::commands
