//! Every rule of the order as a sentence, against the lexicons that are shipped.

use super::*;
use crate::domain::observation::{
    DialogFact, DownloadFact, MainResponse, RequestFact, RequestKind, StoppedRequest, Transport,
};

fn read(name: &str, text: &str) -> Lexicon {
    crate::plan::lexicon::parse(std::path::Path::new(name), text).unwrap()
}

fn chinese() -> Lexicon {
    read("zh-CN.toml", include_str!("../../../lexicon/zh-CN.toml"))
}

fn english() -> Lexicon {
    read("en.toml", include_str!("../../../lexicon/en.toml"))
}

/// Both files put together, as the agent uses them.
fn both() -> Lexicon {
    struct Nothing;
    impl crate::plan::Files for Nothing {
        fn read(&self, _: &std::path::Path) -> Result<String, crate::plan::FileFault> {
            Err(crate::plan::FileFault::NotFound(Vec::new()))
        }
        fn exists(&self, _: &std::path::Path) -> Result<(), crate::plan::FileFault> {
            Err(crate::plan::FileFault::NotFound(Vec::new()))
        }
    }
    crate::plan::lexicon::load(&Nothing).unwrap()
}

/// The furniture of a healthy portal: none of these words says anything.
const HEALTHY: &str = "您好，请登录 用户登录 个人登录 法人登录 首页 立即办理 在线办理 网上申请 全程网办 \
    扫码下载APP 联系电话 0755-40450250 友情链接";

fn page(status: u16) -> Facts {
    let url = "http://city.example/item?id=1".to_owned();
    Facts {
        main: Some(MainResponse { url: url.clone(), status, mime: "text/html".into(), firewall: None }),
        url,
        title: "某某市政务服务网".into(),
        ..Facts::default()
    }
}

fn no_answer(class: TransportClass) -> Facts {
    let transport = Some(Transport { class, detail: "net::ERR_SOMETHING".into() });
    Facts { url: "chrome-error://chromewebdata/".into(), transport, ..Facts::default() }
}

fn titled(title: &str) -> Facts {
    Facts { title: title.into(), ..page(200) }
}

fn spoken(kind: &str, text: &str) -> Facts {
    let dialog = DialogFact { kind: kind.into(), text: text.into(), accepted: true };
    Facts { dialogs: vec![dialog], ..page(200) }
}

fn downloaded() -> DownloadFact {
    DownloadFact {
        name: "a.pdf".into(),
        url: "http://city.example/a.pdf".into(),
        size: 10,
        kind: "unknown".into(),
        opens: false,
        sha256: String::new(),
    }
}

fn own_request(url: &str, status: Option<u16>) -> Facts {
    let request = RequestFact {
        method: "GET".into(),
        url: url.into(),
        status,
        error: None,
        kind: RequestKind::Xhr,
        third_party: false,
        ms: None,
    };
    Facts { failed_requests: vec![request], ..page(200) }
}

fn stopped(reason: StopReason) -> Facts {
    let stop = StoppedRequest {
        method: "POST".into(),
        url: "http://city.example/save".into(),
        fields: vec!["name".into()],
        reason,
    };
    Facts { stopped: vec![stop], ..page(200) }
}

/// One case: what is seen, and how the step ended.
struct Case {
    says: &'static str,
    facts: Facts,
    text: &'static str,
    failure: Option<Failure>,
    seen: Option<Outcome>,
    absent: Option<Outcome>,
    want: Outcome,
}

fn case(says: &'static str, facts: Facts, failure: impl Into<Option<Failure>>, want: Outcome) -> Case {
    Case { says, facts, text: HEALTHY, failure: failure.into(), seen: None, absent: None, want }
}

impl Case {
    fn text(mut self, text: &'static str) -> Self {
        self.text = text;
        self
    }
    fn seen(mut self, outcome: Outcome) -> Self {
        self.seen = Some(outcome);
        self
    }
    fn absent(mut self, outcome: Outcome) -> Self {
        self.absent = Some(outcome);
        self
    }
    fn run(&self, lexicon: &Lexicon) -> Classified {
        let fact = super::super::lexicon::fact("规则", "规则", PhrasePlace::Page);
        let look = Look {
            facts: &self.facts,
            text: self.text,
            failure: self.failure,
            seen: self.seen.map(|outcome| (outcome, fact)),
            absent: self.absent,
            live: true,
        };
        classify(&look, lexicon)
    }
}

