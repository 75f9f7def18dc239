//! Mails over a real socket: what arrives, and what happens when the server misbehaves.

use std::time::Duration;

use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::demo::sink::{Behaviour, Received, Sink, Trouble, summary};
use mystery_shopper::domain::incident::{Concern, Severity};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::notice::{Matter, Notice, NoticeFacts, NoticeKind, Outgoing};
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::mail::{Dialogue, Enclosed, MailSettings, Mailer, SendFailure};
use mystery_shopper::plan::model::{SmtpSecurity, SmtpServer};
use tokio::sync::mpsc::UnboundedReceiver;

#[path = "mail/protocol.rs"]
mod protocol;
#[path = "mail/tls.rs"]
mod tls;

/// A sink in a folder of its own.
struct World {
    sink: Sink,
    arrivals: UnboundedReceiver<Received>,
    folder: tempfile::TempDir,
}

impl World {
    async fn with(behaviour: Behaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sink, arrivals) = Sink::start(folder.path(), behaviour).await.unwrap();
        Self { sink, arrivals, folder }
    }

    fn mailer(&self, security: SmtpSecurity, language: Language) -> Mailer {
        Mailer::new(settings(self.sink.address().port(), security, language)).unwrap()
    }

    fn plain(&self) -> Mailer {
        self.mailer(SmtpSecurity::Plain, Language::Chinese)
    }

    async fn arrival(&mut self) -> Received {
        tokio::time::timeout(Duration::from_secs(10), self.arrivals.recv()).await.unwrap().unwrap()
    }

    fn heard(&self, verb: &str) -> bool {
        self.sink.commands().iter().any(|command| command.starts_with(verb))
    }
}

fn settings(port: u16, security: SmtpSecurity, language: Language) -> MailSettings {
    MailSettings {
        server: SmtpServer { security, host: "127.0.0.1".to_owned(), port, user: None },
        password: None,
        from: "神秘访客 <alerts@example.org>".to_owned(),
        language,
        timeout: Duration::from_secs(20),
    }
}

