/*
 * A program as it was compiled in its time: against a header that declares what the library's version
 * 0.2 had (test_abi.py makes it from Tests/CABI/ABI), in those sizes. It runs with the library of today.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "older.h"

enum { COUNT = 64, CLASSES = 4 };

static uint8_t images[COUNT * 3 * 32 * 32];
static int32_t labels[COUNT];
static float probabilities[COUNT * CLASSES];

#define OK(call) \
  do { \
    cifar_status status = (call); \
    if (status != CIFAR_OK) { \
      fprintf(stderr, "%s: %s: %s\n", #call, cifar_status_name(status), cifar_last_error()); \
      exit(1); \
    } \
  } while (0)
#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "line %d: %s is not so\n", __LINE__, #condition); \
      exit(1); \
    } \
  } while (0)

/* What lies behind a struct of the old size is nobody's. */
#define GUARDED(type) struct { type value; unsigned char behind[64]; }
#define FENCE(guarded) memset(&(guarded), 0xA5, sizeof(guarded))
#define INTACT(guarded) check_intact(#guarded, (guarded).behind)
static void check_intact(const char *name, const unsigned char *bytes) {
  for (int i = 0; i < 64; i++) {
    if (bytes[i] == 0xA5) continue;
    fprintf(stderr, "byte %d behind %s was written to\n", i, name);
    exit(1);
  }
}

typedef struct seen {
  int begun, batches, validated, epochs, ended;
} seen;

static int on_begin(void *user) { return ((seen *)user)->begun++, 0; }
static int on_end(void *user) { return ((seen *)user)->ended++, 0; }
static int on_batch(const cifar_batch_info *info, void *user) {
  CHECK(info->struct_size >= sizeof *info && info->epochs == 2 && info->batch <= info->batches);
  return ((seen *)user)->batches++, 0;
}
static int on_validation(const cifar_validation_info *info, void *user) {
  CHECK(info->struct_size >= sizeof *info && info->images == COUNT);
  return ((seen *)user)->validated++, 0;
}
static int on_epoch(const cifar_epoch_info *info, void *user) {
  CHECK(info->struct_size >= sizeof *info && info->val_loss > 0 && info->seconds > 0);
  return (int)info->epoch != ++((seen *)user)->epochs;
}

static const char *made_model(void) {
  static char text[4096];
  const char *json;
  cifar_model_spec *spec;
  GUARDED(cifar_model_spec_info) info;
  FENCE(info);
  OK(cifar_model_spec_create(&spec));
  OK(cifar_model_spec_conv2d(spec, 4, 3, 2, CIFAR_PADDING_DEFAULT));
  OK(cifar_model_spec_relu(spec));
  OK(cifar_model_spec_global_average_pool(spec));
  OK(cifar_model_spec_dense(spec, CLASSES));
  OK(cifar_model_spec_get_info(spec, &info.value, sizeof info.value));
  INTACT(info);
  CHECK(info.value.layers == 4 && info.value.classes == CLASSES);
  CHECK(info.value.parameters == 4 * 27 + 4 + 4 * CLASSES + CLASSES);
  OK(cifar_model_spec_get_json(spec, &json));
  CHECK(strlen(json) < sizeof text);
  strcpy(text, json);
  cifar_model_spec_free(spec);
  return text;
}

