#define _GNU_SOURCE
#include "CCPUFeatures.h"

#include <sched.h>
#include <unistd.h>

int cpu_allowed(int *processors, int most) {
  cpu_set_t set;
  int count = 0;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  for (int processor = 0; processor < CPU_SETSIZE && count < most; processor++)
    if (CPU_ISSET(processor, &set)) processors[count++] = processor;
  return count;
}

int cpu_allowed_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

#if defined(__x86_64__)

bool cpu_has_avx2_fma(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool cpu_has_avx512(void) {
  __builtin_cpu_init();
  return cpu_has_avx2_fma() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool cpu_has_avx512_vnni(void) {
  return cpu_has_avx512() && __builtin_cpu_supports("avx512vnni");
}

#else

bool cpu_has_avx2_fma(void) { return false; }
bool cpu_has_avx512(void) { return false; }
bool cpu_has_avx512_vnni(void) { return false; }

#endif
