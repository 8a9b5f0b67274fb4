//! What cifar.h declares, as it is; its comments are the documentation.
//!
//! Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.
#![allow(non_camel_case_types, missing_docs, missing_debug_implementations)]

use std::marker::{PhantomData, PhantomPinned};
use std::mem::{offset_of, size_of};
use std::os::raw::{c_char, c_int, c_uint, c_void};

// The version of this header; goes up when programs have to be recompiled.
pub const CIFAR_VERSION_MAJOR: u32 = 0;
// Goes up with what is new.
pub const CIFAR_VERSION_MINOR: u32 = 2;
// Goes up with what is put right.
pub const CIFAR_VERSION_PATCH: u32 = 0;
// All three as one number, to compare: 10,000 * major + 100 * minor + patch, 200 for 0.2.0.
pub const CIFAR_VERSION_NUMBER: u32 = 200;

// What a call came to. Codes are spaced and never used again for something else.
pub type cifar_status = c_uint;
// All went well.
pub const CIFAR_OK: cifar_status = 0;
// An argument or an option is outside what the call allows; NULL where something must be.
pub const CIFAR_E_INVALID_ARGUMENT: cifar_status = 10;
// Arrays, layers or weights whose shapes do not fit together; images that are not the run's.
pub const CIFAR_E_SHAPE_MISMATCH: cifar_status = 20;
// A file, directory, run or checkpoint that does not exist.
pub const CIFAR_E_NOT_FOUND: cifar_status = 30;
// A name or the start of an id that fits more than one run.
pub const CIFAR_E_AMBIGUOUS: cifar_status = 31;
// The operating system refused to read or write.
pub const CIFAR_E_IO: cifar_status = 40;
// There is no space left to write to.
pub const CIFAR_E_DISK_FULL: cifar_status = 41;
// A file that is not what it should be: truncated, oversized, or with values out of range.
pub const CIFAR_E_BAD_DATA: cifar_status = 50;
// Stored bytes that no longer have the SHA-256 they were stored with.
pub const CIFAR_E_CHECKSUM_MISMATCH: cifar_status = 51;
// SQLite reported an error.
pub const CIFAR_E_DATABASE: cifar_status = 60;
// An SQLite file that is no run registry; it stays untouched.
pub const CIFAR_E_FOREIGN_DATABASE: cifar_status = 61;
// A registry written by a newer version of the library.
pub const CIFAR_E_NEWER_DATABASE: cifar_status = 62;
// Someone else holds the registry, or trains the run.
pub const CIFAR_E_BUSY: cifar_status = 63;
// A call that does not fit the state of its object.
pub const CIFAR_E_INVALID_STATE: cifar_status = 70;
// Training was interrupted; a checkpoint of the very batch was left.
pub const CIFAR_E_INTERRUPTED: cifar_status = 80;
// A callback returned something else than 0, or a timer ran out; a checkpoint of the very batch was
// left.
pub const CIFAR_E_CALLBACK: cifar_status = 81;
// Another process of a training ended it, or can't be reached: see cifar_trainer_set_peers.
pub const CIFAR_E_PEER: cifar_status = 82;
// A loss, a weight or a probability is not a finite number.
pub const CIFAR_E_NOT_FINITE: cifar_status = 90;
// A feature that this build or this machine does not have.
pub const CIFAR_E_UNSUPPORTED: cifar_status = 100;
// Memory could not be had, or is more than the process may use; see "Memory" above.
pub const CIFAR_E_OUT_OF_MEMORY: cifar_status = 110;
// A defect in the library.
pub const CIFAR_E_INTERNAL: cifar_status = 120;

// How much a log line matters.
pub type cifar_log_level = c_uint;
// What only helps to find a defect.
pub const CIFAR_LOG_DEBUG: cifar_log_level = 10;
// What is going on.
pub const CIFAR_LOG_INFO: cifar_log_level = 20;
// What should be looked at; the call continues.
pub const CIFAR_LOG_WARNING: cifar_log_level = 30;
// What has failed.
pub const CIFAR_LOG_ERROR: cifar_log_level = 40;

// Receives one whole line, without its end, at most 4,095 bytes. Comes from any thread, several at
// once too, and must not call back into the library, but for cifar_set_log, nor fork.
pub type cifar_log_callback = Option<unsafe extern "C" fn(level: cifar_log_level, line: *const c_char, user: *mut c_void)>;

// Labelled images of one shape, kept as bytes. Immutable.
#[repr(C)]
pub struct cifar_dataset {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// Which part of a data set.
pub type cifar_split = c_uint;
// to train on
pub const CIFAR_TRAIN: cifar_split = 0;
// to validate or to test with
pub const CIFAR_TEST: cifar_split = 1;

// Images and labels in memory. cifar_dataset_options_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_dataset_options {
    pub struct_size: u32,
    // what the data set says of itself: CIFAR_TRAIN
    pub split: cifar_split,
    // planes of an image: 3, red, green and blue, or 1, grey; 3
    pub channels: u32,
    // rows of an image, from 8 to 128; 32
    pub height: u32,
    // columns of an image, from 8 to 128; 32
    pub width: u32,
    // from 2 to 1000; to be set
    pub classes: u32,
    // images, at least 1; to be set
    pub count: usize,
    // (count, channels, height, width), rows from the top; to be set
    pub images: *const u8,
    // (count), each in 0 ... classes - 1; to be set
    pub labels: *const i32,
    // (classes) different strings of 1 to 200 bytes; NULL for "0", "1", ..., which go with the
    // names of any other data set or model
    pub class_names: *const *const c_char,
    // (count), what the loss of each image counts in training, 0 to 1e6 and not all 0; multiplied
    // with "class_weight", and averaged as that is. NULL: all count alike, as in validation and
    // evaluation they always do
    pub sample_weights: *const f32,
}

// What is known of a data set.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_dataset_info {
    pub struct_size: u32,
    // which part
    pub split: cifar_split,
    // images
    pub count: usize,
    // that a label can be of
    pub classes: u32,
    // "cifar10", "cifar100", "cifar100-coarse", "mnist", "fashion-mnist", "svhn", "shapes",
    // "folder" or "memory"
    pub name: *const c_char,
    // what opens it again, or NULL for memory
    pub location: *const c_char,
    // of an image: 3, red, green and blue, or 1, grey
    pub channels: u32,
    // rows of an image
    pub height: u32,
    // columns of an image
    pub width: u32,
}

// One training under way: network, optimizer, data, and the registry that keeps what it does.
#[repr(C)]
pub struct cifar_trainer {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// A trained network to use: see "Models".
#[repr(C)]
pub struct cifar_model {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// What to train and how to keep it. cifar_train_options_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_train_options {
    pub struct_size: u32,
    // at most, up to 1,000,000; of 9.9, the last has nine tenths of the steps; 0: as the recipe
    // says, 100
    pub epochs: f64,
    // 1 to 65,536; 0: as the recipe says, 64
    pub batch_size: u32,
    // 1 to 1024, of which cifar_default_threads() compute at most; 0: these
    pub threads: u32,
    // above 0; 0: as the recipe says, 0.001
    pub learning_rate: f64,
    // where all random numbers come from; 0: as the recipe says, 0
    pub seed: u64,
    // "pytorch" or "keras", the tutorial's dialects, or "keras-tuned", the latter with the learning
    // rate halved on a plateau; "airbench93", "airbench94", "airbench94-muon" or "resnet9", the
    // record recipes; NULL: "pytorch"
    pub recipe: *const c_char,
    // what people call the run; NULL: none
    pub name: *const c_char,
    // the SQLite file, made if missing; NULL: $CIFAR_REGISTRY or ./cifar-runs.db
    pub registry: *const c_char,
    // 1; 0: keep nothing, there is no registry
    pub record: i32,
    // checkpoints kept besides the best one: 2; 0: all of them
    pub keep_last: u32,
    // noted down with the session; NULL: none
    pub command_line: *const c_char,
    // every n-th epoch's checkpoint stays too; 0: none of them
    pub keep_every: u32,
    // of the run, one a line; NULL: none
    pub tags: *const c_char,
    // a JSON object put over the recipe; the fields of this struct go over both. NULL: nothing. See
    // below
    pub hyperparameters: *const c_char,
    // a preset's name, "tutorial", "tutorial-gap", "tutorial-resnet", "airbench93", "airbench94",
    // "airbench94-muon" or "resnet9", or the JSON of a cifar_model_spec. NULL: the recipe's,
    // "tutorial"
    pub model: *const c_char,
    // seconds for which the end of training waits for a registry that others hold, 0 to 1,000,000:
    // 600. See cifar_trainer_run
    pub busy_timeout: f64,
    // begin with the weights and statistics of this model, as far as they fit (see init_from); it
    // is not kept. NULL: with other ones
    pub init_model: *const cifar_model,
    // what the run's hyperparameters call the place where init_model or init_bytes come from; NULL:
    // what the model knows of that
    pub init_source: *const c_char,
    // the group of the run, such as the seeds of one configuration; NULL: none
    pub group: *const c_char,
    // begin with the weights of a safetensors file, if it is written like one, with a / or
    // .safetensors, and there; else with those of the best checkpoint of the run of this name or id
    // in the registry, or, without such a run, of the safetensors file of this name. Of these, as
    // of init_model and init_bytes, everything is taken that has the name and the shape of one of
    // the model's tensors; what does not fit is told by a line in the log and a note of the run,
    // and drawn; where nothing fits the error is SHAPE_MISMATCH. NULL: with init_model, with
    // init_bytes, or, as usual, draw all of them
    pub init_from: *const c_char,
    // begin with the weights of a safetensors file in memory, which is not kept: see init_from.
    // NULL: with other ones
    pub init_bytes: *const c_void,
    // bytes at init_bytes
    pub init_size: usize,
    // versions of the program's own packages by name, a JSON object such as {"numpy": "2.1.0"},
    // noted down with the session; NULL: none
    pub packages: *const c_char,
    // 0: the uncommitted changes of the git repository that the working directory is in are noted
    // down with the session, up to 1 MiB; 1: they are not
    pub no_patch: i32,
    // a directory in which event files for TensorBoard are written while training, a directory for
    // each run: made if missing, IO where it can't be written; what fails later is a line in the
    // log and ends no training. NULL: none
    pub tensorboard: *const c_char,
    // 1: BUSY if the group has a run of this seed meanwhile, made by another process: see
    // cifar_group_find_member. 0: a group has as many as there are
    pub is_only_of_its_seed: i32,
}

// What of a group of runs from several seeds is to be trained.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_member_info {
    pub struct_size: u32,
    // 1: the run has completed or failed, and there is nothing left to train
    pub is_over: i32,
    // of the group's run with these options: resume it, unless it is over; "": there is none, make
    // it with cifar_trainer_create
    pub run_id: [c_char; 40],
    // 1: a process trains it at present; leave it to that
    pub is_running: i32,
}

