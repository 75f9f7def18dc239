//! 示范市's drug-business licence: six pages from the applicant to the receipt.
//!
//! Pages can only be filled in order; the server checks everything again that the browser checks,
//! and a page with a fault is shown again with the fault beside its field.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use askama::Template;
use axum::extract::{DefaultBodyLimit, Form, Multipart, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::city::City;
use super::page;
use super::pdf;
use super::portal::Visitor;
use super::session::Session;
use super::shifan::Shell;

/// The largest upload, in bytes.
pub(super) const LARGEST_FILE: usize = 2 * 1024 * 1024;
/// Three files, the frames around them, and a little more.
const LARGEST_BODY: usize = 3 * LARGEST_FILE + 64 * 1024;

/// The pages in order, with their titles.
const PAGES: [(&str, &str); 6] = [
    ("applicant", "申请人信息"),
    ("premises", "经营场所"),
    ("pharmacist", "执业药师"),
    ("materials", "上传材料"),
    ("review", "核对确认"),
    ("receipt", "受理回执"),
];

/// What a field accepts.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Any text that is not empty.
    Text,
    /// 18 capitals or digits.
    CreditCode,
    /// 17 digits and a digit or X. The checksum is deliberately not asked for.
    IdNumber,
    /// A landline: area code, hyphen, number.
    Phone,
    /// A whole number between two bounds.
    Number(u32, u32),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// At least one of these.
    SomeOf(&'static [&'static str]),
}

/// The fields of the three text pages: page, name, label, rule.
const FIELDS: &[(&str, &str, &str, Rule)] = &[
    ("applicant", "company", "企业名称", Rule::Text),
    ("applicant", "credit_code", "统一社会信用代码", Rule::CreditCode),
    ("applicant", "legal_person", "法定代表人", Rule::Text),
    ("applicant", "id_number", "证件号码", Rule::IdNumber),
    ("applicant", "phone", "联系电话", Rule::Phone),
    ("applicant", "kind", "申请类型", Rule::OneOf(&["首次申请", "延续申请", "重新申请"])),
    ("premises", "address", "经营场所地址", Rule::Text),
    ("premises", "area", "建筑面积", Rule::Number(20, 100_000)),
    ("premises", "tenure", "场所权属", Rule::OneOf(&["自有", "租赁"])),
    ("premises", "mode", "经营方式", Rule::OneOf(&["零售（单体）", "零售（连锁门店）"])),
    ("premises", "scope", "经营范围", Rule::SomeOf(&["中成药", "化学药制剂", "中药饮片", "生物制品"])),
    ("pharmacist", "pharmacist", "执业药师姓名", Rule::Text),
    ("pharmacist", "certificate", "注册证编号", Rule::Text),
    ("pharmacist", "category", "执业类别", Rule::OneOf(&["药学", "中药学", "药学与中药学"])),
    ("pharmacist", "years", "从业年限", Rule::Number(0, 60)),
    ("pharmacist", "on_duty", "在职在岗承诺", Rule::OneOf(&["是"])),
];

/// The uploads: name and label.
const FILES: [(&str, &str); 3] = [
    ("licence_file", "营业执照"),
    ("plan_file", "经营场所平面布局图"),
    ("certificate_file", "执业药师注册证"),
];

pub(super) fn routes() -> Router {
    Router::new()
        .route("/apply/drug-licence/{page}", get(show).post(fill))
        .route(
            "/apply/drug-licence/materials",
            get(async |visitor| show(visitor, Path("materials".to_owned())).await)
                .post(upload)
                .layer(DefaultBodyLimit::max(LARGEST_BODY)),
        )
        .route("/apply/drug-licence/submit", post(submit))
        .route("/apply/drug-licence/licence.pdf", get(licence))
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/form.html")]
struct FormPage {
    shell: Shell,
    page: &'static str,
    title: &'static str,
    index: usize,
    session: Session,
    faults: BTreeMap<&'static str, &'static str>,
    review: Vec<(&'static str, String)>,
    received_on: String,
}

impl FormPage {
    fn new(visitor: &Visitor, index: usize) -> Self {
        let session = visitor.session();
        let (page, title) = PAGES[index.min(PAGES.len() - 1)];
        let review = FIELDS
            .iter()
            .map(|(_, name, label, _)| (*label, session.get(name).to_owned()))
            .chain(FILES.iter().map(|(name, label)| (*label, session.get(name).to_owned())))
            .collect();
        let received_on = session.received_at.map(day).unwrap_or_default();
        let shell = Shell::of(visitor, "company");
        Self { shell, page, title, index, session, faults: BTreeMap::new(), review, received_on }
    }

    /// The pages with their number and state: done, on, open.
    fn progress(&self) -> Vec<(usize, &'static str, &'static str)> {
        PAGES
            .iter()
            .enumerate()
            .map(|(i, (_, title))| {
                let state = match i.cmp(&self.index) {
                    std::cmp::Ordering::Less => "done",
                    std::cmp::Ordering::Equal => "on",
                    std::cmp::Ordering::Greater => "open",
                };
                (i + 1, *title, state)
            })
            .collect()
    }

    /// What was filled in, ready for an attribute.
    fn value(&self, name: &str) -> &str {
        self.session.get(name)
    }

    /// Whether this option is the one that was chosen, among several or alone.
    fn chosen(&self, name: &str, option: &str) -> bool {
        self.session.get(name).split('、').any(|value| value == option)
    }

    /// What is wrong with a field; empty when nothing is.
    fn fault(&self, name: &str) -> &'static str {
        self.faults.get(name).copied().unwrap_or("")
    }

    /// The name of the button that leads on.
    fn next(&self) -> &'static str {
        if self.shell.redesign { "保存并继续" } else { "下一步" }
    }

    /// The address of the page before this one.
    fn previous(&self) -> String {
        format!("/apply/drug-licence/{}", PAGES[self.index.saturating_sub(1)].0)
    }
}

