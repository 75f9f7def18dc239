//! Names that do not resolve: whose fault that is.
//!
//! A machine without a working DNS looks, from where it stands, like a world in which every link to
//! another host is dead; its routing table need not show it.
//!
//! Invariant: pure. In doubt it is ours: a name is called dead only beside names that are not.

use std::collections::BTreeSet;

use url::{Host, Url};

use super::atlas::{Atlas, State, Verdict};
use super::walk::doubt;
use crate::domain::link::{DoubtClass, LinkClass};

/// So many names that do not resolve are no coincidence, unless many others do: a network without a
/// DNS of its own still knows its portal and a handful of machines.
const TOO_MANY: usize = 5;
/// How many of them may stand beside one that resolves, then.
const BESIDE_ONE: usize = 4;

/// What became of the names of a crawl.
#[derive(Debug, Default)]
struct Names {
    /// Names of others that did not resolve.
    dead: BTreeSet<String>,
    /// Names of others that did.
    alive: BTreeSet<String>,
    /// Whether the portal itself was found by a name.
    own: bool,
}

impl Names {
    /// Whether names that did not resolve are dead, as far as this crawl can tell.
    fn prove(&self) -> bool {
        let alive = self.alive.difference(&self.dead).count();
        if self.dead.len() < TOO_MANY { alive > 0 || self.own } else { self.dead.len() <= BESIDE_ONE * alive }
    }
}

/// Takes back what was said of names when hardly another one resolved.
pub(super) fn excuse(atlas: &mut Atlas, owns: impl Fn(&Url) -> bool) {
    if names(atlas, owns).prove() {
        return;
    }
    for link in atlas.links.values_mut() {
        if let State::Done(Verdict::Faulty { class: LinkClass::Dns, detail, .. }) = &link.state {
            let detail =
                format!("{detail} Hardly any other name does: it may be this machine that has no DNS.");
            link.state = State::Done(doubt(DoubtClass::Ours, None, &detail));
        }
    }
}

fn names(atlas: &Atlas, owns: impl Fn(&Url) -> bool) -> Names {
    let mut names = Names::default();
    for (address, link) in &atlas.links {
        let State::Done(verdict) = &link.state else { continue };
        let Some(url) = Url::parse(address).ok().filter(is_named) else { continue };
        let name = url.host_str().unwrap_or_default().to_owned();
        match verdict {
            Verdict::Faulty { class: LinkClass::Dns, .. } => drop(names.dead.insert(name)),
            // Nobody asked, or our own network did not let us.
            Verdict::Doubtful {
                class: DoubtClass::Ours | DoubtClass::LeftAlone | DoubtClass::Robots,
                ..
            } => {}
            _ if owns(&url) => names.own = true,
            _ => drop(names.alive.insert(name)),
        }
    }
    names
}

/// Whether somebody has to look the host's name up. This machine knows itself without.
fn is_named(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Domain(name)) if name != "localhost" && !name.ends_with(".localhost"))
}

#[cfg(test)]
mod tests {
    use super::super::atlas::{Placement, Use};
    use super::*;

    type Links<'a> = &'a [(&'a str, &'a str)];

    /// An atlas of addresses, each with what became of it: `dns`, `ok`, `404` or `ours`.
    fn atlas(links: Links<'_>) -> Atlas {
        let mut atlas = Atlas::default();
        let page = atlas.page("http://a.cn/", 0, false);
        for (address, became) in links {
            let at = Placement {
                address,
                fragment: None,
                used: Use::Page,
                element: "a",
                attribute: "href",
                line: 1,
                column: 1,
                text: "",
            };
            let no = atlas.place(page, &at, usize::MAX).unwrap().no;
            let faulty =
                |class, status| Verdict::Faulty { class, status, detail: "It does not resolve.".into() };
            atlas.links[no as usize].state = State::Done(match *became {
                "dns" => faulty(LinkClass::Dns, None),
                "404" => faulty(LinkClass::NotFound, Some(404)),
                "ours" => doubt(DoubtClass::Ours, None, "no route"),
                _ => Verdict::Fine,
            });
        }
        atlas
    }

    #[test]
    fn a_name_is_dead_only_beside_names_that_are_not() {
        let many: Vec<String> = (0..5).map(|n| format!("http://n{n}.cn/")).collect();
        let mut nobody: Vec<(&str, &str)> = many.iter().map(|url| (url.as_str(), "dns")).collect();
        nobody.push(("http://a.cn/", "ok"));
        let mut somebody = nobody.clone();
        somebody.push(("http://c.cn/gone", "404"));
        let mut others = somebody.clone();
        others.push(("http://d.cn/", "ok"));
        let cases: [(&str, Links<'_>, usize); 11] = [
            ("a portal at a number", &[("http://127.0.0.1/", "ok"), ("http://b.cn/", "dns")], 0),
            ("a portal on this machine", &[("http://localhost/", "ok"), ("http://b.cn/", "dns")], 0),
            ("a portal with a name", &[("http://a.cn/", "ok"), ("http://b.cn/", "dns")], 1),
            ("and nobody else", &nobody, 0),
            ("one of others, with a dead page", &somebody, 0),
            ("two of others", &others, 5),
            (
                "one beside one",
                &[("http://127.0.0.1/", "ok"), ("http://b.cn/", "dns"), ("http://c.cn/", "ok")],
                1,
            ),
            ("our own network", &[("http://c.cn/", "ours"), ("http://b.cn/", "dns")], 0),
            ("once found, once not", &[("http://b.cn/1", "ok"), ("http://b.cn/2", "dns")], 0),
            ("two dead ones", &[("http://b.cn/", "dns"), ("http://c.cn/", "dns")], 0),
            ("somebody at a number proves nothing", &[("http://8.8.8.8/", "ok"), ("http://b.cn/", "dns")], 0),
        ];
        for (name, links, want) in cases {
            let mut atlas = atlas(links);
            excuse(&mut atlas, |url| matches!(url.host_str(), Some("a.cn" | "127.0.0.1" | "localhost")));
            let dead = atlas.links.values().filter(|link| {
                matches!(link.state, State::Done(Verdict::Faulty { class: LinkClass::Dns, .. }))
            });
            assert_eq!(dead.count(), want, "{name}");
        }
    }
}
