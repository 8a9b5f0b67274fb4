use crate::{Error, Result, Status};

/// The shape of an image: planes of grey, or of red, green and blue, with rows from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageShape {
    /// 1 or 3.
    pub channels: u32,
    /// Rows, from 8 to 128.
    pub height: u32,
    /// Columns, from 8 to 128.
    pub width: u32,
}

impl ImageShape {
    /// CIFAR's: three channels of 32x32.
    pub const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    /// Bytes of an image.
    pub const fn bytes(self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }

    /// An error where these are not `count` images.
    pub(crate) fn check(self, images: &[u8], count: usize) -> Result<()> {
        let bytes = (self.channels as usize)
            .checked_mul(self.height as usize)
            .and_then(|bytes| bytes.checked_mul(self.width as usize))
            .and_then(|bytes| bytes.checked_mul(count));
        if bytes == Some(images.len()) {
            return Ok(());
        }
        Err(Error::new(
            Status::SHAPE_MISMATCH,
            format!(
                "{} bytes are not {count} images of {}x{}x{} bytes",
                images.len(),
                self.channels,
                self.height,
                self.width
            ),
        ))
    }
}
