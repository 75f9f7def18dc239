use super::*;
use crate::domain::observation::Transport;
use crate::domain::visit::{Certificate, Hop, Span, TlsFact};
use crate::plan::lexicon::built_in;

struct Case {
    visit: Visit,
    facts: Facts,
    text: String,
}

/// A page that came.
fn page(status: u16, title: &str, text: &str) -> Case {
    let content =
        Content { text: text.chars().count(), scripts: 2, pictures: 1, whole: true, ..Content::default() };
    let main = MainResponse { url: "http://a.cn/".into(), status, mime: "text/html".into(), firewall: None };
    Case {
        visit: Visit {
            status: Some(status),
            content: Some(content),
            bytes: 9,
            raw_bytes: 9,
            ..Visit::default()
        },
        facts: Facts { title: title.to_owned(), main: Some(main), ..Facts::default() },
        text: text.to_owned(),
    }
}

/// No answer of this class.
fn none(class: TransportClass) -> Case {
    let transport = Some(Transport { class, detail: "why".to_owned() });
    Case {
        visit: Visit { transport: transport.clone(), ..Visit::default() },
        facts: Facts { transport, ..Facts::default() },
        text: String::new(),
    }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn marked(self, found: bool) -> Self {
        self.with(|case| case.visit.marker_found = Some(found))
    }

    fn challenged(self, mark: &str) -> Self {
        self.with(|case| case.facts.challenges = vec![mark.to_owned()])
    }

    fn judged(&self) -> Judged {
        judge(&self.visited(), &built_in())
    }

    fn visited(&self) -> Visited<'_> {
        Visited {
            visit: &self.visit,
            facts: &self.facts,
            text: &self.text,
            live: true,
            marker: Some("办事指南"),
        }
    }
}

