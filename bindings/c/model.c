/*
 * Builds a small residual network, prints its layers and trains it for an epoch.
 *
 *   ./model shapes             # the built-in drawings
 *   ./model shapes 500         # 500 of them
 *   ./model ~/.cache/cifar10   # CIFAR-10
 */
#include <stdio.h>
#include <stdlib.h>

#include "cifar.h"

static int check(cifar_status status) {
  if (status == CIFAR_OK) return 0;
  fprintf(stderr, "model: %s: %s\n", cifar_status_name(status), cifar_last_error());
  return 1;
}

static int add_convolution(cifar_model_spec *spec, uint32_t filters, uint32_t kernel_size,
                           uint32_t stride) {
  return check(cifar_model_spec_conv2d(spec, filters, kernel_size, stride, CIFAR_PADDING_SAME)) ||
         check(cifar_model_spec_batch_norm(spec, 0, 0, -1)); /* as the recipe has it */
}

/* Two convolutions and the way around them; where the shape changes, a 1x1 convolution on it. */
static int add_block(cifar_model_spec *spec, uint32_t filters, uint32_t stride) {
  cifar_model_spec *layers = NULL;
  cifar_model_spec *shortcut = NULL;
  int failed;
  failed = check(cifar_model_spec_branch(spec, &layers)) ||
           add_convolution(layers, filters, 3, stride) || check(cifar_model_spec_relu(layers)) ||
           add_convolution(layers, filters, 3, 1);
  if (!failed && stride != 1)
    failed = check(cifar_model_spec_branch(spec, &shortcut)) ||
             add_convolution(shortcut, filters, 1, stride);
  failed = failed || check(cifar_model_spec_residual(spec, layers, shortcut)) ||
           check(cifar_model_spec_relu(spec));
  /* The block has copies. */
  cifar_model_spec_free(shortcut);
  cifar_model_spec_free(layers);
  return failed;
}

static int build(uint32_t classes, cifar_model_spec **out) {
  return check(cifar_model_spec_create(out)) || add_convolution(*out, 16, 3, 1) ||
         check(cifar_model_spec_relu(*out)) || add_block(*out, 16, 1) || add_block(*out, 32, 2) ||
         add_block(*out, 64, 2) || check(cifar_model_spec_global_average_pool(*out)) ||
         check(cifar_model_spec_dense(*out, classes));
}

static int train_and_evaluate(const cifar_dataset *train, const cifar_dataset *test,
                              const char *model_json) {
  cifar_train_options options;
  cifar_trainer *trainer = NULL;
  cifar_model *model = NULL;
  cifar_evaluation result;
  int failed = check(cifar_train_options_init(&options, sizeof options));
  if (!failed) {
    options.epochs = 1;
    options.model = model_json;
    options.name = "residual, from C";
    failed = check(cifar_trainer_create(train, test, &options, &trainer)) ||
             check(cifar_trainer_run(trainer)) ||
             check(cifar_model_from_trainer(trainer, &model)) ||
             check(cifar_model_evaluate(model, test, &result, sizeof result));
  }
  if (!failed)
    printf("accuracy %.2f %% on %zu test images\n", 100 * result.accuracy, result.count);
  cifar_model_free(model);
  cifar_trainer_free(trainer);
  return failed;
}

int main(int argc, char **argv) {
  const char *location = argc > 1 ? argv[1] : "shapes";
  size_t images = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000;
  cifar_dataset *train = NULL;
  cifar_dataset *test = NULL;
  cifar_dataset_info data;
  cifar_model_spec *spec = NULL;
  const char *summary;
  const char *json;
  int failed;

  failed = check(cifar_dataset_open(location, CIFAR_TRAIN, images, &train)) ||
           check(cifar_dataset_open(location, CIFAR_TEST, 1000, &test)) ||
           check(cifar_dataset_get_info(train, &data, sizeof data)) ||
           build(data.classes, &spec) || check(cifar_model_spec_get_summary(spec, &summary)) ||
           check(cifar_model_spec_get_json(spec, &json));
  if (!failed) {
    fputs(summary, stdout);
    failed = train_and_evaluate(train, test, json);
  }
  cifar_model_spec_free(spec);
  cifar_dataset_free(test);
  cifar_dataset_free(train);
  return failed;
}
