//! The families of metrics: names, what they mean, and their values.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

use super::Reading;
use super::count::{LATE, Mail, RUN, Times, VERDICTS};
use super::process::Process;
use crate::domain::incident::{Concern, Severity};
use crate::store::Numbers;

type Written = Result<(), std::fmt::Error>;

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Written {
        let out = &mut encoder;
        let info = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let family =
            out.encode_descriptor("shopper_build", "The version of the program.", None, MetricType::Info)?;
        info.encode(family)?;
        self.runs(out)?;
        self.schedule(out)?;
        self.mails(out)?;
        self.browsers(out)?;
        let up = u64::from(self.store.is_some());
        gauge(out, "shopper_store_up", "1 while the store answers questions, else 0.", None, up)?;
        if let Some(numbers) = &self.store {
            self.store(numbers, out)?;
        }
        if let Some(process) = &self.process {
            of_process(process, out)?;
        }
        Ok(())
    }
}

impl Reading {
    fn runs(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let mut family = out.encode_descriptor(
            "shopper_runs",
            "Runs that were recorded since the start.",
            None,
            MetricType::Counter,
        )?;
        for ((probe, target), runs) in &self.counted.runs {
            for (verdict, count) in VERDICTS.iter().zip(runs.verdicts) {
                let labels =
                    [("probe", probe.as_str()), ("target", target.as_str()), ("verdict", verdict.name())];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family = out.encode_descriptor(
            "shopper_run_duration",
            "How long runs took, from their start to their verdict.",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for ((probe, target), runs) in &self.counted.runs {
            let labels = [("probe", probe.as_str()), ("target", target.as_str())];
            histogram(&mut family.encode_family(&labels)?, &runs.times, &RUN)?;
        }
        let mut family = out.encode_descriptor(
            "shopper_steps",
            "Steps of recorded runs since the start, by how they ended.",
            None,
            MetricType::Counter,
        )?;
        for ((probe, outcome), count) in &self.counted.steps {
            let labels = [("probe", probe.as_str()), ("outcome", outcome.name())];
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
        let missed = "Recorded runs that the numbers above lack, because too many came at once.";
        counter(out, "shopper_runs_uncounted", missed, self.counted.missed)
    }

    fn schedule(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let mut family = out.encode_descriptor(
            "shopper_start_lateness",
            "How long after the instant they were scheduled for (jitter included) runs began.",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        histogram(&mut family, &self.counted.late, &LATE)?;
        let mut family = out.encode_descriptor(
            "shopper_gaps",
            "Slots that did not become runs since the start, by reason.",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in &self.counted.gaps {
            ConstCounter::new(*count).encode(family.encode_family(&[("reason", *reason)])?)?;
        }
        let standing = &self.standing;
        let (running, waiting) = (standing.running.len() as u64, standing.waiting as u64);
        gauge(out, "shopper_pairs", "Pairs of probe and target in the plan.", None, standing.pairs as u64)?;
        gauge(out, "shopper_runs_running", "Runs that go on.", None, running)?;
        gauge(out, "shopper_runs_waiting", "Runs that are due and wait for a place.", None, waiting)?;
        match standing.next_at {
            None => Ok(()),
            Some(at) => moment(out, "shopper_next_slot_timestamp", "When the next slot begins.", at),
        }
    }

    fn mails(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let mut family = out.encode_descriptor(
            "shopper_mails",
            "Tries to deliver a message (mail or webhook) since the start, by result.",
            None,
            MetricType::Counter,
        )?;
        for ((result, _), count) in Mail::ALL.iter().zip(self.counted.mails) {
            ConstCounter::new(count).encode(family.encode_family(&[("result", *result)])?)?;
        }
        Ok(())
    }

    fn browsers(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let browsers = &self.browsers;
        gauge(out, "shopper_browser_slots", "Walks that may go on at once.", None, browsers.slots)?;
        gauge(
            out,
            "shopper_browser_slots_in_use",
            "Slots in which a journey is open.",
            None,
            browsers.in_use,
        )?;
        gauge(
            out,
            "shopper_browsers_warm",
            "Browsers that rest until they are needed.",
            None,
            browsers.warm,
        )?;
        counter(
            out,
            "shopper_browsers_started",
            "Browsers that were started since the start.",
            browsers.started,
        )?;
        let mut family = out.encode_descriptor(
            "shopper_browser_slots_freed",
            "Journeys that gave their slot back since the start, by what it took.",
            None,
            MetricType::Counter,
        )?;
        let freed = &browsers.freed;
        let ways = [("context", freed.context), ("hatch", freed.hatch), ("kill", freed.kill)];
        for (way, count) in ways {
            ConstCounter::new(count).encode(family.encode_family(&[("way", way)])?)?;
        }
        Ok(())
    }

    fn store(&self, numbers: &Numbers, out: &mut DescriptorEncoder<'_>) -> Written {
        let mut family = out.encode_descriptor(
            "shopper_incidents_open",
            "Incidents that last, by what is wrong and how bad it is.",
            None,
            MetricType::Gauge,
        )?;
        for concern in Concern::ALL {
            for severity in Severity::ALL {
                let open = numbers.open.iter().find(|(c, s, _)| (*c, *s) == (concern, severity));
                let labels = [("concern", concern.name()), ("severity", severity.name())];
                ConstGauge::new(open.map_or(0, |(_, _, count)| *count))
                    .encode(family.encode_family(&labels)?)?;
            }
        }
        let outbox = &numbers.outbox;
        gauge(out, "shopper_outbox_pending", "Messages that wait to be delivered.", None, outbox.pending)?;
        gauge(out, "shopper_outbox_failed", "Messages that were given up.", None, outbox.failed)?;
        let oldest = outbox.oldest_pending_at.map_or(0.0, |at| (self.at_seconds - seconds(at)).max(0.0));
        let unit = Some(&Unit::Seconds);
        gauge(out, "shopper_outbox_oldest_age", "Age of the oldest message that waits.", unit, oldest)?;
        if let Some(at) = numbers.heartbeat_at {
            moment(out, "shopper_heartbeat_timestamp", "When the last heartbeat was delivered.", at)?;
        }
        let unit = Some(&Unit::Bytes);
        gauge(out, "shopper_store_database", "Size of the database.", unit, numbers.database)?;
        gauge(out, "shopper_store_wal", "Size of the database's write-ahead log.", unit, numbers.wal)?;
        if let Some(space) = numbers.space {
            gauge(out, "shopper_store_free", "Free space on the data folder's disk.", unit, space.free)?;
            let stopped = u64::from(space.is_short());
            let help = "1 while too little space is left to keep evidence, else 0.";
            gauge(out, "shopper_evidence_stopped", help, None, stopped)?;
        }
        Ok(())
    }
}

/// The names are those of every Prometheus client library, so that common dashboards fit.
fn of_process(process: &Process, out: &mut DescriptorEncoder<'_>) -> Written {
    let family = out.encode_descriptor(
        "process_cpu",
        "User and system CPU time that was used.",
        Some(&Unit::Seconds),
        MetricType::Counter,
    )?;
    ConstCounter::new(process.cpu_seconds).encode(family)?;
    let unit = Some(&Unit::Bytes);
    gauge(out, "process_resident_memory", "Resident memory.", unit, process.resident_bytes)?;
    gauge(out, "process_virtual_memory", "Virtual memory.", unit, process.virtual_bytes)?;
    gauge(out, "process_open_fds", "Open file descriptors.", None, process.open_files)?;
    if let Some(most) = process.max_files {
        gauge(out, "process_max_fds", "Most file descriptors that may be open.", None, most)?;
    }
    gauge(out, "process_threads", "Threads.", None, process.threads)?;
    let help = "When the process began, in seconds since 1970.";
    gauge(out, "process_start_time", help, Some(&Unit::Seconds), process.start_seconds)
}

fn counter(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Written {
    let family = out.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(family)
}

fn gauge<V: EncodeGaugeValue>(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: V,
) -> Written {
    let family = out.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    ConstGauge::new(value).encode(family)
}

fn moment(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, at: jiff::Timestamp) -> Written {
    gauge(out, name, help, Some(&Unit::Seconds), seconds(at))
}

/// Seconds since 1970.
fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

fn histogram(family: &mut MetricEncoder<'_>, times: &Times, bounds: &[f64]) -> Written {
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    let counts = times.buckets.iter().copied().chain(std::iter::repeat(0));
    let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
    family.encode_histogram::<NoLabelSet>(times.sum, times.buckets.iter().sum(), &buckets, None)
}
