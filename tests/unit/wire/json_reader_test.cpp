#include "wire/json_reader.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;

namespace {

constexpr std::string_view colours[] = {"red", "green"};

struct Sample {
  std::int64_t count;
  double ratio;
  bool flag;
  std::string name, id;
  std::size_t colour;
  std::vector<std::string> tags;
};

Result<Sample> read_sample(std::string_view text) {
  const auto value = json::parse(text, 1000);
  REQUIRE(value.has_value());
  json::ObjectReader reader(*value, "/sample");
  Sample sample;
  sample.count = reader.integer("count", 1, 16);
  sample.ratio = reader.number("ratio", 0, 1, 0.5);
  sample.flag = reader.boolean("flag", true);
  sample.name = reader.string("name", 5, "none", 1);
  sample.id = reader.id("id", "x");
  sample.colour = reader.choice("colour", colours, 1);
  sample.tags = reader.strings("tags", 2, 8, json::ObjectReader::Need::optional);
  if (auto read = reader.finish(); !read) return fail(read.error());
  return sample;
}

std::string mistake(std::string_view text) {
  const auto sample = read_sample(text);
  return sample ? "accepted" : sample.error().message;
}

}  // namespace

TEST_CASE("a strict reader returns members and defaults") {
  const auto all =
      read_sample(R"({"count":16,"ratio":1,"flag":false,"name":"ab","id":"a.b-c","colour":"red","tags":["t","u"]})");
  REQUIRE(all.has_value());
  CHECK(all->count == 16);
  CHECK(all->ratio == 1.0);
  CHECK_FALSE(all->flag);
  CHECK(all->name == "ab");
  CHECK(all->id == "a.b-c");
  CHECK(all->colour == 0);
  CHECK(all->tags == std::vector<std::string>{"t", "u"});
  const auto least = read_sample(R"({"count":1})");
  REQUIRE(least.has_value());
  CHECK(least->ratio == 0.5);
  CHECK(least->name == "none");
  CHECK(least->colour == 1);
}

TEST_CASE("a strict reader names the place, what was expected and what was there") {
  CHECK(mistake(R"({"count":0})") == "/sample/count: expected an integer from 1 to 16, got 0");
  CHECK(mistake(R"({"count":1.5})") == "/sample/count: expected an integer from 1 to 16, got 1.5");
  CHECK(mistake(R"({"count":"1"})") == "/sample/count: expected an integer from 1 to 16, got \"1\"");
  CHECK(mistake(R"({})") == "/sample/count: missing; expected an integer from 1 to 16");
  CHECK(mistake(R"([])") == "/sample: expected an object, got an array");
  CHECK(mistake(R"({"count":1,"ratio":1.01})") == "/sample/ratio: expected a number from 0 to 1, got 1.01");
  CHECK(mistake(R"({"count":1,"flag":0})") == "/sample/flag: expected true or false, got 0");
  CHECK(mistake(R"({"count":1,"name":""})") == "/sample/name: expected a string from 1 to 5 bytes long, got \"\"");
  CHECK(mistake(R"({"count":1,"name":null})") == "/sample/name: expected a string from 1 to 5 bytes long, got null");
  CHECK(mistake(R"({"count":1,"id":".."})").starts_with("/sample/id: expected 1 to 128 characters"));
  CHECK(mistake(R"({"count":1,"colour":"blue"})") == "/sample/colour: expected one of red, green, got \"blue\"");
  CHECK(mistake(R"({"count":1,"tags":["a","b","c"]})") == "/sample/tags: expected an array of 0 to 2 elements, got 3");
  CHECK(mistake(R"({"count":1,"tags":["a",7]})") == "/sample/tags/1: expected a string of 1 to 8 bytes, got 7");
  CHECK(mistake(R"({"count":1,"tags":["a","a"]})") == "/sample/tags/1: the element \"a\" stands twice");
}

TEST_CASE("unknown members are refused before anything else, with the known ones named") {
  CHECK(mistake(R"({"cuont":1})") == "/sample/cuont: unknown key; expected count, ratio, flag, name, id, colour, tags");
  CHECK(mistake(R"({"count":0,"extra":1})").starts_with("/sample/extra: unknown key"));
}
