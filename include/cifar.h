/*
 * cifar.h - train convolutional networks on small images, on the CPU.
 *
 * Every run - hyperparameters, one row an epoch, checkpoints - is kept in one SQLite file, the
 * registry, and continues from any of its checkpoints to the same bits as if it had never stopped.
 *
 * The rules, for every function here:
 *
 * Status    Returns a cifar_status, CIFAR_OK (0) or what went wrong. After a failure
 *           cifar_last_error() has the sentence for a person. A call that fails changes nothing and
 *           leaves its outputs as they were, unless its comment says otherwise.
 * Objects   Come out through the last parameter `out` and belong to the caller, who ends them with
 *           the type's `_free`, which takes NULL. An object keeps alive what it needs: data sets
 *           may be freed as soon as a trainer has been made from them.
 * Strings   Are UTF-8 and end in NUL. Those handed in are copied; names, tags, ids and fields may
 *           have 1,024 bytes, paths 4,096, filters and lists of tags 65,536, notes and command
 *           lines 1 MiB, JSON 16 MiB, nested 48 deep: what is longer or deeper is INVALID_ARGUMENT.
 *           Those handed out belong to the object they came from and live as long as it does,
 *           whatever other threads do with it.
 * Structs   Begin with struct_size and only ever grow at the end. Options are filled by their
 *           `_init`, which takes sizeof; infos are filled by a `_get`, which takes sizeof too: a
 *           program and a library of different ages understand each other. A size that ends inside
 *           a field is refused.
 * Threads   Every object may be used from any thread, by several at once; calls that need the same
 *           model, spec or registry take turns. A trainer runs once at a time, and while it runs it
 *           says INVALID_STATE to all but cifar_trainer_interrupt, cifar_trainer_free, and what its
 *           callbacks may call. An object is freed once, when nobody uses it any more (a trainer
 *           may be freed while it runs). The library starts threads of its own while it works; they
 *           block the host's signals, and it installs no signal handler.
 * Stack     A thread that calls needs 64 KiB of stack, 128 KiB for cifar_trainer_run; its callbacks
 *           take theirs on top.
 * Signals   A write to a pipe without a reader, or beyond the process's limit (RLIMIT_FSIZE), is an
 *           error of the call: SIGPIPE and SIGXFSZ are held back meanwhile, and not in callbacks.
 * Numbers   The caller's floating-point environment (rounding mode, flush to zero, unmasked
 *           exceptions) has no influence on a result. It is put back before a callback is called
 *           and when a call returns, with what callbacks changed in it.
 * Fork      A child may use what its parent opened, but for trainers and registries: those say
 *           CIFAR_E_INVALID_STATE there, and the child opens its own. It may free all of them,
 *           which leaves the parent's alone. A callback may fork: in the child cifar_trainer_run
 *           returns INVALID_STATE, and the parent continues training.
 * Memory    Where there is none the call returns CIFAR_E_OUT_OF_MEMORY, and the host continues; a
 *           run is recorded as failed, with its last checkpoint. What a model or a training needs
 *           is compared beforehand with what the machine, the process's limits (RLIMIT_AS,
 *           RLIMIT_DATA) and its control groups leave. Small objects come from a reserve of 1 MiB
 *           while the system has nothing; calls that would use it up are refused. Allocations of
 *           the host are its own. Two cases remain in which the process is ended: the system's
 *           out-of-memory killer, and a failure in the C library where a thread first uses a
 *           library loaded with dlopen.
 * Registry  Other programs and other copies of SQLite, also in this process, may read and write the
 *           file meanwhile, and anybody may open, read and close it: the library's locks are those
 *           of its own file description (Linux 3.15), which a close elsewhere does not drop and
 *           which every SQLite respects. What nobody may do while it is in use: rename, replace or
 *           delete the file or the "-journal" beside it; open it by a second name (a hard link, a
 *           bind mount), whose journal is another; switch it to WAL; write to it without locks
 *           (SQLite's nolock, "unix-none", immutable); copy it but by cifar_registry_backup.
 *           Another SQLite's own locks are as weak as ever: a host that opens the file by one
 *           should not close it by hand (open and close) while that one has it open.
 * Variables Of the environment CIFAR_REGISTRY and CIFAR10_DIR (else HOME's .cache/cifar10 and
 *           .keras/datasets) stand for a registry and for data that a call does not name; each such
 *           call reads them. CIFAR_ISA (baseline, avx2, avx512, avx512vnni) and CIFAR_CONV
 *           (direct, winograd, auto) override which kernels compute. They are read once; any other
 *           word is INVALID_ARGUMENT where a model or a trainer needs kernels, and an instruction
 *           set that the machine does not have is UNSUPPORTED.
 * Silence   Nothing is ever printed; see cifar_set_log.
 */
#ifndef CIFAR_H
#define CIFAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version --------------------------------------------------------------------------------- */
/* Which version runs, on which instruction set, with how many threads. */

/** The version of this header; goes up when programs have to be recompiled. */
#define CIFAR_VERSION_MAJOR 0
/** Goes up with what is new. */
#define CIFAR_VERSION_MINOR 2
/** Goes up with what is put right. */
#define CIFAR_VERSION_PATCH 0
/** All three as one number, to compare: 10,000 * major + 100 * minor + patch, 200 for 0.2.0. */
#define CIFAR_VERSION_NUMBER \
  (CIFAR_VERSION_MAJOR * 10000 + CIFAR_VERSION_MINOR * 100 + CIFAR_VERSION_PATCH)

/** The version of the library that runs.
 *
 *  @return "0.2.0". Never NULL; lives forever. */
const char *cifar_version(void);

/** The version of the library that runs, as a number. A program that was compiled against a newer
 *  header finds out here what the library does not have yet.
 *
 *  @return as CIFAR_VERSION_NUMBER. */
uint32_t cifar_version_number(void);

/** The kernels' instruction set. The bits of a result depend on it. The environment's CIFAR_ISA
 *  overrides the choice.
 *
 *  @return "avx512vnni", "avx512", "avx2" or "baseline". Never NULL; lives forever. */
const char *cifar_instruction_set(void);

/** The threads that compute where nobody says how many, and the most that do: the processors this
 *  process may use, those that share a core counted once, or the quota of its control group or one
 *  around it where that is less. Who asks for more gets these, and a warning in the log: results do
 *  not depend on the number of threads, and more of them than cores make each other wait.
 *
 *  @return at least 1. */
uint32_t cifar_default_threads(void);

/* ---- Errors ---------------------------------------------------------------------------------- */
/* What a call came to, and the sentence that says what is wrong. */

/** What a call came to. Codes are spaced and never used again for something else. */
typedef enum cifar_status {
  /** All went well. */
  CIFAR_OK = 0,
  /** An argument or an option is outside what the call allows; NULL where something must be. */
  CIFAR_E_INVALID_ARGUMENT = 10,
  /** Arrays, layers or weights whose shapes do not fit together; images that are not the run's. */
  CIFAR_E_SHAPE_MISMATCH = 20,
  /** A file, directory, run or checkpoint that does not exist. */
  CIFAR_E_NOT_FOUND = 30,
  /** A name or the start of an id that fits more than one run. */
  CIFAR_E_AMBIGUOUS = 31,
  /** The operating system refused to read or write. */
  CIFAR_E_IO = 40,
  /** There is no space left to write to. */
  CIFAR_E_DISK_FULL = 41,
  /** A file that is not what it should be: truncated, oversized, or with values out of range. */
  CIFAR_E_BAD_DATA = 50,
  /** Stored bytes that no longer have the SHA-256 they were stored with. */
  CIFAR_E_CHECKSUM_MISMATCH = 51,
  /** SQLite reported an error. */
  CIFAR_E_DATABASE = 60,
  /** An SQLite file that is no run registry; it stays untouched. */
  CIFAR_E_FOREIGN_DATABASE = 61,
  /** A registry written by a newer version of the library. */
  CIFAR_E_NEWER_DATABASE = 62,
  /** Someone else holds the registry, or trains the run. */
  CIFAR_E_BUSY = 63,
  /** A call that does not fit the state of its object. */
  CIFAR_E_INVALID_STATE = 70,
  /** Training was interrupted; a checkpoint of the very batch was left. */
  CIFAR_E_INTERRUPTED = 80,
  /** A callback returned something else than 0, or a timer ran out; a checkpoint of the very batch
   *  was left. */
  CIFAR_E_CALLBACK = 81,
  /** Another process of a training ended it, or can't be reached: see cifar_trainer_set_peers. */
  CIFAR_E_PEER = 82,
  /** A loss, a weight or a probability is not a finite number. */
  CIFAR_E_NOT_FINITE = 90,
  /** A feature that this build or this machine does not have. */
  CIFAR_E_UNSUPPORTED = 100,
  /** Memory could not be had, or is more than the process may use; see "Memory" above. */
  CIFAR_E_OUT_OF_MEMORY = 110,
  /** A defect in the library. */
  CIFAR_E_INTERNAL = 120
} cifar_status;

/** The name of a status.
 *
 *  @param status  any number.
 *  @return "CIFAR_E_NOT_FOUND"; "unknown status" for a number that is none. Never NULL. */
const char *cifar_status_name(cifar_status status);

/** What is wrong with the last call that failed on this thread, and what to do.
 *
 *  @return one line, "" before the first failure. At most 4,095 bytes: what is longer has a "..."
 *          character in its middle; control characters are escaped, a tab as a backslash and a t.
 *          Lives until the next failure on this thread. Never NULL. */
const char *cifar_last_error(void);

/** How much a log line matters. */
typedef enum cifar_log_level {
  CIFAR_LOG_DEBUG = 10,   /**< What only helps to find a defect. */
  CIFAR_LOG_INFO = 20,    /**< What is going on. */
  CIFAR_LOG_WARNING = 30, /**< What should be looked at; the call continues. */
  CIFAR_LOG_ERROR = 40    /**< What has failed. */
} cifar_log_level;

/** Receives one whole line, without its end, at most 4,095 bytes. Comes from any thread, several at
 *  once too, and must not call back into the library, but for cifar_set_log, nor fork. */
typedef void (*cifar_log_callback)(cifar_log_level level, const char *line, void *user);

/** Sends the library's log lines to `callback`, process-wide; NULL drops them, as at the start.
 *  When it returns no thread is inside the callback before any more, and none will be; called from
 *  a log callback itself it does not wait for the others.
 *
 *  @param callback  receives the lines.
 *  @param user      is handed to it. */
cifar_status cifar_set_log(cifar_log_callback callback, void *user);

/* ---- Data sets ------------------------------------------------------------------------------- */
/* CIFAR-10, CIFAR-100, MNIST, SVHN, drawings, and images of one's own. */

/** Labelled images of one shape, kept as bytes. Immutable. */
typedef struct cifar_dataset cifar_dataset;

/** Which part of a data set. */
typedef enum cifar_split {
  CIFAR_TRAIN = 0, /**< to train on */
  CIFAR_TEST = 1   /**< to validate or to test with */
} cifar_split;

/** Opens a published data set, a directory with pictures, or the built-in drawings.
 *
 *  @param location  a directory that is or holds cifar-10-batches-bin or cifar-10-batches-py;
 *                   "shapes" for 10 classes of synthetic drawings that need no download; NULL for
 *                   the one in $CIFAR10_DIR or, where that is not set, in ./data, ~/.cache/cifar10
 *                   or ~/.keras/datasets, as "cifar10" is where no directory is called that.
 *                   "cifar100" for CIFAR-100 in one of them, in
 *                   cifar-100-binary or cifar-100-python, with its 100 fine classes, and
 *                   "cifar100-coarse" with its 20 coarse ones; "mnist" and "fashion-mnist" for
 *                   their IDX files, as they are or as .gz; "svhn" for train_32x32.mat and
 *                   test_32x32.mat; each of these names with ":DIR" in that directory.
 *                   "folder:DIR" for pictures of one size in train/CLASS and test/CLASS: PPM and
 *                   PGM, others by an installed ImageMagick, GraphicsMagick or ffmpeg. Runs record
 *                   the directory with its whole path.
 *  @param split     the training images or the test images.
 *  @param limit     the most images to take, from the start; 0 for all (CIFAR-10: 50,000 and
 *                   10,000).
 *
 *  Errors: NOT_FOUND; BAD_DATA, naming the file and the offset; IO; INVALID_ARGUMENT. */
