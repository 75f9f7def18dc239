//! The demo portal, walked by a plain HTTP client on a free port.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use mystery_shopper::clock::{Clock, Stopwatch};
use mystery_shopper::demo::{City, Fault, Portal, PortalState, SwitchError, faults, switch};

/// One answer.
struct Answer {
    status: u16,
    kind: String,
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the page is UTF-8")
    }

    fn gbk(&self) -> String {
        let (text, _, wrong) = encoding_rs::GBK.decode(&self.body);
        assert!(!wrong, "the page is GBK");
        text.into_owned()
    }
}

/// A browser without a screen: it keeps cookies and follows nothing by itself.
struct Citizen {
    client: Client<HttpConnector, Body>,
    base: String,
    cookies: BTreeMap<String, String>,
}

impl Citizen {
    fn of(portal: &Portal) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            base: format!("http://{}", portal.addr()),
            cookies: BTreeMap::new(),
        }
    }

    async fn ask(&mut self, method: Method, path: &str, kind: Option<&str>, body: Vec<u8>) -> Answer {
        self.try_ask(method, path, kind, body).await.expect("an answer")
    }

    async fn try_ask(
        &mut self,
        method: Method,
        path: &str,
        kind: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Answer, hyper_util::client::legacy::Error> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::COOKIE, cookies.join("; "));
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let response = self.client.request(request.body(Body::from(body)).unwrap()).await?;
        let head = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let (kind, location) = (head(header::CONTENT_TYPE).unwrap_or_default(), head(header::LOCATION));
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (pair, rules) = cookie.to_str().unwrap().split_once(';').unwrap();
            assert!(rules.contains("HttpOnly") && rules.contains("SameSite=Lax"), "{rules}");
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(Body::new(response.into_body()), 8 << 20).await.unwrap().to_vec();
        Ok(Answer { status, kind, location, body })
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, Vec::new()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let kind = Some("application/x-www-form-urlencoded");
        self.ask(Method::POST, path, kind, body.finish().into_bytes()).await
    }

    async fn upload(&mut self, files: &[(&str, &str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (field, name, bytes) in files {
            body.extend_from_slice(
                format!(
                    "--B\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n"
                )
                .as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--B--\r\n");
        let kind = Some("multipart/form-data; boundary=B");
        self.ask(Method::POST, "/apply/drug-licence/materials", kind, body).await
    }

    /// Fills the first three pages and uploads the materials.
    async fn up_to_the_gate(&mut self, company: &str) {
        let mut applicant = APPLICANT.to_vec();
        applicant[0].1 = company;
        for (page, fields, next) in [
            ("applicant", applicant.as_slice(), "premises"),
            ("premises", PREMISES, "pharmacist"),
            ("pharmacist", PHARMACIST, "materials"),
        ] {
            let answer = self.post(&form(page), fields).await;
            assert_eq!((answer.status, answer.location), (303, Some(form(next))), "{page}");
        }
        let answer = self.upload(GOOD_FILES).await;
        assert_eq!((answer.status, answer.location), (303, Some(form("review"))));
    }
}

fn form(page: &str) -> String {
    format!("/apply/drug-licence/{page}")
}

const APPLICANT: &[(&str, &str)] = &[
    ("company", "示范大药房有限公司"),
    ("credit_code", "91000000MA00000000"),
    ("legal_person", "张示范"),
    ("id_number", "000000190001010004"),
    ("phone", "0800-0000000"),
    ("kind", "首次申请"),
];
const PREMISES: &[(&str, &str)] = &[
    ("address", "示范市文化路 100 号"),
    ("area", "120"),
    ("tenure", "租赁"),
    ("mode", "零售（单体）"),
    ("scope", "中成药"),
    ("scope", "化学药制剂"),
];
const PHARMACIST: &[(&str, &str)] = &[
    ("pharmacist", "李示范"),
    ("certificate", "YS000000"),
    ("category", "药学"),
    ("years", "8"),
    ("on_duty", "是"),
];
const GOOD_FILES: &[(&str, &str, &[u8])] = &[
    ("licence_file", "执照.pdf", b"%PDF-1.4 sample"),
    ("plan_file", "plan.png", b"\x89PNG\r\n\x1a\n sample"),
    ("certificate_file", "card.jpg", b"\xff\xd8\xff sample"),
];

async fn portal() -> Portal {
    let clock = Clock::manual("2026-11-22T01:00:00Z".parse::<Timestamp>().unwrap());
    Portal::bind("127.0.0.1:0".parse().unwrap(), PortalState::new(clock)).await.expect("a free port")
}

#[tokio::test]
async fn every_page_answers_as_it_should() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    let pages = [
        ("/", 200, "一网通办"),
        ("/search?q=%E8%8D%AF%E5%93%81%E7%BB%8F%E8%90%A5", 200, "药品经营许可证核发"),
        ("/search?q=%E9%A3%9E%E7%A2%9F", 200, "没有搜索到"),
        ("/search", 200, "没有搜索到"),
        ("/list/personal", 200, "居民临时身份证办理"),
        ("/list/company", 200, "食品经营许可证核发"),
        ("/list/others", 404, "页面不存在"),
        ("/item/drug-licence", 200, "在线办理"),
        ("/item/unknown", 404, "页面不存在"),
        ("/notice/1", 200, "发布时间"),
        ("/notice/ticker", 200, "已办结"),
        ("/notice/2019088", 404, "页面不存在"),
        ("/evaluation", 200, "评价数据来源"),
        ("/complaint", 200, "诉求类型"),
        ("/robot?q=x", 200, "/guide/old/"),
        ("/guide/old/520117003", 404, "已被删除"),
        ("/about", 200, "虚构"),
        ("/login", 200, "演示账号"),
        ("/login?from=card", 200, "请先登录"),
        ("/openapi/items", 412, "安全验证"),
        ("/search?q=%3Cscript%3E", 403, "拦截"),
        ("/apply/drug-licence/applicant", 200, "企业名称"),
        ("/static/shifan.css", 200, "body"),
        ("/linhai/", 200, "事项清单"),
        ("/linhai/search?keyword=%E8%8D%AF%E5%93%81", 200, "药品经营许可证核发"),
        ("/linhai/item/drug-licence", 200, "在线办理"),
        ("/linhai/item/temporary-id", 200, "暂不支持在线办理"),
        ("/linhai/apply/drug-licence", 200, "个人账号无法办理此事项"),
        ("/linhai/apply/temporary-id", 404, "页面不存在"),
        ("/linhai/login", 200, "请登录法人账号"),
        ("/linhai/evaluation", 200, "暂未公开"),
        ("/linhai/complaint", 200, "/linhai/evaluation#rules"),
        ("/linhai/hall/", 200, "/linhai/hall/parking"),
        ("/linhai/hall/parking", 404, "页面不存在"),
        ("/linhai/hall/map.html", 404, "页面不存在"),
        ("/linhai/policy/2019-37.html", 200, "页面不存在"),
        ("/linhai/static/linhai.css", 200, "body"),
    ];
    for (path, status, text) in pages {
        let answer = citizen.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(text), "{path} lacks {text}");
    }
    for city in ["linhai", "beishan"] {
        let answer = citizen.get(&format!("/{city}")).await;
        assert_eq!((answer.status, answer.location), (303, Some(format!("/{city}/"))));
    }
    assert!(citizen.cookies.is_empty(), "reading leaves no session behind");
    assert_eq!(portal.state().sessions(), 0);
}

#[tokio::test]
async fn the_old_portal_is_gbk_and_says_so_only_in_its_meta_element() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    let pages = [
        ("/beishan/", "行政许可事项公示"),
        ("/beishan/left", "栏目导航"),
        // 药品 and 临时身份证 in GBK, as a browser sends them from a GBK page.
        ("/beishan/search?keyword=%D2%A9%C6%B7", "药品经营许可证核发"),
        ("/beishan/search?keyword=%C1%D9%CA%B1%C9%ED%B7%DD%D6%A4", "查询结果为空"),
        ("/beishan/item/drug-licence", "window.open"),
        ("/beishan/apply/drug-licence", "邮寄纸质材料"),
        ("/beishan/apply/heating", "APP办理"),
        ("/beishan/complaint", "市长信箱"),
    ];
    for (path, text) in pages {
        let answer = citizen.get(path).await;
        assert_eq!((answer.status, answer.kind.as_str()), (200, "text/html"), "{path}");
        assert!(String::from_utf8(answer.body.clone()).is_err(), "{path} is not UTF-8");
        let page = answer.gbk();
        assert!(page.contains("charset=gb2312") && page.contains(text), "{path} lacks {text}");
    }
    assert_eq!(citizen.get("/beishan/data/2026/stat").await.status, 403);
    assert_eq!(citizen.get("/beishan/index_old.asp").await.status, 404);
}

