#include "common/storage/fence_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <catch2/catch.hpp>

using namespace baton;
using namespace std::chrono_literals;

namespace {

// A folder of its own, removed at the end, and a fence in it.
class FenceFolder {
 public:
  FenceFolder() : folder_(std::filesystem::temp_directory_path() / "baton-fence-XXXXXX") {
    std::string name = folder_.string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~FenceFolder() { std::filesystem::remove_all(folder_); }
  FenceFolder(const FenceFolder&) = delete;
  FenceFolder& operator=(const FenceFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name = "fence") const {
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }
  void write(const std::string& text) const { std::ofstream(path()) << text; }
  [[nodiscard]] Status pass(std::uint64_t token, const std::string& name = "fence") const {
    return FenceFile::pass(path(name), Token(token), 0ms).status();
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace

TEST_CASE("a fence lets tokens pass that do not shrink, and names both when it refuses") {
  const FenceFolder folder;
  CHECK(folder.pass(5).ok());
  CHECK(folder.pass(5).ok());
  CHECK(folder.pass(9).ok());
  CHECK(folder.text() == fence_record(Token(9)));

  const Status refused = folder.pass(7);

  CHECK(refused.code() == ErrorCode::kClaimSuperseded);
  CHECK(refused.message().find("token 7 is smaller than 9") != std::string::npos);
  CHECK(folder.text() == fence_record(Token(9)));
  CHECK_FALSE(std::filesystem::exists(folder.path(".fence.baton-fence-new")));
}

TEST_CASE("nobody passes while a fence is held, whatever the token") {
  const FenceFolder folder;
  for (const std::uint64_t token : {3U, 4U, 4U}) {  // made, replaced, found
    auto held = FenceFile::pass(folder.path(), Token(token), std::nullopt);
    REQUIRE(held.ok());
    CHECK(folder.pass(2).code() == ErrorCode::kDeadlineExceeded);
    CHECK(folder.pass(9).code() == ErrorCode::kDeadlineExceeded);
    CHECK(FenceFile::pass(folder.path(), Token(9), 20ms).status().code() ==
          ErrorCode::kDeadlineExceeded);
  }
  CHECK(folder.text() == fence_record(Token(4)));
  CHECK(folder.pass(9).ok());
}

TEST_CASE("a file that is no whole record is refused and left as it is") {
  const FenceFolder folder;
  const std::string good = fence_record(Token(1234567890123456789U));
  std::vector<std::string> bad = {"",          "\n",        "1234567890123456789\n",
                                  good + "\n", good + good, std::string(5000, 'x')};
  for (std::size_t size = 0; size < good.size(); ++size) bad.push_back(good.substr(0, size));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    bad.push_back(good);
    bad.back()[bit / 8] = static_cast<char>(bad.back()[bit / 8] ^ (1 << (bit % 8)));
  }
  for (const std::string& text : bad) {
    folder.write(text);
    const ErrorCode code = folder.pass(2000000000000000000U).code();
    INFO("the file is " << text);
    // A digit of the version that became another looks like what a newer Baton would write.
    CHECK((code == ErrorCode::kDataLoss || code == ErrorCode::kUnsupportedVersion));
    CHECK(folder.text() == text);
  }
}

TEST_CASE("a token is decimal, at least 1, and has 64 bits") {
  CHECK(parse_token("1").value() == Token(1));
  CHECK(parse_token("18446744073709551615").value() == Token(18446744073709551615U));
  for (const char* text : {"", "0", "-1", "+1", " 1", "1 ", "1.0", "0x10", "one", "1\n",
                           "18446744073709551616", "99999999999999999999999999"}) {
    INFO(text);
    CHECK(parse_token(text).status().code() == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("only a regular file with one name can be a fence") {
  const FenceFolder folder;
  REQUIRE(folder.pass(5).ok());
  std::filesystem::create_hard_link(folder.path(), folder.path("second"));
  CHECK(folder.pass(6).code() == ErrorCode::kInvalidArgument);
  std::filesystem::remove(folder.path("second"));

  std::filesystem::create_directory(folder.path("folder"));
  CHECK(folder.pass(6, "folder").code() == ErrorCode::kInvalidArgument);
  CHECK(FenceFile::pass("/dev/null", Token(6), 0ms).status().code() == ErrorCode::kInvalidArgument);
  CHECK(folder.pass(6, "nowhere/fence").code() == ErrorCode::kNotFound);
  CHECK(folder.pass(6, "fence/below").code() == ErrorCode::kNotFound);
}

TEST_CASE("a symbolic link leads to the same fence") {
  const FenceFolder folder;
  REQUIRE(folder.pass(5).ok());
  std::filesystem::create_symlink(folder.path(), folder.path("link"));
  CHECK(folder.pass(8, "link").ok());
  CHECK(std::filesystem::is_symlink(folder.path("link")));
  CHECK(folder.pass(7).code() == ErrorCode::kClaimSuperseded);

  std::filesystem::create_symlink(folder.path("nothing"), folder.path("dangling"));
  CHECK(folder.pass(8, "dangling").code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a new record keeps the permissions of the old one") {
  const FenceFolder folder;
  REQUIRE(folder.pass(5).ok());
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0640));
  REQUIRE(folder.pass(6).ok());
  CHECK(std::filesystem::status(folder.path()).permissions() == std::filesystem::perms(0640));
}

TEST_CASE("what a crash left beside a fence is no record") {
  const FenceFolder folder;
  REQUIRE(folder.pass(5).ok());
  std::ofstream(folder.path(".fence.baton-fence-new")) << fence_record(Token(100));
  CHECK(folder.pass(6).ok());
  CHECK(folder.text() == fence_record(Token(6)));
}
