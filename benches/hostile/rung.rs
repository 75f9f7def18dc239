//! Hears from the log which rung freed the slot of the present run.

use std::cell::RefCell;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

tokio::task_local! {
    /// The rungs of the present run, one for each of its attempts, with the reason for a kill.
    pub static RUNGS: RefCell<Vec<(String, String)>>;
}

/// Listens to the ladder.
pub struct Ear;

#[derive(Default)]
struct Words {
    rung: Option<String>,
    why: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "rung" => self.rung = Some(value.to_owned()),
            "why" => value.clone_into(&mut self.why),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        if let Some(rung) = words.rung {
            // Outside of a run nobody asks.
            let _ = RUNGS.try_with(|rungs| rungs.borrow_mut().push((rung, words.why)));
        }
    }
}