#[tokio::test]
async fn guides_have_the_eight_element_classes() {
    const CLASSES: [&str; 8] =
        ["事项名称", "设定依据", "申请条件", "办理材料", "办理地点", "办理时间", "联系电话", "办理流程"];
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    for path in [
        "/item/drug-licence",
        "/item/temporary-id",
        "/item/food-licence",
        "/linhai/item/drug-licence",
        "/linhai/item/temporary-id",
        "/beishan/item/drug-licence",
    ] {
        let answer = citizen.get(path).await;
        let page = if path.starts_with("/beishan") { answer.gbk() } else { answer.text() };
        for class in CLASSES {
            assert!(page.contains(&format!(">{class}<")), "{path} lacks {class}");
        }
    }
    // 临海市's food licence is the incomplete one.
    assert!(!citizen.get("/linhai/item/food-licence").await.text().contains("办理时间"));
}

#[tokio::test]
async fn six_pages_lead_from_the_applicant_to_the_licence() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    citizen.up_to_the_gate("示范大药房有限公司").await;

    let review = citizen.get(&form("review")).await.text();
    for value in ["示范大药房有限公司", "中成药、化学药制剂", "执照.pdf（1 KB）", "提交申请"]
    {
        assert!(review.contains(value), "the review lacks {value}");
    }
    assert_eq!(citizen.get(&form("licence.pdf")).await.status, 404, "not before the form is handed in");
    let unpromised = citizen.post(&form("submit"), &[]).await;
    assert_eq!(unpromised.status, 422);
    assert!(unpromised.text().contains("请阅读并勾选承诺"));

    let answer = citizen.post(&form("submit"), &[("promise", "是")]).await;
    assert_eq!((answer.status, answer.location), (303, Some(form("receipt"))));
    let receipt = citizen.get(&form("receipt")).await.text();
    assert!(receipt.contains("SF20261122000001") && receipt.contains("2026年11月22日"));
    // A second submission is the first one's receipt.
    citizen.post(&form("submit"), &[("promise", "是")]).await;
    assert!(citizen.get(&form("receipt")).await.text().contains("SF20261122000001"));

    let licence = citizen.get(&form("licence.pdf")).await;
    assert_eq!((licence.status, licence.kind.as_str()), (200, "application/pdf"));
    assert!(licence.body.starts_with(b"%PDF-1.") && licence.body.ends_with(b"%%EOF\n"));
    // The company's name as the page writes it: UCS-2 in hexadecimal digits.
    let bytes: Vec<u8> = "示范大药房".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let hex = hex::encode_upper(bytes);
    assert!(String::from_utf8_lossy(&licence.body).contains(&hex));
}

