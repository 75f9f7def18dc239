//! The crawl against the site of `tests/linksite`, and that site against its own list of faults.
//!
//! The tests of the site itself use nothing of the crawl.

mod linksite;
mod net;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use linksite::kinds::Resource;
use linksite::page::Special;
use linksite::serve::Served;
use linksite::{Host, Planted, Reply, Site, Size};
use mystery_shopper::clock::{Clock, Deadline};
use mystery_shopper::crawl::{CrawlReport, Settings, Tools, crawl};
use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::link::LinkClass;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::http::Get;
use mystery_shopper::http::manners::Manners;
use mystery_shopper::plan::CrawlPlan;
use mystery_shopper::plan::lexicon::built_in;
use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use tokio_util::sync::CancellationToken;
use url::Url;

const SEED: u64 = 1;
const PORT: u16 = 8089;

// ---- the crawl ----------------------------------------------------------------------------------

async fn crawled(site: &Site) -> CrawlReport {
    let target = Target {
        id: TargetId::new("city"),
        name: "示范市".to_owned(),
        labels: BTreeMap::new(),
        entry: Url::parse(&site.url(0)).unwrap(),
        class: TargetClass::Test,
        vars: BTreeMap::default(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        assessed: None,
        soft_404: true,
    };
    let plan = CrawlPlan::new(1_000, 20);
    let settings = Settings::of(&plan, &target, Arc::new(built_in()));
    let settings = Settings { retry_pause: Duration::from_millis(10), ..settings };
    let (client, manners) = (net::client(), Manners::every(Duration::ZERO, Clock::system()));
    let cancel = CancellationToken::new();
    let tools = Tools { client: &client, eyes: None, manners: &manners, cancel: &cancel, progress: &|_| () };
    crawl(tools, &target, &settings, None, Deadline::after(Duration::from_mins(2))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_and_no_other() {
    let served = Served::start(Size::SMALL, SEED).await;
    let report = crawled(&served.site).await;
    // What is compared, and only where the list says something: a sheet has no lines.
    let said: BTreeMap<_, _> = report.faults.iter().map(|fault| (fault.url.clone(), fault)).collect();
    let planted: BTreeMap<_, _> =
        served.site.planted.iter().map(|fault| (fault.url.clone(), fault)).collect();
    let missed: Vec<_> = planted.iter().filter(|(url, _)| !said.contains_key(*url)).collect();
    let made_up: Vec<_> = said.iter().filter(|(url, _)| !planted.contains_key(*url)).collect();
    assert!(missed.is_empty(), "missed: {missed:#?}");
    assert!(made_up.is_empty(), "made up: {made_up:#?}");
    for (url, want) in planted {
        let have = said[&url];
        assert_eq!(have.class, want.link_class(), "{want:?}");
        assert_eq!((have.pages, have.on_home), (want.pages, want.on_home), "{have:?} {want:?}");
        // Of pages equally near to the home page the crawl names the one whose address comes first.
        let same = have.page == want.page;
        assert!(same || want.pages > 1, "{have:?} {want:?}");
        if same && want.line > 0 {
            assert_eq!(
                (have.element.as_str(), have.attribute.as_str(), have.line, have.column),
                (want.element.as_str(), want.attribute.as_str(), want.line, want.column),
                "{want:?}"
            );
        }
        if same && !want.text.is_empty() {
            assert_eq!(have.text, want.text, "{want:?}");
        }
    }
}

#[tokio::test]
async fn the_server_answers_as_planned() {
    let served = Served::start(Size::SMALL, SEED).await;
    let client = net::client();
    let mut asked = 0;
    for fault in served.site.planted.iter().filter(|fault| fault.url.starts_with("http://127.")) {
        let url = Url::parse(&fault.url).unwrap();
        let get = Get::page(url, 1 << 20);
        let answer = client.get(&get, Deadline::after(Duration::from_secs(20))).await;
        let transport = answer.transport.map(|transport| transport.class);
        let want = match fault.link_class() {
            LinkClass::NotFound => Ok(404),
            LinkClass::Gone => Ok(410),
            LinkClass::ClientError => Ok(400),
            LinkClass::ServerError => Ok(answer.status.filter(|status| *status >= 500).unwrap()),
            LinkClass::RedirectLoop => Err(TransportClass::RedirectLoop),
            LinkClass::Reset => Err(TransportClass::Reset),
            LinkClass::Refused => Err(TransportClass::Refused),
            _ => Ok(200),
        };
        assert_eq!(transport.map_or(Ok(answer.status.unwrap_or(0)), Err), want, "{fault:?}");
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
}

// ---- the site -----------------------------------------------------------------------------------

#[test]
fn the_same_seed_makes_the_same_site() {
    let (one, two) = (Site::plan(Size::SMALL, SEED, PORT), Site::plan(Size::SMALL, SEED, PORT));
    assert_eq!(one.planted, two.planted);
    assert_eq!(one.resources, two.resources);
    for i in 0..Size::SMALL.pages {
        assert_eq!(one.bytes(i), two.bytes(i), "page {i}");
    }
    let other = Site::plan(Size::SMALL, SEED + 1, PORT);
    assert!((0..Size::SMALL.pages).any(|i| one.bytes(i) != other.bytes(i)));
}

#[test]
fn full_size_is_what_it_says() {
    let site = Site::plan(Size::FULL, SEED, PORT);
    assert_eq!(site.pages.len(), 2_000);
    let links: usize = (0..2_000).map(|i| site.render(i).links).sum();
    assert_eq!(links, 40_000);
    assert!(site.planted.len() >= 200, "{}", site.planted.len());
    let urls: BTreeSet<_> = site.planted.iter().map(|fault| &fault.url).collect();
    assert_eq!(urls.len(), site.planted.len(), "an address is planted once");
    let small = Site::plan(Size::SMALL, SEED, PORT);
    let kinds = |site: &Site| site.planted.iter().map(|fault| fault.kind.clone()).collect::<BTreeSet<_>>();
    assert_eq!(kinds(&site), kinds(&small), "a small site has every kind");
    for (i, page) in site.pages.iter().enumerate().filter(|(_, page)| page.special != Special::None) {
        let bytes = site.bytes(i);
        let (shown, _, lossy) = page.special.encoding().decode(&bytes);
        assert!(!lossy && shown == site.render(i).text, "page {i} can be read back");
    }
}

#[test]
fn places_are_where_the_element_begins() {
    let site = Site::plan(Size::SMALL, SEED, PORT);
    for fault in site.planted.iter().filter(|fault| fault.line > 0) {
        let page = (0..site.pages.len()).find(|&i| site.url(i) == fault.page).unwrap();
        let text = site.render(page).text;
        let line = text.lines().nth(fault.line as usize - 1).unwrap();
        let rest: String = line.chars().skip(fault.column as usize - 1).collect();
        let begins = format!("<{}", fault.element);
        assert!(rest.to_lowercase().starts_with(&begins), "{fault:?}: {rest}");
    }
}

#[test]
fn the_written_list_names_every_kind() {
    let site = Site::plan(Size::FULL, SEED, PORT);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in &site.planted {
        *kinds.entry(&fault.kind).or_default() += 1;
    }
    for (kind, count) in kinds {
        let class = &site.planted.iter().find(|fault| fault.kind == kind).unwrap().class;
        let row = format!("| {kind} | `{class}` | {count} |");
        assert!(include_str!("linksite/faults.md").contains(&row), "faults.md has no row {row}");
    }
}

/// Every link of every page is followed by a reader that knows nothing of the crawler.
#[test]
fn the_list_names_every_fault_and_no_other() {
    let comment = Regex::new(r"(?s)/\*.*?\*/").unwrap();
    for (size, seed) in [(Size::SMALL, 1), (Size::SMALL, 2), (Size::FULL, 1)] {
        let site = Site::plan(size, seed, PORT);
        let mut reader = Reader::new(&site);
        let mut found: BTreeMap<(String, LinkClass), BTreeSet<usize>> = BTreeMap::new();
        let mut count = 0;
        for i in 0..size.pages {
            let (links, base) = reader.links(i);
            count += links.len();
            for written in links {
                if let Some(fault) = reader.follow(i, &base, &written) {
                    found.entry(fault).or_default().insert(i);
                }
            }
        }
        for (path, resource) in &site.resources {
            let Resource::File("text/css", bytes) = resource else { continue };
            let sheet = Url::parse(&format!("{}{path}", site.origin)).unwrap();
            let text = comment.replace_all(std::str::from_utf8(bytes).unwrap(), "");
            for written in reader.urls_of(&text) {
                if let Some(fault) = reader.follow(0, &sheet, &written) {
                    found.entry(fault).or_default().insert(usize::MAX);
                }
            }
        }
        assert_eq!(count, size.links, "links of {size:?}");
        let found: BTreeSet<_> =
            found.into_iter().map(|((url, class), pages)| (url, class, pages.len())).collect();
        let listed: BTreeSet<_> = site.planted.iter().map(Planted::key).collect();
        let missing: Vec<_> = found.difference(&listed).collect();
        let unmet: Vec<_> = listed.difference(&found).collect();
        assert!(
            missing.is_empty() && unmet.is_empty(),
            "not in the list: {missing:#?}\nnot on the site: {unmet:#?}"
        );
    }
}

/// The page that carries a fault first is told by its number, so numbers are a crawl's order.
#[test]
fn pages_are_numbered_as_a_crawl_meets_them() {
    for size in [Size::SMALL, Size::FULL] {
        let site = Site::plan(size, SEED, PORT);
        let mut reader = Reader::new(&site);
        let (mut met, mut seen, mut at) = (vec![0], BTreeSet::from([0]), 0);
        while at < met.len() {
            let (links, base) = reader.links(met[at]);
            at += 1;
            let own = links
                .iter()
                .filter_map(|written| base.join(written.trim()).ok())
                .filter(|url| url.scheme() == "http");
            met.extend(
                own.filter_map(|url| reader.arrive(url).ok().flatten()).filter(|page| seen.insert(*page)),
            );
        }
        // The last one is named by the sitemap alone.
        assert_eq!(met, (0..size.pages - 1).collect::<Vec<_>>());
    }
}

impl Planted {
    fn key(&self) -> (String, LinkClass, usize) {
        (self.url.clone(), self.link_class(), self.pages as usize)
    }
}

/// Reads links as a browser does, and follows them through [`Site::answer`].
struct Reader<'a> {
    site: &'a Site,
    ids: HashMap<usize, BTreeSet<String>>,
    script: Regex,
    style: Regex,
}

impl<'a> Reader<'a> {
    fn new(site: &'a Site) -> Self {
        let script = r#"(?:location(?:\.href)?\s*=|window\.open\()\s*['"]([^'"]+)['"]\s*(?:$|[;,)])"#;
        let style = r#"url\(\s*['"]?([^'")]+?)['"]?\s*\)"#;
        Self {
            site,
            ids: HashMap::new(),
            script: Regex::new(script).unwrap(),
            style: Regex::new(style).unwrap(),
        }
    }

    /// The links of a page as they are written, and what they start from.
    fn links(&mut self, i: usize) -> (Vec<String>, Url) {
        let tree = Html::parse_document(&self.site.render(i).text);
        let all = Selector::parse("*").unwrap();
        let address = Url::parse(&self.site.url(i)).unwrap();
        let (mut links, mut base, mut ids) = (Vec::new(), address.clone(), BTreeSet::new());
        for element in tree.select(&all) {
            let inert = element
                .ancestors()
                .filter_map(ElementRef::wrap)
                .any(|above| above.value().name() == "template");
            if !inert {
                ids.extend(["id", "name"].iter().filter_map(|name| element.attr(name)).map(str::to_owned));
                if let ("base", Some(href)) = (element.value().name(), element.attr("href")) {
                    base = address.join(href).unwrap();
                }
                self.element(element, &mut links);
            }
        }
        self.ids.insert(i, ids);
        (links, base)
    }

    fn element(&self, element: ElementRef<'_>, links: &mut Vec<String>) {
        let name = element.value().name();
        let mut take = |attribute: &str| links.extend(element.attr(attribute).map(str::to_owned));
        match name {
            "a" | "area" => take("href"),
            "link" if !matches!(element.attr("rel"), Some("dns-prefetch" | "preconnect")) => take("href"),
            "img" | "source" | "video" | "audio" | "track" | "script" | "iframe" => take("src"),
            "form" => take("action"),
            _ => {}
        }
        if name == "video" {
            take("poster");
        }
        for candidate in element
            .attr("srcset")
            .into_iter()
            .flat_map(|set| set.split(", "))
            .flat_map(|part| part.split(",/"))
        {
            let address = candidate.split_whitespace().next().unwrap_or_default();
            links.push(if address.contains(':') || address.starts_with('/') {
                address.to_owned()
            } else {
                format!("/{address}")
            });
        }
        if name == "meta"
            && element.attr("http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh"))
        {
            let content = element.attr("content").unwrap_or_default();
            let to = content.split_once(';').map(|(_, to)| to.trim());
            let to = to.map(|to| if to.to_lowercase().starts_with("url=") { &to[4..] } else { to });
            links.extend(to.map(|to| to.trim_matches('\'').to_owned()));
        }
        if let Some(code) = element.attr("onclick") {
            links.extend(self.script.captures_iter(code).map(|found| found[1].to_owned()));
        }
        let style = if name == "style" {
            element.text().collect()
        } else {
            element.attr("style").unwrap_or_default().to_owned()
        };
        links.extend(self.urls_of(&style));
    }

    /// The addresses of a sheet, without what is no request.
    fn urls_of(&self, style: &str) -> Vec<String> {
        let urls = self.style.captures_iter(style).map(|found| found[1].to_owned());
        urls.filter(|url| !url.starts_with('#') && !url.starts_with("data:")).collect()
    }

    /// What is wrong with a link of page `i`, if anything: its address and the class.
    fn follow(&mut self, i: usize, base: &Url, written: &str) -> Option<(String, LinkClass)> {
        let encoding = self.site.pages[i].special.encoding();
        let url = Url::options()
            .base_url(Some(base))
            .encoding_override(Some(&|query| encoding.encode(query).0))
            .parse(written.trim());
        let Ok(mut url) = url else { return Some((written.trim().to_owned(), LinkClass::Malformed)) };
        if url.scheme() == "javascript" {
            let to = self.script.captures(url.as_str()).map(|found| found[1].to_owned())?;
            url = base.join(&to).unwrap();
        }
        match url.scheme() {
            "http" => {}
            "file" => return Some((url.into(), LinkClass::LocalAddress)),
            _ => return None,
        }
        let part = url.fragment().map(str::to_owned).filter(|part| !part.is_empty());
        let address = url.to_string();
        url.set_fragment(None);
        if url.path().starts_with("/internal/") {
            return None; // closed by robots.txt
        }
        let whole: String = url.clone().into();
        let class = match self.arrive(url) {
            Ok(page) => {
                let there = match (page, &part) {
                    (Some(page), Some(part)) => self.has(page, part),
                    _ => true,
                };
                return (!there).then_some((address, LinkClass::Fragment));
            }
            Err(class) => class?,
        };
        Some((whole, class))
    }

    /// Where an address ends: a page, something else that works, or a class; no class where nothing
    /// may be said.
    fn arrive(&self, mut url: Url) -> Result<Option<usize>, Option<LinkClass>> {
        for _ in 0..10 {
            let host = match url.host_str() {
                Some("127.0.0.1") => Host::Portal,
                Some("127.0.0.2") => Host::Other,
                _ => return Err(Some(LinkClass::Refused)),
            };
            let target =
                url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            let to = match self.site.answer(host, &target) {
                Reply::Page(page) => return Ok(Some(page)),
                Reply::NotFound => return Err(Some(LinkClass::NotFound)),
                Reply::Missing => return Err(Some(LinkClass::Soft404)),
                Reply::Redirect(_, to) => to,
                Reply::Special(Resource::Redirect(_, to)) => to.clone(),
                Reply::Special(Resource::Status(401 | 403 | 503)) => return Err(None),
                Reply::Special(Resource::Status(410)) => return Err(Some(LinkClass::Gone)),
                Reply::Special(Resource::Status(status @ 400..500)) => {
                    assert_eq!(*status, 400);
                    return Err(Some(LinkClass::ClientError));
                }
                Reply::Special(Resource::Status(_)) => return Err(Some(LinkClass::ServerError)),
                Reply::Special(Resource::Closed) => return Err(Some(LinkClass::Reset)),
                Reply::Special(Resource::PostOnly) => return Ok(None),
                Reply::Special(Resource::Query(query)) => {
                    return if url.query() == Some(query) {
                        Ok(None)
                    } else {
                        Err(Some(LinkClass::NotFound))
                    };
                }
                Reply::Special(Resource::File(_, bytes)) => {
                    return opened(url.path(), bytes).map(|()| None).map_err(Some);
                }
            };
            if to == "/error/404.html" {
                return Err(Some(LinkClass::Soft404));
            }
            if to.starts_with("/login.html") {
                return Err(None);
            }
            url = url.join(&to).unwrap();
        }
        Err(Some(LinkClass::RedirectLoop))
    }

    /// Whether a page has a place of this name.
    fn has(&mut self, page: usize, part: &str) -> bool {
        let part = part.split(":~:").next().unwrap_or_default();
        if part.is_empty() || part.starts_with(['/', '!']) || part.eq_ignore_ascii_case("top") {
            return true;
        }
        if !self.ids.contains_key(&page) {
            self.links(page);
        }
        let decoded = url::form_urlencoded::parse(format!("x={part}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned());
        self.ids[&page].contains(part) || decoded.is_some_and(|decoded| self.ids[&page].contains(&decoded))
    }
}

/// Whether a file is what its name says.
fn opened(path: &str, bytes: &[u8]) -> Result<(), LinkClass> {
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    let ending = path.rsplit('.').next().unwrap_or_default();
    let (magic, end): (&[u8], &[u8]) = match ending {
        "doc" | "xls" | "wps" => (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"R\0o\0o\0t\0"),
        "docx" | "xlsx" | "zip" | "ofd" => (b"PK\x03\x04", b"PK\x05\x06"),
        "pdf" => (b"%PDF-", b"%%EOF"),
        _ => (b"", b""),
    };
    match () {
        () if bytes.is_empty() => Err(LinkClass::Empty),
        () if !bytes.starts_with(magic) => Err(LinkClass::WrongType),
        () if !end.is_empty() && !has(end) => Err(LinkClass::Unreadable),
        () => Ok(()),
    }
}
