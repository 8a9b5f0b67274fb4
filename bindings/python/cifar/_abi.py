"""What cifar.h declares, for ctypes.

Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint,
    c_uint32,
    c_uint64,
    c_uint8,
    c_void_p,
)

# The version of this header; goes up when programs have to be recompiled.
CIFAR_VERSION_MAJOR = 0

# Goes up with what is new.
CIFAR_VERSION_MINOR = 2

# Goes up with what is put right.
CIFAR_VERSION_PATCH = 0

# All three as one number, to compare: 10,000 * major + 100 * minor + patch, 200 for 0.2.0.
CIFAR_VERSION_NUMBER = 200

# What a call came to. Codes are spaced and never used again for something else.
Status = c_uint
# All went well.
CIFAR_OK = 0
# An argument or an option is outside what the call allows; NULL where something must be.
CIFAR_E_INVALID_ARGUMENT = 10
# Arrays, layers or weights whose shapes do not fit together; images that are not the run's.
CIFAR_E_SHAPE_MISMATCH = 20
# A file, directory, run or checkpoint that does not exist.
CIFAR_E_NOT_FOUND = 30
# A name or the start of an id that fits more than one run.
CIFAR_E_AMBIGUOUS = 31
# The operating system refused to read or write.
CIFAR_E_IO = 40
# There is no space left to write to.
CIFAR_E_DISK_FULL = 41
# A file that is not what it should be: truncated, oversized, or with values out of range.
CIFAR_E_BAD_DATA = 50
# Stored bytes that no longer have the SHA-256 they were stored with.
CIFAR_E_CHECKSUM_MISMATCH = 51
# SQLite reported an error.
CIFAR_E_DATABASE = 60
# An SQLite file that is no run registry; it stays untouched.
CIFAR_E_FOREIGN_DATABASE = 61
# A registry written by a newer version of the library.
CIFAR_E_NEWER_DATABASE = 62
# Someone else holds the registry, or trains the run.
CIFAR_E_BUSY = 63
# A call that does not fit the state of its object.
CIFAR_E_INVALID_STATE = 70
# Training was interrupted; a checkpoint of the very batch was left.
CIFAR_E_INTERRUPTED = 80
# A callback returned something else than 0, or a timer ran out; a checkpoint of the very batch was
# left.
CIFAR_E_CALLBACK = 81
# Another process of a training ended it, or can't be reached: see cifar_trainer_set_peers.
CIFAR_E_PEER = 82
# A loss, a weight or a probability is not a finite number.
CIFAR_E_NOT_FINITE = 90
# A feature that this build or this machine does not have.
CIFAR_E_UNSUPPORTED = 100
# Memory could not be had, or is more than the process may use; see "Memory" above.
CIFAR_E_OUT_OF_MEMORY = 110
# A defect in the library.
CIFAR_E_INTERNAL = 120

# How much a log line matters.
LogLevel = c_uint
# What only helps to find a defect.
CIFAR_LOG_DEBUG = 10
# What is going on.
CIFAR_LOG_INFO = 20
# What should be looked at; the call continues.
CIFAR_LOG_WARNING = 30
# What has failed.
CIFAR_LOG_ERROR = 40

# Receives one whole line, without its end, at most 4,095 bytes. Comes from any thread, several at
# once too, and must not call back into the library, but for cifar_set_log, nor fork.
LogCallback = CFUNCTYPE(None, LogLevel, c_char_p, c_void_p)

# Which part of a data set.
Split = c_uint
# to train on
CIFAR_TRAIN = 0
# to validate or to test with
CIFAR_TEST = 1


class DatasetOptions(Structure):
    """Images and labels in memory. cifar_dataset_options_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("split", Split),  # what the data set says of itself: CIFAR_TRAIN
        ("channels", c_uint32),  # planes of an image: 3, red, green and blue, or 1, grey; 3
        ("height", c_uint32),  # rows of an image, from 8 to 128; 32
        ("width", c_uint32),  # columns of an image, from 8 to 128; 32
        ("classes", c_uint32),  # from 2 to 1000; to be set
        ("count", c_size_t),  # images, at least 1; to be set
        # (count, channels, height, width), rows from the top; to be set
        ("images", POINTER(c_uint8)),
        ("labels", POINTER(c_int32)),  # (count), each in 0 ... classes - 1; to be set
        # (classes) different strings of 1 to 200 bytes; NULL for "0", "1", ..., which go with the
        # names of any other data set or model
        ("class_names", POINTER(c_char_p)),
        # (count), what the loss of each image counts in training, 0 to 1e6 and not all 0;
        # multiplied with "class_weight", and averaged as that is. NULL: all count alike, as in
        # validation and evaluation they always do
        ("sample_weights", POINTER(c_float)),
    ]