cifar_status cifar_dataset_open(const char *location, cifar_split split, size_t limit,
                                cifar_dataset **out);

/** Images and labels in memory. cifar_dataset_options_init fills in the defaults below. */
typedef struct cifar_dataset_options {
  uint32_t struct_size;
  cifar_split split;       /**< what the data set says of itself: CIFAR_TRAIN */
  uint32_t channels;       /**< planes of an image: 3, red, green and blue, or 1, grey; 3 */
  uint32_t height;         /**< rows of an image, from 8 to 128; 32 */
  uint32_t width;          /**< columns of an image, from 8 to 128; 32 */
  uint32_t classes;        /**< from 2 to 1000; to be set */
  size_t count;            /**< images, at least 1; to be set */
  const uint8_t *images;   /**< (count, channels, height, width), rows from the top; to be set */
  const int32_t *labels;   /**< (count), each in 0 ... classes - 1; to be set */
  const char *const *class_names; /**< (classes) different strings of 1 to 200 bytes; NULL for "0",
                                       "1", ..., which go with the names of any other data set or
                                       model */
  const float *sample_weights; /**< (count), what the loss of each image counts in training, 0 to
                                    1e6 and not all 0; multiplied with "class_weight", and averaged
                                    as that is. NULL: all count alike, as in validation and
                                    evaluation they always do */
} cifar_dataset_options;

/** Fills in the defaults. */
cifar_status cifar_dataset_options_init(cifar_dataset_options *options, size_t options_size);

/** Copies images and labels from memory.
 *
 *  @param options  what they are.
 *
 *  Errors: BAD_DATA for a label or a weight out of range, naming the image; INVALID_ARGUMENT. */
cifar_status cifar_dataset_from_memory(const cifar_dataset_options *options, cifar_dataset **out);

/** What is known of a data set. */
typedef struct cifar_dataset_info {
  uint32_t struct_size;
  cifar_split split;       /**< which part */
  size_t count;            /**< images */
  uint32_t classes;        /**< that a label can be of */
  const char *name;        /**< "cifar10", "cifar100", "cifar100-coarse", "mnist", "fashion-mnist",
                                "svhn", "shapes", "folder" or "memory" */
  const char *location;    /**< what opens it again, or NULL for memory */
  uint32_t channels;       /**< of an image: 3, red, green and blue, or 1, grey */
  uint32_t height;         /**< rows of an image */
  uint32_t width;          /**< columns of an image */
} cifar_dataset_info;

/** Fills in what is known of a data set. */
cifar_status cifar_dataset_get_info(const cifar_dataset *dataset, cifar_dataset_info *info,
                                    size_t info_size);

/** The name of a class.
 *
 *  @param index  of the class, from 0.
 *  @param name   receives the name, which lives as long as the data set. */
cifar_status cifar_dataset_get_class_name(const cifar_dataset *dataset, uint32_t index,
                                          const char **name);

/** The data set's own images and labels, without a copy.
 *
 *  @param images  receives where they begin, (count, channels, height, width); NULL to leave out.
 *                 Nobody writes there; they live as long as the data set.
 *  @param labels  likewise, (count); NULL to leave out. */
cifar_status cifar_dataset_get_data(const cifar_dataset *dataset, const uint8_t **images,
                                    const int32_t **labels);

/** The weights of images that the data set was made with, without a copy.
 *
 *  @param weights  receives where they begin, (count), or NULL where all count alike. Nobody writes
 *                  there; they live as long as the data set. */
cifar_status cifar_dataset_get_sample_weights(const cifar_dataset *dataset, const float **weights);

/** Copies images and labels out.
 *
 *  @param first   the place of the first, from 0.
 *  @param count   how many.
 *  @param images  (count, channels, height, width), overwritten; NULL to leave out.
 *  @param labels  (count), overwritten; NULL to leave out. */
cifar_status cifar_dataset_read(const cifar_dataset *dataset, size_t first, size_t count,
                                uint8_t *images, int32_t *labels);

/** Ends a data set. */
void cifar_dataset_free(cifar_dataset *dataset);

/* ---- Training -------------------------------------------------------------------------------- */
/* Options, callbacks, resuming, interrupting, metrics of one's own. */

/** One training under way: network, optimizer, data, and the registry that keeps what it does. */
typedef struct cifar_trainer cifar_trainer;

/** A trained network to use: see "Models". */
typedef struct cifar_model cifar_model;

/** What to train and how to keep it. cifar_train_options_init fills in the defaults below. */
typedef struct cifar_train_options {
  uint32_t struct_size;
  double epochs;            /**< at most, up to 1,000,000; of 9.9, the last has nine tenths of the
                                 steps; 0: as the recipe says, 100 */
  uint32_t batch_size;      /**< 1 to 65,536; 0: as the recipe says, 64 */
  uint32_t threads;         /**< 1 to 1024, of which cifar_default_threads() compute at most; 0:
                                 these */
  double learning_rate;     /**< above 0; 0: as the recipe says, 0.001 */
  uint64_t seed;            /**< where all random numbers come from; 0: as the recipe says, 0 */
  const char *recipe;       /**< "pytorch" or "keras", the tutorial's dialects, or "keras-tuned",
                                 the latter with the learning rate halved on a plateau; "airbench93",
                                 "airbench94", "airbench94-muon" or "resnet9", the record recipes;
                                 NULL: "pytorch" */
  const char *name;         /**< what people call the run; NULL: none */
  const char *registry;     /**< the SQLite file, made if missing; NULL: $CIFAR_REGISTRY or
                                 ./cifar-runs.db */
  int32_t record;           /**< 1; 0: keep nothing, there is no registry */
  uint32_t keep_last;       /**< checkpoints kept besides the best one: 2; 0: all of them */
  const char *command_line; /**< noted down with the session; NULL: none */
  uint32_t keep_every;      /**< every n-th epoch's checkpoint stays too; 0: none of them */
  const char *tags;         /**< of the run, one a line; NULL: none */
  const char *hyperparameters; /**< a JSON object put over the recipe; the fields of this struct go
                                    over both. NULL: nothing. See below */
  const char *model;        /**< a preset's name, "tutorial", "tutorial-gap",
                                 "tutorial-resnet", "airbench93", "airbench94",
                                 "airbench94-muon" or "resnet9", or the JSON of a
                                 cifar_model_spec. NULL: the recipe's, "tutorial" */
  double busy_timeout;      /**< seconds for which the end of training waits for a registry that
                                 others hold, 0 to 1,000,000: 600. See cifar_trainer_run */
  const cifar_model *init_model; /**< begin with the weights and statistics of this model, as far as
                                      they fit (see init_from); it is not kept. NULL: with other ones */
  const char *init_source; /**< what the run's hyperparameters call the place where init_model or
                                init_bytes come from; NULL: what the model knows of that */
  const char *group;          /**< the group of the run, such as the seeds of one configuration;
                                   NULL: none */
  const char *init_from;      /**< begin with the weights of a safetensors file, if it is written like
                                   one, with a / or .safetensors, and there; else with those of the
                                   best checkpoint of the run of this name or id in the registry, or,
                                   without such a run, of the safetensors file of this name. Of
                                   these, as of init_model and init_bytes, everything is taken that has
                                   the name and the shape of one of the model's tensors; what does not
                                   fit is told by a line in the log and a note of the run, and drawn;
                                   where nothing fits the error is SHAPE_MISMATCH. NULL: with
                                   init_model, with init_bytes, or, as usual, draw all of them */
  const void *init_bytes;     /**< begin with the weights of a safetensors file in memory, which is
                                   not kept: see init_from. NULL: with other ones */
  size_t init_size;           /**< bytes at init_bytes */
  const char *packages;       /**< versions of the program's own packages by name, a JSON object such
                                   as {"numpy": "2.1.0"}, noted down with the session; NULL: none */
  int32_t no_patch;           /**< 0: the uncommitted changes of the git repository that the working
                                   directory is in are noted down with the session, up to 1 MiB;
                                   1: they are not */
  const char *tensorboard;    /**< a directory in which event files for TensorBoard are written while
                                   training, a directory for each run: made if missing, IO where
                                   it can't be written; what fails later is a line in the log and
                                   ends no training. NULL: none */
  int32_t is_only_of_its_seed; /**< 1: BUSY if the group has a run of this seed meanwhile, made by
                                    another process: see cifar_group_find_member. 0: a group has as
                                    many as there are */
} cifar_train_options;

/* Hyperparameters by their names, as cifar_trainer_info shows the complete set. What is not named
 * stays as it is; objects are merged, lists replaced; what does not exist is an error. All of them,
 * with ranges and defaults, are in docs/hyperparameters.md and in `cifar hyperparameters`. Shorter
 * ways to say it:
 *
 *   {"optimizer": "sgd", "momentum": 0.9, "nesterov": true, "weight_decay": 5e-4, "clip_norm": 1}
 *   {"clip_norm": 1}            the largest norm of all gradients, Keras's global_clipnorm; or
 *                               "clipnorm", of each parameter's, or "clipvalue", of each number
 *   {"label_smoothing": 0.1, "steps_per_epoch": 500}
 *   {"class_weight": [1, 1, 5]} what the images of each class count in training, of which the
 *                               validation knows nothing
 *   {"ema": 0.999}              decay of an exponential moving average of the weights, 0 to below
 *                               1, updated after every step, as PyTorch's AveragedModel: what is
 *                               validated, and what a checkpoint's model computes with.
 *                               Running statistics are not averaged
 *   {"freeze": ["conv2d.*", "batch_norm.*"]}
 *                               parameters that stay as they are, by name or with the layer's type
 *                               in the place of its number; * stands for any text. A batch norm all
 *                               of whose parameters are named takes its running statistics in
 *                               training, and keeps them. Nothing before the first layer that is
 *                               trained takes time for gradients
 *   {"precision": "mixed_bfloat16"}
 *                               keeps images between layers as bfloat16, in half the memory, and
 *                               multiplies 16-bit integers in convolutions and, but for the
 *                               gradient of their weights, in dense layers of 64 units or more,
 *                               which is faster. Those have a scale for each image, so that an
 *                               image's answer does not depend on its batch, and an error of 0.1
 *                               to 0.7 % of what they compute, less than the bfloat16 of the
 *                               images causes. Sums, weights, statistics, gradients and all other
 *                               layers stay float32. It works on every processor; the bits of a
 *                               result depend on cifar_instruction_set. Else "float32"
 *   {"schedule": "cosine"}      or {"type": "cosine", "unit": "step", "warmup": 500}; also
 *                               "constant", "exponential", "multistep", "step"
 *   {"early_stopping": {"patience": 3}, "reduce_lr_on_plateau": false}
 *                               changes the callback or adds it; false takes it away; also
 *                               "model_checkpoint", "csv_logger", "terminate_on_nan", "timer".
 *                               The margin of reduce_lr_on_plateau is "min_delta" in the Keras
 *                               dialect, "threshold" with "threshold_mode" in PyTorch's.
 *   {"csv_logger": {"filename": "log.csv", "append": true}}
 *                               a line an epoch; the file may hold lines of other runs, which a
 *                               resume leaves alone. Without "append" a new run starts it over,
 *                               and gets BUSY where another training is writing it. A new run
 *                               fails if it can't be written; a resume and a training under way
 *                               continue without it, with one warning in the log (cifar_set_log)
 *                               and a note of the run, and the next resume puts the lines back
 *   {"model": "tutorial-gap"}   a preset, for the dialect and the classes there are; or a spec,
 *                               {"model_spec": {"layers": [...]}}, whose "model" is then "custom";
 *                               what it leaves out is as the dialect has it
 *   {"augment": ["random_horizontal_flip", {"type": "mixup", "alpha": 0.2}]}
 *                               adds to the recipe's augmentations; "augmentations" replaces them
 */