/// Each case holds with the given lexicon, and with both files put together.
fn all_hold(cases: &[Case], lexicon: &Lexicon) {
    let both = both();
    for (case, lexicon) in cases.iter().flat_map(|case| [(case, lexicon), (case, &both)]) {
        let got = case.run(lexicon);
        assert_eq!(got.outcome, case.want, "{} — {:?} {}", case.says, got.phrase, got.why);
        assert!(got.why.ends_with('.'), "{}: {}", case.says, got.why);
    }
}

#[test]
fn our_own_faults_come_first() {
    use Failure::*;
    all_hold(
        &[
            case(
                "our browser died on a dead portal: ours",
                no_answer(TransportClass::Refused),
                OurFault,
                Outcome::ProbeFault,
            ),
            case("our guard refused", page(500), Refused, Outcome::BlockedByPolicy),
            case(
                "our guard stopped the navigation",
                no_answer(TransportClass::Policy),
                Navigation,
                Outcome::BlockedByPolicy,
            ),
            case("our network is down", no_answer(TransportClass::Ours), Navigation, Outcome::ProbeFault),
            case("a file to upload is missing", page(200), File, Outcome::ProbeFault),
            case("a proxy of ours wants a login", page(407), Navigation, Outcome::ProbeFault),
            case("a captive portal answered", page(511), NotFound, Outcome::ProbeFault),
        ],
        &chinese(),
    );
}

#[test]
fn transport_outranks_text() {
    use Failure::*;
    let maintenance = "系统正在维护";
    all_hold(
        &[
            case("no name", no_answer(TransportClass::Dns), Navigation, Outcome::Unreachable)
                .text(maintenance),
            case("nobody listens", no_answer(TransportClass::Refused), Navigation, Outcome::Unreachable),
            case("cut off", no_answer(TransportClass::Reset), Navigation, Outcome::Unreachable),
            case("no trust", no_answer(TransportClass::Tls), Navigation, Outcome::Unreachable),
            case("silence", no_answer(TransportClass::Timeout), Navigation, Outcome::Timeout),
            case("a circle", no_answer(TransportClass::RedirectLoop), Navigation, Outcome::Broken),
            case("something else", no_answer(TransportClass::Other), Navigation, Outcome::Broken),
            case(
                "a file instead of a page",
                no_answer(TransportClass::Download),
                Navigation,
                Outcome::Broken,
            ),
            case(
                "a dead link that was clicked, though nothing was expected",
                no_answer(TransportClass::Refused),
                None,
                Outcome::Unreachable,
            ),
            case(
                "a dead portal outranks the author's own rules",
                no_answer(TransportClass::Dns),
                NotFound,
                Outcome::Unreachable,
            )
            .seen(Outcome::GuideOnly)
            .absent(Outcome::NotInSearch),
            case("no answer and no reason", Facts::default(), Navigation, Outcome::Broken),
            case(
                "a page that tries to leave and works",
                Facts { transport: no_answer(TransportClass::Policy).transport, ..page(200) },
                None,
                Outcome::Done,
            ),
            case(
                "a navigation that another one overtook",
                Facts { transport: no_answer(TransportClass::Other).transport, ..page(200) },
                NotFound,
                Outcome::GuideOnly,
            )
            .absent(Outcome::GuideOnly),
            case(
                "a download that was wanted",
                Facts { downloads: vec![downloaded()], ..no_answer(TransportClass::Download) },
                None,
                Outcome::Done,
            ),
            case(
                "a download that was wanted and is no PDF",
                Facts { downloads: vec![downloaded()], ..page(200) },
                File,
                Outcome::Broken,
            ),
            case("a download that leads to an error page", page(404), File, Outcome::Broken),
        ],
        &chinese(),
    );
}

