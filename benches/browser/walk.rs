//! The form journey step by step, in turn with and without looking at the page after each step.

use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::{self, Next};
use axum::response::Response;
use mystery_shopper::browser::{Journey, Pool};
use mystery_shopper::clock::{Clock, Deadline, Stopwatch};
use mystery_shopper::demo;
use mystery_shopper::domain::locator::{Chain, Link, Locator};
use mystery_shopper::domain::scenario::{Action, Scenario, SourcePos, Verb};
use mystery_shopper::domain::template::{Template, Vars};
use serde_json::json;

use super::{Outcome, form, ms, options, pool, root, soon};

/// Has each page write down, when it has loaded, how long that took by its own clock.
const OWN: &str = "<script>addEventListener('load', () => setTimeout(() => { document.documentElement.dataset.own = performance.getEntriesByType('navigation')[0].loadEventEnd; }));</script>";

/// The demo's portal with [`OWN`] behind every page.
async fn with_clock(request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    let html =
        answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !html {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let mut bytes = to_bytes(body, 8 << 20).await.unwrap_or_default().to_vec();
    bytes.extend_from_slice(OWN.as_bytes());
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(bytes))
}

struct Walked {
    open: f64,
    steps: Vec<f64>,
    looks: Vec<f64>,
    pages: Vec<f64>,
    close: f64,
}

/// Prints a line for every walk: `{"looks": true, "open": …, "steps": […], "looked": […], "pages": […], "close": …}`.
pub async fn measure(times: usize) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let entry = format!("http://{}/", listener.local_addr()?).parse()?;
    let router = demo::router(demo::PortalState::new(Clock::system())).layer(middleware::from_fn(with_clock));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (scenario, vars) = form(&entry)?;
    let (pool, _temp) = pool(1)?;
    for turn in 0..=times {
        // Which comes first changes as well.
        for looks in [turn % 2 == 0, turn % 2 == 1] {
            let walked = walk(&pool, &scenario, &vars, looks).await?;
            if turn > 0 {
                let Walked { open, steps, looks: looked, pages, close } = walked;
                println!(
                    "{}",
                    json!({ "looks": looks, "open": open, "steps": steps, "looked": looked, "pages": pages, "close": close })
                );
            }
        }
    }
    pool.close().await;
    server.abort();
    Ok(())
}

async fn walk(pool: &Pool, scenario: &Scenario, vars: &Vars, looks: bool) -> Outcome<Walked> {
    let watch = Stopwatch::start();
    let mut journey = pool.open(options(), soon()).await?;
    let mut walked = Walked { open: ms(watch), steps: vec![], looks: vec![], pages: vec![], close: 0.0 };
    for step in &scenario.steps {
        journey.begin_step();
        let watch = Stopwatch::start();
        let deadline = Deadline::after(step.within);
        // As the runner does it.
        let actions = step.actions.iter().map(|action| prepare(action, vars, &root()));
        let actions = actions.collect::<Result<Vec<_>, _>>()?;
        let mut at = 0;
        while at < actions.len() {
            match journey.act_ahead(&actions[at..], deadline).await? {
                0 => {
                    journey.act(&actions[at], deadline).await?;
                    at += 1;
                }
                done => at += done,
            }
        }
        for (at, expected) in step.expect.iter().enumerate() {
            let check = expected.check.resolve(vars).map_err(|missing| missing.to_string())?;
            if looks && at + 1 == step.expect.len() {
                journey.expect_last(&check, deadline, deadline).await?;
            } else {
                journey.expect(&check, deadline).await?;
            }
        }
        walked.steps.push(ms(watch));
        if looks {
            let watch = Stopwatch::start();
            let (_, picture) = journey.observe(soon()).await;
            picture?;
            walked.looks.push(ms(watch));
        }
        // Asked for outside of what is measured.
        walked.pages.push(own_time(&mut journey).await?);
    }
    let watch = Stopwatch::start();
    journey.close().await;
    walked.close = ms(watch);
    Ok(walked)
}

/// As the runner does it: values, and the places of files.
fn prepare(action: &Action, vars: &Vars, root: &Path) -> Outcome<Action> {
    let verb = match action.verb.resolve(vars).map_err(|missing| missing.to_string())? {
        Verb::Upload { field, file } => Verb::Upload { field, file: root.join(file) },
        other => other,
    };
    Ok(Action { verb, within: action.within, at: action.at.clone() })
}

/// How long the present page took to load, by its own clock.
async fn own_time(journey: &mut Journey) -> Outcome<f64> {
    let chain = Chain {
        links: vec![Link::Css(Template::literal("html[data-own]"))],
        source: Template::literal("css=html[data-own]"),
    };
    let from = Locator { alternatives: vec![chain] };
    let verb = Verb::Read { from, into: "own".to_owned(), attribute: Some("data-own".to_owned()) };
    let done = journey.act(&Action { verb, within: None, at: SourcePos::default() }, soon()).await?;
    Ok(done.read.unwrap_or_default().parse()?)
}
