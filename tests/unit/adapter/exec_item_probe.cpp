/// The program that the tests of exec@1 run on items. Its item tells it what to do, by its first word.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  const std::string item{std::istreambuf_iterator<char>(std::cin), {}};
  const std::string word = item.substr(0, item.find(' '));
  if (word == "exit") return std::atoi(item.c_str() + 5);
  if (word == "crash") std::raise(SIGSEGV);
  if (word == "flood")
    for (;;) std::cout << std::string(4096, 'x');
  if (word == "binary") std::cout << std::string("\0\xff\x80", 3);
  if (word == "argv")
    for (int i = 1; i < argc; ++i) std::cout << argv[i] << '\n';
  std::cout << "item: " << item << std::flush;
}
