use std::ffi::CString;
use std::path::Path;
use std::{fmt, mem, ptr};

use crate::error::check;
use crate::infos::{filled, Plain};
use crate::{raw, text, Error, ImageShape, Result, Status};

/// Which part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// What is trained on.
    Train,
    /// What is validated and tested on.
    Test,
}

impl Split {
    fn raw(self) -> raw::cifar_split {
        match self {
            Split::Train => raw::CIFAR_TRAIN,
            Split::Test => raw::CIFAR_TEST,
        }
    }
}

/// Labelled images of one shape, kept as bytes. Immutable.
pub struct Dataset {
    pointer: *mut raw::cifar_dataset,
}

// SAFETY: every object of the library may be used from any thread, by several at once.
unsafe impl Send for Dataset {}
// SAFETY: likewise.
unsafe impl Sync for Dataset {}

// SAFETY: it has numbers and pointers only.
unsafe impl Plain for raw::cifar_dataset_options {}

impl Dataset {
    /// Opens CIFAR-10 or CIFAR-100, or the built-in drawings.
    ///
    /// `location` is a directory that is or holds `cifar-10-batches-bin` or `cifar-10-batches-py`;
    /// "shapes" for 10 classes of synthetic drawings that need no download; "cifar100",
    /// "cifar100-coarse", or one of these with `:DIR`, for CIFAR-100. `limit` is the most images to
    /// take, from the start; 0 for all.
    pub fn open(location: impl AsRef<Path>, split: Split, limit: usize) -> Result<Dataset> {
        Dataset::opened(Some(text::path(location.as_ref())?), split, limit)
    }

    /// Opens CIFAR-10 where it usually is: in `$CIFAR10_DIR` or, where that is not set, in `./data`,
    /// `~/.cache/cifar10` or `~/.keras/datasets`.
    pub fn find(split: Split, limit: usize) -> Result<Dataset> {
        Dataset::opened(None, split, limit)
    }

    fn opened(location: Option<CString>, split: Split, limit: usize) -> Result<Dataset> {
        let mut pointer = ptr::null_mut();
        // SAFETY: the string lives during the call, and the pointer is written to.
        check(unsafe {
            raw::cifar_dataset_open(text::pointer(&location), split.raw(), limit, &mut pointer)
        })?;
        Ok(Dataset { pointer })
    }

    /// Copies images and labels from memory.
    ///
    /// `images` has [`ImageShape::bytes`] an image. Labels are places in `class_names`.
    ///
    /// ```
    /// use cifar::{Dataset, ImageShape, Split};
    ///
    /// let shape = ImageShape { channels: 1, height: 28, width: 28 };
    /// let images = vec![0; 2 * shape.bytes()];
    /// let data = Dataset::from_arrays(&images, shape, &[0, 1], &["dark", "bright"], Split::Train)?;
    /// assert_eq!(data.len(), 2);
    /// assert_eq!(data.shape(), shape);
    /// assert_eq!(data.class_names()?, ["dark", "bright"]);
    /// # Ok::<(), cifar::Error>(())
    /// ```
    pub fn from_arrays(
        images: &[u8],
        shape: ImageShape,
        labels: &[i32],
        class_names: &[&str],
        split: Split,
    ) -> Result<Dataset> {
        Dataset::copied(images, shape, labels, None, class_names, split)
    }

    /// The same with what the loss of each image counts in training: a number from 0 to 1e6 an
    /// image, not all 0.
    pub fn from_weighted_arrays(
        images: &[u8],
        shape: ImageShape,
        labels: &[i32],
        sample_weights: &[f32],
        class_names: &[&str],
        split: Split,
    ) -> Result<Dataset> {
        Dataset::copied(images, shape, labels, Some(sample_weights), class_names, split)
    }

