#pragma once
/// Marks what the shared library exports. Everything else is hidden, so that libforgepool can live in one process with any
/// other copy of the libraries it is built from.
#define FORGEPOOL_API __attribute__((visibility("default")))
