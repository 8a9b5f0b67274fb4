// What a thread of the host brings along: its floating-point environment, what it does about SIGXFSZ,
// and how much stack it has.
#ifndef CIFAR_HOST_THREAD_H
#define CIFAR_HOST_THREAD_H

#include <fenv.h>
#include <stdbool.h>
#include <stddef.h>

/// What of the host's is put aside while the library works. They nest: a callback may call the
/// library again.
typedef struct host_environment {
  fenv_t floats;
  /// Whether SIGXFSZ would have come through.
  bool held_signal;
  struct host_environment *outer;
} host_environment;

/// Keeps the calling thread's floating-point environment (rounding mode, flush to zero, unmasked
/// exceptions, flags) in `frame` and takes the default one; holds back SIGXFSZ, with which the system
/// ends a process that writes beyond its limit (RLIMIT_FSIZE).
void host_environment_enter(host_environment *frame);

/// Puts back what `frame` keeps; the innermost first.
void host_environment_leave(host_environment *frame);

/// Before the host's code is called: puts its environment back. On the library's own threads
/// nothing changes.
void host_environment_lend(void);

/// After the host's code has returned: keeps the environment that it left, for
/// `host_environment_leave`, and holds back what `host_environment_enter` does.
void host_environment_take_back(void);

/// The default floating-point environment, for threads of the library's own: a thread begins in its creator's.
void host_environment_set_default(void);

/// Bytes of stack that the calling thread has left; 0 where it runs on another stack than its own (a
/// coroutine's), whose size nobody knows.
size_t stack_remaining(void);

/// How many receivers of log lines the calling thread is inside of is counted by these two.
void log_receiver_entered(void);
void log_receiver_left(void);
/// Whether it is inside of one.
bool log_receiver_is_inside(void);

#endif
