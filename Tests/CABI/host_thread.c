/*
 * What a host's thread may be like: 64 KiB of stack, another rounding mode, traps, flush to zero.
 * Prints nothing and returns 0 if the library does not mind; run in a directory of its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "cifar.h"

#define MODEL                                                                              \
  "[{\"type\":\"conv2d\",\"filters\":8},{\"type\":\"batch_norm\"},{\"type\":\"relu\"},"    \
  "{\"type\":\"max_pool\"},{\"type\":\"flatten\"},{\"type\":\"dense\",\"units\":10}]"

#define REQUIRE(condition)                                                               \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, cifar_last_error());   \
      _exit(1);                                                                          \
    }                                                                                    \
  } while (0)

static cifar_trainer *make(unsigned threads, const char *registry) {
  cifar_dataset *data = NULL;
  cifar_trainer *trainer = NULL;
  cifar_train_options options;
  REQUIRE(!cifar_train_options_init(&options, sizeof options));
  options.epochs = 2, options.batch_size = 16, options.threads = threads, options.model = MODEL;
  options.record = registry != NULL, options.registry = registry, options.name = "run";
  REQUIRE(!cifar_dataset_open("shapes", CIFAR_TRAIN, 64, &data));
  REQUIRE(!cifar_trainer_create(data, data, &options, &trainer));
  cifar_dataset_free(data);
  return trainer;
}

/* What the trained model says about two images. */
static void train(unsigned threads, int (*callback)(const cifar_batch_info *, void *), float answers[20]) {
  static const uint8_t images[2 * 3072] = {1, 2, 3};
  cifar_model *model = NULL;
  cifar_trainer *trainer = make(threads, NULL);
  cifar_trainer_callbacks callbacks;
  REQUIRE(!cifar_trainer_callbacks_init(&callbacks, sizeof callbacks));
  callbacks.on_batch_end = callback;
  REQUIRE(!cifar_trainer_set_callbacks(trainer, &callbacks));
  REQUIRE(!cifar_trainer_run(trainer));
  REQUIRE(!cifar_model_from_trainer(trainer, &model));
  REQUIRE(!cifar_model_predict(model, images, 2, answers));
  cifar_model_free(model);
  cifar_trainer_free(trainer);
}

static int sets_upward(const cifar_batch_info *info, void *user) {
  (void)info, (void)user;
  fesetround(FE_UPWARD);
  return 0;
}
static int expects_upward(const cifar_batch_info *info, void *user) {
  (void)info, (void)user;
  return fegetround() != FE_UPWARD;
}

static void numbers(void) {
  float expected[20], got[20];
  train(1, NULL, expected);
  for (unsigned threads = 1; threads <= 2; threads++) {
    fesetround(FE_UPWARD);
    train(threads, expects_upward, got);
    REQUIRE(fegetround() == FE_UPWARD);
    REQUIRE(memcmp(expected, got, sizeof got) == 0);
    fesetround(FE_TONEAREST);
    train(threads, sets_upward, got);
    /* What a callback sets stays set. */
    REQUIRE(fegetround() == FE_UPWARD);
    REQUIRE(memcmp(expected, got, sizeof got) == 0);
    fesetround(FE_TONEAREST);
    feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT);
    train(threads, NULL, got);
    REQUIRE(fedisableexcept(FE_ALL_EXCEPT) != 0);
    REQUIRE(fetestexcept(FE_ALL_EXCEPT) == 0);
    REQUIRE(memcmp(expected, got, sizeof got) == 0);
#ifdef __x86_64__
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* flush to zero, denormals are zero */
    train(threads, NULL, got);
    REQUIRE((_mm_getcsr() & 0x8040) == 0x8040);
    _mm_setcsr(before);
    REQUIRE(memcmp(expected, got, sizeof got) == 0);
#endif
  }
}

/* ---- Small stacks ---- */

static void *calls(void *user) {
  (void)user;
  cifar_dataset *data = NULL;
  cifar_model_spec *spec = NULL;
  cifar_registry *registry = NULL;
  cifar_run *run = NULL;
  cifar_run_list *list = NULL;
  cifar_model *model = NULL;
  cifar_evaluation evaluation;
  const char *text = NULL;
  char json[4096], *end = json;
  static const uint8_t image[3072];
  float answer[10];
  for (int i = 0; i < 16; i++) end += sprintf(end, "[{\"type\":\"residual\",\"layers\":");
  end += sprintf(end, "[{\"type\":\"relu\"}]");
  for (int i = 0; i < 16; i++) end += sprintf(end, "}]");
  REQUIRE(!cifar_model_spec_from_json(json, &spec));
  REQUIRE(!cifar_model_spec_get_json(spec, &text));
  REQUIRE(!cifar_model_spec_get_summary(spec, &text));
  cifar_model_spec_free(spec);
  memset(json, '[', 500), memset(json + 500, ']', 500), json[1000] = 0;
  REQUIRE(cifar_model_spec_from_json(json, &spec) == CIFAR_E_INVALID_ARGUMENT);
  REQUIRE(!cifar_dataset_open("shapes", CIFAR_TEST, 20, &data));
  REQUIRE(!cifar_registry_open("runs.db", &registry));
  REQUIRE(!cifar_registry_list(registry, 0, &list));
  REQUIRE(!cifar_registry_find(registry, "run", &run));
  REQUIRE(!cifar_registry_tag(registry, "run", "tag"));
  REQUIRE(!cifar_model_from_run("runs.db", "run", "last", 1, &model));
  REQUIRE(!cifar_model_predict(model, image, 1, answer));
  REQUIRE(!cifar_model_evaluate(model, data, &evaluation, sizeof evaluation));
  REQUIRE(!cifar_model_save(model, "model.st"));
  cifar_run_list_free(list);
  cifar_run_free(run);
  cifar_model_free(model);
  cifar_registry_free(registry);
  cifar_dataset_free(data);
  return NULL;
}

static void *trains(void *user) {
  (void)user;
  cifar_trainer *trainer = make(2, "runs.db");
  REQUIRE(!cifar_trainer_run(trainer));
  cifar_trainer_free(trainer);
  return NULL;
}

static void records(void) { trains(NULL); }

static void *is_refused(void *user) {
  (void)user;
  cifar_trainer *trainer = make(2, NULL);
  REQUIRE(cifar_trainer_run(trainer) == CIFAR_E_INVALID_STATE);
  REQUIRE(strstr(cifar_last_error(), "KiB of stack"));
  cifar_trainer_free(trainer);
  return NULL;
}

static void with_stack(size_t kib, void *(*function)(void *)) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, kib << 10) == 0);
  REQUIRE(pthread_create(&thread, &attributes, function, NULL) == 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
}

int main(void) {
  alarm(240);
  /* Smaller ones first: a thread may be given the stack of one that has ended. */
  with_stack(64, is_refused);
  records();
  with_stack(64, calls);
  with_stack(128, trains);
  numbers();
  return 0;
}
