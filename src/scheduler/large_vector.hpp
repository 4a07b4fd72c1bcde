#pragma once
/// Vectors that grow large and are looked into at random: most such looks also miss the processor's table of page addresses,
/// unless the pages are huge.
#include <cstddef>
#include <new>
#include <vector>

#include <sys/mman.h>

namespace forgepool::scheduling {

/// Of the standard library's heap; asks for huge pages from half of one on. What is allocated is rounded up to whole ones.
template <class T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <class Other>
  HugePageAllocator(const HugePageAllocator<Other>&) {}

  T* allocate(std::size_t count) {
    if (!is_large(count)) return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(alignof(T))));
    const std::size_t bytes = (count * sizeof(T) + huge_page - 1) / huge_page * huge_page;
    void* memory = ::operator new(bytes, std::align_val_t(huge_page));
    ::madvise(memory, bytes, MADV_HUGEPAGE);  // Where there are none, the others do.
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    ::operator delete(memory, std::align_val_t(is_large(count) ? huge_page : alignof(T)));
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }

 private:
  static constexpr std::size_t huge_page = 2 << 20;

  static bool is_large(std::size_t count) { return count >= huge_page / 2 / sizeof(T); }
};

template <class T>
using LargeVector = std::vector<T, HugePageAllocator<T>>;

/// Begins to bring nearer where the vector will grow to after its next element. Pays where many vectors grow in turns.
template <class T>
[[gnu::always_inline]] inline void fetch_end(const LargeVector<T>& vector) {
  __builtin_prefetch(reinterpret_cast<const char*>(vector.data() + vector.size()) + 64, 1);
}

}  // namespace forgepool::scheduling
