//! A click on a page that does nothing slow, and the actions that are parts of one.

use axum::response::Html;
use mystery_shopper::browser::Journey;
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::domain::locator::{Chain, Link, Locator};
use mystery_shopper::domain::scenario::{Action, Check, SourcePos, Verb};
use mystery_shopper::domain::template::Template;
use serde_json::json;

use super::{Outcome, ms, options, pool, soon};

/// Counts only what a citizen could have done.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>click</title><link rel=icon href='data:,'>
<p><button id=go>Go</button> <input id=field> <output id=clicks>0</output>
<script>document.querySelector('#go').addEventListener('click', (event) => {
  if (event.isTrusted) document.querySelector('#clicks').textContent = Number(document.querySelector('#clicks').textContent) + 1;
});</script>";

/// How many times each is done before it counts.
const WARM: usize = 5;

fn css(selector: &str) -> Locator {
    let chain = Chain {
        links: vec![Link::Css(Template::literal(selector))],
        source: Template::literal(format!("css={selector}")),
    };
    Locator { alternatives: vec![chain] }
}

async fn act(journey: &mut Journey, verb: Verb) -> Outcome<(f64, Option<String>)> {
    let action = Action { verb, within: None, at: SourcePos::default() };
    let watch = Stopwatch::start();
    let done = journey.act(&action, soon()).await?;
    Ok((ms(watch), done.read))
}

/// Prints `{"what": …, "ms": […]}` for each kind of action.
pub async fn measure(times: usize) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let router = axum::Router::new().fallback(|| async { Html(PAGE) });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (pool, _temp) = pool(1)?;
    let mut journey = pool.open(options(), soon()).await?;
    journey.begin_step();
    act(&mut journey, Verb::Goto(Template::literal(url))).await?;

    let (mut click, mut hover, mut scroll, mut fill, mut see) = (vec![], vec![], vec![], vec![], vec![]);
    // In turn, so that whatever else the machine does meets all of them.
    for turn in 0..times + WARM {
        let button = || css("#go");
        let clicked = act(&mut journey, Verb::Click(button())).await?.0;
        let hovered = act(&mut journey, Verb::Hover(button())).await?.0;
        let scrolled = act(&mut journey, Verb::Scroll(button())).await?.0;
        let with = Template::literal(turn.to_string());
        let filled = act(&mut journey, Verb::Fill { field: css("#field"), with }).await?.0;
        let watch = Stopwatch::start();
        journey.expect(&Check::Visible(button()), soon()).await?;
        let seen = ms(watch);
        if turn >= WARM {
            click.push(clicked);
            hover.push(hovered);
            scroll.push(scrolled);
            fill.push(filled);
            see.push(seen);
        }
    }
    let read = Verb::Read { from: css("#clicks"), into: "n".to_owned(), attribute: None };
    let counted = act(&mut journey, read).await?.1.unwrap_or_default();
    if counted != (times + WARM).to_string() {
        return Err(format!("the page counted {counted} trusted clicks of {}", times + WARM).into());
    }
    let (mut picture, mut facts, mut both) = (vec![], vec![], vec![]);
    for _ in 0..times {
        let watch = Stopwatch::start();
        journey.screenshot(soon()).await?;
        picture.push(ms(watch));
        let watch = Stopwatch::start();
        journey.facts(soon()).await;
        facts.push(ms(watch));
        let watch = Stopwatch::start();
        journey.observe(soon()).await.1?;
        both.push(ms(watch));
    }
    journey.close().await;
    pool.close().await;
    server.abort();
    for (what, times) in [
        ("click", click),
        ("hover", hover),
        ("scroll", scroll),
        ("fill", fill),
        ("visible", see),
        ("picture", picture),
        ("facts", facts),
        ("observe", both),
    ] {
        println!("{}", json!({ "what": what, "ms": times }));
    }
    Ok(())
}
