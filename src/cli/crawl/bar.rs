//! The progress bar of a crawl: on stderr, and only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::runner::{Event, Watch};

use super::super::output::tame;

/// How often it is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(250);

const FORM: &str = "{elapsed:>4} {bar:24} {pos}/{len} links · {wide_msg}";

/// Watches a crawl.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar, unless `hidden`; without a terminal nothing is drawn.
    pub(super) fn new(hidden: bool) -> Self {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template(FORM) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Bar {
    fn event(&self, event: Event<'_>) {
        if let Event::Crawled { pages, links, known, broken, waits_for } = event {
            self.0.set_length(known.into());
            self.0.set_position(links.into());
            self.0.set_message(message(pages, broken, waits_for));
        }
    }
}

fn message(pages: u32, broken: u32, waits_for: Option<&str>) -> String {
    let noun = if pages == 1 { "page" } else { "pages" };
    let mut text = format!("{pages} {noun} · {broken} broken");
    if let Some(host) = waits_for {
        text.push_str(" · waiting for ");
        text.push_str(&tame(host));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_found_and_what_is_waited_for() {
        assert_eq!(message(1, 0, None), "1 page · 0 broken");
        assert_eq!(message(12, 3, Some("a.cn:8080")), "12 pages · 3 broken · waiting for a.cn:8080");
    }
}
