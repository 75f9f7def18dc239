//! What must not be seen on a picture: where the filled fields and the personal texts of a page and
//! its frames are.
//!
//! The page is asked before and after its picture is taken. What moved in between is covered along
//! its way. A frame that does not answer is covered whole; a page that does not is made illegible,
//! when anything was typed on the way to it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::masks::Masks;

use super::page::Said;
use super::picture::{Cover, Rect};

/// What a document answers; boxes are left, top, width and height.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Told {
    boxes: Vec<[f64; 4]>,
    suspects: Vec<Suspect>,
    frames: Vec<Frame>,
    partial: bool,
    scale: f64,
    left: f64,
    top: f64,
    scroll_x: f64,
    scroll_y: f64,
}

/// A text that only looks like personal data.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Suspect {
    text: String,
    boxes: Vec<[f64; 4]>,
}

/// A frame on its page.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Frame {
    outer: [f64; 4],
    left: f64,
    top: f64,
    x: f64,
    y: f64,
}

/// Which part of a page a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is on the screen.
    Window,
    /// The whole page, from its top to its end.
    Page,
}

/// What one look at a page and its frames found.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    boxes: Vec<Rect>,
    scale: f64,
    left: f64,
    top: f64,
    scroll_x: f64,
    scroll_y: f64,
    /// There was more than could be looked at.
    partial: bool,
}

/// The question to a document; with `facts` it also says its address, its title and how it loaded.
pub(super) fn ask(masks: &Masks, facts: bool) -> Value {
    json!({ "do": "veil", "values": masks.values(), "open": masks.published(), "facts": facts })
}

impl Sight {
    /// Puts the answers of a page and its frames together. `said` has them by context.
    pub fn of(page: &str, said: &HashMap<String, Said>, masks: &Masks) -> Option<Self> {
        let told = told(said.get(page)?)?;
        let mut sight = Self {
            scale: if told.scale > 0.0 { told.scale } else { 1.0 },
            left: told.left,
            top: told.top,
            scroll_x: told.scroll_x,
            scroll_y: told.scroll_y,
            ..Self::default()
        };
        sight.add(page, Place { left: 0.0, top: 0.0, x: 1.0, y: 1.0 }, said, masks, 0);
        Some(sight)
    }

    fn add(&mut self, context: &str, place: Place, said: &HashMap<String, Said>, masks: &Masks, deep: u32) {
        let Some((answer, told)) = said.get(context).and_then(|answer| Some((answer, told(answer)?))) else {
            return;
        };
        self.partial |= told.partial;
        let personal = told.suspects.into_iter().filter(|suspect| !masks.ranges(&suspect.text).is_empty());
        let boxes = told.boxes.into_iter().chain(personal.flat_map(|suspect| suspect.boxes));
        self.boxes.extend(boxes.map(|rect| place.on_page(rect)));
        for (i, frame) in told.frames.iter().enumerate() {
            let inner = answer.windows.get(i).cloned().flatten();
            match inner.filter(|inner| deep < 10 && said.get(inner).is_some_and(told_by)) {
                Some(inner) => self.add(&inner, place.inside(*frame), said, masks, deep + 1),
                None => self.boxes.push(place.on_page(frame.outer)),
            }
        }
    }

    /// What is done to a picture that was taken between these two looks.
    pub fn cover(before: Option<Self>, after: Option<Self>, typed: bool, extent: Extent) -> Cover {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            (None, None) if !typed => return Cover::Nothing,
            // One look is not enough to know that nothing moved.
            (Some(one), None) | (None, Some(one)) if !typed => (one.clone(), one),
            (Some(one), None) | (None, Some(one)) => return Cover::All { scale: one.scale },
            (None, None) => return Cover::All { scale: 1.0 },
        };
        let scale = after.scale;
        if typed && (before.partial || after.partial) {
            return Cover::All { scale };
        }
        let (first, last) = (before.on_picture(extent), after.on_picture(extent));
        let boxes: Vec<Rect> = if first.len() == last.len() {
            first.into_iter().zip(last).map(|(first, last)| first.with(last)).collect()
        } else {
            first.into_iter().chain(last).collect()
        };
        if boxes.is_empty() { Cover::Nothing } else { Cover::Boxes { boxes, scale } }
    }

    fn on_picture(&self, extent: Extent) -> Vec<Rect> {
        let (x, y) = match extent {
            Extent::Window => (-self.left, -self.top),
            Extent::Page => (self.scroll_x, self.scroll_y),
        };
        self.boxes.iter().map(|rect| Rect { x: rect.x + x, y: rect.y + y, ..*rect }).collect()
    }
}

