/*
 * Trains the tutorial's network from C and lists the runs there are.
 *
 *   cc train.c -I ../../include -L ../../build/lib -lcifar -o train
 *   ./train shapes 2             # the built-in drawings, two epochs
 *   ./train shapes 2 1000        # the first 1000 images of either part
 *   ./train ~/.cache/cifar10 12  # CIFAR-10
 *
 * Ctrl-C stops after the batch under way; the program says how to continue.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cifar.h"

static cifar_trainer *trainer;

/* cifar_trainer_interrupt may be called from a signal handler. */
static void on_signal(int number) {
  (void)number;
  cifar_trainer_interrupt(trainer);
}

static int on_epoch(const cifar_epoch_info *epoch, void *user) {
  (void)user;
  printf("epoch %u  loss %.4f  accuracy %.2f %%  val_loss %.4f  val_accuracy %.2f %%  %.1f s%s\n",
         epoch->epoch, epoch->train_loss, 100 * epoch->train_accuracy, epoch->val_loss,
         100 * epoch->val_accuracy, epoch->seconds, epoch->is_best ? "  best" : "");
  fflush(stdout);
  return 0; /* anything else would stop the training */
}

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "train: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

static int list_runs(void) {
  cifar_registry *registry = NULL;
  cifar_run_list *list = NULL;
  size_t count = 0;
  size_t i;
  int failed;
  failed = check(cifar_registry_open(NULL, &registry)) ||
           check(cifar_registry_list(registry, 10, &list)) ||
           check(cifar_run_list_count(list, &count));
  for (i = 0; !failed && i < count; i++) {
    cifar_run_info run;
    failed = check(cifar_run_list_get(list, i, &run, sizeof run));
    if (!failed)
      printf("%.8s  %-11s  %s  %u/%u epochs  best %.2f %%\n", run.id, run.status, run.started,
             run.epochs, run.epochs_planned, 100 * run.best_val_accuracy);
  }
  cifar_run_list_free(list);
  cifar_registry_free(registry);
  return failed;
}

int main(int argc, char **argv) {
  const char *location = argc > 1 ? argv[1] : "shapes";
  size_t images = argc > 3 ? strtoul(argv[3], NULL, 10) : 0; /* 0: all */
  cifar_dataset *train = NULL;
  cifar_dataset *test = NULL;
  cifar_train_options options;
  cifar_trainer_callbacks callbacks;
  cifar_status status;
  int failed;

  failed = check(cifar_dataset_open(location, CIFAR_TRAIN, images, &train)) ||
           check(cifar_dataset_open(location, CIFAR_TEST, images, &test)) ||
           check(cifar_train_options_init(&options, sizeof options)) ||
           check(cifar_trainer_callbacks_init(&callbacks, sizeof callbacks));
  if (!failed) {
    options.epochs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3;
    options.name = "from C";
    callbacks.on_epoch_end = on_epoch;
    failed = check(cifar_trainer_create(train, test, &options, &trainer)) ||
             check(cifar_trainer_set_callbacks(trainer, &callbacks));
  }
  /* The trainer keeps what it needs of them. */
  cifar_dataset_free(train);
  cifar_dataset_free(test);

  if (!failed) {
    signal(SIGINT, on_signal);
    status = cifar_trainer_run(trainer);
    signal(SIGINT, SIG_DFL);
    failed = check(status);
    failed = list_runs() || failed;
  }
  cifar_trainer_free(trainer);
  return failed;
}