// One step of a search for a learning rate.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_lr_point {
    pub struct_size: u32,
    // from 1
    pub step: u32,
    // at most
    pub steps: u32,
    // of the step
    pub learning_rate: f64,
    // of its batch
    pub loss: f64,
    // an exponential moving average that keeps 0.9 of the one before, corrected for its beginning
    // at 0
    pub smoothed_loss: f64,
}

// How to look for a learning rate. cifar_lr_find_options_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_lr_find_options {
    pub struct_size: u32,
    // 10 to 10,000: 100
    pub steps: u32,
    // the rate of the first step, above 0: 1e-7
    pub start: f64,
    // the rate of the last step, above start: 10
    pub end: f64,
    // After every step, on the thread that called; NULL: none. Anything but 0 ends the search,
    // which then says what it has seen.
    pub on_step: Option<unsafe extern "C" fn(point: *const cifar_lr_point, user: *mut c_void) -> c_int>,
    // handed to on_step
    pub user: *mut c_void,
}

// What a search for a learning rate came to: see cifar_lr_find.
#[repr(C)]
pub struct cifar_lr_curve {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// What there is to say of a search.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_lr_info {
    pub struct_size: u32,
    // 1: the loss grew until the search ended
    pub has_diverged: i32,
    // points, at least 1
    pub count: u64,
    // the rate to take: the smaller of steepest and a tenth of minimum, where the loss has grown
    // after that; NaN where the search does not tell
    pub suggestion: f64,
    // where the smoothed loss falls fastest over the logarithm of the rate; NaN: nowhere
    pub steepest: f64,
    // where the smoothed loss is smallest; NaN where it does not fall
    pub minimum: f64,
    // why this suggestion, or none, in a few sentences; as long as the curve
    pub reason: *const c_char,
}

// How to take up a run. cifar_resume_options_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_resume_options {
    pub struct_size: u32,
    // train up to this many in all, as in cifar_train_options; 0: as planned
    pub epochs: f64,
    // 1 to 1024, of which cifar_default_threads() compute at most; 0: these
    pub threads: u32,
    // "last", "best" or a checkpoint's id; NULL: "last"
    pub checkpoint: *const c_char,
    // as in cifar_train_options
    pub registry: *const c_char,
    // as in cifar_dataset_open; NULL: where the run had its images from
    pub data_location: *const c_char,
    // noted down with the session; NULL: none
    pub command_line: *const c_char,
    // 0; 1: also a run that seems to be running, because what trained it can't be asked from here:
    // another machine, another container, the same machine a moment after a restart. What still
    // trains it can write nothing more
    pub take_over: i32,
    // as in cifar_train_options
    pub busy_timeout: f64,
    // as in cifar_train_options
    pub packages: *const c_char,
    // as in cifar_train_options
    pub no_patch: i32,
    // as in cifar_train_options: the run's directory gets another file, which begins with the
    // epochs that the registry has
    pub tensorboard: *const c_char,
}

// How to start a run again. cifar_rerun_options_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_rerun_options {
    pub struct_size: u32,
    // 1 to 1024, of which cifar_default_threads() compute at most; 0: as many as the run had
    pub threads: u32,
    // what people call the new run; NULL: none
    pub name: *const c_char,
    // as in cifar_train_options; it gets the new run, too
    pub registry: *const c_char,
    // as in cifar_resume_options
    pub data_location: *const c_char,
    // a run or a file with the weights that the run began with; NULL: where it had them from
    pub init_from: *const c_char,
    // of the new run, one a line; NULL: none
    pub tags: *const c_char,
    // of the new run; NULL: none
    pub group: *const c_char,
    // as in cifar_train_options
    pub command_line: *const c_char,
    // as in cifar_train_options
    pub packages: *const c_char,
    // as in cifar_train_options
    pub busy_timeout: f64,
    // as in cifar_train_options
    pub keep_last: u32,
    // as in cifar_train_options
    pub keep_every: u32,
    // as in cifar_train_options
    pub no_patch: i32,
}

// How far the epoch under way is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_batch_info {
    pub struct_size: u32,
    // from 1
    pub epoch: u32,
    // at most
    pub epochs: u32,
    // batches done in this epoch
    pub batch: u32,
    // in an epoch
    pub batches: u32,
    // training images seen in this epoch
    pub images: u64,
    // mean over them
    pub loss: f64,
    // 0 to 1
    pub accuracy: f64,
    // of the batch
    pub learning_rate: f64,
    // that they took
    pub seconds: f64,
}

// What a pass over the validation images came to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_validation_info {
    pub struct_size: u32,
    // from 1
    pub epoch: u32,
    // validation images
    pub images: u64,
    // mean over them
    pub loss: f64,
    // 0 to 1
    pub accuracy: f64,
    // that it took
    pub seconds: f64,
}

// An epoch that has ended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_epoch_info {
    pub struct_size: u32,
    // from 1
    pub epoch: u32,
    // mean over the images as they were trained on
    pub train_loss: f64,
    // 0 to 1
    pub train_accuracy: f64,
    // NaN where nothing was validated
    pub val_loss: f64,
    // 0 to 1; NaN likewise
    pub val_accuracy: f64,
    // that the epoch was trained with
    pub learning_rate: f64,
    // the whole epoch, validation included
    pub seconds: f64,
    // training images, validation left out
    pub images_per_second: f64,
    // processor time of all threads of the process; NaN where it is not known
    pub cpu_seconds: f64,
    // most bytes that the process had resident at once so far; NaN likewise
    pub peak_memory: f64,
    // 1: the best so far by the recipe's measure. Only in callbacks
    pub is_best: i32,
}

// What waits because others hold the registry.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_storage_info {
    pub struct_size: u32,
    // that wait to be stored; 0 where only the run's end does
    pub epochs: u32,
    // for which others hold it
    pub seconds: f64,
    // until cifar_trainer_run waits no more; -1 while it trains
    pub seconds_left: f64,
}