#[tokio::test]
async fn pages_come_in_order_and_faults_are_shown_beside_their_fields() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    for page in ["premises", "pharmacist", "materials", "review", "receipt"] {
        let answer = citizen.get(&form(page)).await;
        assert_eq!((answer.status, answer.location), (303, Some(form("applicant"))), "{page}");
    }
    // Posting ahead is of no use either.
    let answer = citizen.post(&form("pharmacist"), PHARMACIST).await;
    assert_eq!(answer.location, Some(form("applicant")));
    let answer = citizen.upload(GOOD_FILES).await;
    assert_eq!(answer.location, Some(form("applicant")));
    let answer = citizen.post(&form("submit"), &[("promise", "是")]).await;
    assert_eq!(answer.location, Some(form("applicant")));

    let mut wrong = APPLICANT.to_vec();
    wrong[0].1 = "<b>甲</b>";
    wrong[3].1 = "123";
    wrong[4].1 = "";
    let answer = citizen.post(&form("applicant"), &wrong).await;
    let page = answer.text();
    assert_eq!(answer.status, 422);
    assert_eq!(page.matches("class=\"fault\"").count(), 2);
    assert!(page.contains("格式不正确") && page.contains("此项为必填项"));
    assert!(!page.contains("<b>甲"), "what was typed is escaped");
    assert_eq!(citizen.get(&form("premises")).await.status, 303);
}

