#include "sandbox/filter_compaction.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace forgepool::sandbox {
namespace {

constexpr std::uint32_t number_offset = offsetof(seccomp_data, nr);
constexpr std::uint32_t architecture_offset = offsetof(seccomp_data, arch);
constexpr std::uint32_t no_mask = ~0u;

using NodeId = std::size_t;

/// An answer, or a question about a word of the call and where to go on.
struct Node {
  bool is_answer;
  std::uint32_t answer;
  std::uint32_t offset, mask;
  std::uint16_t comparison;  ///< BPF_JEQ, …
  std::uint32_t value;
  NodeId yes, no;

  auto key() const { return std::tuple(is_answer, answer, offset, mask, comparison, value, yes, no); }
  friend bool operator<(const Node& left, const Node& right) { return left.key() < right.key(); }
};

/// Each answer and each question once.
class Nodes {
 public:
  NodeId answer(std::uint32_t result) { return add({true, result, 0, 0, 0, 0, 0, 0}); }
  NodeId question(std::uint32_t offset, std::uint32_t mask, std::uint16_t comparison, std::uint32_t value, NodeId yes,
                  NodeId no) {
    return yes == no ? yes : add({false, 0, offset, mask, comparison, value, yes, no});
  }
  const Node& operator[](NodeId id) const { return nodes_[id]; }

 private:
  NodeId add(const Node& node) {
    const auto [found, is_new] = ids_.emplace(node, nodes_.size());
    if (is_new) nodes_.push_back(node);
    return found->second;
  }
  std::vector<Node> nodes_;
  std::map<Node, NodeId> ids_;
};

bool holds(std::uint16_t comparison, std::uint32_t left, std::uint32_t right) {
  switch (comparison) {
    case BPF_JEQ: return left == right;
    case BPF_JGE: return left >= right;
    case BPF_JGT: return left > right;
    default: return (left & right) != 0;
  }
}

/// What is left of a filter when architecture and number are known.
class Remainder {
 public:
  Remainder(const SeccompProgram& program, Nodes& nodes, std::uint32_t architecture, std::uint32_t number)
      : program_(program), nodes_(nodes), architecture_(architecture), number_(number) {}

  /// Nothing if the filter cannot be followed.
  std::optional<NodeId> from_start() { return follow(0, {}); }

 private:
  struct Accumulator {
    std::optional<std::uint32_t> known;
    bool is_number = false;
    std::uint32_t offset = 0;
    std::uint32_t mask = no_mask;
    auto key() const { return std::tuple(known, is_number, offset, mask); }
    friend bool operator<(const Accumulator& left, const Accumulator& right) { return left.key() < right.key(); }
  };

  std::optional<NodeId> follow(std::size_t at, Accumulator word) {
    const auto state = std::pair(at, word);
    if (const auto done = done_.find(state); done != done_.end()) return done->second;
    const auto result = evaluate(at, word);
    done_.emplace(state, result);
    return result;
  }

  std::optional<NodeId> evaluate(std::size_t at, Accumulator word) {
    for (; at < program_.size(); ++at) {
      const auto& [code, yes, no, k] = program_[at];
      switch (code) {
        case BPF_LD | BPF_W | BPF_ABS: word = load(k); continue;
        case BPF_ALU | BPF_AND | BPF_K:
          if (word.is_number) return std::nullopt;
          word.mask &= k;
          if (word.known) *word.known &= k;
          if (word.mask == 0) word.known = 0;
          continue;
        case BPF_JMP | BPF_JA: at += k; continue;
        case BPF_RET | BPF_K: return nodes_.answer(k);
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_K: break;
        default: return std::nullopt;
      }
      const auto comparison = static_cast<std::uint16_t>(BPF_OP(code));
      if (word.is_number && comparison == BPF_JSET) return std::nullopt;
      if (word.known) {
        at += holds(comparison, *word.known, k) ? yes : no;
        continue;
      }
      const auto if_so = follow(at + 1 + yes, word), if_not = follow(at + 1 + no, word);
      if (!if_so || !if_not) return std::nullopt;
      return nodes_.question(word.offset, word.mask, comparison, k, *if_so, *if_not);
    }
    return std::nullopt;
  }

  Accumulator load(std::uint32_t offset) const {
    if (offset == architecture_offset) return {architecture_, false, 0, no_mask};
    if (offset == number_offset) return {number_, true, 0, no_mask};
    return {std::nullopt, false, offset, no_mask};
  }

  const SeccompProgram& program_;
  Nodes& nodes_;
  const std::uint32_t architecture_, number_;
  std::map<std::pair<std::size_t, Accumulator>, std::optional<NodeId>> done_;
};

/// Writes a program from its end to its start: jumps lead forwards, so where they go to is written already.
class BackwardWriter {
 public:
  /// Counted from the end of the program.
  using Position = std::size_t;