    fn copied(
        images: &[u8],
        shape: ImageShape,
        labels: &[i32],
        sample_weights: Option<&[f32]>,
        class_names: &[&str],
        split: Split,
    ) -> Result<Dataset> {
        shape.check(images, labels.len())?;
        if let Some(weights) = sample_weights.filter(|weights| weights.len() != labels.len()) {
            return Err(Error::new(
                Status::SHAPE_MISMATCH,
                format!("{} weights are not for {} images", weights.len(), labels.len()),
            ));
        }
        let names = class_names.iter().map(|name| text::c(name)).collect::<Result<Vec<_>>>()?;
        let names = names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
        // SAFETY: the size is that of the struct.
        let mut options: raw::cifar_dataset_options =
            filled(|options, size| unsafe { raw::cifar_dataset_options_init(options, size) })?;
        options.split = split.raw();
        options.channels = shape.channels;
        options.height = shape.height;
        options.width = shape.width;
        options.classes = u32::try_from(class_names.len()).unwrap_or(u32::MAX);
        options.count = labels.len();
        options.images = images.as_ptr();
        options.labels = labels.as_ptr();
        options.class_names = names.as_ptr();
        options.sample_weights = sample_weights.map_or(ptr::null(), <[f32]>::as_ptr);
        let mut pointer = ptr::null_mut();
        // SAFETY: the arrays have as many elements as are said, and live during the call.
        check(unsafe { raw::cifar_dataset_from_memory(&options, &mut pointer) })?;
        Ok(Dataset { pointer })
    }

    fn info(&self) -> raw::cifar_dataset_info {
        // SAFETY: numbers and pointers may be zero.
        let mut info = unsafe { mem::zeroed() };
        // SAFETY: the size is that of the struct. It can't fail: the object is one.
        unsafe { raw::cifar_dataset_get_info(self.pointer, &mut info, mem::size_of_val(&info)) };
        info
    }

    /// Of each image.
    pub fn shape(&self) -> ImageShape {
        let info = self.info();
        ImageShape { channels: info.channels, height: info.height, width: info.width }
    }

    /// Images.
    pub fn len(&self) -> usize {
        self.info().count
    }

    /// Never: a data set has an image at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// "cifar10", "shapes", "memory" and so on.
    pub fn name(&self) -> String {
        // SAFETY: a C string that lives as long as the object.
        unsafe { text::owned(self.info().name) }
    }

    /// What opens it again; none for one from memory.
    pub fn location(&self) -> Option<String> {
        // SAFETY: NULL, or a C string that lives as long as the object.
        unsafe { text::copied(self.info().location) }
    }

    /// The names of its classes, in the order of the labels.
    pub fn class_names(&self) -> Result<Vec<String>> {
        (0..self.info().classes)
            .map(|index| {
                let mut name = ptr::null();
                // SAFETY: the pointer is written to, and lives as long as the object.
                check(unsafe {
                    raw::cifar_dataset_get_class_name(self.pointer, index, &mut name)
                })?;
                // SAFETY: a C string.
                Ok(unsafe { text::owned(name) })
            })
            .collect()
    }

    /// Copies images from `first` on, and their labels, out.
    ///
    /// ```
    /// use cifar::{Dataset, Split};
    ///
    /// let data = Dataset::open("shapes", Split::Test, 10)?;
    /// let (images, labels) = data.read(0, 10)?;
    /// assert_eq!(images.len(), 10 * data.shape().bytes());
    /// assert_eq!(labels.len(), 10);
    /// # Ok::<(), cifar::Error>(())
    /// ```
    pub fn read(&self, first: usize, count: usize) -> Result<(Vec<u8>, Vec<i32>)> {
        if first > self.len() || count > self.len() - first {
            return Err(Error::new(
                Status::INVALID_ARGUMENT,
                format!("{count} images from {first} on, of {}", self.len()),
            ));
        }
        let mut images = vec![0; count * self.shape().bytes()];
        let mut labels = vec![0; count];
        // SAFETY: both arrays have room for `count` of them.
        check(unsafe {
            raw::cifar_dataset_read(
                self.pointer,
                first,
                count,
                images.as_mut_ptr(),
                labels.as_mut_ptr(),
            )
        })?;
        Ok((images, labels))
    }

    /// For calls of [`raw`](crate::raw); it lives as long as this.
    pub fn as_ptr(&self) -> *mut raw::cifar_dataset {
        self.pointer
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { raw::cifar_dataset_free(self.pointer) }
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dataset")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
