/* Lets one system call of a short training fail, or all from one on, inside a host that continues
   living.

   fail_calls DIRECTORY CALL ERROR STEP [on]

   CALL and ERROR as in interpose.c, which is a part of this program. For each n of 1, 1 + STEP, …
   up to the calls that a training makes, a child process is made whose n-th call fails. Afterwards
   there must be as many threads and descriptors as before; another training in the same process must
   succeed; the registry must be whole; and the run, continued with, must end as one that nothing
   happened to. */
#include "interpose.c"

#include <sys/wait.h>

#include "cifar.h"

#define MODEL                                                                            \
  "[{\"type\":\"conv2d\",\"filters\":8},{\"type\":\"batch_norm\"},{\"type\":\"relu\"},"  \
  "{\"type\":\"max_pool\"},{\"type\":\"global_average_pool\"},{\"type\":\"dense\",\"units\":10}]"
enum { EPOCHS = 2, IMAGES = 8, CLASSES = 10 };

static char directory[PATH_MAX - 100], registry[PATH_MAX], model_file[PATH_MAX];
static char settings[PATH_MAX + 200];
static float expected[IMAGES * CLASSES];
static int had_trainer;

static cifar_status train(const char *name) {
  cifar_dataset *images = NULL, *others = NULL;
  cifar_trainer *trainer = NULL;
  cifar_model *model = NULL;
  cifar_registry *opened = NULL;
  cifar_train_options options;
  cifar_train_options_init(&options, sizeof options);
  options.epochs = EPOCHS;
  options.batch_size = 16;
  options.threads = 2;
  options.name = name;
  options.model = MODEL;
  options.registry = registry;
  options.hyperparameters = settings;
  cifar_status status = cifar_dataset_open("shapes", CIFAR_TRAIN, 32, &images);
  if (!status) status = cifar_dataset_open("shapes", CIFAR_TEST, 16, &others);
  if (!status) status = cifar_trainer_create(images, others, &options, &trainer);
  if (!status) status = cifar_trainer_run(trainer);
  if (!status) status = cifar_model_from_trainer(trainer, &model);
  if (!status) status = cifar_model_save(model, model_file);
  if (!status) status = cifar_registry_open(registry, &opened);
  if (!status) status = cifar_registry_note(opened, name, "trained");
  had_trainer = trainer != NULL;
  torture_fail(-1, -1, 0, 0);
  if (status && cifar_last_error()[0] == 0) {
    puts("no message");
    _exit(9);
  }
  cifar_registry_free(opened);
  cifar_model_free(model);
  cifar_trainer_free(trainer);
  cifar_dataset_free(others);
  cifar_dataset_free(images);
  return status;
}

/* What the last checkpoint of a run makes of some images. */
static cifar_status predict(const char *run, float *out) {
  static uint8_t pixels[IMAGES * 3 * 32 * 32];
  cifar_dataset *images = NULL;
  cifar_model *model = NULL;
  cifar_status status = cifar_dataset_open("shapes", CIFAR_TEST, IMAGES, &images);
  if (!status) status = cifar_dataset_read(images, 0, IMAGES, pixels, NULL);
  if (!status) status = cifar_model_from_run(registry, run, "last", 1, &model);
  if (!status) status = cifar_model_predict(model, pixels, IMAGES, out);
  cifar_model_free(model);
  cifar_dataset_free(images);
  return status;
}

/* Resumes a run, if there is something to continue from. */
static cifar_status resume(const char *run) {
  cifar_trainer *trainer = NULL;
  cifar_resume_options options;
  cifar_resume_options_init(&options, sizeof options);
  options.registry = registry;
  options.threads = 2;
  cifar_status status = cifar_trainer_resume(run, NULL, NULL, &options, &trainer);
  if (!status) status = cifar_trainer_run(trainer);
  cifar_trainer_free(trainer);
  return status;
}

static int print_problem(const char *problem, void *user) {
  printf("%s\n", problem);
  ++*(int *)user;
  return 0;
}

static int verify(void) {
  cifar_registry *opened = NULL;
  int problems = 0;
  cifar_status status = cifar_registry_open(registry, &opened);
  if (!status) status = cifar_registry_verify(opened, NULL, print_problem, &problems);
  cifar_registry_free(opened);
  return status ? 1 : problems;
}

