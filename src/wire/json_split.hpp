#pragma once
/// Takes a long array apart without reading it, so that its elements can be read at the same time.
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace forgepool::json {

struct ArrayText {
  std::size_t length = 0;  ///< With its brackets.
  std::vector<std::string_view>
      elements;  ///< What stands between the commas. Of an array without elements one, of white space.
};

/// Of the array that begins with the bracket at the start of `text`. Looks at quotes, brackets and commas alone: whether it is
/// JSON shows when the elements are read. None if the array does not end.
std::optional<ArrayText> split_array(std::string_view text);

}  // namespace forgepool::json