#[tokio::test]
async fn uploads_are_limited_in_size_and_kind() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    citizen.post(&form("applicant"), APPLICANT).await;
    citizen.post(&form("premises"), PREMISES).await;
    citizen.post(&form("pharmacist"), PHARMACIST).await;

    let large = [b"%PDF-".as_slice(), &vec![0; 2 * 1024 * 1024]].concat();
    let answer = citizen.upload(&[("licence_file", "a.pdf", &large), GOOD_FILES[1], GOOD_FILES[2]]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("超过 2 MB"));
    let answer = citizen.upload(&[("licence_file", "a.pdf", b"MZ"), GOOD_FILES[1]]).await;
    let page = answer.text();
    assert!(page.contains("文件格式不正确") && page.contains("请上传文件"));
    // A little over the limit of the whole body, so that the answer meets no unread megabytes.
    let huge = vec![0; 6 * 1024 * 1024 + 70 * 1024];
    let answer = citizen.upload(&[("licence_file", "a.pdf", &huge)]).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("文件超过大小限制"));
    assert_eq!(citizen.get(&form("review")).await.status, 303, "nothing was accepted");
}

#[tokio::test]
async fn one_session_does_not_see_another() {
    let portal = portal().await;
    let (mut one, mut two) = (Citizen::of(&portal), Citizen::of(&portal));
    one.up_to_the_gate("甲药房").await;
    two.up_to_the_gate("乙药房").await;
    one.post(&form("submit"), &[("promise", "是")]).await;
    assert!(one.get(&form("receipt")).await.text().contains("甲药房"));
    let answer = two.get(&form("receipt")).await;
    assert_eq!(answer.location, Some(form("review")), "the other one has handed in nothing");
    assert!(two.get(&form("review")).await.text().contains("乙药房"));
    assert_eq!(two.get(&form("licence.pdf")).await.status, 404);
    // An invented id is not adopted.
    let mut three = Citizen::of(&portal);
    three.cookies.insert("SFSESSIONID".into(), "00000000-0000-7000-8000-000000000000".into());
    three.post(&form("applicant"), APPLICANT).await;
    assert_ne!(three.cookies["SFSESSIONID"], "00000000-0000-7000-8000-000000000000");
    assert_eq!(portal.state().sessions(), 3);
}

#[tokio::test]
async fn the_temporary_card_leads_to_the_police_station() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    let answer = citizen.get("/apply/temporary-id").await;
    assert_eq!(answer.location.as_deref(), Some("/login?from=card"));
    let answer = citizen.post("/apply/temporary-id/face", &[]).await;
    assert_eq!(answer.location.as_deref(), Some("/login?from=card"), "no face check without a login");
    // A login leads to places of the portal only.
    let answer = citizen.post("/login", &[("from", "//evil.example.org/")]).await;
    assert_eq!(answer.location.as_deref(), Some("/"));
    let answer = citizen.post("/login", &[("from", "card")]).await;
    assert_eq!(answer.location.as_deref(), Some("/apply/temporary-id"));
    let page = citizen.get("/apply/temporary-id").await.text();
    assert!(page.contains("<iframe name=\"face\"") && page.contains("体验用户"));
    assert!(citizen.get("/apply/temporary-id/face").await.text().contains("开始人脸识别"));
    citizen.post("/apply/temporary-id/face", &[]).await;
    assert!(citizen.get("/apply/temporary-id").await.text().contains("请到派出所窗口"));
    citizen.get("/logout").await;
    assert_eq!(citizen.get("/apply/temporary-id").await.status, 303);
}