/** Fills in the defaults. */
cifar_status cifar_train_options_init(cifar_train_options *options, size_t options_size);

/** Makes a trainer at the start of a new run, and writes the run into the registry.
 *
 *  @param train       the images to train on.
 *  @param validation  the images that every epoch is measured with.
 *  @param options     NULL for the defaults.
 *
 *  Errors: INVALID_ARGUMENT, naming the option and its range; SHAPE_MISMATCH if the data have not
 *  the model's classes, or the two not the same class names in the same order; those of the
 *  registry. */
cifar_status cifar_trainer_create(const cifar_dataset *train, const cifar_dataset *validation,
                                  const cifar_train_options *options, cifar_trainer **out);

/** What of a group of runs from several seeds is to be trained. */
typedef struct cifar_member_info {
  uint32_t struct_size;
  int32_t is_over;  /**< 1: the run has completed or failed, and there is nothing left to train */
  char run_id[40];  /**< of the group's run with these options: resume it, unless it is over; "": there
                         is none, make it with cifar_trainer_create */
  int32_t is_running; /**< 1: a process trains it at present; leave it to that */
} cifar_member_info;

/** Looks for the run of options->group that has these options, the seed included: so that a series of
 *  seeds that was interrupted continues where it was, and several processes share its seeds: with
 *  options->is_only_of_its_seed the making of a run, and in any case its resume, is BUSY for all but
 *  one of them.
 *
 *  A run that ended before its first checkpoint has nothing to continue from: it goes to the trash.
 *
 *  @param train       as for cifar_trainer_create.
 *  @param validation  likewise.
 *  @param options     likewise, with a group.
 *
 *  Errors: INVALID_ARGUMENT without a group, and if its run with this seed has other hyperparameters,
 *  images or first weights; those of the registry, which need not exist. */
cifar_status cifar_group_find_member(const cifar_dataset *train, const cifar_dataset *validation,
                                     const cifar_train_options *options,
                                     cifar_member_info *info, size_t info_size);

/** One step of a search for a learning rate. */
typedef struct cifar_lr_point {
  uint32_t struct_size;
  uint32_t step;        /**< from 1 */
  uint32_t steps;       /**< at most */
  double learning_rate; /**< of the step */
  double loss;          /**< of its batch */
  double smoothed_loss; /**< an exponential moving average that keeps 0.9 of the one before, corrected
                             for its beginning at 0 */
} cifar_lr_point;

/** How to look for a learning rate. cifar_lr_find_options_init fills in the defaults below. */
typedef struct cifar_lr_find_options {
  uint32_t struct_size;
  uint32_t steps; /**< 10 to 10,000: 100 */
  double start;   /**< the rate of the first step, above 0: 1e-7 */
  double end;     /**< the rate of the last step, above start: 10 */
  /** After every step, on the thread that called; NULL: none. Anything but 0 ends the search, which
   *  then says what it has seen. */
  int (*on_step)(const cifar_lr_point *point, void *user);
  void *user; /**< handed to on_step */
} cifar_lr_find_options;

/** Fills in the defaults. */
cifar_status cifar_lr_find_options_init(cifar_lr_find_options *options, size_t options_size);

/** What a search for a learning rate came to: see cifar_lr_find. */
typedef struct cifar_lr_curve cifar_lr_curve;

/** Looks for a learning rate: trains for a few steps while the rate grows by the same factor from step
 *  to step, and looks at the loss of each (Smith 2015). Ends early where the smoothed loss is four times
 *  its smallest, or is no number. Nothing is recorded.
 *
 *  @param train    the images to train on.
 *  @param options  those of the training that needs the rate; NULL for the defaults. Schedule, callbacks,
 *                  averages of weights, test-time augmentation, epochs, and whatever says how to record
 *                  have no part in it; with "validation_split", only the images that are left to train
 *                  on have.
 *  @param find     NULL for the defaults.
 *
 *  Errors: INVALID_ARGUMENT, naming the option and its range; NOT_FINITE where the first loss is no
 *  number; as cifar_trainer_create. */
cifar_status cifar_lr_find(const cifar_dataset *train, const cifar_train_options *options,
                           const cifar_lr_find_options *find, cifar_lr_curve **out);

/** What there is to say of a search. */
typedef struct cifar_lr_info {
  uint32_t struct_size;
  int32_t has_diverged; /**< 1: the loss grew until the search ended */
  uint64_t count;       /**< points, at least 1 */
  double suggestion;    /**< the rate to take: the smaller of steepest and a tenth of minimum, where the
                             loss has grown after that; NaN where the search does not tell */
  double steepest;      /**< where the smoothed loss falls fastest over the logarithm of the rate; NaN:
                             nowhere */
  double minimum;       /**< where the smoothed loss is smallest; NaN where it does not fall */
  const char *reason;   /**< why this suggestion, or none, in a few sentences; as long as the curve */
} cifar_lr_info;

/** What there is to say of a search. */
cifar_status cifar_lr_curve_get_info(const cifar_lr_curve *curve, cifar_lr_info *info,
                                     size_t info_size);

/** One of its points.
 *
 *  @param index  from 0. */
cifar_status cifar_lr_curve_get_point(const cifar_lr_curve *curve, size_t index,
                                      cifar_lr_point *info, size_t info_size);

/** Frees a curve and its string. */
void cifar_lr_curve_free(cifar_lr_curve *curve);

/** How to take up a run. cifar_resume_options_init fills in the defaults below. */
typedef struct cifar_resume_options {
  uint32_t struct_size;
  double epochs;             /**< train up to this many in all, as in cifar_train_options; 0: as
                                  planned */
  uint32_t threads;          /**< 1 to 1024, of which cifar_default_threads() compute at most; 0:
                                  these */
  const char *checkpoint;    /**< "last", "best" or a checkpoint's id; NULL: "last" */
  const char *registry;      /**< as in cifar_train_options */
  const char *data_location; /**< as in cifar_dataset_open; NULL: where the run had its images
                                  from */
  const char *command_line;  /**< noted down with the session; NULL: none */
  int32_t take_over;         /**< 0; 1: also a run that seems to be running, because what trained it
                                  can't be asked from here: another machine, another container, the
                                  same machine a moment after a restart. What still trains it can
                                  write nothing more */
  double busy_timeout;       /**< as in cifar_train_options */
  const char *packages;      /**< as in cifar_train_options */
  int32_t no_patch;          /**< as in cifar_train_options */
  const char *tensorboard;   /**< as in cifar_train_options: the run's directory gets another file, which
                                  begins with the epochs that the registry has */
} cifar_resume_options;

/** Fills in the defaults. */
cifar_status cifar_resume_options_init(cifar_resume_options *options, size_t options_size);

/** Makes a trainer that resumes a run, to the same bits as if it had never stopped. Where the
 *  last checkpoint is damaged, it is the newest one before that is whole. That one, a schedule that
 *  jumps by another number of epochs, and another instruction set than the run's, by which the bits
 *  will differ, are told by a line in the log and a note on the run.
 *
 *  What is "last" or "best" is decided in the transaction in which the run becomes this trainer's.
 *  A run that a callback ended continues where epochs are asked for: the patience of early stopping
 *  begins again. Where more are asked for than 2.5, say, the third, which was trained in part, is trained
 *  again from the newest checkpoint before its end; NOT_FOUND where there is none.
 *
 *  @param run         its id, the first 4 or more characters of it, or its name.
 *  @param train       the images it was trained on; NULL to open them from their place. A run on
 *                     images from memory needs them handed over.
 *  @param validation  likewise, those it was validated with.
 *  @param options     NULL for the defaults.
 *
 *  Errors: NOT_FOUND; AMBIGUOUS; BUSY while another process trains the run, see take_over;
 *  INVALID_ARGUMENT for fewer epochs than are done; CHECKSUM_MISMATCH for a damaged checkpoint that
 *  was named, or where all are; NOT_FINITE for one that was taken when training had diverged, as
 *  after "terminate_on_nan": earlier ones are taken by their ids; SHAPE_MISMATCH if the images are
 *  others than the run's, or their class names. */
cifar_status cifar_trainer_resume(const char *run, const cifar_dataset *train,
                                  const cifar_dataset *validation,
                                  const cifar_resume_options *options, cifar_trainer **out);

/** How to start a run again. cifar_rerun_options_init fills in the defaults below. */
typedef struct cifar_rerun_options {
  uint32_t struct_size;
  uint32_t threads;          /**< 1 to 1024, of which cifar_default_threads() compute at most; 0: as
                                  many as the run had */
  const char *name;          /**< what people call the new run; NULL: none */
  const char *registry;      /**< as in cifar_train_options; it gets the new run, too */
  const char *data_location; /**< as in cifar_resume_options */
  const char *init_from;     /**< a run or a file with the weights that the run began with; NULL:
                                  where it had them from */
  const char *tags;          /**< of the new run, one a line; NULL: none */
  const char *group;         /**< of the new run; NULL: none */
  const char *command_line;  /**< as in cifar_train_options */
  const char *packages;      /**< as in cifar_train_options */
  double busy_timeout;       /**< as in cifar_train_options */
  uint32_t keep_last;        /**< as in cifar_train_options */
  uint32_t keep_every;       /**< as in cifar_train_options */
  int32_t no_patch;          /**< as in cifar_train_options */
} cifar_rerun_options;

/** Fills in the defaults. */
cifar_status cifar_rerun_options_init(cifar_rerun_options *options, size_t options_size);

/** Makes a trainer that starts a run again from its beginning, as a new run: the same hyperparameters,
 *  model, augmentation, seed and images, and as many threads. With the same instruction set and
 *  version of the library it comes to the same bits. What is different, images, version,
 *  instruction set, processor or threads, is told by a line in the log and a note of the new run. A
 *  csv_logger that would write over the first run's file is left out.
 *
 *  @param run         its id, the first 4 or more characters of it, or its name.
 *  @param train       the images it was trained on; NULL to open them from their place. A run on
 *                     images from memory needs them handed over.
 *  @param validation  likewise, those it was validated with.
 *  @param options     NULL for the defaults.
 *
 *  Errors: NOT_FOUND, also where the images or the weights that it began with are not found; AMBIGUOUS;
 *  INVALID_STATE for other weights than it began with; as cifar_trainer_create. */
cifar_status cifar_trainer_rerun(const char *run, const cifar_dataset *train,
                                 const cifar_dataset *validation,
                                 const cifar_rerun_options *options, cifar_trainer **out);

/** How far the epoch under way is. */
typedef struct cifar_batch_info {
  uint32_t struct_size;
  uint32_t epoch;       /**< from 1 */
  uint32_t epochs;      /**< at most */
  uint32_t batch;       /**< batches done in this epoch */
  uint32_t batches;     /**< in an epoch */
  uint64_t images;      /**< training images seen in this epoch */
  double loss;          /**< mean over them */
  double accuracy;      /**< 0 to 1 */
  double learning_rate; /**< of the batch */
  double seconds;       /**< that they took */
} cifar_batch_info;

/** What a pass over the validation images came to. */
typedef struct cifar_validation_info {
  uint32_t struct_size;
  uint32_t epoch;   /**< from 1 */
  uint64_t images;  /**< validation images */
  double loss;      /**< mean over them */
  double accuracy;  /**< 0 to 1 */
  double seconds;   /**< that it took */
} cifar_validation_info;

