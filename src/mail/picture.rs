//! Pictures for mails: small, so that a mail opens at once on a phone and no server refuses it; and for
//! reports, which carry many of them.
//!
//! Invariant: what cannot be read as a JPEG is left as it is in mails, what is no picture is shown in no report, and
//! no picture takes more memory than a limit; nothing here ever fails a mail.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, ImageFormat, ImageReader, Limits, Rgb};
use jpeg_encoder::{ColorType, Encoder};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// How large a picture becomes.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// How wide at most, in pixels.
    width: u32,
    /// How high at most; the rest of a long page is cut off.
    height: u32,
    /// It should take no more, in bytes.
    aim: usize,
}

/// In a mail: as wide as the mail.
const MAILED: Size = Size { width: 600, height: 1200, aim: 100_000 };

/// In a report: a third of a page's width, still legible when a reader looks closer.
const THUMB: Size = Size { width: 480, height: 480, aim: 32_000 };

/// What takes more than it should is written a little worse until it does not.
const QUALITIES: [u8; 4] = [75, 60, 45, 30];

/// The longest side that is read, in pixels.
const LONGEST_SIDE: usize = 16_384;

/// The most bytes that reading a PNG may take.
const PNG_MEMORY: u64 = 256 << 20;

/// A picture without an alpha channel.
type Picture = ImageBuffer<Rgb<u8>, Vec<u8>>;

/// A screenshot as it goes into a mail, with its media type. Takes some tens of milliseconds of work,
/// so it belongs on a thread that may block.
pub fn small_picture(bytes: Vec<u8>, mime: String) -> (Vec<u8>, String) {
    match shrink(&bytes, MAILED) {
        Some(small) => (small, "image/jpeg".to_owned()),
        None => (bytes, mime),
    }
}

/// A picture as a report shows it, with its media type; [`None`] when it is neither JPEG nor PNG and too large to be
/// taken as it is.
pub fn thumbnail(bytes: &[u8], mime: &str) -> Option<(Vec<u8>, String)> {
    if let Some(small) = shrink(bytes, THUMB) {
        return Some((small, "image/jpeg".to_owned()));
    }
    if mime == "image/png"
        && bytes.len() > 2 * THUMB.aim
        && let Some(small) = png(bytes).and_then(|whole| scaled(&whole, THUMB))
    {
        return Some((small, "image/jpeg".to_owned()));
    }
    let known = matches!(mime, "image/jpeg" | "image/png" | "image/webp");
    (known && bytes.len() <= 2 * THUMB.aim).then(|| (bytes.to_vec(), mime.to_owned()))
}

/// The picture no larger than `size`; [`None`] when it is no JPEG, or good as it is.
fn shrink(bytes: &[u8], size: Size) -> Option<Vec<u8>> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(LONGEST_SIDE)
        .set_max_height(LONGEST_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let rgb = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    if width <= size.width && height <= size.height && bytes.len() <= size.aim {
        return None;
    }
    scaled(&Picture::from_raw(width, height, rgb)?, size)
}

