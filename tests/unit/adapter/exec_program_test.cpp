#include "run_program.hpp"

#include "wire/json.hpp"

#include <csignal>

using namespace forgepool;
using namespace forgepool::test;

namespace {

struct Job {
  std::shared_ptr<const AdapterPackage> package = built_package("exec-1.fpa");
  std::map<Digest, Bytes> inputs;
  Contract contract;

  Job(const std::vector<std::string>& items, const std::string& more) {
    Bytes probe = read_bytes(FORGEPOOL_EXEC_ITEM_PROBE);
    const Digest program = sha256(probe);
    inputs[program] = std::move(probe);
    std::string list;
    for (const std::string& item : items) {
      inputs[sha256(item)] = to_bytes(item);
      list += (list.empty() ? "\"" : ",\"") + sha256(item).str() + "\"";
    }
    contract = contract_of(R"({"op":{"name":"exec","version":"1","profile":"run.v1"},"args":{"program":")" + program.str() +
                           R"(","items":[)" + list + "]" + more + "}}");
  }

  json::Array run() const {
    const auto plan = package->plan(contract);
    REQUIRE(plan.has_value());
    const auto result = json::parse_canonical(reduce_all(*package, contract, run_all(*package, *plan, inputs)), 1 << 20);
    REQUIRE(result.has_value());
    return *result->as_object()->find("items")->as_array();
  }
};

std::string text(const json::Value& item, std::string_view key) {
  return *item.as_object()->find(key)->as_string();
}
std::int64_t code(const json::Value& item) {
  return *item.as_object()->find("code")->as_integer();
}

}  // namespace

TEST_CASE("a program runs once per item, and its outputs come in the items' order") {
  const auto items = Job({"one", "two", "three", "one"}, R"(,"items_per_shard":3)").run();
  REQUIRE(items.size() == 4);
  CHECK(text(items[0], "stdout") == "item: one");
  CHECK(text(items[1], "stdout") == "item: two");
  CHECK(text(items[2], "stdout") == "item: three");
  CHECK(text(items[3], "stdout") == "item: one");
  for (const auto& item : items) {
    CHECK(text(item, "outcome") == "exited");
    CHECK(code(item) == 0);
  }
  CHECK(text(items[1], "input") == sha256("two").str());
  CHECK(text(items[1], "stdout_digest") == sha256("item: two").str());
}

TEST_CASE("how a program ended is a value, and the next item runs all the same") {
  const auto items = Job({"exit 7", "crash", "flood", "binary", "last"}, R"(,"stdout_limit_bytes":50)").run();
  REQUIRE(items.size() == 5);
  CHECK(code(items[0]) == 7);
  CHECK(text(items[1], "outcome") == "signalled");
  CHECK(code(items[1]) == SIGSEGV);
  CHECK(text(items[2], "outcome") == "output_limit");
  CHECK(text(items[2], "stdout") == std::string(50, 'x'));
  CHECK(text(items[3], "stdout_base64") == to_base64(to_bytes(std::string("\0\xff\x80item: binary", 15))));
  CHECK(text(items[4], "stdout") == "item: last");
}

TEST_CASE("braces in arguments become the item's path") {
  const auto items = Job({"argv"}, R"(,"arguments":["--file={}","plain","{}{}"])").run();
  const std::string output = text(items[0], "stdout");
  const std::string path = output.substr(output.find('=') + 1, output.find('\n') - output.find('=') - 1);
  CHECK(path.ends_with("/in/item.0"));
  CHECK(output == "--file=" + path + "\nplain\n" + path + path + "\nitem: argv");
}

TEST_CASE("without stdin a program reads nothing") {
  const auto items = Job({"unread"}, R"(,"stdin":false)").run();
  CHECK(text(items[0], "stdout") == "item: ");
}