  Position write(std::uint16_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    reversed_.push_back({code, yes, no, k});
    return reversed_.size() - 1;
  }
  Position write_jump(std::uint16_t comparison, std::uint32_t value, Position yes, Position no) {
    // Conditional jumps reach 255 instructions; what is further off gets a stepping stone, which moves the other one by one.
    if (distance(no) > reach - 1) no = step_to(no);
    if (distance(yes) > reach) yes = step_to(yes);
    return write(static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), value, static_cast<std::uint8_t>(distance(yes)),
                 static_cast<std::uint8_t>(distance(no)));
  }
  void fall_through_to(Position target) {
    if (distance(target) > 0) step_to(target);
  }
  SeccompProgram program() const { return {reversed_.rbegin(), reversed_.rend()}; }

 private:
  static constexpr std::size_t reach = 255;
  std::size_t distance(Position target) const { return reversed_.size() - target - 1; }
  Position step_to(Position target) { return write(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(target))); }

  std::vector<sock_filter> reversed_;
};

/// A span of numbers that are treated alike ends where the next begins.
struct Span {
  std::uint32_t first;
  NodeId treatment;
};

class Compactor {
 public:
  explicit Compactor(const SeccompProgram& program) : program_(program) {}

  std::optional<SeccompProgram> run() {
    const auto foreign = Remainder(program_, nodes_, ~0u, 0).from_start();
    if (!foreign || !nodes_[*foreign].is_answer || !find_spans()) return std::nullopt;
    const auto tree = write_tree(0, spans_.size());
    writer_.fall_through_to(tree);
    const auto native = writer_.write(BPF_LD | BPF_W | BPF_ABS, number_offset);
    writer_.write_jump(BPF_JEQ, AUDIT_ARCH_X86_64, native, write_node(*foreign));
    writer_.write(BPF_LD | BPF_W | BPF_ABS, architecture_offset);
    return writer_.program();
  }

 private:
  using Position = BackwardWriter::Position;

  /// The answer can change only at numbers that the filter compares with.
  bool find_spans() {
    std::set<std::uint32_t> borders{0};
    for (const auto& instruction : program_) {
      if (BPF_CLASS(instruction.code) != BPF_JMP) continue;
      borders.insert(instruction.k);
      if (instruction.k != ~0u) borders.insert(instruction.k + 1);
    }
    for (const auto first : borders) {
      const auto treatment = Remainder(program_, nodes_, AUDIT_ARCH_X86_64, first).from_start();
      if (!treatment) return false;
      if (spans_.empty() || spans_.back().treatment != *treatment) spans_.push_back({first, *treatment});
    }
    return true;
  }

  Position write_tree(std::size_t begin, std::size_t end) {
    if (end - begin == 1) return write_node(spans_[begin].treatment);
    // One number between two spans of the same treatment.
    if (end - begin == 3 && spans_[begin].treatment == spans_[begin + 2].treatment &&
        spans_[begin + 2].first == spans_[begin + 1].first + 1) {
      const auto other = write_node(spans_[begin].treatment), one = write_node(spans_[begin + 1].treatment);
      return writer_.write_jump(BPF_JEQ, spans_[begin + 1].first, one, other);
    }
    const auto middle = begin + (end - begin) / 2;
    const auto upper = write_tree(middle, end), lower = write_tree(begin, middle);
    return writer_.write_jump(BPF_JGE, spans_[middle].first, upper, lower);
  }

  /// Where the node begins. Loading what it asks about is written for those who have not loaded it.
  Position write_node(NodeId id) {
    if (const auto written = entries_.find(id); written != entries_.end()) return written->second;
    const auto& node = nodes_[id];
    if (node.is_answer) return entries_[id] = writer_.write(BPF_RET | BPF_K, node.answer);
    writer_.fall_through_to(write_question(id));
    if (node.mask != no_mask) writer_.write(BPF_ALU | BPF_AND | BPF_K, node.mask);
    return entries_[id] = writer_.write(BPF_LD | BPF_W | BPF_ABS, node.offset);
  }

  Position write_question(NodeId id) {
    if (const auto written = questions_.find(id); written != questions_.end()) return written->second;
    const auto& node = nodes_[id];
    const auto no = write_successor(node, node.no), yes = write_successor(node, node.yes);
    return questions_[id] = writer_.write_jump(node.comparison, node.value, yes, no);
  }

  Position write_successor(const Node& from, NodeId id) {
    const auto& to = nodes_[id];
    const bool loaded = !to.is_answer && to.offset == from.offset && to.mask == from.mask;
    return loaded ? write_question(id) : write_node(id);
  }

  const SeccompProgram& program_;
  Nodes nodes_;
  std::vector<Span> spans_;
  BackwardWriter writer_;
  std::map<NodeId, Position> entries_, questions_;
};

}  // namespace

SeccompProgram compact(const SeccompProgram& program) {
  auto smaller = Compactor(program).run();
  return smaller && smaller->size() < program.size() ? std::move(*smaller) : program;
}

}  // namespace forgepool::sandbox