// What a training calls, on the thread that called cifar_trainer_run. cifar_trainer_callbacks_init
// sets all to NULL, which is not called.  0 continues; anything else stops the training, which then
// leaves a checkpoint and returns CIFAR_E_CALLBACK. An epoch whose batches are all done ends, and
// has its row, all the same. An info lives for the call only. Of their trainer callbacks may call
// cifar_trainer_set_learning_rate, cifar_trainer_record_metric, cifar_trainer_record_metrics,
// cifar_model_from_trainer, cifar_trainer_interrupt and cifar_trainer_free. They must return: no
// longjmp, no exception may pass.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_trainer_callbacks {
    pub struct_size: u32,
    // handed to each
    pub user: *mut c_void,
    // Before training, also when a run is resumed.
    pub on_train_begin: Option<unsafe extern "C" fn(user: *mut c_void) -> c_int>,
    // Before an epoch's first batch, with 0 batches done; not where an epoch is resumed in its
    // middle.
    pub on_epoch_begin: Option<unsafe extern "C" fn(info: *const cifar_batch_info, user: *mut c_void) -> c_int>,
    // Before every batch, with the batches done so far and the rate that it is to have.
    pub on_batch_begin: Option<unsafe extern "C" fn(info: *const cifar_batch_info, user: *mut c_void) -> c_int>,
    // After every batch.
    pub on_batch_end: Option<unsafe extern "C" fn(info: *const cifar_batch_info, user: *mut c_void) -> c_int>,
    // After an epoch's last batch, before its validation.
    pub on_validation_begin: Option<unsafe extern "C" fn(user: *mut c_void) -> c_int>,
    // After the validation, before the recipe's callbacks and the epoch's row.
    pub on_validation_end: Option<unsafe extern "C" fn(info: *const cifar_validation_info, user: *mut c_void) -> c_int>,
    // After every epoch, when it and its checkpoint are in the registry; where others hold that,
    // while they wait for it.
    pub on_epoch_end: Option<unsafe extern "C" fn(info: *const cifar_epoch_info, user: *mut c_void) -> c_int>,
    // While others hold the registry: during training, when they have done so for 10 seconds, for
    // every epoch that waits to be stored; when it is over, some ten times a second until all is
    // stored. Anything but 0 then ends the waiting.
    pub on_storage_wait: Option<unsafe extern "C" fn(info: *const cifar_storage_info, user: *mut c_void) -> c_int>,
    // When training is over, but not after a failure; what it returns is ignored. Where it has
    // completed and a callback of the recipe restores the best weights, they are in their place.
    pub on_train_end: Option<unsafe extern "C" fn(user: *mut c_void) -> c_int>,
}

// The processes that train one network together, as one of them sees them; cifar_peers_init sets
// the callbacks to NULL, and a count of 1.  The callbacks move bytes and do nothing else; each is
// one call of MPI, or of another library for collective communication. All processes call the same
// one at the same time, with the same sizes; each returns when this process's part is done. 0 is
// success; after anything else this process's training ends with PEER, and the others' when their
// call returns, for which whoever moves the bytes must see to it that they do not wait for ever
// (MPI_Abort, a timeout). They are called by a thread of the library, one at a time, while
// cifar_trainer_set_peers or cifar_trainer_run waits for them, and must return: no longjmp, no
// exception may pass.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_peers {
    pub struct_size: u32,
    // which of them this process is, from 0
    pub rank: u32,
    // how many there are, 1 to 1024
    pub count: u32,
    // 0: a batch norm takes mean and variance of the whole batch; 1: each process those of its
    // images, which takes no exchange within a pass; the running ones are then those of process 0
    pub local_batch_norm: i32,
    // handed to each
    pub user: *mut c_void,
    // Sends block i of `send`, which has a block for each process, to process i, and puts its block
    // into the place of process i in `receive`; blocks are `bytes` long.
    pub all_to_all: Option<unsafe extern "C" fn(send: *const c_void, receive: *mut c_void, bytes: u64, user: *mut c_void) -> c_int>,
    // Puts the `bytes` at `send` of every process, by rank, into `receive`.
    pub all_gather: Option<unsafe extern "C" fn(send: *const c_void, receive: *mut c_void, bytes: u64, user: *mut c_void) -> c_int>,
    // Copies the buffer of process `root` to that of the others.
    pub broadcast: Option<unsafe extern "C" fn(buffer: *mut c_void, bytes: u64, root: u32, user: *mut c_void) -> c_int>,
}

// How far a training is, and what it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_trainer_info {
    pub struct_size: u32,
    // completed epochs
    pub epoch: u32,
    // at most
    pub epochs: u32,
    // batches done in the epoch under way; 0 between epochs
    pub batch: u32,
    // in an epoch
    pub batches: u32,
    // that compute
    pub threads: u32,
    // optimizer steps since the run began
    pub step: u64,
    // numbers that are trained
    pub parameters: u64,
    // a UUID; NULL without a registry
    pub run_id: *const c_char,
    // its file; NULL without one
    pub registry: *const c_char,
    // the complete set, a JSON object
    pub hyperparameters: *const c_char,
    // why training ended, in words; NULL before
    pub end_reason: *const c_char,
    // 1: "terminate_on_nan" ended it; its run is "failed"
    pub has_diverged: i32,
}

// How good the network is that a training ended with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_final_result {
    pub struct_size: u32,
    // 1: of the test images, as a part of the training images was validated on; 0: of the images
    // that were validated on
    pub is_of_test_images: i32,
    // whose weights they are, from 1
    pub epoch: u32,
    // at other epochs of the run that looked at the test images
    pub earlier_looks: u32,
    // that it was measured on
    pub images: u64,
    // as in cifar_evaluation
    pub loss: f64,
    // 0 to 1
    pub accuracy: f64,
    // 95 % interval of the accuracy, as in cifar_evaluation: from here
    pub accuracy_low: f64,
    // to here
    pub accuracy_high: f64,
    // with the run's test-time augmentation; NaN without one
    pub augmented_loss: f64,
    // likewise
    pub augmented_accuracy: f64,
    // as in cifar_evaluation: these images chose the epoch
    pub chose_epoch: i32,
}

// What is known of a model.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_model_info {
    pub struct_size: u32,
    // that it tells apart
    pub classes: u32,
    // the epoch whose weights they are: the last completed one, or that whose weights early
    // stopping put back
    pub epoch: u32,
    // numbers that were trained
    pub parameters: u64,
    // what it was trained with, a JSON object
    pub hyperparameters: *const c_char,
    // of the images that it takes, as in cifar_dataset_info
    pub channels: u32,
    // their rows
    pub height: u32,
    // their columns
    pub width: u32,
}

// How good a model is on a data set.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_evaluation {
    pub struct_size: u32,
    // mean cross-entropy, natural logarithm, as the model was trained with: with its label
    // smoothing; with flips, that of the averaged probabilities, without. Computed from logits,
    // never clipped
    pub loss: f64,
    // 0 to 1
    pub accuracy: f64,
    // images
    pub count: usize,
    // the label is among the five most probable classes; 0 to 1
    pub top5_accuracy: f64,
    // the mean of the classes' F1; 0 to 1
    pub macro_f1: f64,
    // where the accuracy on all such images lies, with 95 % confidence: Wilson's interval of a
    // binomial share, from here
    pub accuracy_low: f64,
    // to here. It knows nothing of how the model was chosen
    pub accuracy_high: f64,
    // 1: the model's weights were chosen on these images, or on some of them: as the best
    // checkpoint by a callback that watches how the run does on them, or as those that one which
    // stops early ended with. 0: they were not, or nobody knows
    pub chose_epoch: i32,
}

// What a model is written as.
pub type cifar_format = c_uint;
// Everything that a training needs to continue: a safetensors file with weights, what the optimizer
// keeps, and the trainer's state.
pub const CIFAR_FORMAT_CHECKPOINT: cifar_format = 0;
// Weights and statistics alone, float32, in a safetensors file, as cifar_model_save writes it, with
// the num_batches_tracked that PyTorch has: what load_state_dict takes. Weights of a quantized
// model are I8, with their scales beside them.
pub const CIFAR_FORMAT_WEIGHTS: cifar_format = 1;
// An ONNX model, opset 15: "images", (N, channels, height, width) of uint8 for any N, which the
// graph normalises, to "probabilities", (N, classes). Dropout is left out.
pub const CIFAR_FORMAT_ONNX: cifar_format = 2;
// A Python script that builds the model in PyTorch and loads its weights. cifar_model_export writes
// these beside it, under the same name with .safetensors.
pub const CIFAR_FORMAT_PYTORCH: cifar_format = 3;
// Likewise in Keras 3.
pub const CIFAR_FORMAT_KERAS: cifar_format = 4;

// How a model is written. cifar_export_options_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_export_options {
    pub struct_size: u32,
    // of the weights, for CIFAR_FORMAT_WEIGHTS: "sequential", 0.weight as in a flat nn.Sequential,
    // where global average pooling is two modules, AdaptiveAvgPool2d(1) and Flatten(); "tutorial",
    // conv_block1.0.weight to fc.4.bias. NULL: the tutorial's for a model that is built like it and
    // has all its biases, else "sequential"
    pub names: *const c_char,
    // for CIFAR_FORMAT_ONNX: 0, a batch normalisation after a convolution or a dense layer becomes
    // part of its weights; 1: it stays a node
    pub keep_batch_norm: i32,
}

