//! `/ack/{token}`: an incident, and the button that takes it upon oneself.
//!
//! Invariant: GET changes nothing, however often mail scanners and browsers fetch it ahead. POST
//! wants what only the page has, the form token of this very link; sending it again changes nothing.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::{Card, Hall, Room};
use super::{STYLE, language};
use crate::domain::ids::IncidentId;
use crate::domain::incident::{Acknowledgement, Concern, Incident, Scope};
use crate::domain::language::Language;
use crate::domain::token::{self, Claim, Refused};
use crate::mail::say::{Precision, instant, line, short, span};

/// Letters of a name and of a note; forms say so, too.
const NAME: usize = 60;
const NOTE: usize = 500;

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Sent {
    form: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    note: String,
}

#[derive(Template)]
#[template(path = "web/pages/ack.html")]
struct Page {
    language: Language,
    style: &'static str,
    /// Chooses the colours: `open`, `taken`, `over`, `refused`.
    state: &'static str,
    badge: &'static str,
    title: String,
    sentences: Vec<String>,
    command: Option<String>,
    rows: Vec<(&'static str, String)>,
    form: Option<Fields>,
}

/// The words of the form.
struct Fields {
    token: String,
    name: &'static str,
    name_hint: &'static str,
    note: &'static str,
    note_hint: &'static str,
    button: &'static str,
    means: String,
}

/// Shows the incident.
pub(in crate::web) async fn look<R: Room>(
    State(hall): State<Hall<R>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (language, zone) = manner(&hall, &headers);
    match claimed(&hall, &token, language).await {
        Ok((claim, card, form)) => show(StatusCode::OK, &incident(&card, &claim, form, &zone, language)),
        Err(refused) => *refused,
    }
}

/// Takes the incident, and leads back to the page, which says who did it.
pub(in crate::web) async fn take<R: Room>(
    State(hall): State<Hall<R>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    let (language, _) = manner(&hall, &headers);
    let (claim, card) = match claimed(&hall, &token, language).await {
        Ok((claim, card, _)) => (claim, card),
        Err(refused) => return *refused,
    };
    let sent = match sent {
        Ok(Form(sent)) => sent,
        // Too long, or no form of ours.
        Err(rejection) => return (rejection.status(), "this is not the form of our page\n").into_response(),
    };
    if !hall.key.as_ref().is_some_and(|key| token::is_form(key, &token, &sent.form)) {
        let why = language.pick(
            "这份表单不是从本页面提交的。请从邮件里的链接重新打开页面，再按一次按钮。",
            "This form does not belong to this page. Open the link from the mail again and press the button there.",
        );
        return refuse(StatusCode::FORBIDDEN, why, Some(&claim.incident), language);
    }
    if card.incident.acknowledged.is_none() && card.incident.closed_at.is_none() {
        let note = Some(line(&sent.note, NOTE)).filter(|note| !note.is_empty());
        let by = match line(&sent.name, NAME) {
            name if name.is_empty() => claim.recipient.to_string(),
            name => format!("{name} ({})", claim.recipient),
        };
        let done = hall.room.acknowledge(claim.incident.clone(), by, note).await;
        if let Err(why) = done {
            return not_now(&why, &claim.incident, language);
        }
    }
    // Told from the page itself, so that it is right behind a proxy that moves our paths.
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("./{token}"))]).into_response()
}

fn manner<R: Room>(hall: &Hall<R>, headers: &HeaderMap) -> (Language, TimeZone) {
    let setting = hall.room.setting();
    let zone = TimeZone::get(&setting.timezone).unwrap_or(TimeZone::UTC);
    (language::of(headers, setting.language), zone)
}

/// What the link is good for, the incident, and the form token of its page; or the answer that says
/// why it is good for nothing.
async fn claimed<R: Room>(
    hall: &Hall<R>,
    token: &str,
    language: Language,
) -> Result<(Claim, Card, String), Box<Response>> {
    let Some(key) = &hall.key else {
        let why = "read the key with which links are signed; see the log";
        return Err(Box::new(not_now(why, &"ID".into(), language)));
    };
    let claim = token::open(key, token, hall.clock.now()).map_err(|refused| {
        Box::new(match refused {
            Refused::Altered => {
                let why = language.pick(
                    "这个链接不完整，或者不是本系统发出的。请从邮件里完整复制链接；也可以在服务器上用 shopper incidents 找到编号，再运行：",
                    "This link is incomplete, or none of ours. Copy the whole link from the mail; or find the incident with “shopper incidents” on the agent's machine, then run:",
                );
                refuse(StatusCode::FORBIDDEN, why, Some(&"ID".into()), language)
            }
            Refused::Expired { incident } => {
                let why = language.pick(
                    "这个链接已经过期：链接自发出起七天内有效。请在服务器上运行：",
                    "This link has expired: links are good for seven days. Run this on the agent's machine:",
                );
                refuse(StatusCode::GONE, why, Some(&incident), language)
            }
        })
    })?;
    match hall.room.incident(&claim.incident).await {
        Ok(Some(card)) => {
            let form = token::form(key, token);
            Ok((claim, card, form))
        }
        Ok(None) => {
            let why = language.pick(
                "记录里没有这起事件。它可能属于另一个数据目录；请在服务器上用 shopper incidents 查看。",
                "There is no such incident on record. It may belong to another data folder; look with “shopper incidents” on the agent's machine.",
            );
            Err(Box::new(refuse(StatusCode::NOT_FOUND, why, None, language)))
        }
        Err(why) => Err(Box::new(not_now(&why, &claim.incident, language))),
    }
}

