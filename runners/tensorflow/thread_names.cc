// TensorFlow names the threads of its pools, and glibc does that through /proc/self/task/N/comm.
// Each such look-up leaves entries in the kernel's cache that the thread's end and the front door's
// waitid then remove at the same time, spinning on each other: 0.1 to 0.9 s of a core for each cell
// that ends (Linux 6.18, seen with perf; a program of twenty lines that does the same with four
// threads waits up to 107 ms on a busy machine, and 0.03 ms when the threads have no names).
//
// This definition goes before glibc's for every library of this program (CMakeLists.txt exports
// it).
#include <pthread.h>

extern "C" __attribute__((visibility("default"))) int pthread_setname_np(pthread_t /*thread*/,
                                                                         const char* /*name*/) {
  return 0;
}
