//! A world of portals in memory, judged run by run and told as the store would tell it.

mod promises;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::domain::ids::RunId;
use crate::domain::incident::{Acknowledgement, Shared};
use crate::domain::outcome::Outcome;
use crate::judge::fixtures::{plan, run};
use crate::judge::notice::{self, Setting};
use crate::judge::{Act, ProbeState, Reading, RunSummary, decide};
use crate::plan::{Route, RouteFilter};

/// Four targets; `a` and `b` are of the south-west, `a`, `b` and `c` stand on one host.
const CITIES: &str = r#"
[alert]
flapping = false
remind = "1h"
[[target]]
id = "a"
name = "A"
region = "西南"
entry = "http://shared.example/a"
class = "test"
[[target]]
id = "b"
name = "B"
region = "西南"
entry = "http://shared.example/b"
class = "test"
[[target]]
id = "c"
name = "C"
region = "华东"
entry = "http://shared.example/c"
class = "test"
[[target]]
id = "d"
name = "D"
entry = "http://d.example/"
class = "test"
[[probe]]
id = "home"
visit = {}
targets = ["*"]
schedule = "@hourly"
[[probe]]
id = "walk"
crawl = {}
targets = ["*"]
schedule = "@hourly"
"#;

/// So many seconds after noon in Shanghai.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_320_000 + seconds).unwrap()
}

/// A route to one person that takes everything.
fn route(to: &str) -> Route {
    let when =
        RouteFilter { severities: crate::domain::incident::Severity::ALL.to_vec(), ..RouteFilter::default() };
    Route { to: vec![to.into()], when, after: Duration::ZERO, quiet: None }
}

struct World {
    plan: Plan,
    states: BTreeMap<(String, String), ProbeState>,
    known: Vec<Known>,
    settled: BTreeSet<String>,
    silences: Vec<Silence>,
    /// Everything that was told.
    log: Vec<(Timestamp, Tell)>,
    /// How much of that was read.
    heard: usize,
    ids: u32,
}

