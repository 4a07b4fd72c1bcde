#pragma once
/// What the tables of protocol.fbs may come to, as that file says it. Taken from the schema itself, which is compiled in: a
/// table or field that is new has its bounds where it is declared, or is refused whenever it is not empty.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forgepool::wire {

struct TableRules;

struct FieldRules {
  enum class Kind {
    inline_value,  ///< A number, a boolean, a struct.
    string,
    inline_values,  ///< A vector of those.
    strings,
    table,
    tables,
    unsupported,  ///< What no table of ours has: unions, nested vectors.
  };
  std::string name;
  Kind kind = Kind::unsupported;
  std::uint16_t slot = 0;  ///< Where its offset stands in a vtable.
  bool required = false;
  std::size_t inline_bytes = 0;       ///< Of the value in the table, or of each value of a vector. References have 4.
  std::size_t max_bytes = 0;          ///< Of a string, each string, or a vector of bytes.
  std::size_t max_items = 0;          ///< Of all other vectors.
  bool unique = false;                ///< No two items are equal,
  bool repeats = false;               ///< or they may be.
  const FieldRules* key = nullptr;    ///< Of tables: the field that tells them apart.
  const TableRules* table = nullptr;  ///< Of Kind::table and Kind::tables.
};

struct TableRules {
  std::string name;  ///< "forgepool.fb.Heartbeat"
  std::vector<FieldRules> fields;

  const FieldRules* find(std::string_view field) const;
};

/// All tables of the protocol, by name.
const std::vector<TableRules>& protocol_rules();
/// Null if there is no such table.
const TableRules* rules_of(std::string_view table);

}  // namespace forgepool::wire
