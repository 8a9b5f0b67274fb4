use std::{fmt, ptr};

use crate::error::check;
use crate::infos::filled;
use crate::{
    raw, text, CheckpointInfo, EpochInfo, MetricInfo, NoteInfo, Result, RunInfo, SessionInfo,
};

/// All about one run but the bytes of its checkpoints, as it was at one moment.
pub struct Run {
    pointer: *mut raw::cifar_run,
}

// SAFETY: every object of the library may be used from any thread, by several at once.
unsafe impl Send for Run {}
// SAFETY: likewise.
unsafe impl Sync for Run {}

/// One method a list that a run has.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident: $info:ident by $count:ident, $get:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self) -> Result<Vec<$info>> {
            let mut count = 0;
            // SAFETY: the number is written to.
            check(unsafe { raw::$count(self.pointer, &mut count) })?;
            (0..count)
                .map(|index| {
                    // SAFETY: the object is of its type.
                    let info = filled(|info, size| unsafe {
                        raw::$get(self.pointer, index, info, size)
                    })?;
                    // SAFETY: its strings live as long as the run.
                    Ok(unsafe { $info::new(&info) })
                })
                .collect()
        }
    )*};
}

impl Run {
    /// # Safety
    /// `pointer` is a run that nobody else frees.
    pub(crate) unsafe fn owning(pointer: *mut raw::cifar_run) -> Run {
        Run { pointer }
    }

    /// For calls of [`raw`](crate::raw); it lives as long as this.
    pub fn as_ptr(&self) -> *mut raw::cifar_run {
        self.pointer
    }

    /// The run in one line.
    pub fn info(&self) -> Result<RunInfo> {
        // SAFETY: the object is of its type.
        let info =
            filled(|info, size| unsafe { raw::cifar_run_get_info(self.pointer, info, size) })?;
        // SAFETY: its strings live as long as the run.
        Ok(unsafe { RunInfo::new(&info) })
    }

    /// The complete set of hyperparameters, a JSON object.
    pub fn hyperparameters(&self) -> Result<String> {
        let mut json = ptr::null();
        // SAFETY: the pointer is written to.
        check(unsafe { raw::cifar_run_get_hyperparameters(self.pointer, &mut json) })?;
        // SAFETY: a C string that lives as long as the run.
        Ok(unsafe { text::owned(json) })
    }

    /// What the best checkpoint was chosen on: "test images" or "validation split"; none where nothing
    /// chose, or nobody knows what the images are.
    pub fn best_chosen_on(&self) -> Result<Option<String>> {
        let mut images = ptr::null();
        // SAFETY: the pointer is written to.
        check(unsafe { raw::cifar_run_get_best_chosen_on(self.pointer, &mut images) })?;
        // SAFETY: a C string that lives as long as the run, or NULL.
        Ok(unsafe { text::copied(images) })
    }

    /// What the weights were chosen on that training ended with, by early stopping; none likewise, and
    /// before the end. Of a run that was taken further since, it is of the weights that were measured.
    pub fn final_chosen_on(&self) -> Result<Option<String>> {
        let mut images = ptr::null();
        // SAFETY: the pointer is written to.
        check(unsafe { raw::cifar_run_get_final_chosen_on(self.pointer, &mut images) })?;
        // SAFETY: a C string that lives as long as the run, or NULL.
        Ok(unsafe { text::copied(images) })
    }

    lists! {
        /// Epochs on the line that leads to where the run stands now.
        epochs: EpochInfo by cifar_run_epoch_count, cifar_run_get_epoch;
        /// Checkpoints, oldest first.
        checkpoints: CheckpointInfo by cifar_run_checkpoint_count, cifar_run_get_checkpoint;
        /// What was recorded beside the epochs, by name and then epoch.
        metrics: MetricInfo by cifar_run_metric_count, cifar_run_get_metric;
        /// Notes, oldest first.
        notes: NoteInfo by cifar_run_note_count, cifar_run_get_note;
        /// Its start and each resume, oldest first.
        sessions: SessionInfo by cifar_run_session_count, cifar_run_get_session;
    }

    /// The uncommitted changes of the git repository that a session, counted from 0, ran in: a JSON
    /// object with patch, untracked, truncated and unknown. None where there were none, or no
    /// repository.
    pub fn changes(&self, session: usize) -> Result<Option<String>> {
        let mut json = ptr::null();
        // SAFETY: the pointer is written to.
        check(unsafe { raw::cifar_run_get_changes(self.pointer, session, &mut json) })?;
        // SAFETY: NULL, or a C string that lives as long as the run.
        Ok(unsafe { text::copied(json) })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { raw::cifar_run_free(self.pointer) }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Run").field("info", &self.info()).finish()
    }
}
