//! What is asked when a run failed: our own page in the browser that walked, and the portal once more
//! without one.

use std::sync::Arc;

use mystery_shopper::domain::notice::{Canary, CanaryFact};
use mystery_shopper::domain::run::{Cause, Run};
use mystery_shopper::plan::CanaryPlan;
use mystery_shopper::runner::Order;

use crate::town::*;

const LOOK: &str = r#"
[[step]]
name = "一"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "一" }]
within = "5s"
"#;

fn watched(order: Order, canary: CanaryPlan) -> Order {
    Order { canary: Some(Arc::new(canary)), ..order }
}

/// Our own page, and how it was found.
fn own_page(run: &Run) -> &CanaryFact {
    run.canaries.iter().find(|fact| fact.canary == Canary::Browser).unwrap()
}

#[tokio::test]
async fn a_browser_that_may_not_reach_this_machine_opens_our_own_page_all_the_same() {
    let town = Town::new(1);
    // The names belong to nobody: the walks fail, and the browser is as good as before.
    for order in [order("http://city.invalid/", LOOK), live("http://city.invalid/", LOOK)] {
        let run = town.walk(&watched(order, CanaryPlan::default())).await;
        let page = own_page(&run);
        assert_eq!(page.fault, None, "{page:?}");
        assert!(page.asked.ends_with("in the same browser"), "{page:?}");
        // Which of them it is depends on whether a resolver is there at all.
        assert!(["fail", "inconclusive"].contains(&run.verdict.name()), "{}", run.reason);
        let resolver = run.canaries.iter().find(|fact| fact.canary == Canary::Dns).unwrap();
        assert_eq!(resolver.fault.is_some(), run.verdict.name() == "inconclusive", "{resolver:?}");
    }
    town.end().await;
}

#[tokio::test]
async fn a_walk_that_confirms_a_failure_asks_the_portal_once_without_a_browser() {
    let site = Site::open(|_| async { page_with(503, "<h1>系统维护中</h1>") }).await;
    let town = Town::new(1);
    let order = watched(order(&site.base, LOOK), CanaryPlan::default());
    let first = town.walk(&order).await;
    assert_eq!((first.verdict.name(), own_page(&first).fault.as_ref()), ("fail", None), "{}", first.reason);
    assert!(first.visit.is_none());
    let before = site.hits().len();
    let again =
        town.walk(&Order { cause: Cause::Confirmation { of: first.id.clone() }, ..order.clone() }).await;
    assert_eq!(again.visit.as_ref().and_then(|visit| visit.status), Some(503), "{}", again.reason);
    let walked = again.attempts as usize;
    assert_eq!(site.hits().len() - before, walked + 1, "each attempt's page, and one plain request");

    // Where every unrelated site is silent, nothing is said about the portal.
    let nobody = format!("http://127.0.0.1:{}/", free_port()).parse().unwrap();
    let blind = CanaryPlan { names: Vec::new(), sites: vec![nobody] };
    let run = town.walk(&watched(order.clone(), blind)).await;
    assert_eq!(run.verdict.name(), "inconclusive", "{}", run.reason);
    assert!(run.reason.starts_with("We could not see. "), "{}", run.reason);

    // A run that nobody judges asks nobody.
    let run = town.walk(&Order { canary: None, ..order }).await;
    assert_eq!((run.verdict.name(), run.canaries.len()), ("fail", 0));
    town.end().await;
}
