use std::any::Any;
use std::ops::ControlFlow;
use std::os::raw::{c_int, c_void};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::{fmt, ptr};

use crate::error::check;
use crate::infos::{filled, Plain};
use crate::{
    raw, text, BatchInfo, Dataset, EpochInfo, FinalResult, Model, Result, ResumeOptions,
    StorageInfo, TrainOptions, TrainerInfo, ValidationInfo,
};

// SAFETY: it has numbers and pointers only.
unsafe impl Plain for raw::cifar_trainer_callbacks {}

/// One training under way: network, optimizer, data, and the registry that keeps what it does.
pub struct Trainer {
    owner: Arc<Owner>,
}

/// Frees the trainer with the last of those who know it.
struct Owner {
    pointer: *mut raw::cifar_trainer,
}

// SAFETY: every object of the library may be used from any thread, by several at once.
unsafe impl Send for Owner {}
// SAFETY: likewise.
unsafe impl Sync for Owner {}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { raw::cifar_trainer_free(self.pointer) }
    }
}

/// Something that happens in a training.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Before training, also when a run is resumed.
    TrainBegin,
    /// Before an epoch's first batch; not where an epoch is resumed in its middle.
    EpochBegin(BatchInfo),
    /// Before every batch, with the batches done so far.
    BatchBegin(BatchInfo),
    /// After every batch.
    BatchEnd(BatchInfo),
    /// After an epoch's last batch, before its validation.
    ValidationBegin,
    /// After the validation, before the epoch's row.
    ValidationEnd(ValidationInfo),
    /// After every epoch, when it and its checkpoint are in the registry or wait for it.
    EpochEnd(EpochInfo),
    /// While others hold the registry. To break then ends the waiting.
    StorageWait(StorageInfo),
    /// When training is over, with the best weights in their place, but not after a failure.
    TrainEnd,
}

/// What a training can be told while it runs, by the closure that it calls.
#[derive(Debug)]
pub struct Training<'a> {
    owner: &'a Owner,
}

impl Training<'_> {
    /// Sets the learning rate from the next batch on, 0 or above.
    pub fn set_learning_rate(&self, rate: f64) -> Result<()> {
        self.owner.set_learning_rate(rate)
    }

    /// Records a value that was measured, for the last completed epoch: in
    /// [`Event::EpochEnd`], that one.
    pub fn record_metric(&self, name: &str, value: f64) -> Result<()> {
        self.owner.record_metric(name, value)
    }
}

/// Stops a training from another thread.
#[derive(Clone, Debug)]
pub struct Interrupter {
    owner: Weak<Owner>,
}

impl Interrupter {
    /// Makes [`Trainer::run`] stop after the batch under way and leave a checkpoint; a trainer that
    /// does not run yet will stop at its first batch.
    pub fn interrupt(&self) {
        if let Some(owner) = self.owner.upgrade() {
            // SAFETY: it is a trainer, and lives.
            unsafe { raw::cifar_trainer_interrupt(owner.pointer) };
        }
    }
}

impl Trainer {
    /// Makes a trainer at the start of a new run, and writes the run into the registry. The trainer
    /// keeps what it needs of the data.
    pub fn new(train: &Dataset, validation: &Dataset, options: &TrainOptions) -> Result<Trainer> {
        options.with_raw(|options| {
            // SAFETY: the objects are of their types, and the options' strings live.
            Trainer::made(|out| unsafe {
                raw::cifar_trainer_create(train.as_ptr(), validation.as_ptr(), options, out)
            })
        })
    }

