//! What looks broken and is not, and what nobody may judge from outside.
//!
//! [`TRICKS`] work in every browser: reporting one is a false accusation. [`CLOSED`] do not work
//! for us, but that says nothing about the link: a login, a firewall, robots.txt, a busy moment.

use super::files::{ATTACHMENTS, PNG, attachment, large_pdf, large_zip, type_of};
use super::kinds::{Kind, Made, On, Resource, Spot};

/// A page that a server makes, for addresses where it does not matter what is on it.
pub const SMALL_PAGE: &str = "<!DOCTYPE html><html><head><title>search</title></head>\
    <body><p>3 results in 0.02 s</p></body></html>";

/// Healthy links.
pub const TRICKS: &[Kind] = &[
    // ---- addresses
    Kind::trick("redirects one after the other", 10, |s, n| {
        let hop = |at: usize| format!("/jump/{n}/{at}");
        let status = [301, 302, 307, 308][n % 4];
        s.anchor(&hop(0))
            .with(hop(0), Resource::Redirect(status, hop(1)))
            .with(hop(1), Resource::Redirect(302, hop(2)))
            .with(hop(2), Resource::Redirect(301, s.near.to_owned()))
    }),
    Kind::trick("redirect to an anchor", 2, |s, n| {
        let path = format!("/jump/anchor{n}");
        s.anchor(&path).with(path, Resource::Redirect(302, format!("{}#p2", s.near)))
    }),
    Kind::trick("folder without its slash", 3, |s, n| s.anchor(["/zwgk", "/bsfw", "/hdjl"][n % 3])),
    Kind::trick("host alone", 2, |s, n| {
        s.anchor(&if n % 2 == 0 { s.site.to_owned() } else { s.site.replace("http://", "HTTP://") + "/" })
    }),
    Kind::trick("no scheme", 2, |s, _| {
        s.anchor(&format!("{}{}", s.site.trim_start_matches("http:"), s.near))
    }),
    Kind::trick("dots", 3, |s, n| {
        s.anchor(&format!("{}{}", ["/zwgk/./..", "/../..", "/a/b/%2e%2e/.."][n % 3], s.near))
    }),
    Kind::trick("backslashes", 2, |s, _| s.anchor(&s.near.replace('/', "\\"))),
    Kind::trick("spaces around", 2, |s, _| s.anchor(&format!("\n      {}  ", s.near))),
    Kind::trick("Chinese file, written as it is", 3, |s, n| {
        let path = format!("/files/附件 {n}：申请表.pdf");
        s.anchor(&path).with(path, Resource::File("application/pdf", attachment("pdf", 100 + n)))
    }),
    Kind::trick("Chinese file, percent-encoded", 3, |s, n| {
        let path = format!("/files/编码{n}.doc");
        let written = s.resolve(&path);
        s.anchor(&written).with(path, Resource::File("application/msword", attachment("doc", 100 + n)))
    }),
    Kind::trick("query", 3, |s, n| {
        let text = s.title();
        Made::healthy(format!("<a href=\"/search/list{n}.jsp?a=1&amp;q=%E5%8A%9E&copy=2\">{text}</a>"), 1)
            .with(format!("/search/list{n}.jsp"), Resource::Query("a=1&q=%E5%8A%9E&copy=2".to_owned()))
    }),
    Kind::trick("query in GBK", 4, |s, n| query(s, &format!("/search/gbk{n}.jsp"), "办事", "%B0%EC%CA%C2"))
        .on(On::Gbk),
    Kind::trick("query in Big5", 2, |s, n| query(s, &format!("/search/big5{n}.jsp"), "辦事", "%BF%EC%A8%C6"))
        .on(On::Big5),
    Kind::trick("page below a base", 2, |s, n| {
        let text = s.title();
        let path = format!("{}ok{n}.txt", super::BASE);
        Made::healthy(format!("<a href=\"ok{n}.txt\">{text}</a>"), 1)
            .with(path, Resource::File("text/plain", b"here".to_vec()))
    })
    .on(On::Base),
    Kind::trick("page of plain text", 2, |s, n| {
        s.anchor(&format!("/bsfw/form{n}.txt"))
            .with(format!("/bsfw/form{n}.txt"), Resource::File("text/plain", b"form".to_vec()))
    }),
    // ---- anchors
    Kind::trick("anchor by id", 6, |s, n| s.anchor(&format!("{}#p{}", s.near, n % 3 + 1))),
    Kind::trick("anchor by name", 3, |s, _| s.anchor(&format!("{}#fj", s.near))),
    Kind::trick("Chinese anchor", 4, |s, n| {
        s.anchor(&format!("{}#{}", s.near, ["附件", "%E9%99%84%E4%BB%B6"][n % 2]))
    }),
    Kind::trick("Chinese anchor of a GBK page", 2, |s, _| s.anchor("#附件")).on(On::Gbk),
    Kind::trick("top of the page", 4, |s, n| s.anchor(["#", "#top", "", "#TOP"][n % 4])),
    Kind::trick("route of a script", 4, |s, n| {
        s.anchor(&format!("{}{}", s.near, ["#/user/list", "#!/home", "#!", "#/"][n % 4]))
    }),
    Kind::trick("text fragment", 3, |s, n| {
        s.anchor(&format!("{}{}", s.near, ["#:~:text=通知", "#p1:~:text=受理", "#:~:text=%E5%85%AC"][n % 3]))
    }),
    // ---- what is no request
    Kind::trick("mail and telephone", 4, |s, n| {
        let href = [
            "mailto:zhengwu@beishan.example",
            "tel:+86-10-12345",
            "sms:12345",
            "mailto:a@beishan.example?subject=咨询",
        ][n % 4];
        Made::healthy(format!("<a href=\"{href}\">{}</a>", s.title()), 1)
    }),
    Kind::trick("script without an address", 5, |s, n| {
        let href = [
            "javascript:void(0)",
            "javascript:;",
            "JavaScript:history.back()",
            "javascript:openWin('/nowhere/open.html')",
            "javascript:window.open('/nowhere/'+id)",
        ][n % 5];
        Made::healthy(format!("<a href=\"{href}\">{}</a>", s.title()), 1)
    }),
    Kind::trick("onclick without an address", 5, |s, n| {
        let code = [
            "location.reload()",
            "location.href=target",
            "openWin('/nowhere/click.html')",
            "window.open('/nowhere/' + id)",
            "location.href='/nowhere/?id='+this.id",
        ][n % 5];
        Made::healthy(format!("<div class=\"btn\" onclick=\"{code}\">{}</div>", s.title()), 0)
    }),
    Kind::trick("data:", 2, |_, _| {
        Made::healthy(
            "<img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\" alt=\"\">\
             <a href=\"data:text/plain,x\">x</a>",
            2,
        )
    }),
    Kind::trick("anchor without an address", 2, |s, n| {
        Made::healthy(
            ["<a>x</a><a id=\"own\"></a>", "<area><img alt=\"\">"][n % 2].replace('x', &s.title()),
            0,
        )
    }),
    Kind::trick("commented out", 3, |_, n| {
        Made::healthy(format!("<!-- <a href=\"/nowhere/comment{n}.html\">旧栏目</a> -->"), 0)
    }),
    Kind::trick("template", 2, |_, n| {
        Made::healthy(format!("<template><a href=\"/nowhere/template{n}.html\">条目</a></template>"), 0)
    }),
    Kind::trick("data attributes", 3, |_, n| {
        Made::healthy(
            format!(
                "<div data-href=\"/nowhere/data{n}.html\" data-url=\"/nowhere/url.json\">\
             <img data-src=\"/nowhere/lazy{n}.jpg\" alt=\"\"></div>"
            ),
            0,
        )
    }),
    Kind::trick("text that looks like markup", 3, |_, n| {
        Made::healthy(
            [
                "<textarea rows=\"2\"><a href=\"/nowhere/textarea.html\">x</a></textarea>",
                "<script>var html = \"<a href='/nowhere/string.html'>x</a>\";\
             if (false) { location.href = '/nowhere/code.html'; }</script>",
                "<pre>&lt;a href=\"/nowhere/pre.html\"&gt;</pre>",
            ][n % 3],
            0,
        )
    }),
    Kind::trick("hint for the browser", 2, |_, n| {
        Made::healthy(
            [
                "<link rel=\"dns-prefetch\" href=\"//cdn.beishan.example\">",
                "<link rel=\"preconnect\" href=\"http://cdn.beishan.example/nowhere\">",
            ][n % 2],
            0,
        )
        .head()
    }),
    // ---- parts of pages
    Kind::trick("srcset", 2, |_, _| {
        Made::healthy(
            "<img src=\"/images/logo.png\" srcset=\"/images/bg.png 1x,/images/header.png 2x, \
             data:image/png;base64,iVBORw0KGgo= 3x\" alt=\"\">",
            4,
        )
    }),
    Kind::trick("video", 2, |_, _| {
        Made::healthy(
            "<video poster=\"/images/bg.png\">\
             <source src=\"/video/ok.mp4\"><track src=\"/video/ok.vtt\"></video>",
            3,
        )
    }),
    Kind::trick("meta refresh", 3, |s, n| match n % 3 {
        0 => Made::healthy("<meta http-equiv=\"refresh\" content=\"1800\">", 0).head(),
        1 => Made::healthy(format!("<meta http-equiv=\"Refresh\" content=\"1800;URL='{}'\">", s.near), 1)
            .head(),
        _ => Made::healthy(format!("<meta http-equiv=refresh content=\"1800; {}\">", s.near), 1).head(),
    }),
    Kind::trick("url()", 3, |_, n| {
        Made::healthy(
            [
                "<div style=\"background:url(/images/bg.png)\"></div>",
                "<div style='background-image: url( \"/images/bg.png\" )'></div>",
                "<div style=\"background:url(data:image/png;base64,iVBORw0KGgo=);filter:url(#blur)\"></div>",
            ][n % 3],
            usize::from(n % 3 != 2),
        )
    }),
    Kind::trick("onclick", 4, |s, n| {
        let code = [
            format!("location.href='{}'", s.near),
            format!("window.open(&quot;{}&quot;)", s.near),
            format!("self.location='{}'", s.near),
            format!("parent.location.href = '{}'", s.near),
        ];
        Made::healthy(format!("<div class=\"btn\" onclick=\"{}\">{}</div>", code[n % 4], s.title()), 1)
    }),
    Kind::trick("form that searches", 2, |_, n| {
        Made::healthy(
            format!(
                "<form action=\"/search/form{n}.jsp\">\
             <input name=\"q\"><button>检索</button></form>"
            ),
            1,
        )
        .with(format!("/search/form{n}.jsp"), Resource::File("text/html", SMALL_PAGE.into()))
    }),
    Kind::trick("form that sends", 2, |_, n| {
        Made::healthy(
            format!(
                "<form method=\"post\" action=\"/hdjl/send{n}\">\
             <textarea name=\"text\"></textarea></form>"
            ),
            1,
        )
        .with(format!("/hdjl/send{n}"), Resource::PostOnly)
    }),
    // ---- attachments
    Kind::trick("attachment", 16, |s, n| {
        let ending = ATTACHMENTS[n % 8];
        let path = format!("/files/ok{n}.{ending}");
        let kind = type_of(&path);
        s.anchor(&path).with(path, Resource::File(kind, attachment(ending, n)))
    }),
    Kind::trick("large attachment", 2, |s, n| {
        let path = format!("/files/large{n}.{}", ["pdf", "zip"][n % 2]);
        let (kind, bytes) = (type_of(&path), if n % 2 == 0 { large_pdf(n) } else { large_zip(n) });
        s.anchor(&path).with(path, Resource::File(kind, bytes))
    }),
    Kind::trick("attachment without a type", 2, |s, n| {
        let path = format!("/files/untyped{n}.pdf");
        s.anchor(&path).with(path, Resource::File("application/octet-stream", attachment("pdf", 200 + n)))
    }),
    Kind::trick("picture with a query", 2, |s, n| {
        let path = format!("/images/code{n}.png");
        s.loads("<img src=\"{}?t=1\" alt=\"\">", "img", "src", &path)
            .with(path, Resource::File("image/png", PNG.to_vec()))
    }),
    // ---- other hosts
    Kind::trick("page elsewhere", 6, |s, n| {
        let url = format!("{}/ok/{n}.html", s.other);
        let page = format!(
            "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>外部网站</title></head>\
             <body><p>第{n}页</p><a href=\"/never/{n}.html\">x</a></body></html>"
        );
        s.anchor(&url).with(url, Resource::File("text/html", page.into_bytes()))
    })
    .carriers(3),
    Kind::trick("redirect elsewhere", 3, |s, n| {
        let (path, url) = (format!("/jump/out{n}"), format!("{}/out/{n}.html", s.other));
        s.anchor(&path)
            .with(path, Resource::Redirect(302, url.clone()))
            .with(url, Resource::File("text/html", SMALL_PAGE.into()))
    }),
];