/** An epoch that has ended. */
typedef struct cifar_epoch_info {
  uint32_t struct_size;
  uint32_t epoch;          /**< from 1 */
  double train_loss;       /**< mean over the images as they were trained on */
  double train_accuracy;   /**< 0 to 1 */
  double val_loss;         /**< NaN where nothing was validated */
  double val_accuracy;     /**< 0 to 1; NaN likewise */
  double learning_rate;    /**< that the epoch was trained with */
  double seconds;          /**< the whole epoch, validation included */
  double images_per_second; /**< training images, validation left out */
  double cpu_seconds;      /**< processor time of all threads of the process; NaN where it is not
                                known */
  double peak_memory;      /**< most bytes that the process had resident at once so far; NaN likewise */
  int32_t is_best;         /**< 1: the best so far by the recipe's measure. Only in callbacks */
} cifar_epoch_info;

/** What waits because others hold the registry. */
typedef struct cifar_storage_info {
  uint32_t struct_size;
  uint32_t epochs;     /**< that wait to be stored; 0 where only the run's end does */
  double seconds;      /**< for which others hold it */
  double seconds_left; /**< until cifar_trainer_run waits no more; -1 while it trains */
} cifar_storage_info;

/** What a training calls, on the thread that called cifar_trainer_run. cifar_trainer_callbacks_init
 *  sets all to NULL, which is not called.
 *
 *  0 continues; anything else stops the training, which then leaves a checkpoint and returns
 *  CIFAR_E_CALLBACK. An epoch whose batches are all done ends, and has its row, all the same. An
 *  info lives for the call only. Of their trainer callbacks may call
 *  cifar_trainer_set_learning_rate, cifar_trainer_record_metric, cifar_trainer_record_metrics,
 *  cifar_model_from_trainer, cifar_trainer_interrupt and cifar_trainer_free. They must return: no
 *  longjmp, no exception may pass. */
typedef struct cifar_trainer_callbacks {
  uint32_t struct_size;
  void *user; /**< handed to each */
  /** Before training, also when a run is resumed. */
  int (*on_train_begin)(void *user);
  /** Before an epoch's first batch, with 0 batches done; not where an epoch is resumed in its
   *  middle. */
  int (*on_epoch_begin)(const cifar_batch_info *info, void *user);
  /** Before every batch, with the batches done so far and the rate that it is to have. */
  int (*on_batch_begin)(const cifar_batch_info *info, void *user);
  /** After every batch. */
  int (*on_batch_end)(const cifar_batch_info *info, void *user);
  /** After an epoch's last batch, before its validation. */
  int (*on_validation_begin)(void *user);
  /** After the validation, before the recipe's callbacks and the epoch's row. */
  int (*on_validation_end)(const cifar_validation_info *info, void *user);
  /** After every epoch, when it and its checkpoint are in the registry; where others hold that,
   *  while they wait for it. */
  int (*on_epoch_end)(const cifar_epoch_info *info, void *user);
  /** While others hold the registry: during training, when they have done so for 10 seconds, for
   *  every epoch that waits to be stored; when it is over, some ten times a second until all is
   *  stored. Anything but 0 then ends the waiting. */
  int (*on_storage_wait)(const cifar_storage_info *info, void *user);
  /** When training is over, but not after a failure; what it returns is ignored. Where it has
   *  completed and a callback of the recipe restores the best weights, they are in their place. */
  int (*on_train_end)(void *user);
} cifar_trainer_callbacks;

/** Sets all callbacks to NULL. */
cifar_status cifar_trainer_callbacks_init(cifar_trainer_callbacks *callbacks,
                                          size_t callbacks_size);

/** Sets all callbacks of a trainer, in place of those that it had.
 *
 *  @param callbacks  are copied; NULL for none.
 *
 *  Error: INVALID_STATE while it trains. */
cifar_status cifar_trainer_set_callbacks(cifar_trainer *trainer,
                                         const cifar_trainer_callbacks *callbacks);

/** Sets the learning rate from the next batch on: from callbacks, or while nothing trains. A rate
 *  set when an epoch begins, or before a batch, is part of the checkpoints that follow; one that is
 *  set after an epoch is not part of that epoch's.
 *
 *  @param learning_rate  0 or above.
 *
 *  Errors: INVALID_ARGUMENT; INVALID_STATE from another thread than the one that trains, or if a
 *  schedule decides the rate. */
cifar_status cifar_trainer_set_learning_rate(cifar_trainer *trainer, double learning_rate);

/** The processes that train one network together, as one of them sees them; cifar_peers_init sets the
 *  callbacks to NULL, and a count of 1.
 *
 *  The callbacks move bytes and do nothing else; each is one call of MPI, or of another library for
 *  collective communication. All processes call the same one at the same time, with the same sizes;
 *  each returns when this process's part is done. 0 is success; after anything else this process's
 *  training ends with PEER, and the others' when their call returns, for which whoever moves the bytes
 *  must see to it that they do not wait for ever (MPI_Abort, a timeout). They are called by a thread of
 *  the library, one at a time, while cifar_trainer_set_peers or cifar_trainer_run waits for them, and
 *  must return: no longjmp, no exception may pass. */
typedef struct cifar_peers {
  uint32_t struct_size;
  uint32_t rank;            /**< which of them this process is, from 0 */
  uint32_t count;           /**< how many there are, 1 to 1024 */
  int32_t local_batch_norm; /**< 0: a batch norm takes mean and variance of the whole batch; 1: each
                                 process those of its images, which takes no exchange within a pass;
                                 the running ones are then those of process 0 */
  void *user;               /**< handed to each */
  /** Sends block i of `send`, which has a block for each process, to process i, and puts its block
   *  into the place of process i in `receive`; blocks are `bytes` long. */
  int (*all_to_all)(const void *send, void *receive, uint64_t bytes, void *user);
  /** Puts the `bytes` at `send` of every process, by rank, into `receive`. */
  int (*all_gather)(const void *send, void *receive, uint64_t bytes, void *user);
  /** Copies the buffer of process `root` to that of the others. */
  int (*broadcast)(void *buffer, uint64_t bytes, uint32_t root, void *user);
} cifar_peers;

/** Sets a single process. */
cifar_status cifar_peers_init(cifar_peers *peers, size_t peers_size);

/** Has a trainer share every batch with other processes: data-parallel training. All processes call
 *  this at the same time, and then cifar_trainer_run; it returns when all have.
 *
 *  Process 0 keeps the run: its trainer is that of cifar_trainer_create, cifar_trainer_resume or
 *  cifar_trainer_rerun, and its hyperparameters and state become everybody's. The others make theirs
 *  with cifar_trainer_create and the same images, without a registry (record 0); what else their
 *  options say does not count, besides threads. They have no row, write no file, and their callbacks
 *  are called likewise.
 *
 *  A batch is divided among the processes in the order of its images, with the same shuffle and
 *  augmentations as in one process. All that is summed over images is summed within eighths of the
 *  batch and over these along one binary tree: on 1, 2, 4 and 8 processes, with any numbers of
 *  threads, training has the same bits, on the same instruction set; so a run may be resumed on
 *  another number of them. For other numbers, and with local_batch_norm, the bits depend on the
 *  number of processes, and on nothing else. The number of processes does not change the batch size.
 *
 *  Who is interrupted, or stopped by a callback, stops all after the batch under way, with a checkpoint
 *  and the same status. Where one fails the others end with PEER, and the run can be resumed from its
 *  last checkpoint.
 *
 *  @param peers  is copied.
 *
 *  Errors: INVALID_ARGUMENT for a rank that is not below count, a callback that is NULL, another
 *  process than 0 that keeps a run, or processes with different versions of the library, instruction
 *  sets or batch norms; SHAPE_MISMATCH for other images than those of process 0; PEER for what failed
 *  in another process, or in a callback; INVALID_STATE while it trains and afterwards. */
cifar_status cifar_trainer_set_peers(cifar_trainer *trainer, const cifar_peers *peers);

/** Tells the other processes that this one can't take part: instead of cifar_trainer_set_peers, where what
 *  comes before it failed. Theirs then returns PEER, with the reason.
 *
 *  @param peers   as for cifar_trainer_set_peers.
 *  @param reason  what went wrong, in words.
 *
 *  Errors: INVALID_ARGUMENT. What the callbacks return is ignored. */
cifar_status cifar_peers_leave(const cifar_peers *peers, const char *reason);

/** Trains until all epochs are done or the recipe's early stopping ends it, then puts the best
 *  weights back. Takes minutes to hours. A trainer runs once: to continue, resume its run.
 *
 *  Rows, checkpoints, metrics and signs of life are written beside the training, in order. Where
 *  others hold a lock on the registry, for however long, they wait in memory and the training
 *  continues: the rows of all epochs, and of the checkpoints the newest and the best. When training
 *  is over it waits for busy_timeout at most; then the last checkpoint goes to a file beside the
 *  registry, with the epochs that are not stored. The error BUSY, or INTERRUPTED if someone did not
 *  want to wait, names it, and `cifar-runs import` gives it to the run. Other errors of the
 *  registry, such as a full disk, end the training with the batch after: waiting would put more at
 *  risk.
 *
 *  Errors: INTERRUPTED; CALLBACK; PEER; NOT_FINITE when the loss is NaN or infinite; those of the
 *  registry, whose last good checkpoint stays; BUSY, see above; INVALID_STATE for a second call,
 *  while another thread is in it, on a stack that is too small, and in a child that a callback
 *  forked. With "terminate_on_nan" a loss that is not finite is no error: as in Keras the epoch
 *  ends with that batch, is validated and has its row, with NaN, and training is over; the run is
 *  "failed". Likewise then where only the validation loss is not finite; without it that is a
 *  warning in the log, and training continues, as in the frameworks. */
cifar_status cifar_trainer_run(cifar_trainer *trainer);

/** Makes cifar_trainer_run stop after the batch under way and leave a checkpoint. From any thread,
 *  and from a signal handler: async-signal-safe for a trainer that is not NULL. Before
 *  cifar_trainer_run it stops that at its first batch; while that waits for the registry at its
 *  end, it ends the waiting. */
cifar_status cifar_trainer_interrupt(cifar_trainer *trainer);

/** Records a value that the caller measured, for the last completed epoch; from an epoch callback
 *  that is the epoch it is about. One of the same name and epoch is replaced.
 *
 *  @param name   1 to 100 letters, digits, '_' and '.'; filters know it as metrics.NAME.
 *  @param value  any number.
 *
 *  On the thread that called cifar_trainer_run, or while it does not train. Without a registry the
 *  name is checked, and nothing kept. Errors: INVALID_ARGUMENT; INVALID_STATE before the first epoch
 *  has ended and after cifar_trainer_run; those of the registry. */
cifar_status cifar_trainer_record_metric(cifar_trainer *trainer, const char *name, double value);

/** Records several values in one transaction: all of them or, after an error, none. They are
 *  written beside the training, with what else waits. Else as cifar_trainer_record_metric.
 *
 *  @param names   (count) strings; of one that is there twice the last value stays.
 *  @param values  (count).
 *  @param count   0 does nothing; the arrays may then be NULL. */
cifar_status cifar_trainer_record_metrics(cifar_trainer *trainer, const char *const *names,
                                          const double *values, size_t count);

/** How far a training is, and what it is. */
typedef struct cifar_trainer_info {
  uint32_t struct_size;
  uint32_t epoch;              /**< completed epochs */
  uint32_t epochs;             /**< at most */
  uint32_t batch;              /**< batches done in the epoch under way; 0 between epochs */
  uint32_t batches;            /**< in an epoch */
  uint32_t threads;            /**< that compute */
  uint64_t step;               /**< optimizer steps since the run began */
  uint64_t parameters;         /**< numbers that are trained */
  const char *run_id;          /**< a UUID; NULL without a registry */
  const char *registry;        /**< its file; NULL without one */
  const char *hyperparameters; /**< the complete set, a JSON object */
  const char *end_reason;      /**< why training ended, in words; NULL before */
  int32_t has_diverged;        /**< 1: "terminate_on_nan" ended it; its run is "failed" */
} cifar_trainer_info;

