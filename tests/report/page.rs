//! The page: self-contained, escaped, complete; charts that say what they measure.

use base64::Engine as _;
use mystery_shopper::domain::ids::EvidenceHash;
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::profile::Grade;
use mystery_shopper::report;
use mystery_shopper::report::{Dossier, Image};
use mystery_shopper::score::card::Reliability;
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
    page_of(&report::html(dossier).unwrap())
}

fn page_of(html: &str) -> Html {
    Html::parse_document(html)
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
    for proof in dossier.proofs.values_mut().flatten() {
        for text in [&mut proof.note, &mut proof.value, &mut proof.mime] {
            hostile.clone_into(text);
        }
        proof.hash = EvidenceHash::new(hostile);
        proof.picture =
            Some(Image { bytes: b"<svg onload=alert(1)>".to_vec(), mime: "image/svg+xml".to_owned() });
    }
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
    let id = dossier.assessment.cards[1].target.id.clone();
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
    assert_eq!(pictures.len(), 4, "three of visits, and one that a person kept");
    for picture in pictures {
        let source = picture.attr("src").unwrap();
        assert!(source.starts_with("data:image/jpeg;base64,") && source.len() < 60_000, "{}", source.len());
    }
    let body = text(page.root_element());
    assert!(!body.contains("observer-"), "who coded is not published");
    assert!(body.contains("not scored, never added"));
    for told in [
        "4 November 2026, H2 Electronic licence: a person wrote down “at the window only”; note: “大厅取证处”.",
        "4 November 2026, I1 Enquiries: a person wrote down “no”.",
        &format!("a PDF file, SHA-256 {}", "cd".repeat(32)),
    ] {
        assert!(body.contains(told), "{told}");
    }
}

#[test]
fn a_letter_shows_what_people_kept_and_the_notes_that_count() {
    let dossier = world::dossier(3, Language::Chinese);
    let letter = page_of(&report::letter::html(&dossier, &"city-02".into()).unwrap());
    let body = text(letter.root_element());
    assert_eq!(all(&letter, ".piece img").len(), 2);
    assert!(body.contains("H2 电子证照，人工记录为“仅窗口领取”，备注“大厅取证处”"), "{body}");
    assert!(body.contains("当面询问") && !body.contains("据电话答复"), "a third coder settled it otherwise");
    assert!(!body.contains("observer-"), "who coded is nobody's business");
    let other = report::letter::md(&dossier, &"city-03".into()).unwrap();
    assert!(!other.contains("大厅取证处"), "{other}");
}

#[test]
fn what_rests_on_an_unreliable_indicator_is_marked() {
    for (language, mark, before) in [
        (Language::Chinese, "〔信度不足〕", "〔信度不足〕H "),
        (Language::English, " [not reliable]", "[not reliable] H "),
    ] {
        let mut dossier = world::dossier(8, language);
        let doubtful = Reliability { units: 8, agreement: 50.0, kappa: None, alpha: Some(0.1) };
        dossier.assessment.reliability =
            [("H2", doubtful), ("H", doubtful)].map(|(id, it)| (world::id(id), it)).into();
        let found = &mut dossier.analysis.findings[0];
        if let Some(target) = found.targets.first().cloned() {
            found.targets = vec![target];
        }
        let sentence = found.sentence.pick(language).to_owned();
        let md = report::md(&dossier).replace('\\', "");
        let told: Vec<&str> = md.lines().filter(|line| line.contains(&sentence)).collect();
        assert_eq!(told.len(), 2, "in the summary and on the page of a portal: {told:?}");
        assert!(told.iter().all(|line| line.trim_end().ends_with(mark)), "{told:?}");
        let page = page(&dossier);
        // Long labels lose their end, so the mark is their beginning.
        let labels: Vec<String> = all(&page, ".chart svg text").into_iter().map(text).collect();
        assert!(labels.iter().any(|label| label.starts_with(before)), "{before}: {labels:?}");
    }
}

/// A chart's words: its title, what it shows, and every text in it.
fn chart(page: &Html, key: &str) -> (String, String, Vec<String>) {
    let whole = |part: &str| text(all(page, &format!("#{key}-{part}"))[0]);
    let chart = all(page, ".chart svg")
        .into_iter()
        .find(|chart| chart.attr("aria-labelledby").unwrap().starts_with(&format!("{key}-title")))
        .unwrap();
    let texts = chart.select(&Selector::parse("text").unwrap()).map(text).collect();
    (whole("title"), whole("desc"), texts)
}

#[test]
fn provinces_have_tones_by_the_grades_of_the_profile_and_a_row_each() {
    let cases: [(&[f64], &[&str]); 6] = [
        (&[60.0, 0.0], &["60 and above", "below 60"]),
        (&[75.0, 50.0, 0.0], &["75 and above", "50 to below 75", "below 50"]),
        (&[90.0, 80.0, 70.0, 0.0], &["90 and above", "80 to below 90", "70 to below 80", "below 70"]),
        (&[80.0, 60.0], &["80 and above", "60 to below 80", "below 60"]),
        (&[], &["any total"]),
        (
            &[95.0, 90.0, 85.0, 80.0, 0.0],
            &["95 and above", "90 to below 95", "85 to below 90", "80 to below 85", "below 80"],
        ),
    ];
    for (bounds, want) in cases {
        let mut dossier = world::dossier(10, Language::English);
        dossier.exhibits.clear();
        dossier.profile.grades =
            bounds.iter().map(|from| Grade { title: world::words("级", "grade"), from: *from }).collect();
        let (.., texts) = chart(&page(&dossier), "provinces");
        let legend = &texts[texts.len() - want.len() - 1..];
        assert_eq!(legend, [want, &["no data"]].concat(), "{bounds:?}");
    }

    let dossier = world::dossier(55, Language::Chinese);
    let cards = &dossier.assessment.cards;
    assert!(
        cards.iter().any(|card| card.rank.is_none() && card.total.is_some()),
        "some have a total and no rank"
    );
    let (mut totals, mut n) = (std::collections::BTreeMap::<&str, Vec<f64>>::new(), 0);
    for card in cards.iter().filter(|card| card.rank.is_some()) {
        totals.entry(&card.target.labels["province"]).or_default().push(card.total.unwrap());
        n += 1;
    }
    let (title, desc, _) = chart(&page(&dossier), "provinces");
    assert!(title.contains(&format!("{} 个省份，n={n}", totals.len())), "{title}");
    let md = report::md(&dossier);
    for (province, totals) in totals {
        let mean = totals.iter().sum::<f64>() / totals.len() as f64;
        assert!(desc.contains(&format!("{province} {mean:.2}")), "{province}: {desc}");
        assert!(md.contains(&format!("| {province} | {mean:.2} | {} |", totals.len())), "{province}");
    }
}

#[test]
fn a_title_says_of_how_many_only_what_is_so() {
    let mut dossier = world::dossier(9, Language::English);
    let (title, ..) = chart(&page(&dossier), "first-level");
    assert!(title.contains("n=8 for the total; that of each indicator stands beside its bar"), "{title}");
    dossier.analysis.mean = None;
    let (title, ..) = chart(&page(&dossier), "first-level");
    assert!(title.contains("that of each indicator stands beside its bar"), "{title}");
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