#[test]
fn every_class_has_its_facts() {
    use Outcome as O;
    use TransportClass as T;
    use VisitFailure as F;
    let long = "市政务服务网为企业和群众提供办事指南和在线办理服务。".repeat(20);
    let redirected = |case: Case| case.with(|case| case.visit.redirects = vec![("http://a.cn/".into(), 302)]);
    let behind = |header: &str, case: Case| {
        case.with(|case| {
            if let Some(main) = &mut case.facts.main {
                main.firewall = Some(header.to_owned());
            }
        })
    };
    let cases = vec![
        ("a healthy page", page(200, "市政务服务网", &long), None, O::Done),
        ("a name without address", none(T::Dns), Some(F::Dns), O::Unreachable),
        ("nobody listens", none(T::Refused), Some(F::Refused), O::Unreachable),
        ("cut short", none(T::Reset), Some(F::Reset), O::Unreachable),
        ("too slow", none(T::Timeout), Some(F::Timeout), O::Timeout),
        ("a bad certificate", none(T::Tls), Some(F::Tls), O::Unreachable),
        ("a circle", none(T::RedirectLoop), Some(F::RedirectLoop), O::Broken),
        ("an entry that we refuse", none(T::Policy), Some(F::Ours), O::BlockedByPolicy),
        (
            "a redirect that we refuse",
            redirected(none(T::Policy)),
            Some(F::RedirectPolicy),
            O::BlockedByPolicy,
        ),
        ("a file", none(T::Download), Some(F::Download), O::Broken),
        ("our network", none(T::Ours), Some(F::Ours), O::ProbeFault),
        ("no HTTP", none(T::Other), Some(F::Other), O::Broken),
        ("no end", none(T::Other).with(|case| case.visit.cut = true), Some(F::TooLarge), O::Broken),
        ("not found", page(404, "", "没有"), Some(F::Http), O::Broken),
        ("its own fault", page(500, "", ""), Some(F::Http), O::ServerError),
        ("overloaded", page(503, "", "Service Unavailable"), Some(F::Http), O::ServerError),
        ("a password", page(401, "", ""), Some(F::Http), O::LoginWall),
        ("our proxy", page(407, "", ""), Some(F::Ours), O::ProbeFault),
        ("forbidden", page(403, "", ""), Some(F::Waf), O::CaptchaWaf),
        ("a firewall's status", page(412, "", ""), Some(F::Waf), O::CaptchaWaf),
        ("too often", page(429, "", ""), Some(F::Waf), O::CaptchaWaf),
        ("503 of a firewall", behind("server: CloudWAF", page(503, "", "")), Some(F::Waf), O::CaptchaWaf),
        ("405 in a firewall's words", page(405, "", "您的访问被拦截"), Some(F::Waf), O::CaptchaWaf),
        ("a captcha with 403", page(403, "", "").challenged("geetest"), Some(F::Captcha), O::CaptchaWaf),
        ("a script first", page(200, "", "").challenged("jsl"), Some(F::Waf), O::CaptchaWaf),
        ("a script beside a page", page(200, "", &long).challenged("cloudflare"), None, O::Done),
        (
            "a script beside the marker",
            page(200, "", "办事指南").challenged("acw").marked(true),
            None,
            O::Done,
        ),
        ("a captcha alone", page(200, "", "").challenged("tencent-captcha"), Some(F::Captcha), O::CaptchaWaf),
        (
            "a login with a captcha",
            page(200, "登录", "用户名 密码").challenged("geetest").with(|case| {
                case.visit.content.as_mut().unwrap().fields = 3;
            }),
            None,
            O::Done,
        ),
        ("a captcha's words", page(200, "", "请按住滑块，拖到最右边"), Some(F::Captcha), O::CaptchaWaf),
        ("a soft 404", page(200, "", "抱歉，您访问的页面不存在。返回首页"), Some(F::Soft404), O::Broken),
        ("a soft 404 by its title", page(200, "404 Not Found", "nginx"), Some(F::Soft404), O::Broken),
        ("such words on a long page", page(200, "", &format!("{long}页面不存在怎么办")), None, O::Done),
        ("such words beside the marker", page(200, "", "页面不存在").marked(true), None, O::Done),
        ("no marker", page(200, "", &long).marked(false), Some(F::MarkerMissing), O::Broken),
        (
            "no marker, and why",
            page(200, "", "系统正在维护").marked(false),
            Some(F::MarkerMissing),
            O::Maintenance,
        ),
        (
            "nothing",
            page(200, "", "").with(|case| {
                case.visit.content = Some(Content { whole: true, ..Content::default() });
            }),
            Some(F::Empty),
            O::Broken,
        ),
        (
            "not a byte",
            page(200, "", "").with(|case| {
                case.visit.content = None;
                (case.visit.bytes, case.visit.raw_bytes) = (0, 0);
            }),
            Some(F::Empty),
            O::Broken,
        ),
        (
            "a page that goes on",
            page(200, "", "").with(|case| {
                case.visit.content = Some(Content { refresh: true, whole: true, ..Content::default() });
            }),
            None,
            O::Done,
        ),
        ("a picture as a page", page(200, "", "").with(|case| case.visit.content = None), None, O::Done),
    ];
    for (name, case, failure, outcome) in cases {
        let judged = case.judged();
        assert_eq!((judged.failure, judged.outcome), (failure, outcome), "{name}: {}", judged.why);
    }
}

fn certificate(faults: &[CertificateFault]) -> Box<Certificate> {
    Box::new(Certificate {
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_before: None,
        not_after: None,
        days_left: 1,
        key: String::new(),
        signature: String::new(),
        chain: 1,
        valid: false,
        faults: faults.to_vec(),
    })
}

