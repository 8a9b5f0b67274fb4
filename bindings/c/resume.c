/*
 * Takes up a run where it stands, or at one of its checkpoints, and trains further.
 *
 *   ./resume "from C"          # a run by its name or by its id, up to the epochs that were planned
 *   ./resume "from C" 5        # up to 5 epochs in all
 *   ./resume "from C" 5 best   # from its best checkpoint; or a checkpoint's id, as ./runs shows it
 *
 * The result is that of a run that never stopped, to the bit.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cifar.h"

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "resume: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

static int on_epoch(const cifar_epoch_info *info, void *user) {
  (void)user;
  printf("epoch %u  val_accuracy %.2f %%\n", info->epoch, 100 * info->val_accuracy);
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  cifar_resume_options options;
  cifar_trainer_callbacks callbacks;
  cifar_trainer *trainer = NULL;
  cifar_trainer_info info;
  int failed;
  if (argc < 2) {
    fprintf(stderr, "usage: resume RUN [EPOCHS] [last|best|CHECKPOINT]\n");
    return 2;
  }
  failed = check(cifar_resume_options_init(&options, sizeof options)) ||
           check(cifar_trainer_callbacks_init(&callbacks, sizeof callbacks));
  if (!failed) {
    options.epochs = argc > 2 ? strtod(argv[2], NULL) : 0; /* 0: as planned */
    options.checkpoint = argc > 3 ? argv[3] : "last";
    callbacks.on_epoch_end = on_epoch;
    /* NULL, NULL: the images are opened from where the run had them. */
    failed = check(cifar_trainer_resume(argv[1], NULL, NULL, &options, &trainer)) ||
             check(cifar_trainer_set_callbacks(trainer, &callbacks)) ||
             check(cifar_trainer_get_info(trainer, &info, sizeof info));
  }
  if (!failed) {
    printf("run %.8s continues after epoch %u of %u\n", info.run_id, info.epoch, info.epochs);
    failed = check(cifar_trainer_run(trainer));
  }
  cifar_trainer_free(trainer);
  return failed;
}
