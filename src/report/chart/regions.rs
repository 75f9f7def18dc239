//! Regions: a dot at the mean, a line from the last to the best of its targets, and the gap between the
//! first and the last region.

use super::canvas::{Hold, fit};
use super::{Canvas, Caption, Chart, INK, MUTED, TONES, WIDTH, axis_from};

/// A region.
#[derive(Debug, Clone)]
pub(in crate::report) struct Span {
    /// Its name, with n.
    pub label: String,
    /// The mean of its targets.
    pub mean: f64,
    /// The total of its last.
    pub worst: f64,
    /// The total of its best.
    pub best: f64,
}

const LEFT: f64 = 150.0;
const ROW: f64 = 30.0;

/// Draws regions in the order given, the best first; `gap` is said below.
pub(in crate::report) fn regions(key: &str, caption: Caption, rows: &[Span], gap: &str) -> Chart {
    let bottom = 24.0 + ROW * rows.len() as f64;
    let mut canvas = Canvas::new(key, bottom + 32.0);
    let from = axis_from(rows.iter().map(|row| row.worst.min(row.mean)).fold(f64::INFINITY, f64::min));
    let right = WIDTH - 70.0;
    let x = |points: f64| LEFT + (right - LEFT) * ((points - from) / (100.0 - from)).clamp(0.0, 1.0);
    canvas.axis(from, 100.0, x, [20.0, bottom]);
    for (i, row) in rows.iter().enumerate() {
        let y = 24.0 + ROW * i as f64 + ROW / 2.0;
        canvas.text(LEFT - 8.0, y + 4.0, Hold::End, &fit(&row.label, LEFT - 16.0));
        canvas.line([x(row.worst), y, x(row.best), y], TONES[2], 5.0);
        for end in [row.worst, row.best] {
            canvas.line([x(end), y - 6.0, x(end), y + 6.0], INK, 1.5);
        }
        canvas.circle(x(row.mean), y, 5.5, TONES[0]);
        canvas.text(right + 12.0, y + 4.0, Hold::Start, &format!("{:.2}", row.mean));
    }
    if let (Some(first), Some(last)) = (rows.first(), rows.last())
        && rows.len() > 1
    {
        for mean in [first.mean, last.mean] {
            canvas.dashed([x(mean), 24.0, x(mean), bottom + 8.0], MUTED);
        }
        canvas.line([x(last.mean), bottom + 8.0, x(first.mean), bottom + 8.0], INK, 2.0);
        let middle = f64::midpoint(x(first.mean), x(last.mean));
        canvas.text(middle, bottom + 26.0, Hold::Middle, gap);
    }
    canvas.finish(caption)
}
