//! What can be planted: the markup of one link and what stands behind it.

use mystery_shopper::domain::link::LinkClass;

use super::words::{SIMPLIFIED, TRADITIONAL, Words};

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A file with these bytes, of the type that is named.
    File(&'static str, Vec<u8>),
    /// Only this status.
    Status(u16),
    /// A redirect with this status to this address.
    Redirect(u16, String),
    /// A page for this query and no other.
    Query(String),
    /// 200 to a POST, 405 to everything else.
    PostOnly,
    /// The connection ends before the answer does.
    Closed,
}

/// On which pages an item may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    /// Ordinary ones.
    Plain,
    /// Those in GBK that say so.
    Gbk,
    /// Those in GBK or GB18030 that do not say so.
    Undeclared,
    /// Those in GB18030 that say so.
    Gb18030,
    /// Those in Big5.
    Big5,
    /// Those with a `<base>`.
    Base,
    /// The page that only the sitemap names.
    Orphan,
    /// Every page of the channel [`super::CHANNELS`]`[2]`.
    Channel,
    /// Every page.
    Everywhere,
}

/// Where in a page an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In its head.
    Head,
    /// In its article.
    Article,
}

/// A fault, as far as its markup tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The class that it must be given.
    pub class: LinkClass,
    /// The element that carries it; empty when it stands in a sheet.
    pub element: &'static str,
    /// The attribute; `url()` for the text of sheets.
    pub attribute: &'static str,
    /// The words of the link; empty when it has none that a reader sees.
    pub text: String,
    /// The sheet in which it stands, when that is no page.
    pub sheet: Option<String>,
}

/// A piece of markup with a link in it, broken or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The name of its kind.
    pub kind: &'static str,
    /// Where it stands in a page.
    pub place: Place,
    /// Its markup.
    pub html: String,
    /// Where in the markup the element in question begins.
    pub at: usize,
    /// How many links it holds.
    pub links: usize,
    /// Where the link in question leads, when there is one.
    pub url: String,
    /// The fault, when it is one.
    pub fault: Option<Fault>,
    /// What has to stand somewhere for it: addresses as in [`super::Site::resources`].
    pub resources: Vec<(String, Resource)>,
}

/// Where an item is about to be planted.
pub struct Spot<'a> {
    /// `http://` and the host of the site.
    pub site: &'a str,
    /// The same of the other host.
    pub other: &'a str,
    /// The same of a host where nobody listens.
    pub dead: &'a str,
    /// The path of the page, as it is written in an address.
    pub page: &'a str,
    /// A path to a healthy page that the page knows already.
    pub near: &'a str,
    /// Makes titles different.
    pub number: usize,
    /// Whether the page is written in traditional characters.
    pub traditional: bool,
}

impl Spot<'_> {
    fn words(&self) -> &'static Words {
        if self.traditional { &TRADITIONAL } else { &SIMPLIFIED }
    }

    /// Words for a link.
    pub fn title(&self) -> String {
        self.words().title(self.number)
    }

    /// An address on the site as it is reported: resolved against the page.
    pub fn resolve(&self, written: &str) -> String {
        let page = url::Url::parse(self.site).and_then(|site| site.join(self.page));
        page.and_then(|page| page.join(written)).map_or_else(|_| written.to_owned(), String::from)
    }

    /// A link of a citizen.
    pub fn anchor(&self, href: &str) -> Made {
        let text = self.title();
        Made::new(format!("<a href=\"{href}\">{text}</a>"), "a", "href", self.resolve(href)).text(text)
    }

    /// An element that loads something.
    pub fn loads(&self, html: &str, element: &'static str, attribute: &'static str, written: &str) -> Made {
        Made::new(html.replace("{}", written), element, attribute, self.resolve(written))
    }
}

/// An item in the making.
pub struct Made {
    html: String,
    element: &'static str,
    attribute: &'static str,
    url: String,
    text: String,
    links: usize,
    place: Place,
    sheet: Option<String>,
    resources: Vec<(String, Resource)>,
}

impl Made {
    /// Markup in which `§` stands before the element, unless that is where it begins.
    pub fn new(html: impl Into<String>, element: &'static str, attribute: &'static str, url: String) -> Self {
        let (text, sheet, resources) = (String::new(), None, Vec::new());
        Self {
            html: html.into(),
            element,
            attribute,
            url,
            text,
            links: 1,
            place: Place::Article,
            sheet,
            resources,
        }
    }

    /// Markup that holds `links` healthy links, or none.
    pub fn healthy(html: impl Into<String>, links: usize) -> Self {
        Self::new(html, "", "", String::new()).links(links)
    }

    /// With these words.
    pub fn text(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    /// With so many links.
    pub fn links(self, links: usize) -> Self {
        Self { links, ..self }
    }

    /// In the page's head.
    pub fn head(self) -> Self {
        Self { place: Place::Head, ..self }
    }

    /// The fault stands in this sheet.
    pub fn sheet(self, sheet: impl Into<String>) -> Self {
        Self { sheet: Some(sheet.into()), ..self }
    }

    /// With something at a path of the site, or at a whole address of the other host.
    pub fn with(mut self, path: impl Into<String>, resource: Resource) -> Self {
        self.resources.push((path.into(), resource));
        self
    }

    /// Done.
    pub fn item(self, kind: &'static str, class: Option<LinkClass>) -> Item {
        let at = self.html.find('§').unwrap_or(0);
        let fault = class.map(|class| Fault {
            class,
            element: self.element,
            attribute: self.attribute,
            text: self.text,
            sheet: self.sheet,
        });
        let (html, resources) = (self.html.replacen('§', "", 1), self.resources);
        Item { kind, place: self.place, html, at, links: self.links, url: self.url, fault, resources }
    }
}

/// A kind of thing to plant.
pub struct Kind {
    /// Its name, in words.
    pub name: &'static str,
    /// The class of the fault; `None` for what is healthy or not to be judged.
    pub class: Option<LinkClass>,
    /// How many of them a site of full size has.
    pub count: usize,
    /// How many pages carry each.
    pub carriers: usize,
    /// On which pages they stand.
    pub on: On,
    /// Makes number `n` of them.
    pub make: fn(&Spot<'_>, usize) -> Made,
}

impl Kind {
    /// A fault that stands on one ordinary page.
    pub const fn fault(
        name: &'static str,
        class: LinkClass,
        count: usize,
        make: fn(&Spot<'_>, usize) -> Made,
    ) -> Self {
        Self { name, class: Some(class), count, carriers: 1, on: On::Plain, make }
    }

    /// Something on one ordinary page of which no fault may be reported.
    pub const fn trick(name: &'static str, count: usize, make: fn(&Spot<'_>, usize) -> Made) -> Self {
        Self { name, class: None, count, carriers: 1, on: On::Plain, make }
    }

    /// Elsewhere.
    pub const fn on(self, on: On) -> Self {
        Self { on, ..self }
    }

    /// On several pages.
    pub const fn carriers(self, carriers: usize) -> Self {
        Self { carriers, ..self }
    }
}
