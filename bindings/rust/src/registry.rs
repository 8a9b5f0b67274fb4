use std::ffi::CString;
use std::ops::ControlFlow;
use std::os::raw::{c_char, c_int, c_void};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::{fmt, ptr};

use crate::error::check;
use crate::infos::{filled, Plain};
use crate::{raw, text, MergeInfo, Result, Run, RunInfo, Status};

// SAFETY: it has numbers and pointers only.
unsafe impl Plain for raw::cifar_run_query {}

/// The record of all runs.
///
/// A run is named by its id, the first 4 or more characters of it, or its name.
pub struct Registry {
    pointer: *mut raw::cifar_registry,
}

// SAFETY: every object of the library may be used from any thread, by several at once.
unsafe impl Send for Registry {}
// SAFETY: likewise.
unsafe impl Sync for Registry {}

/// Which runs are wanted: all of them, the latest first, unless more is said.
///
/// ```
/// use cifar::RunQuery;
///
/// let best = RunQuery::new()
///     .filter("val_accuracy > 0.8 and started > '2 days ago'")
///     .sort("best_val_accuracy")
///     .limit(10);
/// # let _ = best;
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    filter: Option<String>,
    sort: Option<String>,
    ascending: bool,
    limit: usize,
    trash: bool,
}

impl RunQuery {
    /// All runs.
    pub fn new() -> RunQuery {
        RunQuery::default()
    }

    /// Only runs for which it holds; `cifar-runs list --help` names the fields.
    #[must_use]
    pub fn filter(mut self, filter: &str) -> RunQuery {
        self.filter = Some(filter.to_owned());
        self
    }

    /// A field, the largest or latest first.
    #[must_use]
    pub fn sort(mut self, field: &str) -> RunQuery {
        self.sort = Some(field.to_owned());
        self
    }

    /// The smallest or earliest first.
    #[must_use]
    pub fn ascending(mut self) -> RunQuery {
        self.ascending = true;
        self
    }

    /// At most this many; 0: all.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> RunQuery {
        self.limit = limit;
        self
    }

    /// The runs in the trash instead.
    #[must_use]
    pub fn trash(mut self) -> RunQuery {
        self.trash = true;
        self
    }
}

impl Registry {
    /// Opens the SQLite file, which must be there.
    pub fn open(path: impl AsRef<Path>) -> Result<Registry> {
        Registry::opened(Some(text::path(path.as_ref())?))
    }

    /// Opens `$CIFAR_REGISTRY`, else `./cifar-runs.db`.
    pub fn open_default() -> Result<Registry> {
        Registry::opened(None)
    }

    fn opened(path: Option<CString>) -> Result<Registry> {
        let mut pointer = ptr::null_mut();
        // SAFETY: the string lives during the call, and the pointer is written to.
        check(unsafe { raw::cifar_registry_open(text::pointer(&path), &mut pointer) })?;
        Ok(Registry { pointer })
    }

    /// For calls of [`raw`](crate::raw); it lives as long as this.
    pub fn as_ptr(&self) -> *mut raw::cifar_registry {
        self.pointer
    }

    /// The runs that a query asks for; those with an impossible value are left out.
    pub fn query(&self, query: &RunQuery) -> Result<Vec<RunInfo>> {
        let filter = text::optional(query.filter.as_deref())?;
        let sort = text::optional(query.sort.as_deref())?;
        // SAFETY: the struct is written to, and is as large as is said.
        let mut raw: raw::cifar_run_query =
            filled(|query, size| unsafe { raw::cifar_run_query_init(query, size) })?;
        raw.filter = text::pointer(&filter);
        raw.sort = text::pointer(&sort);
        raw.ascending = i32::from(query.ascending);
        raw.limit = query.limit;
        raw.trash = i32::from(query.trash);
        let mut list = List(ptr::null_mut());
        // SAFETY: the strings live during the call, and the pointer is written to.
        check(unsafe { raw::cifar_registry_query(self.pointer, &raw, &mut list.0) })?;
        let mut count = 0;
        // SAFETY: the number is written to.
        check(unsafe { raw::cifar_run_list_count(list.0, &mut count) })?;
        (0..count)
            .map(|index| {
                // SAFETY: the object is of its type.
                let info = filled(|info, size| unsafe {
                    raw::cifar_run_list_get(list.0, index, info, size)
                })?;
                // SAFETY: its strings live as long as the list.
                Ok(unsafe { RunInfo::new(&info) })
            })
            .collect()
    }

