#define _GNU_SOURCE
#include "host_thread.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

static _Thread_local host_environment *innermost;

static void file_size_signal(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGXFSZ);
}

/// A write beyond the process's limit is an error of the call, and not the end of the process.
static void hold_signal(host_environment *frame) {
  sigset_t set, before;
  file_size_signal(&set);
  frame->held_signal =
      pthread_sigmask(SIG_BLOCK, &set, &before) == 0 && !sigismember(&before, SIGXFSZ);
}

static void release_signal(host_environment *frame) {
  if (!frame->held_signal) return;
  sigset_t set;
  file_size_signal(&set);
  struct timespec now = {0, 0};
  while (sigtimedwait(&set, NULL, &now) == SIGXFSZ) continue;
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void take_default(host_environment *frame) {
  fegetenv(&frame->floats);
  fesetenv(FE_DFL_ENV);
  hold_signal(frame);
}

static void give_back(host_environment *frame) {
  release_signal(frame);
  fesetenv(&frame->floats);
}

void host_environment_enter(host_environment *frame) {
  take_default(frame);
  frame->outer = innermost;
  innermost = frame;
}

void host_environment_leave(host_environment *frame) {
  innermost = frame->outer;
  give_back(frame);
}

void host_environment_lend(void) {
  if (innermost) give_back(innermost);
}

void host_environment_take_back(void) {
  if (innermost) {
    take_default(innermost);
  } else {
    fesetenv(FE_DFL_ENV);
  }
}

void host_environment_set_default(void) { fesetenv(FE_DFL_ENV); }

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