class DatasetInfo(Structure):
    """What is known of a data set."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("split", Split),  # which part
        ("count", c_size_t),  # images
        ("classes", c_uint32),  # that a label can be of
        # "cifar10", "cifar100", "cifar100-coarse", "mnist", "fashion-mnist", "svhn", "shapes",
        # "folder" or "memory"
        ("name", c_char_p),
        ("location", c_char_p),  # what opens it again, or NULL for memory
        ("channels", c_uint32),  # of an image: 3, red, green and blue, or 1, grey
        ("height", c_uint32),  # rows of an image
        ("width", c_uint32),  # columns of an image
    ]


class TrainOptions(Structure):
    """What to train and how to keep it. cifar_train_options_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        # at most, up to 1,000,000; of 9.9, the last has nine tenths of the steps; 0: as the recipe
        # says, 100
        ("epochs", c_double),
        ("batch_size", c_uint32),  # 1 to 65,536; 0: as the recipe says, 64
        # 1 to 1024, of which cifar_default_threads() compute at most; 0: these
        ("threads", c_uint32),
        ("learning_rate", c_double),  # above 0; 0: as the recipe says, 0.001
        ("seed", c_uint64),  # where all random numbers come from; 0: as the recipe says, 0
        # "pytorch" or "keras", the tutorial's dialects, or "keras-tuned", the latter with the
        # learning rate halved on a plateau; "airbench93", "airbench94", "airbench94-muon" or
        # "resnet9", the record recipes; NULL: "pytorch"
        ("recipe", c_char_p),
        ("name", c_char_p),  # what people call the run; NULL: none
        # the SQLite file, made if missing; NULL: $CIFAR_REGISTRY or ./cifar-runs.db
        ("registry", c_char_p),
        ("record", c_int32),  # 1; 0: keep nothing, there is no registry
        ("keep_last", c_uint32),  # checkpoints kept besides the best one: 2; 0: all of them
        ("command_line", c_char_p),  # noted down with the session; NULL: none
        ("keep_every", c_uint32),  # every n-th epoch's checkpoint stays too; 0: none of them
        ("tags", c_char_p),  # of the run, one a line; NULL: none
        # a JSON object put over the recipe; the fields of this struct go over both. NULL: nothing.
        # See below
        ("hyperparameters", c_char_p),
        # a preset's name, "tutorial", "tutorial-gap", "tutorial-resnet", "airbench93",
        # "airbench94", "airbench94-muon" or "resnet9", or the JSON of a cifar_model_spec. NULL: the
        # recipe's, "tutorial"
        ("model", c_char_p),
        # seconds for which the end of training waits for a registry that others hold, 0 to
        # 1,000,000: 600. See cifar_trainer_run
        ("busy_timeout", c_double),
        # begin with the weights and statistics of this model, as far as they fit (see init_from);
        # it is not kept. NULL: with other ones
        ("init_model", c_void_p),
        # what the run's hyperparameters call the place where init_model or init_bytes come from;
        # NULL: what the model knows of that
        ("init_source", c_char_p),
        # the group of the run, such as the seeds of one configuration; NULL: none
        ("group", c_char_p),
        # begin with the weights of a safetensors file, if it is written like one, with a / or
        # .safetensors, and there; else with those of the best checkpoint of the run of this name or
        # id in the registry, or, without such a run, of the safetensors file of this name. Of
        # these, as of init_model and init_bytes, everything is taken that has the name and the
        # shape of one of the model's tensors; what does not fit is told by a line in the log and a
        # note of the run, and drawn; where nothing fits the error is SHAPE_MISMATCH. NULL: with
        # init_model, with init_bytes, or, as usual, draw all of them
        ("init_from", c_char_p),
        # begin with the weights of a safetensors file in memory, which is not kept: see init_from.
        # NULL: with other ones
        ("init_bytes", c_void_p),
        ("init_size", c_size_t),  # bytes at init_bytes
        # versions of the program's own packages by name, a JSON object such as {"numpy": "2.1.0"},
        # noted down with the session; NULL: none
        ("packages", c_char_p),
        # 0: the uncommitted changes of the git repository that the working directory is in are
        # noted down with the session, up to 1 MiB; 1: they are not
        ("no_patch", c_int32),
        # a directory in which event files for TensorBoard are written while training, a directory
        # for each run: made if missing, IO where it can't be written; what fails later is a line in
        # the log and ends no training. NULL: none
        ("tensorboard", c_char_p),
        # 1: BUSY if the group has a run of this seed meanwhile, made by another process: see
        # cifar_group_find_member. 0: a group has as many as there are
        ("is_only_of_its_seed", c_int32),
    ]


class MemberInfo(Structure):
    """What of a group of runs from several seeds is to be trained."""

    _fields_ = [
        ("struct_size", c_uint32),
        # 1: the run has completed or failed, and there is nothing left to train
        ("is_over", c_int32),
        # of the group's run with these options: resume it, unless it is over; "": there is none,
        # make it with cifar_trainer_create
        ("run_id", c_char * 40),
        ("is_running", c_int32),  # 1: a process trains it at present; leave it to that
    ]


class LrPoint(Structure):
    """One step of a search for a learning rate."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("step", c_uint32),  # from 1
        ("steps", c_uint32),  # at most
        ("learning_rate", c_double),  # of the step
        ("loss", c_double),  # of its batch
        # an exponential moving average that keeps 0.9 of the one before, corrected for its
        # beginning at 0
        ("smoothed_loss", c_double),
    ]


class LrFindOptions(Structure):
    """How to look for a learning rate. cifar_lr_find_options_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("steps", c_uint32),  # 10 to 10,000: 100
        ("start", c_double),  # the rate of the first step, above 0: 1e-7
        ("end", c_double),  # the rate of the last step, above start: 10
        # After every step, on the thread that called; NULL: none. Anything but 0 ends the search,
        # which then says what it has seen.
        ("on_step", CFUNCTYPE(c_int, POINTER(LrPoint), c_void_p)),
        ("user", c_void_p),  # handed to on_step
    ]


