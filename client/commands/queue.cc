// baton queue ls | show | set | pause | resume | purge

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/confirm.h"
#include "client/commands/info_json.h"
#include "client/commands/list_flags.h"
#include "client/commands/program.h"
#include "client/commands/query.h"
#include "client/commands/setting_flags.h"
#include "client/commands/time_text.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kPageQueues = 1000;

class QueueLister {
 public:
  QueueLister(Query& query, std::string prefix, std::uint64_t rows_max)
      : query_(query),
        prefix_(std::move(prefix)),
        rows_max_(rows_max),
        rows_(query.out(), query.format(),
              {{"name", "QUEUE"},
               {"ready", "READY"},
               {"delayed", "DELAYED"},
               {"claimed", "CLAIMED"},
               {"held", "HELD"},
               {"blocked", "BLOCKED"},
               {"dead", "DEAD"},
               {"quarantined", "QUARANTINED"},
               {"done", "DONE"},
               {"waiting", "WAITING"},
               {"paused", "PAUSED"}}) {}

  void next_page(const std::string& cursor) {
    const auto limit =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(rows_max_ - listed_, kPageQueues));
    query_.admin().list_queues(prefix_, limit, cursor, query_.timeout(),
                               [this](Result<client::QueuePage> page) { on_page(page); });
  }

 private:
  void on_page(const Result<client::QueuePage>& page) {
    if (!page.ok()) return query_.fail(page.status());
    for (const client::QueueInfo& queue : page.value().queues) rows_.add(to_json(queue));
    listed_ += page.value().queues.size();
    const bool more = !page.value().next.empty();
    if (more && listed_ < rows_max_ && query_.out().ok()) return next_page(page.value().next);
    rows_.finish();
    if (more && query_.out().ok()) {
      std::fprintf(stderr, "there are more: --limit N or --all shows them\n");
    }
    query_.finish();
  }

  Query& query_;
  const std::string prefix_;
  const std::uint64_t rows_max_;
  RowWriter rows_;
  std::uint64_t listed_ = 0;
};

void add_list(Program& program, CLI::App& noun) {
  struct Options {
    std::string prefix;
    PageFlags pages;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "ls",
       .summary =
           "List the queues and how many tasks are in which state. DONE counts all that ever\n"
           "finished, WAITING the consumers that wait for a task. `queue show` has the rest.",
       .examples = "  baton queue ls\n"
                   "  baton queue ls mail/ -o json"},
      [options](CommonOptions common) {
        return run_query(std::move(common), [&](Query& query) {
          query
              .own(std::make_unique<QueueLister>(query, options->prefix, options->pages.rows_max()))
              .next_page("");
        });
      });
  command.add_option("PREFIX", options->prefix, "only queues whose name begins so");
  options->pages.add_to(command);
}

void add_name(CLI::App& command, std::string& name) {
  command.add_option("QUEUE", name, "the queue")->required()->check([](const std::string& text) {
    return validate_queue_name(text).message();
  });
}

void print_detail(Query& query, const client::QueueDetail& queue) {
  Json json = to_json(queue);
  const QueueChange all = change_to(queue.settings);
  if (query.format() == OutputFormat::kTable) {
    json.update(settings_text(all));
  } else {
    json["settings"] = settings_json(all);
  }
  query.print_and_finish(json);
}

void add_show(Program& program, CLI::App& noun) {
  auto name = std::make_shared<std::string>();
  add_name(program.add_command(noun,
                               {.name = "show",
                                .summary = "Show a queue's figures and settings.",
                                .examples = "  baton queue show mail\n"
                                            "  baton queue show mail -o json | jq .settings"},
                               [name](CommonOptions common) {
                                 return run_query(std::move(common), [&](Query& query) {
                                   query.admin().show_queue(
                                       *name, query.timeout(),
                                       [&query](Result<client::QueueDetail> queue) {
                                         if (!queue.ok()) return query.fail(queue.status());
                                         print_detail(query, queue.value());
                                       });
                                 });
                               }),
           *name);
}

// ---- changing -------------------------------------------------------------------------------------

WallTime clock_now() { return AsioLoop().wall_now(); }

// Changes the settings and says which; nothing on standard output but with -o json.
void change_queue(Query& query, const std::string& name, const QueueChange& change) {
  query.admin().set_queue(name, change, query.timeout(), [&query, name, change](const Status& set) {
    if (!set.ok()) return query.fail(set);
    if (query.format() != OutputFormat::kTable) {
      return query.print_and_finish(Json{{"name", name}, {"settings", settings_json(change)}});
    }
    const Json texts = settings_text(change);
    for (const auto& [setting, text] : texts.items()) {
      std::fprintf(stderr, "queue %s: %s is %s\n", name.c_str(), setting.c_str(),
                   text.get<std::string>().c_str());
    }
    query.finish();
  });
}

// The same, of a queue that there is: a name that was mistyped makes none.
void change_known_queue(Query& query, const std::string& name, const QueueChange& change,
                        const std::string& otherwise) {
  query.admin().show_queue(
      name, query.timeout(),
      [&query, name, change, otherwise](const Result<client::QueueDetail>& queue) {
        if (queue.ok()) return change_queue(query, name, change);
        const bool none = queue.status().code() == ErrorCode::kNotFound;
        query.fail({queue.status().code(), queue.status().message() + (none ? otherwise : "")});
      });
}

