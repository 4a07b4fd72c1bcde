// Counts the words on standard input: what a user of exec@1 might bring.
#include <ctype.h>
#include <stdio.h>

int main(void) {
  int words = 0, inside = 0;
  for (int c; (c = getchar()) != EOF;) {
    if (!isspace(c) && !inside) ++words;
    inside = !isspace(c);
  }
  printf("%d\n", words);
  return 0;
}
