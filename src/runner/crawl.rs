//! Link checks: runs of one step over many pages.

use tokio_util::sync::CancellationToken;

use crate::clock::{Deadline, Stopwatch};
use crate::crawl;
use crate::domain::masks::Masks;
use crate::domain::outcome::Outcome;
use crate::plan::CrawlPlan;

use super::entry::{client, judge_entry, no_client, own_fault};
use super::{Event, Haul, Order, Runner, Watch};

impl Runner {
    /// Checks the links of the entry page and below.
    pub(super) async fn crawl(
        &self,
        order: &Order,
        plan: &CrawlPlan,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Haul {
        let name = order.agent.language.pick("检查链接", "Check the links");
        let client = match client(order, &self.clock) {
            Ok(client) => client,
            Err(error) => return Haul::of(vec![own_fault(name, &["T2"], no_client(&error))], 1),
        };
        self.pause(order, cancel).await;
        watch.event(Event::Attempt { number: 1, because: None });
        watch.event(Event::Step { number: 1, of: 1, name });
        let settings = crawl::Settings::for_class(order.target.class, plan.max_pages, plan.depth);
        let stopwatch = Stopwatch::start();
        let progress = |progress: crawl::Progress| {
            watch.event(Event::Crawled {
                pages: progress.pages_read,
                links: progress.links_done,
                known: progress.links_found,
                broken: 0,
                waits_for: None,
            });
        };
        let deadline = Deadline::after(plan.time);
        let report = crawl::crawl(&client, &order.target, &settings, deadline, cancel, &progress).await;
        self.pace.note(&order.target);
        let mut record = judge_entry(order, name, &["T2"], report.entry, &report.entry_text);
        if let Some(blocked) = report.blocked {
            record.outcome = Outcome::CaptchaWaf;
            record.credit = None;
            record.error = Some(format!("{} told us to stay away at {}.", blocked.host, blocked.url));
        } else if cancel.is_cancelled() {
            record.outcome = Outcome::ProbeFault;
            record.credit = None;
            record.error = Some("The link check was cancelled.".to_owned());
        }
        record.elapsed_ms = stopwatch.elapsed_ms();
        record.attempts = 1;
        let masks = Masks::new();
        masks.record(&mut record);
        watch.event(Event::StepEnded(&record));
        let mut haul = Haul::of(vec![record], 1);
        haul.link_faults = report.faults;
        for fault in &mut haul.link_faults {
            masks.link(fault);
        }
        haul.links_checked = Some(report.links_checked);
        haul
    }
}
