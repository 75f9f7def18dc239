//! What a report consists of, before it is written in a format.
//!
//! Invariant: texts are plain here; whoever writes them escapes them. Only [`Chart::svg`] is markup,
//! and `chart/` has escaped what stands in it.

use super::table::Table;

/// A part of a report under a heading.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Its anchor: letters, digits and dashes.
    pub anchor: String,
    /// Its heading.
    pub title: String,
    /// 2 for a chapter, 3 for a part of one.
    pub level: u8,
    /// Whether it begins on a new page when printed.
    pub breaks: bool,
    /// What stands in it.
    pub blocks: Vec<Block>,
}

/// What stands in a section.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// A paragraph.
    Text(String),
    /// A paragraph that must not be overlooked.
    Notice(String),
    /// A list of sentences.
    List(Vec<String>),
    /// Figures in large type.
    Headlines(Vec<Headline>),
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// Evidence.
    Exhibits(Vec<Piece>),
}

/// A figure in large type.
#[derive(Debug, Clone)]
pub(super) struct Headline {
    /// What it is.
    pub label: String,
    /// The figure.
    pub value: String,
    /// What belongs to it: n, an interval.
    pub note: String,
}

/// A chart.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// What is measured, and n.
    pub title: String,
    /// The whole `<svg>` element.
    pub svg: String,
}

/// A piece of evidence.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// What was seen, as a sentence.
    pub sentence: String,
    /// Where; empty when nobody wrote it down.
    pub url: String,
    /// Its picture as a `data:` address.
    pub picture: Option<String>,
    /// By what it is found again: its run, or its file.
    pub origin: String,
}

impl Section {
    /// A chapter.
    pub fn chapter(anchor: impl Into<String>, title: impl Into<String>) -> Self {
        Self { anchor: anchor.into(), title: title.into(), level: 2, breaks: false, blocks: Vec::new() }
    }

    /// A part of a chapter.
    pub fn part(anchor: impl Into<String>, title: impl Into<String>) -> Self {
        Self { level: 3, ..Self::chapter(anchor, title) }
    }

    /// Begins on a new page.
    pub fn on_new_page(self) -> Self {
        Self { breaks: true, ..self }
    }

    /// With one more block.
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Adds a paragraph.
    pub fn say(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }
}