#[test]
fn the_status_of_the_page_is_part_of_the_transport() {
    use Failure::*;
    let statuses = [
        (400, Outcome::Broken),
        (401, Outcome::LoginWall),
        (403, Outcome::CaptchaWaf),
        (404, Outcome::Broken),
        (408, Outcome::Timeout),
        (410, Outcome::Broken),
        (412, Outcome::CaptchaWaf),
        (429, Outcome::CaptchaWaf),
        (451, Outcome::Broken),
        (500, Outcome::ServerError),
        (502, Outcome::ServerError),
        (503, Outcome::ServerError),
        (504, Outcome::ServerError),
    ];
    for (status, want) in statuses {
        for failure in [None, Some(NotFound), Some(Unmet), Some(Navigation)] {
            let case = case("status", page(status), failure, want).absent(Outcome::GuideOnly);
            let got = case.run(&chinese());
            assert_eq!(got.outcome, want, "{status} {failure:?}: {}", got.why);
            assert!(got.why.contains(&status.to_string()), "{}", got.why);
        }
    }
    all_hold(
        &[
            case("503 that announces maintenance", page(503), Navigation, Outcome::Maintenance)
                .text("系统正在维护，请稍候"),
            case("503 of a firewall", page(503), NotFound, Outcome::CaptchaWaf).text("您的请求已被拦截"),
            case(
                "503 that says so in its title",
                Facts { title: "系统升级中".into(), ..page(503) },
                NotFound,
                Outcome::Maintenance,
            )
            .text(""),
            case("a status outranks the step's own rule", page(404), NotFound, Outcome::Broken)
                .seen(Outcome::GuideOnly),
        ],
        &chinese(),
    );
}

#[test]
fn the_steps_own_rules_come_before_the_lexicon() {
    use Failure::*;
    all_hold(
        &[
            case("a rule fits though all went well", page(200), None, Outcome::MustGoToWindow)
                .seen(Outcome::MustGoToWindow),
            case("a rule outranks the words of the page", page(200), NotFound, Outcome::GuideOnly)
                .seen(Outcome::GuideOnly)
                .text("请先登录，系统正在维护"),
            case("a rule outranks a dialog", spoken("alert", "请到窗口办理"), Unmet, Outcome::AppOnly)
                .seen(Outcome::AppOnly),
            case("a rule outranks absent", page(200), NotFound, Outcome::AppOnly)
                .seen(Outcome::AppOnly)
                .absent(Outcome::GuideOnly),
            case("absent, on a healthy page", page(200), NotFound, Outcome::NotInSearch)
                .absent(Outcome::NotInSearch),
            case("absent outranks words about the item", page(200), NotFound, Outcome::GuideOnly)
                .absent(Outcome::GuideOnly)
                .text("窗口办理"),
            case(
                "absent is about elements that never came, not about others",
                page(200),
                NotReady,
                Outcome::ScriptRot,
            )
            .absent(Outcome::GuideOnly),
            case("nor about expectations", page(200), Unmet, Outcome::ScriptRot).absent(Outcome::GuideOnly),
            case("a page in maintenance is not the author's page", page(200), NotFound, Outcome::Maintenance)
                .absent(Outcome::GuideOnly)
                .text("系统正在维护"),
            case("nor is an error page", page(200), NotFound, Outcome::ServerError)
                .absent(Outcome::NotInSearch)
                .text("系统繁忙，请稍后再试"),
            case("nor a soft 404", page(200), NotFound, Outcome::Broken)
                .absent(Outcome::GuideOnly)
                .text("抱歉，您访问的页面不存在"),
            case("nor a captcha", page(200), NotFound, Outcome::CaptchaWaf)
                .absent(Outcome::NotInSearch)
                .text("访问过于频繁"),
            case("nor a demand to log in", page(200), NotFound, Outcome::LoginWall)
                .absent(Outcome::GuideOnly)
                .text("请先登录后再办理"),
            case("nor a login page by its title", titled("统一身份认证平台"), NotFound, Outcome::LoginWall)
                .absent(Outcome::GuideOnly),
            case("nor a session that is over", page(200), NotFound, Outcome::SessionExpired)
                .absent(Outcome::GuideOnly)
                .text("登录超时，请重新登录"),
            case("nor a face check", page(200), NotFound, Outcome::RealnameFace)
                .absent(Outcome::GuideOnly)
                .text("请进行人脸识别"),
        ],
        &chinese(),
    );
}

