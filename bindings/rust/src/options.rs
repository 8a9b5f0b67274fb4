use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

use crate::infos::{filled, Plain};
use crate::{raw, text, Model, Result};

// SAFETY: they have numbers and pointers only.
unsafe impl Plain for raw::cifar_train_options {}
// SAFETY: likewise.
unsafe impl Plain for raw::cifar_resume_options {}

/// One method an option, which sets it.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $value:expr;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $value;
            self
        }
    )*};
}

/// What to train and how to keep it.
///
/// ```
/// use cifar::TrainOptions;
///
/// let options = TrainOptions::new()
///     .epochs(30)
///     .recipe("keras")
///     .hyperparameters(r#"{"schedule": "cosine", "label_smoothing": 0.1}"#);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrainOptions {
    epochs: f64,
    batch_size: u32,
    threads: u32,
    learning_rate: f64,
    seed: u64,
    recipe: Option<String>,
    name: Option<String>,
    registry: Option<PathBuf>,
    record: Option<bool>,
    keep_last: Option<u32>,
    keep_every: u32,
    tags: Vec<String>,
    group: Option<String>,
    hyperparameters: Option<String>,
    model: Option<String>,
    init: Option<String>,
    init_model: Option<Arc<Model>>,
    init_source: Option<String>,
    packages: Option<String>,
    no_patch: bool,
    tensorboard: Option<PathBuf>,
    busy_timeout: Option<f64>,
}

impl TrainOptions {
    /// The defaults.
    pub fn new() -> TrainOptions {
        TrainOptions::default()
    }

    setters! {
        /// At most; of 9.9, the last has nine tenths of the steps. Else as the recipe says, 100.
        epochs: impl Into<f64> => epochs.into();
        /// 1 to 65,536; else as the recipe says, 64.
        batch_size: u32 => batch_size;
        /// 1 to 1024, of which [`default_threads`](crate::default_threads) compute at most.
        threads: u32 => threads;
        /// Above 0; else as the recipe says, 0.001.
        learning_rate: f64 => learning_rate;
        /// Where all random numbers come from; else as the recipe says, 0.
        seed: u64 => seed;
        /// "pytorch", "keras" or "keras-tuned"; else "pytorch".
        recipe: &str => Some(recipe.to_owned());
        /// What people call the run.
        name: &str => Some(name.to_owned());
        /// The SQLite file, made if missing; else `$CIFAR_REGISTRY` or `./cifar-runs.db`.
        registry: impl AsRef<Path> => Some(registry.as_ref().to_owned());
        /// Whether anything is kept; without, there is no registry.
        record: bool => Some(record);
        /// Checkpoints kept besides the best one: 2; 0: all of them.
        keep_last: u32 => Some(keep_last);
        /// Every n-th epoch's checkpoint stays too.
        keep_every: u32 => keep_every;
        /// Of the run.
        tags: &[&str] => tags.iter().map(|&tag| tag.to_owned()).collect();
        /// The run's group, such as the seeds of one configuration.
        group: &str => Some(group.to_owned());
        /// A JSON object put over the recipe; what is set here goes over both.
        hyperparameters: &str => Some(hyperparameters.to_owned());
        /// A preset's name or a list of layers in JSON; else the recipe's, "tutorial".
        model: &str => Some(model.to_owned());
        /// A run, or a safetensors file, whose weights to begin with as far as they fit; else drawn.
        init: &str => Some(init.to_owned());
        /// The same of a model.
        init_model: &Arc<Model> => Some(Arc::clone(init_model));
        /// What the run's hyperparameters call the place where `init_model` is from.
        init_source: &str => Some(init_source.to_owned());
        /// Versions of the program's own packages by name, a JSON object, noted with the session.
        packages: &str => Some(packages.to_owned());
        /// Leaves out the uncommitted changes of the git repository that the working directory is
        /// in, which are noted with the session otherwise.
        no_patch: bool => no_patch;
        /// Where TensorBoard's event files are written while training, a directory for each run.
        tensorboard: impl AsRef<Path> => Some(tensorboard.as_ref().to_owned());
        /// Seconds for which the end of training waits for a registry that others hold: 600.
        busy_timeout: f64 => Some(busy_timeout);
    }