    /// All about one run but the bytes of its checkpoints, as it is at this moment.
    pub fn find(&self, run: &str) -> Result<Run> {
        let run = text::c(run)?;
        let mut pointer = ptr::null_mut();
        // SAFETY: the string lives during the call, and the pointer is written to.
        check(unsafe { raw::cifar_registry_find(self.pointer, run.as_ptr(), &mut pointer) })?;
        // SAFETY: it is new.
        Ok(unsafe { Run::owning(pointer) })
    }

    /// Adds a tag of 1 to 200 bytes on one line; one that is there already stays.
    pub fn tag(&self, run: &str, tag: &str) -> Result<()> {
        let (run, tag) = (text::c(run)?, text::c(tag)?);
        // SAFETY: the strings live during the call.
        check(unsafe { raw::cifar_registry_tag(self.pointer, run.as_ptr(), tag.as_ptr()) })
    }

    /// Takes a tag off.
    pub fn untag(&self, run: &str, tag: &str) -> Result<()> {
        let (run, tag) = (text::c(run)?, text::c(tag)?);
        // SAFETY: the strings live during the call.
        check(unsafe { raw::cifar_registry_untag(self.pointer, run.as_ptr(), tag.as_ptr()) })
    }

    /// Adds a remark, of any number of lines.
    pub fn note(&self, run: &str, text: &str) -> Result<()> {
        let (run, text) = (text::c(run)?, text::c(text)?);
        // SAFETY: the strings live during the call.
        check(unsafe { raw::cifar_registry_note(self.pointer, run.as_ptr(), text.as_ptr()) })
    }

    /// Gives a run another name; `None` takes it away.
    pub fn rename(&self, run: &str, name: Option<&str>) -> Result<()> {
        let (run, name) = (text::c(run)?, text::optional(name)?);
        // SAFETY: the strings live during the call.
        check(unsafe {
            raw::cifar_registry_rename(self.pointer, run.as_ptr(), text::pointer(&name))
        })
    }

    /// Makes retention keep a checkpoint, or lets it go again.
    pub fn pin(&self, checkpoint: i64, pinned: bool) -> Result<()> {
        // SAFETY: the object is of its type.
        check(unsafe { raw::cifar_registry_pin(self.pointer, checkpoint, i32::from(pinned)) })
    }

    /// Makes a new run that begins where a checkpoint of another one stands; resume it to continue.
    /// `checkpoint` is "last", "best" or a checkpoint's id. Returns the new run's id.
    pub fn fork(&self, run: &str, checkpoint: &str, name: Option<&str>) -> Result<String> {
        let (run, checkpoint) = (text::c(run)?, text::c(checkpoint)?);
        let name = text::optional(name)?;
        let mut id: [c_char; 37] = [0; 37];
        // SAFETY: the strings live during the call, and the id has room for 37 bytes.
        check(unsafe {
            raw::cifar_registry_fork(
                self.pointer,
                run.as_ptr(),
                checkpoint.as_ptr(),
                text::pointer(&name),
                id.as_mut_ptr(),
            )
        })?;
        // SAFETY: it ends in NUL.
        Ok(unsafe { text::owned(id.as_ptr()) })
    }

    /// Makes a run from a checkpoint's file. Returns its id.
    pub fn import(&self, path: impl AsRef<Path>, name: Option<&str>) -> Result<String> {
        let path = text::path(path.as_ref())?;
        let name = text::optional(name)?;
        let mut id: [c_char; 37] = [0; 37];
        // SAFETY: the strings live during the call, and the id has room for 37 bytes.
        check(unsafe {
            raw::cifar_registry_import(
                self.pointer,
                path.as_ptr(),
                text::pointer(&name),
                id.as_mut_ptr(),
            )
        })?;
        // SAFETY: it ends in NUL.
        Ok(unsafe { text::owned(id.as_ptr()) })
    }