#[test]
fn dialogs_refuse() {
    use Failure::*;
    all_hold(
        &[
            case(
                "an alert refuses, though the expectation holds",
                spoken("alert", "请到窗口办理！"),
                None,
                Outcome::MustGoToWindow,
            ),
            case(
                "an alert refuses and the page is gone",
                spoken("alert", "您还未登录"),
                NotFound,
                Outcome::LoginWall,
            )
            .absent(Outcome::GuideOnly),
            case("good news is no refusal", spoken("alert", "短信验证码已发送"), None, Outcome::Done),
            case("an offer to apply is no refusal", spoken("alert", "全程网办"), None, Outcome::Done),
            case(
                "a question is no refusal when all went well",
                spoken("confirm", "您即将离开本站"),
                None,
                Outcome::Done,
            ),
            case(
                "a question that stopped the step",
                spoken("confirm", "您即将离开本站"),
                NotFound,
                Outcome::ExternalSystem,
            ),
            case(
                "leaving a page says nothing",
                spoken("beforeunload", "登录超时"),
                NotFound,
                Outcome::ScriptRot,
            ),
            case(
                "an alert about a code, when the step failed",
                spoken("alert", "请输入验证码"),
                Unmet,
                Outcome::CaptchaWaf,
            ),
        ],
        &chinese(),
    );
    let got = case("", spoken("alert", "对不起，个人账号无法办理此事项"), None, Outcome::AccountType)
        .run(&chinese());
    let phrase = got.phrase.unwrap();
    assert_eq!((phrase.place, phrase.phrase.as_str()), (PhrasePlace::Dialog, "个人账号无法办理此事项"));
    assert_eq!(phrase.context, "对不起，个人账号无法办理此事项");
}

#[test]
fn the_words_of_a_healthy_page_count_only_when_something_failed() {
    use Failure::*;
    all_hold(
        &[
            case("all went well on a page full of words", page(200), None, Outcome::Done)
                .text("系统正在维护 请先登录 窗口办理"),
            case("furniture says nothing", page(200), NotFound, Outcome::ScriptRot),
            case("nor does it when a field cannot be used", page(200), NotReady, Outcome::ScriptRot),
            case("words about the item", page(200), NotFound, Outcome::MustGoToWindow)
                .text("本事项请到窗口办理"),
            case("a mask that asks for a login", page(200), NotReady, Outcome::LoginWall).text("您还未登录"),
            case("a negation is struck", page(200), NotFound, Outcome::ScriptRot)
                .text("全程网办，无需到窗口办理"),
            case("an unmet expectation and a reason", page(200), Unmet, Outcome::NotInSearch)
                .text("没有找到相关结果"),
            case("a broken widget is not a broken page", page(200), NotFound, Outcome::AppOnly)
                .text("请打开微信扫一扫 二维码 加载失败"),
            case("a guide that tells of a face check later on", page(200), NotFound, Outcome::ScriptRot)
                .text("办理流程：登录并通过人脸识别，填报信息"),
            case("a form that finds fault with our data", page(200), Unmet, Outcome::ScriptRot)
                .text("格式不正确，请重新填写"),
            case(
                "what the page says is finer than its title",
                titled("用户登录"),
                NotFound,
                Outcome::AccountType,
            )
            .text("请登录法人账号，或者使用电子营业执照扫码登录"),
            case("a title alone", titled("人脸识别"), NotFound, Outcome::RealnameFace).text("请正对摄像头"),
            case("offers are no ending", page(200), NotFound, Outcome::ScriptRot).text("立即办理 免申即享"),
            case("a script that fits twice is ours", page(200), Ambiguous, Outcome::ScriptRot)
                .text("窗口办理"),
            case("unless the page is another one", page(200), Ambiguous, Outcome::Maintenance)
                .text("系统正在维护"),
            case("a page that never was ready", page(200), Loading, Outcome::Timeout).text("窗口办理"),
            case("half a page that says why", page(200), Loading, Outcome::Maintenance).text("系统升级中"),
            case("the journey took too long", page(200), DeadlineRun, Outcome::Timeout),
            case("nothing to read", page(200), NotFound, Outcome::ScriptRot).text(""),
        ],
        &chinese(),
    );
}

