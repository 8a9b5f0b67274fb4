/* Stands between a program and the C library: makes system calls fail, kills the process at one of
   them, writes down what they did, and tells other times and names.

   Preloaded (LD_PRELOAD) into the commands, or a part of a C program: functions of either come
   before the C library's, whoever calls them, libsqlite3 and statically linked code included.

   What happens is said by the environment:

     TORTURE_DIRECTORY  an absolute path without links: only calls on files below it count
     TORTURE_FAIL       CALL:N:ERROR, CALL:N:ERROR:on: the N-th CALL fails, and with `on` all after
                        it. CALL is one of `calls` below or `any`; ERROR is EIO, ENOSPC, EINTR,
                        EDQUOT, EMFILE, EACCES, ENOLCK or SHORT, a write that puts half of its
                        bytes and succeeds
     TORTURE_KILL       N:before, N:half or N:after: SIGKILL at the N-th call of those that change
                        something, in the middle of it if it is a write
     TORTURE_STOP       N:before or N:after: likewise SIGSTOP; it continues when it is told to
     TORTURE_LOG        a file that gets every change, for Tests/Torture/power_loss.py
     TORTURE_COUNTS     a file that gets `struct counts`, always up to date
     TORTURE_CLOCK      N:SECONDS: from the N-th time that it is asked, the clock of the day is
                        wrong by SECONDS; wild:SEED: each time by something within a year
     TORTURE_HOST, TORTURE_BOOT, TORTURE_NAMESPACE
                        the host's name, the boot's id, and the namespace of process ids */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum call {
  WRITE, PWRITE, SYNC, TRUNCATE, OPEN, UNLINK, RENAME, LINK, CHANGES, LOCK = CHANGES, KINDS
};
static const char *const calls[KINDS] = {
    "write", "pwrite", "sync", "truncate", "open", "unlink", "rename", "link", "lock"};

/* What TORTURE_COUNTS shows; 64-bit numbers. */
struct counts {
  /* Calls of each kind so far. */
  int64_t made[KINDS];
  /* Calls that change something. */
  int64_t changes;
  /* Calls that were made to fail. */
  int64_t failed;
  /* The longest time that one lock was waited for, in nanoseconds, and of which byte: 0 for
     SQLite's pending byte, 1 for the reserved one, 2 for the shared ones. */
  int64_t longest_wait, longest_byte;
  /* The longest time that a sync took, and that the reserved lock was held. */
  int64_t longest_sync, longest_hold;
};

static struct counts own_counts, *counts = &own_counts;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int log_file = -1;
static int fail_call = -1, fail_code, fail_on;
static int64_t fail_at = -1, stop_at = -1;
static int stop_signal, stop_mode;
/* Descriptors of files below the root: 1, of directories: 2. */
static char tracked[4096];

enum { SHORT = 100000, ANY = KINDS };
enum { BEFORE, HALF, AFTER };

/* What is asked for. */

static int code_of(const char *name) {
  static const struct {
    const char *name;
    int code;
  } codes[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},   {"EDQUOT", EDQUOT},
               {"EMFILE", EMFILE}, {"EACCES", EACCES}, {"ENOLCK", ENOLCK}, {"SHORT", SHORT}};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    if (strcmp(codes[i].name, name) == 0) return codes[i].code;
  }
  _exit(64);
}

static int call_of(const char *name) {
  for (int i = 0; i < KINDS; i++) {
    if (strcmp(calls[i], name) == 0) return i;
  }
  if (strcmp(name, "any") == 0) return ANY;
  _exit(64);
}

/* Counts from here on: the `at`-th call of a kind fails. -1 for none. */
void torture_fail(int call, int64_t at, int code, int on) {
  pthread_mutex_lock(&mutex);
  int64_t before = call < 0 ? 0 : call == ANY ? counts->changes : counts->made[call];
  fail_call = call;
  fail_code = code;
  fail_on = on;
  fail_at = at < 0 ? -1 : before + at;
  pthread_mutex_unlock(&mutex);
}

void torture_watch(const char *directory) {
  root_length = strlen(directory);
  if (root_length >= sizeof root) _exit(64);
  memcpy(root, directory, root_length + 1);
}