void add_set(Program& program, CLI::App& noun) {
  struct Options {
    std::string name;
    QueueChange change;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "set",
       .summary =
           "Change settings of a queue, which is made if there is none. Each takes effect at "
           "once, also for tasks\nthat wait. The word `default` puts a setting back.",
       .examples = "  baton queue set mail --max-attempts 3 --backoff 10s..1h\n"
                   "  baton queue set pay --on-uncertain hold         at most once: for money\n"
                   "  baton queue set api --max-rate 50 --max-in-flight 8 --max-per-fair-key 2\n"
                   "  baton queue set api --max-rate default"},
      [options](CommonOptions common) {
        if (options->change == QueueChange())
          return usage_error("queue set", "no setting is named");
        const Status valid = settle_change(options->change, clock_now());
        if (!valid.ok()) return usage_error("queue set", valid.message());
        return run_query(std::move(common), [&](Query& query) {
          change_queue(query, options->name, options->change);
        });
      });
  add_name(command, options->name);
  add_setting_flags(command, options->change, clock_now);
}

void add_pause(Program& program, CLI::App& noun) {
  struct Options {
    std::string name;
    std::string until;
    bool create = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "pause",
       .summary =
           "Hand out no more tasks of a queue. Producing goes on, and so does what is claimed.",
       .examples = "  baton queue pause mail\n"
                   "  baton queue pause mail --until +30m\n"
                   "  baton queue pause mail --until 2026-12-24T18:00:00Z\n"
                   "  baton queue pause next-week --create            before the first task comes"},
      [options](CommonOptions common) {
        return run_query(std::move(common), [&](Query& query) {
          QueueChange change;
          change.paused = true;
          change.paused_until = WallTime();
          if (!options->until.empty()) {
            const WallTime now = query.loop().wall_now();
            change.paused_until = parse_when(options->until, now).value();
            if (change.paused_until <= now)
              return query.fail({ErrorCode::kInvalidArgument, options->until + " is over already"});
          }
          if (options->create) return change_queue(query, options->name, change);
          change_known_queue(query, options->name, change, "; --create makes one that is paused");
        });
      });
  add_name(command, options->name);
  command.add_flag("--create", options->create, "make the queue if there is none");
  command
      .add_option("--until", options->until,
                  "resumes by itself then: a time, or a duration from now on\n"
                  "(default: when `baton queue resume` says so)")
      ->type_name("TIME|+DURATION")
      ->check([](const std::string& text) {
        const auto when = parse_when(text, WallTime());
        if (!when.ok()) return when.status().message();
        const bool fits = when.value().ms > 0 && when.value() <= kNotBeforeMax;
        return std::string(fits ? "" : "the year is outside 1970 to 2200");
      });
}

void add_resume(Program& program, CLI::App& noun) {
  auto name = std::make_shared<std::string>();
  add_name(program.add_command(noun,
                               {.name = "resume",
                                .summary = "Hand out tasks of a paused queue again.",
                                .examples = "  baton queue resume mail"},
                               [name](CommonOptions common) {
                                 return run_query(std::move(common), [&](Query& query) {
                                   QueueChange change;
                                   change.paused = false;
                                   change.paused_until = WallTime();
                                   change_known_queue(query, *name, change, "");
                                 });
                               }),
           *name);
}

// ---- purging ----------------------------------------------------------------------------------------

struct PurgeOptions {
  std::string name;
  bool dry_run = false;
  bool yes = false;
};

void print_purge(Query& query, const std::string& name, std::uint64_t tasks, bool done) {
  query.print_and_finish(Json{{"name", name}, {done ? "cancelled" : "would_be_cancelled", tasks}});
}

// Those that have done their own work and wait for their children are blocked, but never purged.
std::uint64_t purged_of(const client::QueueInfo& queue) {
  return queue.ready + queue.delayed + queue.blocked - std::min(queue.acked, queue.blocked);
}

void count_purge(Query& query, const std::string& name) {
  query.admin().show_queue(name, query.timeout(),
                           [&query, name](Result<client::QueueDetail> queue) {
                             if (!queue.ok()) return query.fail(queue.status());
                             print_purge(query, name, purged_of(queue.value().info), false);
                           });
}

int purge(CommonOptions common, const PurgeOptions& options) {
  const std::string question = "cancel every task that waits in queue '" + options.name + "'?";
  if (const auto code = refuse_unconfirmed(options.yes || options.dry_run, question)) return *code;
  return run_query(std::move(common), [&](Query& query) {
    if (options.dry_run) return count_purge(query, options.name);
    query.admin().purge_queue(options.name, query.timeout(),
                              [&query, &options](Result<std::uint64_t> tasks) {
                                if (!tasks.ok()) return query.fail(tasks.status());
                                print_purge(query, options.name, tasks.value(), true);
                              });
  });
}

void add_purge(Program& program, CLI::App& noun) {
  auto options = std::make_shared<PurgeOptions>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "purge",
       .summary = "Cancel everything that waits in a queue: ready, delayed, blocked. Not what is "
                  "claimed, held or dead.",
       .examples = "  baton queue purge mail --dry-run\n"
                   "  baton queue purge mail --yes"},
      [options](CommonOptions common) { return purge(std::move(common), *options); });
  add_name(command, options->name);
  CLI::Option* dry = command.add_flag("--dry-run", options->dry_run, "only count the tasks");
  command.add_flag("-y,--yes", options->yes, "do not ask; needed where there is no terminal")
      ->excludes(dry);
}

}  // namespace

void add_queue(Program& program) {
  CLI::App& noun = program.add_noun("queue", "Look at queues, change their settings, pause them");
  add_list(program, noun);
  add_show(program, noun);
  add_set(program, noun);
  add_pause(program, noun);
  add_resume(program, noun);
  add_purge(program, noun);
}

}  // namespace baton::commands