class LrInfo(Structure):
    """What there is to say of a search."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("has_diverged", c_int32),  # 1: the loss grew until the search ended
        ("count", c_uint64),  # points, at least 1
        # the rate to take: the smaller of steepest and a tenth of minimum, where the loss has grown
        # after that; NaN where the search does not tell
        ("suggestion", c_double),
        # where the smoothed loss falls fastest over the logarithm of the rate; NaN: nowhere
        ("steepest", c_double),
        ("minimum", c_double),  # where the smoothed loss is smallest; NaN where it does not fall
        # why this suggestion, or none, in a few sentences; as long as the curve
        ("reason", c_char_p),
    ]


class ResumeOptions(Structure):
    """How to take up a run. cifar_resume_options_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        # train up to this many in all, as in cifar_train_options; 0: as planned
        ("epochs", c_double),
        # 1 to 1024, of which cifar_default_threads() compute at most; 0: these
        ("threads", c_uint32),
        ("checkpoint", c_char_p),  # "last", "best" or a checkpoint's id; NULL: "last"
        ("registry", c_char_p),  # as in cifar_train_options
        # as in cifar_dataset_open; NULL: where the run had its images from
        ("data_location", c_char_p),
        ("command_line", c_char_p),  # noted down with the session; NULL: none
        # 0; 1: also a run that seems to be running, because what trained it can't be asked from
        # here: another machine, another container, the same machine a moment after a restart. What
        # still trains it can write nothing more
        ("take_over", c_int32),
        ("busy_timeout", c_double),  # as in cifar_train_options
        ("packages", c_char_p),  # as in cifar_train_options
        ("no_patch", c_int32),  # as in cifar_train_options
        # as in cifar_train_options: the run's directory gets another file, which begins with the
        # epochs that the registry has
        ("tensorboard", c_char_p),
    ]


class RerunOptions(Structure):
    """How to start a run again. cifar_rerun_options_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        # 1 to 1024, of which cifar_default_threads() compute at most; 0: as many as the run had
        ("threads", c_uint32),
        ("name", c_char_p),  # what people call the new run; NULL: none
        ("registry", c_char_p),  # as in cifar_train_options; it gets the new run, too
        ("data_location", c_char_p),  # as in cifar_resume_options
        # a run or a file with the weights that the run began with; NULL: where it had them from
        ("init_from", c_char_p),
        ("tags", c_char_p),  # of the new run, one a line; NULL: none
        ("group", c_char_p),  # of the new run; NULL: none
        ("command_line", c_char_p),  # as in cifar_train_options
        ("packages", c_char_p),  # as in cifar_train_options
        ("busy_timeout", c_double),  # as in cifar_train_options
        ("keep_last", c_uint32),  # as in cifar_train_options
        ("keep_every", c_uint32),  # as in cifar_train_options
        ("no_patch", c_int32),  # as in cifar_train_options
    ]


class BatchInfo(Structure):
    """How far the epoch under way is."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),  # from 1
        ("epochs", c_uint32),  # at most
        ("batch", c_uint32),  # batches done in this epoch
        ("batches", c_uint32),  # in an epoch
        ("images", c_uint64),  # training images seen in this epoch
        ("loss", c_double),  # mean over them
        ("accuracy", c_double),  # 0 to 1
        ("learning_rate", c_double),  # of the batch
        ("seconds", c_double),  # that they took
    ]


class ValidationInfo(Structure):
    """What a pass over the validation images came to."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),  # from 1
        ("images", c_uint64),  # validation images
        ("loss", c_double),  # mean over them
        ("accuracy", c_double),  # 0 to 1
        ("seconds", c_double),  # that it took
    ]


class EpochInfo(Structure):
    """An epoch that has ended."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),  # from 1
        ("train_loss", c_double),  # mean over the images as they were trained on
        ("train_accuracy", c_double),  # 0 to 1
        ("val_loss", c_double),  # NaN where nothing was validated
        ("val_accuracy", c_double),  # 0 to 1; NaN likewise
        ("learning_rate", c_double),  # that the epoch was trained with
        ("seconds", c_double),  # the whole epoch, validation included
        ("images_per_second", c_double),  # training images, validation left out
        # processor time of all threads of the process; NaN where it is not known
        ("cpu_seconds", c_double),
        # most bytes that the process had resident at once so far; NaN likewise
        ("peak_memory", c_double),
        ("is_best", c_int32),  # 1: the best so far by the recipe's measure. Only in callbacks
    ]


