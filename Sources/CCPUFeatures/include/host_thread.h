// What a thread of the host brings along: its floating-point environment, and how much stack it has.
#ifndef CIFAR_HOST_THREAD_H
#define CIFAR_HOST_THREAD_H

#include <fenv.h>
#include <stdbool.h>
#include <stddef.h>

/// The floating-point environment of the host while the library computes in the default one. They
/// nest: a callback may call the library again.
typedef struct float_environment {
  fenv_t host;
  struct float_environment *outer;
} float_environment;

/// Keeps the calling thread's environment (rounding mode, flush to zero, unmasked exceptions, flags)
/// in `frame` and takes the default one.
void float_environment_enter(float_environment *frame);

/// Puts back what `frame` keeps; the innermost first.
void float_environment_leave(float_environment *frame);

/// Before the host's code is called: puts its environment back. On the library's own threads
/// nothing changes.
void float_environment_lend(void);

/// After the host's code has returned: keeps the environment that it left, for
/// `float_environment_leave`, and takes the default one.
void float_environment_take_back(void);

/// The default environment, for threads of the library's own: a thread begins in its creator's.
void float_environment_set_default(void);

/// Bytes of stack that the calling thread has left; 0 where it runs on another stack than its own (a
/// coroutine's), whose size nobody knows.
size_t stack_remaining(void);

/// How many receivers of log lines the calling thread is inside of is counted by these two.
void log_receiver_entered(void);
void log_receiver_left(void);
/// Whether it is inside of one.
bool log_receiver_is_inside(void);

#endif