#[test]
fn what_a_browser_may_see_otherwise_is_doubtful() {
    use CertificateFault as C;
    use VisitFailure as F;
    let hop = |certificate: Option<Box<Certificate>>, agreed: bool| {
        let mut hop = Hop { certificate, ..Hop::default() };
        hop.phases.tls = Some(Span::default());
        hop.tls = agreed.then(TlsFact::default);
        Visit { hops: vec![hop], ..Visit::default() }
    };
    let with = |scripts, text| Visit {
        content: Some(Content { text, scripts, ..Content::default() }),
        ..Visit::default()
    };
    let cases = [
        ("a chain with a gap", F::Tls, hop(Some(certificate(&[C::IncompleteChain])), false), true),
        ("a gap, and ended", F::Tls, hop(Some(certificate(&[C::Expired, C::IncompleteChain])), false), false),
        ("self-signed", F::Tls, hop(Some(certificate(&[C::SelfSigned])), false), false),
        ("no cipher in common", F::Tls, hop(None, false), true),
        ("reset in the handshake", F::Reset, hop(None, false), true),
        ("reset after it", F::Reset, hop(Some(certificate(&[])), true), false),
        ("reset without TLS", F::Reset, Visit { hops: vec![Hop::default()], ..Visit::default() }, false),
        ("a firewall", F::Waf, Visit::default(), true),
        ("a captcha", F::Captcha, Visit::default(), true),
        ("a shell that scripts fill", F::MarkerMissing, with(2, 10), true),
        ("a page that is there", F::MarkerMissing, with(2, 5000), false),
        ("a page without scripts", F::MarkerMissing, with(0, 10), false),
        ("not found", F::Http, Visit::default(), false),
    ];
    for (name, failure, visit, want) in cases {
        assert_eq!(is_doubtful(failure, &visit), want, "{name}");
    }
}

#[test]
fn a_browser_has_the_last_word() {
    use Outcome as O;
    use VisitFailure as F;
    let waf = page(412, "", "").challenged("ruishu");
    let tls = none(TransportClass::Tls);
    let shell = page(200, "门户", "").marked(false);
    let fine = SecondLook { status: Some(200), url: "http://a.cn/".into(), ..SecondLook::default() };
    let broken = |class| SecondLook {
        transport: Some(Transport { class, detail: "net::ERR_X".into() }),
        ..SecondLook::default()
    };
    let blocked = SecondLook { status: Some(403), ..fine.clone() };
    let bare = SecondLook { status: Some(412), ..broken(TransportClass::Other) };
    let checked = SecondLook { challenges: vec!["ruishu".into()], ..fine.clone() };
    let cases = [
        ("let in after the script", &waf, Some((&fine, "欢迎", None)), None, O::Done),
        ("kept out again", &waf, Some((&blocked, "", None)), Some(F::Waf), O::CaptchaWaf),
        ("kept out without a page", &waf, Some((&bare, "", None)), Some(F::Waf), O::CaptchaWaf),
        (
            "kept out by silence",
            &waf,
            Some((&broken(TransportClass::Reset), "", None)),
            Some(F::Waf),
            O::CaptchaWaf,
        ),
        ("still checking", &waf, Some((&checked, "", None)), Some(F::Waf), O::CaptchaWaf),
        ("nobody to look at a firewall", &waf, None, Some(F::Waf), O::CaptchaWaf),
        ("the gap was mended", &tls, Some((&fine, "欢迎", None)), None, O::Done),
        (
            "no browser takes it either",
            &tls,
            Some((&broken(TransportClass::Tls), "", None)),
            Some(F::Tls),
            O::Unreachable,
        ),
        (
            "our browser failed",
            &tls,
            Some((&broken(TransportClass::Ours), "", None)),
            Some(F::Tls),
            O::ProbeFault,
        ),
        ("nobody to look", &tls, None, Some(F::Tls), O::ProbeFault),
        ("written by scripts", &shell, Some((&fine, "办事指南", Some(true))), None, O::Done),
        (
            "not written by scripts either",
            &shell,
            Some((&fine, "欢迎", Some(false))),
            Some(F::MarkerMissing),
            O::Broken,
        ),
    ];
    for (name, case, look, failure, outcome) in cases {
        let shown = look.map(|(look, text, marker_found)| Shown { look, text, firewall: None, marker_found });
        let judged = again(&case.judged(), &case.visited(), shown.as_ref(), &built_in());
        assert_eq!((judged.failure, judged.outcome), (failure, outcome), "{name}: {}", judged.why);
    }
}
