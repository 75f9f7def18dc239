//! The page: self-contained, escaped, complete; charts that say what they measure.

use base64::Engine as _;
use mystery_shopper::domain::language::Language;
use mystery_shopper::report;
use mystery_shopper::report::Dossier;
use scraper::{ElementRef, Html, Selector};
use sha2::Digest as _;

use super::world;

const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn page(dossier: &Dossier) -> Html {
    Html::parse_document(&report::html(dossier).unwrap())
}

/// What holds for every page, whatever stands on it.
fn assert_sound(name: &str, page: &Html) {
    for element in all(page, "*") {
        let value = element.value();
        assert!(
            !["script", "iframe", "object", "embed", "base", "form"].contains(&value.name()),
            "{name}: {}",
            value.name()
        );
        for (key, value) in value.attrs() {
            assert!(!key.starts_with("on"), "{name}: {key}");
            assert_ne!(key, "style", "{name}: the policy would drop it");
            if ["href", "src", "action", "srcset", "poster", "data"].contains(&key) {
                assert!(value.starts_with('#') || value.starts_with("data:"), "{name}: {key}={value}");
            }
        }
    }
    let policy = all(page, "meta[http-equiv='Content-Security-Policy']");
    let policy = policy[0].attr("content").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let style = text(all(page, "style")[0]);
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style.as_bytes()));
    assert!(policy.contains(&digest), "{name}: the policy is for another style");
    for (i, table) in all(page, "table").iter().enumerate() {
        let cells = |row: ElementRef<'_>| row.child_elements().count();
        let heads = cells(table.select(&Selector::parse("thead tr").unwrap()).next().unwrap());
        for row in table.select(&Selector::parse("tbody tr").unwrap()) {
            assert_eq!(cells(row), heads, "{name}: table {i}");
        }
    }
    let ids: Vec<&str> = all(page, "[id]").iter().filter_map(|element| element.attr("id")).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{name}: an anchor stands twice");
    for link in all(page, "a[href^='#']") {
        let anchor = link.attr("href").unwrap().trim_start_matches('#');
        assert!(ids.contains(&anchor), "{name}: {anchor}");
    }
}

#[test]
fn every_page_is_sound_by_itself() {
    for language in LANGUAGES {
        for (name, dossier) in [
            ("fifty-five", world::dossier(55, language)),
            ("one", world::dossier(1, language)),
            ("none", world::dossier(0, language)),
            ("unobserved", world::unobserved(3, language)),
        ] {
            assert_sound(name, &page(&dossier));
            for card in dossier.assessment.cards.iter().take(2) {
                let letter = report::letter::html(&dossier, &card.target.id).unwrap();
                assert_sound(name, &Html::parse_document(&letter));
            }
        }
    }
}

#[test]
fn every_chart_says_what_is_measured_and_of_how_many() {
    for (language, n) in [(Language::Chinese, 8), (Language::English, 8)] {
        let page = page(&world::dossier(55, language));
        let charts = all(&page, "figure .chart svg");
        assert!(charts.len() >= n, "{} charts", charts.len());
        for chart in charts {
            let child = |name| chart.child_elements().find(|child| child.value().name() == name).map(text);
            let (title, desc) = (child("title").unwrap(), child("desc").unwrap());
            assert!(title.contains("n=") && !desc.is_empty(), "{title}: {desc}");
            let labelled = chart.attr("aria-labelledby").unwrap();
            assert!(labelled.split(' ').all(|id| !all(&page, &format!("#{id}")).is_empty()), "{labelled}");
        }
    }
}

