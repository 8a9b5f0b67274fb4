use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::panic::{self, AssertUnwindSafe};
use std::{mem, ptr};

use crate::error::check;
use crate::{raw, Result};

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For whoever looks for a defect.
    Debug,
    /// What happens.
    Info,
    /// What a person should know.
    Warning,
    /// What went wrong.
    Error,
}

/// Receives one whole line.
type Receiver = fn(LogLevel, &str);

/// Sends the library's log lines to a function, process-wide; `None` drops them, as at the start.
///
/// Lines come from any thread, several at once too; the function must not call back into the
/// library. When `set_log` returns no thread is inside the function before any more.
///
/// ```
/// cifar::set_log(Some(|level, line| eprintln!("{level:?}: {line}")))?;
/// cifar::set_log(None)?;
/// # Ok::<(), cifar::Error>(())
/// ```
pub fn set_log(receiver: Option<Receiver>) -> Result<()> {
    // SAFETY: `line` gets back the function that goes in here, which lives forever.
    check(unsafe {
        match receiver {
            Some(receiver) => raw::cifar_set_log(Some(receive), receiver as *mut c_void),
            None => raw::cifar_set_log(None, ptr::null_mut()),
        }
    })
}

unsafe extern "C" fn receive(level: raw::cifar_log_level, line: *const c_char, user: *mut c_void) {
    // SAFETY: set_log put it there.
    let receiver = unsafe { mem::transmute::<*mut c_void, Receiver>(user) };
    // SAFETY: the library hands out C strings.
    let line = unsafe { CStr::from_ptr(line) }.to_string_lossy();
    let level = match level {
        raw::CIFAR_LOG_DEBUG => LogLevel::Debug,
        raw::CIFAR_LOG_INFO => LogLevel::Info,
        raw::CIFAR_LOG_WARNING => LogLevel::Warning,
        _ => LogLevel::Error,
    };
    // A panic has nobody to go to.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| receiver(level, &line)));
}