class StorageInfo(Structure):
    """What waits because others hold the registry."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epochs", c_uint32),  # that wait to be stored; 0 where only the run's end does
        ("seconds", c_double),  # for which others hold it
        ("seconds_left", c_double),  # until cifar_trainer_run waits no more; -1 while it trains
    ]


class TrainerCallbacks(Structure):
    """What a training calls, on the thread that called cifar_trainer_run. cifar_trainer_callbacks_init
    sets all to NULL, which is not called.

    0 continues; anything else stops the training, which then leaves a checkpoint and returns
    CIFAR_E_CALLBACK. An epoch whose batches are all done ends, and has its row, all the same. An
    info lives for the call only. Of their trainer callbacks may call
    cifar_trainer_set_learning_rate, cifar_trainer_record_metric, cifar_trainer_record_metrics,
    cifar_model_from_trainer, cifar_trainer_interrupt and cifar_trainer_free. They must return: no
    longjmp, no exception may pass.
    """

    _fields_ = [
        ("struct_size", c_uint32),
        ("user", c_void_p),  # handed to each
        # Before training, also when a run is resumed.
        ("on_train_begin", CFUNCTYPE(c_int, c_void_p)),
        # Before an epoch's first batch, with 0 batches done; not where an epoch is resumed in its
        # middle.
        ("on_epoch_begin", CFUNCTYPE(c_int, POINTER(BatchInfo), c_void_p)),
        # Before every batch, with the batches done so far and the rate that it is to have.
        ("on_batch_begin", CFUNCTYPE(c_int, POINTER(BatchInfo), c_void_p)),
        ("on_batch_end", CFUNCTYPE(c_int, POINTER(BatchInfo), c_void_p)),  # After every batch.
        # After an epoch's last batch, before its validation.
        ("on_validation_begin", CFUNCTYPE(c_int, c_void_p)),
        # After the validation, before the recipe's callbacks and the epoch's row.
        ("on_validation_end", CFUNCTYPE(c_int, POINTER(ValidationInfo), c_void_p)),
        # After every epoch, when it and its checkpoint are in the registry; where others hold that,
        # while they wait for it.
        ("on_epoch_end", CFUNCTYPE(c_int, POINTER(EpochInfo), c_void_p)),
        # While others hold the registry: during training, when they have done so for 10 seconds,
        # for every epoch that waits to be stored; when it is over, some ten times a second until
        # all is stored. Anything but 0 then ends the waiting.
        ("on_storage_wait", CFUNCTYPE(c_int, POINTER(StorageInfo), c_void_p)),
        # When training is over, but not after a failure; what it returns is ignored. Where it has
        # completed and a callback of the recipe restores the best weights, they are in their place.
        ("on_train_end", CFUNCTYPE(c_int, c_void_p)),
    ]


class Peers(Structure):
    """The processes that train one network together, as one of them sees them; cifar_peers_init sets the
    callbacks to NULL, and a count of 1.

    The callbacks move bytes and do nothing else; each is one call of MPI, or of another library for
    collective communication. All processes call the same one at the same time, with the same sizes;
    each returns when this process's part is done. 0 is success; after anything else this process's
    training ends with PEER, and the others' when their call returns, for which whoever moves the bytes
    must see to it that they do not wait for ever (MPI_Abort, a timeout). They are called by a thread of
    the library, one at a time, while cifar_trainer_set_peers or cifar_trainer_run waits for them, and
    must return: no longjmp, no exception may pass.
    """

    _fields_ = [
        ("struct_size", c_uint32),
        ("rank", c_uint32),  # which of them this process is, from 0
        ("count", c_uint32),  # how many there are, 1 to 1024
        # 0: a batch norm takes mean and variance of the whole batch; 1: each process those of its
        # images, which takes no exchange within a pass; the running ones are then those of process
        # 0
        ("local_batch_norm", c_int32),
        ("user", c_void_p),  # handed to each
        # Sends block i of `send`, which has a block for each process, to process i, and puts its
        # block into the place of process i in `receive`; blocks are `bytes` long.
        ("all_to_all", CFUNCTYPE(c_int, c_void_p, c_void_p, c_uint64, c_void_p)),
        # Puts the `bytes` at `send` of every process, by rank, into `receive`.
        ("all_gather", CFUNCTYPE(c_int, c_void_p, c_void_p, c_uint64, c_void_p)),
        # Copies the buffer of process `root` to that of the others.
        ("broadcast", CFUNCTYPE(c_int, c_void_p, c_uint64, c_uint32, c_void_p)),
    ]


class TrainerInfo(Structure):
    """How far a training is, and what it is."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),  # completed epochs
        ("epochs", c_uint32),  # at most
        ("batch", c_uint32),  # batches done in the epoch under way; 0 between epochs
        ("batches", c_uint32),  # in an epoch
        ("threads", c_uint32),  # that compute
        ("step", c_uint64),  # optimizer steps since the run began
        ("parameters", c_uint64),  # numbers that are trained
        ("run_id", c_char_p),  # a UUID; NULL without a registry
        ("registry", c_char_p),  # its file; NULL without one
        ("hyperparameters", c_char_p),  # the complete set, a JSON object
        ("end_reason", c_char_p),  # why training ended, in words; NULL before
        ("has_diverged", c_int32),  # 1: "terminate_on_nan" ended it; its run is "failed"
    ]


class FinalResult(Structure):
    """How good the network is that a training ended with."""

    _fields_ = [
        ("struct_size", c_uint32),
        # 1: of the test images, as a part of the training images was validated on; 0: of the images
        # that were validated on
        ("is_of_test_images", c_int32),
        ("epoch", c_uint32),  # whose weights they are, from 1
        ("earlier_looks", c_uint32),  # at other epochs of the run that looked at the test images
        ("images", c_uint64),  # that it was measured on
        ("loss", c_double),  # as in cifar_evaluation
        ("accuracy", c_double),  # 0 to 1
        # 95 % interval of the accuracy, as in cifar_evaluation: from here
        ("accuracy_low", c_double),
        ("accuracy_high", c_double),  # to here
        ("augmented_loss", c_double),  # with the run's test-time augmentation; NaN without one
        ("augmented_accuracy", c_double),  # likewise
        ("chose_epoch", c_int32),  # as in cifar_evaluation: these images chose the epoch
    ]


