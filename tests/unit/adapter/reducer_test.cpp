#include "sample_packages.hpp"

#include "common/summary.hpp"
#include "wire/json.hpp"

#include <algorithm>
#include <cmath>
#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

Contract insurance(std::uint64_t iterations, std::uint64_t shard_iterations) {
  return contract("mc", "insurance.v1",
                  R"({"iterations":)" + std::to_string(iterations) + R"(,"shard_iterations":)" +
                      std::to_string(shard_iterations) + R"(,"claim_freq":2,"claim_severity_mu":1,"claim_severity_sig":0.5})");
}

Contract execution(int items, int per_shard) {
  std::string list;
  for (int i = 0; i < items; ++i) list += (i ? ",\"" : "\"") + sha256("item " + std::to_string(i)).str() + "\"";
  return contract("exec", "run.v1",
                  R"({"program":")" + sha256("p").str() + R"(","items":[)" + list + R"(],"items_per_shard":)" +
                      std::to_string(per_shard) + R"(,"stdout_limit_bytes":8})");
}

std::string reduce(const AdapterPackage& package, const Contract& job, const std::vector<std::string>& outputs) {
  std::vector<ByteView> views;
  for (const std::string& output : outputs) views.push_back(as_bytes(output));
  const auto result = package.reduce(job, views);
  return result ? *result : std::string(to_string(result.error().kind)) + ": " + result.error().message;
}

double number(const json::Object& object, std::string_view key) {
  return object.find(key)->as_number();
}

}  // namespace

