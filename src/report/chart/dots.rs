//! Every target with its interval, the best above.

use super::canvas::{Hold, fit};
use super::{Canvas, Caption, Chart, INK, TONES, WIDTH, axis_from};

/// A target.
#[derive(Debug, Clone)]
pub(in crate::report) struct Dot {
    /// Its name, with its rank.
    pub label: String,
    /// Its total.
    pub total: f64,
    /// The interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it is ranked: a filled circle, otherwise a hollow diamond.
    pub ranked: bool,
}

const LEFT: f64 = 190.0;
const ROW: f64 = 14.5;

/// Draws targets in the order given; `[ranked, unranked]` are the words of the legend.
pub(in crate::report) fn dots(
    key: &str,
    caption: Caption,
    rows: &[Dot],
    [ranked, unranked]: [&str; 2],
) -> Chart {
    let top = 44.0;
    let height = top + ROW * rows.len() as f64 + 6.0;
    let mut canvas = Canvas::new(key, height);
    let least = rows.iter().map(|row| row.interval.map_or(row.total, |(low, _)| low.min(row.total)));
    let from = axis_from(least.fold(f64::INFINITY, f64::min));
    let right = WIDTH - 60.0;
    let x = |points: f64| LEFT + (right - LEFT) * ((points - from) / (100.0 - from)).clamp(0.0, 1.0);
    canvas.circle(LEFT + 6.0, 12.0, 4.0, TONES[0]);
    canvas.small(LEFT + 16.0, 16.0, Hold::Start, ranked);
    if rows.iter().any(|row| !row.ranked) {
        canvas.diamond(LEFT + 246.0, 12.0, 5.0, "#ffffff");
        canvas.small(LEFT + 256.0, 16.0, Hold::Start, unranked);
    }
    canvas.axis(from, 100.0, x, [top - 4.0, height - 4.0]);
    for (i, row) in rows.iter().enumerate() {
        let y = top + ROW * i as f64 + ROW / 2.0;
        canvas.letters(LEFT - 8.0, y + 4.0, Hold::End, INK, 10.5, &fit(&row.label, (LEFT - 16.0) * 1.14));
        if let Some((low, high)) = row.interval {
            canvas.line([x(low), y, x(high), y], INK, 1.4);
            for end in [low, high] {
                canvas.line([x(end), y - 3.0, x(end), y + 3.0], INK, 1.4);
            }
        }
        if row.ranked {
            canvas.circle(x(row.total), y, 4.0, TONES[0]);
        } else {
            canvas.diamond(x(row.total), y, 5.0, "#ffffff");
        }
        canvas.letters(right + 10.0, y + 4.0, Hold::Start, INK, 10.5, &format!("{:.2}", row.total));
    }
    canvas.finish(caption)
}
