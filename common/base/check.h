// BATON_CHECK: an assertion about our own code that stays on in release builds.
//
// For bugs in this program only. Bytes from disk or wire are never trusted and never checked with
// it: they become a Status.
#pragma once

#include <cstdio>
#include <cstdlib>

#define BATON_CHECK(condition)                                                           \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