/// The day in China on which something happened.
fn day(at: jiff::Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y年%m月%d日").to_string()
}

fn index_of(page: &str) -> Option<usize> {
    PAGES.iter().position(|(name, _)| *name == page)
}

fn path_of(index: usize) -> String {
    format!("/apply/drug-licence/{}", PAGES[index.min(PAGES.len() - 1)].0)
}

async fn show(Extension(visitor): Extension<Visitor>, Path(name): Path<String>) -> Response {
    let Some(index) = index_of(&name) else {
        return page::not_found(City::Shifan);
    };
    let session = visitor.session();
    let reached = if session.receipt.is_some() { 5 } else { usize::from(session.pages_done).min(4) };
    if index > reached {
        return page::see_other(&path_of(reached));
    }
    page::html(&FormPage::new(&visitor, index))
}

async fn fill(
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let Some(index) = index_of(&name).filter(|index| *index < 3) else {
        return page::not_found(City::Shifan);
    };
    let faults = visitor.change(|session| {
        let mut faults = BTreeMap::new();
        for (_, name, _, rule) in FIELDS.iter().filter(|(page, ..)| *page == PAGES[index].0) {
            let values: Vec<&str> = pairs
                .iter()
                .filter(|(n, v)| n == name && !v.trim().is_empty())
                .map(|(_, v)| v.trim())
                .collect();
            session.put(name, &values.join("、"));
            if let Err(fault) = rule.check(&values) {
                faults.insert(*name, fault);
            }
        }
        if faults.is_empty() && usize::from(session.pages_done) >= index {
            session.pages_done = session.pages_done.max(u8::try_from(index + 1).unwrap_or(u8::MAX));
        }
        faults
    });
    answer(&visitor, index, faults)
}

/// The next page, or this one again with its faults.
fn answer(visitor: &Visitor, index: usize, faults: BTreeMap<&'static str, &'static str>) -> Response {
    if faults.is_empty() {
        let reached = usize::from(visitor.session().pages_done);
        return page::see_other(&path_of((index + 1).min(reached)));
    }
    let again = FormPage { faults, ..FormPage::new(visitor, index) };
    page::with_status(StatusCode::UNPROCESSABLE_ENTITY, page::html(&again))
}

async fn upload(Extension(visitor): Extension<Visitor>, mut multipart: Multipart) -> Response {
    let mut seen: BTreeMap<&'static str, Result<String, &'static str>> = BTreeMap::new();
    loop {
        let field = match multipart.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) => return error.into_response(),
        };
        let Some((name, _)) = FILES.iter().find(|(name, _)| field.name() == Some(name)) else {
            continue;
        };
        let file_name = field.file_name().unwrap_or_default().to_owned();
        match field.bytes().await {
            Ok(bytes) => seen.insert(name, look_at(&file_name, &bytes)),
            Err(error) => return error.into_response(),
        };
    }
    let faults = visitor.change(|session| {
        let mut faults = BTreeMap::new();
        for (name, _) in FILES {
            match seen.get(name) {
                Some(Ok(file)) => session.put(name, file),
                Some(Err(fault)) => {
                    faults.insert(name, *fault);
                }
                None => {
                    faults.insert(name, "请上传文件");
                }
            }
        }
        if faults.is_empty() && session.pages_done >= 3 {
            session.pages_done = session.pages_done.max(4);
        }
        faults
    });
    answer(&visitor, 3, faults)
}

/// Looks at a file: name and size are kept, the bytes are dropped.
fn look_at(name: &str, bytes: &[u8]) -> Result<String, &'static str> {
    const KINDS: [&[u8]; 3] = [b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"];
    if bytes.is_empty() {
        return Err("请上传文件");
    }
    if bytes.len() > LARGEST_FILE {
        return Err("文件超过 2 MB，请压缩后重新上传");
    }
    if !KINDS.iter().any(|magic| bytes.starts_with(magic)) {
        return Err("文件格式不正确，请上传 PDF、PNG 或 JPG 文件");
    }
    // Some browsers send the whole path; only the last part is anybody's business.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    Ok(format!("{name}（{} KB）", bytes.len().div_ceil(1024)))
}

