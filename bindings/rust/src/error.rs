use std::fmt;

use crate::{raw, text};

/// What a call came to, if it failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(raw::cifar_status);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $raw:ident;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Status = Status(raw::$raw);)*
        }
    };
}

statuses! {
    /// An argument or an option is outside what the call allows.
    INVALID_ARGUMENT = CIFAR_E_INVALID_ARGUMENT;
    /// Arrays, layers or weights whose shapes do not fit together; images that are not the run's.
    SHAPE_MISMATCH = CIFAR_E_SHAPE_MISMATCH;
    /// A file, directory, run or checkpoint that does not exist.
    NOT_FOUND = CIFAR_E_NOT_FOUND;
    /// A name or the start of an id that fits more than one run.
    AMBIGUOUS = CIFAR_E_AMBIGUOUS;
    /// The operating system refused to read or write.
    IO = CIFAR_E_IO;
    /// There is no space left to write to.
    DISK_FULL = CIFAR_E_DISK_FULL;
    /// A file that is not what it should be: truncated, oversized, or with values out of range.
    BAD_DATA = CIFAR_E_BAD_DATA;
    /// Stored bytes that no longer have the SHA-256 they were stored with.
    CHECKSUM_MISMATCH = CIFAR_E_CHECKSUM_MISMATCH;
    /// SQLite reported an error.
    DATABASE = CIFAR_E_DATABASE;
    /// An SQLite file that is no run registry; it stays untouched.
    FOREIGN_DATABASE = CIFAR_E_FOREIGN_DATABASE;
    /// A registry written by a newer version of the library.
    NEWER_DATABASE = CIFAR_E_NEWER_DATABASE;
    /// Someone else holds the registry, or trains the run.
    BUSY = CIFAR_E_BUSY;
    /// A call that does not fit the state of its object.
    INVALID_STATE = CIFAR_E_INVALID_STATE;
    /// Training was interrupted; a checkpoint of the very batch was left.
    INTERRUPTED = CIFAR_E_INTERRUPTED;
    /// The closure broke off the training, or a timer ran out; a checkpoint of the very batch was
    /// left.
    CALLBACK = CIFAR_E_CALLBACK;
    /// Another process of a training ended it, or can't be reached.
    PEER = CIFAR_E_PEER;
    /// A loss, a weight or a probability is not a finite number.
    NOT_FINITE = CIFAR_E_NOT_FINITE;
    /// A feature that this build or this machine does not have.
    UNSUPPORTED = CIFAR_E_UNSUPPORTED;
    /// Memory could not be had, or is more than the process may use.
    OUT_OF_MEMORY = CIFAR_E_OUT_OF_MEMORY;
    /// A defect in the library.
    INTERNAL = CIFAR_E_INTERNAL;
}

impl Status {
    /// The number that C has.
    pub fn code(self) -> u32 {
        self.0
    }

    /// The name that C has, such as "CIFAR_E_NOT_FOUND".
    pub fn name(self) -> &'static str {
        // SAFETY: never NULL, and lives forever.
        unsafe { text::constant(raw::cifar_status_name(self.0)) }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A call that failed: its status for programs, a sentence for people.
///
/// ```
/// use cifar::{Dataset, Split, Status};
///
/// let error = Dataset::open("/nowhere", Split::Train, 0).unwrap_err();
/// assert_eq!(error.status(), Status::NOT_FOUND);
/// assert!(error.to_string().contains("/nowhere"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: String,
}

/// What the library's calls return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(status: Status, message: String) -> Error {
        Error { status, message }
    }

    /// What kind of thing went wrong.
    pub fn status(&self) -> Status {
        self.status
    }

    /// What is wrong and what to do, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The result of a call that was made right before, on this thread.
pub(crate) fn check(status: raw::cifar_status) -> Result<()> {
    if status == raw::CIFAR_OK {
        return Ok(());
    }
    // SAFETY: a C string, until the next failure on this thread.
    let message = unsafe { text::owned(raw::cifar_last_error()) };
    Err(Error::new(Status(status), message))
}
