use std::path::Path;
use std::{fmt, mem, ptr};

use crate::error::check;
use crate::infos::filled;
use crate::{raw, text, Dataset, Evaluation, ImageShape, Result};

/// A trained network to use.
pub struct Model {
    pointer: *mut raw::cifar_model,
}

// SAFETY: every object of the library may be used from any thread, by several at once.
unsafe impl Send for Model {}
// SAFETY: likewise.
unsafe impl Sync for Model {}

impl Model {
    /// Opens a file that [`Model::save`] or the command `cifar export` wrote.
    pub fn open(path: impl AsRef<Path>) -> Result<Model> {
        let path = text::path(path.as_ref())?;
        let mut pointer = ptr::null_mut();
        // SAFETY: the string lives during the call, and the pointer is written to.
        check(unsafe { raw::cifar_model_open(path.as_ptr(), 0, &mut pointer) })?;
        Ok(Model { pointer })
    }

    /// Opens a checkpoint of a run, which is named by its id, the first 4 or more characters of it,
    /// or its name.
    ///
    /// `registry` is the SQLite file; `None`: `$CIFAR_REGISTRY`, else `./cifar-runs.db`.
    /// `checkpoint` is "last", "best" or a checkpoint's id; `None`: "best".
    pub fn from_run(registry: Option<&Path>, run: &str, checkpoint: Option<&str>) -> Result<Model> {
        let registry = registry.map(text::path).transpose()?;
        let run = text::c(run)?;
        let checkpoint = text::optional(checkpoint)?;
        let mut pointer = ptr::null_mut();
        // SAFETY: the strings live during the call, and the pointer is written to.
        check(unsafe {
            raw::cifar_model_from_run(
                text::pointer(&registry),
                run.as_ptr(),
                text::pointer(&checkpoint),
                0,
                &mut pointer,
            )
        })?;
        Ok(Model { pointer })
    }

    /// # Safety
    /// `pointer` is a model that nobody else frees.
    pub(crate) unsafe fn owning(pointer: *mut raw::cifar_model) -> Model {
        Model { pointer }
    }

    fn info(&self) -> raw::cifar_model_info {
        // SAFETY: numbers and pointers may be zero.
        let mut info = unsafe { mem::zeroed() };
        // SAFETY: the size is that of the struct. It can't fail: the object is one.
        unsafe { raw::cifar_model_get_info(self.pointer, &mut info, mem::size_of_val(&info)) };
        info
    }

    /// For calls of [`raw`](crate::raw); it lives as long as this.
    pub fn as_ptr(&self) -> *mut raw::cifar_model {
        self.pointer
    }

    /// The epoch whose weights they are: the last completed one, or that whose weights early
    /// stopping put back.
    pub fn epoch(&self) -> u32 {
        self.info().epoch
    }

    /// Of the images that it takes.
    pub fn shape(&self) -> ImageShape {
        let info = self.info();
        ImageShape { channels: info.channels, height: info.height, width: info.width }
    }

    /// Numbers that were trained.
    pub fn parameters(&self) -> u64 {
        self.info().parameters
    }

    /// What it was trained with, a JSON object.
    pub fn hyperparameters(&self) -> String {
        // SAFETY: a C string that lives as long as the object.
        unsafe { text::owned(self.info().hyperparameters) }
    }

    /// The names of its classes, in the order of the probabilities.
    pub fn class_names(&self) -> Result<Vec<String>> {
        (0..self.info().classes)
            .map(|index| {
                let mut name = ptr::null();
                // SAFETY: the pointer is written to, and lives as long as the object.
                check(unsafe { raw::cifar_model_get_class_name(self.pointer, index, &mut name) })?;
                // SAFETY: a C string.
                Ok(unsafe { text::owned(name) })
            })
            .collect()
    }

    /// Its layers as a table, as Keras prints it.
    pub fn summary(&self) -> Result<String> {
        let mut summary = ptr::null();
        // SAFETY: the pointer is written to, and lives as long as the object.
        check(unsafe { raw::cifar_model_get_summary(self.pointer, &mut summary) })?;
        // SAFETY: a C string.
        Ok(unsafe { text::owned(summary) })
    }

    /// What its answers are computed in: `float32` at first, whatever it was trained in.
    pub fn precision(&self) -> Result<String> {
        let mut precision = ptr::null();
        // SAFETY: the pointer is written to, and lives as long as the object.
        check(unsafe { raw::cifar_model_get_precision(self.pointer, &mut precision) })?;
        // SAFETY: a C string.
        Ok(unsafe { text::owned(precision) })
    }

    /// What all answers from now on are computed in: `float32`, `mixed_bfloat16` or, if it is
    /// quantized, `int8`.
    pub fn set_precision(&self, precision: &str) -> Result<()> {
        let precision = text::c(precision)?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_model_set_precision(self.pointer, precision.as_ptr()) })
    }

    /// A model of the same layers with numbers of 8 bits: post-training quantization.
    ///
    /// `images` of the calibration's are looked at, evenly spaced; 512 where that is `None`.
    pub fn quantize(&self, calibration: &Dataset, images: Option<usize>) -> Result<Model> {
        let mut model = ptr::null_mut();
        // SAFETY: the objects are of their types, and the pointer is written to.
        check(unsafe {
            raw::cifar_model_quantize(
                self.pointer,
                calibration.as_ptr(),
                images.unwrap_or(0),
                &mut model,
            )
        })?;
        Ok(Model { pointer: model })
    }

    /// Loss and accuracy on a data set.
    pub fn evaluate(&self, data: &Dataset) -> Result<Evaluation> {
        // SAFETY: the objects are of their types.
        let evaluation: raw::cifar_evaluation = filled(|evaluation, size| unsafe {
            raw::cifar_model_evaluate(self.pointer, data.as_ptr(), evaluation, size)
        })?;
        // SAFETY: the library filled it.
        Ok(unsafe { Evaluation::new(&evaluation) })
    }

    /// The probability of each class for each image, a row an image.
    ///
    /// `images` has the bytes of the model's [`shape`](Model::shape) an image.
    pub fn predict(&self, images: &[u8]) -> Result<Vec<Vec<f32>>> {
        let shape = self.shape();
        let count = images.len() / shape.bytes();
        shape.check(images, count)?;
        let classes = self.info().classes as usize;
        let mut probabilities = vec![0.0; count * classes];
        // SAFETY: there are `count` images, and room for as many rows.
        check(unsafe {
            raw::cifar_model_predict(
                self.pointer,
                images.as_ptr(),
                count,
                probabilities.as_mut_ptr(),
            )
        })?;
        Ok(probabilities.chunks(classes).map(<[f32]>::to_vec).collect())
    }

    /// Writes weights and statistics, all that a model is, to a safetensors file, whole or not at
    /// all. An existing file is replaced if it is empty, weights or a checkpoint.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = text::path(path.as_ref())?;
        // SAFETY: the string lives during the call.
        check(unsafe { raw::cifar_model_save(self.pointer, path.as_ptr()) })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { raw::cifar_model_free(self.pointer) }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Model")
            .field("epoch", &self.epoch())
            .field("parameters", &self.parameters())
            .finish_non_exhaustive()
    }
}
