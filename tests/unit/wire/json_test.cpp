#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>

#include <limits>
#include <random>

using namespace forgepool;

namespace {

std::string refusal(std::string_view text) {
  const auto value = json::parse(text, 1 << 20);
  return value ? "accepted: " + json::canonicalize(*value) : value.error().message;
}

std::string canonical(std::string_view text) {
  const auto value = json::parse(text, 1 << 20);
  return value ? json::canonicalize(*value) : "refused: " + value.error().message;
}

}  // namespace

TEST_CASE("JSON text of one meaning has one canonical form") {
  CHECK(canonical(" { \"b\" : 1 , \"a\" : [ true , false , null ] } ") == R"({"a":[true,false,null],"b":1})");
  CHECK(canonical("[10, 10.0, 1e1, 100E-1]") == "[10,10,10,10]");
  CHECK(canonical("[-0, -0.0, 0e5]") == "[0,0,0]");
  CHECK(canonical(R"("\u0041\/\ud83d\ude00\u001f")") == "\"A/\U0001F600\\u001f\"");
  CHECK(canonical("{}") == "{}");
  CHECK(canonical("[]") == "[]");
  CHECK(canonical("[9007199254740992, -9007199254740992, 9007199254740994, 100000000000000000000, 1e24]") ==
        "[9007199254740992,-9007199254740992,9007199254740994,100000000000000000000,1e+24]");
}

TEST_CASE("keys are sorted by UTF-16 code units, not by code points") {
  // U+1F600 is written with surrogates (D83D …) and so comes before U+FB33.
  CHECK(canonical("{\"\uFB33\":1,\"\U0001F600\":2,\"z\":3}") == "{\"z\":3,\"\U0001F600\":2,\"\uFB33\":1}");
  CHECK(json::utf16_less("a", "ab"));
  CHECK_FALSE(json::utf16_less("ab", "a"));
  CHECK_FALSE(json::utf16_less("a", "a"));
}

TEST_CASE("what is refused is named by its JSON pointer") {
  CHECK(refusal(R"({"a":{"b":1,"c":2,"b":3}})").starts_with("/a/b: the key stands twice"));
  CHECK(refusal(R"({"a":[{},{"x/y~z":1,"x\/y~z":1}]})").starts_with("/a/1/x~1y~0z: the key stands twice"));
  CHECK(refusal(R"({"a":[0,9007199254740993]})").starts_with("/a/1: the integer cannot be held by a double"));
  CHECK(refusal(R"({"a":-36893488147419103233})").starts_with("/a: the integer cannot be held by a double"));
  CHECK(refusal("[10000000000000000000000]").starts_with("/0: the integer cannot be held by a double"));
  CHECK(refusal(R"([1e400])").starts_with("/0: the number is outside the range"));
  CHECK(refusal(R"([1e-400])").starts_with("/0: the number is outside the range"));
  CHECK(refusal("{\"a\":\"\xff\"}").starts_with("/a: malformed JSON: invalid UTF-8"));
  CHECK(refusal("{\"a\":\n  nul}") == "/a: malformed JSON: expected a value (line 2, byte 3)");
  CHECK(refusal("{\"a\":1") == "(root): malformed JSON: expected , or }, but the text ends (line 1, byte 7)");
  CHECK(refusal("{\"a\nb\":1}").starts_with("(root): malformed JSON: control characters"));
  CHECK(refusal(R"({"a\nb":x})").starts_with("/a\\x0ab: malformed JSON"));
}

TEST_CASE("everything that RFC 8259 and I-JSON do not allow is refused") {
  const std::string text = GENERATE(
      as<std::string>{}, "", " ", "nul", "tru", "True", "NaN", "Infinity", "-Infinity", "-", "+1", "01", "-01", "1.", ".5",
      "1.e1", "1e", "1e+", "0x10", "1 2", "{} {}", "[1,]", "[,1]", "[1 2]", "[", "]", "{", "}", "{\"a\"}", "{\"a\":}",
      "{\"a\":1,}", "{a:1}", "{1:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "\"", "\"abc", "'a'", "\"\\x41\"", "\"\\u12\"",
      "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\", "\"\\u",
      "\"a\tb\"", "// x\n1", "/* */1", "\xef\xbb\xbf{}", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
      "\"\xed\xbf\xbf\"", "\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\x80\"", "\"\xc3\"",
      "\"\xe2\x82\"", "\"\xf0\x9f\x98\"", "\xff");
  INFO(text);
  CHECK_FALSE(json::parse(text, 1 << 20).has_value());
  CHECK_FALSE(json::parse(std::string("{}") + '\0', 1 << 20).has_value());
  CHECK_FALSE(json::parse(std::string("[1") + '\0' + "]", 1 << 20).has_value());
}

