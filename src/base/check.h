// THRONG_CHECK: for what cannot happen unless Throng itself is wrong. Input and environment are
// never checked with this: they get a Status.
#pragma once

namespace throng {

[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace throng

#define THRONG_CHECK(expression)                                               \
  do {                                                                         \
    if (!(expression)) ::throng::CheckFailed(#expression, __FILE__, __LINE__); \
  } while (false)
