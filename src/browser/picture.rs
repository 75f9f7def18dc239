//! Pictures, and painting over what must not be seen on them.
//!
//! Invariant: the bytes of a picture leave this room painted only ([`Picture::finish`]); whoever
//! holds one cannot keep it otherwise.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// How well a painted picture is kept: above the browser's own quality, so that words stay legible.
const QUALITY: u8 = 80;

/// How many device pixels become one when a whole picture is made illegible, at one device pixel for
/// each pixel of CSS: more than twice the height of ordinary letters.
const COARSE: f64 = 40.0;

/// Boxes are painted so many pixels of CSS larger on each side: letters lean out of theirs, and a
/// page may move by a hair between the picture and the question where its fields are.
const MARGIN: f64 = 2.0;

/// The colour of what is painted over: red, green and blue.
const PAINT: [u8; 3] = [58, 62, 70];

/// The longest side that a JPEG can have.
const LONGEST_SIDE: usize = 65_535;

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
#[error("the picture cannot be painted over, so it is not kept: {0}")]
pub struct Unpaintable(String);

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
        if self.cover == Cover::Nothing {
            return Ok((self.bytes, self.mime));
        }
        let mut canvas = Canvas::read(&self.bytes)?;
        match self.cover {
            Cover::Nothing => {}
            Cover::Boxes { boxes, scale } => boxes.into_iter().for_each(|rect| canvas.paint(rect, scale)),
            Cover::All { scale } => canvas.coarsen(scale),
        }
        Ok((canvas.write()?, "image/jpeg"))
    }

    /// Whether anything is painted over.
    pub fn is_covered(&self) -> bool {
        self.cover != Cover::Nothing
    }
}

/// A length in pixels of the picture, inside it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture")]
fn inside(length: f64, most: usize) -> usize {
    length.clamp(0.0, most as f64) as usize
}

/// The pixels of a picture.
struct Canvas {
    width: usize,
    height: usize,
    /// Red, green and blue of each pixel, row by row.
    rgb: Vec<u8>,
}

impl Canvas {
    fn read(bytes: &[u8]) -> Result<Self, Unpaintable> {
        let options = DecoderOptions::default()
            .jpeg_set_out_colorspace(ColorSpace::RGB)
            .set_max_width(LONGEST_SIDE)
            .set_max_height(LONGEST_SIDE);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let rgb = decoder.decode().map_err(|error| Unpaintable(error.to_string()))?;
        let (width, height) = decoder.dimensions().ok_or_else(|| Unpaintable("it has no size".to_owned()))?;
        if rgb.len() != width * height * 3 {
            return Err(Unpaintable("it has no colours".to_owned()));
        }
        Ok(Self { width, height, rgb })
    }

    fn write(self) -> Result<Vec<u8>, Unpaintable> {
        let side = |length| u16::try_from(length).map_err(|_| Unpaintable("it is too large".to_owned()));
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, QUALITY);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder
            .encode(&self.rgb, side(self.width)?, side(self.height)?, ColorType::Rgb)
            .map_err(|error| Unpaintable(error.to_string()))?;
        Ok(bytes)
    }

    /// The bytes of a part of a row.
    fn row(&mut self, y: usize, columns: std::ops::Range<usize>) -> &mut [u8] {
        let from = y * self.width * 3;
        self.rgb
            .get_mut(from + columns.start * 3..from + columns.end.max(columns.start) * 3)
            .unwrap_or_default()
    }

    fn paint(&mut self, rect: Rect, scale: f64) {
        let left = inside(((rect.x - MARGIN) * scale).floor(), self.width);
        let right = inside(((rect.x + rect.width + MARGIN) * scale).ceil(), self.width);
        let top = inside(((rect.y - MARGIN) * scale).floor(), self.height);
        let bottom = inside(((rect.y + rect.height + MARGIN) * scale).ceil(), self.height);
        for y in top..bottom {
            for pixel in self.row(y, left..right).chunks_exact_mut(3) {
                pixel.copy_from_slice(&PAINT);
            }
        }
    }

    /// Every square becomes its mean colour: what kind of page it was can still be told, nothing can
    /// be read.
    fn coarsen(&mut self, scale: f64) {
        let size = inside(COARSE * scale, LONGEST_SIDE).max(1);
        for top in (0..self.height).step_by(size) {
            for left in (0..self.width).step_by(size) {
                let (right, bottom) = ((left + size).min(self.width), (top + size).min(self.height));
                let mut sum = [0usize; 3];
                for y in top..bottom {
                    for pixel in self.row(y, left..right).chunks_exact(3) {
                        for (sum, part) in sum.iter_mut().zip(pixel) {
                            *sum += usize::from(*part);
                        }
                    }
                }
                let count = ((right - left) * (bottom - top)).max(1);
                let mean = sum.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX));
                for y in top..bottom {
                    for pixel in self.row(y, left..right).chunks_exact_mut(3) {
                        pixel.copy_from_slice(&mean);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{Rgb, RgbImage};

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
            let at = |length: f64| u32::try_from(inside(length * scale, 400)).unwrap();
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