/** Fills in how far a training is. Not while it trains. */
cifar_status cifar_trainer_get_info(const cifar_trainer *trainer, cifar_trainer_info *info,
                                    size_t info_size);

/** How good the network is that a training ended with. */
typedef struct cifar_final_result {
  uint32_t struct_size;
  int32_t is_of_test_images;  /**< 1: of the test images, as a part of the training images was validated
                                   on; 0: of the images that were validated on */
  uint32_t epoch;             /**< whose weights they are, from 1 */
  uint32_t earlier_looks;     /**< at other epochs of the run that looked at the test images */
  uint64_t images;            /**< that it was measured on */
  double loss;                /**< as in cifar_evaluation */
  double accuracy;            /**< 0 to 1 */
  double accuracy_low;        /**< 95 % interval of the accuracy, as in cifar_evaluation: from here */
  double accuracy_high;       /**< to here */
  double augmented_loss;      /**< with the run's test-time augmentation; NaN without one */
  double augmented_accuracy;  /**< likewise */
  int32_t chose_epoch;        /**< as in cifar_evaluation: these images chose the epoch */
} cifar_final_result;

/** Fills in what was measured when all epochs were done: of a run with "validation_split" or with
 *  "tta". Not while it trains.
 *
 *  @param result  is filled.
 *
 *  Errors: INVALID_STATE where nothing was measured, also where a resumed run has its result already:
 *  then the run's metrics have it. */
cifar_status cifar_trainer_get_result(const cifar_trainer *trainer, cifar_final_result *result,
                                      size_t result_size);

/** Ends the trainer. One that never ran leaves its run as "interrupted".
 *
 *  While it trains on another thread, cifar_trainer_run is interrupted first, as by
 *  cifar_trainer_interrupt, and this returns when no callback will be called any more; a callback
 *  that waits for the thread that frees never returns. From one of its own callbacks it is freed
 *  when cifar_trainer_run, interrupted likewise, returns. */
void cifar_trainer_free(cifar_trainer *trainer);

/* ---- Models ---------------------------------------------------------------------------------- */
/* What was trained: evaluate it, ask it, save it, open it again. */

/** Opens a file that cifar_model_save or cifar_model_export wrote: a checkpoint, or weights alone.
 *
 *  @param path     the safetensors file.
 *  @param threads  1 to 1024, of which cifar_default_threads() compute at most; 0: these.
 *
 *  Errors: NOT_FOUND; IO; BAD_DATA if it is no checkpoint of this library, or one whose numbers
 *  can't be; NOT_FINITE, naming the tensor, if a weight is NaN or infinite or a running variance is
 *  negative: such a file is what a diverged training leaves, and says nothing about any image. */
cifar_status cifar_model_open(const char *path, uint32_t threads, cifar_model **out);

/** Opens a checkpoint of a run.
 *
 *  @param registry    the SQLite file; NULL as in cifar_train_options.
 *  @param run         its id, the first 4 or more characters of it, or its name.
 *  @param checkpoint  "last", "best" or a checkpoint's id; NULL: "best".
 *  @param threads     as in cifar_model_open.
 *
 *  Errors: NOT_FOUND; AMBIGUOUS; CHECKSUM_MISMATCH; BAD_DATA and NOT_FINITE as cifar_model_open;
 *  those of the registry. */
cifar_status cifar_model_from_run(const char *registry, const char *run, const char *checkpoint,
                                  uint32_t threads, cifar_model **out);

/** Opens a checkpoint or weights that lie in memory: what cifar_model_encode gave, or the bytes of such
 *  a file.
 *
 *  @param bytes    are copied.
 *  @param size     how many.
 *  @param threads  as in cifar_model_open.
 *
 *  Errors: BAD_DATA and NOT_FINITE as cifar_model_open; INVALID_ARGUMENT. */
cifar_status cifar_model_from_memory(const uint8_t *bytes, size_t size, uint32_t threads,
                                     cifar_model **out);

/** The trainer's network as it is now; after a finished cifar_trainer_run, with the best weights.
 *  While it trains, from its callbacks only. The model is independent of the trainer. Weights of a
 *  training that diverged are taken as they are: its probabilities may be NaN. */
cifar_status cifar_model_from_trainer(const cifar_trainer *trainer, cifar_model **out);

/** What is known of a model. */
typedef struct cifar_model_info {
  uint32_t struct_size;
  uint32_t classes;            /**< that it tells apart */
  uint32_t epoch;              /**< the epoch whose weights they are: the last completed
                                    one, or that whose weights early stopping put back */
  uint64_t parameters;         /**< numbers that were trained */
  const char *hyperparameters; /**< what it was trained with, a JSON object */
  uint32_t channels;           /**< of the images that it takes, as in cifar_dataset_info */
  uint32_t height;             /**< their rows */
  uint32_t width;              /**< their columns */
} cifar_model_info;

/** Fills in what is known of a model. */
cifar_status cifar_model_get_info(const cifar_model *model, cifar_model_info *info,
                                  size_t info_size);

/** The name of a class.
 *
 *  @param index  of the class, from 0.
 *  @param name   receives the name, which lives as long as the model. */
cifar_status cifar_model_get_class_name(const cifar_model *model, uint32_t index,
                                        const char **name);

/** The layers of a model as a table, see cifar_model_spec_get_summary.
 *
 *  @param text  receives the table, which lives as long as the model. */
cifar_status cifar_model_get_summary(const cifar_model *model, const char **text);

/** What all answers of a model are computed in from now on.
 *
 *  @param precision  "float32", which every model begins with, whatever it was trained in, unless it
 *                    is quantized; "mixed_bfloat16", as for training: faster, and the probabilities
 *                    differ by some 1e-3; or "int8", which a quantized model begins with and no other
 *                    has, see cifar_model_quantize. In each, an image's answer is the same in every
 *                    batch and with any number of threads.
 *
 *  Errors: INVALID_ARGUMENT for another name; UNSUPPORTED for "int8" of a model that is not quantized
 *  or "mixed_bfloat16" of one that is; OUT_OF_MEMORY. Then nothing has changed. */
cifar_status cifar_model_set_precision(cifar_model *model, const char *precision);

/** What the answers of a model are computed in.
 *
 *  @param precision  receives the name, which lives as long as the model. */
cifar_status cifar_model_get_precision(const cifar_model *model, const char **precision);

/** Makes a quantized model of a model: post-training quantization. It answers sooner, and nearly the
 *  same; it can't be trained. Batch normalisations become part of the weights, which become int8 with a
 *  scale for each output channel; between layers, numbers are uint8 or int8 with one scale, the one
 *  that suits the calibration images best. The new model computes in "int8". It is written and opened
 *  as any other; CIFAR_FORMAT_WEIGHTS has tensors of I8 with the scales beside them,
 *  "0.weight_scale", and CIFAR_FORMAT_CHECKPOINT is the same.
 *
 *  @param model        stays as it is.
 *  @param calibration  images like those it will be asked about: of the training set. Their labels do
 *                      not matter.
 *  @param images       how many of them are looked at, evenly spaced; 0 for 512.
 *
 *  Errors: SHAPE_MISMATCH for images of another shape; UNSUPPORTED for a model with GELU, or one that
 *  is quantized already; NOT_FINITE for weights that are not; OUT_OF_MEMORY. */
cifar_status cifar_model_quantize(cifar_model *model, const cifar_dataset *calibration,
                                  size_t images, cifar_model **out);

/** How good a model is on a data set. */
typedef struct cifar_evaluation {
  uint32_t struct_size;
  double loss;     /**< mean cross-entropy, natural logarithm, as the model was trained with: with
                        its label smoothing; with flips, that of the averaged probabilities,
                        without. Computed from logits, never clipped */
  double accuracy; /**< 0 to 1 */
  size_t count;    /**< images */
  double top5_accuracy; /**< the label is among the five most probable classes; 0 to 1 */
  double macro_f1;      /**< the mean of the classes' F1; 0 to 1 */
  double accuracy_low;  /**< where the accuracy on all such images lies, with 95 % confidence: Wilson's
                             interval of a binomial share, from here */
  double accuracy_high; /**< to here. It knows nothing of how the model was chosen */
  int32_t chose_epoch;  /**< 1: the model's weights were chosen on these images, or on some of them: as
                             the best checkpoint by a callback that watches how the run does on them,
                             or as those that one which stops early ended with. 0: they were not, or
                             nobody knows */
} cifar_evaluation;

/** Loss and accuracy on a data set.
 *
 *  @param evaluation  is filled.
 *
 *  Errors: SHAPE_MISMATCH for images of another shape, another number of classes, other class
 *  names, or the same in another order; NOT_FINITE for weights so large that the numbers
 *  overflow, unless the model is of cifar_model_from_trainer. */
cifar_status cifar_model_evaluate(cifar_model *model, const cifar_dataset *dataset,
                                  cifar_evaluation *evaluation, size_t evaluation_size);

/** The same, class by class.
 *
 *  @param flips       1: each image is evaluated together with its mirror image, and the
 *                     probabilities of both are averaged (say so where you give the result); 0:
 *                     each image alone.
 *  @param evaluation  is filled.
 *  @param confusion   (classes, classes), overwritten: images by label and, in each row, by the
 *                     class that they were taken for; NULL to leave out.
 *  @param scores      (classes, 3), overwritten: each class's precision, recall and F1; NULL to
 *                     leave out.
 *
 *  Errors: those of cifar_model_evaluate. */
cifar_status cifar_model_evaluate_classes(cifar_model *model, const cifar_dataset *dataset,
                                          int32_t flips, cifar_evaluation *evaluation,
                                          size_t evaluation_size, uint64_t *confusion,
                                          double *scores);

/** The same with test-time augmentation: several views of each image, whose logits are averaged. Give
 *  the result beside that of cifar_model_evaluate, and say so.
 *
 *  @param augmentation  "mirror": the image and its mirror image; "mirror_translate": these for one
 *                       half, and for the other the same of the image shifted by one pixel to the
 *                       right and down, and to the left and up; "none".
 *  @param evaluation    is filled.
 *
 *  Errors: those of cifar_model_evaluate; INVALID_ARGUMENT for another augmentation. */
cifar_status cifar_model_evaluate_augmented(cifar_model *model, const cifar_dataset *dataset,
                                            const char *augmentation,
                                            cifar_evaluation *evaluation, size_t evaluation_size);

/** The probability of each class for each image.
 *
 *  @param images         (count, channels, height, width) bytes, of the model's shape; normalised
 *                        as the model was trained.
 *  @param count          of images.
 *  @param probabilities  (count, classes), overwritten; each row adds up to 1.
 *
 *  Error: NOT_FINITE, as for cifar_model_evaluate; what is in probabilities then means nothing. */
cifar_status cifar_model_predict(cifar_model *model, const uint8_t *images, size_t count,
                                 float *probabilities);

/** Writes weights and statistics, all that a model is, to a safetensors file, whole or not at all:
 *  cifar_model_export with CIFAR_FORMAT_WEIGHTS. What a training needs to continue elsewhere is
 *  CIFAR_FORMAT_CHECKPOINT, three times as large.
 *
 *  It is written under a name of its own beside the file (.NAME.HEX.cifar-part), synced, and
 *  renamed; of several writers at once one is there in the end. Symbolic links are followed,
 *  devices and pipes written to as they are; a pipe must get a reader within 10 seconds. An
 *  existing file is replaced, and keeps its permissions, if it is empty, weights or a checkpoint.
 *
 *  @param path  of the file.
 *
 *  Errors: INVALID_ARGUMENT for an existing file of another kind, a directory, a registry; IO;
 *  DISK_FULL. */
