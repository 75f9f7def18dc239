//! A mail about one probe on one target: it is down, slow, full of dead links, or our script no
//! longer fits it.

use jiff::tz::TimeZone;

use crate::domain::incident::{Acknowledgement, Concern};
use crate::domain::language::Language;
use crate::domain::notice::{BrokenLinks, Notice, NoticeFacts, NoticeKind};

use super::clean;
use super::concern::{self, Mend};
use super::links;
use super::render::{Extras, Line, Picture, View, address, content_id, plain, room, share, small};
use super::wording::{self, Precision, Scene};

/// How many runs a mail names, the newest ones: whoever wants them all asks the agent.
const RUNS_NAMED: usize = 5;

/// A notice about one probe on one target.
struct Told<'a> {
    notice: &'a Notice,
    facts: &'a NoticeFacts,
}

impl std::ops::Deref for Told<'_> {
    type Target = Notice;

    fn deref(&self) -> &Notice {
        self.notice
    }
}

/// What the notice talks about, cleaned.
struct Words {
    site: String,
    journey: String,
    step: String,
}

impl Words {
    fn of(facts: &NoticeFacts, language: Language) -> Self {
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let site = or(clean::line(&facts.target_name, 80), facts.target.as_str());
        let journey = or(clean::line(&facts.probe_title, 80), facts.probe.as_str());
        let step = or(clean::line(&facts.step, 80), language.pick("首页", "home page"));
        Self { site: clean::line(&site, 80), journey: clean::line(&journey, 80), step }
    }

    /// What fails: the step, or the whole journey when that is slow.
    fn what(&self, concern: Concern) -> &str {
        if concern == Concern::Slow { &self.journey } else { &self.step }
    }

    /// Fact first. The stem, which names portal and step, is the same in the whole thread unless the
    /// room is short.
    fn subject(&self, notice: &Told<'_>, language: Language) -> String {
        let badge = concern::badge(notice.kind, notice.concern, language);
        let short = short(notice, language);
        let lasted = wording::brief_span(notice.facts.since, ended(notice), language);
        let resolved = notice.kind == NoticeKind::Resolved;
        let (before, after) = match (language, resolved) {
            (Language::Chinese, true) => {
                let word = if notice.concern == Concern::Outage { "中断" } else { "持续" };
                (format!("{badge}："), format!("，{word} {lasted}"))
            }
            (Language::Chinese, false) => (format!("{badge}："), short.clone()),
            (Language::English, true) => (format!("{badge} after {lasted}: "), String::new()),
            (Language::English, false) => (format!("{badge}: "), format!(" {short}")),
        };
        // What stands around the stem in a thread takes at most 5 + 16 characters of Chinese or 31 of
        // English, or the outcome's words.
        let (most, marks) = match language {
            Language::Chinese => (36, 2),
            Language::English => (30_usize.min(46_usize.saturating_sub(short.chars().count())), 5),
        };
        let room = most.min(room(&format!("{before}{after}"))).saturating_sub(marks);
        let (site, what) = share(&self.site, self.what(notice.concern), room);
        match language {
            Language::Chinese => format!("{before}{site}「{what}」{after}"),
            Language::English => format!("{before}{site} – \"{what}\"{after}"),
        }
    }
}

/// When the incident ended, or until when it is known to last.
fn ended(notice: &Told<'_>) -> jiff::Timestamp {
    match notice.kind {
        NoticeKind::Resolved => notice.facts.resolved_at.unwrap_or(notice.created_at),
        _ => notice.created_at,
    }
}