fn trouble(trouble: Trouble) -> Behaviour {
    Behaviour { trouble, ..Behaviour::default() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn outgoing(kind: NoticeKind) -> Outgoing {
    let first = kind == NoticeKind::Opened;
    Outgoing {
        id: 1,
        notice: Notice {
            id: "01a20185-ddc0-7000-8000-00000000000a".into(),
            incident: Some("01a20185-ddc0-7000-8000-0000000000ff".into()),
            kind,
            created_at: at("2026-11-22T04:31:20Z"),
            message_id: format!("<{}.1@example.org>", kind.name()),
            in_reply_to: (!first).then(|| "<opened.1@example.org>".to_owned()),
            concern: Concern::Outage,
            severity: Severity::Outage,
            matter: Matter::Facts(Box::new(NoticeFacts {
                target: "demo-city".into(),
                target_name: "示范市政务服务网".to_owned(),
                region: Some("西南".to_owned()),
                entry: "http://127.0.0.1:8600/".to_owned(),
                probe: "drug-licence".into(),
                probe_title: "药品经营许可证核发".to_owned(),
                step: "提交申请".to_owned(),
                position: (6, 7),
                outcome: Outcome::Unreachable,
                url: "http://127.0.0.1:8600/apply".to_owned(),
                status: None,
                error: Some("连接被拒绝。".to_owned()),
                phrase: None,
                links: None,
                since: at("2026-11-22T04:30:05Z"),
                confirmed_at: at("2026-11-22T04:31:18Z"),
                resolved_at: (kind == NoticeKind::Resolved).then(|| at("2026-11-22T04:42:30Z")),
                runs: vec!["01a20184-b8c8-7aaa-8aaa-aaaaaaaaaaaa".into()],
                runs_in_all: 0,
                screenshot: Some("ab".repeat(32).as_str().into()),
                vantage: "beijing-1".to_owned(),
                timezone: "Asia/Shanghai".to_owned(),
                slow: None,
                scenario: None,
                with_it: Vec::new(),
                tried: Vec::new(),
                acknowledged: None,
                held_by: None,
            })),
        },
        to: "oncall@example.org".into(),
        all: vec!["boss@example.org".into(), "oncall@example.org".into()],
        attempts: 0,
        next_try_at: at("2026-11-22T04:31:20Z"),
    }
}

/// Bytes that are no picture, but hard to carry: every value, line ends and dots among them.
fn picture() -> (Vec<u8>, String) {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
    bytes.extend_from_slice(b"\r\n.\r\n\n.\n");
    (bytes, "image/jpeg".to_owned())
}

fn pictured() -> Enclosed {
    Enclosed { screenshot: Some(picture()), acknowledge: None }
}

/// The To header of a message, as it is written.
fn shown_to(item: &Outgoing) -> String {
    let mailer = Mailer::new(settings(25, SmtpSecurity::Plain, Language::Chinese)).unwrap();
    let text = String::from_utf8(mailer.message(item, Enclosed::default()).unwrap()).unwrap();
    let start = text.find("\r\nTo: ").unwrap() + 2;
    let end = text[start..].find("\r\nAuto-Submitted: ").unwrap();
    text[start..start + end].to_owned()
}

#[test]
fn many_recipients_stand_on_lines_that_servers_take() {
    let mut item = outgoing(NoticeKind::Opened);
    item.all = (0..60).map(|n| format!("duty-officer-{n}@portal.example.org").as_str().into()).collect();
    let header = shown_to(&item);
    assert_eq!(header.matches('@').count(), 61, "{header}");
    assert!(header.lines().all(|line| line.len() <= 78), "{header}");
    let whole = header + "\r\n\r\n";
    let mail = MessageParser::default().parse(whole.as_bytes()).unwrap();
    assert_eq!(mail.to().unwrap().iter().count(), 61);
}

#[test]
fn one_address_that_is_not_ascii_keeps_no_mail_from_the_others() {
    let mut item = outgoing(NoticeKind::Opened);
    item.all = vec!["值班@example.org".into(), "boss@example.org".into(), "oncall@example.org".into()];
    assert_eq!(shown_to(&item), "To: boss@example.org,\r\n oncall@example.org");
    // Its own mail goes to a server that takes such addresses, or not at all.
    item.to = "值班@example.org".into();
    assert_eq!(shown_to(&item), "To: 值班@example.org,\r\n boss@example.org,\r\n oncall@example.org");
}

#[tokio::test]
async fn a_mail_arrives_whole() {
    let mut world = World::with(Behaviour::default()).await;
    let sent = world.plain().send(&outgoing(NoticeKind::Opened), pictured()).await.unwrap();
    assert!(sent.answer.contains("0001.eml"), "{sent:?}");
    let arrival = world.arrival().await;
    assert_eq!(arrival.from, "alerts@example.org");
    assert_eq!(arrival.to, ["oncall@example.org"], "the envelope names one recipient");
    assert_eq!(std::fs::read(&arrival.path).unwrap(), arrival.raw);

    assert!(arrival.raw.is_ascii());
    for line in arrival.raw.split_inclusive(|b| *b == b'\n') {
        assert!(line.ends_with(b"\r\n") && line.len() <= 200, "{:?}", String::from_utf8_lossy(line));
    }

    let mail = MessageParser::default().parse(&arrival.raw).unwrap();
    assert_eq!(mail.subject(), Some("故障：示范市政务服务网「提交申请」打不开"));
    assert_eq!(mail.message_id(), Some("opened.1@example.org"));
    assert_eq!(mail.date().unwrap().to_timestamp(), at("2026-11-22T04:31:20Z").as_second());
    let from = mail.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("神秘访客"), Some("alerts@example.org")));
    let to: Vec<_> = mail.to().unwrap().iter().filter_map(|to| to.address()).collect();
    assert_eq!(to, ["boss@example.org", "oncall@example.org"], "the header names all");
    let header = |name: &'static str| mail.header_raw(name).map(str::trim);
    assert_eq!(header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(header("X-Auto-Response-Suppress"), Some("All"));
    assert_eq!(header("List-Id"), Some("Mystery shopper <mystery-shopper.example.org>"));
    assert_eq!(header("In-Reply-To"), None);
    assert_eq!(header("References"), None);

    let text = mail.body_text(0).unwrap();
    let html = mail.body_html(0).unwrap();
    for body in [&text, &html] {
        for fact in
            ["网站完全没有回应", "2026年11月22日 12:30（北京时间，UTC+8）", "第 7 步，共 7 步", "beijing-1"]
        {
            assert!(body.contains(fact), "{fact}: {body}");
        }
    }
    let image = mail.parts.iter().find(|part| part.is_content_type("image", "jpeg")).unwrap();
    assert_eq!(image.contents(), picture().0);
    assert!(image.content_disposition().is_some_and(mail_parser::ContentType::is_inline));
    let id = image.content_id().unwrap();
    assert!(html.contains(&format!("src=\"cid:{id}\"")), "{id}");
    let kinds: Vec<_> = mail.parts.iter().filter_map(|part| part.content_type()?.subtype()).collect();
    assert_eq!(kinds, ["alternative", "plain", "related", "html", "jpeg"]);
    for part in mail.parts.iter().filter(|part| !part.is_multipart()) {
        let encoding = part.content_transfer_encoding().unwrap();
        assert!(matches!(encoding, "base64" | "quoted-printable"), "{encoding}");
    }
}

#[tokio::test]
async fn later_mails_join_the_thread_and_are_the_same_on_every_try() {
    let mut world = World::with(Behaviour::default()).await;
    let item = outgoing(NoticeKind::Resolved);
    for _ in 0..2 {
        world.plain().send(&item, Enclosed::default()).await.unwrap();
    }
    let (first, second) = (world.arrival().await, world.arrival().await);
    assert_eq!(String::from_utf8(first.raw.clone()), String::from_utf8(second.raw));
    let mail = MessageParser::default().parse(&first.raw).unwrap();
    assert_eq!(mail.subject(), Some("恢复：示范市政务服务网「提交申请」，中断 12 分钟"));
    assert_eq!(mail.in_reply_to().as_text(), Some("opened.1@example.org"));
    assert_eq!(mail.references().as_text(), Some("opened.1@example.org"));
    assert!(!mail.body_html(0).unwrap().contains("<img"));
    assert!(mail.body_text(0).unwrap().contains("截图未能随信附上"));
    assert!(first.path.ends_with("0001.eml") && second.path.ends_with("0002.eml"));
    let names = std::fs::read_dir(world.folder.path()).unwrap().count();
    assert_eq!(names, 2, "no unfinished file is left");
}

#[tokio::test]
async fn dots_at_line_starts_survive() {
    let mut world = World::with(Behaviour::default()).await;
    let mailer = world.mailer(SmtpSecurity::Plain, Language::English);
    for length in 200..290 {
        let mut item = outgoing(NoticeKind::Opened);
        let dots = ".".repeat(length);
        item.notice.facts_mut().unwrap().error = Some(dots.clone());
        mailer.send(&item, Enclosed::default()).await.unwrap();
        let arrival = world.arrival().await;
        let mail = MessageParser::default().parse(&arrival.raw).unwrap();
        assert!(
            mail.body_text(0).unwrap().contains(&format!("Technical detail: {dots}\r\n")),
            "{length} dots"
        );
        assert!(mail.body_html(0).unwrap().contains(&format!("{dots}<")), "{length} dots");
        let raw = String::from_utf8(arrival.raw).unwrap();
        assert!(raw.contains("\r\n."), "the case is there: a line begins with a dot");
    }
}

#[tokio::test]
async fn refusals_for_now_and_for_good() {
    let mut world = World::with(Behaviour { busy: 1, ..Behaviour::default() }).await;
    let mailer = world.plain();
    let item = outgoing(NoticeKind::Opened);
    let failure = mailer.send(&item, Enclosed::default()).await.unwrap_err();
    assert!(matches!(&failure, SendFailure::Retry(text) if text.contains("451")), "{failure:?}");
    mailer.send(&item, Enclosed::default()).await.unwrap();
    world.arrival().await;

    world.sink.behave(Behaviour { reject: vec!["oncall@example.org".to_owned()], ..Behaviour::default() });
    let failure = mailer.send(&item, Enclosed::default()).await.unwrap_err();
    let SendFailure::Refused(text) = &failure else { panic!("{failure:?}") };
    assert!(text.contains("answered 550 to the recipient") && text.contains("no such mailbox"), "{text}");
    let mut other = item;
    other.to = "boss@example.org".into();
    mailer.send(&other, Enclosed::default()).await.expect("other recipients are unaffected");
}

#[tokio::test]
async fn silence_and_broken_connections_are_worth_a_retry() {
    let world = World::with(trouble(Trouble::Tarpit)).await;
    let mut quick = settings(world.sink.address().port(), SmtpSecurity::Plain, Language::Chinese);
    quick.timeout = Duration::from_millis(300);
    let item = outgoing(NoticeKind::Opened);
    let stopwatch = Stopwatch::start();
    let failure = Mailer::new(quick).unwrap().send(&item, Enclosed::default()).await.unwrap_err();
    let SendFailure::Retry(text) = &failure else { panic!("{failure:?}") };
    assert!(text.contains("gave no answer on connecting within 0.3 s"), "{text}");
    assert!(stopwatch.elapsed() < Duration::from_secs(5), "{:?}", stopwatch.elapsed());

    let mailer = world.plain();
    world.sink.behave(trouble(Trouble::DropData));
    let failure = mailer.send(&item, pictured()).await.unwrap_err();
    assert!(matches!(&failure, SendFailure::Retry(text) if text.contains("to the content")), "{failure:?}");

    let gone = world.sink.address();
    world.sink.behave(trouble(Trouble::Refuse));
    while tokio::net::TcpStream::connect(gone).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let failure = mailer.send(&item, Enclosed::default()).await.unwrap_err();
    assert!(matches!(&failure, SendFailure::Retry(text) if text.contains("on connecting")), "{failure:?}");

    world.sink.behave(Behaviour::default());
    while tokio::net::TcpStream::connect(gone).await.is_err() {
        tokio::task::yield_now().await;
    }
    mailer.send(&item, Enclosed::default()).await.expect("the same mailer works once the server is back");
}

#[tokio::test]
async fn a_server_that_hangs_after_its_250_has_taken_the_mail() {
    let mut world = World::with(trouble(Trouble::HangOnQuit)).await;
    let (mailer, item) = (world.plain(), outgoing(NoticeKind::Opened));
    // On a task of its own, as the daemon does it: the future has to be `Send`.
    let sent =
        tokio::spawn(async move { mailer.send(&item, Enclosed::default()).await }).await.unwrap().unwrap();
    assert!(sent.answer.contains("kept as"), "{sent:?}");
    world.arrival().await;
}

#[tokio::test]
async fn without_starttls_nothing_is_said_in_clear() {
    for (security, login) in
        [(SmtpSecurity::StartTls, false), (SmtpSecurity::StartTls, true), (SmtpSecurity::Tls, false)]
    {
        let world = World::with(Behaviour::default()).await;
        let mut wary = settings(world.sink.address().port(), security, Language::Chinese);
        if login {
            wary.server.user = Some("alerts".to_owned());
            wary.password = Some("s3cret".to_owned());
        }
        let failure = Mailer::new(wary)
            .unwrap()
            .send(&outgoing(NoticeKind::Opened), Enclosed::default())
            .await
            .unwrap_err();
        assert!(matches!(&failure, SendFailure::Retry(_)), "{failure:?}");
        for verb in ["MAIL", "AUTH", "DATA"] {
            assert!(!world.heard(verb), "{security:?}: {:?}", world.sink.commands());
        }
    }
}

#[tokio::test]
async fn hostile_portals_cannot_write_our_mails() {
    let hostile = "x\r\nBcc: all@evil.example\r\n\r\n.\r\n<script>alert(1)</script>\u{1b}[31m\u{202e}gnp\0";
    let mut world = World::with(Behaviour::default()).await;
    let mut item = outgoing(NoticeKind::Opened);
    let facts = item.notice.facts_mut().unwrap();
    facts.target_name = hostile.to_owned();
    facts.step = hostile.to_owned();
    facts.probe_title = hostile.to_owned();
    facts.phrase = Some(hostile.to_owned());
    facts.error = Some(hostile.to_owned());
    facts.url = format!("javascript:alert('{hostile}')");
    let odd = (vec![1], "image/png\r\nBcc: a@b.example".to_owned());
    let enclosed = Enclosed { screenshot: Some(odd), acknowledge: None };
    world.plain().send(&item, enclosed).await.unwrap();
    let arrival = world.arrival().await;
    assert_eq!(arrival.to, ["oncall@example.org"]);
    let mail = MessageParser::default().parse(&arrival.raw).unwrap();
    assert!(mail.bcc().is_none());
    let subject = mail.subject().unwrap();
    assert!(subject.chars().count() < 60 && !subject.contains(char::is_control), "{subject:?}");
    let html = mail.body_html(0).unwrap();
    assert!(!html.contains("<script") && !html.contains("href=\"javascript"), "{html}");
    assert!(!html.contains(['\u{202e}', '\u{1b}', '\0']));
    let printed = summary(&arrival.raw);
    assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{printed:?}");
}

#[tokio::test]
async fn ids_and_addresses_that_break_lines_are_refused() {
    let world = World::with(Behaviour::default()).await;
    let mailer = world.plain();
    let mut cases = vec![];
    for to in ["a@b.example\r\nRCPT TO:<c@d.example>", "a@b.example>", "no address", "", "a b@c.example"] {
        let mut item = outgoing(NoticeKind::Opened);
        item.to = to.into();
        cases.push(item);
    }
    for id in ["<a@b>\r\nBcc: c@d.example", "no-brackets@b", "<>", "<a b@c>", "<a@b@c>"] {
        let mut item = outgoing(NoticeKind::Resolved);
        item.notice.message_id = id.to_owned();
        cases.push(item.clone());
        item.notice.message_id = "<fine@example.org>".to_owned();
        item.notice.in_reply_to = Some(id.to_owned());
        cases.push(item);
    }
    for item in cases {
        let failure = mailer.send(&item, Enclosed::default()).await.unwrap_err();
        assert!(matches!(failure, SendFailure::Refused(_)), "{failure:?} for {item:?}");
    }
    assert!(world.sink.commands().is_empty());
}

#[tokio::test]
async fn a_summary_for_the_terminal() {
    let mut world = World::with(Behaviour::default()).await;
    world.plain().send(&outgoing(NoticeKind::Opened), pictured()).await.unwrap();
    let printed = summary(&world.arrival().await.raw);
    let head = "From: 神秘访客 <alerts@example.org>\nTo: boss@example.org, oncall@example.org\n\
                Subject: 故障：示范市政务服务网「提交申请」打不开\n\n【故障】示范市政务服务网「提交申请」打不开\n";
    assert!(printed.starts_with(head), "{printed}");
    assert_eq!(summary(b""), "The mail could not be read.\n");
}

#[test]
fn a_mailer_needs_settings_that_fit() {
    let mut bad = settings(25, SmtpSecurity::Plain, Language::English);
    bad.from = "nobody".to_owned();
    assert!(Mailer::new(bad).unwrap_err().to_string().starts_with("use `nobody` as the sender"));
    let mut bad = settings(25, SmtpSecurity::Plain, Language::English);
    bad.server.user = Some("alerts".to_owned());
    assert!(Mailer::new(bad).unwrap_err().to_string().contains("without a password"));
    let mut bad = settings(25, SmtpSecurity::Plain, Language::English);
    bad.password = Some("s3cret".to_owned());
    let debug = format!("{bad:?}");
    assert!(!debug.contains("s3cret"), "{debug}");
    assert!(Mailer::new(bad).unwrap_err().to_string().contains("without a user name"));
    let mut secret = settings(465, SmtpSecurity::Tls, Language::English);
    secret.server.user = Some("alerts".to_owned());
    secret.password = Some("s3cret".to_owned());
    let debug = format!("{:?}", Mailer::new(secret).unwrap());
    assert!(!debug.contains("s3cret"), "{debug}");
    let good = Mailer::new(settings(25, SmtpSecurity::Plain, Language::English)).unwrap();
    assert_eq!(good.message_domain(), "example.org");
}

#[tokio::test]
async fn a_conversation_is_written_down() {
    let world =
        World::with(Behaviour { reject: vec!["boss@example.org".to_owned()], ..Behaviour::default() }).await;
    let mut item = outgoing(NoticeKind::Opened);
    let dialogue = Dialogue::default();
    world.plain().send_showing(&item, Enclosed::default(), &dialogue).await.unwrap();
    let lines = dialogue.lines();
    let said = |start: &str| lines.iter().any(|line| line.starts_with(start));
    for start in [
        "* connecting to 127.0.0.1:",
        "> EHLO ",
        "< sink.invalid",
        "> MAIL FROM:<alerts@example.org>",
        "< 250 2.1.0 ok",
        "> RCPT TO:<oncall@example.org>",
        "> DATA",
        "< 354 ",
        "< 250 2.0.0 ok: kept as 0001.eml",
        "> QUIT",
        "< 221 ",
    ] {
        assert!(said(start), "{start}: {lines:#?}");
    }

    item.to = "boss@example.org".into();
    let dialogue = Dialogue::default();
    world.plain().send_showing(&item, Enclosed::default(), &dialogue).await.unwrap_err();
    assert!(dialogue.lines().iter().any(|line| line.starts_with("< 550 ")), "{:#?}", dialogue.lines());
}

#[tokio::test]
async fn an_incident_can_be_acknowledged_from_its_mail() {
    let mut world = World::with(Behaviour::default()).await;
    let page: url::Url = "https://shopper.example.org/ack/token-1".parse().unwrap();
    for (kind, offered) in [(NoticeKind::Reminder, true), (NoticeKind::Resolved, false)] {
        let enclosed = Enclosed { screenshot: None, acknowledge: Some(page.clone()) };
        world.plain().send(&outgoing(kind), enclosed).await.unwrap();
        let raw = world.arrival().await.raw;
        let mail = MessageParser::default().parse(&raw).unwrap();
        let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
        assert_eq!(text.contains("由我来处理：https://shopper.example.org/ack/token-1"), offered, "{text}");
        assert_eq!(html.contains("href=\"https://shopper.example.org/ack/token-1\""), offered);
        assert_eq!(text.contains("shopper ack 01a20185-ddc0-7000-8000-0000000000ff"), offered, "{text}");
        assert!(html.len() < 102_000, "{}", html.len());
    }
}
