// What a sanitizer's runtime calls behind the back of the code under test, so that the tests of the
// syscall filter still say something about that code.
#pragma once

#include <vector>

#include "os/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define THRONG_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define THRONG_TEST_SANITIZED 1
#endif
#endif

namespace throng::os::testing {

// Empty without a sanitizer. With one: it asks for the signal stack before every function that does
// not return (_exit, abort, throw).
inline std::vector<SyscallRule> SanitizerRules() {
#ifdef THRONG_TEST_SANITIZED
  return {{SyscallRule::Action::kAllow, "sigaltstack", 0}};
#else
  return {};
#endif
}

}  // namespace throng::os::testing
