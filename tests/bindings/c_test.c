/* c_test BUNDLE ROOT VERSION: what forgepool.h promises, from C. */
#include <forgepool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void check(int condition, const char* what, const char* detail) {
  if (condition) return;
  ++failures;
  fprintf(stderr, "FAILED: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
}

static char* read_whole_file(const char* path, size_t* length) {
  FILE* file = fopen(path, "rb");
  char* content;
  long size;
  if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  rewind(file);
  content = malloc((size_t)size + 1);
  *length = content ? fread(content, 1, (size_t)size, file) : 0;
  fclose(file);
  if (!content || *length != (size_t)size) exit(1);
  content[size] = '\0';
  return content;
}

static void contracts(void) {
  static const char one[] =
      "{\"op\":{\"name\":\"mc\",\"version\":\"1\",\"profile\":\"insurance.v1\"},\"args\":{\"iterations\":1e3}}";
  static const char same[] =
      " { \"args\" : { \"iterations\" : 1000 }, \"op\" : {\"profile\":\"insurance.v1\", \"version\":\"1\", \"name\":\"mc\"} } ";
  static const char wrong[] =
      "{\"op\":{\"name\":\"mc\",\"version\":\"1\",\"profile\":\"p\"},\"args\":{},\"policy\":{\"replicas\":0}}";
  char* first = NULL;
  char* second = NULL;
  char* error = NULL;
  check(forgepool_contract_digest(one, strlen(one), &first, &error) == FORGEPOOL_OK, "a contract has a digest", error);
  check(error == NULL, "success leaves no error", error);
  check(first && strncmp(first, "sha256:", 7) == 0 && strlen(first) == 71, "a digest looks like one", first);
  check(forgepool_contract_digest(same, strlen(same), &second, NULL) == FORGEPOOL_OK, "the same contract in other words", NULL);
  check(first && second && strcmp(first, second) == 0, "has the same digest", second);
  forgepool_string_free(first);
  forgepool_string_free(second);

  first = (char*)one;
  check(forgepool_contract_digest(wrong, strlen(wrong), &first, &error) == FORGEPOOL_INVALID_INPUT,
        "a mistake is invalid input", NULL);
  check(first == NULL, "failure leaves no digest", NULL);
  check(error && strncmp(error, "/policy/replicas", 16) == 0, "the error names the place", error);
  forgepool_string_free(error);
  check(forgepool_contract_digest(wrong, strlen(wrong), NULL, NULL) == FORGEPOOL_INVALID_INPUT,
        "texts that nobody wants are not made", NULL);
  check(forgepool_contract_digest(NULL, 0, NULL, NULL) == FORGEPOOL_INVALID_INPUT, "nothing is no contract", NULL);
  check(forgepool_contract_digest(NULL, 5, NULL, NULL) == FORGEPOOL_INVALID_INPUT, "a null pointer is not read", NULL);
}

static void bundles(char* bundle, size_t bundle_length, const char* root, size_t root_length) {
  char* report = NULL;
  char* error = NULL;
  size_t at;
  check(forgepool_verify_bundle(bundle, bundle_length, root, root_length, &report, &error) == FORGEPOOL_OK,
        "an honest bundle verifies", error);
  check(report && report[0] == '{' && strstr(report, "\"shards\":3") && strstr(report, "\"rejected\":[\"spiffe://"),
        "the report tells what was found", report);
  forgepool_string_free(report);

  for (at = 7; at < bundle_length; at += bundle_length / 50) {
    bundle[at] ^= 1;
    report = error = NULL;
    check(forgepool_verify_bundle(bundle, bundle_length, root, root_length, &report, &error) != FORGEPOOL_OK,
          "a flipped bit is found", NULL);
    check(report == NULL && error && error[0], "and explained", error);
    forgepool_string_free(error);
    bundle[at] ^= 1;
  }
  check(forgepool_verify_bundle(bundle, bundle_length, "{}", 2, NULL, NULL) == FORGEPOOL_INVALID_INPUT,
        "an empty root is refused", NULL);
  check(forgepool_verify_bundle(bundle, bundle_length, NULL, 9, NULL, NULL) == FORGEPOOL_INVALID_INPUT,
        "a null root is not read", NULL);
  check(forgepool_verify_bundle("", 0, root, root_length, NULL, NULL) == FORGEPOOL_INVALID_INPUT, "nothing is no bundle", NULL);
}

int main(int argc, char** argv) {
  size_t bundle_length, root_length;
  char *bundle, *root;
  if (argc != 4) return 2;
  check(strcmp(forgepool_version(), argv[3]) == 0, "the version is the project's", forgepool_version());
  check(strcmp(forgepool_status_name(FORGEPOOL_OK), "ok") == 0, "the name of success", NULL);
  check(strcmp(forgepool_status_name(FORGEPOOL_CORRUPT), "corrupt") == 0, "the name of an error", NULL);
  check(strcmp(forgepool_status_name((forgepool_status)11), "unknown") == 0, "the name of nothing", NULL);
  forgepool_string_free(NULL);
  contracts();
  bundle = read_whole_file(argv[1], &bundle_length);
  root = read_whole_file(argv[2], &root_length);
  bundles(bundle, bundle_length, root, root_length);
  free(bundle);
  free(root);
  if (failures == 0) puts("forgepool.h: all as promised");
  return failures != 0;
}
