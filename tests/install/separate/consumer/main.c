/* The C interface of an installed libforgepool, from C. */
#include <forgepool.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  static const char contract[] =
      "{\"op\": {\"name\": \"mc\", \"version\": \"1\", \"profile\": \"insurance.v1\"}, \"args\": {}}";
  char* digest = NULL;
  char* error = NULL;
  if (forgepool_contract_digest(contract, strlen(contract), &digest, &error) != FORGEPOOL_OK) {
    fprintf(stderr, "the contract was refused: %s\n", error);
    return 1;
  }
  printf("forgepool %s: contract %s\n", forgepool_version(), digest);
  forgepool_string_free(digest);
  return 0;
}