/// What the mail shows.
pub fn view(notice: &Notice, facts: &NoticeFacts, language: Language, extras: Extras<'_>) -> View {
    let notice = &Told { notice, facts };
    let words = &Words::of(facts, language);
    let Words { site, journey, step } = words;
    let resolved = notice.kind == NoticeKind::Resolved;
    let lasted = wording::span(facts.since, ended(notice), language);
    let scene = Scene { site, journey, step, walk: facts.position.1 > 1 };
    let short = short(notice, language);
    let what = words.what(notice.concern);
    let vantage = clean::line(&facts.vantage, 60);
    let mut view = View::new(notice, language);
    view.subject = words.subject(notice, language);
    view.headline = match (language, resolved) {
        (Language::Chinese, false) => format!("{site}「{what}」{short}"),
        (Language::Chinese, true) => format!("{site}「{what}」恢复正常"),
        (Language::English, false) => format!("{site} – \"{what}\" {short}"),
        (Language::English, true) => {
            let again = match notice.concern {
                Concern::Slow => "is fast again",
                Concern::ScriptRot => "fits again",
                _ => "works again",
            };
            format!("{site} – \"{what}\" {again}")
        }
    };
    view.lead = lead(notice, scene, &lasted, language) + concern::aside(notice.kind, language);
    rows(&mut view, notice, words, &lasted, language);
    view.picture = (extras.picture == Picture::Inline).then(|| content_id(notice));
    view.picture_alt = match (language, resolved, notice.concern) {
        (Language::Chinese, true, _) => format!("恢复后的页面截图：「{step}」"),
        (Language::English, true, _) => format!("Screenshot of the page now that \"{step}\" works"),
        (Language::Chinese, false, Concern::Outage) => format!("失败时的页面截图：「{step}」"),
        (Language::English, false, Concern::Outage) => {
            format!("Screenshot of the page when \"{step}\" failed")
        }
        (Language::Chinese, false, _) => format!("当时的页面截图：「{step}」"),
        (Language::English, false, _) => format!("Screenshot of the page at \"{step}\""),
    };
    view.no_picture = (extras.picture == Picture::Missing)
        .then(|| language.pick("截图未能随信附上。", "The screenshot could not be attached."));
    view.next = match notice.concern {
        Concern::Slow | Concern::ScriptRot | Concern::Links if !resolved => {
            let (probe, target) =
                (clean::line(facts.probe.as_str(), 64), clean::line(facts.target.as_str(), 64));
            concern::next(
                notice.concern,
                &Mend { probe: &probe, target: &target, vantage: &vantage },
                language,
            )
        }
        _ => wording::next(notice.kind, &vantage, language),
    };
    if !resolved && facts.acknowledged.is_none() {
        view.offer(notice, &vantage, extras, language);
    }
    view
}

/// The first sentence.
fn lead(notice: &Told<'_>, scene: Scene<'_>, lasted: &str, language: Language) -> String {
    let (kind, facts) = (notice.kind, notice.facts);
    match (notice.concern, &facts.links) {
        (Concern::Slow, _) => concern::lead_slow(kind, facts.slow, scene, lasted, language),
        (Concern::ScriptRot, _) => concern::lead_rot(kind, scene, lasted, language),
        (_, Some(links)) => links::lead(kind, links, scene, lasted, language),
        _ => wording::lead(kind, facts.outcome, scene, lasted, language),
    }
}

/// The facts, in the order in which people ask for them.
fn rows(view: &mut View, notice: &Told<'_>, words: &Words, lasted: &str, language: Language) {
    let facts = notice.facts;
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let full = |at| plain(wording::instant(at, &zone, Precision::Full, language));
    let resolved = notice.kind == NoticeKind::Resolved;
    let outage = notice.concern == Concern::Outage;
    let mut row = |chinese, english, lines: Vec<Line>| view.row(language.pick(chinese, english), lines);

    let began = match (resolved, outage) {
        (false, _) => "Since",
        (true, true) => "Went down",
        (true, false) => "Began",
    };
    row("开始时间", began, vec![full(facts.since)]);
    if resolved {
        row("恢复时间", if outage { "Came back" } else { "Ended" }, vec![full(ended(notice))]);
        row("持续", "Lasted", vec![plain(lasted.to_owned())]);
    }

    let (worked, total) = facts.position;
    let place = (total > 1 && !resolved).then(|| {
        let n = worked.saturating_add(1).min(total);
        match language {
            Language::Chinese => format!("（第 {n} 步，共 {total} 步）"),
            Language::English => format!(" (step {n} of {total})"),
        }
    });
    let step = match language {
        Language::Chinese => format!("「{}」", words.step),
        Language::English => format!("\"{}\"", words.step),
    };
    row("步骤", "Step", vec![plain(step + &place.unwrap_or_default())]);
    row("流程", "Journey", vec![plain(words.journey.clone())]);

    let region = facts.region.as_deref().map(|region| clean::line(region, 30)).filter(|r| !r.is_empty());
    let site = match (language, region) {
        (_, None) => words.site.clone(),
        (Language::Chinese, Some(region)) => format!("{}（{region}）", words.site),
        (Language::English, Some(region)) => format!("{} ({region})", words.site),
    };
    row("网站", "Portal", [plain(site)].into_iter().chain(address(&facts.entry)).collect());
    if facts.url != facts.entry {
        row("页面", "Page", address(&facts.url).into_iter().collect());
    }

    let mut said = facts.links.as_ref().map(|links| broken(links, language)).unwrap_or_default();
    if let Some(phrase) = facts.phrase.as_deref().map(|phrase| clean::line(phrase, 200)) {
        said.push(plain(match language {
            Language::Chinese => format!("「{phrase}」"),
            Language::English => format!("\"{phrase}\""),
        }));
    }
    // The entry page answers well; it is the links that do not.
    if let Some(status) = facts.status.filter(|_| facts.links.is_none()) {
        said.push(plain(match language {
            Language::Chinese => format!("HTTP 状态码 {status}"),
            Language::English => format!("HTTP status {status}"),
        }));
    }
    if resolved {
        // The page, its status and its picture are those of the good run; the outcome is the old one.
        let was = wording::capital(&short(notice, language));
        row("当时现象", "What it was", vec![plain(was)]);
        row("现在", "Now", said);
    } else {
        // With a phrase the page spoke; without one only its status did.
        let label = match (&facts.links, &facts.phrase) {
            (Some(_), _) => ("失效链接", "Broken links"),
            (None, Some(_)) => ("页面提示", "The page said"),
            (None, None) => ("网站回应", "The answer"),
        };
        if let Some(slow) = facts.slow {
            let (took, allowed) =
                (concern::seconds(slow.took_ms, language), concern::seconds(slow.allowed_ms, language));
            let text = match language {
                Language::Chinese => format!("{took}（允许 {allowed}）"),
                Language::English => format!("{took} ({allowed} allowed)"),
            };
            row("用时", "It took", vec![plain(text)]);
        }
        row(label.0, label.1, said);
    }

    let named = &facts.runs[facts.runs.len().saturating_sub(RUNS_NAMED)..];
    let in_all = facts.runs.len().max(facts.runs_in_all as usize);
    let mut runs =
        vec![plain(wording::confirmed(notice.kind, notice.concern, (in_all, named.len()), language))];
    for run in named {
        if let Some(at) = started(run.as_str()) {
            runs.push(plain(wording::instant(at, &zone, Precision::Listed, language)));
        }
        runs.push(small(clean::line(run.as_str(), 64)));
    }
    row("确认经过", "Evidence", runs);
    row("另外试过", "Also tried", sentences(&facts.tried));
    row("同时受影响", "Failing as well", sentences(&facts.with_it));
    if !resolved {
        row("确认时间", "Confirmed at", vec![full(facts.confirmed_at)]);
    }
    row("处理人", "Taken on by", acknowledged(facts.acknowledged.as_ref(), &zone, language));
    let held = facts.held_by.as_deref().map(|why| plain(clean::line(why, 200)));
    row("晚通知的原因", "Told late", held.into_iter().collect());
    row("探测点", "Seen from", vec![plain(clean::line(&facts.vantage, 60))]);
    if !resolved {
        // English in every mail, for whoever mends the portal: small, behind all that is for everybody.
        // Of broken links it would say once more what stands above.
        let error = facts.error.as_deref().filter(|_| facts.links.is_none());
        let error = error.map(|error| clean::line(error, 500));
        let error = error.filter(|error| !error.is_empty());
        let label = match notice.concern {
            Concern::ScriptRot => ("脚本找的是", "It looked for"),
            _ => ("技术细节", "Technical detail"),
        };
        row(label.0, label.1, error.map(small).into_iter().collect());
    }
    if notice.concern == Concern::ScriptRot {
        let scenario = facts.scenario.as_ref().map(|id| small(clean::line(id.as_str(), 80)));
        row("脚本", "Script", scenario.into_iter().collect());
    }
}

