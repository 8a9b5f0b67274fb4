/*
 * Sequences of C calls, legal and illegal: every function of cifar.h, with NULLs, wrong sizes, wild
 * numbers and texts, from one thread and from several, and with callbacks that stop, set rates, free
 * and call back. After each call: a status that has a name, an error of one line, outputs that a failure
 * left alone. At the end: no thread and no descriptor more than at the start.
 *
 *   call_sequences FIRST COUNT      seeds FIRST ... FIRST + COUNT - 1; the working directory is written to
 *
 * With -DFUZZER and -fsanitize=fuzzer it is a libFuzzer target: the input is the stream of choices. It
 * works in a directory of its own under $TMPDIR: give corpora by absolute paths.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cifar.h"

/* ---- Choices: pseudo-random numbers of a seed, or the bytes of a fuzzer --------------------------- */

typedef struct choices {
  uint64_t state;
  const uint8_t *bytes;
  size_t left;
} choices;

static uint64_t next(choices *c) {
  if (c->bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 2 && c->left > 0; i++, c->left--) value = value << 8 | *c->bytes++;
    return value;
  }
  /* splitmix64 */
  uint64_t z = (c->state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

static unsigned below(choices *c, unsigned n) { return (unsigned)(next(c) % n); }
static int chance(choices *c, unsigned one_in) { return below(c, one_in) == 0; }

/* ---- Objects: what a sequence has made and not freed ------------------------------------------------ */

enum { SLOTS = 3 };

typedef struct world {
  choices c;
  cifar_dataset *datasets[SLOTS];
  cifar_trainer *trainers[SLOTS];
  cifar_model *models[SLOTS];
  cifar_model_spec *specs[SLOTS];
  cifar_registry *registries[SLOTS];
  cifar_run_list *lists[SLOTS];
  cifar_run *runs[SLOTS];
  /* Only the owner of a world frees and replaces; threads that share one borrow. */
  int borrowed;
  uint64_t seed;
} world;

static uint64_t current_seed;
static _Thread_local const char *last_call = "";

static void fail(const char *what) {
  fprintf(stderr, "seed %llu, %s: %s (last error: %s)\n", (unsigned long long)current_seed, last_call,
          what, cifar_last_error());
  abort();
}

static cifar_status check(const char *name, cifar_status status) {
  last_call = name;
  if (strcmp(cifar_status_name(status), "unknown status") == 0) fail("a status without a name");
  if (status == CIFAR_E_INTERNAL) fail("a defect in the library");
  if (status != CIFAR_OK) {
    const unsigned char *line = (const unsigned char *)cifar_last_error();
    if (!*line) fail("an error without a message");
    if (strlen((const char *)line) > 4095) fail("an error that is too long");
    for (; *line; line++) {
      if (*line < 0x20 || *line == 0x7f) fail("an error with control characters");
    }
  }
  return status;
}
#define CALL(f, ...) check(#f, f(__VA_ARGS__))

/* Outputs are painted, and a failure must leave the paint. */
static void paint(void *memory, size_t size) { memset(memory, 0xa5, size); }
static void painted(const void *memory, size_t size, cifar_status status) {
  if (status == CIFAR_OK) return;
  for (size_t i = 0; i < size; i++) {
    if (((const uint8_t *)memory)[i] != 0xa5) fail("a failed call wrote to its output");
  }
}

/* A new object goes to a slot; a borrower frees it at once. */
#define ADOPT(w, kind, object, free_it)                    \
  do {                                                     \
    if ((w)->borrowed) {                                   \
      free_it(object);                                     \
    } else {                                               \
      unsigned slot = below(&(w)->c, SLOTS);               \
      free_it((w)->kind[slot]);                            \
      (w)->kind[slot] = (object);                          \
    }                                                      \
  } while (0)
#define PICK(w, kind) (chance(&(w)->c, 12) ? NULL : (w)->kind[below(&(w)->c, SLOTS)])
#define MAKE(w, kind, type, free_it, name, ...)                        \
  do {                                                                 \
    type *object;                                                      \
    paint(&object, sizeof object);                                     \
    if (chance(&(w)->c, 25)) {                                         \
      if (check(#name, name(__VA_ARGS__, NULL)) == CIFAR_OK) fail("no out, no error"); \
    } else {                                                           \
      cifar_status status = check(#name, name(__VA_ARGS__, &object));  \
      painted(&object, sizeof object, status);                         \
      if (status == CIFAR_OK) {                                        \
        ADOPT(w, kind, object, free_it);                               \
      }                                                                \
    }                                                                  \
  } while (0)

/* ---- Arguments ------------------------------------------------------------------------------------------ */

static char *megabyte, *brackets;

static const char *const specs_json[] = {
    "[{\"type\":\"global_average_pool\"},{\"type\":\"dense\",\"units\":10}]",
    "[{\"type\":\"max_pool\"},{\"type\":\"flatten\"},{\"type\":\"dense\",\"units\":10}]",
    "[{\"type\":\"conv2d\",\"filters\":4,\"stride\":2},{\"type\":\"batch_norm\"},{\"type\":\"relu\"},"
    "{\"type\":\"global_average_pool\"},{\"type\":\"dropout\",\"rate\":0.5},{\"type\":\"dense\",\"units\":10}]",
};

static const char *text(choices *c) {
  static const char *const texts[] = {
      "", "x", "pytorch", "keras", "shapes", "/nowhere", "last", "best", "1", "-1",
      "99999999999999999999", "tutorial", "tutorial-gap", "name", "a b", "\n", "\x1b[2J", "\xff\xfe",
      "caf\xc3\xa9", "\xe2\x80\xae", "%s%n", "val_accuracy > 0.1", "name = name", "((((", "not not x",
      "started > '2 days ago'", "metrics.f1 > 0", "optimizer.learning_rate < 1", "tag = x or (tag = y)",
      "{}", "[]", "{\"layers\":[]}", "{\"epochs\":-1}", "{\"epochs\":1e300}", "{\"batch_size\":0}",
      "{\"optimizer\":\"sgd\",\"momentum\":0.9}", "{\"schedule\":\"cosine\"}",
      "{\"early_stopping\":{\"patience\":-3}}", "{\"augment\":[\"cutout\"]}", "{\"loss\":null}",
      "[{\"type\":\"dense\",\"units\":4294967296}]", "[{\"type\":\"conv2d\",\"filters\":1e9}]", "null", "\"",
      "{\"a\":", "0.1",
  };
  unsigned pick = below(c, sizeof texts / sizeof *texts + 6);
  if (pick < sizeof texts / sizeof *texts) return texts[pick];
  switch (pick - sizeof texts / sizeof *texts) {
    case 0: return megabyte;
    case 1: return brackets;
    case 2: return NULL;
    case 3: return specs_json[below(c, 3)];
    case 4: return "name";
    default: return "runs.db";
  }
}

static uint32_t number(choices *c) {
  static const uint32_t numbers[] = {0, 1, 2, 3, 5, 10, 64, 1000, 1001, 4096, 65536, 65537, INT32_MAX,
                                     UINT32_MAX};
  return numbers[below(c, sizeof numbers / sizeof *numbers)];
}
static size_t size(choices *c, size_t proper) {
  static const size_t sizes[] = {0, 1, 4, 7, 8, 9, 12, 16, 24, 4096, 4097, SIZE_MAX};
  return chance(c, 4) ? sizes[below(c, sizeof sizes / sizeof *sizes)] : proper;
}
static size_t index_(choices *c) {
  static const size_t places[] = {0, 0, 0, 1, 2, 7, SIZE_MAX, SIZE_MAX / 2, 1u << 31};
  return places[below(c, sizeof places / sizeof *places)];
}
static double real(choices *c) {
  static const double reals[] = {0, 0.1, 0.5, 1, -1, 1e-5, 1e300, NAN, INFINITY, -0.0, 1e-320};
  return reals[below(c, sizeof reals / sizeof *reals)];
}
static const char *run_name(choices *c) { return chance(c, 3) ? text(c) : "name"; }
static const char *registry_path(choices *c) {
  return chance(c, 6) ? text(c) : "runs.db";
}

/* An info of any size in a buffer that is large enough for all. */
static void get(world *w, const char *name, cifar_status (*f)(const void *, void *, size_t),
                const void *object, size_t proper) {
  uint8_t buffer[8192];
  paint(buffer, sizeof buffer);
  size_t claimed = size(&w->c, proper);
  void *out = chance(&w->c, 20) ? NULL : buffer;
  cifar_status status = check(name, f(object, out, claimed));
  painted(buffer, sizeof buffer, status);
  if (status == CIFAR_OK && (claimed < 8 || claimed > 4096)) fail("an impossible size was taken");
}
#define GET(w, f, object, type) \
  get(w, #f, (cifar_status(*)(const void *, void *, size_t))f, object, sizeof(type))

static void get_at(world *w, const char *name,
                   cifar_status (*f)(const void *, size_t, void *, size_t), const void *object,
                   size_t proper) {
  uint8_t buffer[8192];
  paint(buffer, sizeof buffer);
  cifar_status status = check(name, f(object, index_(&w->c), buffer, size(&w->c, proper)));
  painted(buffer, sizeof buffer, status);
}
#define GET_AT(w, f, object, type) \
  get_at(w, #f, (cifar_status(*)(const void *, size_t, void *, size_t))f, object, sizeof(type))

static void string_of(world *w, const char *name, cifar_status (*f)(const void *, const char **),
                      const void *object) {
  const char *out;
  paint(&out, sizeof out);
  cifar_status status = check(name, f(object, chance(&w->c, 20) ? NULL : &out));
  painted(&out, sizeof out, status);
  if (status == CIFAR_OK && out) (void)strlen(out);
}
#define STRING(w, f, object) string_of(w, #f, (cifar_status(*)(const void *, const char **))f, object)

static void count_of(world *w, const char *name, cifar_status (*f)(const void *, size_t *),
                     const void *object) {
  size_t out;
  paint(&out, sizeof out);
  cifar_status status = check(name, f(object, chance(&w->c, 20) ? NULL : &out));
  painted(&out, sizeof out, status);
}
#define COUNT(w, f, object) count_of(w, #f, (cifar_status(*)(const void *, size_t *))f, object)

/* Up to four values of up to three names, and counts that no array has. */
static void record_metrics(choices *c, cifar_trainer *trainer) {
  const char *names[4];
  double values[4];
  for (int i = 0; i < 4; i++) {
    names[i] = chance(c, 3) ? text(c) : (const char *[]){"f1", "x", "a.b"}[below(c, 3)];
    values[i] = real(c);
  }
  size_t count = chance(c, 12) ? SIZE_MAX - below(c, 3) : below(c, 5);
  CALL(cifar_trainer_record_metrics, trainer, chance(c, 20) ? NULL : names,
       chance(c, 20) ? NULL : values, count);
}

/* ---- Callbacks -------------------------------------------------------------------------------------------- */

typedef struct visit {
  cifar_trainer *trainer;
  choices c;
  int freed;
  int answer;
  /* Another thread uses the trainer, too: nobody may free it meanwhile. */
  int shared;
} visit;

static void meddle(visit *v) {
  uint8_t info[sizeof(cifar_trainer_info)];
  cifar_model *model = NULL;
  switch (below(&v->c, 13)) {
    case 0: CALL(cifar_trainer_set_learning_rate, v->trainer, real(&v->c)); break;
    case 1: CALL(cifar_trainer_record_metric, v->trainer, text(&v->c), real(&v->c)); break;
    case 2: CALL(cifar_trainer_interrupt, v->trainer); break;
    case 3:
      if (!v->freed && !v->shared && chance(&v->c, 4)) cifar_trainer_free(v->trainer), v->freed = 1;
      break;
    case 4:
      if (CALL(cifar_trainer_get_info, v->trainer, (cifar_trainer_info *)info,
               sizeof(cifar_trainer_info)) != CIFAR_E_INVALID_STATE)
        fail("a training trainer was looked at");
      break;
    case 5:
      if (!CALL(cifar_model_from_trainer, v->trainer, &model)) cifar_model_free(model);
      break;
    case 6:
      if (CALL(cifar_trainer_run, v->trainer) != CIFAR_E_INVALID_STATE) fail("it runs in itself");
      break;
    case 7:
      if (CALL(cifar_trainer_set_callbacks, v->trainer, NULL) != CIFAR_E_INVALID_STATE)
        fail("a callback was changed");
      break;
    case 8: fesetround(FE_UPWARD); break;
    case 9: fesetround(FE_TONEAREST); break;
    case 10: record_metrics(&v->c, v->trainer); break;
    default: break;
  }
}
static int on_train(void *user) {
  visit *v = user;
  if (!v->freed) meddle(v);
  return chance(&v->c, 10) ? (v->answer = 7) : 0;
}
static int on_batch(const cifar_batch_info *info, void *user) {
  if (info->struct_size != sizeof *info || info->epoch < 1) fail("a batch info that is none");
  return on_train(user);
}
static int on_epoch(const cifar_epoch_info *info, void *user) {
  if (info->struct_size != sizeof *info || info->epoch < 1) fail("an epoch info that is none");
  return on_train(user);
}
static int on_validation(const cifar_validation_info *info, void *user) {
  if (info->struct_size != sizeof *info || info->images < 1) fail("a validation info that is none");
  return on_train(user);
}
static int on_storage_wait(const cifar_storage_info *info, void *user) {
  if (info->struct_size != sizeof *info || info->seconds < 0) fail("a storage info that is none");
  visit *v = user;
  return chance(&v->c, 2);
}
static int on_problem(const char *problem, void *user) {
  if (strchr(problem, '\n')) fail("a problem of several lines");
  return chance(user, 2);
}
static void on_log(cifar_log_level level, const char *line, void *user) {
  (void)user;
  if (level < CIFAR_LOG_DEBUG || strchr(line, '\n')) fail("a log line that is none");
  if (level == CIFAR_LOG_ERROR) cifar_set_log(NULL, NULL);
}

static void *interrupts(void *trainer) {
  usleep(500);
  cifar_trainer_interrupt(trainer);
  cifar_trainer_info info;
  cifar_status status = cifar_trainer_get_info(trainer, &info, sizeof info);
  if (status != CIFAR_OK && status != CIFAR_E_INVALID_STATE) abort();
  return NULL;
}
static void *frees(void *trainer) {
  usleep(500);
  cifar_trainer_free(trainer);
  return NULL;
}
typedef struct racer {
  cifar_trainer *trainer;
  cifar_status status;
} racer;
static void *runs_too(void *user) {
  racer *r = user;
  r->status = cifar_trainer_run(r->trainer);
  return NULL;
}

static void train(world *w) {
  unsigned slot = below(&w->c, SLOTS);
  cifar_trainer *trainer = w->trainers[slot];
  visit v = {trainer, {next(&w->c), NULL, 0}, 0, 0, 0};
  cifar_trainer_callbacks callbacks;
  CALL(cifar_trainer_callbacks_init, &callbacks, sizeof callbacks);
  callbacks.user = &v;
  if (chance(&w->c, 2)) callbacks.on_train_begin = on_train;
  if (chance(&w->c, 2)) callbacks.on_train_end = on_train;
  if (chance(&w->c, 2)) callbacks.on_epoch_begin = on_batch;
  if (chance(&w->c, 2)) callbacks.on_batch_begin = on_batch;
  if (chance(&w->c, 2)) callbacks.on_batch_end = on_batch;
  if (chance(&w->c, 2)) callbacks.on_validation_begin = on_train;
  if (chance(&w->c, 2)) callbacks.on_validation_end = on_validation;
  if (chance(&w->c, 2)) callbacks.on_epoch_end = on_epoch;
  if (chance(&w->c, 2)) callbacks.on_storage_wait = on_storage_wait;
  if (chance(&w->c, 8)) callbacks.struct_size = (uint32_t)next(&w->c);
  CALL(cifar_trainer_set_callbacks, trainer, &callbacks);
  pthread_t other;
  racer r = {trainer, CIFAR_OK};
  unsigned how = trainer ? below(&w->c, 8) : 7;
  v.shared = how <= 1;
  if (how == 0) pthread_create(&other, NULL, interrupts, trainer);
  if (how == 1) pthread_create(&other, NULL, runs_too, &r);
  CALL(cifar_trainer_run, trainer);
  if (how <= 1) pthread_join(other, NULL);
  if (how == 2 && !v.freed) {
    cifar_trainer_free(trainer);
    v.freed = 1;
  }
  if (v.freed) {
    w->trainers[slot] = NULL;
    return;
  }
  cifar_trainer_set_callbacks(trainer, NULL);
}

/* Peers of a single process, or of several whose bytes do not arrive. */
static int moves(const void *send, void *receive, uint64_t bytes, void *user) {
  (void)user;
  memcpy(receive, send, bytes);
  return 0;
}
static int moves_nothing(const void *send, void *receive, uint64_t bytes, void *user) {
  (void)send, (void)receive, (void)bytes;
  return *(int *)user;
}
static int keeps(void *buffer, uint64_t bytes, uint32_t root, void *user) {
  (void)buffer, (void)bytes, (void)root, (void)user;
  return 0;
}
static void set_peers(world *w) {
  static int answers[] = {0, 1, -7};
  choices *c = &w->c;
  /* As large as the sizes that are given. */
  union {
    cifar_peers peers;
    uint8_t bytes[4096];
  } room;
  paint(&room, sizeof room);
  cifar_status status = CALL(cifar_peers_init, &room.peers, size(c, sizeof room.peers));
  painted(&room, sizeof room, status);
  if (status != CIFAR_OK || room.peers.struct_size != sizeof room.peers) return;
  cifar_peers *peers = &room.peers;
  peers->user = &answers[chance(c, 2) ? 0 : below(c, 3)];
  peers->all_to_all = peers->all_gather = moves;
  peers->broadcast = keeps;
  if (chance(c, 2)) {
    peers->count = chance(c, 4) ? number(c) : 1 + below(c, 4);
    peers->rank = chance(c, 4) ? number(c) : below(c, 4);
    peers->all_to_all = peers->all_gather = moves_nothing;
  }
  if (chance(c, 8)) peers->broadcast = NULL;
  if (chance(c, 8)) peers->struct_size = (uint32_t)size(c, sizeof *peers);
  if (chance(c, 5)) CALL(cifar_peers_leave, chance(c, 9) ? NULL : peers, text(c));
  CALL(cifar_trainer_set_peers, PICK(w, trainers), chance(c, 9) ? NULL : peers);
}

/* A trainer that is freed by another thread while it trains. */
static int counts_batches(const cifar_batch_info *info, void *user) {
  (void)info;
  atomic_fetch_add((_Atomic int *)user, 1);
  return 0;
}
static void free_while_training(world *w, cifar_trainer *trainer) {
  _Atomic int batches = 0;
  cifar_trainer_callbacks callbacks;
  CALL(cifar_trainer_callbacks_init, &callbacks, sizeof callbacks);
  callbacks.user = &batches;
  callbacks.on_batch_end = counts_batches;
  if (CALL(cifar_trainer_set_callbacks, trainer, &callbacks)) return;
  racer r = {trainer, CIFAR_OK};
  pthread_t runner, freer;
  if (pthread_create(&runner, NULL, runs_too, &r)) return;
  /* The run must have begun: a free before would be the caller's mistake. */
  for (int i = 0; i < 2000 && batches == 0; i++) usleep(100);
  if (batches == 0) {
    pthread_join(runner, NULL);
    cifar_trainer_free(trainer);
    return;
  }
  if (pthread_create(&freer, NULL, frees, trainer) == 0) {
    pthread_join(freer, NULL);
  } else {
    cifar_trainer_free(trainer);
  }
  int before = batches;
  usleep(200);
  if (batches != before) fail("a callback after free");
  pthread_join(runner, NULL);
  (void)w;
}

/* ---- The grammar -------------------------------------------------------------------------------------------- */

static uint8_t pixels[16 * 3072];

static void make_trainer(world *w) {
  /* A size that is claimed is there. */
  union {
    cifar_train_options options;
    uint8_t bytes[4096];
  } room;
#define o room.options
  paint(&room, sizeof room);
  cifar_status status = CALL(cifar_train_options_init, &o, size(&w->c, sizeof o));
  if (status != CIFAR_OK || o.struct_size != sizeof o) return;
  o.epochs = 1 + below(&w->c, 2);
  o.batch_size = 4;
  o.threads = 1 + below(&w->c, 2);
  o.model = specs_json[below(&w->c, 3)];
  o.name = "name";
  o.record = chance(&w->c, 5);
  o.registry = "runs.db";
  for (unsigned i = below(&w->c, 3); i > 0; i--) {
    switch (below(&w->c, 19)) {
      case 0: o.epochs = number(&w->c) % 4; break;
      case 1: o.batch_size = number(&w->c); break;
      case 2: o.threads = number(&w->c) == 2 ? 2 : number(&w->c) > 1024 ? 1025 : 1; break;
      case 3: o.learning_rate = real(&w->c); break;
      case 4: o.recipe = text(&w->c); break;
      case 5: o.name = text(&w->c); break;
      case 6: o.registry = registry_path(&w->c); break;
      case 7: o.keep_last = number(&w->c); break;
      case 8: o.command_line = text(&w->c); break;
      case 9: o.keep_every = number(&w->c); break;
      case 10: o.tags = text(&w->c); break;
      case 11: o.hyperparameters = text(&w->c); break;
      case 12: o.seed = next(&w->c); break;
      case 13: o.struct_size = (uint32_t)size(&w->c, sizeof o); break;
      case 14: o.busy_timeout = real(&w->c); break;
      case 15: o.init_model = PICK(w, models); break;
      case 16: o.init_source = text(&w->c); break;
      case 17: o.init_from = text(&w->c); break;
      case 18:
        o.init_bytes = text(&w->c);
        o.init_size = o.init_bytes ? strlen(o.init_bytes) : 0;
        break;
    }
  }
  /* Recipes and presets ask for a hundred epochs of the tutorial's network. */
  if (o.epochs == 0 || !o.model) o.epochs = 1;
  struct stat before, after;
  const char *fresh = "fresh.db";
  int is_fresh = chance(&w->c, 30);
  if (is_fresh) o.registry = fresh, o.record = 1;
  int was_there = stat(fresh, &before) == 0;
  const cifar_train_options *options = &o;
  cifar_trainer *trainer;
  paint(&trainer, sizeof trainer);
  status = CALL(cifar_trainer_create, PICK(w, datasets), PICK(w, datasets), options, &trainer);
  painted(&trainer, sizeof trainer, status);
  if (status != CIFAR_OK) {
    if (is_fresh && !was_there && stat(fresh, &after) == 0) fail("a failed create left a registry");
    return;
  }
#undef o
  if (is_fresh) unlink(fresh);
  if (chance(&w->c, 8)) {
    free_while_training(w, trainer);
  } else {
    ADOPT(w, trainers, trainer, cifar_trainer_free);
  }
}

static cifar_export_options export_options(choices *c) {
  static const char *names[] = {NULL, NULL, "sequential", "tutorial", "", "\xff"};
  cifar_export_options options;
  CALL(cifar_export_options_init, &options, sizeof options);
  options.names = names[below(c, 6)];
  options.keep_batch_norm = (int32_t)below(c, 2);
  if (chance(c, 20)) options.struct_size = number(c);
  return options;
}

static void export_model(world *w, cifar_model *model) {
  choices *c = &w->c;
  cifar_export_options options = export_options(c);
  const cifar_export_options *given = chance(c, 3) ? NULL : &options;
  cifar_format format = (cifar_format)below(c, 7);
  if (chance(c, 2)) {
    static const char *files[] = {"weights.st", "model.st", "m.onnx", "/nowhere/x", "script.py", ""};
    CALL(cifar_model_export, model, format, files[below(c, 6)], given);
    return;
  }
  const void *bytes;
  size_t size;
  paint(&bytes, sizeof bytes), paint(&size, sizeof size);
  cifar_status status = CALL(cifar_model_encode, model, format, given, chance(c, 20) ? NULL : &bytes,
                             chance(c, 20) ? NULL : &size);
  painted(&bytes, sizeof bytes, status), painted(&size, sizeof size, status);
  if (status != CIFAR_OK || w->borrowed || format > CIFAR_FORMAT_WEIGHTS) return;
  /* What was written comes in again, whole or damaged. */
  uint8_t *copy = malloc(size);
  if (!copy) return;
  memcpy(copy, bytes, size);
  for (unsigned i = below(c, 4); i > 0; i--) copy[below(c, 2000) % size] ^= 1u << below(c, 8);
  MAKE(w, models, cifar_model, cifar_model_free, cifar_model_decode, copy,
       chance(c, 6) ? below(c, (unsigned)size) : size, NULL);
  free(copy);
}

static void import_model(world *w) {
  choices *c = &w->c;
  static const char *texts[] = {NULL, NULL, "tutorial", "keras", "{}", "[]", "a\nb", "\xff"};
  cifar_import_options options;
  CALL(cifar_import_options_init, &options, sizeof options);
  options.threads = chance(c, 9) ? number(c) : 1;
  options.model = texts[below(c, 8)];
  options.recipe = chance(c, 2) ? NULL : texts[below(c, 8)];
  options.hyperparameters = chance(c, 2) ? NULL : texts[below(c, 8)];
  options.class_names = chance(c, 2) ? NULL : texts[below(c, 8)];
  MAKE(w, models, cifar_model, cifar_model_free, cifar_model_import,
       chance(c, 3) ? text(c) : chance(c, 2) ? "model.st" : "weights.st", chance(c, 3) ? NULL : &options);
}

static int stop_search(const cifar_lr_point *point, void *user) {
  return point->step >= *(uint32_t *)user;
}

static void find_rate(world *w) {
  choices *c = &w->c;
  uint32_t last = 1 + below(c, 12);
  cifar_lr_find_options find;
  CALL(cifar_lr_find_options_init, &find, sizeof find);
  find.steps = chance(c, 8) ? number(c) : 10;
  if (chance(c, 4)) find.start = real(c);
  if (chance(c, 4)) find.end = real(c);
  if (chance(c, 20)) find.struct_size = number(c);
  /* Thousands of steps would take minutes. */
  if (find.steps > 20 || chance(c, 2)) find.on_step = stop_search, find.user = &last;
  cifar_train_options options;
  CALL(cifar_train_options_init, &options, sizeof options);
  options.batch_size = 4;
  options.threads = 1;
  options.model = specs_json[below(c, 3)];
  if (chance(c, 6)) options.hyperparameters = text(c);
  options.group = text(c);
  options.registry = registry_path(c);
  cifar_member_info member;
  paint(&member, sizeof member);
  painted(&member, sizeof member,
          CALL(cifar_group_find_member, PICK(w, datasets), PICK(w, datasets), &options, &member,
               sizeof member));
  cifar_lr_curve *curve;
  paint(&curve, sizeof curve);
  cifar_status status = CALL(cifar_lr_find, PICK(w, datasets), &options, &find, &curve);
  painted(&curve, sizeof curve, status);
  if (status != CIFAR_OK) return;
  GET(w, cifar_lr_curve_get_info, curve, cifar_lr_info);
  cifar_lr_point point;
  paint(&point, sizeof point);
  size_t index = index_(c);
  painted(&point, sizeof point, CALL(cifar_lr_curve_get_point, curve, index, &point, sizeof point));
  cifar_lr_curve_free(curve);
}

static void step(world *w) {
  choices *c = &w->c;
  switch (below(c, 67)) {
    case 65: find_rate(w); break;
    case 66: set_peers(w); break;
    case 0: case 1: {
      const char *place = chance(c, 4) ? text(c) : "shapes";
      MAKE(w, datasets, cifar_dataset, cifar_dataset_free, cifar_dataset_open, place,
           (cifar_split)(chance(c, 8) ? number(c) : below(c, 2)), chance(c, 20) ? SIZE_MAX : 1 + below(c, 16));
      break;
    }
    case 2: {
      int32_t labels[16];
      const char *names[10];
      for (int i = 0; i < 16; i++) labels[i] = chance(c, 40) ? (int32_t)number(c) : (int32_t)below(c, 10);
      static const char *const different[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
      for (int i = 0; i < 10; i++)
        names[i] = chance(c, 40) ? text(c) : different[chance(c, 40) ? 0 : i];
      float weights[16];
      for (int i = 0; i < 16; i++) weights[i] = chance(c, 60) ? NAN : (float)below(c, 4);
      uint32_t classes = chance(c, 8) ? number(c) % 11 : 10;
      cifar_dataset_options options;
      CALL(cifar_dataset_options_init, &options, sizeof options);
      options.images = chance(c, 30) ? NULL : pixels;
      options.labels = chance(c, 30) ? NULL : labels;
      options.count = chance(c, 10) ? (chance(c, 2) ? 0 : SIZE_MAX) : 1 + below(c, 16);
      options.classes = classes;
      options.sample_weights = chance(c, 3) ? weights : NULL;
      options.class_names = chance(c, 2) ? NULL : names;
      // Fewer bytes than the pixels of the default shape, or a shape that is none.
      if (chance(c, 4)) options.channels = chance(c, 2) ? 1 : number(c);
      if (chance(c, 4)) options.height = chance(c, 2) ? 8 + below(c, 24) : number(c) | 1 << 20;
      if (chance(c, 10)) options.struct_size = number(c);
      MAKE(w, datasets, cifar_dataset, cifar_dataset_free, cifar_dataset_from_memory,
           chance(c, 50) ? NULL : &options);
      break;
    }
    case 3: GET(w, cifar_dataset_get_info, PICK(w, datasets), cifar_dataset_info); break;
    case 4: {
      const char *out;
      paint(&out, sizeof out);
      painted(&out, sizeof out, CALL(cifar_dataset_get_class_name, PICK(w, datasets), number(c), &out));
      break;
    }
    case 5: {
      const uint8_t *bytes;
      paint(&bytes, sizeof bytes);
      painted(&bytes, sizeof bytes, CALL(cifar_dataset_get_data, PICK(w, datasets), &bytes, NULL));
      const float *weights;
      paint(&weights, sizeof weights);
      painted(&weights, sizeof weights,
              CALL(cifar_dataset_get_sample_weights, PICK(w, datasets), &weights));
      uint8_t images[4 * 3072];
      int32_t labels[4];
      paint(images, sizeof images), paint(labels, sizeof labels);
      cifar_status status = CALL(cifar_dataset_read, PICK(w, datasets), index_(c), below(c, 5),
                                 chance(c, 4) ? NULL : images, chance(c, 4) ? NULL : labels);
      painted(images, sizeof images, status), painted(labels, sizeof labels, status);
      break;
    }
    case 6: case 7: case 8: make_trainer(w); break;
    case 9: {
      union {
        cifar_resume_options options;
        uint8_t bytes[4096];
      } room = {.bytes = {0}};
#define o room.options
      if (CALL(cifar_resume_options_init, &o, sizeof o)) break;
      o.threads = 1;
      o.registry = registry_path(c);
      if (chance(c, 4)) o.checkpoint = text(c);
      if (chance(c, 4)) o.epochs = number(c) % 4;
      if (chance(c, 9)) o.data_location = text(c);
      if (chance(c, 9)) o.take_over = 1;
      if (chance(c, 9)) o.busy_timeout = real(c);
      if (chance(c, 9)) o.struct_size = (uint32_t)size(c, sizeof o);
      MAKE(w, trainers, cifar_trainer, cifar_trainer_free, cifar_trainer_resume, run_name(c),
           PICK(w, datasets), PICK(w, datasets), chance(c, 9) ? NULL : &o);
#undef o
      break;
    }
    case 64: {
      union {
        cifar_rerun_options options;
        uint8_t bytes[4096];
      } room = {.bytes = {0}};
#define o room.options
      if (CALL(cifar_rerun_options_init, &o, sizeof o)) break;
      o.threads = 1;
      o.registry = registry_path(c);
      if (chance(c, 4)) o.name = text(c);
      if (chance(c, 9)) o.data_location = text(c);
      if (chance(c, 9)) o.init_from = text(c);
      if (chance(c, 9)) o.tags = text(c);
      if (chance(c, 9)) o.packages = text(c);
      if (chance(c, 9)) o.busy_timeout = real(c);
      if (chance(c, 9)) o.struct_size = (uint32_t)size(c, sizeof o);
      MAKE(w, trainers, cifar_trainer, cifar_trainer_free, cifar_trainer_rerun, run_name(c),
           PICK(w, datasets), PICK(w, datasets), chance(c, 9) ? NULL : &o);
#undef o
      break;
    }
    case 10: case 11:
      if (!w->borrowed) train(w);
      break;
    case 12: CALL(cifar_trainer_set_learning_rate, PICK(w, trainers), real(c)); break;
    case 13: CALL(cifar_trainer_record_metric, PICK(w, trainers), text(c), real(c)); break;
    case 14: GET(w, cifar_trainer_get_info, PICK(w, trainers), cifar_trainer_info); break;
    case 15:
      GET(w, cifar_trainer_get_result, PICK(w, trainers), cifar_final_result);
      CALL(cifar_trainer_interrupt, PICK(w, trainers)); break;
    case 16: {
      const void *bytes = NULL;
      size_t length = 0;
      if (CALL(cifar_model_encode, PICK(w, models), CIFAR_FORMAT_CHECKPOINT, NULL, &bytes, &length)) break;
      if (chance(c, 4)) length = below(c, 4096);
      MAKE(w, models, cifar_model, cifar_model_free, cifar_model_from_memory, bytes, length, 1);
      break;
    }
    case 17:
      MAKE(w, models, cifar_model, cifar_model_free, cifar_model_from_trainer, PICK(w, trainers));
      break;
    case 18:
      MAKE(w, models, cifar_model, cifar_model_free, cifar_model_open,
           chance(c, 3) ? text(c) : chance(c, 2) ? "model.st" : "runs.db", chance(c, 9) ? number(c) : 1);
      break;
    case 19:
      MAKE(w, models, cifar_model, cifar_model_free, cifar_model_from_run, registry_path(c), run_name(c),
           chance(c, 3) ? text(c) : NULL, 1);
      break;
    case 20: GET(w, cifar_model_get_info, PICK(w, models), cifar_model_info); break;
    case 21: {
      const char *out;
      paint(&out, sizeof out);
      painted(&out, sizeof out, CALL(cifar_model_get_class_name, PICK(w, models), number(c), &out));
      break;
    }
    case 22: {
      if (chance(c, 2)) {
        STRING(w, cifar_model_get_summary, PICK(w, models));
        break;
      }
      CALL(cifar_model_set_precision, PICK(w, models),
           chance(c, 4) ? text(c) : (const char *[]){"float32", "mixed_bfloat16", "int8"}[below(c, 3)]);
      STRING(w, cifar_model_get_precision, PICK(w, models));
      if (chance(c, 3))
        MAKE(w, models, cifar_model, cifar_model_free, cifar_model_quantize, PICK(w, models),
             PICK(w, datasets), chance(c, 8) ? SIZE_MAX - below(c, 3) : below(c, 6));
      break;
    }
    case 23: {
      uint8_t buffer[4096 + sizeof(cifar_evaluation)];
      paint(buffer, sizeof buffer);
      cifar_status status =
          CALL(cifar_model_evaluate, PICK(w, models), PICK(w, datasets),
               chance(c, 20) ? NULL : (cifar_evaluation *)buffer, size(c, sizeof(cifar_evaluation)));
      painted(buffer, sizeof buffer, status);
      break;
    }
    case 24: {
      cifar_evaluation e;
      uint64_t confusion[100];
      double scores[30];
      paint(&e, sizeof e), paint(confusion, sizeof confusion), paint(scores, sizeof scores);
      if (chance(c, 4)) {
        cifar_status status =
            CALL(cifar_model_evaluate_augmented, PICK(w, models), PICK(w, datasets),
                 chance(c, 3) ? text(c) : "mirror", &e, chance(c, 9) ? 11 : sizeof e);
        painted(&e, sizeof e, status);
        break;
      }
      cifar_status status = CALL(cifar_model_evaluate_classes, PICK(w, models), PICK(w, datasets), (int32_t)number(c),
                                 &e, chance(c, 9) ? 11 : sizeof e, chance(c, 4) ? NULL : confusion,
                                 chance(c, 4) ? NULL : scores);
      painted(&e, sizeof e, status), painted(confusion, sizeof confusion, status);
      painted(scores, sizeof scores, status);
      break;
    }
    case 25: case 26: {
      float out[10 * 4];
      paint(out, sizeof out);
      size_t count = chance(c, 12) ? SIZE_MAX - below(c, 3) : below(c, 5);
      painted(out, sizeof out, CALL(cifar_model_predict, PICK(w, models), chance(c, 20) ? NULL : pixels, count,
                                    chance(c, 20) ? NULL : out));
      break;
    }
    case 27: CALL(cifar_model_save, PICK(w, models), chance(c, 3) ? "/nowhere/x" : "model.st"); break;
    case 28:
      if (!w->borrowed || chance(c, 2)) {
        cifar_model_spec *object;
        paint(&object, sizeof object);
        if (CALL(cifar_model_spec_create, &object) == CIFAR_OK) ADOPT(w, specs, object, cifar_model_spec_free);
        if (cifar_model_spec_create(NULL) == CIFAR_OK) fail("no out, no error");
      }
      break;
    case 29:
      MAKE(w, specs, cifar_model_spec, cifar_model_spec_free, cifar_model_spec_from_json,
           chance(c, 2) ? text(c) : specs_json[below(c, 3)]);
      break;
    case 30:
      MAKE(w, specs, cifar_model_spec, cifar_model_spec_free, cifar_model_spec_preset, text(c), text(c),
           chance(c, 3) ? number(c) : 10);
      break;
    case 31:
      MAKE(w, specs, cifar_model_spec, cifar_model_spec_free, cifar_model_spec_branch, PICK(w, specs));
      break;
    case 32:
      CALL(cifar_model_spec_conv2d, PICK(w, specs), chance(c, 2) ? number(c) : 4, 1 + 2 * below(c, 4),
           below(c, 4), (cifar_padding)(chance(c, 8) ? number(c) : below(c, 4)));
      break;
    case 33: CALL(cifar_model_spec_batch_norm, PICK(w, specs), real(c), real(c), (int32_t)number(c)); break;
    case 34:
      if (chance(&w->c, 2)) CALL(cifar_model_spec_relu, PICK(w, specs));
      else CALL(cifar_model_spec_gelu, PICK(w, specs));
      break;
    case 35:
      if (chance(c, 3)) {
        uint32_t channels = chance(c, 4) ? number(c) : 1 + 2 * below(c, 2);
        CALL(cifar_model_spec_set_input, PICK(w, specs), channels, chance(c, 8) ? number(c) : 8 + below(c, 40),
             8 + below(c, 40));
      } else {
        CALL(cifar_model_spec_max_pool, PICK(w, specs));
      }
      break;
    case 36:
      if (chance(c, 2)) {
        CALL(cifar_model_spec_avg_pool, PICK(w, specs));
      } else {
        static const char *const layers[] = {
            "{\"type\":\"conv2d\",\"filters\":8,\"kernel_size\":2,\"bias\":false}",
            "{\"type\":\"batch_norm\",\"scale\":false}", "{\"type\":\"max_pool\",\"size\":3}",
            "{\"type\":\"scale\",\"factor\":0.5}", "{\"type\":\"scale\"}", "[]", NULL};
        CALL(cifar_model_spec_add, PICK(w, specs), chance(c, 4) ? text(c) : layers[below(c, 7)]);
      }
      break;
    case 37: CALL(cifar_model_spec_global_average_pool, PICK(w, specs)); break;
    case 38: CALL(cifar_model_spec_dropout, PICK(w, specs), real(c)); break;
    case 39: CALL(cifar_model_spec_flatten, PICK(w, specs)); break;
    case 40: CALL(cifar_model_spec_dense, PICK(w, specs), number(c)); break;
    case 41: CALL(cifar_model_spec_residual, PICK(w, specs), PICK(w, specs), PICK(w, specs)); break;
    case 42: STRING(w, cifar_model_spec_get_json, PICK(w, specs)); break;
    case 43: STRING(w, cifar_model_spec_get_summary, PICK(w, specs)); break;
    case 44: GET(w, cifar_model_spec_get_info, PICK(w, specs), cifar_model_spec_info); break;
    case 45:
      MAKE(w, registries, cifar_registry, cifar_registry_free, cifar_registry_open, registry_path(c));
      break;
    case 46:
      MAKE(w, lists, cifar_run_list, cifar_run_list_free, cifar_registry_list, PICK(w, registries),
           chance(c, 9) ? SIZE_MAX : below(c, 4));
      break;
    case 47: {
      union {
        cifar_run_query query;
        uint8_t bytes[4096];
      } room = {.bytes = {0}};
#define q room.query
      if (CALL(cifar_run_query_init, &q, sizeof q)) break;
      if (chance(c, 2)) q.filter = text(c);
      if (chance(c, 3)) q.sort = text(c);
      if (chance(c, 9)) q.struct_size = (uint32_t)size(c, sizeof q);
      if (chance(c, 9)) q.limit = index_(c);
      q.trash = chance(c, 5), q.ascending = chance(c, 2);
      MAKE(w, lists, cifar_run_list, cifar_run_list_free, cifar_registry_query, PICK(w, registries),
           chance(c, 9) ? NULL : &q);
#undef q
      break;
    }
    case 48:
      COUNT(w, cifar_run_list_count, PICK(w, lists));
      GET_AT(w, cifar_run_list_get, PICK(w, lists), cifar_run_info);
      break;
    case 49:
      MAKE(w, runs, cifar_run, cifar_run_free, cifar_registry_find, PICK(w, registries), run_name(c));
      break;
    case 50:
      GET(w, cifar_run_get_info, PICK(w, runs), cifar_run_info);
      STRING(w, cifar_run_get_hyperparameters, PICK(w, runs));
      STRING(w, cifar_run_get_best_chosen_on, PICK(w, runs));
      STRING(w, cifar_run_get_final_chosen_on, PICK(w, runs));
      COUNT(w, cifar_run_epoch_count, PICK(w, runs));
      GET_AT(w, cifar_run_get_epoch, PICK(w, runs), cifar_epoch_info);
      break;
    case 51:
      COUNT(w, cifar_run_checkpoint_count, PICK(w, runs));
      GET_AT(w, cifar_run_get_checkpoint, PICK(w, runs), cifar_checkpoint_info);
      COUNT(w, cifar_run_metric_count, PICK(w, runs));
      GET_AT(w, cifar_run_get_metric, PICK(w, runs), cifar_metric_info);
      COUNT(w, cifar_run_note_count, PICK(w, runs));
      GET_AT(w, cifar_run_get_note, PICK(w, runs), cifar_note_info);
      COUNT(w, cifar_run_session_count, PICK(w, runs));
      GET_AT(w, cifar_run_get_session, PICK(w, runs), cifar_session_info);
      {
        const char *json;
        CALL(cifar_run_get_changes, PICK(w, runs), index_(c), chance(c, 20) ? NULL : &json);
      }
      break;
    case 52: {
      cifar_registry *registry = PICK(w, registries);
      switch (below(c, 12)) {
        case 0: CALL(cifar_registry_tag, registry, run_name(c), text(c)); break;
        case 1: CALL(cifar_registry_untag, registry, run_name(c), text(c)); break;
        case 2: CALL(cifar_registry_note, registry, run_name(c), chance(c, 4) ? text(c) : "a note"); break;
        case 3: CALL(cifar_registry_rename, registry, run_name(c), chance(c, 3) ? text(c) : "name"); break;
        case 10: CALL(cifar_registry_set_group, registry, run_name(c), chance(c, 3) ? text(c) : "group"); break;
        case 4: CALL(cifar_registry_pin, registry, (int64_t)index_(c), (int32_t)number(c)); break;
        case 5: {
          char id[37];
          paint(id, sizeof id);
          painted(id, sizeof id, CALL(cifar_registry_fork, registry, run_name(c), chance(c, 2) ? NULL : text(c),
                                      chance(c, 2) ? NULL : text(c), chance(c, 20) ? NULL : id));
          break;
        }
        case 6: CALL(cifar_registry_remove, registry, run_name(c), chance(c, 4)); break;
        case 7: CALL(cifar_registry_restore, registry, run_name(c)); break;
        case 9: {
          char id[37];
          paint(id, sizeof id);
          painted(id, sizeof id, CALL(cifar_registry_import, registry, chance(c, 3) ? "/nowhere/x" : "export.st",
                                      chance(c, 2) ? NULL : text(c), chance(c, 20) ? NULL : id));
          break;
        }
        case 8: {
          uint64_t freed;
          paint(&freed, sizeof freed);
          painted(&freed, sizeof freed, CALL(cifar_registry_collect, registry, chance(c, 3) ? NULL : &freed));
          break;
        }
        case 11: {
          uint64_t freed;
          paint(&freed, sizeof freed);
          painted(&freed, sizeof freed, CALL(cifar_registry_slim, registry, chance(c, 2) ? NULL : run_name(c),
                                             chance(c, 2), chance(c, 3) ? NULL : &freed));
          break;
        }
      }
      break;
    }
    case 53:
      CALL(cifar_registry_verify, PICK(w, registries), chance(c, 2) ? NULL : run_name(c),
           chance(c, 20) ? NULL : on_problem, c);
      break;
    case 54:
      if (chance(c, 4)) {
        uint8_t info[8192];
        paint(info, sizeof info);
        painted(info, sizeof info,
                CALL(cifar_registry_merge, PICK(w, registries), chance(c, 3) ? "/nowhere/x" : "copy.db",
                     chance(c, 2) ? NULL : run_name(c), chance(c, 2),
                     chance(c, 4) ? NULL : (cifar_merge_info *)(void *)info,
                     size(c, sizeof(cifar_merge_info))));
        break;
      }
      if (chance(c, 4)) {
        CALL(cifar_registry_backup, PICK(w, registries), chance(c, 3) ? "/nowhere/x" : "copy.db");
        break;
      }
      CALL(cifar_registry_export, PICK(w, registries), (int64_t)index_(c),
           chance(c, 3) ? "/nowhere/x" : "export.st");
      break;
    case 55: CALL(cifar_set_log, chance(c, 2) ? NULL : on_log, NULL); break;
    case 56:
      (void)cifar_version(), (void)cifar_version_number();
      (void)cifar_instruction_set(), (void)cifar_default_threads();
      (void)cifar_status_name((cifar_status)number(c));
      break;
    case 57: case 58:
      if (!w->borrowed) {
        unsigned slot = below(c, SLOTS);
        switch (below(c, 7)) {
          case 0: cifar_dataset_free(w->datasets[slot]), w->datasets[slot] = NULL; break;
          case 1: cifar_trainer_free(w->trainers[slot]), w->trainers[slot] = NULL; break;
          case 2: cifar_model_free(w->models[slot]), w->models[slot] = NULL; break;
          case 3: cifar_model_spec_free(w->specs[slot]), w->specs[slot] = NULL; break;
          case 4: cifar_registry_free(w->registries[slot]), w->registries[slot] = NULL; break;
          case 5: cifar_run_list_free(w->lists[slot]), w->lists[slot] = NULL; break;
          case 6: cifar_run_free(w->runs[slot]), w->runs[slot] = NULL; break;
        }
      }
      break;
    case 59: fesetround(chance(c, 2) ? FE_DOWNWARD : FE_TONEAREST); break;
    case 60: record_metrics(c, PICK(w, trainers)); break;
    case 61:
      MAKE(w, specs, cifar_model_spec, cifar_model_spec_free, cifar_model_spec_resolve, PICK(w, specs),
           text(c));
      break;
    case 62:
      if (chance(c, 4)) {
        const char *script;
        paint(&script, sizeof script);
        painted(&script, sizeof script,
                CALL(cifar_model_spec_get_script, PICK(w, specs), (cifar_format)below(c, 7), &script));
        break;
      }
      export_model(w, PICK(w, models));
      break;
    case 63: import_model(w); break;
  }
}

static void *borrower(void *user) {
  world *w = user;
  for (int i = 0; i < 6; i++) step(w);
  return NULL;
}

static void sequence(choices c, uint64_t seed) {
  world w;
  memset(&w, 0, sizeof w);
  w.c = c;
  current_seed = seed;
  alarm(60);
  /* Most sequences begin with something to work on. */
  if (!chance(&w.c, 10)) {
    CALL(cifar_dataset_open, "shapes", CIFAR_TRAIN, 8, &w.datasets[0]);
    cifar_model_spec_create(&w.specs[0]);
    if (chance(&w.c, 4)) make_trainer(&w);
    if (chance(&w.c, 3)) cifar_registry_open("runs.db", &w.registries[0]);
    if (chance(&w.c, 3)) cifar_model_open("model.st", 1, &w.models[0]);
  }
  for (int i = 0; i < (c.bytes ? 200 : 14); i++) {
    /* A fuzzer's input ends the sequence. */
    if (w.c.bytes && w.c.left == 0) break;
    step(&w);
    if (chance(&w.c, 60)) {
      /* Two others with the same objects. */
      world others[2];
      pthread_t threads[2];
      int started[2];
      for (int t = 0; t < 2; t++) {
        others[t] = w;
        others[t].borrowed = 1;
        others[t].c = (choices){next(&w.c), NULL, 0};
        started[t] = pthread_create(&threads[t], NULL, borrower, &others[t]) == 0;
      }
      for (int t = 0; t < 2; t++) {
        if (started[t]) pthread_join(threads[t], NULL);
      }
    }
  }
  for (int slot = 0; slot < SLOTS; slot++) {
    /* Registries and data sets go first: what was made from them stays. */
    cifar_dataset_free(w.datasets[slot]);
    cifar_registry_free(w.registries[slot]);
    cifar_trainer_free(w.trainers[slot]);
    cifar_model_free(w.models[slot]);
    cifar_model_spec_free(w.specs[slot]);
    cifar_run_list_free(w.lists[slot]);
    cifar_run_free(w.runs[slot]);
  }
  cifar_set_log(NULL, NULL);
  fesetround(FE_TONEAREST);
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

static int entries(const char *directory) {
  DIR *open = opendir(directory);
  if (!open) return -1;
  int count = 0;
  while (readdir(open)) count++;
  closedir(open);
  return count;
}

static void prepare(void) {
  megabyte = malloc((1 << 20) + 1);
  brackets = malloc(1001);
  if (!megabyte || !brackets) exit(2);
  memset(megabyte, 'x', 1 << 20), megabyte[1 << 20] = 0;
  memset(brackets, '[', 500), memset(brackets + 500, ']', 500), brackets[1000] = 0;
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 31 >> 3);
  /* A run to look at, and a model to open. */
  cifar_dataset *data = NULL;
  cifar_trainer *trainer = NULL;
  cifar_model *model = NULL;
  cifar_train_options o;
  cifar_train_options_init(&o, sizeof o);
  o.epochs = 1, o.batch_size = 4, o.threads = 1, o.model = specs_json[0], o.registry = "runs.db";
  o.name = "name";
  if (CALL(cifar_dataset_open, "shapes", CIFAR_TRAIN, 8, &data) ||
      CALL(cifar_trainer_create, data, data, &o, &trainer) || CALL(cifar_trainer_run, trainer) ||
      CALL(cifar_model_from_trainer, trainer, &model) ||
      CALL(cifar_model_export, model, CIFAR_FORMAT_CHECKPOINT, "model.st", NULL))
    fail("can't begin");
  /* A database that is taken for a model may keep one descriptor, so that no lock on it is dropped:
   * it is there before descriptors are counted. */
  cifar_model *none;
  if (CALL(cifar_model_open, "runs.db", 1, &none) == CIFAR_OK) fail("a registry is no model");
  cifar_model_free(model);
  cifar_trainer_free(trainer);
  cifar_dataset_free(data);
}

#ifdef FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  static int prepared;
  if (!prepared) {
    /* Registries and files go to a directory of the process's own. */
    static char directory[4096];
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/call_sequencesXXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory) || chdir(directory)) return 0;
    prepare(), prepared = 1;
  }
  sequence((choices){0, bytes, count}, 0);
  return 0;
}
#else
int main(int argc, char **argv) {
  if (argc != 3) return 2;
  uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
  prepare();
  int threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
  for (uint64_t seed = first; seed < first + count; seed++) {
    sequence((choices){seed * 0x2545f4914f6cdd1dull + 1, NULL, 0}, seed);
  }
  /* A thread that was joined may be seen for a moment longer. */
  for (int i = 0; i < 100 && entries("/proc/self/task") > threads; i++) usleep(10000);
  if (entries("/proc/self/task") > threads) fail("threads were left");
  if (entries("/proc/self/fd") > descriptors) fail("descriptors were left");
  printf("%llu sequences\n", (unsigned long long)count);
  return 0;
}
#endif