    /// Makes a trainer that resumes a run, which is named by its id, the first 4 or more characters
    /// of it, or its name. The images are opened where the run had them from.
    ///
    /// ```
    /// use cifar::{Dataset, ResumeOptions, Split, TrainOptions, Trainer};
    /// use std::ops::ControlFlow;
    ///
    /// # fn main() -> cifar::Result<()> {
    /// # let file = std::env::temp_dir().join(format!("{}-resume.db", std::process::id()));
    /// # std::env::set_var("CIFAR_REGISTRY", &file);
    /// let train = Dataset::open("shapes", Split::Train, 64)?;
    /// let test = Dataset::open("shapes", Split::Test, 64)?;
    /// let options = TrainOptions::new().name("long").epochs(1);
    /// Trainer::new(&train, &test, &options)?.run(|_, _| ControlFlow::Continue(()))?;
    ///
    /// let mut trainer = Trainer::resume("long", &ResumeOptions::new().epochs(2))?;
    /// trainer.run(|_, _| ControlFlow::Continue(()))?;
    /// assert_eq!(trainer.info()?.epoch, 2);
    /// # std::fs::remove_file(file).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(run: &str, options: &ResumeOptions) -> Result<Trainer> {
        Trainer::resumed(run, ptr::null(), ptr::null(), options)
    }

    /// Makes a trainer that resumes a run on images that are handed over, such as those that were in
    /// memory.
    pub fn resume_with(
        run: &str,
        train: &Dataset,
        validation: &Dataset,
        options: &ResumeOptions,
    ) -> Result<Trainer> {
        Trainer::resumed(run, train.as_ptr(), validation.as_ptr(), options)
    }

    fn resumed(
        run: &str,
        train: *const raw::cifar_dataset,
        validation: *const raw::cifar_dataset,
        options: &ResumeOptions,
    ) -> Result<Trainer> {
        let run = text::c(run)?;
        options.with_raw(|options| {
            // SAFETY: the objects are NULL or of their types, and the strings live.
            Trainer::made(|out| unsafe {
                raw::cifar_trainer_resume(run.as_ptr(), train, validation, options, out)
            })
        })
    }

    fn made(
        make: impl FnOnce(*mut *mut raw::cifar_trainer) -> raw::cifar_status,
    ) -> Result<Trainer> {
        let mut pointer = ptr::null_mut();
        check(make(&mut pointer))?;
        Ok(Trainer { owner: Arc::new(Owner { pointer }) })
    }

    /// Trains until all epochs are done or the recipe's early stopping ends it, then puts the best
    /// weights back. A trainer runs once: to continue, resume its run.
    ///
    /// `follow` is called with everything that happens, on this thread. [`ControlFlow::Break`] stops
    /// the training, which then leaves a checkpoint and returns
    /// [`Status::CALLBACK`](crate::Status::CALLBACK); so does a panic, which goes on when the
    /// training has stopped.
    pub fn run(
        &mut self,
        mut follow: impl FnMut(&Training<'_>, Event) -> ControlFlow<()>,
    ) -> Result<()> {
        let training = Training { owner: &self.owner };
        let mut follower = Follower { follow: &mut |event| follow(&training, event), panic: None };
        // SAFETY: the struct is written to, and is as large as is said.
        let mut callbacks: raw::cifar_trainer_callbacks = filled(|callbacks, size| unsafe {
            raw::cifar_trainer_callbacks_init(callbacks, size)
        })?;
        callbacks.user = ptr::from_mut(&mut follower).cast();
        callbacks.on_train_begin = Some(on_train_begin);
        callbacks.on_epoch_begin = Some(on_epoch_begin);
        callbacks.on_batch_begin = Some(on_batch_begin);
        callbacks.on_batch_end = Some(on_batch_end);
        callbacks.on_validation_begin = Some(on_validation_begin);
        callbacks.on_validation_end = Some(on_validation_end);
        callbacks.on_epoch_end = Some(on_epoch_end);
        callbacks.on_storage_wait = Some(on_storage_wait);
        callbacks.on_train_end = Some(on_train_end);
        // SAFETY: the follower outlives the run, after which nothing is called.
        check(unsafe { raw::cifar_trainer_set_callbacks(self.owner.pointer, &callbacks) })?;
        // SAFETY: it is a trainer.
        let result = check(unsafe { raw::cifar_trainer_run(self.owner.pointer) });
        match follower.panic {
            Some(payload) => panic::resume_unwind(payload),
            None => result,
        }
    }

    /// For another thread.
    ///
    /// ```
    /// use cifar::{Dataset, Split, Status, TrainOptions, Trainer};
    /// use std::ops::ControlFlow;
    /// use std::thread;
    ///
    /// # fn main() -> cifar::Result<()> {
    /// # let train = Dataset::open("shapes", Split::Train, 64)?;
    /// # let test = Dataset::open("shapes", Split::Test, 64)?;
    /// # let options = TrainOptions::new().record(false);
    /// let mut trainer = Trainer::new(&train, &test, &options)?;
    /// let interrupter = trainer.interrupter();
    /// let timer = thread::spawn(move || interrupter.interrupt());
    /// let error = trainer.run(|_, _| ControlFlow::Continue(())).unwrap_err();
    /// assert_eq!(error.status(), Status::INTERRUPTED);
    /// # timer.join().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn interrupter(&self) -> Interrupter {
        Interrupter { owner: Arc::downgrade(&self.owner) }
    }

    /// For calls of [`raw`](crate::raw); it lives as long as this.
    pub fn as_ptr(&self) -> *mut raw::cifar_trainer {
        self.owner.pointer
    }

    /// Sets the learning rate from the next batch on, 0 or above.
    pub fn set_learning_rate(&self, rate: f64) -> Result<()> {
        self.owner.set_learning_rate(rate)
    }

    /// Where it stands.
    pub fn info(&self) -> Result<TrainerInfo> {
        // SAFETY: the object is of its type.
        let info = filled(|info, size| unsafe {
            raw::cifar_trainer_get_info(self.owner.pointer, info, size)
        })?;
        // SAFETY: its strings live as long as the trainer.
        Ok(unsafe { TrainerInfo::new(&info) })
    }

    /// What was measured when all epochs were done, of a run with `validation_split` or with
    /// test-time augmentation; an error where nothing was.
    pub fn final_result(&self) -> Result<FinalResult> {
        // SAFETY: the object is of its type.
        let result = filled(|result, size| unsafe {
            raw::cifar_trainer_get_result(self.owner.pointer, result, size)
        })?;
        // SAFETY: it has no pointers.
        Ok(unsafe { FinalResult::new(&result) })
    }

    /// The network as it is now; after a finished run, with the best weights. Independent of the
    /// trainer.
    pub fn model(&self) -> Result<Model> {
        let mut pointer = ptr::null_mut();
        // SAFETY: the pointer is written to.
        check(unsafe { raw::cifar_model_from_trainer(self.owner.pointer, &mut pointer) })?;
        // SAFETY: it is new.
        Ok(unsafe { Model::owning(pointer) })
    }
}

