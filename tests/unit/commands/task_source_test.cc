#include "client/commands/task_source.h"

#include <fstream>
#include <optional>

#include <catch2/catch.hpp>

#include "client/commands/temporary_folder.h"

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

struct Files {
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder->path() + "/" + name) << text;
    return folder->path() + "/" + name;
  }
  // Everything, or why not.
  Result<std::vector<std::string>> all(TaskForm form, std::vector<std::string> paths) {
    TaskSource source(loop, form, std::move(paths), defaults);
    options.clear();
    std::vector<std::string> payloads;
    std::optional<Status> ended;
    std::function<void()> more = [&] {
      source.read([&](Result<std::vector<SourceTask>> read) {
        if (!read.ok() || read.value().empty()) {
          ended = read.status();
          return;
        }
        for (SourceTask& task : read.value()) {
          payloads.push_back(std::move(task.payload));
          options.push_back(*task.options);
        }
        more();
      });
    };
    more();
    REQUIRE(loop.run_until([&] { return ended.has_value(); }, 30s));
    if (!ended->ok()) return *ended;
    return payloads;
  }

  TaskOptions defaults;
  std::vector<TaskOptions> options;  // of the tasks that all() has read
  AsioLoop loop;
  std::unique_ptr<TemporaryFolder> folder = TemporaryFolder::make("baton-test-").value();
};

using Payloads = std::vector<std::string>;

}  // namespace

TEST_CASE("each line is a task, file after file, empty ones too") {
  Files files;
  const auto first = files.write("a", "one\n\ntwo");
  const auto second = files.write("b", "three\n");

  CHECK(files.all(TaskForm::kLines, {first, second}).value() ==
        Payloads{"one", "", "two", "three"});
  CHECK(files.all(TaskForm::kLines, {files.write("empty", "")}).value().empty());
}

TEST_CASE("each file is a task, newlines and all, also an empty one") {
  Files files;
  const auto paths = {files.write("a", "one\ntwo\n"), files.write("b", "")};
  CHECK(files.all(TaskForm::kFiles, paths).value() == Payloads{"one\ntwo\n", ""});
}

TEST_CASE("a file larger than a chunk is one task all the same") {
  Files files;
  const std::string large(1'000'000, 'x');
  CHECK(files.all(TaskForm::kFiles, {files.write("large", large)}).value() == Payloads{large});
  CHECK(files.all(TaskForm::kLines, {files.write("line", large + "\n")}).value() ==
        Payloads{large});
}

TEST_CASE("JSON lines carry any bytes") {
  Files files;
  const auto path = files.write("a", "{\"payload\":\"a\\nb\"}\n{\"payload_base64\":\"AP8=\"}\n");
  CHECK(files.all(TaskForm::kJsonLines, {path}).value() ==
        Payloads{"a\nb", std::string("\0\xff", 2)});
}

TEST_CASE("every task has the defaults, unless its line says otherwise") {
  Files files;
  files.defaults.priority = 7;
  REQUIRE(files.all(TaskForm::kLines, {files.write("a", "x\ny\n")}).ok());
  CHECK(files.options.at(1).priority == 7);
  const auto path = files.write("b", "{\"payload\":\"x\"}\n{\"payload\":\"y\",\"priority\":1}\n");
  REQUIRE(files.all(TaskForm::kJsonLines, {path}).ok());
  CHECK(files.options.at(0).priority == 7);
  CHECK(files.options.at(1).priority == 1);
}

TEST_CASE("a bad JSON line is named by its number") {
  Files files;
  const auto read =
      files.all(TaskForm::kJsonLines, {files.write("a", "{\"payload\":\"a\"}\nnonsense\n")});
  CHECK(read.status().code() == ErrorCode::kInvalidArgument);
  CHECK(read.status().message().find("line 2") != std::string::npos);
}

TEST_CASE("a file that is not there is named") {
  Files files;
  const auto read = files.all(TaskForm::kLines, {files.folder->path() + "/none"});
  CHECK(read.status().code() == ErrorCode::kNotFound);
  CHECK(read.status().message().find("/none") != std::string::npos);
}
