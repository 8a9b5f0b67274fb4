//! Strings on their way to the library and back.

use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crate::{Error, Result, Status};

/// A string for the library.
pub(crate) fn c(text: &str) -> Result<CString> {
    bytes(text.as_bytes())
}

pub(crate) fn path(path: &Path) -> Result<CString> {
    bytes(path.as_os_str().as_bytes())
}

fn bytes(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| {
        let text = String::from_utf8_lossy(bytes);
        Error::new(Status::INVALID_ARGUMENT, format!("{text:?} has a NUL in it"))
    })
}

/// A string that may be left out.
pub(crate) fn optional(text: Option<&str>) -> Result<Option<CString>> {
    text.map(c).transpose()
}

/// NULL for none. The pointer lives as long as the string.
pub(crate) fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// A copy of a string of the library; none for NULL.
///
/// # Safety
/// `text` is NULL or a C string.
pub(crate) unsafe fn copied(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// A copy of a string that is there.
///
/// # Safety
/// `text` is NULL or a C string.
pub(crate) unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: the caller's promise.
    unsafe { copied(text) }.unwrap_or_default()
}

/// A string that lives forever.
///
/// # Safety
/// `text` is a C string, and nobody frees it.
pub(crate) unsafe fn constant(text: *const c_char) -> &'static str {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("")
}