cifar_status cifar_model_save(const cifar_model *model, const char *path);

/** Ends a model. */
void cifar_model_free(cifar_model *model);

/* ---- Interchange ----------------------------------------------------------------------------- */
/* Models out to other programs, and weights in. docs/interchange.md shows the other sides. */

/** What a model is written as. */
typedef enum cifar_format {
  /** Everything that a training needs to continue: a safetensors file with weights, what the
   *  optimizer keeps, and the trainer's state. */
  CIFAR_FORMAT_CHECKPOINT = 0,
  /** Weights and statistics alone, float32, in a safetensors file, as cifar_model_save writes it,
   *  with the num_batches_tracked that PyTorch has: what load_state_dict takes. Weights of a
   *  quantized model are I8, with their scales beside them. */
  CIFAR_FORMAT_WEIGHTS = 1,
  /** An ONNX model, opset 15: "images", (N, channels, height, width) of uint8 for any N, which the
   *  graph normalises, to "probabilities", (N, classes). Dropout is left out. */
  CIFAR_FORMAT_ONNX = 2,
  /** A Python script that builds the model in PyTorch and loads its weights. cifar_model_export
   *  writes these beside it, under the same name with .safetensors. */
  CIFAR_FORMAT_PYTORCH = 3,
  /** Likewise in Keras 3. */
  CIFAR_FORMAT_KERAS = 4
} cifar_format;

/** How a model is written. cifar_export_options_init fills in the defaults below. */
typedef struct cifar_export_options {
  uint32_t struct_size;
  const char *names; /**< of the weights, for CIFAR_FORMAT_WEIGHTS: "sequential", 0.weight as in a
                          flat nn.Sequential, where global average pooling is two modules,
                          AdaptiveAvgPool2d(1) and Flatten(); "tutorial", conv_block1.0.weight to
                          fc.4.bias. NULL: the tutorial's for a model that is built like it and has
                          all its biases, else "sequential" */
  int32_t keep_batch_norm; /**< for CIFAR_FORMAT_ONNX: 0, a batch normalisation after a convolution
                                or a dense layer becomes part of its weights; 1: it stays a node */
} cifar_export_options;

/** Fills in the defaults. */
cifar_status cifar_export_options_init(cifar_export_options *options, size_t options_size);

/** Writes a model to a file, whole or not at all, as cifar_model_save does.
 *
 *  @param format   what to write.
 *  @param path     of the file. A name that promises another format (m.onnx for weights, m.pt for
 *                  anything) is an error.
 *  @param options  NULL for the defaults.
 *
 *  Errors: those of cifar_model_save; UNSUPPORTED for "tutorial" names of a model that is not built
 *  like it. */
cifar_status cifar_model_export(const cifar_model *model, cifar_format format, const char *path,
                                const cifar_export_options *options);

/** The bytes that cifar_model_export writes.
 *
 *  @param format   of the file.
 *  @param options  NULL for the defaults.
 *  @param bytes    receives the bytes, which live as long as the model: the same call gives the
 *                  same bytes.
 *  @param size     receives their number.
 *
 *  Errors: those of cifar_model_export, but for the file's. */
cifar_status cifar_model_encode(cifar_model *model, cifar_format format,
                                const cifar_export_options *options, const void **bytes,
                                size_t *size);

/** Which model weights belong to. cifar_import_options_init fills in the defaults below. Where all
 *  but threads is as it sets it, a file of this library decides, which knows its model. */
typedef struct cifar_import_options {
  uint32_t struct_size;
  uint32_t threads;            /**< as in cifar_model_open: 0 */
  const char *model;           /**< a preset's name, or the JSON of a cifar_model_spec; NULL:
                                    "tutorial" */
  const char *recipe;          /**< whose batch norm, padding and normalization of images the model
                                    has: a recipe's name, as in cifar_train_options; NULL: "pytorch" */
  const char *hyperparameters; /**< a JSON object put over the recipe, such as {"normalization":
                                    {"mean": [0, 0, 0], "std": [1, 1, 1]}}; NULL: nothing */
  const char *class_names;     /**< a name for each class, one a line; NULL: "0", "1", … */
} cifar_import_options;

/** Fills in the defaults. */
cifar_status cifar_import_options_init(cifar_import_options *options, size_t options_size);

/** Makes a model of weights that any program wrote.
 *
 *  The tensors' names may be those of either cifar_export_options.names or of a checkpoint, all of
 *  them after one prefix ("module."). num_batches_tracked may be there or not. F16, BF16 and F64
 *  become float32. Convolutions are (out, in, k, k), dense layers (out, in), as in PyTorch. A preset
 *  gets as many classes as the weights have.
 *
 *  @param path     the safetensors file.
 *  @param options  NULL for the defaults.
 *
 *  Errors: NOT_FOUND; IO; BAD_DATA if it is no safetensors file; SHAPE_MISMATCH, naming the tensor
 *  that is missing, that the model does not have, or whose shape is another, with both shapes;
 *  NOT_FINITE, naming the tensor; UNSUPPORTED for other types; INVALID_ARGUMENT for a model that
 *  can't be. */
cifar_status cifar_model_import(const char *path, const cifar_import_options *options,
                                cifar_model **out);

/** The same of bytes in memory.
 *
 *  @param bytes    (size), a safetensors file. They are copied.
 *  @param size     of them.
 *  @param options  NULL for the defaults.
 *
 *  Errors: those of cifar_model_import, but for the file's. */
cifar_status cifar_model_decode(const void *bytes, size_t size,
                                const cifar_import_options *options, cifar_model **out);

/* ---- Models of one's own --------------------------------------------------------------------- */
/* Networks layer by layer, or from JSON. */

/** A model as a list of layers. Training takes its JSON: options.model. */
typedef struct cifar_model_spec cifar_model_spec;

/** The zeros around the input of a convolution. */
typedef enum cifar_padding {
  /** Half the kernel on every side, PyTorch's padding=k//2. */
  CIFAR_PADDING_SAME = 0,
  /** None. */
  CIFAR_PADDING_VALID = 1,
  /** As many as make the output 1/stride of the input, an odd one at the end: Keras's "same". With
   *  stride 1 it is CIFAR_PADDING_SAME. */
  CIFAR_PADDING_SAME_UPPER = 2,
  /** What "same" is in the dialect that the model is trained in. */
  CIFAR_PADDING_DEFAULT = 3
} cifar_padding;

/** Makes a spec without layers, for images of 3x32x32. */
cifar_status cifar_model_spec_create(cifar_model_spec **out);

/** Changes the images that a model takes; its layers stay, and are checked once more.
 *
 *  @param channels  3 or 1.
 *  @param height    rows, from 8 to 128.
 *  @param width     columns, from 8 to 128.
 *
 *  Errors: INVALID_ARGUMENT; SHAPE_MISMATCH, naming the layer that does not fit any more. The spec
 *  is then as it was. */
cifar_status cifar_model_spec_set_input(cifar_model_spec *spec, uint32_t channels, uint32_t height,
                                        uint32_t width);

/** Reads a spec, or the list of its layers alone:
 *
 *    {"layers": [{"type": "conv2d", "filters": 32, "kernel_size": 3, "padding": "same"},
 *                {"type": "relu"}, {"type": "flatten"}, {"type": "dense", "units": 10}]}
 *
 *  Types and options are called as in the calls below. What may be left out: kernel_size 3,
 *  stride 1, shortcut [] and "input" [3, 32, 32]; and padding ("same", "valid" or "same_upper"),
 *  momentum, epsilon and unbiased, which are then decided by the dialect that the model is trained
 *  in: see cifar_model_spec_resolve. The spec need not be complete.
 *
 *  @param json  an object or an array.
 *
 *  Errors: INVALID_ARGUMENT; SHAPE_MISMATCH, naming the layer and the shapes. */
cifar_status cifar_model_spec_from_json(const char *json, cifar_model_spec **out);

/** The model that training takes by a name: see cifar_train_options.
 *
 *  @param name     the preset's.
 *  @param dialect  "pytorch" or "keras": whose batch norm, and zeros with stride 2; NULL:
 *                  "pytorch".
 *  @param classes  from 2 to 1000.
 *
 *  Error: INVALID_ARGUMENT, naming the presets there are. */
cifar_status cifar_model_spec_preset(const char *name, const char *dialect, uint32_t classes,
                                     cifar_model_spec **out);

/** The same model with everything spelled out that its layers leave to the dialect, as training
 *  does it with the dialect of its hyperparameters.
 *
 *  @param dialect  "pytorch": momentum 0.1, epsilon 1e-5, unbiased 1, CIFAR_PADDING_SAME; "keras":
 *                  momentum 0.01, epsilon 1e-3, unbiased 0, and CIFAR_PADDING_SAME_UPPER with
 *                  stride 2; NULL: "pytorch".
 *
 *  Error: INVALID_ARGUMENT. */
cifar_status cifar_model_spec_resolve(const cifar_model_spec *spec, const char *dialect,
                                      cifar_model_spec **out);

/** An empty spec that begins where `spec` stands now: for the layers or the shortcut of a residual
 *  block that is to be added to it. Independent of it. */
cifar_status cifar_model_spec_branch(const cifar_model_spec *spec, cifar_model_spec **out);

/* Each of these adds a layer after the others, of which there are 4096 at most. A model can be
 * trained if its last layer is dense with a unit a class.
 *
 * Errors: INVALID_ARGUMENT for an option out of range; SHAPE_MISMATCH for a layer that does not fit
 * after the others. Both name the layer by its place, from 0, and its type, and the shapes. */

/** Convolution with bias.
 *
 *  @param filters      1 to 4096.
 *  @param kernel_size  1, 2, 3 or 5.
 *  @param stride       1 or 2.
 *  @param padding      the zeros around the input. */
cifar_status cifar_model_spec_conv2d(cifar_model_spec *spec, uint32_t filters,
                                     uint32_t kernel_size, uint32_t stride, cifar_padding padding);

/** Normalises each channel, or each value of a row, over the batch.
 *
 *  @param momentum  the weight of the new value in the running statistics, above 0 and at most 1:
 *                   0.1 in PyTorch; Keras's 0.99 is 0.01 here. 0: as the dialect has it.
 *  @param epsilon   above 0: 1e-5 in PyTorch, 1e-3 in Keras. 0: as the dialect has it.
 *  @param unbiased  1: the running variance is that of n - 1, as PyTorch's; 0: of n, as Keras's.
 *                   Below 0: as the dialect has it. */
cifar_status cifar_model_spec_batch_norm(cifar_model_spec *spec, double momentum, double epsilon,
                                         int32_t unbiased);

/** max(x, 0) */
cifar_status cifar_model_spec_relu(cifar_model_spec *spec);

/** x * Phi(x), where Phi is the standard normal distribution: the exact form, PyTorch's and Keras's
 *  default. */
cifar_status cifar_model_spec_gelu(cifar_model_spec *spec);

/** The maximum of every 2x2 square; an odd last row or column is left out. */
cifar_status cifar_model_spec_max_pool(cifar_model_spec *spec);

/** The mean of every 2x2 square; an odd last row or column is left out. */
cifar_status cifar_model_spec_avg_pool(cifar_model_spec *spec);

/** The mean of each channel: (C, H, W) to (C). */
cifar_status cifar_model_spec_global_average_pool(cifar_model_spec *spec);

/** While training, sets a share of the values to 0 and divides the others by 1 - rate.
 *
 *  @param rate  from 0 to below 1. */
cifar_status cifar_model_spec_dropout(cifar_model_spec *spec, double rate);

/** (C, H, W) to C * H * W, channels slowest. */
cifar_status cifar_model_spec_flatten(cifar_model_spec *spec);