TEST_CASE("the summary of many shards is that of all samples together") {
  const unsigned seed = 99;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const std::size_t total = 10'000, shard_size = 700;
  std::vector<std::uint64_t> samples;
  for (std::size_t i = 0; i < total; ++i)
    samples.push_back(static_cast<std::uint64_t>(std::exp(static_cast<double>(random() % 20'000) / 1000.0)));

  std::vector<std::string> outputs;
  for (std::size_t begin = 0; begin < total; begin += shard_size) {
    adapter_program::Summary summary;
    for (std::size_t i = begin; i < std::min(total, begin + shard_size); ++i) summary.add(samples[i]);
    outputs.push_back(summary.json());
  }
  const auto package = sample_package("mc");
  const Contract job = insurance(total, shard_size);
  for (const std::string& output : outputs) CHECK(package->check_output(job, as_bytes(output)).has_value());
  const std::string text = reduce(*package, job, outputs);
  const auto result = json::parse_canonical(text, 1 << 20);
  REQUIRE(result.has_value());
  const json::Object& summary = *result->as_object();

  __extension__ using Wide = unsigned __int128;
  std::vector<std::uint64_t> sorted = samples;
  std::ranges::sort(sorted);
  std::uint64_t sum = 0;
  Wide squares = 0;
  for (const std::uint64_t sample : samples) {
    sum += sample;
    squares += Wide{sample} * sample;
  }
  const long double mean = static_cast<long double>(sum) / total;
  long double spread = 0;
  for (const std::uint64_t sample : samples)
    spread += (static_cast<long double>(sample) - mean) * (static_cast<long double>(sample) - mean);
  const auto deviation = static_cast<double>(std::sqrt(spread / (total - 1)));

  CHECK(number(summary, "count") == static_cast<double>(total));
  CHECK(*summary.find("sum")->as_string() == std::to_string(sum));
  std::string squares_text;
  for (Wide rest = squares; rest != 0; rest /= 10)
    squares_text.insert(squares_text.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  CHECK(*summary.find("sum_squares")->as_string() == squares_text);
  CHECK(number(summary, "min") == static_cast<double>(sorted.front()));
  CHECK(number(summary, "max") == static_cast<double>(sorted.back()));
  CHECK(number(summary, "mean") == static_cast<double>(mean));
  CHECK(std::abs(number(summary, "standard_deviation") / deviation - 1) < 1e-12);
  CHECK(std::abs(number(summary, "standard_error") / (deviation / 100) - 1) < 1e-12);
  CHECK(*summary.find("unit")->as_string() == "cents");
  for (const unsigned percent : {50u, 90u, 95u, 99u}) {
    INFO("p" << percent);
    const double exact = static_cast<double>(sorted[(total * percent + 99) / 100 - 1]);
    const double reported = number(*summary.find("percentiles")->as_object(), "p" + std::to_string(percent));
    CHECK(reported >= exact);
    CHECK(reported <= exact * (1 + number(summary, "percentile_relative_error")));
  }
  double counted = 0;
  for (const json::Value& bucket : *summary.find("histogram")->as_array()) counted += (*bucket.as_array())[2].as_number();
  CHECK(counted == static_cast<double>(total));

  CHECK(reduce(*package, job, outputs) == text);
}

TEST_CASE("sums that no 64 or 128 bits hold are exact all the same") {
  adapter_program::Summary summary;
  for (int i = 0; i < 5; ++i) summary.add_rounded(1e300);
  summary.add_rounded(-3);
  const auto package = sample_package("mc");
  std::vector<std::string> outputs(1000, summary.json());
  const auto result = json::parse(reduce(*package, insurance(6000, 6), outputs), 1 << 20);
  REQUIRE(result.has_value());
  const json::Object& object = *result->as_object();
  CHECK(*object.find("sum")->as_string() == "45035996273704955000");                          // 5000 (2^53 - 1)
  CHECK(*object.find("sum_squares")->as_string() == "405648192073033318406952478310405000");  // 5000 (2^53 - 1)^2
  CHECK(number(object, "saturated") == 5000);
  CHECK(number(object, "min") == 0);
  CHECK(number(object, "max") == 9007199254740991.0);
}

TEST_CASE("one sample has no deviation") {
  adapter_program::Summary summary;
  summary.add(500);
  const auto result = json::parse(reduce(*sample_package("mc"), insurance(1, 1), {summary.json()}), 1 << 20);
  CHECK(number(*result->as_object(), "standard_deviation") == 0);
  CHECK(number(*result->as_object(), "mean") == 500);
}

TEST_CASE("hostile summaries are refused with their place") {
  const auto package = sample_package("mc");
  const Contract job = insurance(7, 3);
  const std::string good =
      R"({"count":3,"format":"summary/1","histogram":[[1,2],[600,1]],"max":689,"min":1,"saturated":0,"sum":"691","sum_squares":"474723"})";
  REQUIRE(package->check_output(job, as_bytes(good)).has_value());
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"\"count\":3", "\"count\":4", "/histogram: holds 3 samples"},
      {"\"count\":3", "\"count\":2", "/histogram/1: expected [bucket, samples]"},
      {"\"count\":3", "\"count\":0", "/count: expected an integer from 1"},
      {"\"count\":3", "\"count\":-1", "/count: expected an integer from 1"},
      {"\"count\":3", "\"count\":1e+300", "/count: expected an integer"},
      {"\"count\":3", "\"count\":3.5", "/count: expected an integer"},
      {"\"count\":3,", "", "/count: missing"},
      {"summary/1", "summary/2", "/format: expected one of summary/1"},
      {"[[1,2],[600,1]]", "[]", "/histogram: expected an array of 1 to 11776"},
      {"[[1,2],[600,1]]", "[[1,3]]", "/max: is not in the last bucket"},
      {"[[1,2],[600,1]]", "[[600,1],[1,2]]", "/histogram/1: expected [bucket"},
      {"[[1,2],[600,1]]", "[[1,1],[1,1],[600,1]]", "/histogram/1: expected [bucket"},
      {"[[1,2],[600,1]]", "[[1,9007199254740992],[600,1]]", "/histogram/0: expected [bucket"},
      {"[[1,2],[600,1]]", "[[1,2],[11776,1]]", "/histogram/1: expected [bucket"},
      {"[[1,2],[600,1]]", "[[-1,2],[600,1]]", "/histogram/0: expected [bucket"},
      {"[[1,2],[600,1]]", "[[1,2,3],[600,1]]", "/histogram/0: expected [bucket"},
      {"[[1,2],[600,1]]", "[1,2]", "/histogram/0: expected [bucket"},
      {"[[1,2],[600,1]]", "[[1,2],[600,0]]", "/histogram/1: expected [bucket"},
      {"[[1,2],[600,1]]", "[[2,2],[600,1]]", "/min: is not in the first bucket"},
      {"\"max\":689", "\"max\":9007199254740992", "/max: expected an integer from 0"},
      {"\"max\":689", "\"max\":0", "/min: expected at most max"},
      {"\"saturated\":0", "\"saturated\":1", "/saturated: expected 0"},
      {"\"sum\":\"691\"", "\"sum\":\"0691\"", "/sum: expected a decimal integer"},
      {"\"sum\":\"691\"", "\"sum\":\"-1\"", "/sum: expected a decimal integer"},
      {"\"sum\":\"691\"", "\"sum\":691", "/sum: expected a string"},
      {"\"sum\":\"691\"", "\"sum\":\"692\"", "/sum: is not a sum"},
      {"\"sum\":\"691\"", "\"sum\":\"600\"", "/sum: is not a sum"},
      {"\"sum\":\"691\"", "\"sum\":\"9999999999999999999999999999999999999999999999999\"", "/sum: expected a string"},
      {"\"sum_squares\":\"474723\"", "\"sum_squares\":\"1\"", "/sum_squares: is not a sum"},
      {"\"saturated\":0", "\"saturated\":0,\"secret\":1", "/secret: unknown key"},
      {"\"max\":689", "\"max\":689.0", "(root): not in the canonical form"},
      {"{\"count\"", " {\"count\"", "(root): not in the canonical form"},
      {good, "", "(root): malformed JSON"},
      {good, "\xff", "(root): malformed JSON"},
      {good, std::string(2 << 20, ' '), "(root): expected at most 1048576 bytes"},
  };
  for (const auto& [from, to, expected] : cases) {
    std::string bad = good;
    REQUIRE(bad.find(from) != std::string::npos);
    bad.replace(bad.find(from), from.size(), to);
    INFO(from << " -> " << to.substr(0, 200));
    const auto checked = package->check_output(job, as_bytes(bad));
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().kind == ErrorKind::corrupt);
    CHECK(checked.error().message.substr(0, expected.size()) == expected);
    CHECK(reduce(*package, job, {good, bad, good}).starts_with("corrupt: output of shard 1: " + expected));
  }
}

TEST_CASE("outputs must be those of all shards, each of its length") {
  const auto package = sample_package("mc");
  const auto output = [](int count) {
    adapter_program::Summary summary;
    for (int i = 0; i < count; ++i) summary.add(static_cast<std::uint64_t>(i));
    return summary.json();
  };
  const Contract job = insurance(7, 3);
  CHECK(reduce(*package, job, {output(3), output(3), output(1)}).starts_with("{"));
  CHECK(
      reduce(*package, job, {output(3), output(3)}).starts_with("invalid_input: expected the outputs of all 3 shards, got 2"));
  CHECK(reduce(*package, job, {output(3), output(1), output(3)}) == "corrupt: output of shard 1: /count: expected 3, got 1");
  CHECK(package->check_output(job, as_bytes(output(3))).has_value());
  CHECK(package->check_output(job, as_bytes(output(1))).has_value());
  CHECK(package->check_output(job, as_bytes(output(2))).error().message == "/count: no shard of this job is that long");
}

TEST_CASE("counts add up") {
  const auto package = sample_package("noop");
  const Contract job = contract("noop", "noop.v1", R"({"shards":3})");
  const std::string one = R"({"count":1,"format":"count/1"})";
  CHECK(reduce(*package, job, {one, one, one}) == R"({"count":3,"reduce":"count"})");
  CHECK(package->check_output(job, as_bytes(one)).has_value());
  for (const char* bad :
       {"{}", R"({"count":0,"format":"count/1"})", R"({"count":2,"format":"count/1"})", R"({"count":1})", "1", "", "null"}) {
    INFO(bad);
    CHECK(package->check_output(job, as_bytes(std::string_view(bad))).error().kind == ErrorKind::corrupt);
    CHECK(reduce(*package, job, {one, bad, one}).starts_with("corrupt: output of shard 1: "));
  }
}

TEST_CASE("outputs of items stand in the result in the order of the items") {
  const auto package = sample_package("exec");
  const Contract job = execution(3, 2);
  const std::string first = R"({"format":"concat/1","items":[{"code":0,"index":0,"outcome":"exited","stdout":"YQo="},)"
                            R"({"code":9,"index":1,"outcome":"signalled","stdout":""}]})";
  const std::string second = R"({"format":"concat/1","items":[{"index":2,"outcome":"output_limit","stdout":"//8="}]})";
  const auto item = [](int i) { return sha256("item " + std::to_string(i)).str(); };
  CHECK(reduce(*package, job, {first, second}) ==
        R"({"items":[{"code":0,"index":0,"input":")" + item(0) + R"(","outcome":"exited","stdout":"a\n","stdout_digest":")" +
            sha256("a\n").str() + R"("},{"code":9,"index":1,"input":")" + item(1) +
            R"(","outcome":"signalled","stdout":"","stdout_digest":")" + sha256("").str() + R"("},{"index":2,"input":")" +
            item(2) + R"(","outcome":"output_limit","stdout_base64":"//8=","stdout_digest":")" + sha256("\xff\xff").str() +
            R"("}],"reduce":"concat"})");
  CHECK(package->check_output(job, as_bytes(first)).has_value());
  CHECK(package->check_output(job, as_bytes(second)).has_value());
  CHECK(reduce(*package, job, {second, first})
            .starts_with("corrupt: output of shard 0: /items: expected an array of 2 to 2 elements, got 1"));
}

