#include "common/daemon/shell_files.h"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include "common/daemon/command_shape.h"
#include "common/daemon/completion.h"
#include "common/daemon/manual_page.h"

using namespace baton;

namespace {

// A program with one of everything that the definitions can say.
struct Shop {
  Shop() {
    app.footer("Examples:\n  shop sell bread\n\nExit codes: 0 ok");
    app.add_flag("-v,--verbose", verbose, "say more. Much more.");
    sell.footer("Examples:\n  shop sell bread\n  .dot 'a' \\n\n\nBread is sold\nfresh.");
    sell.add_option("GOODS", text, "what to sell")->required();
    sell.add_option("--paper", text, "how it is wrapped")->check(CLI::IsMember({"brown", "white"}));
    sell.add_option("--money", text, "what is paid with")->type_name("coins|notes");
    sell.add_option("--count", count, "how many")->check(CLI::Range(1, 9))->default_str("1");
    sell.add_option("--bill", text, "where the bill is written")->type_name("FILE");
    sell.add_option("--shelf", text, "where it lies")->type_name("DIR");
    sell.add_option("--after", text, "what runs then")->type_name("CMD");
    sell.add_option("--secret", text, "nobody knows")->group("");
    app.add_subcommand("hidden", "nobody knows")->group("");
    app.add_subcommand("stock", "Look at goods")->add_subcommand("ls", "List them.");
  }

  [[nodiscard]] const ArgumentShape& flag(const std::string& name) const {
    for (const ArgumentShape& flag : shape.verbs.at(0).flags) {
      if (flag.names.back() == name) return flag;
    }
    FAIL("no flag " + name);
    return shape.flags.at(0);
  }

  std::string text;
  int count = 1;
  bool verbose = false;
  CLI::App app{"A shop.", "shop"};
  CLI::App& sell = *app.add_subcommand("sell", "Sell goods. For money.");
  CommandShape shape;
};

CommandShape shape_of_shop(Shop& shop) { return shop.shape = shape_of(shop.app); }

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the shape of a command line has its verbs, flags and values, and nothing hidden") {
  Shop shop;
  const CommandShape shape = shape_of_shop(shop);

  REQUIRE(shape.verbs.size() == 2);
  CHECK(shape.verbs[1].verbs.at(0).joined_path(" ") == "shop stock ls");
  CHECK(shape.verbs[1].footer.empty());  // not its parent's
  const CommandShape& sell = shape.verbs[0];
  CHECK(sell.flags.size() == 7);  // with --help
  REQUIRE(sell.positionals.size() == 1);
  CHECK(sell.positionals[0].required);
  CHECK(shop.flag("--paper").choices == std::vector<std::string>{"brown", "white"});
  CHECK(shop.flag("--paper").value_name == "brown|white");
  CHECK(shop.flag("--money").choices == std::vector<std::string>{"coins", "notes"});
  CHECK(shop.flag("--count").limits == "1 to 9");
  CHECK(shop.flag("--count").default_text == "1");
  CHECK(shop.flag("--bill").value == ArgumentValue::kFile);
  CHECK(shop.flag("--shelf").value == ArgumentValue::kDirectory);
  CHECK(shop.flag("--after").value == ArgumentValue::kCommand);
  CHECK(shop.flag("--help").value == ArgumentValue::kNone);
}

TEST_CASE("every shell's script names what the shape has, and nothing hidden") {
  Shop shop;
  const CommandShape shape = shape_of_shop(shop);
  for (const Shell shell : kShells) {
    const std::string script = completion_script(shape, shell);
    for (const char* word : {"sell", "stock", "verbose", "paper", "brown", "coins", "bill"}) {
      INFO(to_string(shell) << ": " << word);
      CHECK(has(script, word));
    }
    CHECK_FALSE(has(script, "secret"));
    CHECK_FALSE(has(script, "hidden"));
    CHECK(parse_shell(to_string(shell)).value() == shell);
  }
  CHECK(parse_shell("csh").status().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a program has a page, and each word behind it") {
  Shop shop;
  ManualFacts facts;
  facts.version = "1.2";
  facts.environment = {{"MALL", "where it is"}, {"GOODS", "what there is"}};
  const std::vector<ManualPage> pages = manual_pages(shape_of_shop(shop), facts);

  REQUIRE(pages.size() == 3);
  CHECK(pages[0].name == "shop.1");
  CHECK(pages[1].name == "shop-sell.1");
  CHECK(pages[2].name == "shop-stock.1");
  const std::string& sell = pages[1].text;
  CHECK(has(sell, "shop\\-sell \\- Sell goods\n"));
  CHECK(has(sell, "Bread is sold fresh."));
  CHECK(has(sell, "how many. Allowed: 1 to 9. Default: 1.\n"));
  CHECK(has(sell, "\\fBGOODS\\fR\nwhat there is."));  // the page names it
  CHECK_FALSE(has(sell, "where it is"));
  CHECK_FALSE(has(sell, "secret"));
  CHECK_FALSE(has(pages[0].text, "Exit codes"));
  CHECK(has(pages[2].text, ".SS \"shop stock ls\"\nList them.\n"));
}

TEST_CASE("text of a page is never taken for a request") {
  Shop shop;
  const std::vector<ManualPage> pages = manual_pages(shape_of_shop(shop), {});
  CHECK(has(pages[1].text, "\n\\&.dot \\(aqa\\(aq \\en\n"));
  CHECK(roff("a-b") == "a\\-b");
}
