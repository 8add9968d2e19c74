// A whole program: words are tasks, a worker counts their letters, and the counts are read back.
//
//   count_letters HOST:PORT[,HOST:PORT...] WORD...
//
// Prints "WORD COUNT" a line, in the order of the words.
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <baton.h>

using namespace std::chrono_literals;
namespace bc = baton::client;

namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

int fail(const char* what, const baton::Status& status) {
  std::fprintf(stderr, "%s: %s\n", what, status.to_string().c_str());
  return 1;
}

// Puts every word into the queue; the tasks' ids, in order.
baton::Result<std::vector<baton::TaskId>> produce(bc::Client& client,
                                                  const std::vector<std::string>& words) {
  const auto producer = client.make_producer();
  std::vector<std::future<bc::ProduceOutcome>> outcomes;
  for (const std::string& word : words) outcomes.push_back(producer->produce("words", word));
  std::vector<baton::TaskId> tasks;
  for (auto& future : outcomes) {
    const bc::ProduceOutcome outcome = future.get();
    if (!outcome.confirmed()) return outcome.status;
    tasks.push_back(outcome.task);
  }
  producer->close();
  return tasks;
}

// Works on `count` tasks of the queue, up to 16 at a time.
baton::Status work(bc::Client& client, std::size_t count) {
  std::promise<bc::ConsumerSummary> ended;
  bc::ConsumerHandlers handlers;
  // On the client's thread: real work would go to a thread of its own and take a copy of the claim
  // along.
  handlers.on_task = [](const bc::Claim& claim) {
    claim.ack(std::to_string(claim.delivery().payload.size()));
  };
  handlers.on_end = [&](const bc::ConsumerSummary& summary) { ended.set_value(summary); };

  bc::ConsumerOptions options;
  options.queues = {"words"};
  options.concurrency = 16;
  options.tasks_max = count;
  options.wait_max = 30s;
  const auto consumer = client.make_consumer(options, handlers);
  if (!consumer.ok()) return consumer.status();
  const bc::ConsumerSummary summary = ended.get_future().get();
  if (summary.end == bc::ConsumerEnd::kTasksMax) return {};
  return summary.status.ok()
             ? baton::Status(baton::ErrorCode::kDeadlineExceeded, "too few tasks came")
             : summary.status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: count_letters HOST:PORT[,HOST:PORT...] WORD...\n");
    return 2;
  }
  const std::vector<std::string> words(argv + 2, argv + argc);
  auto client = bc::Client::open({.managers = split(argv[1]), .name = "count_letters"});
  if (!client.ok()) return fail("cannot open a client", client.status());

  const auto tasks = produce(*client.value(), words);
  if (!tasks.ok()) return fail("cannot produce", tasks.status());
  if (const baton::Status status = work(*client.value(), words.size()); !status.ok())
    return fail("cannot work", status);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto result = client.value()->admin().task_result(tasks.value()[i], 10s);
    if (!result.ok()) return fail("cannot read a result", result.status());
    std::printf("%s %s\n", words[i].c_str(), result.value().result.c_str());
  }
  return 0;
}