    /// Calls `body` with the options as C has them.
    pub(crate) fn with_raw<T>(
        &self,
        body: impl FnOnce(&raw::cifar_train_options) -> Result<T>,
    ) -> Result<T> {
        let recipe = text::optional(self.recipe.as_deref())?;
        let name = text::optional(self.name.as_deref())?;
        let registry = self.registry.as_deref().map(text::path).transpose()?;
        let tags = tag_lines(&self.tags)?;
        let group = text::optional(self.group.as_deref())?;
        let hyperparameters = text::optional(self.hyperparameters.as_deref())?;
        let model = text::optional(self.model.as_deref())?;
        let init = text::optional(self.init.as_deref())?;
        let init_source = text::optional(self.init_source.as_deref())?;
        let packages = text::optional(self.packages.as_deref())?;
        let tensorboard = self.tensorboard.as_deref().map(text::path).transpose()?;
        // SAFETY: the struct is written to, and is as large as is said.
        let mut options: raw::cifar_train_options =
            filled(|options, size| unsafe { raw::cifar_train_options_init(options, size) })?;
        options.epochs = self.epochs;
        options.batch_size = self.batch_size;
        options.threads = self.threads;
        options.learning_rate = self.learning_rate;
        options.seed = self.seed;
        options.recipe = text::pointer(&recipe);
        options.name = text::pointer(&name);
        options.registry = text::pointer(&registry);
        options.record = self.record.map_or(options.record, i32::from);
        options.keep_last = self.keep_last.unwrap_or(options.keep_last);
        options.keep_every = self.keep_every;
        options.tags = text::pointer(&tags);
        options.group = text::pointer(&group);
        options.hyperparameters = text::pointer(&hyperparameters);
        options.model = text::pointer(&model);
        options.init_from = text::pointer(&init);
        options.init_model =
            self.init_model.as_ref().map_or(ptr::null_mut(), |model| model.as_ptr());
        options.init_source = text::pointer(&init_source);
        options.packages = text::pointer(&packages);
        options.no_patch = i32::from(self.no_patch);
        options.tensorboard = text::pointer(&tensorboard);
        options.busy_timeout = self.busy_timeout.unwrap_or(options.busy_timeout);
        body(&options)
    }
}

fn tag_lines(tags: &[String]) -> Result<Option<CString>> {
    if tags.is_empty() {
        return Ok(None);
    }
    text::c(&tags.join("\n")).map(Some)
}

/// How to take up a run.
#[derive(Clone, Debug, Default)]
pub struct ResumeOptions {
    epochs: f64,
    threads: u32,
    checkpoint: Option<String>,
    registry: Option<PathBuf>,
    data_location: Option<PathBuf>,
    take_over: bool,
    packages: Option<String>,
    no_patch: bool,
    tensorboard: Option<PathBuf>,
    busy_timeout: Option<f64>,
}

impl ResumeOptions {
    /// The defaults.
    pub fn new() -> ResumeOptions {
        ResumeOptions::default()
    }

    setters! {
        /// Train up to this many in all; else as planned.
        epochs: impl Into<f64> => epochs.into();
        /// 1 to 1024, of which [`default_threads`](crate::default_threads) compute at most.
        threads: u32 => threads;
        /// "last", "best" or a checkpoint's id; else "last".
        checkpoint: &str => Some(checkpoint.to_owned());
        /// The SQLite file; else `$CIFAR_REGISTRY` or `./cifar-runs.db`.
        registry: impl AsRef<Path> => Some(registry.as_ref().to_owned());
        /// As in [`Dataset::open`](crate::Dataset::open); else where the run had its images from.
        data_location: impl AsRef<Path> => Some(data_location.as_ref().to_owned());
        /// Also a run that seems to be running where it can't be asked. What still trains it can
        /// write nothing more.
        take_over: bool => take_over;
        /// Versions of the program's own packages by name, a JSON object, noted with the session.
        packages: &str => Some(packages.to_owned());
        /// Leaves out the uncommitted changes of the git repository that the working directory is
        /// in, which are noted with the session otherwise.
        no_patch: bool => no_patch;
        /// Where TensorBoard's event files are written while training, a directory for each run.
        tensorboard: impl AsRef<Path> => Some(tensorboard.as_ref().to_owned());
        /// Seconds for which the end of training waits for a registry that others hold: 600.
        busy_timeout: f64 => Some(busy_timeout);
    }

    /// Calls `body` with the options as C has them.
    pub(crate) fn with_raw<T>(
        &self,
        body: impl FnOnce(&raw::cifar_resume_options) -> Result<T>,
    ) -> Result<T> {
        let checkpoint = text::optional(self.checkpoint.as_deref())?;
        let registry = self.registry.as_deref().map(text::path).transpose()?;
        let data_location = self.data_location.as_deref().map(text::path).transpose()?;
        let packages = text::optional(self.packages.as_deref())?;
        let tensorboard = self.tensorboard.as_deref().map(text::path).transpose()?;
        // SAFETY: the struct is written to, and is as large as is said.
        let mut options: raw::cifar_resume_options =
            filled(|options, size| unsafe { raw::cifar_resume_options_init(options, size) })?;
        options.epochs = self.epochs;
        options.threads = self.threads;
        options.checkpoint = text::pointer(&checkpoint);
        options.registry = text::pointer(&registry);
        options.data_location = text::pointer(&data_location);
        options.take_over = i32::from(self.take_over);
        options.packages = text::pointer(&packages);
        options.no_patch = i32::from(self.no_patch);
        options.tensorboard = text::pointer(&tensorboard);
        options.busy_timeout = self.busy_timeout.unwrap_or(options.busy_timeout);
        body(&options)
    }
}
