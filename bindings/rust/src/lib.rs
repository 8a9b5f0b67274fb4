//! Trains convolutional networks on small images, on the CPU, and keeps every run in one SQLite
//! file, from which it continues to the same bits as if it had never stopped.
//!
//! This is a safe interface to libcifar, which must be installed. [`Dataset`]s go into a
//! [`Trainer`], which calls a closure as it trains and leaves a [`Model`]; the [`Registry`] has the
//! record of all runs.
//!
//! ```
//! use cifar::{Dataset, Event, Split, TrainOptions, Trainer};
//! use std::ops::ControlFlow;
//!
//! # fn main() -> cifar::Result<()> {
//! let train = Dataset::open("shapes", Split::Train, 256)?;
//! let test = Dataset::open("shapes", Split::Test, 64)?;
//! let options = TrainOptions::new().epochs(1).name("from Rust");
//! # let options = options.record(false);
//! let mut trainer = Trainer::new(&train, &test, &options)?;
//! trainer.run(|_, event| {
//!     if let Event::EpochEnd(epoch) = event {
//!         println!("epoch {}: {:.1} %", epoch.epoch, 100.0 * epoch.val_accuracy);
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! let evaluation = trainer.model()?.evaluate(&test)?;
//! assert_eq!(evaluation.count, 64);
//! # Ok(())
//! # }
//! ```
//!
//! Every type is [`Send`] and [`Sync`]: what needs the same model or registry takes turns. Calls
//! that fail return an [`Error`] with its [`Status`]; the library never prints.
//!
//! Declarations of the whole C interface are in [`raw`], for what has no method here.

mod dataset;
mod error;
mod image_shape;
mod infos;
mod interchange;
mod log;
mod model;
mod options;
#[rustfmt::skip]
pub mod raw;
mod registry;
mod run;
mod text;
mod trainer;

pub use dataset::{Dataset, Split};
pub use error::{Error, Result, Status};
pub use image_shape::ImageShape;
pub use infos::{
    BatchInfo, CheckpointInfo, EpochInfo, Evaluation, FinalResult, MergeInfo, MetricInfo, NoteInfo,
    RunInfo, SessionInfo, StorageInfo, TrainerInfo, ValidationInfo,
};
pub use interchange::{ExportOptions, Format, ImportOptions};
pub use log::{set_log, LogLevel};
pub use model::Model;
pub use options::{ResumeOptions, TrainOptions};
pub use registry::{Registry, RunQuery};
pub use run::Run;
pub use trainer::{Event, Interrupter, Trainer, Training};

/// The version of the library that runs, such as "0.2.0".
///
/// ```
/// assert!(cifar::version().starts_with("0."));
/// ```
pub fn version() -> &'static str {
    // SAFETY: never NULL, and lives forever.
    unsafe { text::constant(raw::cifar_version()) }
}

/// The kernels' instruction set: "avx512vnni", "avx512", "avx2" or "baseline". The bits of a result depend on it.
pub fn instruction_set() -> &'static str {
    // SAFETY: never NULL, and lives forever.
    unsafe { text::constant(raw::cifar_instruction_set()) }
}

/// The threads that compute where nobody says how many, and the most that do.
pub fn default_threads() -> u32 {
    // SAFETY: takes nothing.
    unsafe { raw::cifar_default_threads() }
}