/** W * x + b, after a flatten or a global average pool.
 *
 *  @param units  1 to 65,536; of the last layer the number of classes, 2 to 1000. */
cifar_status cifar_model_spec_dense(cifar_model_spec *spec, uint32_t units);

/** A layer of any kind with any of its options, those included that the other functions have no
 *  parameter for:
 *
 *      {"type": "conv2d", "filters": 24, "kernel_size": 2, "padding": "valid"}
 *
 *  | type                                          | options                                      |
 *  |-----------------------------------------------|----------------------------------------------|
 *  | conv2d                                        | filters, kernel_size, stride, padding, bias, initializer ("dirac" or "whitening"), trainable, quantized |
 *  | batch_norm                                    | momentum, epsilon, unbiased, scale, trainable |
 *  | dense                                         | units, bias, trainable, quantized            |
 *  | max_pool                                      | size, 2 to 8: rows and columns of the squares |
 *  | scale                                         | factor: what every value is multiplied by    |
 *  | dropout                                       | rate                                         |
 *  | quantize                                      | scale, dtype ("uint8", the default, or "int8") |
 *  | residual                                      | layers, shortcut: lists of layers            |
 *  | relu, gelu, avg_pool, global_average_pool, global_max_pool, flatten | none                   |
 *
 *  `bias` false leaves the bias out, `scale` false the scale of batch norm, which is 1 then.
 *  `trainable` false leaves the layer's parameters as they are in training; a batch norm then takes
 *  its running statistics there too, and keeps them. The hyperparameter "freeze" does the same by
 *  name. What cifar_model_quantize makes has `quantize` layers, which round x to scale·q, q in 0…255 or
 *  -128…127, and layers that are `quantized`, whose weights are int8 times a scale for each output
 *  channel; such a model can't be trained.
 *
 *  @param layer  a JSON object. */
cifar_status cifar_model_spec_add(cifar_model_spec *spec, const char *layer);

/** layers(x) + shortcut(x). Both are copied, and checked again with the shapes they have here.
 *
 *  @param layers    at least one; make it with cifar_model_spec_branch. Blocks may hold blocks, 16
 *                   deep.
 *  @param shortcut  likewise, with an output of the same shape; NULL for x itself. */
cifar_status cifar_model_spec_residual(cifar_model_spec *spec, const cifar_model_spec *layers,
                                       const cifar_model_spec *shortcut);

/** The spec as a JSON object, every option spelled out but those that are left to the dialect;
 *  equal specs have equal text. A spec keeps at most 64 MiB of texts that it handed out before
 *  layers were added: OUT_OF_MEMORY then.
 *
 *  @param json  receives the object, which lives as long as the spec. */
cifar_status cifar_model_spec_get_json(const cifar_model_spec *spec, const char **json);

/** A table as Keras's summary() prints it, then totals; each line ends in a newline. A line a
 *  layer: its place and type (what is in a residual block is indented), its output's shape, its
 *  parameters and its FLOPs for one image. Shapes are (None, C, H, W) or (None, N), None being the
 *  number of images. Parameters are the layer's own, those that are not trained included. Then the
 *  options that the shape does not tell, such as "momentum 0.1, epsilon 1e-05, unbiased true", and
 *  "by dialect" for those that are left to it.
 *
 *  @param text  receives the table, which lives as long as the spec. */
cifar_status cifar_model_spec_get_summary(const cifar_model_spec *spec, const char **text);

/** A Python script that builds the model in another framework, as cifar_model_export writes it, but
 *  that it knows neither normalization nor names of classes. Of what is left to the dialect it has
 *  PyTorch's.
 *
 *  @param format  CIFAR_FORMAT_PYTORCH or CIFAR_FORMAT_KERAS.
 *  @param text    receives the script, which lives as long as the spec.
 *
 *  Errors: INVALID_ARGUMENT for another format, or a model without layers; SHAPE_MISMATCH if it is
 *  not complete. */
cifar_status cifar_model_spec_get_script(const cifar_model_spec *spec, cifar_format format,
                                         const char **text);

/** How large a model is. */
typedef struct cifar_model_spec_info {
  uint32_t struct_size;
  uint32_t layers;         /**< those inside residual blocks counted */
  uint32_t classes;        /**< units of the last layer; 0 if it is not dense */
  uint64_t parameters;     /**< numbers that are trained */
  uint64_t non_trainable;  /**< numbers that are kept besides: running means and variances, and the
                                parameters of layers that are not trainable */
  uint64_t flops;          /**< additions and multiplications for one image */
} cifar_model_spec_info;

/** Fills in how large a model is. */
cifar_status cifar_model_spec_get_info(const cifar_model_spec *spec, cifar_model_spec_info *info,
                                       size_t info_size);

/** Ends a spec. */
void cifar_model_spec_free(cifar_model_spec *spec);

/* ---- The registry ---------------------------------------------------------------------------- */
/* Every run there was: list, search, tag, note, fork, verify, back up, export. */

/** The record of all runs. What only asks works on a file that cannot be written, too. */
typedef struct cifar_registry cifar_registry;

/** Opens a registry that exists.
 *
 *  @param path  the SQLite file; NULL: $CIFAR_REGISTRY, else ./cifar-runs.db.
 *
 *  Errors: NOT_FOUND; FOREIGN_DATABASE; NEWER_DATABASE; DATABASE. */
cifar_status cifar_registry_open(const char *path, cifar_registry **out);

/** Ends the use of a registry; its file stays. */
void cifar_registry_free(cifar_registry *registry);

/** A run in one line. */
typedef struct cifar_run_info {
  uint32_t struct_size;
  uint32_t epochs;          /**< recorded */
  double epochs_planned;    /**< at most; 9.9 where that is nine tenths of the tenth */
  const char *id;           /**< a UUID */
  const char *name;         /**< NULL: none */
  const char *status;       /**< running, completed, stopped, interrupted, failed or crashed */
  const char *recipe;       /**< its name, as in cifar_train_options */
  const char *dataset;      /**< cifar10, shapes or memory */
  const char *started;      /**< ISO 8601, UTC: 2026-11-23T20:22:08.123Z */
  double duration_s;        /**< seconds in all its sessions together */
  double best_val_accuracy; /**< 0 to 1; NaN before the first epoch */
  double best_val_loss;     /**< NaN likewise */
  double last_val_accuracy; /**< of the last epoch; NaN likewise */
  double last_val_loss;     /**< NaN likewise */
  const char *tags;         /**< sorted, one a line; "" without any */
  const char *parent;       /**< the id of the run that it was forked from; NULL: none */
  const char *group;        /**< such as the seeds of one configuration; NULL: none */
} cifar_run_info;

/** Runs as they were at one moment. */
typedef struct cifar_run_list cifar_run_list;

/** The runs, newest first.
 *
 *  A file may come from anywhere: a run with an impossible value, such as -1 epochs, is left out,
 *  and a warning in the log (cifar_set_log) names table, column and row. cifar_registry_verify
 *  lists all such values.
 *
 *  @param limit  at most this many; 0 for all. */
cifar_status cifar_registry_list(cifar_registry *registry, size_t limit, cifar_run_list **out);

/** Which runs are wanted. cifar_run_query_init fills in the defaults below. */
typedef struct cifar_run_query {
  uint32_t struct_size;
  int32_t ascending;  /**< 0: the largest or latest first */
  const char *filter; /**< NULL: all runs */
  const char *sort;   /**< a field; NULL: as they were started */
  size_t limit;       /**< at most this many; 0: all */
  int32_t trash;      /**< 1: the runs in the trash instead */
} cifar_run_query;

/** Fills in the defaults. */
cifar_status cifar_run_query_init(cifar_run_query *query, size_t query_size);

/** The runs that a query asks for; those with an impossible value are left out as by
 *  cifar_registry_list.
 *
 *  The filter is text such as "val_accuracy > 0.8 and recipe = keras and started > '2 days ago'":
 *  fields (`cifar-runs list --help` names them), hyperparameters by path (optimizer.beta1) and
 *  recorded metrics (metrics.f1), compared by =, !=, <, <=, >, >=, ~ (holds a text), in (a, b),
 *  is null, joined by and, or, not and brackets.
 *
 *  Error: INVALID_ARGUMENT, naming the column of the filter. */
cifar_status cifar_registry_query(cifar_registry *registry, const cifar_run_query *query,
                                  cifar_run_list **out);

/** How many runs there are.
 *
 *  @param count  receives their number. */
cifar_status cifar_run_list_count(const cifar_run_list *list, size_t *count);

/** Fills in what is known of a run of the list.
 *
 *  @param index  of the run, from 0. */
cifar_status cifar_run_list_get(const cifar_run_list *list, size_t index, cifar_run_info *info,
                                size_t info_size);

/** Ends a list. */
void cifar_run_list_free(cifar_run_list *list);

/** All about one run but the bytes of its checkpoints, as it was at one moment. */
typedef struct cifar_run cifar_run;

/** Finds one run.
 *
 *  @param run  its id, the first 4 or more characters of it, or its name.
 *
 *  Errors: NOT_FOUND; AMBIGUOUS, naming the candidates; BAD_DATA for an impossible value, naming
 *  table, column and row. */
cifar_status cifar_registry_find(cifar_registry *registry, const char *run, cifar_run **out);

/** Fills in what is known of a run. */
cifar_status cifar_run_get_info(const cifar_run *run, cifar_run_info *info, size_t info_size);

/** The complete set of hyperparameters.
 *
 *  @param json  receives a JSON object, which lives as long as the run. */
cifar_status cifar_run_get_hyperparameters(const cifar_run *run, const char **json);

/** What the best checkpoint was chosen on: how the run did there decided which epoch its weights, and
 *  with them all that is measured of it, are of.
 *
 *  @param images  receives "test images" or "validation split", which lives as long as the run; NULL
 *                 where nothing chose, or nobody knows what the images are, such as those from memory. */
cifar_status cifar_run_get_best_chosen_on(const cifar_run *run, const char **images);

/** What the weights were chosen on that training ended with, of which the metrics "final_val_accuracy"
 *  and "tta_val_accuracy" are: early stopping ended it, or put the best weights back.
 *
 *  @param images  receives the same; NULL also before the end. Of a run that was taken further since, it
 *                 is of the weights that these metrics are of. */
cifar_status cifar_run_get_final_chosen_on(const cifar_run *run, const char **images);

/** How many epochs there are on the line that leads to where the run stands now.
 *
 *  @param count  receives their number. */
cifar_status cifar_run_epoch_count(const cifar_run *run, size_t *count);

/** Fills in the row of an epoch.
 *
 *  @param index  of the row, from 0. */
cifar_status cifar_run_get_epoch(const cifar_run *run, size_t index, cifar_epoch_info *info,
                                 size_t info_size);

/** What is known of a checkpoint. */
typedef struct cifar_checkpoint_info {
  uint32_t struct_size;
  uint32_t epoch;       /**< completed epochs */
  uint32_t batch;       /**< batches done in the next one; 0 between epochs */
  int32_t is_best;      /**< 1: the best of the run */
  int64_t id;           /**< unique in the file */
  uint64_t step;        /**< optimizer steps since the run began */
  uint64_t size;        /**< bytes */
  const char *sha256;   /**< lowercase hexadecimal */
  const char *created;  /**< ISO 8601, UTC */
  int32_t is_pinned;     /**< 1: retention never takes it */
  int32_t is_superseded; /**< 1: the run was resumed from an earlier point since */
} cifar_checkpoint_info;

/** How many checkpoints of a run there are.
 *
 *  @param count  receives their number. */
cifar_status cifar_run_checkpoint_count(const cifar_run *run, size_t *count);

/** Fills in what is known of a checkpoint.
 *
 *  @param index  of the checkpoint, from 0, oldest first. */
cifar_status cifar_run_get_checkpoint(const cifar_run *run, size_t index,
                                      cifar_checkpoint_info *info, size_t info_size);

