//! Doubtful visits, settled by a browser before anybody is accused.

use std::time::Duration;

use url::Url;

use crate::clock::Deadline;
use crate::crawl::{Eyes, Sight};
use crate::domain::visit::{SecondLook, VisitFailure};
use crate::judge::visit::Shown;
use crate::visit::{Seen, has_marker};

/// The least time for a look: a browser may have to start.
const LOOK: Duration = Duration::from_secs(30);

/// What a browser saw of a doubtful visit.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    /// What is kept.
    pub look: SecondLook,
    /// The visible text.
    pub text: String,
    firewall: Option<String>,
    marker_found: Option<bool>,
}

impl Settled {
    /// What the judge reads.
    pub fn shown(&self) -> Shown<'_> {
        Shown {
            look: &self.look,
            text: &self.text,
            firewall: self.firewall.as_deref(),
            marker_found: self.marker_found,
        }
    }
}

/// Opens the entry in a browser; `None` when none could be had. `failure` is what the request alone had
/// looked like, `marker` what the page has to hold.
pub(super) async fn settle(
    eyes: &dyn Eyes,
    seen: &Seen,
    failure: VisitFailure,
    marker: Option<&str>,
    within: Duration,
) -> Option<Settled> {
    let url = Url::parse(&seen.visit.url).ok()?;
    let sight = eyes.look(&url, Deadline::after(within.max(LOOK))).await?;
    let Sight { url, status, transport, title, text, html, challenges, firewall } = sight;
    let wanted = marker.map(str::to_owned);
    let (title, text, marker_found) = tokio::task::spawn_blocking(move || {
        let found = has_marker(wanted.as_deref(), &title, &text, &html);
        (title, text, found)
    })
    .await
    .ok()?;
    let look =
        SecondLook { instead_of: Some(failure), url: url.to_string(), status, title, transport, challenges };
    Some(Settled { look, text, firewall, marker_found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::Looking;
    use crate::domain::observation::Facts;
    use crate::domain::visit::Visit;

    /// Eyes that see what they are told, or nothing.
    struct Double(Option<Sight>);

    impl Eyes for Double {
        fn look<'a>(&'a self, url: &'a Url, deadline: Deadline) -> Looking<'a> {
            assert!(deadline.remaining() > Duration::from_secs(20), "a browser may have to start");
            let sight = self.0.clone().map(|sight| Sight { url: url.clone(), ..sight });
            Box::pin(async move { sight })
        }
    }

    fn seen() -> Seen {
        let visit = Visit { url: "http://portal.example.cn/".to_owned(), ..Visit::default() };
        Seen { visit, facts: Facts::default(), text: String::new() }
    }

    #[tokio::test]
    async fn what_a_browser_sees_is_kept_with_the_marker_looked_for() {
        let sight = Sight {
            url: Url::parse("about:blank").unwrap(),
            status: Some(200),
            transport: None,
            title: "市政务服务网".to_owned(),
            text: "办事指南".to_owned(),
            html: "<form id=search></form>".to_owned(),
            challenges: vec!["jsl".to_owned()],
            firewall: Some("server: CloudWAF".to_owned()),
        };
        let eyes = Double(Some(sight));
        for (marker, found) in [(None, None), (Some("css=#search"), Some(true)), (Some("下载"), Some(false))]
        {
            let within = Duration::from_secs(1);
            let settled = settle(&eyes, &seen(), VisitFailure::Waf, marker, within).await.unwrap();
            assert_eq!(settled.shown().marker_found, found, "{marker:?}");
            assert_eq!(settled.look.instead_of, Some(VisitFailure::Waf));
            assert_eq!(
                (settled.look.status, settled.look.url.as_str()),
                (Some(200), "http://portal.example.cn/")
            );
            assert_eq!(settled.shown().firewall, Some("server: CloudWAF"));
        }
    }

    #[tokio::test]
    async fn without_a_browser_nothing_is_seen() {
        let settled = settle(&Double(None), &seen(), VisitFailure::Tls, None, LOOK).await;
        assert!(settled.is_none());
    }
}