// Which model weights belong to. cifar_import_options_init fills in the defaults below. Where all
// but threads is as it sets it, a file of this library decides, which knows its model.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_import_options {
    pub struct_size: u32,
    // as in cifar_model_open: 0
    pub threads: u32,
    // a preset's name, or the JSON of a cifar_model_spec; NULL: "tutorial"
    pub model: *const c_char,
    // whose batch norm, padding and normalization of images the model has: a recipe's name, as in
    // cifar_train_options; NULL: "pytorch"
    pub recipe: *const c_char,
    // a JSON object put over the recipe, such as {"normalization": {"mean": [0, 0, 0], "std": [1,
    // 1, 1]}}; NULL: nothing
    pub hyperparameters: *const c_char,
    // a name for each class, one a line; NULL: "0", "1", …
    pub class_names: *const c_char,
}

// A model as a list of layers. Training takes its JSON: options.model.
#[repr(C)]
pub struct cifar_model_spec {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// The zeros around the input of a convolution.
pub type cifar_padding = c_uint;
// Half the kernel on every side, PyTorch's padding=k//2.
pub const CIFAR_PADDING_SAME: cifar_padding = 0;
// None.
pub const CIFAR_PADDING_VALID: cifar_padding = 1;
// As many as make the output 1/stride of the input, an odd one at the end: Keras's "same". With
// stride 1 it is CIFAR_PADDING_SAME.
pub const CIFAR_PADDING_SAME_UPPER: cifar_padding = 2;
// What "same" is in the dialect that the model is trained in.
pub const CIFAR_PADDING_DEFAULT: cifar_padding = 3;

// How large a model is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_model_spec_info {
    pub struct_size: u32,
    // those inside residual blocks counted
    pub layers: u32,
    // units of the last layer; 0 if it is not dense
    pub classes: u32,
    // numbers that are trained
    pub parameters: u64,
    // numbers that are kept besides: running means and variances, and the parameters of layers that
    // are not trainable
    pub non_trainable: u64,
    // additions and multiplications for one image
    pub flops: u64,
}

// The record of all runs. What only asks works on a file that cannot be written, too.
#[repr(C)]
pub struct cifar_registry {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// A run in one line.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_run_info {
    pub struct_size: u32,
    // recorded
    pub epochs: u32,
    // at most; 9.9 where that is nine tenths of the tenth
    pub epochs_planned: f64,
    // a UUID
    pub id: *const c_char,
    // NULL: none
    pub name: *const c_char,
    // running, completed, stopped, interrupted, failed or crashed
    pub status: *const c_char,
    // its name, as in cifar_train_options
    pub recipe: *const c_char,
    // cifar10, shapes or memory
    pub dataset: *const c_char,
    // ISO 8601, UTC: 2026-11-23T20:22:08.123Z
    pub started: *const c_char,
    // seconds in all its sessions together
    pub duration_s: f64,
    // 0 to 1; NaN before the first epoch
    pub best_val_accuracy: f64,
    // NaN likewise
    pub best_val_loss: f64,
    // of the last epoch; NaN likewise
    pub last_val_accuracy: f64,
    // NaN likewise
    pub last_val_loss: f64,
    // sorted, one a line; "" without any
    pub tags: *const c_char,
    // the id of the run that it was forked from; NULL: none
    pub parent: *const c_char,
    // such as the seeds of one configuration; NULL: none
    pub group: *const c_char,
}

// Runs as they were at one moment.
#[repr(C)]
pub struct cifar_run_list {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// Which runs are wanted. cifar_run_query_init fills in the defaults below.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_run_query {
    pub struct_size: u32,
    // 0: the largest or latest first
    pub ascending: i32,
    // NULL: all runs
    pub filter: *const c_char,
    // a field; NULL: as they were started
    pub sort: *const c_char,
    // at most this many; 0: all
    pub limit: usize,
    // 1: the runs in the trash instead
    pub trash: i32,
}

// All about one run but the bytes of its checkpoints, as it was at one moment.
#[repr(C)]
pub struct cifar_run {
    _bytes: [u8; 0],
    _unknown: PhantomData<(*mut u8, PhantomPinned)>,
}

// What is known of a checkpoint.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_checkpoint_info {
    pub struct_size: u32,
    // completed epochs
    pub epoch: u32,
    // batches done in the next one; 0 between epochs
    pub batch: u32,
    // 1: the best of the run
    pub is_best: i32,
    // unique in the file
    pub id: i64,
    // optimizer steps since the run began
    pub step: u64,
    // bytes
    pub size: u64,
    // lowercase hexadecimal
    pub sha256: *const c_char,
    // ISO 8601, UTC
    pub created: *const c_char,
    // 1: retention never takes it
    pub is_pinned: i32,
    // 1: the run was resumed from an earlier point since
    pub is_superseded: i32,
}

// A value that the caller of a training recorded.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_metric_info {
    pub struct_size: u32,
    // that it is about, from 1
    pub epoch: u32,
    // as it was recorded
    pub name: *const c_char,
    // likewise
    pub value: f64,
}

// A remark about a run.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_note_info {
    pub struct_size: u32,
    // ISO 8601, UTC
    pub created: *const c_char,
    // of any number of lines
    pub text: *const c_char,
}

// A start or a resume of a run: the program that trained and what it ran in.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_session_info {
    pub struct_size: u32,
    // that computed
    pub threads: u32,
    // ISO 8601, UTC
    pub started: *const c_char,
    // likewise; NULL: it runs, or its process is gone without a word
    pub ended: *const c_char,
    // seconds; of one that runs, so far
    pub duration_s: f64,
    // as in cifar_run_info
    pub status: *const c_char,
    // why it ended, in words; "" while it runs
    pub reason: *const c_char,
    // completed epochs of the checkpoint that it went on from; -1: it is the run's start
    pub resumed_epoch: i64,
    // batches done in the next epoch; -1 likewise
    pub resumed_batch: i64,
    // the machine's name
    pub host: *const c_char,
    // the process there
    pub pid: i64,
    // as by cifar_version
    pub library_version: *const c_char,
    // of the kernels, which the bits of a result depend on
    pub instruction_set: *const c_char,
    // as in cifar_train_options; "" for none
    pub command_line: *const c_char,
    // NULL: not known
    pub working_directory: *const c_char,
    // that was checked out there; NULL: none, or not known
    pub git_commit: *const c_char,
    // a JSON object: processor, memory, limits, versions of packages and more; NULL: not noted
    pub environment: *const c_char,
}

// Receives a sentence about something that is damaged. 0 continues, anything else stops.
pub type cifar_problem_callback = Option<unsafe extern "C" fn(problem: *const c_char, user: *mut c_void) -> c_int>;

// What cifar_registry_merge came to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cifar_merge_info {
    pub struct_size: u32,
    // runs that were not there before
    pub added: u32,
    // runs that were, and have what they lacked
    pub updated: u32,
    // runs that lacked nothing
    pub unchanged: u32,
    // runs that were left out, see skip_conflicts
    pub conflicts: u32,
    // that were copied
    pub checkpoints: u32,
}