/// Reads a PNG; what can be seen through lies on white.
fn png(bytes: &[u8]) -> Option<Picture> {
    let mut reader = ImageReader::with_format(std::io::Cursor::new(bytes), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_alloc = Some(PNG_MEMORY);
    reader.limits(limits);
    let whole = reader.decode().ok()?.into_rgba8();
    let mut flat = Picture::new(whole.width(), whole.height());
    for (to, from) in flat.pixels_mut().zip(whole.pixels()) {
        let [colours @ .., alpha] = from.0.map(u32::from);
        let laid = colours.map(|colour| (colour * alpha + 255 * (255 - alpha)) / 255);
        to.0 = laid.map(|colour| u8::try_from(colour).unwrap_or(u8::MAX));
    }
    Some(flat)
}

/// A picture as a JPEG no larger than `size`; the rest of a long one is cut off.
fn scaled(whole: &Picture, size: Size) -> Option<Vec<u8>> {
    let (width, height) = whole.dimensions();
    let new_width = width.min(size.width);
    // So many rows of the picture become the full height.
    let shown = u64::from(size.height) * u64::from(width) / u64::from(new_width);
    let shown = u32::try_from(shown).unwrap_or(height).min(height);
    let new_height = u64::from(shown) * u64::from(new_width) / u64::from(width);
    let new_height = u32::try_from(new_height).ok()?.max(1);
    let part = imageops::crop_imm(whole, 0, 0, width, shown).to_image();
    let small = imageops::resize(&part, new_width, new_height, FilterType::Triangle);
    let (w, h) = (u16::try_from(new_width).ok()?, u16::try_from(new_height).ok()?);
    let mut written = Vec::new();
    for quality in QUALITIES {
        written.clear();
        Encoder::new(&mut written, quality).encode(small.as_raw(), w, h, ColorType::Rgb).ok()?;
        if written.len() <= size.aim {
            break;
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG of noise, the worst that can be asked of it.
    fn noise(width: u16, height: u16) -> Vec<u8> {
        let mut state = 1_u32;
        let pixels: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(usize::from(width) * usize::from(height) * 3)
        .collect();
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, 90).encode(&pixels, width, height, ColorType::Rgb).unwrap();
        jpeg
    }

    #[test]
    fn pictures_are_scaled_and_long_ones_are_cut() {
        let cases = [
            ((1280, 800), (600, 375)),
            ((390, 844), (390, 844)),
            ((1280, 9000), (600, 1200)),
            ((500, 3000), (500, 1200)),
        ];
        for ((width, height), want) in cases {
            let (bytes, mime) = small_picture(noise(width, height), "image/jpeg".to_owned());
            let small = image::load_from_memory(&bytes).unwrap();
            assert_eq!((small.width(), small.height(), mime.as_str()), (want.0, want.1, "image/jpeg"));
        }
        let screen = noise(1280, 800);
        assert!(small_picture(screen.clone(), String::new()).0.len() < screen.len() / 3);
    }

    #[test]
    fn reports_show_png_small_and_never_what_is_no_picture() {
        let png = |width, height, alpha| {
            let mut noise = noise(64, 64).into_iter().cycle();
            let picture = image::RgbaImage::from_fn(width, height, |_, _| {
                image::Rgba([noise.next().unwrap(), noise.next().unwrap(), noise.next().unwrap(), alpha])
            });
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
            bytes.into_inner()
        };
        let screen = png(600, 300, 255);
        let (small, mime) = thumbnail(&screen, "image/png").unwrap();
        let read = image::load_from_memory(&small).unwrap();
        assert_eq!((read.width(), read.height(), mime.as_str()), (480, 240, "image/jpeg"));
        assert!(small.len() < 64_000, "{}", small.len());
        let clear = thumbnail(&png(600, 300, 0), "image/png").unwrap().0;
        let clear = image::load_from_memory(&clear).unwrap().into_rgb8();
        assert!(clear.pixels().all(|pixel| pixel.0.iter().all(|colour| *colour > 250)), "it lies on white");
        assert_eq!(thumbnail(&screen[..90_000], "image/png"), None, "cut short");
        assert_eq!(thumbnail(b"%PDF-1.7", "application/pdf"), None);
    }

    #[test]
    fn what_is_no_jpeg_or_small_already_stays_as_it_is() {
        let odd = (b"RIFF....WEBP".to_vec(), "image/webp".to_owned());
        assert_eq!(small_picture(odd.0.clone(), odd.1.clone()), odd);
        let small = noise(80, 60);
        assert_eq!(small_picture(small.clone(), "image/jpeg".to_owned()).0, small);
        assert_eq!(small_picture(noise(800, 60)[..200].to_vec(), "x".to_owned()).1, "x");
    }
}