#[test]
fn what_a_portal_says_is_only_ever_text() {
    let hostile = "</title><script>alert(1)</script>'\"><img src=http://evil.example/x onerror=alert(1)>";
    let mut dossier = world::dossier(6, Language::Chinese);
    for card in &mut dossier.assessment.cards {
        card.target.name = hostile.to_owned();
        card.target.labels.insert("region".to_owned(), hostile.to_owned());
        card.beside[0].steps[0].step = hostile.to_owned();
    }
    for region in &mut dossier.analysis.regions {
        region.name = hostile.to_owned();
    }
    dossier.codings[0].note = hostile.to_owned();
    let exhibits = dossier.exhibits.values_mut().flatten();
    for shown in exhibits {
        shown.exhibit.step = hostile.to_owned();
        shown.exhibit.url = format!("javascript:{hostile}");
        shown.exhibit.phrase = Some(hostile.to_owned());
        if let Some(picture) = &mut shown.picture {
            picture.mime = "image/svg+xml\"><script>".to_owned();
            picture.bytes = b"<svg onload=alert(1)>".to_vec();
        }
    }
    let whole = page(&dossier);
    assert_sound("hostile", &whole);
    assert!(text(whole.root_element()).contains("<script>alert(1)</script>"));
    assert!(all(&whole, ".piece img").is_empty(), "what is no picture is not shown as one");
    let id = dossier.assessment.cards[0].target.id.clone();
    assert_sound("hostile letter", &Html::parse_document(&report::letter::html(&dossier, &id).unwrap()));
    let text = report::md(&dossier).replace("\\<", "");
    assert!(!text.contains('<'), "escaped in Markdown as well");
}

#[test]
fn what_was_not_observed_is_never_a_zero() {
    for language in LANGUAGES {
        let page = page(&world::unobserved(3, language));
        let body = text(page.root_element());
        let points = all(&page, "#scores td, section[id^='target-'] td").into_iter().map(text);
        assert!(
            points.clone().any(|cell| cell == "—") && !points.clone().any(|cell| cell == "0.00"),
            "{language:?}"
        );
        assert!(body.contains(language.pick("没有观测到不等于零分", "is not 0 points")), "{language:?}");
        assert!(all(&page, ".chart svg").is_empty(), "there is nothing to draw");
    }
}

#[test]
fn unranked_vetoes_and_unreliable_indicators_are_marked() {
    let dossier = world::dossier(55, Language::Chinese);
    let page = page(&dossier);
    let tables: Vec<(String, String)> = all(&page, "#scores table")
        .into_iter()
        .map(|table| (text(table.select(&Selector::parse("caption").unwrap()).next().unwrap()), text(table)))
        .collect();
    let unranked = tables.iter().find(|(caption, _)| caption.contains("未参加排名")).unwrap();
    assert!(unranked.1.contains("低于 70% 的排名下限"), "{}", unranked.1);
    let ranked = &tables[0];
    assert!(ranked.1.contains("▲ 网站经常打不开"));
    let names =
        |rows: &str| dossier.assessment.cards.iter().filter(|card| rows.contains(&card.target.name)).count();
    assert_eq!(names(&ranked.1) + names(&unranked.1), 55, "each stands in one of the two");
    // I2 stands on the page of every portal, among the means, in the annex and the clusters.
    let marked = all(&page, "td, th")
        .into_iter()
        .map(text)
        .filter(|cell| cell.contains("I2") || cell.contains("投诉"));
    let marked: Vec<String> = marked.collect();
    assert!(marked.len() > 55 && marked.iter().all(|cell| cell.contains("信度不足")), "{marked:?}");
}

#[test]
fn every_target_has_a_page_of_its_own_with_its_evidence() {
    let dossier = world::dossier(5, Language::English);
    let page = page(&dossier);
    let pages = all(&page, "section[id^='target-']");
    assert_eq!(pages.len(), 5);
    let pictures = all(&page, ".piece img");
    assert_eq!(pictures.len(), 3);
    for picture in pictures {
        let source = picture.attr("src").unwrap();
        assert!(source.starts_with("data:image/jpeg;base64,") && source.len() < 60_000, "{}", source.len());
    }
    let body = text(page.root_element());
    assert!(!body.contains("observer-7"), "who coded is not published");
    assert!(body.contains("not scored, never added"));
}

#[test]
fn a_letter_speaks_of_nobody_else() {
    for language in LANGUAGES {
        let dossier = world::dossier(55, language);
        let target = &dossier.assessment.cards[0].target;
        let letter = report::letter::md(&dossier, &target.id).unwrap();
        for card in &dossier.assessment.cards[1..] {
            assert!(!letter.contains(&card.target.name), "{}", card.target.name);
        }
        assert!(letter.contains("evaluators@example.org") && !letter.contains("mailto:"));
    }
    let dossier = world::dossier(1, Language::English);
    let error = report::letter::md(&dossier, &"nowhere".into()).unwrap_err();
    assert_eq!(error.to_string(), "write to `nowhere`: the assessment has no such target");
}
