#include "crypto/utf8.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace forgepool;

TEST_CASE("well-formed UTF-8 is recognised up to the edges of each length") {
  for (const std::string good : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                 "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xe2\x80\x94 b"})
    CHECK(is_valid_utf8(good));
}

TEST_CASE("overlong, surrogate, out-of-range, stray and truncated sequences are not UTF-8") {
  for (const std::string bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x80\x80", "\xe0\x9f\xbf",
                                "\xe2\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
                                "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x80", "\xff", "a\xfe"}) {
    CHECK_FALSE(is_valid_utf8(bad));
    CHECK_FALSE(is_valid_utf8("a" + bad + "b"));
  }
}

TEST_CASE("spaces and controls are found wherever they stand") {
  for (const std::string space : {" ", "\n", "\t", "\r", "\x7f", "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x83",
                                  "\xe2\x80\xa8", "\xe3\x80\x80"}) {
    CHECK(has_space_or_control(space));
    CHECK(has_space_or_control("a" + space + "b"));
  }
  CHECK_FALSE(has_space_or_control("a.b/c-\xc3\xbc\xe2\x80\x94"));
  CHECK_FALSE(has_space_or_control(""));
}
