//! Measures the browser room by itself: the scripts `script/bench-*` call this program and make
//! tables of what it prints, one JSON object a line.
//!
//! ```text
//! cargo bench --bench browser -- click 60            what a click and its parts take
//! cargo bench --bench browser -- walk 30             the form journey with and without looking at each step
//! cargo bench --bench browser -- load 4 20 URL       journeys a minute through a portal elsewhere
//! cargo bench --bench browser -- hold 3 URL          browsers that stand still while somebody weighs them
//! ```
//!
//! A bench and no test: it says how long things take and judges nothing.

#![expect(clippy::print_stdout, reason = "what is measured goes to stdout")]

mod click;
mod hold;
mod load;
mod walk;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mystery_shopper::browser::{Guard, JourneyOptions, Pool, Settings, temp_folder};
use mystery_shopper::clock::{Deadline, Stopwatch};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::scenario::{Channel, Scenario};
use mystery_shopper::domain::template::Vars;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan;

/// What goes wrong ends the program with its words.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The scenario that is walked, from the repository's own folder.
const SCENARIO: &str = "scenarios/drug-licence-form.toml";

#[tokio::main]
async fn main() -> Outcome {
    // cargo adds `--bench`.
    let given: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = given.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["click", times] => click::measure(times.parse()?).await,
        ["walk", times] => walk::measure(times.parse()?).await,
        ["load", sessions, seconds, url] => {
            load::measure(sessions.parse()?, Duration::from_secs(seconds.parse()?), &url.parse()?).await
        }
        ["hold", browsers, url] => hold::measure(browsers.parse()?, &url.parse()?).await,
        _ => {
            Err("say what to measure: click N · walk N · load SESSIONS SECONDS URL · hold BROWSERS URL"
                .into())
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The form journey of the demo's portal at `entry`, and the values of its variables.
fn form(entry: &url::Url) -> Outcome<(Scenario, Vars)> {
    let root = root();
    let given = Vars::from([("entry".to_owned(), entry.to_string())]);
    let loaded = plan::load_scenario(&root, Path::new(SCENARIO), &DiskFiles::new(&root), &given);
    let (scenario, _) = loaded.map_err(|faults| format!("{SCENARIO} has faults: {faults:?}"))?;
    let mut vars = scenario.vars.clone();
    vars.extend(given);
    Ok((scenario, vars))
}

/// Browsers as `shopper run` has them, in a folder that goes with the answer's second half.
fn pool(sessions: usize) -> Outcome<(Pool, tempfile::TempDir)> {
    let temp = temp_folder()?;
    let settings = Settings {
        sessions,
        remote: Vec::new(),
        chromium: std::env::var_os("CHROMIUM").map(PathBuf::from),
        firefox: None,
        geckodriver: None,
        chromedriver: std::env::var_os("CHROMEDRIVER").map(PathBuf::from),
        headed: false,
        temp: temp.path().to_owned(),
        cgroup: None,
        retire_after: 50,
        retire_above: 1 << 30,
    };
    Ok((Pool::new(settings), temp))
}

fn options() -> JourneyOptions {
    JourneyOptions {
        engine: Engine::default(),
        channel: Channel::Desktop,
        language: Language::Chinese,
        timezone: "Asia/Shanghai".to_owned(),
        place: Place::default(),
        origin: String::new(),
        screen: None,
        user_agent: "mystery-shopper/bench".to_owned(),
        guard: Guard { live: false, allow: Vec::new(), loopback: true, hosts: Vec::new() },
        slow: Duration::ZERO,
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// Milliseconds with what is behind the comma.
fn ms(watch: Stopwatch) -> f64 {
    (watch.elapsed().as_secs_f64() * 1e5).round() / 100.0
}
