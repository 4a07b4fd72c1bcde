#pragma once
/// Classic BPF with labels, for filters that libseccomp cannot express.
#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace forgepool::sandbox::strict {

class BpfAssembler {
 public:
  enum class Label : std::size_t {};

  Label new_label();
  /// The label means the next instruction.
  void place(Label label);

  void load(std::uint32_t offset);  ///< A word of the data that is looked at.
  void mask(std::uint32_t bits);
  void jump(Label target);
  void jump_if_equal(std::uint32_t value, Label target);
  void jump_unless_equal(std::uint32_t value, Label target);
  void jump_if_at_least(std::uint32_t value, Label target);
  void finish(std::uint32_t result);
  /// A whole program, whose jumps are relative to itself.
  void append(const std::vector<sock_filter>& program);

  std::vector<sock_filter> assemble() const;

 private:
  std::vector<sock_filter> instructions_;
  std::vector<std::size_t> places_;          ///< By label.
  std::map<std::size_t, Label> unresolved_;  ///< Jumps, by position.
};

}  // namespace forgepool::sandbox::strict