class ModelInfo(Structure):
    """What is known of a model."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("classes", c_uint32),  # that it tells apart
        # the epoch whose weights they are: the last completed one, or that whose weights early
        # stopping put back
        ("epoch", c_uint32),
        ("parameters", c_uint64),  # numbers that were trained
        ("hyperparameters", c_char_p),  # what it was trained with, a JSON object
        ("channels", c_uint32),  # of the images that it takes, as in cifar_dataset_info
        ("height", c_uint32),  # their rows
        ("width", c_uint32),  # their columns
    ]


class Evaluation(Structure):
    """How good a model is on a data set."""

    _fields_ = [
        ("struct_size", c_uint32),
        # mean cross-entropy, natural logarithm, as the model was trained with: with its label
        # smoothing; with flips, that of the averaged probabilities, without. Computed from logits,
        # never clipped
        ("loss", c_double),
        ("accuracy", c_double),  # 0 to 1
        ("count", c_size_t),  # images
        ("top5_accuracy", c_double),  # the label is among the five most probable classes; 0 to 1
        ("macro_f1", c_double),  # the mean of the classes' F1; 0 to 1
        # where the accuracy on all such images lies, with 95 % confidence: Wilson's interval of a
        # binomial share, from here
        ("accuracy_low", c_double),
        ("accuracy_high", c_double),  # to here. It knows nothing of how the model was chosen
        # 1: the model's weights were chosen on these images, or on some of them: as the best
        # checkpoint by a callback that watches how the run does on them, or as those that one which
        # stops early ended with. 0: they were not, or nobody knows
        ("chose_epoch", c_int32),
    ]


# What a model is written as.
Format = c_uint
# Everything that a training needs to continue: a safetensors file with weights, what the optimizer
# keeps, and the trainer's state.
CIFAR_FORMAT_CHECKPOINT = 0
# Weights and statistics alone, float32, in a safetensors file, as cifar_model_save writes it, with
# the num_batches_tracked that PyTorch has: what load_state_dict takes. Weights of a quantized model
# are I8, with their scales beside them.
CIFAR_FORMAT_WEIGHTS = 1
# An ONNX model, opset 15: "images", (N, channels, height, width) of uint8 for any N, which the
# graph normalises, to "probabilities", (N, classes). Dropout is left out.
CIFAR_FORMAT_ONNX = 2
# A Python script that builds the model in PyTorch and loads its weights. cifar_model_export writes
# these beside it, under the same name with .safetensors.
CIFAR_FORMAT_PYTORCH = 3
# Likewise in Keras 3.
CIFAR_FORMAT_KERAS = 4


class ExportOptions(Structure):
    """How a model is written. cifar_export_options_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        # of the weights, for CIFAR_FORMAT_WEIGHTS: "sequential", 0.weight as in a flat
        # nn.Sequential, where global average pooling is two modules, AdaptiveAvgPool2d(1) and
        # Flatten(); "tutorial", conv_block1.0.weight to fc.4.bias. NULL: the tutorial's for a model
        # that is built like it and has all its biases, else "sequential"
        ("names", c_char_p),
        # for CIFAR_FORMAT_ONNX: 0, a batch normalisation after a convolution or a dense layer
        # becomes part of its weights; 1: it stays a node
        ("keep_batch_norm", c_int32),
    ]


class ImportOptions(Structure):
    """Which model weights belong to. cifar_import_options_init fills in the defaults below. Where all
    but threads is as it sets it, a file of this library decides, which knows its model.
    """

    _fields_ = [
        ("struct_size", c_uint32),
        ("threads", c_uint32),  # as in cifar_model_open: 0
        ("model", c_char_p),  # a preset's name, or the JSON of a cifar_model_spec; NULL: "tutorial"
        # whose batch norm, padding and normalization of images the model has: a recipe's name, as
        # in cifar_train_options; NULL: "pytorch"
        ("recipe", c_char_p),
        # a JSON object put over the recipe, such as {"normalization": {"mean": [0, 0, 0], "std":
        # [1, 1, 1]}}; NULL: nothing
        ("hyperparameters", c_char_p),
        ("class_names", c_char_p),  # a name for each class, one a line; NULL: "0", "1", …
    ]


# The zeros around the input of a convolution.
Padding = c_uint
# Half the kernel on every side, PyTorch's padding=k//2.
CIFAR_PADDING_SAME = 0
# None.
CIFAR_PADDING_VALID = 1
# As many as make the output 1/stride of the input, an odd one at the end: Keras's "same". With
# stride 1 it is CIFAR_PADDING_SAME.
CIFAR_PADDING_SAME_UPPER = 2
# What "same" is in the dialect that the model is trained in.
CIFAR_PADDING_DEFAULT = 3


class ModelSpecInfo(Structure):
    """How large a model is."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("layers", c_uint32),  # those inside residual blocks counted
        ("classes", c_uint32),  # units of the last layer; 0 if it is not dense
        ("parameters", c_uint64),  # numbers that are trained
        # numbers that are kept besides: running means and variances, and the parameters of layers
        # that are not trainable
        ("non_trainable", c_uint64),
        ("flops", c_uint64),  # additions and multiplications for one image
    ]


class RunInfo(Structure):
    """A run in one line."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epochs", c_uint32),  # recorded
        ("epochs_planned", c_double),  # at most; 9.9 where that is nine tenths of the tenth
        ("id", c_char_p),  # a UUID
        ("name", c_char_p),  # NULL: none
        ("status", c_char_p),  # running, completed, stopped, interrupted, failed or crashed
        ("recipe", c_char_p),  # its name, as in cifar_train_options
        ("dataset", c_char_p),  # cifar10, shapes or memory
        ("started", c_char_p),  # ISO 8601, UTC: 2026-11-23T20:22:08.123Z
        ("duration_s", c_double),  # seconds in all its sessions together
        ("best_val_accuracy", c_double),  # 0 to 1; NaN before the first epoch
        ("best_val_loss", c_double),  # NaN likewise
        ("last_val_accuracy", c_double),  # of the last epoch; NaN likewise
        ("last_val_loss", c_double),  # NaN likewise
        ("tags", c_char_p),  # sorted, one a line; "" without any
        ("parent", c_char_p),  # the id of the run that it was forked from; NULL: none
        ("group", c_char_p),  # such as the seeds of one configuration; NULL: none
    ]


