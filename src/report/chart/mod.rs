//! Charts as SVG: a file per chart, all drawn on a [`Canvas`].
//!
//! Invariant: a chart is readable without colour: tones differ in lightness, marks in shape, and the
//! number stands beside the mark. Its title says what is measured and of how many; `<title>` and `<desc>`
//! tell the same to those who do not see it. Every text is escaped by the canvas.

mod bars;
mod canvas;
mod change;
mod dots;
mod grades;
mod regions;
mod tiles;
mod tree;

use super::document::Chart;

pub(super) use bars::{Bar, bars};
use canvas::Canvas;
pub(super) use change::{Pair, dumbbells};
pub(super) use dots::{Dot, dots};
pub(super) use grades::{Slice, grades};
pub(super) use regions::{Span, regions};
pub(super) use tiles::{Place, place, tiles};
pub(super) use tree::{Leaf, tree};

/// Words that a chart needs, in one language.
#[derive(Debug, Clone)]
pub(super) struct Caption {
    /// What is measured, and n.
    pub title: String,
    /// What the chart shows, in a sentence or two, for those who do not see it.
    pub desc: String,
}

/// Four tones from dark to light, told apart by lightness alone (and by a pattern for the last).
pub(super) const TONES: [&str; 4] = ["#12436d", "#6aa5cf", "#b9d7ea", "#f2f6f9"];
/// Letters and lines that carry meaning.
pub(super) const INK: &str = "#1f2933";
/// Letters that explain.
pub(super) const MUTED: &str = "#4a5663";
/// Lines behind the marks.
pub(super) const GRID: &str = "#d5dae1";

/// The width of every chart, in its own units: a line of an A4 page.
pub(super) const WIDTH: f64 = 680.0;

/// Where an axis of points begins, so that what differs can be seen: the ten below the least value, or 0.
pub(super) fn axis_from(least: f64) -> f64 {
    if least.is_finite() { ((least / 10.0).floor() * 10.0).clamp(0.0, 90.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn tones_can_be_told_apart_in_greyscale() {
        for pair in TONES.windows(2) {
            let [dark, light] = [luminance(pair[0]), luminance(pair[1])];
            assert!(light - dark > 0.15, "{pair:?}: {dark:.2} and {light:.2}");
        }
    }

    #[test]
    fn letters_can_be_read_on_paper_and_on_tones() {
        let cases = [
            ("ink on paper", INK, "#ffffff"),
            ("explanations on paper", MUTED, "#ffffff"),
            ("white on the darkest tone", "#ffffff", TONES[0]),
            ("ink on the second tone", INK, TONES[1]),
            ("ink on the third tone", INK, TONES[2]),
            ("ink on the lightest tone", INK, TONES[3]),
        ];
        for (name, front, back) in cases {
            assert!(contrast(front, back) >= 4.5, "{name}: {:.2}", contrast(front, back));
        }
    }

    #[test]
    fn axes_begin_at_a_ten_below() {
        for (least, want) in [(83.55, 80.0), (80.0, 80.0), (3.0, 0.0), (100.0, 90.0), (f64::INFINITY, 0.0)] {
            assert!((axis_from(least) - want).abs() < f64::EPSILON, "{least}");
        }
    }
}
