/// table@1: the series Σ 1/(k+x)², k = 0, 1, …, in doubles: one line "x value" per item. A compiler that adds in another order
/// gives other last digits; the manifest says how far two results may be apart. Reads /in/params.json, writes /out/result.
#include "common/params.hpp"

namespace {

double series(double x, std::uint64_t terms) {
  double sum = 0;
  for (std::uint64_t k = terms; k-- > 0;) sum += 1 / ((static_cast<double>(k) + x) * (static_cast<double>(k) + x));
  return sum;
}

std::string text_of(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8 | (at + i < bytes.size() ? static_cast<std::uint8_t>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text.push_back(at + i > bytes.size() ? '=' : digits[three >> (18 - 6 * i) & 63]);
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace adapter_program;
  const Folders folders = folders_from(argc, argv);
  const std::string text = read_file(folders.in + "/params.json");
  const Params params(text);
  const std::uint64_t terms = params.integer("args/terms");
  std::string items;
  for (std::size_t i = 0; params.has("items/" + std::to_string(i) + "/index"); ++i) {
    const std::string item = "items/" + std::to_string(i);
    const double x = params.number(item + "/value");
    items += (items.empty() ? "{\"code\":0,\"index\":" : ",{\"code\":0,\"index\":") +
             std::to_string(params.integer(item + "/index")) + ",\"outcome\":\"exited\",\"stdout\":\"" +
             base64(text_of(x) + " " + text_of(series(x, terms)) + "\n") + "\"}";
  }
  write_file(folders.out + "/result", "{\"format\":\"concat/1\",\"items\":[" + items + "]}");
}
