#pragma once
/// When what is due: each key once, at a time that can be moved. Every operation takes logarithmic time.
#include <forgepool/time.hpp>

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace forgepool::hub {

template <class Key>
class DueQueue {
 public:
  /// In place of the time that it had.
  void set(const Key& key, Time due) {
    const auto [entry, fresh] = times_.try_emplace(key, due);
    if (!fresh) order_.erase({std::exchange(entry->second, due), key});
    order_.emplace(due, key);
  }
  void erase(const Key& key) {
    const auto entry = times_.find(key);
    if (entry == times_.end()) return;
    order_.erase({entry->second, key});
    times_.erase(entry);
  }
  /// None if nothing is ever due.
  std::optional<Time> next() const { return order_.empty() ? std::nullopt : std::optional(order_.begin()->first); }
  /// What is due at `now`, earliest first.
  std::vector<Key> due(Time now) const {
    std::vector<Key> keys;
    for (auto entry = order_.begin(); entry != order_.end() && entry->first <= now; ++entry) keys.push_back(entry->second);
    return keys;
  }
  std::vector<Key> take_due(Time now) {
    auto keys = due(now);
    for (const Key& key : keys) erase(key);
    return keys;
  }

 private:
  std::map<Key, Time> times_;
  std::set<std::pair<Time, Key>> order_;
};

}  // namespace forgepool::hub
