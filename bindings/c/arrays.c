/*
 * Trains on images of one's own, from arrays: stripes, to be told apart by their direction.
 *
 *   ./arrays
 */
#include <stdio.h>
#include <stdlib.h>

#include "cifar.h"

enum { SIDE = 32, IMAGE = 3 * SIDE * SIDE, COUNT = 512, CLASSES = 2 };

static const char *const CLASS_NAMES[CLASSES] = {"horizontal", "vertical"};

/* One convolution is enough for stripes. */
static const char MODEL[] =
    "[{\"type\": \"conv2d\", \"filters\": 16}, {\"type\": \"relu\"}, {\"type\": \"max_pool\"},"
    " {\"type\": \"global_average_pool\"}, {\"type\": \"dense\", \"units\": 2}]";

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "arrays: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

/* images  (count, 3, 32, 32) bytes: red, green and blue planes, rows from the top. */
static void draw(uint8_t *images, int32_t *labels, size_t count) {
  size_t i;
  int channel, y, x;
  for (i = 0; i < count; i++) {
    int width = 2 + rand() % 3, offset = rand() % 8;
    labels[i] = rand() % CLASSES;
    for (channel = 0; channel < 3; channel++)
      for (y = 0; y < SIDE; y++)
        for (x = 0; x < SIDE; x++) {
          int place = offset + (labels[i] ? x : y);
          *images++ = (uint8_t)((place / width % 2 ? 192 : 32) + rand() % 32);
        }
  }
}

static int print_epoch(const cifar_epoch_info *info, void *user) {
  (void)user;
  printf("epoch %u  val_accuracy %.2f %%\n", info->epoch, 100 * info->val_accuracy);
  return 0;
}

/* Images of 32x32 pixels in three colours, which are the defaults. They are copied. */
static int make_dataset(const uint8_t *images, const int32_t *labels, cifar_split split,
                        cifar_dataset **out) {
  cifar_dataset_options options;
  if (check(cifar_dataset_options_init(&options, sizeof options))) return 1;
  options.split = split;
  options.images = images;
  options.labels = labels;
  options.count = COUNT;
  options.classes = CLASSES;
  options.class_names = CLASS_NAMES;
  return check(cifar_dataset_from_memory(&options, out));
}

int main(void) {
  static uint8_t images[2 * COUNT * IMAGE];
  static int32_t labels[2 * COUNT];
  cifar_dataset *train = NULL;
  cifar_dataset *test = NULL;
  cifar_train_options options;
  cifar_trainer_callbacks callbacks;
  cifar_trainer *trainer = NULL;
  cifar_model *model = NULL;
  float probabilities[CLASSES];
  int failed;

  draw(images, labels, 2 * COUNT);
  failed = make_dataset(images, labels, CIFAR_TRAIN, &train) ||
           make_dataset(images + COUNT * IMAGE, labels + COUNT, CIFAR_TEST, &test) ||
           check(cifar_train_options_init(&options, sizeof options)) ||
           check(cifar_trainer_callbacks_init(&callbacks, sizeof callbacks));
  if (!failed) {
    options.model = MODEL;
    options.epochs = 5;
    options.batch_size = 32;
    options.learning_rate = 0.01;
    options.hyperparameters = "{\"augmentations\": []}"; /* the images as they are */
    options.name = "stripes";
    callbacks.on_epoch_end = print_epoch;
    failed = check(cifar_trainer_create(train, test, &options, &trainer)) ||
             check(cifar_trainer_set_callbacks(trainer, &callbacks)) ||
             check(cifar_trainer_run(trainer)) ||
             check(cifar_model_from_trainer(trainer, &model)) ||
             check(cifar_model_predict(model, images, 1, probabilities));
  }
  if (!failed)
    printf("the first image is %s, and the model says %s\n", CLASS_NAMES[labels[0]],
           CLASS_NAMES[probabilities[1] > probabilities[0]]);
  cifar_model_free(model);
  cifar_trainer_free(trainer);
  cifar_dataset_free(test);
  cifar_dataset_free(train);
  return failed;
}
