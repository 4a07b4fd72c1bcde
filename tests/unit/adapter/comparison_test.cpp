#include "adapter/comparison.hpp"

#include "sample_packages.hpp"
#include "wire/json.hpp"

#include <forgepool/testing/random.hpp>

#include <catch2/catch_approx.hpp>

#include <cmath>

using namespace forgepool;
using namespace forgepool::adapter;
using namespace forgepool::test;

namespace {

/// An example's package whose profile compares as told.
std::shared_ptr<const AdapterPackage> comparing(const std::string& adapter, const std::string& profile,
                                                const std::string& compare, bool steps = false) {
  auto manifest = json::parse(manifest_of(adapter), 1 << 20);
  REQUIRE(manifest);
  json::Object profiles = *manifest->as_object()->find("profiles")->as_object();
  json::Object changed = *profiles.find(profile)->as_object();
  changed.set("compare", *json::parse(compare, 1 << 20));
  if (steps) changed.set("steps", true);
  profiles.set(profile, changed);
  manifest->as_object()->set("profiles", profiles);
  auto bytes = pack_adapter(json::canonicalize(*manifest), tiny_elf());
  INFO((bytes ? "" : bytes.error().message));
  REQUIRE(bytes);
  return *open_adapter(std::move(*bytes));
}

Contract execution() {
  return contract("exec", "run.v1", R"({"program":")" + sha256("p").str() + R"(","items":[")" + sha256("i").str() + R"("]})");
}
std::string output(const std::string& text, int code = 0) {
  return R"({"format":"concat/1","items":[{"code":)" + std::to_string(code) + R"(,"index":0,"outcome":"exited","stdout":")" +
         to_base64(as_bytes(text)) + R"("}]})";
}

bool agree(const AdapterPackage& package, const Contract& job, const std::string& a, const std::string& b) {
  CHECK(package.check_output(job, as_bytes(a)));
  CHECK(package.check_output(job, as_bytes(b)));
  const bool agreed = package.agree(job, as_bytes(a), as_bytes(b));
  CHECK(package.agree(job, as_bytes(b), as_bytes(a)) == agreed);
  return agreed;
}

using Columns = std::vector<std::optional<Tolerance>>;

}  // namespace

TEST_CASE("numbers agree within any one of the three tolerances") {
  CHECK(numbers_agree(1, 1, {}));
  CHECK(numbers_agree(0.0, -0.0, {}));
  CHECK_FALSE(numbers_agree(1, 1 + 1e-15, {}));
  CHECK(numbers_agree(1, 1.5, {.absolute = 0.5}));
  CHECK_FALSE(numbers_agree(1, 1.50001, {.absolute = 0.5}));
  CHECK(numbers_agree(1000, 1001, {.relative = 1e-3}));
  CHECK_FALSE(numbers_agree(1000, 1002, {.relative = 1e-3}));
  CHECK(numbers_agree(1, std::nextafter(1, 2), {.ulps = 1}));
  CHECK_FALSE(numbers_agree(1, std::nextafter(std::nextafter(1, 2), 2), {.ulps = 1}));
}

TEST_CASE("ulps count the doubles in between, through zero") {
  CHECK(ulps_between(1, 1) == 0);
  CHECK(ulps_between(0.0, -0.0) == 0);
  CHECK(ulps_between(0.0, 5e-324) == 1);
  CHECK(ulps_between(-5e-324, 5e-324) == 2);
  CHECK(ulps_between(-1, std::nextafter(-1, 0)) == 1);
  CHECK(ulps_between(1, 2) == std::uint64_t{1} << 52);
  CHECK(ulps_between(-1.7e308, 1.7e308) > std::uint64_t{1} << 63);
}

TEST_CASE("texts agree field by field, numbers only in columns that have a tolerance") {
  const Columns columns{std::nullopt, Tolerance{.absolute = 0.01}};
  CHECK(texts_agree("a 1.000\nb 2\n", "a 1.005\nb 2.0\n", columns));
  CHECK(texts_agree("a,1e0", "a, 1", columns));
  CHECK_FALSE(texts_agree("a 1.000\n", "a 1.02\n", columns));
  CHECK_FALSE(texts_agree("1 1\n", "1.0 1\n", columns));      // The first column is text.
  CHECK_FALSE(texts_agree("a 1 7\n", "a 1 7.0\n", columns));  // As is what comes after the last.
  CHECK_FALSE(texts_agree("a 1\n", "a 1\na 1\n", columns));
  CHECK_FALSE(texts_agree("a 1\n", "a\n", columns));
  CHECK_FALSE(texts_agree("a nan\n", "a NaN\n", columns));
  CHECK_FALSE(texts_agree("a inf\n", "a 1e400\n", columns));
  CHECK_FALSE(texts_agree("a x\n", "a y\n", columns));
}

