//! Markdown: the report as text, without charts and pictures.
//!
//! Invariant: no text becomes markup: what Markdown or HTML would read as such stands behind a backslash.

use std::fmt::Write as _;

use super::Dossier;
use super::content;
use super::document::{Block, Section};
use super::table::{Kind, Table};
use super::view::View;

/// The report as Markdown (GitHub's tables).
pub fn md(dossier: &Dossier) -> String {
    let view = View::of(dossier);
    write(&view, &content::heading(&view), &content::imprint(&view), &content::whole(&view))
}

/// A document as Markdown.
pub(super) fn write(
    view: &View<'_>,
    heading: &str,
    imprint: &[(String, String)],
    sections: &[Section],
) -> String {
    let mut out = format!("# {}\n\n", escape(heading));
    let colon = view.pick("：", ": ");
    for (label, value) in imprint {
        put(&mut out, format_args!("- {}{colon}{}\n", escape(label), escape(value)));
    }
    for section in sections {
        let marks = "#".repeat(usize::from(section.level));
        if !section.title.is_empty() {
            put(&mut out, format_args!("\n{marks} {}\n", escape(&section.title)));
        }
        for block in &section.blocks {
            out.push('\n');
            write_block(&mut out, view, block);
        }
    }
    out
}

fn write_block(out: &mut String, view: &View<'_>, block: &Block) {
    match block {
        Block::Text(text) => put(out, format_args!("{}\n", escape(text))),
        Block::Notice(text) => put(out, format_args!("> {}\n", escape(text))),
        Block::List(items) => {
            for item in items {
                put(out, format_args!("- {}\n", escape(item)));
            }
        }
        Block::Headlines(lines) => {
            for line in lines {
                let colon = view.pick("：", ": ");
                let note =
                    if line.note.is_empty() { String::new() } else { format!(" ({})", escape(&line.note)) };
                put(out, format_args!("- {}{colon}**{}**{note}\n", escape(&line.label), escape(&line.value)));
            }
        }
        Block::Table(table) => write_table(out, table),
        // A chart shows what a table beside it says; text has only the table.
        Block::Chart(_) => {
            out.pop();
        }
        Block::Exhibits(pieces) => {
            for piece in pieces {
                let url = piece.url.replace('`', "%60").replace('<', "%3C");
                let url = if url.is_empty() { url } else { format!(" `{url}`") };
                put(out, format_args!("- {}{url} ({})\n", escape(&piece.sentence), escape(&piece.origin)));
            }
        }
    }
}

fn write_table(out: &mut String, table: &Table) {
    put(out, format_args!("**{}**\n\n|", escape(&table.title)));
    for column in &table.columns {
        put(out, format_args!(" {} |", escape(&column.title)));
    }
    out.push_str("\n|");
    for column in &table.columns {
        out.push_str(match column.kind {
            Kind::Number | Kind::Interval => " ---: |",
            Kind::Words | Kind::Prose => " --- |",
        });
    }
    for row in &table.rows {
        out.push_str("\n|");
        for cell in row {
            put(out, format_args!(" {} |", escape(&cell.shown())));
        }
    }
    out.push('\n');
    if let Some(note) = &table.note {
        put(out, format_args!("\n{}\n", escape(note)));
    }
}

/// Adds to the text; writing to a String cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// A text as Markdown shows it, on one line.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn no_text_becomes_markup() {
        let cases = [
            ("北山市（n=3）", "北山市（n=3）"),
            ("<script>", "\\<script\\>"),
            ("![x](http://a)", "\\!\\[x\\](http://a)"),
            ("a|b\nc", "a\\|b c"),
            ("not_found", "not\\_found"),
        ];
        for (text, want) in cases {
            assert_eq!(escape(text), want);
        }
    }
}