TEST_CASE("depth and size are bounded") {
  const auto nested = [](unsigned depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(json::parse(nested(64), 1000).has_value());
  CHECK(refusal(nested(65)).find("nested deeper than 64 levels") != std::string::npos);
  CHECK_FALSE(json::parse(std::string(1'000'000, '['), 1 << 20).has_value());
  CHECK_FALSE(json::parse(std::string(100'000, '{'), 1 << 20).has_value());
  CHECK(json::parse("[1,2]", 5).has_value());
  const auto big = json::parse("[1,22]", 5);
  REQUIRE_FALSE(big.has_value());
  CHECK(big.error().kind == ErrorKind::too_large);
}

TEST_CASE("parse_canonical takes the canonical form and nothing else") {
  CHECK(json::parse_canonical(R"({"a":1,"b":[2.5,"x"]})", 100).has_value());
  CHECK(json::parse_canonical(R"(["\"\\\b\f\n\r\t\u001f/"])", 100).has_value());
  for (const char* text : {R"({"b":1,"a":1})", R"({"a":1.0})", R"({ "a":1})", R"(["\u0041"])", R"(["\/"])", R"(["\u000a"])",
                           R"(["\u001F"])", "[1]\n", "[1e2]"}) {
    INFO(text);
    CHECK_FALSE(json::parse_canonical(text, 100).has_value());
  }
}

TEST_CASE("a long list is read as a short one is") {
  constexpr int count = 50'000;
  const auto list = [&](int number, std::string_view instead) {
    std::string text = "{\"list\":[";
    for (int i = 0; i < count; ++i) {
      if (i > 0) text += ",";
      text += i == number ? std::string(instead) : "{\"brackets\":\"]}\\\",[\",\"number\":" + std::to_string(i) + "}";
    }
    return text + "]}";
  };
  const auto parsed = json::parse_any_form(list(-1, ""), 1 << 24);
  REQUIRE(parsed);
  CHECK(parsed->canonical);
  CHECK(json::canonicalize(parsed->value) == list(-1, ""));

  const auto spaced = json::parse_any_form(list(40'000, " 1"), 1 << 24);
  REQUIRE(spaced);
  CHECK_FALSE(spaced->canonical);
  CHECK(*(*spaced->value.as_object()->find("list")->as_array())[40'000].as_integer() == 1);

  const auto refused = [&](std::string_view text) { return json::parse(text, 1 << 24).error().message; };
  CHECK(refused(list(30'000, "01")).starts_with("/list: malformed JSON: expected , or ]"));
  CHECK(refused(list(30'000, "")).starts_with("/list/30000: malformed JSON: expected a value"));
  CHECK(refused(list(30'000, R"({"a":[1,1e999]})")).starts_with("/list/30000/a/1: the number"));
  CHECK(refused(list(30'000, "]")).starts_with("/list/30000: malformed JSON: expected a value"));
  CHECK(refused(list(30'000, "\"")) != "");
  std::string text = list(-1, "");
  text[text.size() - 2] = '}';
  CHECK(refused(text).starts_with("/list: malformed JSON: expected , or ]"));
  text.resize(text.size() - 2);
  CHECK(refused(text).starts_with("/list: malformed JSON: expected , or ], but the text ends"));
  const std::string deep = std::string(63, '[') + std::string(63, ']');
  CHECK(refused(list(49'999, deep)).starts_with("/list/49999/0"));
  CHECK(json::parse(list(49'999, std::string(62, '[') + std::string(62, ']')), 1 << 24));
}

TEST_CASE("who asks for the elements of a list gets each, and null is left of it") {
  for (const int count : {0, 1, 50'000}) {
    std::string list = "[", nulls = "[";
    for (int i = 0; i < count; ++i) {
      (list += i > 0 ? "," : "") += R"({"list":[1,2],"number":)" + std::to_string(i) + "}";
      (nulls += i > 0 ? "," : "") += "null";
    }
    const auto document = [](const std::string& elements) { return R"({"list":)" + elements + R"(],"other":[{"list":[3]}]})"; };
    std::vector<std::string> taken(1);
    const json::ListReader readers[] = {
        {"list", [&](std::size_t size) { taken.assign(size, ""); },
         [&](std::size_t i, const json::Value& element) { taken.at(i) = json::canonicalize(element); }}};
    const auto read = [&](const std::string& text) { return json::parse_any_form(text, 1 << 24, readers); };
    const auto parsed = read(document(list));
    REQUIRE(parsed);
    CHECK(parsed->canonical);
    CHECK(json::canonicalize(parsed->value) == document(nulls));
    REQUIRE(taken.size() == static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
      if (taken[static_cast<std::size_t>(i)] != R"({"list":[1,2],"number":)" + std::to_string(i) + "}") FAIL("element " << i);

    const auto spaced = read(document(list + (count > 0 ? ", 7" : " 7")));
    REQUIRE(spaced);
    CHECK_FALSE(spaced->canonical);
    CHECK(taken.back() == "7");
    CHECK(read(document(list + (count > 0 ? ",07" : "07")))
              .error()
              .message.starts_with("/list: malformed JSON: expected , or ]"));
    CHECK(read(R"({"list":[4],)" + document(list).substr(1)).error().message == "/list: the key stands twice in its object");
  }
}

TEST_CASE("objects are changed by key") {
  json::Object object{{"b", 2}, {"a", "x"}, {"b", 3}};
  CHECK(json::canonicalize(object) == R"({"a":"x","b":3})");
  object.set("c", json::Array{1, true, nullptr});
  CHECK(object.erase("a"));
  CHECK_FALSE(object.erase("a"));
  CHECK(json::canonicalize(object) == R"({"b":3,"c":[1,true,null]})");
  CHECK(object.find("a") == nullptr);
  CHECK(*object.find("b")->as_integer() == 3);
}

TEST_CASE("integers that JSON cannot hold safely become the nearest double") {
  CHECK(json::canonicalize(std::numeric_limits<std::uint64_t>::max()) == "18446744073709552000");
  CHECK(json::canonicalize(std::numeric_limits<std::int64_t>::min()) == "-9223372036854776000");
  CHECK(json::canonicalize(json::max_safe_integer) == "9007199254740992");
}

TEST_CASE("random damage to a text is refused or read as another parser reads it") {
  const unsigned seed = 20260131;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::string bases[] = {
      R"({"a":[1,2.5e-3,-7,{"k":"v\u00e9\n"},true,false,null],"long key":"text with \"quotes\"","z":{}})",
      R"({"a":[1,0.0025,-7,{"k":"vé\n\u001f"},true,false,null],"long key":"text with \"quotes\"","z":{}})"};
  const std::string alphabet = "{}[]\",:0123456789.eE+-\\untrfalse \n\x80\xc3\xed";
  int accepted = 0, in_canonical_form = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = bases[round % 2];
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t place = random() % text.size();
      switch (random() % 3) {
        case 0: text[place] = alphabet[random() % alphabet.size()]; break;
        case 1: text.erase(place, 1 + random() % 4); break;
        default: text.insert(place, 1, alphabet[random() % alphabet.size()]);
      }
    }
    const auto ours = json::parse(text, 1 << 20);
    if (!ours) continue;
    ++accepted;
    const bool is_canonical = json::canonicalize(*ours) == text;
    in_canonical_form += is_canonical;
    if (json::parse_canonical(text, 1 << 20).has_value() != is_canonical) FAIL("whether this is canonical: " << text);
    const auto theirs = nlohmann::json::parse(text, nullptr, false);
    if (theirs.is_discarded()) FAIL("accepted what another parser refuses: " << text);
    const auto again = nlohmann::json::parse(json::canonicalize(*ours));
    if (again != theirs) FAIL("read differently: " << text << " as " << json::canonicalize(*ours));
    if (json::parse(json::canonicalize(*ours), 1 << 20) != ours) FAIL("the canonical form is another value: " << text);
  }
  CHECK(accepted > 1000);
  CHECK(in_canonical_form > 1000);
}