/** A value that the caller of a training recorded. */
typedef struct cifar_metric_info {
  uint32_t struct_size;
  uint32_t epoch;   /**< that it is about, from 1 */
  const char *name; /**< as it was recorded */
  double value;     /**< likewise */
} cifar_metric_info;

/** How many values were recorded with cifar_trainer_record_metric and cifar_trainer_record_metrics.
 *
 *  @param count  receives their number. */
cifar_status cifar_run_metric_count(const cifar_run *run, size_t *count);

/** Fills in a recorded value.
 *
 *  @param index  of the value, from 0, by name and then epoch. */
cifar_status cifar_run_get_metric(const cifar_run *run, size_t index, cifar_metric_info *info,
                                  size_t info_size);

/** A remark about a run. */
typedef struct cifar_note_info {
  uint32_t struct_size;
  const char *created; /**< ISO 8601, UTC */
  const char *text;    /**< of any number of lines */
} cifar_note_info;

/** How many notes there are.
 *
 *  @param count  receives their number. */
cifar_status cifar_run_note_count(const cifar_run *run, size_t *count);

/** Fills in a note.
 *
 *  @param index  of the note, from 0, oldest first. */
cifar_status cifar_run_get_note(const cifar_run *run, size_t index, cifar_note_info *info,
                                size_t info_size);

/** A start or a resume of a run: the program that trained and what it ran in. */
typedef struct cifar_session_info {
  uint32_t struct_size;
  uint32_t threads;              /**< that computed */
  const char *started;           /**< ISO 8601, UTC */
  const char *ended;             /**< likewise; NULL: it runs, or its process is gone without a word */
  double duration_s;             /**< seconds; of one that runs, so far */
  const char *status;            /**< as in cifar_run_info */
  const char *reason;            /**< why it ended, in words; "" while it runs */
  int64_t resumed_epoch;         /**< completed epochs of the checkpoint that it went on from; -1: it
                                      is the run's start */
  int64_t resumed_batch;         /**< batches done in the next epoch; -1 likewise */
  const char *host;              /**< the machine's name */
  int64_t pid;                   /**< the process there */
  const char *library_version;   /**< as by cifar_version */
  const char *instruction_set;   /**< of the kernels, which the bits of a result depend on */
  const char *command_line;      /**< as in cifar_train_options; "" for none */
  const char *working_directory; /**< NULL: not known */
  const char *git_commit;        /**< that was checked out there; NULL: none, or not known */
  const char *environment;       /**< a JSON object: processor, memory, limits, versions of packages
                                      and more; NULL: not noted */
} cifar_session_info;

/** How many sessions there are.
 *
 *  @param count  receives their number. */
cifar_status cifar_run_session_count(const cifar_run *run, size_t *count);

/** Fills in what is known of a session.
 *
 *  @param index  of the session, from 0, oldest first. */
cifar_status cifar_run_get_session(const cifar_run *run, size_t index, cifar_session_info *info,
                                   size_t info_size);

/** The uncommitted changes of the git repository that a session's working directory was in, read
 *  from the registry when they are asked for.
 *
 *  @param index  of the session, from 0, oldest first.
 *  @param json   receives an object, which lives as long as the run: patch (text that git apply
 *                takes), untracked (names of files), truncated (whether there was more) and unknown
 *                (why they, or a part of them, could not be told, or null); NULL: there were none,
 *                or there was no repository.
 *
 *  Errors: INVALID_ARGUMENT for another index; BAD_DATA, also where the run was deleted meanwhile;
 *  BUSY. */
cifar_status cifar_run_get_changes(const cifar_run *run, size_t index, const char **json);

/** Ends a run's object; the run itself stays. */
void cifar_run_free(cifar_run *run);

/* What follows writes to the registry. `run` is as in cifar_registry_find everywhere; besides what
 * is said, each call may fail with NOT_FOUND, AMBIGUOUS, BUSY, IO and DISK_FULL. */

/** Adds a tag; one that is there already stays.
 *
 *  @param run  which one.
 *  @param tag  1 to 200 bytes on one line. */
cifar_status cifar_registry_tag(cifar_registry *registry, const char *run, const char *tag);

/** Takes a tag off.
 *
 *  @param run  which one.
 *  @param tag  as it was added. */
cifar_status cifar_registry_untag(cifar_registry *registry, const char *run, const char *tag);

/** Adds a remark.
 *
 *  @param run   which one.
 *  @param text  of any number of lines. */
cifar_status cifar_registry_note(cifar_registry *registry, const char *run, const char *text);

/** Gives a run another name.
 *
 *  @param run   which one.
 *  @param name  the new one; NULL takes it away. */
cifar_status cifar_registry_rename(cifar_registry *registry, const char *run, const char *name);

/** Puts a run into a group, out of the one that it was in.
 *
 *  @param run    which one.
 *  @param group  its name; NULL takes the run out. */
cifar_status cifar_registry_set_group(cifar_registry *registry, const char *run,
                                      const char *group);

/** Makes retention keep a checkpoint, or lets it go again.
 *
 *  @param checkpoint  its id.
 *  @param pinned      1: keep it; 0: let it go. */
cifar_status cifar_registry_pin(cifar_registry *registry, int64_t checkpoint, int32_t pinned);

/** Makes a new run that begins where a checkpoint of another one stands, with its history up to
 *  there; resume it to continue.
 *
 *  @param run         the other one.
 *  @param checkpoint  "last", "best" or a checkpoint's id; NULL: "last".
 *  @param name        the new run's; NULL: none.
 *  @param id          gets the new run's UUID: 37 bytes with the NUL. */
cifar_status cifar_registry_fork(cifar_registry *registry, const char *run,
                                 const char *checkpoint, const char *name, char id[37]);

/** Makes a run from a checkpoint's file, in one transaction. One that a training left beside its
 *  registry because that was held by others (see cifar_trainer_run) gives its run what could not be
 *  written then; any other is the start of a new run; resume it to continue.
 *
 *  @param path  a file that cifar_model_save, cifar_registry_export or a training wrote.
 *  @param name  of a new run; NULL: what the file says, or none.
 *  @param id    gets the run's UUID: 37 bytes with the NUL.
 *
 *  Errors: NOT_FOUND, IO; BAD_DATA, NOT_FINITE and SHAPE_MISMATCH for a file that no training could
 *  continue from. */
cifar_status cifar_registry_import(cifar_registry *registry, const char *path, const char *name,
                                   char id[37]);

/** Puts a run into the trash.
 *
 *  @param run        which one.
 *  @param take_over  0; 1: also one that seems to be running, see cifar_resume_options. What trains
 *                    it can write nothing more.
 *
 *  Error: BUSY while it is running. */
cifar_status cifar_registry_remove(cifar_registry *registry, const char *run, int32_t take_over);

/** Takes a run out of the trash, as it was.
 *
 *  @param run  which one.
 *
 *  Error: INVALID_STATE for one that a call of
 *  cifar_registry_collect had begun to delete when it was stopped. */
cifar_status cifar_registry_restore(cifar_registry *registry, const char *run);

/** Empties the trash for good and makes the file as small as what is in it.
 *
 *  Works in steps that hold the file for 50 ms at most, as far as the disk's syncs let them, so
 *  that trainings write in between; what was stopped in the middle the next call completes.
 *
 *  @param freed  gets the bytes given back; NULL to leave out. */
cifar_status cifar_registry_collect(cifar_registry *registry, uint64_t *freed);

/** Leaves completed runs the full state of their last checkpoint, and of the others the weights: these
 *  are evaluated and exported as before, but no run can be resumed or forked from them. What is
 *  pinned stays whole. A run is changed whole or not at all; a damaged checkpoint stays as it is, and
 *  is told by a line in the log. Trainings continue meanwhile.
 *
 *  @param run      which one; NULL: all that have completed.
 *  @param dry_run  1: change nothing; 0: do it.
 *  @param freed    how many bytes less are stored, or would be; NULL to leave out.
 *
 *  Error: INVALID_STATE for a run that was named and has not completed. */
cifar_status cifar_registry_slim(cifar_registry *registry, const char *run, int32_t dry_run,
                                 uint64_t *freed);

/** Receives a sentence about something that is damaged. 0 continues, anything else stops. */
typedef int (*cifar_problem_callback)(const char *problem, void *user);

/** Looks for damage: SQLite's structures, tables, views, indexes and triggers that others added,
 *  references, impossible values, the SHA-256 of every checkpoint.
 *
 *  Reads in pieces, so that trainings write in between. SQLite's check of the whole file gives way
 *  to them; where they never leave it the time, a warning in the log (cifar_set_log) says so.
 *
 *  @param run       look at this run's checkpoints only; NULL: all.
 *  @param callback  called for each problem; none if all is well.
 *
 *  Error: CALLBACK. */
cifar_status cifar_registry_verify(cifar_registry *registry, const char *run,
                                   cifar_problem_callback callback, void *user);

/** Writes a copy of the registry as it is at one moment, while others train. (A copy of the bare
 *  file may be damaged then.) It goes through all checks of cifar_registry_verify, every SHA-256
 *  included, before it gets its name; where anything is damaged, missing or changed there is no
 *  copy ("cifar-runs backup --damaged" saves such a registry as it is). Tables, views, indexes and
 *  triggers that others added are no damage: the copy has them, and a warning in the log
 *  (cifar_set_log) names each. It is a registry like any other.
 *
 *  @param path  links are followed. A file that holds something is not replaced.
 *
 *  Errors: INVALID_ARGUMENT for a path that holds something, a directory or a device;
 *  CHECKSUM_MISMATCH if the registry is damaged; BUSY; DISK_FULL; IO. */
cifar_status cifar_registry_backup(cifar_registry *registry, const char *path);

/** What cifar_registry_merge came to. */
typedef struct cifar_merge_info {
  uint32_t struct_size;
  uint32_t added;       /**< runs that were not there before */
  uint32_t updated;     /**< runs that were, and have what they lacked */
  uint32_t unchanged;   /**< runs that lacked nothing */
  uint32_t conflicts;   /**< runs that were left out, see skip_conflicts */
  uint32_t checkpoints; /**< that were copied */
} cifar_merge_info;

/** Takes up the runs of another registry, in one transaction: all of it lands, or nothing.
 *
 *  A run is the same run in every file, by its UUID. One that is not there is copied, with sessions,
 *  epochs, metrics, checkpoints, evaluation, tags and notes; one that went on in the other file gets
 *  what it lacks; doing it again changes nothing. Bytes that are there already, by their SHA-256, are
 *  not copied. Runs in the trash of the other file are left out, and runs in the trash of this one
 *  stay as they are. Trainings may go on in both files; those that write to this one wait.
 *
 *  @param path            the other registry: its runs stay as they are; an older schema is brought to
 *                         the present one, as whenever such a file is opened.
 *  @param run             this run only, as cifar_registry_find takes it there; NULL: all.
 *  @param skip_conflicts  1: leave out runs that went on in both files, and take up the others.
 *  @param info            what it came to; NULL to leave out.
 *
 *  Errors: INVALID_STATE for a run that went on in both files; INVALID_ARGUMENT for the same file;
 *  CHECKSUM_MISMATCH for a damaged checkpoint; those of cifar_registry_open. Nothing is written then. */
cifar_status cifar_registry_merge(cifar_registry *registry, const char *path, const char *run,
                                  int32_t skip_conflicts, cifar_merge_info *info,
                                  size_t info_size);

/** Writes a checkpoint to a safetensors file, as cifar_model_save does; memory stays flat.
 *
 *  @param checkpoint  its id.
 *  @param path        of the file.
 *
 *  Errors: CHECKSUM_MISMATCH; those of cifar_model_save. */
cifar_status cifar_registry_export(cifar_registry *registry, int64_t checkpoint,
                                   const char *path);

#ifdef __cplusplus
}
#endif

#endif
