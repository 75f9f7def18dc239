//! The page, printed by a real browser, and read by poppler. `KEEP_PDF=FILE.pdf` keeps the PDF, and the page
//! beside it, to be looked at.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mystery_shopper::browser::{Settings, print};
use mystery_shopper::clock::Deadline;
use mystery_shopper::domain::language::Language;
use mystery_shopper::report;

use super::world;

fn settings(temp: &Path) -> Settings {
    Settings {
        sessions: 1,
        remote: Vec::new(),
        chromium: None,
        chromedriver: None,
        firefox: None,
        geckodriver: None,
        headed: false,
        temp: temp.to_owned(),
        cgroup: None,
        retire_after: 200,
        retire_above: 1 << 30,
    }
}

/// What a program of poppler says of a file; `script/bootstrap` installs them.
fn poppler(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("poppler-utils is installed");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_report_is_printed_with_page_numbers_and_touches_no_network() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let temp = tempfile::tempdir().unwrap();
    let page = report::html(&world::dossier(55, Language::Chinese)).unwrap();
    // Even a page without a policy, which asks for something, reaches nobody.
    let policy = page.find("<meta http-equiv").unwrap();
    let end = policy + page[policy..].find('>').unwrap() + 1;
    let asks = format!("<img alt='' src='http://{}/x.png'>", listener.local_addr().unwrap());
    let page = format!("{}{}", &page[..policy], &page[end..]).replace("</main>", &format!("{asks}</main>"));
    let pdf = print(&settings(temp.path()), &page, Deadline::after(Duration::from_secs(120))).await.unwrap();
    let asked =
        std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_ready()))
            .await;
    assert!(!asked, "the browser asked for the picture");
    let file = temp.path().join("report.pdf");
    std::fs::write(&file, pdf).unwrap();
    if let Some(kept) = std::env::var_os("KEEP_PDF") {
        std::fs::copy(&file, &kept).unwrap();
        std::fs::write(Path::new(&kept).with_extension("html"), &page).unwrap();
    }
    let file = file.to_str().unwrap();
    let facts = poppler("pdfinfo", &[file]);
    let pages: u32 =
        facts.lines().find_map(|line| line.strip_prefix("Pages:")).unwrap().trim().parse().unwrap();
    // The summary, the scores, a page for each, the annex.
    assert!(pages > 58, "{pages} pages");
    assert!(facts.contains("A4"), "{facts}");
    let text = poppler("pdftotext", &["-layout", file, "-"]);
    assert!(text.contains("网上政务服务能力评估报告"), "{text}");
    assert!(text.contains(&format!("{pages} / {pages}")), "the last page has its number");
    let left: Vec<_> =
        std::fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["report.pdf"], "the browser left something");
}