static void train(cifar_dataset *data) {
  GUARDED(cifar_train_options) options;
  GUARDED(cifar_trainer_callbacks) callbacks;
  GUARDED(cifar_trainer_info) info;
  GUARDED(cifar_evaluation) result;
  GUARDED(cifar_model_info) about;
  seen seen = {0, 0, 0, 0, 0};
  cifar_trainer *trainer;
  cifar_model *model;
  FENCE(options), FENCE(callbacks), FENCE(info), FENCE(result), FENCE(about);
  OK(cifar_train_options_init(&options.value, sizeof options.value));
  CHECK(options.value.struct_size == sizeof options.value && options.value.record == 1);
  options.value.epochs = 2;
  options.value.batch_size = 16;
  options.value.model = made_model();
  options.value.name = "old";
  options.value.registry = "old.db";
  OK(cifar_trainer_create(data, data, &options.value, &trainer));
  OK(cifar_trainer_callbacks_init(&callbacks.value, sizeof callbacks.value));
  callbacks.value.user = &seen;
  callbacks.value.on_train_begin = on_begin;
  callbacks.value.on_batch_end = on_batch;
  callbacks.value.on_validation_end = on_validation;
  callbacks.value.on_epoch_end = on_epoch;
  callbacks.value.on_train_end = on_end;
  OK(cifar_trainer_set_callbacks(trainer, &callbacks.value));
  OK(cifar_trainer_run(trainer));
  CHECK(seen.begun == 1 && seen.batches == 8 && seen.validated == 2 && seen.epochs == 2);
  CHECK(seen.ended == 1);
  OK(cifar_trainer_get_info(trainer, &info.value, sizeof info.value));
  CHECK(info.value.epoch == 2 && info.value.step == 8 && strlen(info.value.run_id) == 36);
  OK(cifar_model_from_trainer(trainer, &model));
  OK(cifar_model_get_info(model, &about.value, sizeof about.value));
  CHECK(about.value.classes == CLASSES && about.value.parameters == info.value.parameters);
  OK(cifar_model_evaluate(model, data, &result.value, sizeof result.value));
  CHECK(result.value.count == COUNT && result.value.loss > 0 && result.value.top5_accuracy == 1);
  OK(cifar_model_predict(model, images, COUNT, probabilities));
  CHECK(probabilities[0] > 0 && probabilities[0] < 1);
  INTACT(options), INTACT(callbacks), INTACT(info), INTACT(result), INTACT(about);
  cifar_model_free(model);
  cifar_trainer_free(trainer);
}

static void look(cifar_dataset *data) {
  GUARDED(cifar_run_query) query;
  GUARDED(cifar_run_info) info;
  GUARDED(cifar_epoch_info) epoch;
  GUARDED(cifar_checkpoint_info) checkpoint;
  GUARDED(cifar_resume_options) options;
  cifar_registry *registry;
  cifar_run_list *list;
  cifar_run *run;
  cifar_trainer *trainer;
  size_t count;
  FENCE(query), FENCE(info), FENCE(epoch), FENCE(checkpoint), FENCE(options);
  OK(cifar_registry_open("old.db", &registry));
  OK(cifar_run_query_init(&query.value, sizeof query.value));
  query.value.filter = "name = old";
  OK(cifar_registry_query(registry, &query.value, &list));
  OK(cifar_run_list_count(list, &count));
  CHECK(count == 1);
  OK(cifar_run_list_get(list, 0, &info.value, sizeof info.value));
  CHECK(info.value.epochs == 2 && strcmp(info.value.status, "completed") == 0);
  OK(cifar_registry_find(registry, info.value.id, &run));
  OK(cifar_run_get_epoch(run, 1, &epoch.value, sizeof epoch.value));
  CHECK(epoch.value.epoch == 2 && epoch.value.val_loss == info.value.last_val_loss);
  OK(cifar_run_get_checkpoint(run, 0, &checkpoint.value, sizeof checkpoint.value));
  CHECK(checkpoint.value.size > 0 && strlen(checkpoint.value.sha256) == 64);
  OK(cifar_resume_options_init(&options.value, sizeof options.value));
  options.value.registry = "old.db";
  options.value.epochs = 3;
  OK(cifar_trainer_resume("old", data, data, &options.value, &trainer));
  OK(cifar_trainer_run(trainer));
  INTACT(query), INTACT(info), INTACT(epoch), INTACT(checkpoint), INTACT(options);
  cifar_trainer_free(trainer);
  cifar_run_free(run);
  cifar_run_list_free(list);
  cifar_registry_free(registry);
}

int main(void) {
  GUARDED(cifar_dataset_info) info;
  GUARDED(cifar_dataset_options) options;
  cifar_dataset *data;
  FENCE(info);
  FENCE(options);
  for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)(i * 37 + i / 3072 * 11);
  for (int i = 0; i < COUNT; i++) labels[i] = i % CLASSES;
  OK(cifar_dataset_options_init(&options.value, sizeof options.value));
  INTACT(options);
  options.value.images = images;
  options.value.labels = labels;
  options.value.count = COUNT;
  options.value.classes = CLASSES;
  OK(cifar_dataset_from_memory(&options.value, &data));
  OK(cifar_dataset_get_info(data, &info.value, sizeof info.value));
  INTACT(info);
  CHECK(info.value.count == COUNT && info.value.classes == CLASSES);
  train(data);
  look(data);
  cifar_dataset_free(data);
  CHECK(cifar_dataset_open("/nowhere", CIFAR_TEST, 0, &data) == CIFAR_E_NOT_FOUND);
  puts("the old program runs");
  return 0;
}
