/*
 * Looks runs up in the registry: all that a filter wants, and the first of them in detail.
 *
 *   ./runs
 *   ./runs "val_accuracy > 0.8 and started > '2 days ago'"
 *   ./runs "recipe = keras" best_val_accuracy     # the best first
 *
 * `cifar-runs list --help` names the fields. The registry is $CIFAR_REGISTRY, else ./cifar-runs.db.
 */
#include <stdio.h>

#include "cifar.h"

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "runs: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

static int print_run(const cifar_run *run) {
  size_t epochs = 0, checkpoints = 0, i;
  int failed = check(cifar_run_epoch_count(run, &epochs)) ||
               check(cifar_run_checkpoint_count(run, &checkpoints));
  for (i = 0; !failed && i < epochs; i++) {
    cifar_epoch_info epoch;
    failed = check(cifar_run_get_epoch(run, i, &epoch, sizeof epoch));
    if (!failed)
      printf("epoch %u  train_loss %.4f  val_accuracy %.2f %%\n", epoch.epoch, epoch.train_loss,
             100 * epoch.val_accuracy);
  }
  for (i = 0; !failed && i < checkpoints; i++) {
    cifar_checkpoint_info checkpoint;
    failed = check(cifar_run_get_checkpoint(run, i, &checkpoint, sizeof checkpoint));
    if (!failed)
      printf("checkpoint %lld  epoch %u  %.1f kB%s\n", (long long)checkpoint.id, checkpoint.epoch,
             (double)checkpoint.size / 1e3, checkpoint.is_best ? "  best" : "");
  }
  return failed;
}

int main(int argc, char **argv) {
  cifar_registry *registry = NULL;
  cifar_run_query query;
  cifar_run_list *list = NULL;
  cifar_run_info info;
  cifar_run *run = NULL;
  size_t count = 0, i;
  int failed = check(cifar_run_query_init(&query, sizeof query));
  if (!failed) {
    query.filter = argc > 1 ? argv[1] : NULL;
    query.sort = argc > 2 ? argv[2] : NULL;
    query.limit = 20;
    failed = check(cifar_registry_open(NULL, &registry)) ||
             check(cifar_registry_query(registry, &query, &list)) ||
             check(cifar_run_list_count(list, &count));
  }
  for (i = 0; !failed && i < count; i++) {
    failed = check(cifar_run_list_get(list, i, &info, sizeof info));
    if (!failed)
      printf("%.8s  %-11s  %s  %u/%g epochs  best %.2f %%  %s\n", info.id, info.status,
             info.started, info.epochs, info.epochs_planned, 100 * info.best_val_accuracy,
             info.name ? info.name : "");
  }
  if (!failed && count > 0)
    failed = check(cifar_run_list_get(list, 0, &info, sizeof info)) ||
             check(cifar_registry_find(registry, info.id, &run)) || print_run(run);
  cifar_run_free(run);
  cifar_run_list_free(list);
  cifar_registry_free(registry);
  return failed;
}