impl World {
    fn new(extra: &str, routes: Vec<Route>) -> Self {
        let mut plan = plan(&format!("{CITIES}{extra}"));
        plan.routes = routes;
        Self {
            plan,
            states: BTreeMap::new(),
            known: Vec::new(),
            settled: BTreeSet::new(),
            silences: Vec::new(),
            log: Vec::new(),
            heard: 0,
            ids: 0,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    fn id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    /// A run of `probe@target` that ends then and says this; it began five seconds before.
    fn run(&mut self, seconds: i64, pair: &str, reading: Reading) -> Act {
        let (probe, target) = pair.split_once('@').unwrap();
        let number = self.id();
        let key = (probe.to_owned(), target.to_owned());
        let state = self.states.entry(key.clone()).or_default().clone();
        let summary = RunSummary {
            id: RunId::new(format!("r{number}")),
            started_at: at(seconds - 5),
            reading,
            incident: IncidentId::new(format!("i{number}")),
        };
        let rules = self.plan.probe(probe).unwrap().alert;
        let decided = decide(&state, &summary, &rules);
        let outcome = match reading {
            Reading::Bad(Concern::Outage) => Outcome::ServerError,
            Reading::Bad(Concern::ScriptRot) => Outcome::ScriptRot,
            _ => Outcome::Done,
        };
        let mut run = run(summary.id.as_str(), &[outcome]);
        (run.probe, run.target) = (probe.into(), target.into());
        let plan = self.plan.clone();
        let setting = Setting { plan: &plan, message_domain: "example.org", now: at(seconds) };
        match &decided.act {
            Act::Nothing | Act::Confirm => {}
            Act::Open { incident, concern, since, flapping, .. } => {
                let incident = notice::opened(incident.clone(), *concern, *since, *flapping, &run, &setting);
                self.known.push(Known { incident, told: Vec::new(), seen_at: None, recovering: false });
            }
            Act::Worsen { incident, flapping, .. } => {
                notice::worsen(self.incident_mut(incident), *flapping, &run, &setting);
            }
            Act::Flap { incident, flapping } => self.incident_mut(incident).flapping = *flapping,
            Act::Close { incident, .. } => self.incident_mut(incident).closed_at = Some(at(seconds)),
        }
        self.states.insert(key, decided.state);
        self.sweep(seconds);
        decided.act
    }

    /// Twice the same, a second apart.
    fn twice(&mut self, seconds: i64, pair: &str, reading: Reading) {
        self.run(seconds - 1, pair, reading);
        self.run(seconds, pair, reading);
    }

    fn down(&mut self, seconds: i64, pair: &str) {
        self.twice(seconds, pair, Reading::Bad(Concern::Outage));
    }

    fn up(&mut self, seconds: i64, pair: &str) {
        self.twice(seconds, pair, Reading::Good);
    }

    fn sweep(&mut self, seconds: i64) {
        let mut incidents = Vec::new();
        for known in &self.known {
            if self.settled.contains(known.incident.id.as_str()) {
                continue;
            }
            let key = (known.incident.probe.to_string(), known.incident.target.to_string());
            let state = self.states.get(&key).cloned().unwrap_or_default();
            let own = state.open.as_ref().is_some_and(|open| open.id == known.incident.id);
            let seen_at = state.seen_at.filter(|_| own);
            incidents.push(Known { seen_at, recovering: own && !state.good.is_empty(), ..known.clone() });
        }
        let failing = |state: &ProbeState| {
            let known = state.open.as_ref().is_some_and(|open| open.concern == Concern::Outage);
            state.failing_since.is_some() && !known
        };
        let suspects = self.states.iter().filter(|(_, state)| failing(state));
        let suspects = suspects.map(|((p, t), _)| (p.as_str().into(), t.as_str().into())).collect();
        let standing = Standing { now: at(seconds), incidents, suspects, silences: self.silences.clone() };
        let mut next = self.ids;
        let mut ids = || {
            next += 1;
            IncidentId::new(format!("w{next}"))
        };
        let telling = tell(standing, &self.plan, &mut ids, "example.org");
        self.ids = next;
        for incident in telling.changed {
            let place = self.known.iter_mut().find(|known| known.incident.id == incident.id);
            if let Some(known) = place {
                known.incident = incident;
            } else {
                let (told, seen_at, recovering) = (Vec::new(), None, false);
                self.known.push(Known { incident, told, seen_at, recovering });
            }
        }
        for tell in telling.notices {
            assert!(tell.why.ends_with('.'), "{}", tell.why);
            let known = self.known.iter_mut().find(|known| known.incident.id == tell.incident).unwrap();
            assert_eq!(tell.root, known.told.is_empty());
            let (at, concern) = (at(seconds), known.incident.concern);
            known.told.push(Told { kind: tell.kind, at, concern, to: tell.to.clone() });
            self.log.push((at, tell));
        }
        self.settled.extend(telling.settled.iter().map(ToString::to_string));
    }

    fn incident(&self, id: &IncidentId) -> &Incident {
        &self.known.iter().find(|known| known.incident.id == *id).unwrap().incident
    }

    fn incident_mut(&mut self, id: &IncidentId) -> &mut Incident {
        &mut self.known.iter_mut().find(|known| known.incident.id == *id).unwrap().incident
    }

    /// What an incident is about, in short.
    fn about(&self, id: &IncidentId) -> String {
        let incident = self.incident(id);
        match &incident.scope {
            Scope::Pair => format!("{}@{}", incident.probe, incident.target),
            Scope::Wave { shared: Shared::Host(name) | Shared::Region(name) } => format!("wave {name}"),
            Scope::Vantage => "ourselves".to_owned(),
        }
    }

    /// What was told since this was last asked, one line each: `opened home@a to x`.
    fn said(&mut self) -> Vec<String> {
        let told = &self.log[self.heard..];
        let lines = told.iter().map(|(_, tell)| {
            let to: Vec<String> = tell.to.iter().map(ToString::to_string).collect();
            let held = tell.held_by.as_ref().map(|why| format!(" after {why}")).unwrap_or_default();
            format!("{} {} to {}{held}", tell.kind.name(), self.about(&tell.incident), to.join(","))
        });
        let lines = lines.collect();
        self.heard = self.log.len();
        lines
    }

    fn acknowledge(&mut self, seconds: i64) {
        for known in &mut self.known {
            let by = "somebody".to_owned();
            known.incident.acknowledged = Some(Acknowledgement { at: at(seconds), by, note: None });
        }
    }
}