static void stop_from(const char *text, int number) {
  char mode[16] = "";
  if (text == NULL || sscanf(text, "%ld:%15s", (long *)&stop_at, mode) != 2) return;
  stop_signal = number;
  stop_mode = strcmp(mode, "before") == 0 ? BEFORE : strcmp(mode, "half") == 0 ? HALF : AFTER;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("TORTURE_DIRECTORY");
  if (text != NULL) torture_watch(text);
  if ((text = getenv("TORTURE_COUNTS")) != NULL) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, text, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || syscall(SYS_ftruncate, file, sizeof own_counts) != 0) _exit(64);
    void *shared =
        mmap(NULL, sizeof own_counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) _exit(64);
    counts = shared;
    close(file);
  }
  if ((text = getenv("TORTURE_LOG")) != NULL) {
    int file = (int)syscall(
        SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    /* Out of the way: who looks for the lowest free number finds what it would find alone. */
    log_file = (int)syscall(SYS_fcntl, file, F_DUPFD_CLOEXEC, 1000);
    close(file);
    if (log_file < 0) _exit(64);
  }
  if ((text = getenv("TORTURE_FAIL")) != NULL) {
    char call[16], code[16], on[4] = "";
    long at;
    if (sscanf(text, "%15[a-z]:%ld:%15[A-Z]:%3s", call, &at, code, on) < 3) _exit(64);
    torture_fail(call_of(call), at, code_of(code), on[0] != 0);
  }
  stop_from(getenv("TORTURE_KILL"), SIGKILL);
  stop_from(getenv("TORTURE_STOP"), SIGSTOP);
}

/* Which files count. */

/* The path from the root on: "" for the root itself; NULL for what is not below it. */
static const char *below(const char *path) {
  if (root_length == 0 || strncmp(path, root, root_length) != 0) return NULL;
  if (path[root_length] == 0) return path + root_length;
  return path[root_length] == '/' ? path + root_length + 1 : NULL;
}

static const char *path_of(int file, char *buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, buffer, PATH_MAX - 1);
  if (length < 0) return NULL;
  buffer[length] = 0;
  return below(buffer);
}

/* What `path` names, from the root on; NULL for what is not below it. */
static const char *name_of(int directory, const char *path, char *buffer) {
  if (path[0] == '/') return below(path);
  if (directory == AT_FDCWD) {
    if (syscall(SYS_getcwd, buffer, PATH_MAX) < 0) return NULL;
  } else if (path_of(directory, buffer) == NULL) {
    return NULL;
  }
  while (path[0] == '.' && path[1] == '/') path += 2;
  size_t length = strlen(buffer);
  if (length + strlen(path) + 2 > PATH_MAX) return NULL;
  buffer[length] = '/';
  strcpy(buffer + length + 1, path);
  return below(buffer);
}

static int is_tracked(int file) {
  return file >= 0 && file < (int)sizeof tracked && tracked[file];
}

/* What was done. */

static void put(const char *line, const void *data, size_t size) {
  if (log_file < 0) return;
  struct iovec parts[2] = {{(void *)line, strlen(line)}, {(void *)data, size}};
  /* One call: lines of several processes do not mix. */
  if (syscall(SYS_writev, log_file, parts, 2) < 0) _exit(65);
}

static unsigned long number_of(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? status.st_ino : 0;
}

static void note_write(int file, const void *data, size_t size, off_t at) {
  char line[128];
  snprintf(line, sizeof line, "W %lu %ld %zu\n", number_of(file), (long)at, size);
  put(line, data, size);
}

static void note(
    char what, const char *first, const char *second, unsigned long number, long size) {
  char line[2 * PATH_MAX + 64];
  /* Paths come last, each with its length. */
  snprintf(line, sizeof line, "%c %lu %ld %zu %zu\n%s%s", what, number, size, strlen(first),
           strlen(second), first, second);
  put(line, "", 0);
}

/* What happens at a call: 0 for nothing, an error, or SHORT. Under the mutex. */
static int due(enum call call) {
  int64_t made = ++counts->made[call];
  if (call < CHANGES) counts->changes++;
  int64_t number = fail_call == ANY ? counts->changes : made;
  int applies = fail_call == (int)call || (fail_call == ANY && call < CHANGES);
  if (!applies || fail_at < 0 || number < fail_at || (number > fail_at && !fail_on)) return 0;
  /* Only writes can be short. */
  if (fail_code == SHORT && call != WRITE && call != PWRITE) return 0;
  counts->failed++;
  return fail_code;
}

static int stops(int mode) {
  return stop_at >= 0 && counts->changes == stop_at && stop_mode == mode;
}

static void stop(void) {
  /* The lock is let go: a process that is told to continue has other threads. */
  stop_at = -1;
  syscall(SYS_kill, syscall(SYS_getpid), stop_signal);
}

