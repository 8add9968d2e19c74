// Each flag with values that it does not take, and flags that contradict each other: exit code 2, and
// a sentence that says what is allowed. Nobody is asked.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/commands/fake_cluster.h"

namespace baton::commands {
namespace {

const std::string kTask = "17592186044417";
const std::string kOther = "17592186044418";
const std::string kLong(201, 'x');

struct Wrong {
  std::vector<std::string> words;
  std::string allowed;  // part of the sentence
};

void check_all(const std::vector<std::string>& verb, const std::vector<Wrong>& table) {
  FakeCluster cluster;
  for (const Wrong& wrong : table) {
    std::vector<std::string> words = verb;
    words.insert(words.end(), wrong.words.begin(), wrong.words.end());
    std::string line;
    for (const std::string& word : words) line += " " + word.substr(0, 40);
    INFO("baton" << line);
    const Ran ran = run_baton(words, &cluster, "a line\n");
    INFO(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("error: ") != std::string::npos);
    CHECK(ran.err.find(wrong.allowed) != std::string::npos);
  }
  CHECK(cluster.produced().empty());
  CHECK(cluster.acts().empty());
  CHECK(cluster.queries().empty());
}

TEST_CASE("produce: an option outside its range says the range") {
  check_all({"produce", "-q", "mail"},
            {{{"--priority", "0"}, "from 1 to 10"},
             {{"--priority", "11"}, "from 1 to 10"},
             {{"--priority", "1.5"}, "from 1 to 10"},
             {{"--priority", "18446744073709551617"}, "from 1 to 10"},
             {{"--delay", "-1s"}, "such as 250ms"},
             {{"--delay", "5"}, "such as 250ms"},
             {{"--delay", "4000d"}, "at most 10 years"},
             {{"--at", "tomorrow"}, "such as 2026-12-24T18:00:00Z"},
             {{"--at", "2026-12-24T18:00:00"}, "such as 2026-12-24T18:00:00Z"},
             {{"--at", "1969-12-31T00:00:00Z"}, "1970 to 2200"},
             {{"--at", "2201-01-01T00:00:00Z"}, "1970 to 2200"},
             {{"--at", "+4000d"}, "at most 10 years"},
             {{"--ttl", "4000d"}, "at most 10 years"},
             {{"--ttl", "long"}, "such as 250ms"},
             {{"--wait-timeout", "4000d"}, "at most 10 years"},
             {{"--attempt-timeout", "4000d"}, "at most 10 years"},
             {{"--total-timeout", "4000d"}, "at most 10 years"},
             {{"--max-attempts", "0"}, "from 1 to 1000"},
             {{"--max-attempts", "1001"}, "from 1 to 1000"},
             {{"--key", ""}, "must not be empty"},
             {{"--key", kLong}, "at most 200 bytes"},
             {{"--order-key", kLong}, "at most 200 bytes"},
             {{"--fair-key", kLong}, "at most 200 bytes"},
             {{"--type", kLong}, "at most 200 bytes"},
             {{"--fair-weight", "0"}, "from 1 to 100"},
             {{"--fair-weight", "101"}, "from 1 to 100"},
             {{"--after", ""}, "1 to 16 tasks"},
             {{"--after", "5"}, "task id"},
             {{"--after", kTask + "," + kTask}, "twice"},
             {{"--on-failed", "stop"}, "fail, ignore, wait"},
             {{"--parent", "5", "--token", "5"}, "task id"},
             {{"--parent", kTask, "--token", "0"}, "from 1"},
             {{"--wait", "soon"}, "such as 250ms"},
             {{"-q", "two words"}, "queue"}});
}

TEST_CASE("produce: more tasks in --after than there may be") {
  std::string many = kTask;
  for (int i = 0; i < 16; ++i) many += "," + std::to_string(17592186044500 + i);
  check_all({"produce", "-q", "mail"}, {{{"--after", many}, "1 to 16 tasks"}});
}

TEST_CASE("produce: options that contradict each other say how") {
  check_all({"produce", "-q", "mail"},
            {{{"--delay", "1s", "--at", "+1s"}, "--delay excludes --at"},
             {{"--parent", kTask}, "its parent and the token"},
             {{"--token", "5"}, "its parent and the token"},
             {{"--with-completion"}, "children of a parent"},
             {{"--fair-weight", "5"}, "share of a fair_key"},
             {{"--child"}, "baton consume --exec"},
             {{"--child", "--parent", kTask, "--token", "5"}, "excludes --child"},
             {{"--json-lines", "--file-per-task"}, "excludes"},
             {{"--key", "k", "one", "two"}, "--key names one task"}});
}

TEST_CASE("produce: a key for an input of several lines is refused before the first is sent") {
  FakeCluster cluster;
  const Ran ran = run_baton({"produce", "-q", "mail", "--key", "k"}, &cluster, "1\n2\n");
  CHECK(ran.code == 2);
  CHECK(ran.err.find("--key names one task") != std::string::npos);
  CHECK(cluster.produced().empty());
}

TEST_CASE("queue set: a setting outside its range says the range") {
  check_all({"queue", "set", "mail"},
            {{{"--lease", "1s"}, "3 s to 12 h"},
             {{"--lease", "13h"}, "3 s to 12 h"},
             {{"--max-attempts", "0"}, "1 to 1,000"},
             {{"--max-expiries", "1001"}, "1 to 1,000"},
             {{"--max-attempts", "many"}, "whole number"},
             {{"--backoff-min", "4000d"}, "0 to 10 years"},
             {{"--backoff-max", "4000d"}, "10 years"},
             {{"--backoff", "5s"}, "MIN..MAX"},
             {{"--backoff", "1h..10s"}, "backoff_min to 10 years"},
             {{"--backoff-factor-percent", "99"}, "100 to 1,000"},
             {{"--backoff-jitter-percent", "101"}, "0 to 100"},
             {{"--keep", "some"}, "none, results, all"},
             {{"--keep-age", "4000d"}, "0 to 10 years"},
             {{"--keep-count", "1000001"}, "0 to 1,000,000"},
             {{"--keep-bytes", "-1"}, "such as 512"},
             {{"--max-tasks", "-1"}, "whole number"},
             {{"--max-bytes", "5 apples"}, "such as 512"},
             {{"--max-in-flight", "4294967296"}, "whole number"},
             {{"--max-per-fair-key", "x"}, "whole number"},
             {{"--max-rate", "10000001"}, "0 to 10,000,000"},
             {{"--ordered", "maybe"}, "true nor false"},
             {{"--paused", "2"}, "true nor false"},
             {{"--paused-until", "later"}, "such as 2026-12-24T18:00:00Z"},
             {{"--paused-until", "2201-01-01T00:00:00Z"}, "1970 to 2200"},
             {{"--weight", "0"}, "1 to 100"},
             {{"--weight", "101"}, "1 to 100"},
             {{"--ageing", "1000001"}, "0 to 1,000,000"},
             {{"--key-window", "5s"}, "60 s to 10 years"},
             {{"--key-count", "0"}, "1 to 1,000,000"},
             {{"--on-uncertain", "maybe"}, "retry, hold"},
             {{"--on-dead", "maybe"}, "release, hold"},
             {{"--ttl", "4000d"}, "0 to 10 years"},
             {{"--wait-timeout", "4000d"}, "0 to 10 years"},
             {{"--attempt-timeout", "0s"}, "1 ms to 10 years"},
             {{"--total-timeout", "4000d"}, "0 to 10 years"},
             {{"--paused-until", "2020-01-01T00:00:00Z"}, "is over already"},
             {{"--paused-until", "+5m", "--paused", "no"}, "paused is false"},
             {{}, "no setting is named"},
             {{"--backoff", "1s..2s", "--backoff-max", "2s"}, "excludes"}});
}

TEST_CASE("queue pause and purge: what they do not take, they say") {
  check_all({"queue"}, {{{"pause", "mail", "--until", "later"}, "such as 2026-12-24T18:00:00Z"},
                        {{"pause", "mail", "--until", "2020-01-01T00:00:00Z"}, "is over already"},
                        {{"pause", "mail", "--until", "2201-01-01T00:00:00Z"}, "1970 to 2200"},
                        {{"purge", "mail"}, "--yes says so"},
                        {{"purge", "mail", "--dry-run", "--yes"}, "excludes"},
                        {{"ls", "--limit", "0"}, "whole number from 1"},
                        {{"ls", "--limit", "5", "--all"}, "excludes"}});
}

TEST_CASE("task and dead: ids, filters and bounds that are none say what is one") {
  check_all({},
            {{{"task", "cancel", "5"}, "task id"},
             {{"task", "cancel", kTask, "--reason", std::string(1025, 'x')}, "1,024 bytes"},
             {{"task", "cancel", kTask, kOther}, "--yes says so"},
             {{"task", "cancel", kTask, "--dry-run", "--yes"}, "excludes"},
             {{"task", "retry", kTask, "--priority", "11"}, "from 1 to 10"},
             {{"task", "retry", kTask, "--dry-run", "--yes"}, "excludes"},
             {{"task", "history", kTask, "--limit", "0"}, "whole number from 1"},
             {{"task", "history", kTask, "--limit", "5", "--all"}, "excludes"},
             {{"task", "retry", kTask, kOther, "--key", "k", "--yes"}, "--key names one task"},
             {{"task", "wait", kTask, "--timeout", "soon"}, "such as 250ms"},
             {{"task", "ls", "-q", "mail", "--state", "redy"}, "there are delayed, ready"},
             {{"task", "ls", "-q", "mail", "--limit", "0"}, "whole number from 1"},
             {{"task", "ls", "-q", "mail", "--limit", "-1"}, "whole number from 1"},
             {{"dead", "ls", "-q", "mail", "--older-than", "x"}, "such as 250ms"},
             {{"dead", "ls", "-q", "mail", "--min-attempts", "0"}, "1 to 1000000"},
             {{"dead", "ls", "-q", "mail", "--reason", std::string(1025, 'x')}, "1,024 bytes"},
             {{"dead", "ls", "-q", "mail", "--fair-key", kLong}, "at most 200 bytes"},
             {{"dead", "redrive"}, "their queue with -q"},
             {{"dead", "redrive", kTask, "-q", "mail"}, "exclude each other"},
             {{"dead", "redrive", "-q", "mail"}, "--dry-run shows"},
             {{"dead", "redrive", "-q", "mail", "--rate", "0", "--yes"}, "1 to 1000000"},
             {{"dead", "purge", "-q", "mail", "--limit", "0", "--yes"}, "whole number from 1"}});
}

TEST_CASE("consume: more queues than one consumer may wait on") {
  std::vector<std::string> many;
  for (int i = 0; i < 64; ++i) many.insert(many.end(), {"-q", "q" + std::to_string(i)});
  check_all({"consume", "-q", "mail"}, {{many, "1 to 64 queues"}});
}

TEST_CASE("consume: what it does not take, it says") {
  check_all({"consume", "-q", "mail"},
            {{{"--lease", "1s"}, "3 s to 12 h"},
             {{"-j", "0"}, "1 to 256"},
             {{"-n", "0"}, "whole number from 1"},
             {{"-n", "1e3"}, "whole number from 1"},
             {{"--pick", "best"}, "round-robin,random"},
             {{"--task", "5"}, "task id"},
             {{"-q", "two words"}, "queue"},
             {{"-q", "mail"}, "the queue mail is named twice"},
             {{"-q", "bulk", "--task", kTask}, "one task is of one queue"},
             {{"-q", "bulk", "more"}, "more"},
             {{"--result-type", "text/plain"}, "requires --exec"},
             {{"--exec", "true", "--result-type", kLong}, "at most 200 bytes"},
             {{"--dead-on", "3"}, "requires --exec"},
             {{"--exec", "true", "--dead-on", "0"}, "from 1 to 255"},
             {{"--exec", "true", "--dead-on", "256"}, "from 1 to 255"},
             {{"--exec", "true", "--dead-on", "3,x"}, "'x' is no exit code from 1 to 255"},
             {{"--exec", "true", "--dead-on", "3,"}, "CODE[,CODE...]"},
             {{"--exec", "true", "--dead-on", ""}, "from 1 to 255"}});
}

}  // namespace
}  // namespace baton::commands
