//! What charts are drawn on: an SVG in which every text is escaped and every number short.

use std::fmt::Write as _;

use super::{Caption, Chart, GRID, INK, MUTED, WIDTH};

/// An SVG being drawn.
#[derive(Debug)]
pub(super) struct Canvas {
    /// Told apart from other charts of the page by this: its anchor.
    key: String,
    height: f64,
    body: String,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Start,
    Middle,
    End,
}

impl Canvas {
    /// An empty one. `key` has letters, digits and dashes only.
    pub fn new(key: &str, height: f64) -> Self {
        Self { key: key.to_owned(), height, body: String::new() }
    }

    /// How a fill with the pattern is named.
    pub fn hatch(&self) -> String {
        format!("url(#{}-hatch)", self.key)
    }

    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str, stroke: &str) {
        let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(short);
        self.put(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{stroke}"/>"#
        ));
    }

    pub fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], stroke: &str, width: f64) {
        let [x1, y1, x2, y2, width] = [x1, y1, x2, y2, width].map(short);
        self.put(format_args!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{stroke}" stroke-width="{width}"/>"#
        ));
    }

    pub fn dashed(&mut self, [x1, y1, x2, y2]: [f64; 4], stroke: &str) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(short);
        self.put(format_args!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{stroke}" stroke-dasharray="4 3"/>"#
        ));
    }

    /// A filled or hollow circle.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, fill: &str) {
        let [x, y, radius] = [x, y, radius].map(short);
        self.put(format_args!(
            r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{INK}" stroke-width="1.2"/>"#
        ));
    }

    /// A filled or hollow diamond.
    pub fn diamond(&mut self, x: f64, y: f64, radius: f64, fill: &str) {
        let corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)];
        let points: Vec<String> =
            corners.iter().map(|(x, y)| format!("{},{}", short(*x), short(*y))).collect();
        let points = points.join(" ");
        self.put(format_args!(
            r#"<polygon points="{points}" fill="{fill}" stroke="{INK}" stroke-width="1.2"/>"#
        ));
    }

    /// Ordinary letters.
    pub fn text(&mut self, x: f64, y: f64, hold: Hold, text: &str) {
        self.letters(x, y, hold, INK, 12.0, text);
    }

    /// Smaller letters that explain.
    pub fn small(&mut self, x: f64, y: f64, hold: Hold, text: &str) {
        self.letters(x, y, hold, MUTED, 11.0, text);
    }

    /// Letters of a colour and size.
    pub fn letters(&mut self, x: f64, y: f64, hold: Hold, fill: &str, size: f64, text: &str) {
        let anchor = match hold {
            Hold::Start => "start",
            Hold::Middle => "middle",
            Hold::End => "end",
        };
        let ([x, y, size], text) = ([x, y, size].map(short), escape(text));
        self.put(format_args!(
            r#"<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}" font-size="{size}">{text}</text>"#
        ));
    }

    /// Vertical lines with their numbers above the marks, every ten or twenty points.
    pub fn axis(&mut self, from: f64, to: f64, scale: impl Fn(f64) -> f64, [top, bottom]: [f64; 2]) {
        let step = if to - from > 50.0 { 20.0 } else { 10.0 };
        let mut at = from;
        while at <= to + 0.001 {
            let x = scale(at);
            self.line([x, top, x, bottom], GRID, 1.0);
            self.small(x, top - 5.0, Hold::Middle, &format!("{at:.0}"));
            at += step;
        }
    }

    /// The chart.
    pub fn finish(self, caption: Caption) -> Chart {
        let Self { key, height, body } = self;
        let (width, height) = (short(WIDTH), short(height));
        let (title, desc) = (escape(&caption.title), escape(&caption.desc));
        let svg = format!(
            r##"<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">{title}</title><desc id="{key}-desc">{desc}</desc><defs><pattern id="{key}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#ffffff"/><line x1="0" y1="0" x2="0" y2="6" stroke="{INK}" stroke-width="2"/></pattern></defs>{body}</svg>"##
        );
        Chart { title: caption.title, svg }
    }

    fn put(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.body.write_fmt(markup);
    }
}

/// A number with at most one digit behind the point: more cannot be seen.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A text as markup may carry it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A text cut so that it takes about `width` units at twelve units a letter: Chinese letters are twice as
/// wide as Latin ones.
pub(super) fn fit(text: &str, width: f64) -> String {
    use unicode_width::UnicodeWidthChar as _;
    let room = width / 6.4;
    let wide = |c: char| c.width().unwrap_or(0) as f64;
    if text.chars().map(wide).sum::<f64>() <= room {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 1.0);
    for c in text.chars() {
        used += wide(c);
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut canvas = Canvas::new("x", 10.0);
        canvas.text(1.0, 2.04, Hold::Start, "</text><script>alert('1')</script>&\"");
        let caption = Caption { title: "<b>".to_owned(), desc: "</desc><script>".to_owned() };
        let chart = canvas.finish(caption);
        assert!(!chart.svg.contains("<script") && !chart.svg.contains("<b>"), "{}", chart.svg);
        assert!(chart.svg.contains(r#"x="1" y="2""#), "{}", chart.svg);
    }

    #[test]
    fn long_names_are_cut_by_their_width() {
        for (text, width, want) in [
            ("北山市", 60.0, "北山市"),
            ("北山市政务服务网", 64.0, "北山市政…"),
            ("Beishan", 60.0, "Beishan"),
        ] {
            assert_eq!(fit(text, width), want);
        }
    }
}
