//! How many have which grade: bars of counts, each of a tone and the last with a pattern.

use super::canvas::{Hold, fit};
use super::{Canvas, Caption, Chart, INK, TONES, WIDTH};

/// A grade.
#[derive(Debug, Clone)]
pub(in crate::report) struct Slice {
    /// Its title, with its bounds.
    pub label: String,
    /// How many.
    pub count: u64,
    /// What stands behind the bar: count and share.
    pub note: String,
}

const LEFT: f64 = 170.0;
const ROW: f64 = 32.0;

/// Draws the distribution.
pub(in crate::report) fn grades(key: &str, caption: Caption, slices: &[Slice]) -> Chart {
    let height = ROW * slices.len() as f64 + 10.0;
    let mut canvas = Canvas::new(key, height);
    let most = slices.iter().map(|slice| slice.count).max().unwrap_or(0).max(1) as f64;
    let room = WIDTH - LEFT - 150.0;
    for (i, slice) in slices.iter().enumerate() {
        let y = 5.0 + ROW * i as f64;
        canvas.text(LEFT - 8.0, y + 20.0, Hold::End, &fit(&slice.label, LEFT - 16.0));
        let width = room * slice.count as f64 / most;
        let fill = TONES.get(i).filter(|_| i + 1 < TONES.len()).map(|tone| (*tone).to_owned());
        let fill = fill.unwrap_or_else(|| canvas.hatch());
        if slice.count > 0 {
            canvas.rect([LEFT, y + 4.0, width, ROW - 10.0], &fill, INK);
        }
        canvas.text(LEFT + width + 8.0, y + 20.0, Hold::Start, &slice.note);
    }
    canvas.line([LEFT, 4.0, LEFT, height - 4.0], INK, 1.0);
    canvas.finish(caption)
}
