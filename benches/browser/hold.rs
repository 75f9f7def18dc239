//! Browsers that stand still while somebody weighs them.

use mystery_shopper::browser::Journey;
use mystery_shopper::domain::scenario::{Action, Check, SourcePos, Verb};
use mystery_shopper::domain::template::Template;
use serde_json::json;

use super::{Outcome, form, options, pool, soon};

/// Opens one browser after the other, each with a journey that stands on the form's first page, then
/// closes the journeys. Prints `{"state": …, "browsers": …, "groups": […]}` each time and goes on when
/// a line comes in.
pub async fn measure(browsers: usize, entry: &url::Url) -> Outcome {
    let (pool, _temp) = pool(browsers)?;
    let mut open: Vec<Journey> = vec![];
    let mut groups: Vec<Option<u32>> = vec![];
    let first = form(entry)?.0.steps.swap_remove(0);
    let expected = first.expect.into_iter().map(|expected| expected.check).next();
    let url = entry.join("apply/drug-licence/applicant")?;
    let goto = Action { verb: Verb::Goto(Template::literal(url)), within: None, at: SourcePos::default() };
    for number in 1..=browsers {
        let mut journey = pool.open(options(), soon()).await?;
        journey.begin_step();
        journey.act(&goto, soon()).await?;
        if let Some(check @ Check::Visible(_)) = &expected {
            journey.expect(check, soon()).await?;
        }
        journey.observe(soon()).await.1?;
        groups.push(journey.process_group());
        open.push(journey);
        println!("{}", json!({ "state": "walking", "browsers": number, "groups": groups }));
        next_line().await?;
    }
    for journey in open {
        journey.close().await;
    }
    println!("{}", json!({ "state": "resting", "browsers": browsers, "groups": groups }));
    next_line().await?;
    pool.close().await;
    Ok(())
}

/// Waits for a line, or for the end of whoever writes them.
async fn next_line() -> Outcome {
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}
