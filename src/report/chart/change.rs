//! Change between two periods: a hollow dot for then, a filled one for now, and a line between them.

use super::canvas::{Hold, fit};
use super::{Canvas, Caption, Chart, INK, TONES, WIDTH, axis_from};
use crate::report::table::change;

/// What moved.
#[derive(Debug, Clone)]
pub(in crate::report) struct Pair {
    /// What it is, with n.
    pub label: String,
    /// Then.
    pub before: f64,
    /// Now.
    pub after: f64,
}

const LEFT: f64 = 190.0;
const ROW: f64 = 28.0;

/// Draws pairs; `[then, now]` are the words of the legend.
pub(in crate::report) fn dumbbells(
    key: &str,
    caption: Caption,
    rows: &[Pair],
    [then, now]: [&str; 2],
) -> Chart {
    let top = 48.0;
    let height = top + ROW * rows.len() as f64 + 6.0;
    let mut canvas = Canvas::new(key, height);
    let from = axis_from(rows.iter().map(|row| row.before.min(row.after)).fold(f64::INFINITY, f64::min));
    let right = WIDTH - 150.0;
    let x = |points: f64| LEFT + (right - LEFT) * ((points - from) / (100.0 - from)).clamp(0.0, 1.0);
    canvas.circle(LEFT + 6.0, 12.0, 5.0, "#ffffff");
    canvas.small(LEFT + 16.0, 16.0, Hold::Start, then);
    canvas.circle(LEFT + 206.0, 12.0, 5.0, TONES[0]);
    canvas.small(LEFT + 216.0, 16.0, Hold::Start, now);
    canvas.axis(from, 100.0, x, [top - 4.0, height - 6.0]);
    for (i, row) in rows.iter().enumerate() {
        let y = top + ROW * i as f64 + ROW / 2.0;
        canvas.text(LEFT - 8.0, y + 4.0, Hold::End, &fit(&row.label, LEFT - 16.0));
        canvas.line([x(row.before), y, x(row.after), y], INK, 2.0);
        canvas.circle(x(row.before), y, 5.0, "#ffffff");
        canvas.circle(x(row.after), y, 5.0, TONES[0]);
        let text = format!("{:.2} → {:.2} ({})", row.before, row.after, change(row.after - row.before));
        canvas.letters(right + 10.0, y + 4.0, Hold::Start, INK, 10.5, &text);
    }
    canvas.finish(caption)
}
