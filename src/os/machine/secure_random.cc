#include "os/machine/secure_random.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

namespace throng::os {

uint64_t SecureSeed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) == sizeof seed) return seed;
  // Older than getrandom, or filtered: distinct is enough here.
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_nsec) << 32 ^ static_cast<uint64_t>(now.tv_sec) ^
         static_cast<uint64_t>(getpid()) << 48;
}

}  // namespace throng::os