impl fmt::Debug for Trainer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trainer").field("info", &self.info()).finish()
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Owner").field(&self.pointer).finish()
    }
}

impl Owner {
    fn set_learning_rate(&self, rate: f64) -> Result<()> {
        // SAFETY: it is a trainer.
        check(unsafe { raw::cifar_trainer_set_learning_rate(self.pointer, rate) })
    }

    fn record_metric(&self, name: &str, value: f64) -> Result<()> {
        let name = text::c(name)?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_trainer_record_metric(self.pointer, name.as_ptr(), value) })
    }
}

/// The closure of a run, and what it panicked with.
struct Follower<'a> {
    follow: &'a mut dyn FnMut(Event) -> ControlFlow<()>,
    panic: Option<Box<dyn Any + Send>>,
}

/// Calls the closure; no panic passes through the library.
///
/// # Safety
/// `user` is the follower of the run.
unsafe fn tell(user: *mut c_void, event: Event) -> c_int {
    // SAFETY: the caller's promise; the library calls on one thread, one after the other.
    let follower = unsafe { &mut *user.cast::<Follower<'_>>() };
    // What comes after a panic, such as the training's end, nobody hears any more.
    if follower.panic.is_some() {
        return 1;
    }
    match panic::catch_unwind(AssertUnwindSafe(|| (follower.follow)(event))) {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(payload) => {
            follower.panic = Some(payload);
            1
        }
    }
}

macro_rules! callbacks {
    ($($name:ident => $event:ident $(($info:ident of $raw:ident))?;)*) => {$(
        unsafe extern "C" fn $name($(info: *const raw::$raw,)? user: *mut c_void) -> c_int {
            // SAFETY: the library hands over what run() gave it, and an info for the call.
            unsafe { tell(user, Event::$event $(($info::new(&*info)))?) }
        }
    )*};
}

callbacks! {
    on_train_begin => TrainBegin;
    on_epoch_begin => EpochBegin(BatchInfo of cifar_batch_info);
    on_batch_begin => BatchBegin(BatchInfo of cifar_batch_info);
    on_batch_end => BatchEnd(BatchInfo of cifar_batch_info);
    on_validation_begin => ValidationBegin;
    on_validation_end => ValidationEnd(ValidationInfo of cifar_validation_info);
    on_epoch_end => EpochEnd(EpochInfo of cifar_epoch_info);
    on_storage_wait => StorageWait(StorageInfo of cifar_storage_info);
    on_train_end => TrainEnd;
}
