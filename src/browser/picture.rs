//! Pictures, and painting over what must not be seen on them.
//!
//! Invariant: the bytes of a picture leave this room painted only ([`Picture::finish`]); whoever
//! holds one cannot keep it otherwise.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageReader, Rgb, RgbImage};

/// How well a painted picture is kept: above the browser's own quality, so that words stay legible.
const QUALITY: u8 = 80;

/// How many device pixels become one when a whole picture is made illegible, at one device pixel for
/// each pixel of CSS: more than twice the height of ordinary letters.
const COARSE: f64 = 40.0;

/// Boxes are painted so many pixels of CSS larger on each side: letters lean out of theirs, and a
/// page may move by a hair between the picture and the question where its fields are.
const MARGIN: f64 = 2.0;

/// The colour of what is painted over, and of its frame.
const PAINT: Rgb<u8> = Rgb([58, 62, 70]);

/// A screenshot.
#[derive(Debug, Clone)]
pub struct Picture {
    bytes: Vec<u8>,
    mime: &'static str,
    cover: Cover,
}

/// What is done to a picture before anybody sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Cover {
    /// Nothing personal is on it.
    #[default]
    Nothing,
    /// These boxes are painted over.
    Boxes {
        /// In pixels of CSS from the picture's upper left corner.
        boxes: Vec<Rect>,
        /// Pixels of the picture for each pixel of CSS.
        scale: f64,
    },
    /// Where the fields are is not known: the whole picture is made illegible.
    All {
        /// Pixels of the picture for each pixel of CSS.
        scale: f64,
    },
}

/// A rectangle in pixels of CSS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// How wide.
    pub width: f64,
    /// How high.
    pub height: f64,
}

impl Rect {
    /// The smallest rectangle around both.
    pub fn with(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self { x, y, width: right - x, height: bottom - y }
    }
}

/// Why a picture cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be painted over, so it is not kept")]
pub struct Unpaintable(#[source] image::ImageError);

impl Picture {
    pub(super) fn new(bytes: Vec<u8>, mime: &'static str, cover: Cover) -> Self {
        Self { bytes, mime, cover }
    }

    /// The picture as it may be kept, and its media type. Painting takes some tens of milliseconds of
    /// work, so this belongs on a thread that may block; most pictures need none.
    ///
    /// # Errors
    /// When the browser's picture cannot be read. It is thrown away then.
    pub fn finish(self) -> Result<(Vec<u8>, &'static str), Unpaintable> {
        let paint: Box<dyn Fn(&mut RgbImage)> = match self.cover {
            Cover::Nothing => return Ok((self.bytes, self.mime)),
            Cover::Boxes { boxes, scale } => Box::new(move |picture| {
                for rect in &boxes {
                    paint(picture, *rect, scale);
                }
            }),
            Cover::All { scale } => Box::new(move |picture| coarsen(picture, scale)),
        };
        let reader = ImageReader::new(std::io::Cursor::new(self.bytes));
        let reader = reader.with_guessed_format().map_err(|error| Unpaintable(error.into()))?;
        let mut picture = reader.decode().map_err(Unpaintable)?.into_rgb8();
        paint(&mut picture);
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture).map_err(Unpaintable)?;
        Ok((bytes, "image/jpeg"))
    }

    /// Whether anything is painted over.
    pub fn is_covered(&self) -> bool {
        self.cover != Cover::Nothing
    }
}

/// A length in pixels of the picture, inside it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture")]
fn inside(length: f64, most: u32) -> u32 {
    length.clamp(0.0, f64::from(most)) as u32
}

fn paint(picture: &mut RgbImage, rect: Rect, scale: f64) {
    let (width, height) = picture.dimensions();
    let left = inside(((rect.x - MARGIN) * scale).floor(), width);
    let right = inside(((rect.x + rect.width + MARGIN) * scale).ceil(), width);
    let top = inside(((rect.y - MARGIN) * scale).floor(), height);
    let bottom = inside(((rect.y + rect.height + MARGIN) * scale).ceil(), height);
    for y in top..bottom {
        for x in left..right {
            picture.put_pixel(x, y, PAINT);
        }
    }
}

/// Every square becomes its mean colour: what kind of page it was can still be told, nothing can be
/// read.
fn coarsen(picture: &mut RgbImage, scale: f64) {
    let (width, height) = picture.dimensions();
    let size = inside((COARSE * scale).max(1.0), u32::MAX).max(1);
    for top in (0..height).step_by(size as usize) {
        for left in (0..width).step_by(size as usize) {
            let (right, bottom) = ((left + size).min(width), (top + size).min(height));
            let mut sum = [0u64; 3];
            for y in top..bottom {
                for x in left..right {
                    for (sum, part) in sum.iter_mut().zip(picture.get_pixel(x, y).0) {
                        *sum += u64::from(part);
                    }
                }
            }
            let count = u64::from(right - left) * u64::from(bottom - top);
            let mean = sum.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX));
            for y in top..bottom {
                for x in left..right {
                    picture.put_pixel(x, y, Rgb(mean));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes of black and white, as letters are.
    fn taken(width: u32, height: u32) -> Vec<u8> {
        let stripes = |x: u32, y: u32| Rgb(if (x / 3 + y / 3).is_multiple_of(2) { [0; 3] } else { [255; 3] });
        let mut bytes = Vec::new();
        let picture = RgbImage::from_fn(width, height, stripes);
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    fn finished(cover: Cover) -> RgbImage {
        let (bytes, mime) = Picture::new(taken(400, 200), "image/jpeg", cover).finish().unwrap();
        assert_eq!(mime, "image/jpeg");
        image::load_from_memory(&bytes).unwrap().into_rgb8()
    }

    /// How far the colours of a part lie apart.
    fn spread(picture: &RgbImage, x: std::ops::Range<u32>, y: std::ops::Range<u32>) -> u8 {
        let all = || y.clone().flat_map(|y| x.clone().map(move |x| picture.get_pixel(x, y)[0]));
        all().max().unwrap() - all().min().unwrap()
    }

    #[test]
    fn boxes_are_painted_over_and_the_rest_stays() {
        let rect = Rect { x: 50.0, y: 20.0, width: 40.0, height: 10.0 };
        let off = Rect { x: -5000.0, y: 1e9, width: 3.0, height: f64::NAN };
        for scale in [1.0, 3.0] {
            let picture = finished(Cover::Boxes { boxes: vec![rect, off], scale });
            let at = |length: f64| inside(length * scale, 400);
            let (x, y) = (at(52.0)..at(88.0), at(22.0)..at(28.0));
            assert!(spread(&picture, x, y) < 40, "painted at scale {scale}");
            assert!(spread(&picture, 0..30, 150..190) > 200, "left at scale {scale}");
        }
    }

    #[test]
    fn a_coarse_picture_shows_nothing() {
        let picture = finished(Cover::All { scale: 1.0 });
        assert!(spread(&picture, 2..38, 2..38) < 40);
        assert_eq!(picture.dimensions(), (400, 200));
    }

    #[test]
    fn what_is_no_picture_is_thrown_away_when_it_has_to_be_painted() {
        let cover = Cover::All { scale: 1.0 };
        assert!(Picture::new(b"no picture".to_vec(), "image/jpeg", cover).finish().is_err());
        assert!(Picture::new(b"any".to_vec(), "image/jpeg", Cover::Nothing).finish().is_ok());
    }
}
