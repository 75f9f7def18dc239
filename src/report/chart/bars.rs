//! Bars of points, 0 to 100, one below the other.

use super::canvas::{Hold, fit};
use super::{Canvas, Caption, Chart, INK, TONES, WIDTH};

/// A bar.
#[derive(Debug, Clone)]
pub(in crate::report) struct Bar {
    /// What it is.
    pub label: String,
    /// Its points; nothing where nothing was observed.
    pub value: Option<f64>,
    /// What stands behind its number: n.
    pub note: String,
    /// Whether it is the sum of the others: darker.
    pub total: bool,
}

const LEFT: f64 = 170.0;
const ROW: f64 = 30.0;

/// Draws bars; `nothing` is said where a value is absent.
pub(in crate::report) fn bars(key: &str, caption: Caption, rows: &[Bar], nothing: &str) -> Chart {
    let height = 24.0 + ROW * rows.len() as f64 + 6.0;
    let mut canvas = Canvas::new(key, height);
    let right = WIDTH - 130.0;
    let x = |points: f64| LEFT + (right - LEFT) * points.clamp(0.0, 100.0) / 100.0;
    canvas.axis(0.0, 100.0, x, [20.0, height - 6.0]);
    for (i, row) in rows.iter().enumerate() {
        let y = 24.0 + ROW * i as f64;
        canvas.text(LEFT - 8.0, y + 18.0, Hold::End, &fit(&row.label, LEFT - 16.0));
        let behind = match row.value {
            Some(value) => {
                let tone = if row.total { TONES[0] } else { TONES[2] };
                canvas.rect([LEFT, y + 4.0, x(value) - LEFT, ROW - 10.0], tone, INK);
                let text = format!("{value:.2}  {}", row.note);
                canvas.text(right + 8.0, y + 18.0, Hold::Start, text.trim_end());
                continue;
            }
            None => nothing,
        };
        canvas.small(LEFT + 8.0, y + 18.0, Hold::Start, behind);
    }
    canvas.finish(caption)
}
