// Runs every file of conversations/: lines to say, "----", the expected answer, an empty line.
//
// BATON_REWRITE=1 writes the answers of today into the files; review the diff.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <catch2/catch.hpp>

#include "tests/scenarios/ledger/conversation.h"

namespace baton::center::scenario {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The same file with today's answers.
std::string rerun(const std::string& file) {
  Conversation conversation;
  std::ostringstream out;
  std::istringstream in(file);
  std::string answers;
  bool in_answer = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "----") {
      out << "----\n" << answers;
      answers.clear();
      in_answer = true;
    } else if (line.empty()) {
      out << "\n";
      in_answer = false;
    } else if (!in_answer) {
      out << line << "\n";
      if (line.starts_with("#")) continue;
      try {
        answers += conversation.say(line);
      } catch (const std::exception& error) {
        answers += std::string(error.what()) + "\n";
      }
    }
  }
  return out.str();
}

TEST_CASE("conversations with the ledger go as written") {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(BATON_CONVERSATIONS)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= 16);
  for (const auto& path : files) {
    INFO(path.filename().string());
    const std::string expected = read(path);
    const std::string today = rerun(expected);
    if (std::getenv("BATON_REWRITE") != nullptr) {
      std::ofstream(path) << today;
    } else {
      CHECK(today == expected);
    }
  }
}

}  // namespace
}  // namespace baton::center::scenario
