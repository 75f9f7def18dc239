//! Our own faults: said as ours, with what to do, and never held against a portal.

use mystery_shopper::browser::Settings;
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::runner::Silent;
use tokio_util::sync::CancellationToken;

use crate::town::*;

const TWO: &str = r#"
[[step]]
name = "一"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "一" }]
[[step]]
name = "二"
stage = "guide"
do = [{ click = "text=下一页" }, { goto = "/never" }]
within = "60s"
[[step]]
name = "三"
stage = "form"
expect = [{ text = "三" }]
"#;

#[tokio::test]
async fn a_missing_driver_is_ours_and_the_error_says_what_to_install() {
    for program in ["/nonexistent/chromedriver", "/bin/false"] {
        let town = Town::with(|settings| Settings { chromedriver: Some(program.into()), ..settings });
        let watch = Stopwatch::start();
        let run = town.walk(&order("http://127.0.0.1:1/", TWO)).await;
        assert!(watch.elapsed_ms() < 10_000, "{program}: {}", watch.elapsed_ms());
        assert_eq!(outcomes(&run), ["probe_fault", "not_reached", "not_reached"], "{}", run.reason);
        assert_eq!(run.verdict.name(), "inconclusive");
        assert_eq!(run.steps[0].credit, None);
        let error = run.steps[0].error.as_deref().unwrap();
        for part in [program, "chromedriver", "install"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
        town.end().await;
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_ends_at_once_and_keeps_what_it_saw() {
    let cancel = CancellationToken::new();
    let seen = cancel.clone();
    let site = Site::open(move |hit| {
        let seen = seen.clone();
        async move {
            match hit.path.as_str() {
                "/never" => {
                    seen.cancel();
                    std::future::pending().await
                }
                _ => page("<h1>一</h1><a href='#x'>下一页</a>"),
            }
        }
    })
    .await;
    let town = Town::new(1);
    let order = order(&site.base, TWO);
    let watch = async {
        cancel.cancelled().await;
        Stopwatch::start()
    };
    let (run, since) = tokio::join!(town.runner.run(&order, &Silent, &cancel), watch);
    assert!(since.elapsed_ms() < 3_000, "{}", since.elapsed_ms());
    assert_eq!(outcomes(&run), ["done", "probe_fault", "not_reached"], "{}", run.reason);
    assert_eq!((run.verdict.name(), run.attempts), ("inconclusive", 1));
    assert!(run.steps[1].error.as_deref().unwrap_or_default().contains("cancelled"));
    town.end().await;
}
