#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace throng {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "check failed: %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace throng
