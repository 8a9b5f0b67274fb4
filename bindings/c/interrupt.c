/*
 * Trains for some seconds: another thread stops the training when the time is over.
 *
 *   ./interrupt 60    # a minute
 *
 * What was trained until then is in the registry; ./resume continues at the very batch.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cifar.h"

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "interrupt: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

struct timer {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int is_over; /* the training is */
  struct timespec deadline;
  cifar_trainer *trainer;
};

/* Waits for the deadline or the training's end, whichever comes first. */
static void *wait_and_interrupt(void *argument) {
  struct timer *timer = argument;
  int error = 0;
  pthread_mutex_lock(&timer->lock);
  while (!timer->is_over && error == 0)
    error = pthread_cond_timedwait(&timer->changed, &timer->lock, &timer->deadline);
  if (!timer->is_over) cifar_trainer_interrupt(timer->trainer);
  pthread_mutex_unlock(&timer->lock);
  return NULL;
}

static cifar_status run_for(cifar_trainer *trainer, unsigned long seconds) {
  struct timer timer = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, {0, 0}, NULL};
  pthread_t thread;
  cifar_status status;
  timer.trainer = trainer;
  clock_gettime(CLOCK_REALTIME, &timer.deadline);
  timer.deadline.tv_sec += (time_t)seconds;
  if (pthread_create(&thread, NULL, wait_and_interrupt, &timer) != 0) abort();
  status = cifar_trainer_run(trainer);
  pthread_mutex_lock(&timer.lock);
  timer.is_over = 1;
  pthread_cond_signal(&timer.changed);
  pthread_mutex_unlock(&timer.lock);
  pthread_join(thread, NULL);
  return status;
}

int main(int argc, char **argv) {
  unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
  cifar_dataset *train = NULL;
  cifar_dataset *test = NULL;
  cifar_train_options options;
  cifar_trainer *trainer = NULL;
  cifar_trainer_info info;
  int failed = check(cifar_dataset_open("shapes", CIFAR_TRAIN, 5000, &train)) ||
               check(cifar_dataset_open("shapes", CIFAR_TEST, 1000, &test)) ||
               check(cifar_train_options_init(&options, sizeof options));
  if (!failed) {
    options.name = "against time";
    failed = check(cifar_trainer_create(train, test, &options, &trainer));
  }
  if (!failed) {
    cifar_status status = run_for(trainer, seconds);
    failed = status != CIFAR_E_INTERRUPTED && check(status);
  }
  if (!failed) {
    failed = check(cifar_trainer_get_info(trainer, &info, sizeof info));
    if (!failed) printf("%s\n%u epochs and %u batches\n", info.end_reason, info.epoch, info.batch);
  }
  cifar_trainer_free(trainer);
  cifar_dataset_free(test);
  cifar_dataset_free(train);
  return failed;
}