#[tokio::test]
async fn attachments_are_what_the_tour_says() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    let cases: [(&str, u16, &[u8]); 8] = [
        ("/files/drug-licence-form.docx", 200, b"PK\x03\x04"),
        ("/files/materials.zip", 200, b"PK\x03\x04"),
        ("/files/pledge.pdf", 200, b"%PDF-"),
        ("/beishan/files/drug-licence-form.docx", 200, b"PK\x03\x04"),
        // Two that are not what their names say, and two that are gone.
        ("/linhai/files/drug-licence-form.docx", 200, b"%PDF-"),
        ("/files/temporary-id-form.doc", 200, b"<html>"),
        ("/files/food-licence-form.docx", 404, b"<!DOCTYPE"),
        ("/linhai/files/fishing-2016.doc", 404, b"<!DOCTYPE"),
    ];
    for (path, status, start) in cases {
        let answer = citizen.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.starts_with(start), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_served_that_is_not_on_the_list() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    for path in [
        "/nowhere",
        "/files/..%2F..%2FCargo.toml",
        "/files/../../Cargo.toml",
        "/static/../Cargo.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/linhai/files/%2Fetc%2Fpasswd",
        "/item/..%2F..%2Fetc%2Fpasswd",
        "/_demo/../etc/passwd",
        "/_demo/other",
        "/apply/drug-licence/nothing",
        "/%00",
    ] {
        let answer = citizen.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("页面不存在"), "{path}");
    }
}

#[tokio::test]
async fn faults_come_and_go_for_one_city_and_leave_the_others_alone() {
    let portal = portal().await;
    let state = portal.state();
    let mut citizen = Citizen::of(&portal);
    let item = "/item/drug-licence";
    let applicant = form("applicant");
    let search = "/search?q=%E8%8D%AF%E5%93%81";
    // Fault, page, status under it, text under it.
    let cases: [(Fault, &str, u16, &str); 12] = [
        (Fault::HomeDown, "/", 502, "502 Bad Gateway"),
        (Fault::HomeDown, item, 502, "502 Bad Gateway"),
        (Fault::Maintenance, "/", 200, "系统正在维护"),
        (Fault::Captcha, search, 200, "拖动滑块"),
        (Fault::Captcha, "/", 200, "一网通办"),
        (Fault::ServerError, search, 500, "服务器内部错误"),
        (Fault::DeadLink, item, 404, "页面不存在"),
        (Fault::StepBroken, "/apply/drug-licence/pharmacist", 404, "页面不存在"),
        (Fault::StepBroken, item, 200, "在线办理"),
        (Fault::LoginWall, &applicant, 303, ""),
        (Fault::Redesign, "/", 200, "搜一搜"),
        (Fault::Redesign, &applicant, 200, "保存并继续"),
    ];
    for (fault, path, status, text) in cases {
        state.set_fault(City::Shifan, fault, true);
        let answer = citizen.get(path).await;
        assert_eq!(answer.status, status, "{} {path}", fault.name());
        assert!(answer.text().contains(text), "{} {path} lacks {text}", fault.name());
        for (other, sign) in [("/linhai/", "事项清单"), ("/linhai/item/drug-licence", "在线办理")] {
            assert!(citizen.get(other).await.text().contains(sign), "{} at {other}", fault.name());
        }
        state.set_fault(City::Shifan, fault, false);
        let answer = citizen.get("/").await;
        assert!(answer.status == 200 && answer.text().contains("<input type=\"search\""));
    }
    state.set_fault(City::Beishan, Fault::Redesign, true);
    assert!(!citizen.get("/beishan/").await.gbk().contains("name=\"keyword\""));
    state.set_fault(City::Linhai, Fault::StepBroken, true);
    assert_eq!(citizen.get("/linhai/item/drug-licence").await.status, 404);
}