/* Files. */

static ssize_t put_bytes(int file, const void *data, size_t size, off_t at, int is_at) {
  return is_at ? syscall(SYS_pwrite64, file, data, size, at) : syscall(SYS_write, file, data, size);
}

static ssize_t write_to(int file, const void *data, size_t size, off_t at, int is_at) {
  if (is_tracked(file) != 1) {
    ssize_t done = put_bytes(file, data, size, at, is_at);
    /* What a command says to the world. */
    if (file == STDOUT_FILENO && done > 0 && log_file >= 0) {
      char line[64];
      snprintf(line, sizeof line, "M 0 0 %zd\n", done);
      put(line, data, (size_t)done);
    }
    return done;
  }
  pthread_mutex_lock(&mutex);
  int code = due(is_at ? PWRITE : WRITE);
  if (stops(BEFORE)) stop();
  if (code != 0 && code != SHORT) {
    pthread_mutex_unlock(&mutex);
    errno = code;
    return -1;
  }
  int half = stops(HALF);
  size_t length = (code == SHORT || half) && size > 1 ? size / 2 : size;
  if (!is_at) {
    int flags = (int)syscall(SYS_fcntl, file, F_GETFL);
    at = (flags & O_APPEND) ? syscall(SYS_lseek, file, 0, SEEK_END)
                            : syscall(SYS_lseek, file, 0, SEEK_CUR);
  }
  ssize_t done = put_bytes(file, data, length, at, is_at);
  int failure = errno;
  if (done > 0) note_write(file, data, (size_t)done, at);
  if (half || stops(AFTER)) stop();
  pthread_mutex_unlock(&mutex);
  errno = failure;
  return done;
}

ssize_t write(int file, const void *data, size_t size) { return write_to(file, data, size, 0, 0); }
ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  return write_to(file, data, size, at, 1);
}
ssize_t pwrite64(int file, const void *data, size_t size, off_t at) {
  return write_to(file, data, size, at, 1);
}