TEST_CASE("an adapter with numeric comparison takes outputs within its tolerance for the same") {
  const auto package = comparing("exec", "run.v1", R"({"by":"numeric","columns":[{"relative":1e-9}]})");
  const Contract job = execution();
  CHECK_FALSE(package->compares_exactly(job));
  CHECK(agree(*package, job, output("0.1\n"), output("0.1\n")));
  CHECK(agree(*package, job, output("0.30000000000000004\n"), output("0.3\n")));
  CHECK_FALSE(agree(*package, job, output("0.31\n"), output("0.3\n")));
  CHECK_FALSE(agree(*package, job, output("0.3\n", 1), output("0.3\n", 0)));
  CHECK_FALSE(agree(*package, job, output("0.3\n0.3\n"), output("0.3\n")));
  CHECK(sample_package("exec")->compares_exactly(job));
  CHECK_FALSE(sample_package("exec")->agree(job, as_bytes(output("0.30000000000000004\n")), as_bytes(output("0.3\n"))));
}

TEST_CASE("the test of two samples tells different distributions apart, and equal ones as seldom as it says") {
  testing::Random random(4);
  const auto sample = [&](double shift) {
    std::map<std::int64_t, std::uint64_t> histogram;
    for (int i = 0; i < 1000; ++i) {
      double sum = shift;
      for (int j = 0; j < 12; ++j) sum += static_cast<double>(random.below(1'000'000)) / 1e6;
      ++histogram[static_cast<std::int64_t>(sum * 1000)];
    }
    return histogram;
  };
  int below = 0;
  constexpr int pairs = 2000;
  for (int i = 0; i < pairs; ++i) below += same_distribution(sample(0), sample(0)) < 0.05;
  CHECK(below < pairs * 0.05 + 5 * std::sqrt(pairs * 0.05));
  CHECK(below > pairs * 0.02);
  CHECK(same_distribution(sample(0), sample(0.4)) < 1e-9);
  CHECK(same_distribution({}, sample(0)) == 1);
  CHECK(same_distribution({{1, 10}}, {{1, 10}}) == 1);
  CHECK(same_distribution({{1, 1000}}, {{2, 1000}}) < 1e-100);
  // Critical values of D for large samples: 1.3581 at 5 %, 1.6276 at 1 %.
  const auto at = [](double x) {
    const auto n = static_cast<std::uint64_t>(2'000'000);
    const auto moved = static_cast<std::uint64_t>(x * std::sqrt(2.0 / static_cast<double>(n)) * static_cast<double>(n));
    return same_distribution({{1, n}}, {{1, n - moved}, {2, moved}});
  };
  CHECK(at(1.3581) == Catch::Approx(0.05).epsilon(0.01));
  CHECK(at(1.6276) == Catch::Approx(0.01).epsilon(0.01));
  CHECK(at(1.1995) == Catch::Approx(at(1.2005)).epsilon(0.01));  // Where one series takes over from the other.
}

TEST_CASE("the first step after which two outputs differ is found, and steps are nothing to the reducer") {
  const auto package = comparing("noop", "noop.v1", R"("exact")", true);
  const auto job = contract("noop", "noop.v1", R"({"shards":1})");
  const auto said = [](int steps, int differ_from) {
    std::string text = R"({"count":1,"format":"count/1","steps":[)";
    for (int i = 0; i < steps; ++i)
      text += (i ? ",\"" : "\"") + sha256(std::to_string(i) + (i >= differ_from ? "other" : "")).str() + "\"";
    return text + "]}";
  };
  const auto divergence = [&](const std::string& a, const std::string& b) {
    for (const std::string& output : {a, b}) {
      const auto checked = package->check_output(job, as_bytes(output));
      INFO((checked ? "" : checked.error().message));
      CHECK(checked);
    }
    return package->first_divergence(job, as_bytes(a), as_bytes(b));
  };
  for (const int steps : {1, 2, 7, 50})
    for (int differ = 0; differ < steps; ++differ)
      CHECK(divergence(said(steps, steps), said(steps, differ)) == static_cast<std::uint64_t>(differ));
  // A liar's list that is no chain: it comes back to the honest one.
  for (int from = 0; from < 10; ++from)
    for (int to = from + 1; to <= 10; ++to) {
      std::string liar = said(10, 10);
      for (int i = from; i < to; ++i) {
        const std::string honest = sha256(std::to_string(i)).str();
        liar.replace(liar.find(honest), honest.size(), sha256("lie " + honest).str());
      }
      CHECK(divergence(said(10, 10), liar) == static_cast<std::uint64_t>(from));
    }
  CHECK_FALSE(divergence(said(5, 5), said(5, 5)));
  CHECK(divergence(said(5, 5), said(6, 6)) == 5);
  const std::string outputs[] = {said(3, 3)};
  CHECK(package->reduce(job, {as_bytes(outputs[0])}) == R"({"count":1,"reduce":"count"})");
  for (const char* wrong : {R"({"count":1,"format":"count/1"})", R"({"count":1,"format":"count/1","steps":[]})",
                            R"({"count":1,"format":"count/1","steps":["x"]})"})
    CHECK_FALSE(package->check_output(job, as_bytes(wrong)));
}