static int entries(const char *place) {
  DIR *listing = opendir(place);
  int count = 0;
  while (listing != NULL && readdir(listing) != NULL) count++;
  if (listing != NULL) closedir(listing);
  return count;
}

/* Threads that have been joined are gone from /proc a moment later. */
static int threads(int awaited) {
  for (int look = 0; look < 200; look++) {
    if (entries("/proc/self/task") == awaited) return awaited;
    usleep(5000);
  }
  return entries("/proc/self/task");
}

static int child(int call, long n, int code, int on) {
  int tasks = entries("/proc/self/task"), files = entries("/proc/self/fd");
  float found[IMAGES * CLASSES];
  torture_fail(call, n, code, on);
  cifar_status status = train("victim");
  if (threads(tasks) != tasks) return printf("a thread is left\n"), 2;
  if (entries("/proc/self/fd") != files) return printf("a file is left open\n"), 3;
  if (train("another")) return printf("then: %s\n", cifar_last_error()), 4;
  if (verify()) return printf("then: %s\n", cifar_last_error()), 5;
  cifar_status resumed = had_trainer || status ? resume("victim") : CIFAR_OK;
  /* It may have got nowhere; what there is has to be right. */
  if (resumed && resumed != CIFAR_E_NOT_FOUND) return printf("resume: %s\n", cifar_last_error()), 6;
  if (!resumed && (predict("victim", found) || memcmp(found, expected, sizeof found) != 0)) {
    return printf("other bits\n"), 7;
  }
  if (predict("another", found) || memcmp(found, expected, sizeof found) != 0) {
    return printf("other bits of the second\n"), 8;
  }
  return status == CIFAR_OK ? 0 : 1;
}

static void clean(void) {
  DIR *listing = opendir(directory);
  struct dirent *entry;
  char path[PATH_MAX + 256];
  while (listing != NULL && (entry = readdir(listing)) != NULL) {
    if (entry->d_name[0] == '.' && strstr(entry->d_name, "cifar-part") == NULL) continue;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    unlink(path);
  }
  if (listing != NULL) closedir(listing);
}

int main(int count, char **words) {
  if (count < 5 || realpath(words[1], directory) == NULL) return 64;
  int call = call_of(words[2]), code = code_of(words[3]), on = count > 5;
  long step = atol(words[4]);
  snprintf(registry, sizeof registry, "%s/runs.db", directory);
  snprintf(model_file, sizeof model_file, "%s/model.safetensors", directory);
  snprintf(settings, sizeof settings,
           "{\"csv_logger\":{\"filename\":\"%s/log.csv\",\"append\":true},"
           "\"early_stopping\":false}", directory);
  setvbuf(stdout, NULL, _IOLBF, 0);
  torture_watch(directory);
  clean();
  struct counts before = *counts;
  if (train("first") || predict("first", expected)) return puts(cifar_last_error()), 1;
  long last = call == ANY ? counts->changes - before.changes
                          : counts->made[call] - before.made[call];
  long tried = 0, succeeded = 0, refused = 0, failures = 0;
  for (long n = 1; n <= last; n += step) {
    clean();
    pid_t process = fork();
    if (process == 0) {
      alarm(120);
      _exit(child(call, n, code, on));
    }
    int result = 0;
    waitpid(process, &result, 0);
    tried++;
    if (WIFEXITED(result) && WEXITSTATUS(result) == 0) {
      succeeded++;
    } else if (WIFEXITED(result) && WEXITSTATUS(result) == 1) {
      refused++;
    } else {
      printf("FAILED %s %ld %s%s: %s %d\n", words[2], n, words[3], on ? " on" : "",
             WIFSIGNALED(result) ? "signal" : "code",
             WIFSIGNALED(result) ? WTERMSIG(result) : WEXITSTATUS(result));
      failures++;
    }
  }
  clean();
  printf("%s %s%s: %ld of %ld calls failed: %ld trainings succeeded, %ld were refused, "
         "%ld failures\n",
         words[2], words[3], on ? " on" : "", tried, last, succeeded, refused, failures);
  return failures != 0;
}
