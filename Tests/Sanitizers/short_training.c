/*
 * A short training from beginning to end: two epochs on two threads, recorded, resumed for a third,
 * evaluated, saved, opened again and asked. For memcheck, under which everything is fifty times
 * slower; run in a directory of its own.
 */
#include <stdio.h>

#include "cifar.h"

#define MODEL                                                                              \
  "[{\"type\":\"conv2d\",\"filters\":8},{\"type\":\"batch_norm\"},{\"type\":\"relu\"},"    \
  "{\"type\":\"conv2d\",\"filters\":16},{\"type\":\"relu\"},{\"type\":\"max_pool\"},"      \
  "{\"type\":\"dropout\",\"rate\":0.1},{\"type\":\"flatten\"},"                            \
  "{\"type\":\"dense\",\"units\":10}]"

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "short_training: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

static int on_epoch(const cifar_epoch_info *epoch, void *user) {
  *(uint32_t *)user = epoch->epoch;
  return 0;
}

static int follow(cifar_trainer *trainer, uint32_t *last) {
  cifar_trainer_callbacks callbacks;
  if (check(cifar_trainer_callbacks_init(&callbacks, sizeof callbacks))) return 1;
  callbacks.user = last;
  callbacks.on_epoch_end = on_epoch;
  return check(cifar_trainer_set_callbacks(trainer, &callbacks));
}

static int train(const cifar_dataset *images, const cifar_dataset *others) {
  cifar_train_options options;
  cifar_trainer *trainer = NULL;
  uint32_t last = 0;
  int failed = check(cifar_train_options_init(&options, sizeof options));
  options.epochs = 2, options.batch_size = 16, options.threads = 2, options.model = MODEL;
  options.registry = "runs.db", options.name = "short";
  failed = failed || check(cifar_trainer_create(images, others, &options, &trainer)) ||
           follow(trainer, &last) ||
           check(cifar_trainer_run(trainer)) || last != 2;
  cifar_trainer_free(trainer);
  return failed;
}

static int resume(const cifar_dataset *images, const cifar_dataset *others) {
  cifar_resume_options options;
  cifar_trainer *trainer = NULL;
  uint32_t last = 0;
  int failed = check(cifar_resume_options_init(&options, sizeof options));
  options.epochs = 3, options.threads = 2, options.registry = "runs.db";
  failed = failed || check(cifar_trainer_resume("short", images, others, &options, &trainer)) ||
           follow(trainer, &last) ||
           check(cifar_trainer_run(trainer)) || last != 3;
  cifar_trainer_free(trainer);
  return failed;
}

static int ask(const cifar_dataset *others) {
  static uint8_t pixels[2 * 3072];
  float probabilities[20];
  cifar_model *model = NULL, *opened = NULL;
  cifar_evaluation result;
  int failed = check(cifar_model_from_run("runs.db", "short", NULL, 2, &model)) ||
               check(cifar_model_evaluate(model, others, &result, sizeof result)) ||
               check(cifar_model_save(model, "model.safetensors")) ||
               check(cifar_model_open("model.safetensors", 1, &opened)) ||
               check(cifar_dataset_read(others, 0, 2, pixels, NULL)) ||
               check(cifar_model_predict(opened, pixels, 2, probabilities)) || result.count != 20;
  for (int i = 0; !failed && i < 20; i++) failed = !(probabilities[i] >= 0 && probabilities[i] <= 1);
  cifar_model_free(opened);
  cifar_model_free(model);
  return failed;
}

static int on_problem(const char *problem, void *user) {
  (void)user;
  fprintf(stderr, "short_training: %s\n", problem);
  return 1;
}

static int list(void) {
  cifar_registry *registry = NULL;
  cifar_run_list *runs = NULL;
  size_t count = 0;
  int failed = check(cifar_registry_open("runs.db", &registry)) ||
               check(cifar_registry_list(registry, 10, &runs)) ||
               check(cifar_run_list_count(runs, &count)) || count != 1 ||
               check(cifar_registry_verify(registry, NULL, on_problem, NULL));
  cifar_run_list_free(runs);
  cifar_registry_free(registry);
  return failed;
}

int main(void) {
  cifar_dataset *images = NULL, *others = NULL;
  int failed = check(cifar_dataset_open("shapes", CIFAR_TRAIN, 40, &images)) ||
               check(cifar_dataset_open("shapes", CIFAR_TEST, 20, &others)) ||
               train(images, others) || resume(images, others) || ask(others) || list();
  cifar_dataset_free(others);
  cifar_dataset_free(images);
  if (!failed) puts("trained, resumed, evaluated, saved, opened and listed");
  return failed;
}
