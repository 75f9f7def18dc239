//! Link checks: runs of one step over many pages.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::clock::{Deadline, Stopwatch};
use crate::crawl;
use crate::domain::link::KnownFault;
use crate::domain::masks::Masks;
use crate::domain::outcome::Outcome;
use crate::domain::run::Cause;
use crate::judge;
use crate::plan::CrawlPlan;

use super::entry::{client, judge_entry, no_client, own_fault};
use super::{Event, Haul, Keeper, Order, Runner, Watch};

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
        self.pause(order, cancel).await;
        watch.event(Event::Attempt { number: 1, because: None });
        watch.event(Event::Step { number: 1, of: 1, name });
        let settings = crawl::Settings {
            known: self.known_faults(order).await,
            ..crawl::Settings::of(plan, &order.target, Arc::clone(&order.lexicon))
        };
        let client = match client(order, &self.clock, settings.concurrency) {
            Ok(client) => client,
            Err(error) => return Haul::of(vec![own_fault(name, &["T2"], no_client(&error))], 1),
        };
        let stopwatch = Stopwatch::start();
        let progress = |progress: crawl::Progress| {
            watch.event(Event::Crawled {
                pages: progress.pages_read,
                links: progress.links_done,
                known: progress.links_found,
                broken: progress.broken,
                waits_for: progress.waits_for,
            });
        };
        let eyes = self.eyes(order);
        let tools = crawl::Tools {
            client: &client,
            eyes: order.looks.then_some(&eyes as &dyn crawl::Eyes),
            manners: &self.manners,
            cancel,
            progress: &progress,
        };
        let journal = self.journal(order);
        let deadline = Deadline::after(plan.time);
        let report = crawl::crawl(tools, &order.target, &settings, journal, deadline).await;
        self.manners.note(&order.target);
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
        let masks = Masks::new();
        let (mut faults, mut extent) = (report.faults, report.extent);
        for fault in &mut faults {
            masks.link(fault);
        }
        masks.extent(&mut extent);
        if let Some(over) = judge::links::outcome(record.outcome, &faults, plan.limit) {
            over.tell(&mut record, &mut extent);
        }
        record.elapsed_ms = stopwatch.elapsed_ms();
        record.attempts = 1;
        masks.record(&mut record);
        watch.event(Event::StepEnded(&record));
        let mut haul = Haul::of(vec![record], 1);
        haul.link_faults = faults;
        haul.links_checked = Some(report.links_checked);
        haul.crawl = Some(extent);
        haul
    }

    /// What is known to be broken. A store in trouble costs this comparison and no crawl.
    async fn known_faults(&self, order: &Order) -> Vec<KnownFault> {
        let Keeper::Store(store) = &self.keeper else { return order.known.clone() };
        let open = store.open_links(&order.probe, &order.target.id).await.unwrap_or_default();
        open.into_iter()
            .map(|known| KnownFault { id: known.id, url: known.url, page: Some(known.page) })
            .collect()
    }

    /// Where a link check keeps what it finds. A confirmation is independent: it begins anew and
    /// leaves nothing behind.
    fn journal(&self, order: &Order) -> Option<crawl::JournalPlace> {
        let folder = self.journals.as_ref().filter(|_| !matches!(order.cause, Cause::Confirmation { .. }))?;
        let name = format!("{}\n{}\n{}", order.probe, order.target.id, order.target.entry);
        let name = hex::encode(&Sha256::digest(name.as_bytes())[..12]);
        let path = folder.join(format!("{name}.journal"));
        Some(crawl::JournalPlace { path, anew: order.fresh, now: self.clock.now() })
    }
}