class RunQuery(Structure):
    """Which runs are wanted. cifar_run_query_init fills in the defaults below."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("ascending", c_int32),  # 0: the largest or latest first
        ("filter", c_char_p),  # NULL: all runs
        ("sort", c_char_p),  # a field; NULL: as they were started
        ("limit", c_size_t),  # at most this many; 0: all
        ("trash", c_int32),  # 1: the runs in the trash instead
    ]


class CheckpointInfo(Structure):
    """What is known of a checkpoint."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),  # completed epochs
        ("batch", c_uint32),  # batches done in the next one; 0 between epochs
        ("is_best", c_int32),  # 1: the best of the run
        ("id", c_int64),  # unique in the file
        ("step", c_uint64),  # optimizer steps since the run began
        ("size", c_uint64),  # bytes
        ("sha256", c_char_p),  # lowercase hexadecimal
        ("created", c_char_p),  # ISO 8601, UTC
        ("is_pinned", c_int32),  # 1: retention never takes it
        ("is_superseded", c_int32),  # 1: the run was resumed from an earlier point since
    ]


class MetricInfo(Structure):
    """A value that the caller of a training recorded."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),  # that it is about, from 1
        ("name", c_char_p),  # as it was recorded
        ("value", c_double),  # likewise
    ]


class NoteInfo(Structure):
    """A remark about a run."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("created", c_char_p),  # ISO 8601, UTC
        ("text", c_char_p),  # of any number of lines
    ]


class SessionInfo(Structure):
    """A start or a resume of a run: the program that trained and what it ran in."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("threads", c_uint32),  # that computed
        ("started", c_char_p),  # ISO 8601, UTC
        ("ended", c_char_p),  # likewise; NULL: it runs, or its process is gone without a word
        ("duration_s", c_double),  # seconds; of one that runs, so far
        ("status", c_char_p),  # as in cifar_run_info
        ("reason", c_char_p),  # why it ended, in words; "" while it runs
        # completed epochs of the checkpoint that it went on from; -1: it is the run's start
        ("resumed_epoch", c_int64),
        ("resumed_batch", c_int64),  # batches done in the next epoch; -1 likewise
        ("host", c_char_p),  # the machine's name
        ("pid", c_int64),  # the process there
        ("library_version", c_char_p),  # as by cifar_version
        ("instruction_set", c_char_p),  # of the kernels, which the bits of a result depend on
        ("command_line", c_char_p),  # as in cifar_train_options; "" for none
        ("working_directory", c_char_p),  # NULL: not known
        ("git_commit", c_char_p),  # that was checked out there; NULL: none, or not known
        # a JSON object: processor, memory, limits, versions of packages and more; NULL: not noted
        ("environment", c_char_p),
    ]


# Receives a sentence about something that is damaged. 0 continues, anything else stops.
ProblemCallback = CFUNCTYPE(c_int, c_char_p, c_void_p)


class MergeInfo(Structure):
    """What cifar_registry_merge came to."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("added", c_uint32),  # runs that were not there before
        ("updated", c_uint32),  # runs that were, and have what they lacked
        ("unchanged", c_uint32),  # runs that lacked nothing
        ("conflicts", c_uint32),  # runs that were left out, see skip_conflicts
        ("checkpoints", c_uint32),  # that were copied
    ]


