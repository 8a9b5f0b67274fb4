#define _GNU_SOURCE
#include "host_thread.h"

#include <pthread.h>

static _Thread_local float_environment *innermost;

void float_environment_enter(float_environment *frame) {
  fegetenv(&frame->host);
  fesetenv(FE_DFL_ENV);
  frame->outer = innermost;
  innermost = frame;
}

void float_environment_leave(float_environment *frame) {
  innermost = frame->outer;
  fesetenv(&frame->host);
}

void float_environment_lend(void) {
  if (innermost) fesetenv(&innermost->host);
}

void float_environment_take_back(void) {
  if (innermost) fegetenv(&innermost->host);
  fesetenv(FE_DFL_ENV);
}

void float_environment_set_default(void) { fesetenv(FE_DFL_ENV); }

size_t stack_remaining(void) {
  // Asking costs a system call, and for the first thread reads /proc/self/maps: once a thread.
  static _Thread_local char *low, *high;
  if (!high) {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    void *start = NULL;
    size_t size = 0;
    if (pthread_attr_getstack(&attributes, &start, &size) == 0 && start) {
      low = start;
      high = low + size;
    }
    pthread_attr_destroy(&attributes);
  }
  char *here = __builtin_frame_address(0);
  return here > low && here <= high ? (size_t)(here - low) : 0;
}

static _Thread_local int receivers;

void log_receiver_entered(void) { receivers++; }
void log_receiver_left(void) { receivers--; }
bool log_receiver_is_inside(void) { return receivers > 0; }