fn told(said: &Said) -> Option<Told> {
    serde_json::from_str(&said.text).ok()
}

fn told_by(said: &Said) -> bool {
    told(said).is_some()
}

/// Where a frame's document lies on the page, and how much it is enlarged.
#[derive(Debug, Clone, Copy)]
struct Place {
    left: f64,
    top: f64,
    x: f64,
    y: f64,
}

impl Place {
    fn on_page(self, [left, top, width, height]: [f64; 4]) -> Rect {
        Rect {
            x: self.left + left * self.x,
            y: self.top + top * self.y,
            width: width * self.x,
            height: height * self.y,
        }
    }

    fn inside(self, frame: Frame) -> Self {
        Self {
            left: self.left + frame.left * self.x,
            top: self.top + frame.top * self.y,
            x: self.x * frame.x,
            y: self.y * frame.y,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &Value, windows: &[&str]) -> Said {
        let windows = windows.iter().map(|window| Some((*window).to_owned())).collect();
        Said { state: "ok".to_owned(), text: text.to_string(), windows, ..Said::default() }
    }

    fn look(boxes: &Value, scroll_y: f64) -> Option<Sight> {
        let page = said(&json!({ "boxes": boxes, "scale": 1, "scroll_y": scroll_y }), &[]);
        Sight::of("page", &HashMap::from([("page".to_owned(), page)]), &Masks::new())
    }

    fn rect(x: f64, y: f64, width: f64, height: f64) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn frames_are_put_in_their_places_and_silent_ones_are_covered_whole() {
        let frame = |left: f64| json!({ "outer": [left, 10, 100, 50], "left": left + 2.0, "top": 12, "x": 1, "y": 1 });
        let page = json!({ "boxes": [[1, 1, 5, 5]], "frames": [frame(20.0), frame(200.0)], "scale": 3 });
        let inner = json!({
            "boxes": [[3, 4, 5, 6]],
            "suspects": [
                { "text": "13800138000", "boxes": [[0, 0, 9, 9]] },
                { "text": "10000000000", "boxes": [[0, 9, 9, 9]] },
            ],
        });
        let answers = HashMap::from([
            ("page".to_owned(), said(&page, &["one", "two"])),
            ("one".to_owned(), said(&inner, &[])),
        ]);
        let sight = Sight::of("page", &answers, &Masks::new()).unwrap();
        let want = [
            rect(1.0, 1.0, 5.0, 5.0),
            rect(25.0, 16.0, 5.0, 6.0),
            rect(22.0, 12.0, 9.0, 9.0),
            rect(200.0, 10.0, 100.0, 50.0),
        ];
        assert_eq!(sight.boxes, want);
        assert!(Sight::of("other", &answers, &Masks::new()).is_none());
    }

    #[test]
    fn the_cover_follows_what_was_known() {
        let one = || look(&json!([[10, 100, 20, 10]]), 0.0);
        let moved = || look(&json!([[10, 40, 20, 10]]), 60.0);
        let two = || look(&json!([[10, 40, 20, 10], [0, 0, 1, 1]]), 60.0);
        let none = || look(&json!([]), 0.0);
        let boxes = |boxes: &[Rect]| Cover::Boxes { boxes: boxes.to_vec(), scale: 1.0 };
        let at = rect(10.0, 100.0, 20.0, 10.0);
        let (window, page) = (Extent::Window, Extent::Page);
        let cases = [
            ("nothing there", none(), none(), true, window, Cover::Nothing),
            ("it stands still", one(), one(), true, window, boxes(&[at])),
            ("it moved: its whole way", one(), moved(), true, window, boxes(&[rect(10.0, 40.0, 20.0, 70.0)])),
            ("on a picture of the whole page it did not", one(), moved(), true, page, boxes(&[at])),
            (
                "the page changed: both",
                one(),
                two(),
                true,
                window,
                boxes(&[at, rect(10.0, 40.0, 20.0, 10.0), rect(0.0, 0.0, 1.0, 1.0)]),
            ),
            ("no answer afterwards", one(), None, true, window, Cover::All { scale: 1.0 }),
            ("no answer at all", None, None, true, window, Cover::All { scale: 1.0 }),
            ("no answer, nothing typed", None, None, false, window, Cover::Nothing),
            ("one answer, nothing typed", one(), None, false, window, boxes(&[at])),
        ];
        for (name, before, after, typed, extent, want) in cases {
            assert_eq!(Sight::cover(before, after, typed, extent), want, "{name}");
        }
    }
}