# What each function returns, and what it takes.
FUNCTIONS = {
    "cifar_version": (c_char_p, []),
    "cifar_version_number": (c_uint32, []),
    "cifar_instruction_set": (c_char_p, []),
    "cifar_default_threads": (c_uint32, []),
    "cifar_status_name": (c_char_p, [Status]),
    "cifar_last_error": (c_char_p, []),
    "cifar_set_log": (Status, [LogCallback, c_void_p]),
    "cifar_dataset_open": (Status, [c_char_p, Split, c_size_t, POINTER(c_void_p)]),
    "cifar_dataset_options_init": (Status, [POINTER(DatasetOptions), c_size_t]),
    "cifar_dataset_from_memory": (Status, [POINTER(DatasetOptions), POINTER(c_void_p)]),
    "cifar_dataset_get_info": (Status, [c_void_p, POINTER(DatasetInfo), c_size_t]),
    "cifar_dataset_get_class_name": (Status, [c_void_p, c_uint32, POINTER(c_char_p)]),
    "cifar_dataset_get_data": (Status, [
        c_void_p, POINTER(POINTER(c_uint8)), POINTER(POINTER(c_int32)),
    ]),
    "cifar_dataset_get_sample_weights": (Status, [c_void_p, POINTER(POINTER(c_float))]),
    "cifar_dataset_read": (Status, [
        c_void_p, c_size_t, c_size_t, POINTER(c_uint8), POINTER(c_int32),
    ]),
    "cifar_dataset_free": (None, [c_void_p]),
    "cifar_train_options_init": (Status, [POINTER(TrainOptions), c_size_t]),
    "cifar_trainer_create": (Status, [
        c_void_p, c_void_p, POINTER(TrainOptions), POINTER(c_void_p),
    ]),
    "cifar_group_find_member": (Status, [
        c_void_p, c_void_p, POINTER(TrainOptions), POINTER(MemberInfo), c_size_t,
    ]),
    "cifar_lr_find_options_init": (Status, [POINTER(LrFindOptions), c_size_t]),
    "cifar_lr_find": (Status, [
        c_void_p, POINTER(TrainOptions), POINTER(LrFindOptions), POINTER(c_void_p),
    ]),
    "cifar_lr_curve_get_info": (Status, [c_void_p, POINTER(LrInfo), c_size_t]),
    "cifar_lr_curve_get_point": (Status, [c_void_p, c_size_t, POINTER(LrPoint), c_size_t]),
    "cifar_lr_curve_free": (None, [c_void_p]),
    "cifar_resume_options_init": (Status, [POINTER(ResumeOptions), c_size_t]),
    "cifar_trainer_resume": (Status, [
        c_char_p, c_void_p, c_void_p, POINTER(ResumeOptions), POINTER(c_void_p),
    ]),
    "cifar_rerun_options_init": (Status, [POINTER(RerunOptions), c_size_t]),
    "cifar_trainer_rerun": (Status, [
        c_char_p, c_void_p, c_void_p, POINTER(RerunOptions), POINTER(c_void_p),
    ]),
    "cifar_trainer_callbacks_init": (Status, [POINTER(TrainerCallbacks), c_size_t]),
    "cifar_trainer_set_callbacks": (Status, [c_void_p, POINTER(TrainerCallbacks)]),
    "cifar_trainer_set_learning_rate": (Status, [c_void_p, c_double]),
    "cifar_peers_init": (Status, [POINTER(Peers), c_size_t]),
    "cifar_trainer_set_peers": (Status, [c_void_p, POINTER(Peers)]),
    "cifar_peers_leave": (Status, [POINTER(Peers), c_char_p]),
    "cifar_trainer_run": (Status, [c_void_p]),
    "cifar_trainer_interrupt": (Status, [c_void_p]),
    "cifar_trainer_record_metric": (Status, [c_void_p, c_char_p, c_double]),
    "cifar_trainer_record_metrics": (Status, [
        c_void_p, POINTER(c_char_p), POINTER(c_double), c_size_t,
    ]),
    "cifar_trainer_get_info": (Status, [c_void_p, POINTER(TrainerInfo), c_size_t]),
    "cifar_trainer_get_result": (Status, [c_void_p, POINTER(FinalResult), c_size_t]),
    "cifar_trainer_free": (None, [c_void_p]),
    "cifar_model_open": (Status, [c_char_p, c_uint32, POINTER(c_void_p)]),
    "cifar_model_from_run": (Status, [c_char_p, c_char_p, c_char_p, c_uint32, POINTER(c_void_p)]),
    "cifar_model_from_memory": (Status, [POINTER(c_uint8), c_size_t, c_uint32, POINTER(c_void_p)]),
    "cifar_model_from_trainer": (Status, [c_void_p, POINTER(c_void_p)]),
    "cifar_model_get_info": (Status, [c_void_p, POINTER(ModelInfo), c_size_t]),
    "cifar_model_get_class_name": (Status, [c_void_p, c_uint32, POINTER(c_char_p)]),
    "cifar_model_get_summary": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_model_set_precision": (Status, [c_void_p, c_char_p]),
    "cifar_model_get_precision": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_model_quantize": (Status, [c_void_p, c_void_p, c_size_t, POINTER(c_void_p)]),
    "cifar_model_evaluate": (Status, [c_void_p, c_void_p, POINTER(Evaluation), c_size_t]),
    "cifar_model_evaluate_classes": (Status, [
        c_void_p, c_void_p, c_int32, POINTER(Evaluation), c_size_t, POINTER(c_uint64),
        POINTER(c_double),
    ]),
    "cifar_model_evaluate_augmented": (Status, [
        c_void_p, c_void_p, c_char_p, POINTER(Evaluation), c_size_t,
    ]),
    "cifar_model_predict": (Status, [c_void_p, POINTER(c_uint8), c_size_t, POINTER(c_float)]),
    "cifar_model_save": (Status, [c_void_p, c_char_p]),
    "cifar_model_free": (None, [c_void_p]),
    "cifar_export_options_init": (Status, [POINTER(ExportOptions), c_size_t]),
    "cifar_model_export": (Status, [c_void_p, Format, c_char_p, POINTER(ExportOptions)]),
    "cifar_model_encode": (Status, [
        c_void_p, Format, POINTER(ExportOptions), POINTER(c_void_p), POINTER(c_size_t),
    ]),
    "cifar_import_options_init": (Status, [POINTER(ImportOptions), c_size_t]),
    "cifar_model_import": (Status, [c_char_p, POINTER(ImportOptions), POINTER(c_void_p)]),
    "cifar_model_decode": (Status, [c_void_p, c_size_t, POINTER(ImportOptions), POINTER(c_void_p)]),
    "cifar_model_spec_create": (Status, [POINTER(c_void_p)]),
    "cifar_model_spec_set_input": (Status, [c_void_p, c_uint32, c_uint32, c_uint32]),
    "cifar_model_spec_from_json": (Status, [c_char_p, POINTER(c_void_p)]),
    "cifar_model_spec_preset": (Status, [c_char_p, c_char_p, c_uint32, POINTER(c_void_p)]),
    "cifar_model_spec_resolve": (Status, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "cifar_model_spec_branch": (Status, [c_void_p, POINTER(c_void_p)]),
    "cifar_model_spec_conv2d": (Status, [c_void_p, c_uint32, c_uint32, c_uint32, Padding]),
    "cifar_model_spec_batch_norm": (Status, [c_void_p, c_double, c_double, c_int32]),
    "cifar_model_spec_relu": (Status, [c_void_p]),
    "cifar_model_spec_gelu": (Status, [c_void_p]),
    "cifar_model_spec_max_pool": (Status, [c_void_p]),
    "cifar_model_spec_avg_pool": (Status, [c_void_p]),
    "cifar_model_spec_global_average_pool": (Status, [c_void_p]),
    "cifar_model_spec_dropout": (Status, [c_void_p, c_double]),
    "cifar_model_spec_flatten": (Status, [c_void_p]),
    "cifar_model_spec_dense": (Status, [c_void_p, c_uint32]),
    "cifar_model_spec_add": (Status, [c_void_p, c_char_p]),
    "cifar_model_spec_residual": (Status, [c_void_p, c_void_p, c_void_p]),
    "cifar_model_spec_get_json": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_model_spec_get_summary": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_model_spec_get_script": (Status, [c_void_p, Format, POINTER(c_char_p)]),
    "cifar_model_spec_get_info": (Status, [c_void_p, POINTER(ModelSpecInfo), c_size_t]),
    "cifar_model_spec_free": (None, [c_void_p]),
    "cifar_registry_open": (Status, [c_char_p, POINTER(c_void_p)]),
    "cifar_registry_free": (None, [c_void_p]),
    "cifar_registry_list": (Status, [c_void_p, c_size_t, POINTER(c_void_p)]),
    "cifar_run_query_init": (Status, [POINTER(RunQuery), c_size_t]),
    "cifar_registry_query": (Status, [c_void_p, POINTER(RunQuery), POINTER(c_void_p)]),
    "cifar_run_list_count": (Status, [c_void_p, POINTER(c_size_t)]),
    "cifar_run_list_get": (Status, [c_void_p, c_size_t, POINTER(RunInfo), c_size_t]),
    "cifar_run_list_free": (None, [c_void_p]),
    "cifar_registry_find": (Status, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "cifar_run_get_info": (Status, [c_void_p, POINTER(RunInfo), c_size_t]),
    "cifar_run_get_hyperparameters": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_run_get_best_chosen_on": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_run_get_final_chosen_on": (Status, [c_void_p, POINTER(c_char_p)]),
    "cifar_run_epoch_count": (Status, [c_void_p, POINTER(c_size_t)]),
    "cifar_run_get_epoch": (Status, [c_void_p, c_size_t, POINTER(EpochInfo), c_size_t]),
    "cifar_run_checkpoint_count": (Status, [c_void_p, POINTER(c_size_t)]),
    "cifar_run_get_checkpoint": (Status, [c_void_p, c_size_t, POINTER(CheckpointInfo), c_size_t]),
    "cifar_run_metric_count": (Status, [c_void_p, POINTER(c_size_t)]),
    "cifar_run_get_metric": (Status, [c_void_p, c_size_t, POINTER(MetricInfo), c_size_t]),
    "cifar_run_note_count": (Status, [c_void_p, POINTER(c_size_t)]),
    "cifar_run_get_note": (Status, [c_void_p, c_size_t, POINTER(NoteInfo), c_size_t]),
    "cifar_run_session_count": (Status, [c_void_p, POINTER(c_size_t)]),
    "cifar_run_get_session": (Status, [c_void_p, c_size_t, POINTER(SessionInfo), c_size_t]),
    "cifar_run_get_changes": (Status, [c_void_p, c_size_t, POINTER(c_char_p)]),
    "cifar_run_free": (None, [c_void_p]),
    "cifar_registry_tag": (Status, [c_void_p, c_char_p, c_char_p]),
    "cifar_registry_untag": (Status, [c_void_p, c_char_p, c_char_p]),
    "cifar_registry_note": (Status, [c_void_p, c_char_p, c_char_p]),
    "cifar_registry_rename": (Status, [c_void_p, c_char_p, c_char_p]),
    "cifar_registry_set_group": (Status, [c_void_p, c_char_p, c_char_p]),
    "cifar_registry_pin": (Status, [c_void_p, c_int64, c_int32]),
    "cifar_registry_fork": (Status, [c_void_p, c_char_p, c_char_p, c_char_p, POINTER(c_char)]),
    "cifar_registry_import": (Status, [c_void_p, c_char_p, c_char_p, POINTER(c_char)]),
    "cifar_registry_remove": (Status, [c_void_p, c_char_p, c_int32]),
    "cifar_registry_restore": (Status, [c_void_p, c_char_p]),
    "cifar_registry_collect": (Status, [c_void_p, POINTER(c_uint64)]),
    "cifar_registry_slim": (Status, [c_void_p, c_char_p, c_int32, POINTER(c_uint64)]),
    "cifar_registry_verify": (Status, [c_void_p, c_char_p, ProblemCallback, c_void_p]),
    "cifar_registry_backup": (Status, [c_void_p, c_char_p]),
    "cifar_registry_merge": (Status, [
        c_void_p, c_char_p, c_char_p, c_int32, POINTER(MergeInfo), c_size_t,
    ]),
    "cifar_registry_export": (Status, [c_void_p, c_int64, c_char_p]),
}
