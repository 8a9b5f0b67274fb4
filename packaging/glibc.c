// Lets what is linked here run on glibc 2.28, as RHEL 8 has it, wherever it is built.
//
// The linker binds a call to the newest version of a function that the build machine's C library has,
// and a system without that version refuses the whole library. Below, each function of a newer version that
// the sources, the Swift runtime or the C++ library call is defined anew, hidden: it goes on to an
// older version, or does the little there is to do. `make build` links this file; the fuzzers' and
// the sanitizers' builds do not. Tests/CABI/test_library.py looks at the versions that are left.
//
// The older versions still do the same, and give the same bits. Before 2.34 the functions of threads
// and of dlopen were in libraries of their own, libpthread and libdl, which newer systems keep, empty.
//
// Each definition is in a section of its own: the linker drops those that nobody calls.
#ifdef __x86_64__

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#define HIDDEN __attribute__((visibility("hidden")))

// A jump, which hands on all arguments whatever their types.
#define OLDER(function, version) \
  __asm__( \
      ".section .text." #function ",\"ax\",@progbits\n" \
      ".globl " #function "\n" \
      ".hidden " #function "\n" \
      ".type " #function ", @function\n" #function ":\n" \
      "  jmp *older_" #function "@GOTPCREL(%rip)\n" \
      ".size " #function ", . - " #function "\n" \
      ".symver older_" #function ", " #function "@GLIBC_" version "\n" \
      ".text\n");

// glibc 2.35, and 2.29 for the others: only how they report errors is new.
OLDER(hypotf, "2.2.5")
OLDER(exp, "2.2.5")
OLDER(exp2, "2.2.5")
OLDER(log, "2.2.5")
OLDER(log2, "2.2.5")
OLDER(pow, "2.2.5")

// glibc 2.34: from libdl to libc.
OLDER(dladdr, "2.2.5")
OLDER(dlerror, "2.2.5")
OLDER(dlopen, "2.2.5")
OLDER(dlsym, "2.2.5")

// glibc 2.32 and 2.34: from libpthread to libc.
OLDER(pthread_attr_getstack, "2.2.5")
OLDER(pthread_attr_setstacksize, "2.2.5")
OLDER(pthread_condattr_setclock, "2.3.3")
OLDER(pthread_create, "2.2.5")
OLDER(pthread_detach, "2.2.5")
OLDER(pthread_getaffinity_np, "2.3.4")
OLDER(pthread_getattr_np, "2.2.5")
OLDER(pthread_getspecific, "2.2.5")
OLDER(pthread_join, "2.2.5")
OLDER(pthread_key_create, "2.2.5")
OLDER(pthread_kill, "2.2.5")
OLDER(pthread_mutexattr_destroy, "2.2.5")
OLDER(pthread_mutexattr_init, "2.2.5")
OLDER(pthread_mutexattr_settype, "2.2.5")
OLDER(pthread_setname_np, "2.12")
OLDER(pthread_setspecific, "2.2.5")
OLDER(pthread_sigmask, "2.2.5")
OLDER(sem_destroy, "2.2.5")
OLDER(sem_init, "2.2.5")
OLDER(sem_open, "2.2.5")
OLDER(sem_post, "2.2.5")
OLDER(sem_timedwait, "2.2.5")
OLDER(sem_wait, "2.2.5")

// glibc 2.33: until then these were inline functions of <sys/stat.h> around the ones called here.
int __xstat(int version, const char *path, void *result);
int __lxstat(int version, const char *path, void *result);
int __fxstat(int version, int file, void *result);
int __fxstatat(int version, int directory, const char *path, void *result, int flags);

enum { stat_version = 1 };

HIDDEN int stat(const char *path, void *result) { return __xstat(stat_version, path, result); }

HIDDEN int lstat(const char *path, void *result) { return __lxstat(stat_version, path, result); }

HIDDEN int fstat(int file, void *result) { return __fxstat(stat_version, file, result); }

HIDDEN int fstatat(int directory, const char *path, void *result, int flags) {
  return __fxstatat(stat_version, directory, path, result, flags);
}

// glibc 2.36. Only std::random_device asks, and the kernel does not refuse it.
HIDDEN uint32_t arc4random(void) {
  uint32_t number;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
  return number;
}

// glibc 2.32: whether the C++ library may count references without atomic instructions. Never.
HIDDEN char __libc_single_threaded = 0;

// glibc 2.34 runs a program's constructors; before, the program brought the function that does.
typedef int Main(int, char **, char **);
typedef void Constructor(int, char **, char **);

int older_start_main(
    Main *main, int count, char **arguments, Constructor *construct, void (*destruct)(void),
    void (*unload)(void), void *stack);
__asm__(".symver older_start_main, __libc_start_main@GLIBC_2.2.5");

extern void _init(void) HIDDEN __attribute__((weak));
extern Constructor *__init_array_start[] HIDDEN;
extern Constructor *__init_array_end[] HIDDEN;

static void construct_all(int count, char **arguments, char **environment) {
  if (_init) _init();
  for (Constructor **next = __init_array_start; next < __init_array_end; next++) {
    (*next)(count, arguments, environment);
  }
}

HIDDEN int __libc_start_main(
    Main *main, int count, char **arguments, Constructor *construct, void (*destruct)(void),
    void (*unload)(void), void *stack) {
  (void)construct;
  (void)destruct;
  return older_start_main(main, count, arguments, construct_all, NULL, unload, stack);
}

#endif