    /// Writes a checkpoint to a safetensors file.
    pub fn export(&self, checkpoint: i64, path: impl AsRef<Path>) -> Result<()> {
        let path = text::path(path.as_ref())?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_registry_export(self.pointer, checkpoint, path.as_ptr()) })
    }

    /// Writes a copy of the registry as it is at one moment, while others train.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = text::path(path.as_ref())?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_registry_backup(self.pointer, path.as_ptr()) })
    }

    /// Takes up the runs of another registry, or one of them, in one transaction.
    ///
    /// A run that went on in both files is an error, unless conflicts are skipped.
    pub fn merge(
        &self,
        path: impl AsRef<Path>,
        run: Option<&str>,
        skip_conflicts: bool,
    ) -> Result<MergeInfo> {
        let path = text::path(path.as_ref())?;
        let run = text::optional(run)?;
        // SAFETY: the strings live during the call, and the info is written to.
        let info = filled(|info, size| unsafe {
            raw::cifar_registry_merge(
                self.pointer,
                path.as_ptr(),
                text::pointer(&run),
                i32::from(skip_conflicts),
                info,
                size,
            )
        })?;
        // SAFETY: the library filled it.
        Ok(unsafe { MergeInfo::new(&info) })
    }

    /// Puts a run into the trash.
    pub fn remove(&self, run: &str) -> Result<()> {
        let run = text::c(run)?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_registry_remove(self.pointer, run.as_ptr(), 0) })
    }

    /// Takes a run out of the trash, as it was.
    pub fn restore(&self, run: &str) -> Result<()> {
        let run = text::c(run)?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_registry_restore(self.pointer, run.as_ptr()) })
    }

    /// Empties the trash for good and returns the bytes given back.
    pub fn collect(&self) -> Result<u64> {
        let mut freed = 0;
        // SAFETY: the number is written to.
        check(unsafe { raw::cifar_registry_collect(self.pointer, &mut freed) })?;
        Ok(freed)
    }

    /// Leaves completed runs, or the one that is named, the full state of their last checkpoint and
    /// of the others the weights. Returns how many bytes less are stored, or would be.
    pub fn slim(&self, run: Option<&str>, dry_run: bool) -> Result<u64> {
        let run = text::optional(run)?;
        let mut freed = 0;
        // SAFETY: the string lives during the call, the number is written to.
        check(unsafe {
            raw::cifar_registry_slim(self.pointer, text::pointer(&run), dry_run.into(), &mut freed)
        })?;
        Ok(freed)
    }

    /// Looks for damage, in one run's checkpoints or in all there is, and calls `each` for each
    /// problem until it breaks. Returns what it broke with.
    pub fn verify<T>(
        &self,
        run: Option<&str>,
        mut each: impl FnMut(&str) -> ControlFlow<T>,
    ) -> Result<Option<T>> {
        let run = text::optional(run)?;
        let mut outcome = None;
        let mut ask = |problem: &str| {
            let answer = panic::catch_unwind(AssertUnwindSafe(|| each(problem)));
            let goes_on = matches!(answer, Ok(ControlFlow::Continue(())));
            outcome = Some(answer);
            goes_on
        };
        let mut ask: &mut dyn FnMut(&str) -> bool = &mut ask;
        // SAFETY: the closure lives during the call.
        let result = check(unsafe {
            raw::cifar_registry_verify(
                self.pointer,
                text::pointer(&run),
                Some(on_problem),
                ptr::from_mut(&mut ask).cast(),
            )
        });
        match outcome {
            Some(Err(payload)) => panic::resume_unwind(payload),
            Some(Ok(ControlFlow::Break(value))) => match result {
                Err(error) if error.status() != Status::CALLBACK => Err(error),
                _ => Ok(Some(value)),
            },
            _ => result.map(|()| None),
        }
    }
}

unsafe extern "C" fn on_problem(problem: *const c_char, user: *mut c_void) -> c_int {
    // SAFETY: verify() handed it over, for the call.
    let ask = unsafe { &mut *user.cast::<&mut dyn FnMut(&str) -> bool>() };
    // SAFETY: a C string.
    let problem = unsafe { text::owned(problem) };
    c_int::from(!ask(&problem))
}

impl Drop for Registry {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { raw::cifar_registry_free(self.pointer) }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// Runs as they were at one moment.
struct List(*mut raw::cifar_run_list);

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: it is NULL, or nobody else has it.
        unsafe { raw::cifar_run_list_free(self.0) }
    }
}
