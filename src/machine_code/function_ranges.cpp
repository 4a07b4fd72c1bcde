#include "machine_code/function_ranges.hpp"

#include <cstring>
#include <optional>

namespace forgepool::machine_code {
namespace {

constexpr std::size_t max_functions = 1'000'000;
constexpr std::size_t max_augmentation = 16;

/// DWARF's encodings of pointers (Linux Standard Base, "DWARF extensions").
enum Encoding : std::uint8_t {
  absolute_pointer = 0x00,
  unsigned_4 = 0x03,
  unsigned_8 = 0x04,
  signed_4 = 0x0b,
  signed_8 = 0x0c,
  format_mask = 0x0f,
  relative_to_itself = 0x10,
  application_mask = 0x70,
};

/// Never beyond its bytes: what is read there is nothing.
class Cursor {
 public:
  Cursor(ByteView bytes, std::uint64_t address) : bytes_(bytes), address_(address) {}

  template <class T>
  std::optional<T> take() {
    if (bytes_.size() - at_ < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  bool skip_number() {  // LEB128
    for (;;) {
      const auto byte = take<std::uint8_t>();
      if (!byte) return false;
      if ((*byte & 0x80) == 0) return true;
    }
  }
  std::optional<std::uint64_t> take_encoded(std::uint8_t encoding) {
    const std::uint64_t here = address_ + at_;
    std::optional<std::uint64_t> value;
    switch (encoding & format_mask) {
      case absolute_pointer:
      case unsigned_8:
      case signed_8: value = take<std::uint64_t>(); break;
      case unsigned_4: value = take<std::uint32_t>(); break;
      case signed_4:
        if (const auto narrow = take<std::int32_t>()) value = static_cast<std::uint64_t>(std::int64_t{*narrow});
        break;
      default: return std::nullopt;
    }
    if (value && (encoding & application_mask) == relative_to_itself) *value += here;
    return value;
  }
  /// The next `size` bytes, as something of their own.
  std::optional<Cursor> take_part(std::uint64_t size) {
    if (size > bytes_.size() - at_) return std::nullopt;
    Cursor part(bytes_.subspan(at_, static_cast<std::size_t>(size)), address_ + at_);
    at_ += static_cast<std::size_t>(size);
    return part;
  }
  std::uint64_t offset() const { return at_; }

 private:
  ByteView bytes_;
  std::uint64_t address_;
  std::size_t at_ = 0;
};

/// Of a common information entry, behind its id: how its functions' addresses are encoded.
std::optional<std::uint8_t> address_encoding(Cursor entry) {
  const auto version = entry.take<std::uint8_t>();
  char augmentation[max_augmentation] = {};
  for (std::size_t i = 0;; ++i) {
    const auto letter = entry.take<char>();
    if (!letter || i == max_augmentation - 1) return std::nullopt;
    augmentation[i] = *letter;
    if (*letter == '\0') break;
  }
  if (augmentation[0] != 'z') return augmentation[0] == '\0' ? std::optional<std::uint8_t>(absolute_pointer) : std::nullopt;
  if (!version || !entry.skip_number() || !entry.skip_number()) return std::nullopt;
  if (!(*version == 1 ? entry.take<std::uint8_t>().has_value() : entry.skip_number())) return std::nullopt;
  if (!entry.skip_number()) return std::nullopt;
  for (const char* letter = augmentation + 1; *letter != '\0'; ++letter) {
    if (*letter == 'R') return entry.take<std::uint8_t>();
    if (*letter == 'S' || *letter == 'B') continue;
    const auto encoding = entry.take<std::uint8_t>();  // Of 'L', and of 'P', which has a value, too.
    if (!encoding || (*letter == 'P' && !entry.take_encoded(*encoding))) return std::nullopt;
  }
  return absolute_pointer;
}

}  // namespace

void add_unwound_functions(ByteView section, std::uint64_t address, std::vector<AddressRange>& functions) {
  Cursor cursor(section, address);
  while (functions.size() < max_functions) {
    const auto length = cursor.take<std::uint32_t>();
    // Longer ones than 4 GiB would have another form.
    if (!length || *length == 0 || *length == 0xffff'ffff) return;
    const auto id_at = cursor.offset();
    auto entry = cursor.take_part(*length);
    if (!entry) return;
    const auto distance = entry->take<std::uint32_t>();
    if (!distance || *distance == 0 || *distance > id_at) continue;
    Cursor common(section.subspan(static_cast<std::size_t>(id_at - *distance)), address + id_at - *distance);
    const auto common_length = common.take<std::uint32_t>();
    auto information = common_length ? common.take_part(*common_length) : std::nullopt;
    if (!information || information->take<std::uint32_t>() != 0u) continue;
    const auto encoding = address_encoding(*information);
    if (!encoding) continue;
    const auto begin = entry->take_encoded(*encoding);
    const auto size = entry->take_encoded(*encoding & format_mask);
    if (begin && size && *size > 0 && *begin + *size > *begin) functions.push_back({*begin, *begin + *size});
  }
}

}  // namespace forgepool::machine_code
