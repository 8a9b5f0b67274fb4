/* Lets one allocation of a short training fail, or all from one on, and looks at what comes of it.

   fail_allocations DIRECTORY KIND FIRST STEP LAST

   KIND is two words joined by a dash: `cold` (the library has done nothing before) or `warm` (it
   has trained once), and `once` (one allocation fails) or `all` (every one from there on fails, until
   the training has returned). For each n of FIRST, FIRST + STEP, … LAST a child process is made whose
   n-th allocation fails. LAST 0 continues to the last allocation there is.

   Allocations are malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign, mmap and
   pthread_create: this program's functions come before the C library's, whoever calls them.

   The child must not die; threads, file descriptors and, if warm, blocks of memory must be as many as
   before; no run may still be running; and another training must succeed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cifar.h"

/* Allocations. */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static _Atomic long made, blocks;
static _Atomic long fails_at = -1;
static _Atomic int fails_on;

static int fails(void) {
  long number = atomic_fetch_add(&made, 1) + 1, at = atomic_load(&fails_at);
  if (at < 0 || number < at || (number > at && !atomic_load(&fails_on))) return 0;
  errno = ENOMEM;
  return 1;
}

static void *counted(void *block) {
  if (block != NULL) atomic_fetch_add(&blocks, 1);
  return block;
}

void *malloc(size_t size) { return fails() ? NULL : counted(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) {
  return fails() ? NULL : counted(__libc_calloc(count, size));
}
void *realloc(void *block, size_t size) {
  if (fails()) return NULL;
  return block == NULL ? counted(__libc_realloc(NULL, size)) : __libc_realloc(block, size);
}
void *memalign(size_t alignment, size_t size) {
  return fails() ? NULL : counted(__libc_memalign(alignment, size));
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  void *block = memalign(alignment, size);
  if (block == NULL) return ENOMEM;
  *out = block;
  return 0;
}
void free(void *block) {
  if (block != NULL) atomic_fetch_sub(&blocks, 1);
  __libc_free(block);
}
void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  if (fails()) return MAP_FAILED;
  long result = syscall(SYS_mmap, address, size, protection, flags, file, offset);
  return (void *)result;
}

typedef int (*create_function)(
    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static union {
  void *symbol;
  create_function call;
} real_create;

int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  if (fails()) return EAGAIN;
  return real_create.call(thread, attributes, body, argument);
}

/* A training. */

#define MODEL                                                                     \
  "[{\"type\":\"conv2d\",\"filters\":16},{\"type\":\"batch_norm\"},"              \
  "{\"type\":\"relu\"},{\"type\":\"conv2d\",\"filters\":16},{\"type\":\"relu\"}," \
  "{\"type\":\"max_pool\"},{\"type\":\"dropout\",\"rate\":0.1},"                  \
  "{\"type\":\"flatten\"},{\"type\":\"dense\",\"units\":10}]"

static char registry[4000];
/* Whether the last training got as far as to have a trainer. */
static int had_trainer;

static void disarm(void) { atomic_store(&fails_at, -1); }

/* - Returns: the first status that is not CIFAR_OK. Allocations succeed again once the training has
   returned, so that what was made can be let go of in order. */
static cifar_status train(void) {
  cifar_dataset *images = NULL, *others = NULL;
  cifar_trainer *trainer = NULL;
  cifar_model *model = NULL;
  cifar_train_options options;
  cifar_train_options_init(&options, sizeof options);
  options.epochs = 1;
  options.batch_size = 16;
  options.threads = 2;
  options.model = MODEL;
  options.registry = registry;
  cifar_status status = cifar_dataset_open("shapes", CIFAR_TRAIN, 40, &images);
  if (!status) status = cifar_dataset_open("shapes", CIFAR_TEST, 10, &others);
  if (!status) status = cifar_trainer_create(images, others, &options, &trainer);
  if (!status) status = cifar_trainer_run(trainer);
  if (!status) status = cifar_model_from_trainer(trainer, &model);
  if (!status) {
    uint8_t pixels[2 * 3 * 32 * 32];
    float probabilities[2 * 10];
    status = cifar_dataset_read(others, 0, 2, pixels, NULL);
    if (!status) status = cifar_model_predict(model, pixels, 2, probabilities);
  }
  disarm();
  had_trainer = trainer != NULL;
  if (status && cifar_last_error()[0] == 0) {
    puts("no message");
    _exit(9);
  }
  cifar_model_free(model);
  cifar_trainer_free(trainer);
  cifar_dataset_free(others);
  cifar_dataset_free(images);
  return status;
}

/* What there is. */

static int entries(const char *directory) {
  DIR *listing = opendir(directory);
  int count = 0;
  while (listing != NULL && readdir(listing) != NULL) count++;
  if (listing != NULL) closedir(listing);
  return count;
}

