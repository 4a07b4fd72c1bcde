#include "sandbox/strict/bpf_assembler.hpp"

namespace forgepool::sandbox::strict {

BpfAssembler::Label BpfAssembler::new_label() {
  places_.push_back(0);
  return Label{places_.size() - 1};
}

void BpfAssembler::place(Label label) {
  places_.at(static_cast<std::size_t>(label)) = instructions_.size();
}

void BpfAssembler::load(std::uint32_t offset) {
  instructions_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

void BpfAssembler::mask(std::uint32_t bits) {
  instructions_.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits));
}

// Conditional jumps reach 255 instructions, unconditional ones anywhere: so each condition jumps over, or to, one of those.
void BpfAssembler::jump(Label target) {
  unresolved_.emplace(instructions_.size(), target);
  instructions_.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
}

void BpfAssembler::jump_if_equal(std::uint32_t value, Label target) {
  instructions_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
  jump(target);
}

void BpfAssembler::jump_unless_equal(std::uint32_t value, Label target) {
  instructions_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
  jump(target);
}

void BpfAssembler::jump_if_at_least(std::uint32_t value, Label target) {
  instructions_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1));
  jump(target);
}

void BpfAssembler::finish(std::uint32_t result) {
  instructions_.push_back(BPF_STMT(BPF_RET | BPF_K, result));
}

void BpfAssembler::append(const std::vector<sock_filter>& program) {
  instructions_.insert(instructions_.end(), program.begin(), program.end());
}

std::vector<sock_filter> BpfAssembler::assemble() const {
  auto program = instructions_;
  for (const auto& [position, label] : unresolved_)
    program[position].k = static_cast<std::uint32_t>(places_.at(static_cast<std::size_t>(label)) - position - 1);
  return program;
}

}  // namespace forgepool::sandbox::strict