TEST_CASE("hostile outputs of items are refused with their place") {
  const auto package = sample_package("exec");
  const Contract job = execution(3, 2);
  const std::string item_0 = R"({"code":0,"index":0,"outcome":"exited","stdout":"YQo="})",
                    item_1 = R"({"code":0,"index":1,"outcome":"exited","stdout":""})";
  const auto mistake = [&](const std::string& items) {
    const auto checked = package->check_output(job, as_bytes(R"({"format":"concat/1","items":)" + items + "}"));
    return checked ? std::string("accepted") : checked.error().message;
  };
  CHECK(mistake("[" + item_0 + "," + item_1 + "]") == "accepted");
  CHECK(mistake("[" + item_0 + "]").starts_with("/items: expected an array of 2 to 2"));
  CHECK(mistake("[" + item_1 + "," + item_0 + "]")
            .starts_with("/items/0/index: expected the index of the first item of a shard"));
  CHECK(mistake("[" + item_0 + "," + item_0 + "]").starts_with("/items/1/index: expected an integer from 1 to 1"));
  CHECK(mistake("[]").starts_with("/items/0/index"));
  CHECK(mistake("[7]").starts_with("/items/0/index"));
  CHECK(mistake("{}").starts_with("/items/0/index"));
  CHECK(mistake(R"([{"index":4}])").starts_with("/items/0/index"));
  CHECK(mistake(R"([{"index":-2}])").starts_with("/items/0/index"));
  const auto one = [&](const std::string& item) { return mistake("[" + item + "," + item_1 + "]"); };
  CHECK(one(R"({"code":256,"index":0,"outcome":"exited","stdout":""})")
            .starts_with("/items/0/code: expected an integer from 0 to 255"));
  CHECK(one(R"({"code":0,"index":0,"outcome":"signalled","stdout":""})")
            .starts_with("/items/0/code: expected an integer from 1 to 64"));
  CHECK(one(R"({"code":1,"index":0,"outcome":"output_limit","stdout":""})").starts_with("/items/0/code: unknown key"));
  CHECK(one(R"({"code":1,"index":0,"outcome":"fine","stdout":""})").starts_with("/items/0/outcome: expected one of"));
  CHECK(one(R"({"code":1,"index":0,"outcome":"exited","stdout":"YQ"})")
            .starts_with("/items/0/stdout: expected base64 of at most 8 bytes"));
  CHECK(one(R"({"code":1,"index":0,"outcome":"exited","stdout":"YQp="})").starts_with("/items/0/stdout: expected base64"));
  CHECK(one(R"({"code":1,"index":0,"outcome":"exited","stdout":"MTIzNDU2Nzg5"})")
            .starts_with("/items/0/stdout: expected base64"));
  CHECK(one(R"({"code":1,"index":0,"outcome":"exited","stdout":"MTIzNDU2Nzg="})") == "accepted");
}