/* Threads that have been joined are gone from /proc a moment later. */
static int threads(int expected) {
  for (int look = 0; look < 200; look++) {
    if (entries("/proc/self/task") == expected) return expected;
    usleep(5000);
  }
  return entries("/proc/self/task");
}

/* - Returns: runs of the registry that have not ended; -1 if it can't be read. */
static int running(void) {
  if (access(registry, F_OK) != 0) return 0;
  cifar_registry *opened = NULL;
  cifar_run_list *list = NULL;
  int result = -1;
  size_t count = 0;
  cifar_status status = cifar_registry_open(registry, &opened);
  /* The file was made, and nothing was written into it. */
  if (status == CIFAR_E_NOT_FOUND) return 0;
  if (!status) status = cifar_registry_list(opened, 0, &list);
  if (!status) status = cifar_run_list_count(list, &count);
  if (!status) result = 0;
  for (size_t i = 0; !status && i < count; i++) {
    cifar_run_info info;
    status = cifar_run_list_get(list, i, &info, sizeof info);
    if (!status && strcmp(info.status, "running") == 0) result++;
  }
  if (status) printf("the registry can't be read: %s\n", cifar_last_error());
  cifar_run_list_free(list);
  cifar_registry_free(opened);
  return status ? -1 : result;
}

static int child(long n, int once, int warm) {
  int tasks = entries("/proc/self/task"), files = entries("/proc/self/fd");
  long before = atomic_load(&blocks);
  atomic_store(&made, 0);
  atomic_store(&fails_on, !once);
  atomic_store(&fails_at, n);
  cifar_status status = train();
  long after = atomic_load(&blocks);
  if (threads(tasks) != tasks) return printf("a thread is left\n"), 2;
  if (entries("/proc/self/fd") != files) return printf("a file is left open\n"), 3;
  /* The last error and what is made when it is first needed stay. */
  if (warm && after - before > 64) return printf("%ld blocks are left\n", after - before), 4;
  int began = had_trainer;
  int unfinished = running();
  /* A trainer that can't be made takes its run with it while SQLite has no memory to write that down:
     the run counts as running until the process ends. */
  if (unfinished != 0 && (once || began)) return printf("%d runs are left\n", unfinished), 5;
  if (train() != CIFAR_OK) return printf("then: %s\n", cifar_last_error()), 6;
  return status == CIFAR_OK ? 0 : status == CIFAR_E_OUT_OF_MEMORY ? 1 : 7;
}

static void clean(void) {
  char journal[4200];
  snprintf(journal, sizeof journal, "%s-journal", registry);
  unlink(registry);
  unlink(journal);
}

int main(int count, char **words) {
  if (count != 6) return 64;
  real_create.symbol = dlsym(RTLD_NEXT, "pthread_create");
  int warm = strncmp(words[2], "warm", 4) == 0, once = strstr(words[2], "once") != NULL;
  long first = atol(words[3]), step = atol(words[4]), last = atol(words[5]);
  snprintf(registry, sizeof registry, "%s/%s.db", words[1], words[2]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  clean();
  if (warm && train() != CIFAR_OK) return puts(cifar_last_error()), 1;
  if (last == 0) {
    /* As many as a training makes that nothing happens to. */
    int ends[2];
    if (pipe(ends) != 0) return 1;
    if (fork() == 0) {
      atomic_store(&made, 0);
      train();
      long total = atomic_load(&made);
      _exit(write(ends[1], &total, sizeof total) == sizeof total ? 0 : 1);
    }
    wait(NULL);
    if (read(ends[0], &last, sizeof last) != sizeof last) return 1;
    close(ends[0]);
    close(ends[1]);
  }
  long tried = 0, failures = 0, succeeded = 0, refused = 0, others = 0;
  for (long n = first; n <= last; n += step) {
    if (!warm) clean();
    pid_t process = fork();
    if (process == 0) {
      alarm(60);
      _exit(child(n, once, warm));
    }
    int result = 0;
    waitpid(process, &result, 0);
    tried++;
    if (WIFSIGNALED(result)) {
      printf("FAILED %s %ld: signal %d\n", words[2], n, WTERMSIG(result));
      failures++;
      continue;
    }
    switch (WEXITSTATUS(result)) {
      case 0: succeeded++; break;
      case 1: refused++; break;
      case 7: others++; break;
      default:
        printf("FAILED %s %ld: exit code %d\n", words[2], n, WEXITSTATUS(result));
        failures++;
    }
  }
  printf("%s: %ld of %ld allocations failed: %ld trainings succeeded, %ld out of memory, "
         "%ld other errors, %ld failures\n",
         words[2], tried, last, succeeded, refused, others, failures);
  clean();
  return failures == 0 ? 0 : 1;
}