static int64_t nanoseconds(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int sync_file(int file, long number) {
  if (!is_tracked(file)) return (int)syscall(number, file);
  pthread_mutex_lock(&mutex);
  int64_t start = nanoseconds();
  int code = due(SYNC);
  if (stops(BEFORE) || stops(HALF)) stop();
  int result = -1;
  if (code == 0 || code == SHORT) {
    result = (int)syscall(number, file);
    code = errno;
    int64_t took = nanoseconds() - start;
    if (took > counts->longest_sync) counts->longest_sync = took;
    if (result == 0) {
      char buffer[PATH_MAX];
      const char *name = tracked[file] == 2 ? path_of(file, buffer) : NULL;
      if (tracked[file] == 2) {
        note('D', name ? name : "", "", 0, 0);
      } else {
        note('S', "", "", number_of(file), 0);
      }
    }
  }
  if (stops(AFTER)) stop();
  pthread_mutex_unlock(&mutex);
  errno = code;
  return result;
}

int fsync(int file) { return sync_file(file, SYS_fsync); }
int fdatasync(int file) { return sync_file(file, SYS_fdatasync); }

int ftruncate(int file, off_t size) {
  if (is_tracked(file) != 1) return (int)syscall(SYS_ftruncate, file, size);
  pthread_mutex_lock(&mutex);
  int code = due(TRUNCATE);
  if (stops(BEFORE) || stops(HALF)) stop();
  int result = -1;
  if (code == 0 || code == SHORT) {
    result = (int)syscall(SYS_ftruncate, file, size);
    code = errno;
    if (result == 0) note('T', "", "", number_of(file), (long)size);
  }
  if (stops(AFTER)) stop();
  pthread_mutex_unlock(&mutex);
  errno = code;
  return result;
}
int ftruncate64(int file, off_t size) { return ftruncate(file, size); }

/* A file in memory with `text` in it. */
static int text_file(const char *text) {
  int file = memfd_create("text", MFD_CLOEXEC);
  if (file < 0 || put_bytes(file, text, strlen(text), 0, 1) < 0) _exit(64);
  return file;
}

static int open_at(int directory, const char *path, int flags, mode_t mode) {
  const char *boot = getenv("TORTURE_BOOT");
  if (boot != NULL && path != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) {
    return text_file(boot);
  }
  char buffer[PATH_MAX];
  const char *name = path ? name_of(directory, path, buffer) : NULL;
  if (name == NULL) return (int)syscall(SYS_openat, directory, path, flags, mode);
  pthread_mutex_lock(&mutex);
  /* Only one that makes or empties a file changes something, but each can fail. */
  int64_t changes = counts->changes;
  int code = due(OPEN);
  int is_change = (flags & (O_CREAT | O_TRUNC)) != 0;
  if (!is_change) counts->changes = changes;
  if (is_change && (stops(BEFORE) || stops(HALF))) stop();
  if (code != 0 && code != SHORT) {
    pthread_mutex_unlock(&mutex);
    errno = code;
    return -1;
  }
  struct stat before, after;
  int existed = fstatat(directory, path, &before, 0) == 0;
  int file = (int)syscall(SYS_openat, directory, path, flags, mode);
  int failure = errno;
  if (file >= 0 && file < (int)sizeof tracked && fstat(file, &after) == 0) {
    /* `after` is at the end of links. */
    const char *real = path_of(file, buffer);
    tracked[file] = real == NULL ? 0 : S_ISDIR(after.st_mode) ? 2 : S_ISREG(after.st_mode);
    if (tracked[file] == 1) {
      if (!existed) note('C', real, "", after.st_ino, after.st_mode & 0777);
      if (existed && (flags & O_TRUNC)) note('T', "", "", after.st_ino, 0);
    }
  }
  if (is_change && stops(AFTER)) stop();
  pthread_mutex_unlock(&mutex);
  errno = failure;
  return file;
}

static mode_t mode_from(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPEN_FUNCTION(name)                            \
  int name(const char *path, int flags, ...) {         \
    va_list rest;                                      \
    va_start(rest, flags);                             \
    mode_t mode = mode_from(flags, rest);              \
    va_end(rest);                                      \
    return open_at(AT_FDCWD, path, flags, mode);       \
  }
#define OPENAT_FUNCTION(name)                                   \
  int name(int directory, const char *path, int flags, ...) {   \
    va_list rest;                                               \
    va_start(rest, flags);                                      \
    mode_t mode = mode_from(flags, rest);                       \
    va_end(rest);                                               \
    return open_at(directory, path, flags, mode);               \
  }
OPEN_FUNCTION(open)
OPEN_FUNCTION(open64)
OPENAT_FUNCTION(openat)
OPENAT_FUNCTION(openat64)

int close(int file) {
  if (is_tracked(file)) tracked[file] = 0;
  return (int)syscall(SYS_close, file);
}

static int remove_at(int directory, const char *path, int flags) {
  char buffer[PATH_MAX];
  const char *name = path ? name_of(directory, path, buffer) : NULL;
  if (name == NULL) return (int)syscall(SYS_unlinkat, directory, path, flags);
  pthread_mutex_lock(&mutex);
  int code = due(UNLINK);
  if (stops(BEFORE) || stops(HALF)) stop();
  int result = -1;
  if (code == 0 || code == SHORT) {
    result = (int)syscall(SYS_unlinkat, directory, path, flags);
    code = errno;
    if (result == 0) note('U', name, "", 0, 0);
  }
  if (stops(AFTER)) stop();
  pthread_mutex_unlock(&mutex);
  errno = code;
  return result;
}

int unlink(const char *path) { return remove_at(AT_FDCWD, path, 0); }
int unlinkat(int directory, const char *path, int flags) {
  return remove_at(directory, path, flags);
}

static int rename_at(int from, const char *old, int to, const char *new, enum call call) {
  char first[PATH_MAX], second[PATH_MAX];
  const char *name = name_of(from, old, first), *other = name_of(to, new, second);
  long number = call == LINK ? SYS_linkat : SYS_renameat;
  if (name == NULL || other == NULL) return (int)syscall(number, from, old, to, new, 0);
  pthread_mutex_lock(&mutex);
  int code = due(call);
  if (stops(BEFORE) || stops(HALF)) stop();
  int result = -1;
  if (code == 0 || code == SHORT) {
    result = (int)syscall(number, from, old, to, new, 0);
    code = errno;
    if (result == 0) note(call == LINK ? 'L' : 'R', name, other, 0, 0);
  }
  if (stops(AFTER)) stop();
  pthread_mutex_unlock(&mutex);
  errno = code;
  return result;
}

int rename(const char *old, const char *new) {
  return rename_at(AT_FDCWD, old, AT_FDCWD, new, RENAME);
}
int renameat(int from, const char *old, int to, const char *new) {
  return rename_at(from, old, to, new, RENAME);
}
int link(const char *old, const char *new) { return rename_at(AT_FDCWD, old, AT_FDCWD, new, LINK); }
int linkat(int from, const char *old, int to, const char *new, int flags) {
  (void)flags;
  return rename_at(from, old, to, new, LINK);
}

/* Locks. */

/* When this thread was first refused each of SQLite's three locks, and when it got the reserved
   one. */
static __thread int64_t refused[3], reserved_since;

/* The reserved byte is let go of with the pending one, or with all. */
static void note_hold(const struct flock *request, int result) {
  if (result != 0) return;
  if (request->l_type == F_WRLCK && request->l_start == 0x40000001) {
    reserved_since = nanoseconds();
  } else if (request->l_type == F_UNLCK && request->l_len != 1 && reserved_since != 0) {
    int64_t held = nanoseconds() - reserved_since;
    if (held > counts->longest_hold) counts->longest_hold = held;
    reserved_since = 0;
  }
}

static void note_lock(const struct flock *request, int result, int code) {
  int64_t byte = request->l_start - 0x40000000;
  if (byte < 0 || byte > 2) return;
  if (result != 0 && (code == EAGAIN || code == EACCES)) {
    if (refused[byte] == 0) refused[byte] = nanoseconds();
    int64_t waited = nanoseconds() - refused[byte];
    if (waited > counts->longest_wait) {
      counts->longest_wait = waited;
      counts->longest_byte = byte;
    }
  } else if (result == 0 && request->l_type != F_UNLCK && refused[byte] != 0) {
    int64_t waited = nanoseconds() - refused[byte];
    if (waited > counts->longest_wait) {
      counts->longest_wait = waited;
      counts->longest_byte = byte;
    }
    refused[byte] = 0;
  }
}

static int control(int file, int command, void *argument) {
  int is_lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
                command == F_OFD_SETLKW;
  int copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  if (is_lock && is_tracked(file)) {
    pthread_mutex_lock(&mutex);
    int code = due(LOCK);
    pthread_mutex_unlock(&mutex);
    if (code != 0 && code != SHORT) {
      errno = code;
      return -1;
    }
  }
  int result = (int)syscall(SYS_fcntl, file, command, argument);
  if (is_lock && is_tracked(file)) {
    int code = errno;
    note_lock(argument, result, code);
    note_hold(argument, result);
    errno = code;
  }
  if (copies && result >= 0 && result < (int)sizeof tracked) tracked[result] = is_tracked(file);
  return result;
}

#define FCNTL_FUNCTION(name)                        \
  int name(int file, int command, ...) {            \
    va_list rest;                                   \
    va_start(rest, command);                        \
    void *argument = va_arg(rest, void *);          \
    va_end(rest);                                   \
    return control(file, command, argument);        \
  }
FCNTL_FUNCTION(fcntl)
FCNTL_FUNCTION(fcntl64)

/* The clock of the day. */

static int64_t wrong_by(void) {
  static _Atomic int64_t asked;
  static const char *text;
  static int is_known;
  if (!is_known) {
    text = getenv("TORTURE_CLOCK");
    is_known = 1;
  }
  if (text == NULL) return 0;
  int64_t number = ++asked;
  long at, seconds;
  if (sscanf(text, "wild:%ld", &at) == 1) {
    uint64_t mixed = (uint64_t)(number + at) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ (mixed >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (int64_t)((mixed ^ (mixed >> 32)) % 63072000) - 31536000;
  }
  if (sscanf(text, "%ld:%ld", &at, &seconds) == 2 && number >= at) return seconds;
  return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += wrong_by();
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

/* Where one is. */

static int copy_name(const char *name, char *buffer, size_t size) {
  size_t length = strlen(name);
  if (length >= size) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(buffer, name, length + 1);
  return 0;
}

int gethostname(char *buffer, size_t size) {
  const char *name = getenv("TORTURE_HOST");
  if (name != NULL) return copy_name(name, buffer, size);
  static int (*real)(char *, size_t);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "gethostname");
  return real(buffer, size);
}

ssize_t readlink(const char *restrict path, char *restrict buffer, size_t size) {
  const char *space = getenv("TORTURE_NAMESPACE");
  if (space != NULL && strcmp(path, "/proc/self/ns/pid") == 0) {
    size_t length = strlen(space) < size ? strlen(space) : size;
    memcpy(buffer, space, length);
    return (ssize_t)length;
  }
  return syscall(SYS_readlinkat, AT_FDCWD, path, buffer, size);
}