fn show(status: StatusCode, page: &Page) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered; see the log\n")
                .into_response()
        }
    }
}

/// A page that says why nothing was done and what to do instead.
fn refuse(status: StatusCode, why: &str, incident: Option<&IncidentId>, language: Language) -> Response {
    let page = Page {
        language,
        style: STYLE,
        state: "refused",
        badge: language.pick("未确认", "Nothing was done"),
        title: language.pick("这个链接不能用", "This link cannot be used").to_owned(),
        sentences: vec![why.to_owned()],
        command: incident.map(|id| format!("shopper ack {id}")),
        rows: Vec::new(),
        form: None,
    };
    show(status, &page)
}

/// The store is in trouble: the link is good, and will be.
fn not_now(why: &str, incident: &IncidentId, language: Language) -> Response {
    tracing::error!(%incident, why, "an incident could not be shown or acknowledged");
    let sentence = match language {
        Language::Chinese => "现在无法读取或写入记录，原因见日志。请稍后再打开这个链接，或者在服务器上运行：",
        Language::English => {
            "The records cannot be read or written just now; the log says why. Open this link again later, or run this on the agent's machine:"
        }
    };
    refuse(StatusCode::SERVICE_UNAVAILABLE, sentence, Some(incident), language)
}

/// The page of an incident.
fn incident(card: &Card, claim: &Claim, form: String, zone: &TimeZone, language: Language) -> Page {
    let Card { incident, about, probe } = card;
    let at = |at| instant(at, zone, Precision::Full, language);
    let about = line(about, 80);
    let mut rows = Vec::new();
    let probe = line(probe, 80);
    if !probe.is_empty() {
        rows.push((language.pick("检查", "Check"), probe));
    }
    if incident.scope == Scope::Pair {
        let step = line(&incident.step, 80);
        let outcome = short(incident.outcome, language);
        rows.push((
            language.pick("步骤", "Step"),
            match language {
                Language::Chinese => format!("{step}（{outcome}）"),
                Language::English => format!("{step} ({outcome})"),
            },
        ));
    }
    rows.push((language.pick("开始", "Since"), at(incident.since)));
    let mut sentences = Vec::new();
    if let Some(closed) = incident.closed_at {
        rows.push((language.pick("恢复", "Over since"), at(closed)));
        let lasted = span(incident.since, closed, language);
        sentences.push(match language {
            Language::Chinese => format!("已经恢复，历时 {lasted}。不需要再确认。"),
            Language::English => format!("It is over; it lasted {lasted}. Nothing is left to acknowledge."),
        });
    }
    if let Some(Acknowledgement { at: when, by, note }) = &incident.acknowledged {
        let by = line(by, 200);
        rows.push((language.pick("确认人", "Acknowledged by"), by));
        rows.push((language.pick("确认时间", "Acknowledged at"), at(*when)));
        if let Some(note) = note {
            rows.push((language.pick("说明", "Note"), line(note, NOTE)));
        }
        if incident.closed_at.is_none() {
            sentences.push(
                language
                    .pick(
                        "已经有人处理：不再催办，恢复时仍会发信告知。",
                        "Somebody takes care of it: nobody is reminded any more, and everybody will hear when it is over.",
                    )
                    .to_owned(),
            );
        }
    }
    rows.push((language.pick("编号", "Id"), line(incident.id.as_str(), 64)));
    let (state, badge) = match (incident.closed_at, &incident.acknowledged) {
        (Some(_), _) => ("over", language.pick("已恢复", "Over")),
        (None, Some(_)) => ("taken", language.pick("已确认", "Acknowledged")),
        (None, None) => ("open", language.pick("待确认", "Open")),
    };
    let form = (state == "open").then(|| fields(form, &line(&claim.recipient.to_string(), 200), language));
    let wrong = concern(incident, language);
    let title = match language {
        Language::Chinese => format!("{about}：{wrong}"),
        Language::English => format!("{about}: {wrong}"),
    };
    Page { language, style: STYLE, state, badge, title, sentences, command: None, rows, form }
}

fn fields(token: String, recipient: &str, language: Language) -> Fields {
    Fields {
        token,
        name: language.pick("您的名字", "Your name"),
        name_hint: language.pick("（可不填）", "(optional)"),
        note: language.pick("说明", "Note"),
        note_hint: language.pick("（可不填，例如已联系谁）", "(optional: whom you have called, say)"),
        button: language.pick("我来处理", "I take care of it"),
        means: match language {
            Language::Chinese => {
                format!("按下按钮后，将以 {recipient} 的名义记为已确认，停止催办和升级；恢复时仍会发信告知。")
            }
            Language::English => format!(
                "Pressing it is recorded for {recipient}. Reminders and escalation stop; you will still hear when it is over."
            ),
        },
    }
}

/// What is wrong, as the end of a headline.
fn concern(incident: &Incident, language: Language) -> &'static str {
    match (&incident.scope, incident.concern) {
        (Scope::Wave { .. }, Concern::Outage) => language.pick("多个网站同时故障", "many sites fail at once"),
        (_, Concern::Outage) => language.pick("办理受阻", "citizens cannot get through"),
        (_, Concern::Slow) => language.pick("响应过慢", "too slow"),
        (_, Concern::Links) => language.pick("失效链接过多", "too many broken links"),
        (_, Concern::ScriptRot) => language.pick("脚本需要更新", "our script is out of date"),
        (_, Concern::Vantage) => language.pick("我方无法观测", "we cannot see"),
    }
}