#[test]
fn a_healthy_frame_around_a_dead_service_is_a_server_error() {
    use Failure::*;
    all_hold(
        &[
            case(
                "its own service answers 502",
                own_request("http://city.example/api", Some(502)),
                NotFound,
                Outcome::ServerError,
            ),
            case(
                "statistics elsewhere do not count",
                own_request("http://count.example/p", Some(502)),
                NotFound,
                Outcome::ScriptRot,
            ),
            case(
                "nor does a missing picture",
                own_request("http://city.example/a.png", Some(404)),
                NotFound,
                Outcome::ScriptRot,
            ),
            case(
                "nor does it when the step worked",
                own_request("http://city.example/api", Some(500)),
                None,
                Outcome::Done,
            ),
            case(
                "the author's absent is stronger",
                own_request("http://city.example/api", Some(500)),
                NotFound,
                Outcome::GuideOnly,
            )
            .absent(Outcome::GuideOnly),
            case(
                "a form that our guard did not send",
                stopped(StopReason::Submission),
                Unmet,
                Outcome::BlockedByPolicy,
            ),
            case(
                "a stopped picture is no reason",
                stopped(StopReason::ForeignHost),
                Unmet,
                Outcome::ScriptRot,
            ),
            case(
                "a stopped form that nothing waited for",
                stopped(StopReason::Submission),
                None,
                Outcome::Done,
            ),
        ],
        &chinese(),
    );
}

#[test]
fn english_pages_are_read_as_well() {
    use Failure::*;
    let cases = [
        ("Sorry, there is a problem with the service. Try again later.", Outcome::ServerError),
        ("Your session has timed out. You need to sign in again.", Outcome::SessionExpired),
        ("Page not found", Outcome::Broken),
        ("You must sign in to use this service", Outcome::LoginWall),
        ("You cannot apply online. Visit your local office.", Outcome::MustGoToWindow),
        ("Print, sign and send the form", Outcome::MustMailPaper),
        ("There are no matching results.", Outcome::NotInSearch),
        ("The service is down for maintenance", Outcome::Maintenance),
        ("Home  Sign in  Register  Apply now  Cookies", Outcome::ScriptRot),
        ("You do not need to visit the counter.", Outcome::ScriptRot),
    ];
    for (text, want) in cases {
        let got = case(text, titled("City services"), NotFound, want).text(text).run(&english());
        assert_eq!(got.outcome, want, "{text}: {:?}", got.phrase);
    }
}

#[test]
fn the_shipped_lexicons_keep_their_own_rules() {
    for (name, lexicon) in [("zh-CN", chinese()), ("en", english()), ("both", both())] {
        let line = first_about_item(&lexicon);
        assert!(line > 5, "{name}: words about the page come first");
        let mut all: Vec<&String> = lexicon.entries.iter().flat_map(|e| &e.phrases).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        // Servers speak English everywhere: their words stand in both files.
        assert!(name == "both" || all.len() == count, "{name}: a phrase stands twice");
        // Every outcome of the method that has phrases is there.
        for outcome in Outcome::ALL.iter().filter(|o| {
            !matches!(
                o,
                Outcome::Done
                    | Outcome::Unreachable
                    | Outcome::ScriptRot
                    | Outcome::BlockedByPolicy
                    | Outcome::ProbeFault
                    | Outcome::NotReached
            )
        }) {
            assert!(lexicon.entries.iter().any(|e| e.outcome == *outcome), "{name}: no {outcome}");
        }
        // Each phrase, alone on a page, is told as what its entry says, unless a stronger one is
        // part of it.
        for entry in &lexicon.entries {
            for phrase in &entry.phrases {
                let found = super::super::lexicon::find(&lexicon, phrase, PhrasePlace::Page);
                let (outcome, fact) =
                    found.unwrap_or_else(|| panic!("{name}: `{phrase}` is struck by a negation"));
                let place = |o: Outcome| lexicon.entries.iter().position(|e| e.outcome == o);
                assert!(
                    place(outcome) <= place(entry.outcome),
                    "{name}: `{phrase}` reads as {outcome} by `{}`",
                    fact.phrase
                );
            }
        }
        // No negation can be read as an ending once it is struck.
        for negation in &lexicon.negations {
            let found = super::super::lexicon::find(&lexicon, negation, PhrasePlace::Page);
            assert_eq!(found, None, "{name}: `{negation}`");
        }
    }
}
