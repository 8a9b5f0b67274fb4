/*
 * Trains the tutorial's network, and says how every epoch went.
 *
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

/* What `user` points to is the program's own. */
struct progress {
  double best;
};

static int on_batch(const cifar_batch_info *info, void *user) {
  (void)user;
  if (info->batch % 20 == 0)
    printf("epoch %u  batch %u of %u  loss %.4f\n", info->epoch, info->batch, info->batches,
           info->loss);
  return 0; /* anything else would stop the training */
}

static int on_epoch(const cifar_epoch_info *info, void *user) {
  struct progress *progress = user;
  if (info->val_accuracy > progress->best) progress->best = info->val_accuracy;
  printf("epoch %u  loss %.4f  accuracy %.2f %%  val_loss %.4f  val_accuracy %.2f %%  %.1f s%s\n",
         info->epoch, info->train_loss, 100 * info->train_accuracy, info->val_loss,
         100 * info->val_accuracy, info->seconds, info->is_best ? "  best" : "");
  fflush(stdout);
  return 0;
}

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "train: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

static int create(const char *location, uint32_t epochs, size_t images) {
  cifar_dataset *train = NULL;
  cifar_dataset *test = NULL;
  cifar_train_options options;
  int failed = check(cifar_dataset_open(location, CIFAR_TRAIN, images, &train)) ||
               check(cifar_dataset_open(location, CIFAR_TEST, images, &test)) ||
               check(cifar_train_options_init(&options, sizeof options));
  if (!failed) {
    options.epochs = epochs;
    options.name = "from C";
    failed = check(cifar_trainer_create(train, test, &options, &trainer));
  }
  /* The trainer keeps what it needs of them. */
  cifar_dataset_free(test);
  cifar_dataset_free(train);
  return failed;
}

int main(int argc, char **argv) {
  const char *location = argc > 1 ? argv[1] : "shapes";
  uint32_t epochs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3;
  size_t images = argc > 3 ? strtoul(argv[3], NULL, 10) : 0; /* 0: all */
  struct progress progress = {0};
  cifar_trainer_callbacks callbacks;
  cifar_trainer_info info;
  int failed = create(location, epochs, images) ||
               check(cifar_trainer_callbacks_init(&callbacks, sizeof callbacks));
  if (!failed) {
    callbacks.user = &progress;
    callbacks.on_batch_end = on_batch;
    callbacks.on_epoch_end = on_epoch;
    failed = check(cifar_trainer_set_callbacks(trainer, &callbacks));
  }
  if (!failed) {
    signal(SIGINT, on_signal);
    failed = check(cifar_trainer_run(trainer));
    signal(SIGINT, SIG_DFL);
    if (!check(cifar_trainer_get_info(trainer, &info, sizeof info)))
      printf("run %.8s  best %.2f %%  %s\n", info.run_id, 100 * progress.best, info.end_reason);
  }
  cifar_trainer_free(trainer);
  return failed;
}