/// The outcome in a few words.
fn short(notice: &Told<'_>, language: Language) -> String {
    match (notice.concern, &notice.facts.links) {
        (Concern::Slow, _) => concern::short_slow(notice.facts.slow, language),
        (Concern::ScriptRot, _) => concern::short_rot(language).to_owned(),
        (_, Some(_)) => links::short(language).to_owned(),
        _ => wording::short(notice.facts.outcome, language).to_owned(),
    }
}

/// Sentences of our own, a line each.
fn sentences(texts: &[String]) -> Vec<Line> {
    texts.iter().map(|text| clean::line(text, 200)).filter(|text| !text.is_empty()).map(plain).collect()
}

/// Who takes care of it, since when, and what he says.
pub fn acknowledged(ack: Option<&Acknowledgement>, zone: &TimeZone, language: Language) -> Vec<Line> {
    let Some(ack) = ack else { return Vec::new() };
    let by = clean::line(&ack.by, 80);
    let at = wording::instant(ack.at, zone, Precision::Full, language);
    let mut lines = vec![plain(match language {
        Language::Chinese => format!("{by}，自 {at}"),
        Language::English => format!("{by}, since {at}"),
    })];
    let note = ack.note.as_deref().map(|note| clean::line(note, 300)).filter(|note| !note.is_empty());
    lines.extend(note.map(|note| {
        plain(match language {
            Language::Chinese => format!("「{note}」"),
            Language::English => format!("\"{note}\""),
        })
    }));
    lines
}

/// How many links are broken, and the first of them.
fn broken(links: &BrokenLinks, language: Language) -> Vec<Line> {
    let mut told = vec![plain(wording::capital(&links::tally(links, language)))];
    for link in &links.first {
        told.extend(address(&link.url).map(|mut line| {
            line.text.push_str(&links::what(link, language));
            line
        }));
    }
    told.extend(links::more(links, language).map(plain));
    told
}

/// When a run was made: its id says so.
fn started(run: &str) -> Option<jiff::Timestamp> {
    let (seconds, nanos) = uuid::Uuid::try_parse(run).ok()?.get_timestamp()?.to_unix();
    jiff::Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}
