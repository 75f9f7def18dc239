//! The faults of the site, kind by kind. Nothing here depends on what a checker can do.
//!
//! Each is one of which two people who look at it in a browser would say the same.

use mystery_shopper::domain::link::LinkClass as Class;

use super::files::{PNG, SHEET, attachment, cut};
use super::kinds::{Kind, Made, On, Resource, Spot};

/// Everything that is broken.
pub const FAULTS: &[Kind] = &[
    // ---- what every page carries, in characters that every encoding has
    Kind::fault("footer link", Class::NotFound, 1, |s, _| {
        Made::new("<a href=\"/footer/map.html\">本站索引</a>", "a", "href", s.resolve("/footer/map.html"))
            .text("本站索引")
    })
    .on(On::Everywhere),
    Kind::fault("footer picture", Class::NotFound, 1, |s, _| {
        s.loads("<img src=\"{}\" alt=\"\">", "img", "src", "/images/seal.png")
    })
    .on(On::Everywhere),
    Kind::fault("link of a channel", Class::Gone, 1, |s, _| {
        s.anchor("/hdjl/letters/old.html").with("/hdjl/letters/old.html", Resource::Status(410))
    })
    .on(On::Channel),
    // ---- pages that are gone
    Kind::fault("missing page", Class::NotFound, 36, |s, n| {
        let path = format!("/zwgk/2025{:02}/wz{n}.html", n % 12 + 1);
        match n % 4 {
            0 => s.anchor(&s.resolve(&path)),
            // Not from the channel where every missing page says that it is there.
            1 if !s.page.starts_with("/channel/") => s.anchor(&format!("wz{n}.shtml")),
            _ => s.anchor(&path),
        }
    }),
    Kind::fault("missing page on several pages", Class::NotFound, 6, |s, n| {
        s.anchor(&format!("/bsfw/guide/wz{n}.html"))
    })
    .carriers(7),
    Kind::fault("missing page, written carelessly", Class::NotFound, 4, |s, n| {
        let (path, text) = (format!("/bsfw/careless/wz{n}.html"), s.title());
        let html = match n % 4 {
            0 => format!("<A  HREF = '{path}'\n  TARGET=_blank>{text}</A>"),
            1 => format!("<a target=_blank href={path}>{text}</a>"),
            2 => format!("<a href=\"\n    {path}\t\">{text}</a>"),
            _ => format!("<a title='x > y' href='{path}'><span>{text}</span></a>"),
        };
        Made::new(html, "a", "href", s.resolve(&path)).text(text)
    }),
    Kind::fault("missing page with a query", Class::NotFound, 3, |s, n| {
        let text = s.title();
        let html = format!("<a href=\"/bsfw/list{n}.jsp?page=2&amp;type=a\">{text}</a>");
        Made::new(html, "a", "href", s.resolve(&format!("/bsfw/list{n}.jsp?page=2&type=a"))).text(text)
    }),
    Kind::fault("missing Chinese path", Class::NotFound, 6, |s, n| {
        s.anchor(&format!("/zwgk/通知公告/第{n}号.html"))
    }),
    Kind::fault("missing path with a space", Class::NotFound, 4, |s, n| {
        s.anchor(&format!("/zwgk/wen jian/no {n}.html"))
    }),
    Kind::fault("gone", Class::Gone, 6, |s, n| {
        let path = format!("/zwgk/gone/wz{n}.html");
        s.anchor(&path).with(path, Resource::Status(410))
    }),
    Kind::fault("server error", Class::ServerError, 6, |s, n| {
        let path = format!("/bsfw/error/{n}.jsp");
        s.anchor(&path).with(path, Resource::Status(if n % 3 == 2 { 502 } else { 500 }))
    }),
    Kind::fault("client error", Class::ClientError, 2, |s, n| {
        let path = format!("/bsfw/bad-request/{n}.jsp");
        s.anchor(&path).with(path, Resource::Status(400))
    }),
    Kind::fault("connection that ends early", Class::Reset, 2, |s, n| {
        let path = format!("/bsfw/torn/{n}.html");
        s.anchor(&path).with(path, Resource::Closed)
    }),
    Kind::fault("area", Class::NotFound, 5, |s, n| {
        let path = format!("/zwgk/map/district{n}.html");
        let html = format!(
            "<map name=\"m{n}\">§<area shape=\"rect\" coords=\"0,0,9,9\" href=\"{path}\" alt=\"区县{n}\"></map>"
        );
        Made::new(html, "area", "href", s.resolve(&path)).text(format!("区县{n}"))
    }),
    Kind::fault("iframe", Class::NotFound, 6, |s, n| {
        s.loads(
            "<iframe src=\"{}\" width=\"300\"></iframe>",
            "iframe",
            "src",
            &format!("/hdjl/poll/{n}.html"),
        )
    }),
    Kind::fault("form", Class::NotFound, 5, |s, n| {
        let html = "<form method=\"get\" action=\"{}\"><input name=\"q\"><button>检索</button></form>";
        s.loads(html, "form", "action", &format!("/search/old{n}.jsp"))
    }),
    Kind::fault("meta refresh", Class::NotFound, 3, |s, n| {
        let html = "<meta http-equiv=\"refresh\" content=\"600; url={}\">";
        s.loads(html, "meta", "content", &format!("/zwgk/moved/{n}.html")).head()
    }),
    // ---- parts of pages
    Kind::fault("picture", Class::NotFound, 12, |s, n| {
        let (path, alt) = (format!("/images/2024/{n}.jpg"), s.title());
        Made::new(format!("<img src=\"{path}\" alt=\"{alt}\">"), "img", "src", s.resolve(&path))
    }),
    Kind::fault("srcset", Class::NotFound, 6, |s, n| {
        let path = format!("/images/2024/wide{n}.jpg");
        let html =
            format!("<img src=\"/images/logo.png\" srcset=\"/images/logo.png 1x, {path} 2x\" alt=\"\">");
        Made::new(html, "img", "srcset", s.resolve(&path)).links(3)
    }),
    Kind::fault("source of a picture", Class::NotFound, 4, |s, n| {
        let path = format!("/images/2024/banner{n}.webp");
        let html = format!(
            "<picture>§<source type=\"image/webp\" srcset=\"{path} 800w\">\
             <img src=\"/images/logo.png\" alt=\"\"></picture>"
        );
        Made::new(html, "source", "srcset", s.resolve(&path)).links(2)
    }),
    Kind::fault("poster", Class::NotFound, 3, |s, n| {
        let html = "<video src=\"/video/ok.mp4\" poster=\"{}\" controls></video>";
        s.loads(html, "video", "poster", &format!("/video/poster{n}.png")).links(2)
    }),
    Kind::fault("video", Class::NotFound, 3, |s, n| {
        let html = "<video controls>§<source src=\"{}\" type=\"video/mp4\"></video>";
        s.loads(html, "source", "src", &format!("/video/gone{n}.mp4"))
    }),
    Kind::fault("track", Class::NotFound, 2, |s, n| {
        let html = "<video src=\"/video/ok.mp4\" controls>§<track kind=\"subtitles\" src=\"{}\"></video>";
        s.loads(html, "track", "src", &format!("/video/gone{n}.vtt")).links(2)
    }),
    Kind::fault("audio", Class::NotFound, 2, |s, n| {
        s.loads("<audio src=\"{}\" controls></audio>", "audio", "src", &format!("/video/gone{n}.mp3"))
    }),
    Kind::fault("script", Class::NotFound, 4, |s, n| {
        s.loads("<script src=\"{}\"></script>", "script", "src", &format!("/js/gone{n}.js"))
    }),
    Kind::fault("style sheet", Class::NotFound, 4, |s, n| {
        s.loads("<link rel=\"stylesheet\" href=\"{}\">", "link", "href", &format!("/css/gone{n}.css")).head()
    }),
    Kind::fault("icon", Class::NotFound, 2, |s, n| {
        s.loads("<link rel=\"shortcut icon\" href=\"{}\">", "link", "href", &format!("/images/gone{n}.ico"))
            .head()
    }),
    Kind::fault("url() in a style attribute", Class::NotFound, 4, |s, n| {
        let html = "<div class=\"banner\" style=\"height:3em;background:url({})\"></div>";
        s.loads(html, "div", "style", &format!("/images/banner{n}.png"))
    }),
    Kind::fault("url() in a style element", Class::NotFound, 3, |s, n| {
        let html = "<style>.tab { background: url('{}') }</style>";
        s.loads(html, "style", "style", &format!("/images/tab{n}.png")).head()
    }),
    Kind::fault("url() in a style sheet", Class::NotFound, 3, |s, n| {
        let (sheet, picture) = (format!("/css/list{n}.css"), format!("/images/dot{n}.png"));
        let css = format!("{SHEET}.list{n} {{ background: url(../images/dot{n}.png) }}\n");
        let html = format!("<link rel=\"stylesheet\" href=\"{sheet}\">");
        Made::new(html, "", "url()", s.resolve(&picture))
            .head()
            .sheet(s.resolve(&sheet))
            .with(sheet, Resource::File("text/css", css.into_bytes()))
    }),
    // ---- links that script follows
    Kind::fault("onclick location", Class::NotFound, 10, |s, n| {
        let (path, text) = (format!("/bsfw/item/{n}.html"), s.title());
        let html = match n % 3 {
            0 => format!("<div class=\"btn\" onclick=\"location.href='{path}'\">{text}</div>"),
            1 => {
                format!("<div class=\"btn\" onclick=\"window.location = '{path}';return false\">{text}</div>")
            }
            _ => format!("<div class=\"btn\" onclick='window.location.href=\"{path}\"'>{text}</div>"),
        };
        Made::new(html, "div", "onclick", s.resolve(&path)).text(text)
    }),
    Kind::fault("onclick window.open", Class::NotFound, 6, |s, n| {
        let (path, text) = (format!("/bsfw/window/{n}.html"), s.title());
        let html =
            format!("<button type=\"button\" onclick=\"window.open('{path}','_blank')\">{text}</button>");
        Made::new(html, "button", "onclick", s.resolve(&path)).text(text)
    }),
    Kind::fault("javascript: that opens", Class::NotFound, 4, |s, n| {
        let (path, text) = (format!("/bsfw/popup/{n}.html"), s.title());
        let html = format!("<a href=\"javascript:window.open('{path}')\">{text}</a>");
        Made::new(html, "a", "href", s.resolve(&path)).text(text)
    }),
    // ---- redirects
    Kind::fault("redirect to a missing page", Class::NotFound, 6, |s, n| {
        let path = format!("/zwgk/moved-away/{n}.html");
        let status = if n % 2 == 0 { 302 } else { 301 };
        s.anchor(&path).with(path, Resource::Redirect(status, format!("/zwgk/new-home/{n}.html")))
    }),
    Kind::fault("redirect loop", Class::RedirectLoop, 5, |s, n| {
        let (one, two) = (format!("/bsfw/loop/{n}a"), format!("/bsfw/loop/{n}b"));
        let back = if n % 2 == 0 { one.clone() } else { two.clone() };
        s.anchor(&one)
            .with(one, Resource::Redirect(302, two.clone()))
            .with(two, Resource::Redirect(302, back))
    }),
    // ---- places in pages
    Kind::fault("missing anchor", Class::Fragment, 14, |s, n| s.anchor(&format!("{}#part-{n}", s.near))),
    Kind::fault("missing Chinese anchor", Class::Fragment, 4, |s, n| {
        s.anchor(&format!("{}#第{n}章", s.near))
    }),
    Kind::fault("missing anchor in the same page", Class::Fragment, 5, |s, n| s.anchor(&format!("#tab-{n}"))),
    // ---- pages that say with 200 that they are not there
    Kind::fault("soft 404", Class::Soft404, 20, |s, n| {
        s.anchor(&format!("/channel/2024{:02}/wz{n}.html", n % 12 + 1))
    }),
    Kind::fault("soft 404 behind a redirect", Class::Soft404, 3, |s, n| {
        s.anchor(&format!("/archive/wz{n}.html"))
    }),
    // ---- attachments
    Kind::fault("page in place of an attachment", Class::WrongType, 6, |s, n| {
        let path = format!("/files/page{n}.{}", ["pdf", "doc", "docx", "xls", "xlsx", "zip"][n % 6]);
        // Half of them say what they are, half claim to be what their name says.
        let kind = if n % 2 == 0 { super::files::type_of(&path) } else { "text/html" };
        let bytes = format!(
            "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>{0}</title></head>\
             <body><h1>{0}</h1></body></html>",
            s.title()
        );
        s.anchor(&path).with(path, Resource::File(kind, bytes.into_bytes()))
    }),
    Kind::fault("picture in place of an attachment", Class::WrongType, 4, |s, n| {
        let path = format!("/files/scan{n}.{}", ["doc", "pdf", "xls", "wps"][n % 4]);
        let kind = super::files::type_of(&path);
        s.anchor(&path).with(path, Resource::File(kind, PNG.to_vec()))
    }),
    Kind::fault("PDF in place of an attachment", Class::WrongType, 2, |s, n| {
        let path = format!("/files/print{n}.{}", ["ofd", "zip"][n % 2]);
        let kind = super::files::type_of(&path);
        s.anchor(&path).with(path, Resource::File(kind, attachment("pdf", n)))
    }),
    Kind::fault("attachment cut short", Class::Unreadable, 10, |s, n| {
        let ending = ["pdf", "zip", "docx", "xlsx", "ofd"][n % 5];
        let path = format!("/files/cut{n}.{ending}");
        let kind = super::files::type_of(&path);
        s.anchor(&path).with(path, Resource::File(kind, cut(attachment(ending, n))))
    }),
    Kind::fault("empty attachment", Class::Empty, 4, |s, n| {
        let path = format!("/files/empty{n}.{}", ["pdf", "doc", "zip", "xlsx"][n % 4]);
        let kind = super::files::type_of(&path);
        s.anchor(&path).with(path, Resource::File(kind, Vec::new()))
    }),
    Kind::fault("missing attachment", Class::NotFound, 6, |s, n| {
        s.anchor(&format!("/files/old{n}.{}", ["pdf", "doc", "zip", "xls", "ofd", "wps"][n % 6]))
    }),
    Kind::fault("empty page", Class::Empty, 2, |s, n| {
        let path = format!("/zwgk/blank/{n}.html");
        s.anchor(&path).with(path, Resource::File("text/html", Vec::new()))
    }),
    // ---- addresses that are none
    Kind::fault("malformed address", Class::Malformed, 3, |s, n| {
        let written = ["http://[", "http://www .beishan.example/", "https://[::1/index.html"][n % 3];
        let text = s.title();
        Made::new(format!("<a href=\"{written}\">{text}</a>"), "a", "href", written.to_owned()).text(text)
    }),
    Kind::fault("own disk", Class::LocalAddress, 3, |s, n| {
        s.anchor(&format!("file:///{}:/新建文件夹/附件{n}.doc", ["D", "C", "E"][n % 3]))
    }),
    // ---- other hosts
    Kind::fault("missing page elsewhere", Class::NotFound, 5, |s, n| {
        s.anchor(&format!("{}/gone/{n}.html", s.other))
    }),
    Kind::fault("nobody listens", Class::Refused, 2, |s, n| s.anchor(&format!("{}/{n}.html", s.dead))),
    // ---- pages in other encodings
    Kind::fault("missing page, from a GBK page", Class::NotFound, 6, |s, n| {
        s.anchor(&format!("/zwgk/gbk/第{n}期.html"))
    })
    .on(On::Gbk),
    Kind::fault("missing query in GBK", Class::NotFound, 4, gbk_query).on(On::Gbk),
    Kind::fault("missing anchor of a GBK page", Class::Fragment, 3, |s, n| s.anchor(&format!("#附表{n}")))
        .on(On::Gbk),
    Kind::fault("missing page, from an undeclared page", Class::NotFound, 3, |s, n| {
        s.anchor(&format!("/zwgk/plain/{n}.html"))
    })
    .on(On::Undeclared),
    Kind::fault("missing page, from a GB18030 page", Class::NotFound, 3, |s, n| {
        s.anchor(&format!("/zwgk/gb18030/{n}.html"))
    })
    .on(On::Gb18030),
    Kind::fault("missing page, from a Big5 page", Class::NotFound, 4, |s, n| {
        s.anchor(&format!("/zwgk/big5/{n}.html"))
    })
    .on(On::Big5),
    Kind::fault("missing page below a base", Class::NotFound, 4, |s, n| {
        let text = s.title();
        let html = format!("<a href=\"wz{n}.html\">{text}</a>");
        Made::new(html, "a", "href", s.resolve(&format!("{}wz{n}.html", super::BASE))).text(text)
    })
    .on(On::Base),
    // ---- a page that only the sitemap names
    Kind::fault("missing page, from a page of the sitemap", Class::NotFound, 1, |s, _| {
        s.anchor("/zwgk/annex/wz.html")
    })
    .on(On::Orphan),
];

/// A search that no longer exists, with words that a browser sends in the page's own encoding.
fn gbk_query(s: &Spot<'_>, n: usize) -> Made {
    let text = s.title();
    let html = format!("<a href=\"/search/archive{n}.jsp?q=公告\">{text}</a>");
    Made::new(html, "a", "href", s.resolve(&format!("/search/archive{n}.jsp?q=%B9%AB%B8%E6"))).text(text)
}
