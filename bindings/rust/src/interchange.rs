//! Models out to other programs, and weights in.

use std::path::Path;
use std::{ptr, slice};

use crate::error::check;
use crate::infos::{filled, Plain};
use crate::{raw, text, Model, Result};

// SAFETY: they have numbers and pointers only.
unsafe impl Plain for raw::cifar_export_options {}
// SAFETY: likewise.
unsafe impl Plain for raw::cifar_import_options {}

/// What a model is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Weights and statistics alone, in a safetensors file: what PyTorch's `load_state_dict` takes.
    Weights,
    /// Everything that a training needs to continue, in a safetensors file.
    Checkpoint,
    /// An ONNX model, from bytes to probabilities.
    Onnx,
    /// A Python script that builds the model in PyTorch and loads its weights.
    PyTorch,
    /// Likewise in Keras 3.
    Keras,
}

impl Format {
    fn raw(self) -> raw::cifar_format {
        match self {
            Format::Weights => raw::CIFAR_FORMAT_WEIGHTS,
            Format::Checkpoint => raw::CIFAR_FORMAT_CHECKPOINT,
            Format::Onnx => raw::CIFAR_FORMAT_ONNX,
            Format::PyTorch => raw::CIFAR_FORMAT_PYTORCH,
            Format::Keras => raw::CIFAR_FORMAT_KERAS,
        }
    }
}

/// How a model is written.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// Of [`Format::Weights`]: "sequential" or "tutorial"; none for the tutorial's names of a model
    /// that is built like it, else "sequential".
    pub names: Option<String>,
    /// Of [`Format::Onnx`]: whether batch norm stays a node of its own.
    pub keep_batch_norm: bool,
}

impl ExportOptions {
    fn with_raw<T>(&self, body: impl FnOnce(&raw::cifar_export_options) -> Result<T>) -> Result<T> {
        let names = text::optional(self.names.as_deref())?;
        // SAFETY: the struct is written to, and is as large as is said.
        let mut options: raw::cifar_export_options =
            filled(|options, size| unsafe { raw::cifar_export_options_init(options, size) })?;
        options.names = text::pointer(&names);
        options.keep_batch_norm = i32::from(self.keep_batch_norm);
        body(&options)
    }
}

/// Which model weights belong to. Where all is none, a file of this library decides, which knows it.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// A preset's name, or the JSON of a model; else "tutorial".
    pub model: Option<String>,
    /// Whose batch norm, padding and normalization of images the model has: "pytorch", "keras" or
    /// "keras-tuned"; else "pytorch".
    pub recipe: Option<String>,
    /// A JSON object put over the recipe, such as `{"normalization": …}`.
    pub hyperparameters: Option<String>,
    /// A name for each class; else "0", "1", ….
    pub class_names: Option<Vec<String>>,
}

impl ImportOptions {
    fn with_raw<T>(&self, body: impl FnOnce(&raw::cifar_import_options) -> Result<T>) -> Result<T> {
        let model = text::optional(self.model.as_deref())?;
        let recipe = text::optional(self.recipe.as_deref())?;
        let hyperparameters = text::optional(self.hyperparameters.as_deref())?;
        let names = self.class_names.as_ref().map(|names| names.join("\n"));
        let class_names = text::optional(names.as_deref())?;
        // SAFETY: the struct is written to, and is as large as is said.
        let mut options: raw::cifar_import_options =
            filled(|options, size| unsafe { raw::cifar_import_options_init(options, size) })?;
        options.model = text::pointer(&model);
        options.recipe = text::pointer(&recipe);
        options.hyperparameters = text::pointer(&hyperparameters);
        options.class_names = text::pointer(&class_names);
        body(&options)
    }
}

impl Model {
    /// Makes a model of weights that any program wrote into a safetensors file.
    pub fn from_weights(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Model> {
        let path = text::path(path.as_ref())?;
        options.with_raw(|options| {
            let mut pointer = ptr::null_mut();
            // SAFETY: the strings live during the call, and the pointer is written to.
            check(unsafe { raw::cifar_model_import(path.as_ptr(), options, &mut pointer) })?;
            // SAFETY: a model that nobody else has.
            Ok(unsafe { Model::owning(pointer) })
        })
    }

    /// The same of a file's bytes.
    pub fn from_weights_in(bytes: &[u8], options: &ImportOptions) -> Result<Model> {
        options.with_raw(|options| {
            let mut pointer = ptr::null_mut();
            // SAFETY: the bytes are as many as is said, and the pointer is written to.
            check(unsafe {
                raw::cifar_model_decode(bytes.as_ptr().cast(), bytes.len(), options, &mut pointer)
            })?;
            // SAFETY: a model that nobody else has.
            Ok(unsafe { Model::owning(pointer) })
        })
    }

    /// Writes the model to a file, whole or not at all; a script's weights beside it. A name that
    /// promises another format is an error.
    pub fn export(
        &self,
        format: Format,
        path: impl AsRef<Path>,
        options: &ExportOptions,
    ) -> Result<()> {
        let path = text::path(path.as_ref())?;
        options.with_raw(|options| {
            // SAFETY: the strings live during the call.
            check(unsafe {
                raw::cifar_model_export(self.as_ptr(), format.raw(), path.as_ptr(), options)
            })
        })
    }

    /// The bytes that [`Model::export`] writes.
    pub fn encode(&self, format: Format, options: &ExportOptions) -> Result<Vec<u8>> {
        options.with_raw(|options| {
            let mut bytes = ptr::null();
            let mut size = 0;
            // SAFETY: both are written to.
            check(unsafe {
                raw::cifar_model_encode(self.as_ptr(), format.raw(), options, &mut bytes, &mut size)
            })?;
            // SAFETY: so many bytes, which live as long as the model.
            Ok(unsafe { slice::from_raw_parts(bytes.cast::<u8>(), size) }.to_vec())
        })
    }
}