#[tokio::test]
async fn an_unreachable_portal_gives_no_answer_at_all() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    portal.state().set_fault(City::Linhai, Fault::Unreachable, true);
    assert!(citizen.try_ask(Method::GET, "/linhai/", None, Vec::new()).await.is_err());
    assert_eq!(citizen.get("/").await.status, 200);
    portal.state().set_fault(City::Linhai, Fault::Unreachable, false);
    assert_eq!(citizen.get("/linhai/").await.status, 200);
}

#[tokio::test]
async fn a_slow_portal_answers_late_and_stops_at_once() {
    let portal = portal().await;
    let state = portal.state().clone();
    let mut citizen = Citizen::of(&portal);
    state.set_fault_everywhere(Fault::Slow, true);
    state.set_slow_by(Duration::from_millis(300));
    let watch = Stopwatch::start();
    assert_eq!(citizen.get("/").await.status, 200);
    assert!(watch.elapsed() >= Duration::from_millis(300));

    state.set_slow_by(Duration::from_mins(10));
    let (_, ()) = tokio::join!(citizen.try_ask(Method::GET, "/", None, Vec::new()), portal.stop());
    assert!(citizen.try_ask(Method::GET, "/", None, Vec::new()).await.is_err(), "nobody listens any more");
    assert!(watch.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn faults_are_switched_from_outside() {
    let portal = portal().await;
    let addr = portal.addr();
    let on = switch(addr, "home-down", true, Some("demo-city")).await.unwrap();
    assert_eq!(on["demo-city"], ["home-down"]);
    assert!(on["linhai-city"].is_empty());
    assert!(portal.state().has_fault(City::Shifan, Fault::HomeDown));
    assert_eq!(Citizen::of(&portal).get("/").await.status, 502);
    // The control interface goes on while every page is down.
    let on = switch(addr, "maintenance", true, None).await.unwrap();
    assert_eq!(on["demo-city"], ["home-down", "maintenance"]);
    assert_eq!(faults(addr).await.unwrap()["beishan-city"], ["maintenance"]);
    switch(addr, "home-down", false, None).await.unwrap();
    switch(addr, "maintenance", false, None).await.unwrap();
    assert!(faults(addr).await.unwrap().values().all(Vec::is_empty));

    let error = switch(addr, "homedown", true, None).await.unwrap_err();
    assert!(
        matches!(&error, SwitchError::Refused(why) if why.contains("`homedown`") && why.contains("home-down"))
    );
    let error = switch(addr, "slow", true, Some("atlantis")).await.unwrap_err();
    assert!(matches!(&error, SwitchError::Refused(why) if why.contains("linhai-city")));
    portal.stop().await;
    assert!(matches!(switch(addr, "slow", true, None).await, Err(SwitchError::NotRunning { .. })));
}

#[tokio::test]
async fn the_control_interface_refuses_strangers() {
    let portal = portal().await;
    let mut citizen = Citizen::of(&portal);
    let order = br#"{"fault":"slow","on":true}"#.to_vec();
    // A page of another origin can send this much without being asked.
    let answer = citizen.ask(Method::POST, "/_demo/faults", Some("text/plain"), order.clone()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16());
    let json = Some("application/json");
    let answer = citizen.ask(Method::POST, "/_demo/faults", json, b"{\"fault\":1}".to_vec()).await;
    assert_eq!(answer.status, 422);
    let answer = citizen.ask(Method::POST, "/_demo/faults", json, b"{".to_vec()).await;
    assert_eq!(answer.status, 400);
    // A name that somebody else's DNS points at this machine.
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}/_demo/faults", portal.addr()))
        .header(header::HOST, "rebound.example.org")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(order))
        .unwrap();
    assert_eq!(citizen.client.request(request).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert!(portal.state().faults().values().all(Vec::is_empty));
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let portal = portal().await;
    let error = Portal::bind(portal.addr(), PortalState::new(Clock::system())).await.unwrap_err();
    assert!(error.to_string().contains("another demo"), "{error}");
}