async fn submit(
    Extension(visitor): Extension<Visitor>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let session = visitor.session();
    if session.receipt.is_some() {
        return page::see_other(&path_of(5));
    }
    let reached = usize::from(session.pages_done);
    if reached < 4 {
        return page::see_other(&path_of(reached));
    }
    if !pairs.iter().any(|(name, value)| name == "promise" && !value.is_empty()) {
        return answer(&visitor, 4, BTreeMap::from([("promise", "请阅读并勾选承诺")]));
    }
    let now = visitor.state.now();
    let zoned = now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
    let number = format!("SF{}{:06}", zoned.strftime("%Y%m%d"), visitor.state.next_receipt());
    visitor.change(|session| {
        session.receipt = Some(number);
        session.received_at = Some(now);
        session.pages_done = 5;
    });
    page::see_other(&path_of(5))
}

/// The electronic licence, for the session that handed in the form.
async fn licence(Extension(visitor): Extension<Visitor>) -> Response {
    let session = visitor.session();
    let (Some(number), Some(at)) = (&session.receipt, session.received_at) else {
        return page::not_found(City::Shifan);
    };
    let mut lines = String::new();
    for (label, name) in [
        ("企业名称", "company"),
        ("统一社会信用代码", "credit_code"),
        ("法定代表人", "legal_person"),
        ("经营场所", "address"),
        ("经营方式", "mode"),
        ("经营范围", "scope"),
        ("质量负责人", "pharmacist"),
    ] {
        let _ = writeln!(lines, "{label}：{}", session.get(name));
    }
    let _ = write!(lines, "证照编号：演示{number}\n发证机关：示范市市场监督管理局\n发证日期：{}", day(at));
    let bytes = pdf::document("药品经营许可证", &lines, "演示样张 不具有法律效力");
    let name = format!("attachment; filename=\"{number}.pdf\"");
    ([(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)], bytes)
        .into_response()
}

impl Rule {
    fn check(self, values: &[&str]) -> Result<(), &'static str> {
        let Some(first) = values.first() else {
            return Err("此项为必填项");
        };
        let digits = |text: &str, least: usize, most: usize| {
            (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        let fine = match self {
            Self::Text => return Ok(()),
            Self::CreditCode => {
                first.len() == 18 && first.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
            }
            Self::IdNumber => {
                first.len() == 18
                    && first.is_ascii()
                    && digits(&first[..17], 17, 17)
                    && first.ends_with(|c: char| c.is_ascii_digit() || c == 'X')
            }
            Self::Phone => first.split_once('-').is_some_and(|(area, number)| {
                area.starts_with('0') && digits(area, 3, 4) && digits(number, 7, 8)
            }),
            Self::Number(least, most) => first.parse::<u32>().is_ok_and(|n| (least..=most).contains(&n)),
            Self::OneOf(options) => values.len() == 1 && options.contains(first),
            Self::SomeOf(options) => values.iter().all(|value| options.contains(value)),
        };
        if fine { Ok(()) } else { Err("格式不正确，请重新填写") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_take_what_the_form_asks_for_and_nothing_else() {
        let cases: &[(Rule, &[&str], bool)] = &[
            (Rule::Text, &["药店"], true),
            (Rule::Text, &[], false),
            (Rule::CreditCode, &["91500000MA00000000"], true),
            (Rule::CreditCode, &["91500000ma00000000"], false),
            (Rule::IdNumber, &["000000190001010000"], true),
            (Rule::IdNumber, &["00000019000101000X"], true),
            (Rule::IdNumber, &["00000019000101000药"], false),
            (Rule::IdNumber, &["1234"], false),
            (Rule::Phone, &["0800-1234567"], true),
            (Rule::Phone, &["12345678901"], false),
            (Rule::Number(20, 100), &["20"], true),
            (Rule::Number(20, 100), &["19"], false),
            (Rule::Number(20, 100), &["-5"], false),
            (Rule::OneOf(&["自有", "租赁"]), &["租赁"], true),
            (Rule::OneOf(&["自有", "租赁"]), &["借用"], false),
            (Rule::SomeOf(&["中成药", "生物制品"]), &["中成药", "生物制品"], true),
            (Rule::SomeOf(&["中成药", "生物制品"]), &["中成药", "糖果"], false),
        ];
        for (rule, values, fine) in cases {
            assert_eq!(rule.check(values).is_ok(), *fine, "{rule:?} {values:?}");
        }
    }

    #[test]
    fn uploads_are_judged_by_their_bytes_and_named_without_folders() {
        assert_eq!(look_at("C:\\fakepath\\执照.pdf", b"%PDF-1.7 ..."), Ok("执照.pdf（1 KB）".to_owned()));
        assert_eq!(look_at("../../etc/passwd", b"\xff\xd8\xff...."), Ok("passwd（1 KB）".to_owned()));
        assert!(look_at("a.pdf", b"<html>").is_err());
        assert!(look_at("a.pdf", b"").is_err());
        assert!(
            look_at("a.png", &[b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; LARGEST_FILE]].concat()).is_err()
        );
    }
}
