#pragma once
/// What a program can look at to find out when, where or by whom it is run. Each probe looks at one source and says what it
/// saw.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <cstdint>
#include <string>
#include <vector>

struct Probe {
  const char* name;
  std::string (*look)();
};
using Probes = std::vector<Probe>;

void add_clocks(Probes& probes);
void add_randomness(Probes& probes);
void add_addresses(Probes& probes);
void add_identity(Probes& probes);
void add_machine(Probes& probes);
void add_files(Probes& probes);
void add_computation(Probes& probes);

/// Cannot be made the same in every run, so a strict program that does it is ended.
void add_refused(Probes& probes);

/// As printf.
[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);
/// "0" or the name of the errno's error.
std::string result(long value);
std::uint64_t hash_of(const void* data, std::size_t size);
std::string hashed(const std::string& data);