extern "C" {
    pub fn cifar_version() -> *const c_char;

    pub fn cifar_version_number() -> u32;

    pub fn cifar_instruction_set() -> *const c_char;

    pub fn cifar_default_threads() -> u32;

    pub fn cifar_status_name(status: cifar_status) -> *const c_char;

    pub fn cifar_last_error() -> *const c_char;

    pub fn cifar_set_log(callback: cifar_log_callback, user: *mut c_void) -> cifar_status;

    pub fn cifar_dataset_open(
        location: *const c_char,
        split: cifar_split,
        limit: usize,
        out: *mut *mut cifar_dataset,
    ) -> cifar_status;

    pub fn cifar_dataset_options_init(
        options: *mut cifar_dataset_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_dataset_from_memory(
        options: *const cifar_dataset_options,
        out: *mut *mut cifar_dataset,
    ) -> cifar_status;

    pub fn cifar_dataset_get_info(
        dataset: *const cifar_dataset,
        info: *mut cifar_dataset_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_dataset_get_class_name(
        dataset: *const cifar_dataset,
        index: u32,
        name: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_dataset_get_data(
        dataset: *const cifar_dataset,
        images: *mut *const u8,
        labels: *mut *const i32,
    ) -> cifar_status;

    pub fn cifar_dataset_get_sample_weights(
        dataset: *const cifar_dataset,
        weights: *mut *const f32,
    ) -> cifar_status;

    pub fn cifar_dataset_read(
        dataset: *const cifar_dataset,
        first: usize,
        count: usize,
        images: *mut u8,
        labels: *mut i32,
    ) -> cifar_status;

    pub fn cifar_dataset_free(dataset: *mut cifar_dataset);

    pub fn cifar_train_options_init(
        options: *mut cifar_train_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_create(
        train: *const cifar_dataset,
        validation: *const cifar_dataset,
        options: *const cifar_train_options,
        out: *mut *mut cifar_trainer,
    ) -> cifar_status;

    pub fn cifar_group_find_member(
        train: *const cifar_dataset,
        validation: *const cifar_dataset,
        options: *const cifar_train_options,
        info: *mut cifar_member_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_lr_find_options_init(
        options: *mut cifar_lr_find_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_lr_find(
        train: *const cifar_dataset,
        options: *const cifar_train_options,
        find: *const cifar_lr_find_options,
        out: *mut *mut cifar_lr_curve,
    ) -> cifar_status;

    pub fn cifar_lr_curve_get_info(
        curve: *const cifar_lr_curve,
        info: *mut cifar_lr_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_lr_curve_get_point(
        curve: *const cifar_lr_curve,
        index: usize,
        info: *mut cifar_lr_point,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_lr_curve_free(curve: *mut cifar_lr_curve);

    pub fn cifar_resume_options_init(
        options: *mut cifar_resume_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_resume(
        run: *const c_char,
        train: *const cifar_dataset,
        validation: *const cifar_dataset,
        options: *const cifar_resume_options,
        out: *mut *mut cifar_trainer,
    ) -> cifar_status;

    pub fn cifar_rerun_options_init(
        options: *mut cifar_rerun_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_rerun(
        run: *const c_char,
        train: *const cifar_dataset,
        validation: *const cifar_dataset,
        options: *const cifar_rerun_options,
        out: *mut *mut cifar_trainer,
    ) -> cifar_status;

    pub fn cifar_trainer_callbacks_init(
        callbacks: *mut cifar_trainer_callbacks,
        callbacks_size: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_set_callbacks(
        trainer: *mut cifar_trainer,
        callbacks: *const cifar_trainer_callbacks,
    ) -> cifar_status;

    pub fn cifar_trainer_set_learning_rate(
        trainer: *mut cifar_trainer,
        learning_rate: f64,
    ) -> cifar_status;

    pub fn cifar_peers_init(peers: *mut cifar_peers, peers_size: usize) -> cifar_status;

    pub fn cifar_trainer_set_peers(
        trainer: *mut cifar_trainer,
        peers: *const cifar_peers,
    ) -> cifar_status;

    pub fn cifar_peers_leave(peers: *const cifar_peers, reason: *const c_char) -> cifar_status;

    pub fn cifar_trainer_run(trainer: *mut cifar_trainer) -> cifar_status;

    pub fn cifar_trainer_interrupt(trainer: *mut cifar_trainer) -> cifar_status;

    pub fn cifar_trainer_record_metric(
        trainer: *mut cifar_trainer,
        name: *const c_char,
        value: f64,
    ) -> cifar_status;

    pub fn cifar_trainer_record_metrics(
        trainer: *mut cifar_trainer,
        names: *const *const c_char,
        values: *const f64,
        count: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_get_info(
        trainer: *const cifar_trainer,
        info: *mut cifar_trainer_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_get_result(
        trainer: *const cifar_trainer,
        result: *mut cifar_final_result,
        result_size: usize,
    ) -> cifar_status;

    pub fn cifar_trainer_free(trainer: *mut cifar_trainer);

    pub fn cifar_model_open(
        path: *const c_char,
        threads: u32,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_from_run(
        registry: *const c_char,
        run: *const c_char,
        checkpoint: *const c_char,
        threads: u32,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_from_memory(
        bytes: *const u8,
        size: usize,
        threads: u32,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_from_trainer(
        trainer: *const cifar_trainer,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_get_info(
        model: *const cifar_model,
        info: *mut cifar_model_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_model_get_class_name(
        model: *const cifar_model,
        index: u32,
        name: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_get_summary(
        model: *const cifar_model,
        text: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_set_precision(
        model: *mut cifar_model,
        precision: *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_get_precision(
        model: *const cifar_model,
        precision: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_quantize(
        model: *mut cifar_model,
        calibration: *const cifar_dataset,
        images: usize,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_evaluate(
        model: *mut cifar_model,
        dataset: *const cifar_dataset,
        evaluation: *mut cifar_evaluation,
        evaluation_size: usize,
    ) -> cifar_status;

    pub fn cifar_model_evaluate_classes(
        model: *mut cifar_model,
        dataset: *const cifar_dataset,
        flips: i32,
        evaluation: *mut cifar_evaluation,
        evaluation_size: usize,
        confusion: *mut u64,
        scores: *mut f64,
    ) -> cifar_status;

    pub fn cifar_model_evaluate_augmented(
        model: *mut cifar_model,
        dataset: *const cifar_dataset,
        augmentation: *const c_char,
        evaluation: *mut cifar_evaluation,
        evaluation_size: usize,
    ) -> cifar_status;

    pub fn cifar_model_predict(
        model: *mut cifar_model,
        images: *const u8,
        count: usize,
        probabilities: *mut f32,
    ) -> cifar_status;

    pub fn cifar_model_save(model: *const cifar_model, path: *const c_char) -> cifar_status;

    pub fn cifar_model_free(model: *mut cifar_model);

    pub fn cifar_export_options_init(
        options: *mut cifar_export_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_model_export(
        model: *const cifar_model,
        format: cifar_format,
        path: *const c_char,
        options: *const cifar_export_options,
    ) -> cifar_status;

    pub fn cifar_model_encode(
        model: *mut cifar_model,
        format: cifar_format,
        options: *const cifar_export_options,
        bytes: *mut *const c_void,
        size: *mut usize,
    ) -> cifar_status;

    pub fn cifar_import_options_init(
        options: *mut cifar_import_options,
        options_size: usize,
    ) -> cifar_status;

    pub fn cifar_model_import(
        path: *const c_char,
        options: *const cifar_import_options,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_decode(
        bytes: *const c_void,
        size: usize,
        options: *const cifar_import_options,
        out: *mut *mut cifar_model,
    ) -> cifar_status;

    pub fn cifar_model_spec_create(out: *mut *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_set_input(
        spec: *mut cifar_model_spec,
        channels: u32,
        height: u32,
        width: u32,
    ) -> cifar_status;

    pub fn cifar_model_spec_from_json(
        json: *const c_char,
        out: *mut *mut cifar_model_spec,
    ) -> cifar_status;

    pub fn cifar_model_spec_preset(
        name: *const c_char,
        dialect: *const c_char,
        classes: u32,
        out: *mut *mut cifar_model_spec,
    ) -> cifar_status;

    pub fn cifar_model_spec_resolve(
        spec: *const cifar_model_spec,
        dialect: *const c_char,
        out: *mut *mut cifar_model_spec,
    ) -> cifar_status;

    pub fn cifar_model_spec_branch(
        spec: *const cifar_model_spec,
        out: *mut *mut cifar_model_spec,
    ) -> cifar_status;

    pub fn cifar_model_spec_conv2d(
        spec: *mut cifar_model_spec,
        filters: u32,
        kernel_size: u32,
        stride: u32,
        padding: cifar_padding,
    ) -> cifar_status;

    pub fn cifar_model_spec_batch_norm(
        spec: *mut cifar_model_spec,
        momentum: f64,
        epsilon: f64,
        unbiased: i32,
    ) -> cifar_status;

    pub fn cifar_model_spec_relu(spec: *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_gelu(spec: *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_max_pool(spec: *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_avg_pool(spec: *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_global_average_pool(spec: *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_dropout(spec: *mut cifar_model_spec, rate: f64) -> cifar_status;

    pub fn cifar_model_spec_flatten(spec: *mut cifar_model_spec) -> cifar_status;

    pub fn cifar_model_spec_dense(spec: *mut cifar_model_spec, units: u32) -> cifar_status;

    pub fn cifar_model_spec_add(spec: *mut cifar_model_spec, layer: *const c_char) -> cifar_status;

    pub fn cifar_model_spec_residual(
        spec: *mut cifar_model_spec,
        layers: *const cifar_model_spec,
        shortcut: *const cifar_model_spec,
    ) -> cifar_status;

    pub fn cifar_model_spec_get_json(
        spec: *const cifar_model_spec,
        json: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_spec_get_summary(
        spec: *const cifar_model_spec,
        text: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_spec_get_script(
        spec: *const cifar_model_spec,
        format: cifar_format,
        text: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_model_spec_get_info(
        spec: *const cifar_model_spec,
        info: *mut cifar_model_spec_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_model_spec_free(spec: *mut cifar_model_spec);

    pub fn cifar_registry_open(path: *const c_char, out: *mut *mut cifar_registry) -> cifar_status;

    pub fn cifar_registry_free(registry: *mut cifar_registry);

    pub fn cifar_registry_list(
        registry: *mut cifar_registry,
        limit: usize,
        out: *mut *mut cifar_run_list,
    ) -> cifar_status;

    pub fn cifar_run_query_init(query: *mut cifar_run_query, query_size: usize) -> cifar_status;

    pub fn cifar_registry_query(
        registry: *mut cifar_registry,
        query: *const cifar_run_query,
        out: *mut *mut cifar_run_list,
    ) -> cifar_status;

    pub fn cifar_run_list_count(list: *const cifar_run_list, count: *mut usize) -> cifar_status;

    pub fn cifar_run_list_get(
        list: *const cifar_run_list,
        index: usize,
        info: *mut cifar_run_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_list_free(list: *mut cifar_run_list);

    pub fn cifar_registry_find(
        registry: *mut cifar_registry,
        run: *const c_char,
        out: *mut *mut cifar_run,
    ) -> cifar_status;

    pub fn cifar_run_get_info(
        run: *const cifar_run,
        info: *mut cifar_run_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_get_hyperparameters(
        run: *const cifar_run,
        json: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_run_get_best_chosen_on(
        run: *const cifar_run,
        images: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_run_get_final_chosen_on(
        run: *const cifar_run,
        images: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_run_epoch_count(run: *const cifar_run, count: *mut usize) -> cifar_status;

    pub fn cifar_run_get_epoch(
        run: *const cifar_run,
        index: usize,
        info: *mut cifar_epoch_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_checkpoint_count(run: *const cifar_run, count: *mut usize) -> cifar_status;

    pub fn cifar_run_get_checkpoint(
        run: *const cifar_run,
        index: usize,
        info: *mut cifar_checkpoint_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_metric_count(run: *const cifar_run, count: *mut usize) -> cifar_status;

    pub fn cifar_run_get_metric(
        run: *const cifar_run,
        index: usize,
        info: *mut cifar_metric_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_note_count(run: *const cifar_run, count: *mut usize) -> cifar_status;

    pub fn cifar_run_get_note(
        run: *const cifar_run,
        index: usize,
        info: *mut cifar_note_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_session_count(run: *const cifar_run, count: *mut usize) -> cifar_status;

    pub fn cifar_run_get_session(
        run: *const cifar_run,
        index: usize,
        info: *mut cifar_session_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_run_get_changes(
        run: *const cifar_run,
        index: usize,
        json: *mut *const c_char,
    ) -> cifar_status;

    pub fn cifar_run_free(run: *mut cifar_run);

    pub fn cifar_registry_tag(
        registry: *mut cifar_registry,
        run: *const c_char,
        tag: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_untag(
        registry: *mut cifar_registry,
        run: *const c_char,
        tag: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_note(
        registry: *mut cifar_registry,
        run: *const c_char,
        text: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_rename(
        registry: *mut cifar_registry,
        run: *const c_char,
        name: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_set_group(
        registry: *mut cifar_registry,
        run: *const c_char,
        group: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_pin(
        registry: *mut cifar_registry,
        checkpoint: i64,
        pinned: i32,
    ) -> cifar_status;

    pub fn cifar_registry_fork(
        registry: *mut cifar_registry,
        run: *const c_char,
        checkpoint: *const c_char,
        name: *const c_char,
        id: *mut c_char,
    ) -> cifar_status;

    pub fn cifar_registry_import(
        registry: *mut cifar_registry,
        path: *const c_char,
        name: *const c_char,
        id: *mut c_char,
    ) -> cifar_status;

    pub fn cifar_registry_remove(
        registry: *mut cifar_registry,
        run: *const c_char,
        take_over: i32,
    ) -> cifar_status;

    pub fn cifar_registry_restore(
        registry: *mut cifar_registry,
        run: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_collect(registry: *mut cifar_registry, freed: *mut u64) -> cifar_status;

    pub fn cifar_registry_slim(
        registry: *mut cifar_registry,
        run: *const c_char,
        dry_run: i32,
        freed: *mut u64,
    ) -> cifar_status;

    pub fn cifar_registry_verify(
        registry: *mut cifar_registry,
        run: *const c_char,
        callback: cifar_problem_callback,
        user: *mut c_void,
    ) -> cifar_status;

    pub fn cifar_registry_backup(
        registry: *mut cifar_registry,
        path: *const c_char,
    ) -> cifar_status;

    pub fn cifar_registry_merge(
        registry: *mut cifar_registry,
        path: *const c_char,
        run: *const c_char,
        skip_conflicts: i32,
        info: *mut cifar_merge_info,
        info_size: usize,
    ) -> cifar_status;

    pub fn cifar_registry_export(
        registry: *mut cifar_registry,
        checkpoint: i64,
        path: *const c_char,
    ) -> cifar_status;
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<cifar_dataset_options>() == 64);
    assert!(offset_of!(cifar_dataset_options, struct_size) == 0);
    assert!(offset_of!(cifar_dataset_options, split) == 4);
    assert!(offset_of!(cifar_dataset_options, channels) == 8);
    assert!(offset_of!(cifar_dataset_options, height) == 12);
    assert!(offset_of!(cifar_dataset_options, width) == 16);
    assert!(offset_of!(cifar_dataset_options, classes) == 20);
    assert!(offset_of!(cifar_dataset_options, count) == 24);
    assert!(offset_of!(cifar_dataset_options, images) == 32);
    assert!(offset_of!(cifar_dataset_options, labels) == 40);
    assert!(offset_of!(cifar_dataset_options, class_names) == 48);
    assert!(offset_of!(cifar_dataset_options, sample_weights) == 56);
    assert!(size_of::<cifar_dataset_info>() == 56);
    assert!(offset_of!(cifar_dataset_info, struct_size) == 0);
    assert!(offset_of!(cifar_dataset_info, split) == 4);
    assert!(offset_of!(cifar_dataset_info, count) == 8);
    assert!(offset_of!(cifar_dataset_info, classes) == 16);
    assert!(offset_of!(cifar_dataset_info, name) == 24);
    assert!(offset_of!(cifar_dataset_info, location) == 32);
    assert!(offset_of!(cifar_dataset_info, channels) == 40);
    assert!(offset_of!(cifar_dataset_info, height) == 44);
    assert!(offset_of!(cifar_dataset_info, width) == 48);
    assert!(size_of::<cifar_train_options>() == 200);
    assert!(offset_of!(cifar_train_options, struct_size) == 0);
    assert!(offset_of!(cifar_train_options, epochs) == 8);
    assert!(offset_of!(cifar_train_options, batch_size) == 16);
    assert!(offset_of!(cifar_train_options, threads) == 20);
    assert!(offset_of!(cifar_train_options, learning_rate) == 24);
    assert!(offset_of!(cifar_train_options, seed) == 32);
    assert!(offset_of!(cifar_train_options, recipe) == 40);
    assert!(offset_of!(cifar_train_options, name) == 48);
    assert!(offset_of!(cifar_train_options, registry) == 56);
    assert!(offset_of!(cifar_train_options, record) == 64);
    assert!(offset_of!(cifar_train_options, keep_last) == 68);
    assert!(offset_of!(cifar_train_options, command_line) == 72);
    assert!(offset_of!(cifar_train_options, keep_every) == 80);
    assert!(offset_of!(cifar_train_options, tags) == 88);
    assert!(offset_of!(cifar_train_options, hyperparameters) == 96);
    assert!(offset_of!(cifar_train_options, model) == 104);
    assert!(offset_of!(cifar_train_options, busy_timeout) == 112);
    assert!(offset_of!(cifar_train_options, init_model) == 120);
    assert!(offset_of!(cifar_train_options, init_source) == 128);
    assert!(offset_of!(cifar_train_options, group) == 136);
    assert!(offset_of!(cifar_train_options, init_from) == 144);
    assert!(offset_of!(cifar_train_options, init_bytes) == 152);
    assert!(offset_of!(cifar_train_options, init_size) == 160);
    assert!(offset_of!(cifar_train_options, packages) == 168);
    assert!(offset_of!(cifar_train_options, no_patch) == 176);
    assert!(offset_of!(cifar_train_options, tensorboard) == 184);
    assert!(offset_of!(cifar_train_options, is_only_of_its_seed) == 192);
    assert!(size_of::<cifar_member_info>() == 52);
    assert!(offset_of!(cifar_member_info, struct_size) == 0);
    assert!(offset_of!(cifar_member_info, is_over) == 4);
    assert!(offset_of!(cifar_member_info, run_id) == 8);
    assert!(offset_of!(cifar_member_info, is_running) == 48);
    assert!(size_of::<cifar_lr_point>() == 40);
    assert!(offset_of!(cifar_lr_point, struct_size) == 0);
    assert!(offset_of!(cifar_lr_point, step) == 4);
    assert!(offset_of!(cifar_lr_point, steps) == 8);
    assert!(offset_of!(cifar_lr_point, learning_rate) == 16);
    assert!(offset_of!(cifar_lr_point, loss) == 24);
    assert!(offset_of!(cifar_lr_point, smoothed_loss) == 32);
    assert!(size_of::<cifar_lr_find_options>() == 40);
    assert!(offset_of!(cifar_lr_find_options, struct_size) == 0);
    assert!(offset_of!(cifar_lr_find_options, steps) == 4);
    assert!(offset_of!(cifar_lr_find_options, start) == 8);
    assert!(offset_of!(cifar_lr_find_options, end) == 16);
    assert!(offset_of!(cifar_lr_find_options, on_step) == 24);
    assert!(offset_of!(cifar_lr_find_options, user) == 32);
    assert!(size_of::<cifar_lr_info>() == 48);
    assert!(offset_of!(cifar_lr_info, struct_size) == 0);
    assert!(offset_of!(cifar_lr_info, has_diverged) == 4);
    assert!(offset_of!(cifar_lr_info, count) == 8);
    assert!(offset_of!(cifar_lr_info, suggestion) == 16);
    assert!(offset_of!(cifar_lr_info, steepest) == 24);
    assert!(offset_of!(cifar_lr_info, minimum) == 32);
    assert!(offset_of!(cifar_lr_info, reason) == 40);
    assert!(size_of::<cifar_resume_options>() == 96);
    assert!(offset_of!(cifar_resume_options, struct_size) == 0);
    assert!(offset_of!(cifar_resume_options, epochs) == 8);
    assert!(offset_of!(cifar_resume_options, threads) == 16);
    assert!(offset_of!(cifar_resume_options, checkpoint) == 24);
    assert!(offset_of!(cifar_resume_options, registry) == 32);
    assert!(offset_of!(cifar_resume_options, data_location) == 40);
    assert!(offset_of!(cifar_resume_options, command_line) == 48);
    assert!(offset_of!(cifar_resume_options, take_over) == 56);
    assert!(offset_of!(cifar_resume_options, busy_timeout) == 64);
    assert!(offset_of!(cifar_resume_options, packages) == 72);
    assert!(offset_of!(cifar_resume_options, no_patch) == 80);
    assert!(offset_of!(cifar_resume_options, tensorboard) == 88);
    assert!(size_of::<cifar_rerun_options>() == 96);
    assert!(offset_of!(cifar_rerun_options, struct_size) == 0);
    assert!(offset_of!(cifar_rerun_options, threads) == 4);
    assert!(offset_of!(cifar_rerun_options, name) == 8);
    assert!(offset_of!(cifar_rerun_options, registry) == 16);
    assert!(offset_of!(cifar_rerun_options, data_location) == 24);
    assert!(offset_of!(cifar_rerun_options, init_from) == 32);
    assert!(offset_of!(cifar_rerun_options, tags) == 40);
    assert!(offset_of!(cifar_rerun_options, group) == 48);
    assert!(offset_of!(cifar_rerun_options, command_line) == 56);
    assert!(offset_of!(cifar_rerun_options, packages) == 64);
    assert!(offset_of!(cifar_rerun_options, busy_timeout) == 72);
    assert!(offset_of!(cifar_rerun_options, keep_last) == 80);
    assert!(offset_of!(cifar_rerun_options, keep_every) == 84);
    assert!(offset_of!(cifar_rerun_options, no_patch) == 88);
    assert!(size_of::<cifar_batch_info>() == 64);
    assert!(offset_of!(cifar_batch_info, struct_size) == 0);
    assert!(offset_of!(cifar_batch_info, epoch) == 4);
    assert!(offset_of!(cifar_batch_info, epochs) == 8);
    assert!(offset_of!(cifar_batch_info, batch) == 12);
    assert!(offset_of!(cifar_batch_info, batches) == 16);
    assert!(offset_of!(cifar_batch_info, images) == 24);
    assert!(offset_of!(cifar_batch_info, loss) == 32);
    assert!(offset_of!(cifar_batch_info, accuracy) == 40);
    assert!(offset_of!(cifar_batch_info, learning_rate) == 48);
    assert!(offset_of!(cifar_batch_info, seconds) == 56);
    assert!(size_of::<cifar_validation_info>() == 40);
    assert!(offset_of!(cifar_validation_info, struct_size) == 0);
    assert!(offset_of!(cifar_validation_info, epoch) == 4);
    assert!(offset_of!(cifar_validation_info, images) == 8);
    assert!(offset_of!(cifar_validation_info, loss) == 16);
    assert!(offset_of!(cifar_validation_info, accuracy) == 24);
    assert!(offset_of!(cifar_validation_info, seconds) == 32);
    assert!(size_of::<cifar_epoch_info>() == 88);
    assert!(offset_of!(cifar_epoch_info, struct_size) == 0);
    assert!(offset_of!(cifar_epoch_info, epoch) == 4);
    assert!(offset_of!(cifar_epoch_info, train_loss) == 8);
    assert!(offset_of!(cifar_epoch_info, train_accuracy) == 16);
    assert!(offset_of!(cifar_epoch_info, val_loss) == 24);
    assert!(offset_of!(cifar_epoch_info, val_accuracy) == 32);
    assert!(offset_of!(cifar_epoch_info, learning_rate) == 40);
    assert!(offset_of!(cifar_epoch_info, seconds) == 48);
    assert!(offset_of!(cifar_epoch_info, images_per_second) == 56);
    assert!(offset_of!(cifar_epoch_info, cpu_seconds) == 64);
    assert!(offset_of!(cifar_epoch_info, peak_memory) == 72);
    assert!(offset_of!(cifar_epoch_info, is_best) == 80);
    assert!(size_of::<cifar_storage_info>() == 24);
    assert!(offset_of!(cifar_storage_info, struct_size) == 0);
    assert!(offset_of!(cifar_storage_info, epochs) == 4);
    assert!(offset_of!(cifar_storage_info, seconds) == 8);
    assert!(offset_of!(cifar_storage_info, seconds_left) == 16);
    assert!(size_of::<cifar_trainer_callbacks>() == 88);
    assert!(offset_of!(cifar_trainer_callbacks, struct_size) == 0);
    assert!(offset_of!(cifar_trainer_callbacks, user) == 8);
    assert!(offset_of!(cifar_trainer_callbacks, on_train_begin) == 16);
    assert!(offset_of!(cifar_trainer_callbacks, on_epoch_begin) == 24);
    assert!(offset_of!(cifar_trainer_callbacks, on_batch_begin) == 32);
    assert!(offset_of!(cifar_trainer_callbacks, on_batch_end) == 40);
    assert!(offset_of!(cifar_trainer_callbacks, on_validation_begin) == 48);
    assert!(offset_of!(cifar_trainer_callbacks, on_validation_end) == 56);
    assert!(offset_of!(cifar_trainer_callbacks, on_epoch_end) == 64);
    assert!(offset_of!(cifar_trainer_callbacks, on_storage_wait) == 72);
    assert!(offset_of!(cifar_trainer_callbacks, on_train_end) == 80);
    assert!(size_of::<cifar_peers>() == 48);
    assert!(offset_of!(cifar_peers, struct_size) == 0);
    assert!(offset_of!(cifar_peers, rank) == 4);
    assert!(offset_of!(cifar_peers, count) == 8);
    assert!(offset_of!(cifar_peers, local_batch_norm) == 12);
    assert!(offset_of!(cifar_peers, user) == 16);
    assert!(offset_of!(cifar_peers, all_to_all) == 24);
    assert!(offset_of!(cifar_peers, all_gather) == 32);
    assert!(offset_of!(cifar_peers, broadcast) == 40);
    assert!(size_of::<cifar_trainer_info>() == 80);
    assert!(offset_of!(cifar_trainer_info, struct_size) == 0);
    assert!(offset_of!(cifar_trainer_info, epoch) == 4);
    assert!(offset_of!(cifar_trainer_info, epochs) == 8);
    assert!(offset_of!(cifar_trainer_info, batch) == 12);
    assert!(offset_of!(cifar_trainer_info, batches) == 16);
    assert!(offset_of!(cifar_trainer_info, threads) == 20);
    assert!(offset_of!(cifar_trainer_info, step) == 24);
    assert!(offset_of!(cifar_trainer_info, parameters) == 32);
    assert!(offset_of!(cifar_trainer_info, run_id) == 40);
    assert!(offset_of!(cifar_trainer_info, registry) == 48);
    assert!(offset_of!(cifar_trainer_info, hyperparameters) == 56);
    assert!(offset_of!(cifar_trainer_info, end_reason) == 64);
    assert!(offset_of!(cifar_trainer_info, has_diverged) == 72);
    assert!(size_of::<cifar_final_result>() == 80);
    assert!(offset_of!(cifar_final_result, struct_size) == 0);
    assert!(offset_of!(cifar_final_result, is_of_test_images) == 4);
    assert!(offset_of!(cifar_final_result, epoch) == 8);
    assert!(offset_of!(cifar_final_result, earlier_looks) == 12);
    assert!(offset_of!(cifar_final_result, images) == 16);
    assert!(offset_of!(cifar_final_result, loss) == 24);
    assert!(offset_of!(cifar_final_result, accuracy) == 32);
    assert!(offset_of!(cifar_final_result, accuracy_low) == 40);
    assert!(offset_of!(cifar_final_result, accuracy_high) == 48);
    assert!(offset_of!(cifar_final_result, augmented_loss) == 56);
    assert!(offset_of!(cifar_final_result, augmented_accuracy) == 64);
    assert!(offset_of!(cifar_final_result, chose_epoch) == 72);
    assert!(size_of::<cifar_model_info>() == 48);
    assert!(offset_of!(cifar_model_info, struct_size) == 0);
    assert!(offset_of!(cifar_model_info, classes) == 4);
    assert!(offset_of!(cifar_model_info, epoch) == 8);
    assert!(offset_of!(cifar_model_info, parameters) == 16);
    assert!(offset_of!(cifar_model_info, hyperparameters) == 24);
    assert!(offset_of!(cifar_model_info, channels) == 32);
    assert!(offset_of!(cifar_model_info, height) == 36);
    assert!(offset_of!(cifar_model_info, width) == 40);
    assert!(size_of::<cifar_evaluation>() == 72);
    assert!(offset_of!(cifar_evaluation, struct_size) == 0);
    assert!(offset_of!(cifar_evaluation, loss) == 8);
    assert!(offset_of!(cifar_evaluation, accuracy) == 16);
    assert!(offset_of!(cifar_evaluation, count) == 24);
    assert!(offset_of!(cifar_evaluation, top5_accuracy) == 32);
    assert!(offset_of!(cifar_evaluation, macro_f1) == 40);
    assert!(offset_of!(cifar_evaluation, accuracy_low) == 48);
    assert!(offset_of!(cifar_evaluation, accuracy_high) == 56);
    assert!(offset_of!(cifar_evaluation, chose_epoch) == 64);
    assert!(size_of::<cifar_export_options>() == 24);
    assert!(offset_of!(cifar_export_options, struct_size) == 0);
    assert!(offset_of!(cifar_export_options, names) == 8);
    assert!(offset_of!(cifar_export_options, keep_batch_norm) == 16);
    assert!(size_of::<cifar_import_options>() == 40);
    assert!(offset_of!(cifar_import_options, struct_size) == 0);
    assert!(offset_of!(cifar_import_options, threads) == 4);
    assert!(offset_of!(cifar_import_options, model) == 8);
    assert!(offset_of!(cifar_import_options, recipe) == 16);
    assert!(offset_of!(cifar_import_options, hyperparameters) == 24);
    assert!(offset_of!(cifar_import_options, class_names) == 32);
    assert!(size_of::<cifar_model_spec_info>() == 40);
    assert!(offset_of!(cifar_model_spec_info, struct_size) == 0);
    assert!(offset_of!(cifar_model_spec_info, layers) == 4);
    assert!(offset_of!(cifar_model_spec_info, classes) == 8);
    assert!(offset_of!(cifar_model_spec_info, parameters) == 16);
    assert!(offset_of!(cifar_model_spec_info, non_trainable) == 24);
    assert!(offset_of!(cifar_model_spec_info, flops) == 32);
    assert!(size_of::<cifar_run_info>() == 128);
    assert!(offset_of!(cifar_run_info, struct_size) == 0);
    assert!(offset_of!(cifar_run_info, epochs) == 4);
    assert!(offset_of!(cifar_run_info, epochs_planned) == 8);
    assert!(offset_of!(cifar_run_info, id) == 16);
    assert!(offset_of!(cifar_run_info, name) == 24);
    assert!(offset_of!(cifar_run_info, status) == 32);
    assert!(offset_of!(cifar_run_info, recipe) == 40);
    assert!(offset_of!(cifar_run_info, dataset) == 48);
    assert!(offset_of!(cifar_run_info, started) == 56);
    assert!(offset_of!(cifar_run_info, duration_s) == 64);
    assert!(offset_of!(cifar_run_info, best_val_accuracy) == 72);
    assert!(offset_of!(cifar_run_info, best_val_loss) == 80);
    assert!(offset_of!(cifar_run_info, last_val_accuracy) == 88);
    assert!(offset_of!(cifar_run_info, last_val_loss) == 96);
    assert!(offset_of!(cifar_run_info, tags) == 104);
    assert!(offset_of!(cifar_run_info, parent) == 112);
    assert!(offset_of!(cifar_run_info, group) == 120);
    assert!(size_of::<cifar_run_query>() == 40);
    assert!(offset_of!(cifar_run_query, struct_size) == 0);
    assert!(offset_of!(cifar_run_query, ascending) == 4);
    assert!(offset_of!(cifar_run_query, filter) == 8);
    assert!(offset_of!(cifar_run_query, sort) == 16);
    assert!(offset_of!(cifar_run_query, limit) == 24);
    assert!(offset_of!(cifar_run_query, trash) == 32);
    assert!(size_of::<cifar_checkpoint_info>() == 64);
    assert!(offset_of!(cifar_checkpoint_info, struct_size) == 0);
    assert!(offset_of!(cifar_checkpoint_info, epoch) == 4);
    assert!(offset_of!(cifar_checkpoint_info, batch) == 8);
    assert!(offset_of!(cifar_checkpoint_info, is_best) == 12);
    assert!(offset_of!(cifar_checkpoint_info, id) == 16);
    assert!(offset_of!(cifar_checkpoint_info, step) == 24);
    assert!(offset_of!(cifar_checkpoint_info, size) == 32);
    assert!(offset_of!(cifar_checkpoint_info, sha256) == 40);
    assert!(offset_of!(cifar_checkpoint_info, created) == 48);
    assert!(offset_of!(cifar_checkpoint_info, is_pinned) == 56);
    assert!(offset_of!(cifar_checkpoint_info, is_superseded) == 60);
    assert!(size_of::<cifar_metric_info>() == 24);
    assert!(offset_of!(cifar_metric_info, struct_size) == 0);
    assert!(offset_of!(cifar_metric_info, epoch) == 4);
    assert!(offset_of!(cifar_metric_info, name) == 8);
    assert!(offset_of!(cifar_metric_info, value) == 16);
    assert!(size_of::<cifar_note_info>() == 24);
    assert!(offset_of!(cifar_note_info, struct_size) == 0);
    assert!(offset_of!(cifar_note_info, created) == 8);
    assert!(offset_of!(cifar_note_info, text) == 16);
    assert!(size_of::<cifar_session_info>() == 128);
    assert!(offset_of!(cifar_session_info, struct_size) == 0);
    assert!(offset_of!(cifar_session_info, threads) == 4);
    assert!(offset_of!(cifar_session_info, started) == 8);
    assert!(offset_of!(cifar_session_info, ended) == 16);
    assert!(offset_of!(cifar_session_info, duration_s) == 24);
    assert!(offset_of!(cifar_session_info, status) == 32);
    assert!(offset_of!(cifar_session_info, reason) == 40);
    assert!(offset_of!(cifar_session_info, resumed_epoch) == 48);
    assert!(offset_of!(cifar_session_info, resumed_batch) == 56);
    assert!(offset_of!(cifar_session_info, host) == 64);
    assert!(offset_of!(cifar_session_info, pid) == 72);
    assert!(offset_of!(cifar_session_info, library_version) == 80);
    assert!(offset_of!(cifar_session_info, instruction_set) == 88);
    assert!(offset_of!(cifar_session_info, command_line) == 96);
    assert!(offset_of!(cifar_session_info, working_directory) == 104);
    assert!(offset_of!(cifar_session_info, git_commit) == 112);
    assert!(offset_of!(cifar_session_info, environment) == 120);
    assert!(size_of::<cifar_merge_info>() == 24);
    assert!(offset_of!(cifar_merge_info, struct_size) == 0);
    assert!(offset_of!(cifar_merge_info, added) == 4);
    assert!(offset_of!(cifar_merge_info, updated) == 8);
    assert!(offset_of!(cifar_merge_info, unchanged) == 12);
    assert!(offset_of!(cifar_merge_info, conflicts) == 16);
    assert!(offset_of!(cifar_merge_info, checkpoints) == 20);
};