/// Links of which nothing may be said.
pub const CLOSED: &[Kind] = &[
    Kind::trick("behind a login", 3, |s, n| {
        let path = format!("/my/space{n}");
        s.anchor(&path).with(path, Resource::Redirect(302, "/login.html?back=my".to_owned()))
    }),
    Kind::trick("401", 2, |s, n| status(s, "/hdjl/staff", n, 401)),
    Kind::trick("403", 2, |s, n| status(s, "/hdjl/forbidden", n, 403)),
    Kind::trick("503", 2, |s, n| status(s, "/hdjl/busy", n, 503)),
    Kind::trick("closed by robots.txt", 4, |s, n| s.anchor(&format!("/internal/old{n}.html"))),
    Kind::trick("page closed by robots.txt", 2, |s, n| {
        let path = format!("/internal/page{n}.html");
        let page = format!(
            "<!DOCTYPE html><html><head><title>x</title></head><body>\
             <a href=\"/internal/gone{n}.html\">x</a><a href=\"/nowhere/behind{n}.html\">y</a></body></html>"
        );
        s.anchor(&path).with(path, Resource::File("text/html", page.into_bytes()))
    }),
];

fn status(s: &Spot<'_>, folder: &str, n: usize, status: u16) -> Made {
    let path = format!("{folder}/{n}.html");
    s.anchor(&path).with(path, Resource::Status(status))
}

/// A search for words that a browser sends in the page's own encoding; it knows no other.
fn query(s: &Spot<'_>, path: &str, written: &str, sent: &str) -> Made {
    let (text, url) = (s.title(), s.resolve(&format!("{path}?q={sent}")));
    Made::new(format!("<a href=\"{path}?q={written}\">{text}</a>"), "a", "href", url)
        .with(path, Resource::Query(format!("q={sent}")))
}
