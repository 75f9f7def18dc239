//! Which links are found, and where.

use encoding_rs::{BIG5, GBK, UTF_8, UTF_16LE};

use super::*;
use crate::crawl::read::{Kind, css};
use crate::domain::link::LinkClass;
use crate::http::address::MAX_URL;

#[test]
fn every_kind_of_link() {
    let cases: [(&str, &[&str]); 39] = [
        ("<a href=b.html>", &["page /a/b.html"]),
        ("<A HREF='/x' HREF='/no'>", &["page /x"]),
        ("<map><area href=/map></map>", &["page /map"]),
        (
            "<img src=/i.png srcset='/i1.png 1x, /i2.png 2x'>",
            &["asset /i.png", "asset /i1.png", "asset /i2.png"],
        ),
        ("<picture><source srcset=/s.webp></picture>", &["asset /s.webp"]),
        (
            "<video src=/v.mp4 poster=/p.jpg><source src=/w.mp4><track src=/t.vtt></video>",
            &["asset /v.mp4", "asset /p.jpg", "asset /w.mp4", "asset /t.vtt"],
        ),
        ("<audio src=/a.mp3></audio>", &["asset /a.mp3"]),
        ("<script src=/s.js></script>", &["asset /s.js"]),
        ("<script src=/s type=text/template></script>", &[]),
        ("<link rel=stylesheet href=/s.css>", &["style /s.css"]),
        ("<link rel='Shortcut Icon' href=/favicon.ico>", &["asset /favicon.ico"]),
        ("<link rel='DNS-Prefetch' href=//cdn.cn><link rel=preconnect href=//cdn.cn>", &[]),
        ("<link rel=canonical href=/c><link rel=alternate href=/m><link href=/x>", &[]),
        ("<iframe src=/f></iframe><frameset><frame src=/g#p></frameset>", &["frame /f", "frame /g#p"]),
        ("<embed src=/e.swf><object data=/o.pdf></object>", &["asset /e.swf", "asset /o.pdf"]),
        ("<input type=IMAGE src=/go.png><input src=/no>", &["asset /go.png"]),
        (
            "<body background=/b.gif><table background=/t.gif><tr><td background=/d.gif>",
            &["asset /b.gif", "asset /t.gif", "asset /d.gif"],
        ),
        ("<form action=/find><button formaction=/more>x</button></form>", &["get /find", "get /more"]),
        (
            "<form action=/save method=POST><input type=submit formaction=/more></form>",
            &["post /save", "post /more"],
        ),
        ("<form method=dialog action=/no><button formaction=/yes formmethod=post></form>", &["post /yes"]),
        ("<form action=''><form action='javascript:x'>", &[]),
        ("<meta http-equiv=Refresh content='5; url=/next#p'>", &["refresh /next#p"]),
        ("<div style=\"background:url('/d.png')\">", &["asset /d.png"]),
        ("<style>@import 'x.css';a{b:url(y.png)}</style>", &["style /a/x.css", "asset /a/y.png"]),
        ("<svg><a xlink:href=/svg>x</a></svg>", &["page /svg"]),
        ("<a href=#p><a href=index.html?x=1#q>", &["page /a/index.html?x=1#p", "page /a/index.html?x=1#q"]),
        ("<a href=''><a href=#><a href=#top><a href=#/route><a href='?x=1'>", &[]),
        ("<a href='/x#'><a href='/x#TOP'><a href='/x#!r'><a href='/x#:~:text=y'>", &["page /x"]),
        ("<a href='/x#p:~:text=y'><a href='/x#%E7%AB%A0'>", &["page /x#p", "page /x#章"]),
        ("<a href='##'><a href='###'><a href='#none'><a href='#javascript:;'><a href='#-'>", &[]),
        ("<a href='#tab' onclick='show()'><a href='/x#tab' onclick='show()'>", &["page /x#tab"]),
        ("<a href='/x#%D5%C2'>", &["page /x"]),
        ("<a href=javascript:void(0)><a href=' \tJAVA\nSCRIPT:x'><a href=data:,x>", &[]),
        (
            "<a href=mailto:a@b.cn><a href=tel:1><a href=sms:1><a href=weixin://x><a href=about:blank><a href=blob:x>",
            &[],
        ),
        ("<a href='{{item.url}}'><img src='${x}'><a href=/real>", &["page /real"]),
        (
            "<!-- <a href=/no> --><noscript><a href=/no></noscript><template><a href=/no></template><a href=/yes>",
            &["page /yes"],
        ),
        (
            "<textarea><a href=/no></textarea><title><a href=/no></title><script>'<a href=/no>'</script><a href=/yes>",
            &["page /yes"],
        ),
        ("<a data-href=/no data-url=/no><img data-src=/no>", &[]),
        ("<a href=/same>1</a><a href=/same>2</a><img src=/same>", &["page /same", "asset /same"]),
    ];
    for (html, want) in cases {
        assert_eq!(lines(html), want, "{html}");
    }
}

#[test]
fn addresses_are_read_as_browsers_read_them() {
    let cases = [
        ("spaces around and line breaks within", " /a b/\n\tc ", "/a%20b/c"),
        ("references", "/x?a=1&amp;b=2&copy=3", "/x?a=1&b=2&copy=3"),
        ("backslashes", "\\\\www.other.cn\\x", "http://www.other.cn/x"),
        ("no scheme", "//other.cn/x", "http://other.cn/x"),
        ("a Chinese host", "http://政务.cn/", "http://xn--zfr164b.cn/"),
        ("a Chinese path", "/路径/指南.html", "/%E8%B7%AF%E5%BE%84/%E6%8C%87%E5%8D%97.html"),
        ("percent-encoded GBK is left alone", "/%D6%B8?q=%C4%CF", "/%D6%B8?q=%C4%CF"),
        ("dots", "../../../x/./y", "/x/y"),
        ("a NUL", "/\u{0}", "/%EF%BF%BD"),
    ];
    for (name, written, want) in cases {
        let found = lines(&format!("<a href=\"{written}\">"));
        assert_eq!(found, [format!("page {want}")], "{name}");
    }
    let long = |length| lines(&format!("<a href='/{}'>", "x".repeat(length)));
    assert!(long(MAX_URL).is_empty());
    assert_eq!(long(MAX_URL - 100).len(), 1);
}

#[test]
fn queries_are_in_the_encoding_of_the_page() {
    let html = "<a href='/指?q=南'>";
    for (encoding, want) in [
        (GBK, "http://portal.cn/%E6%8C%87?q=%C4%CF"),
        (BIG5, "http://portal.cn/%E6%8C%87?q=%ABn"),
        (UTF_8, "http://portal.cn/%E6%8C%87?q=%E5%8D%97"),
        (UTF_16LE, "http://portal.cn/%E6%8C%87?q=%E5%8D%97"),
    ] {
        let reading = page(html, &url(HERE), encoding, &Limits::default());
        assert_eq!(reading.links[0].url.as_str(), want, "{}", encoding.name());
    }
}

#[test]
fn a_base_moves_relative_links() {
    let cases: [(&str, &[&str]); 6] = [
        ("<base href=/b/><a href=x><img src=y>", &["page /b/x", "asset /b/y"]),
        ("<base target=_blank><base href=/b/><base href=/no/><a href=x>", &["page /b/x"]),
        ("<base href='javascript:x'><base href=/no/><a href=x>", &["page /a/x"]),
        ("<base href=/b/><a href=#p>", &["page /b/#p"]),
        // What was loaded before it came stays, what is followed later moves.
        ("<img src=y><a href=x><base href=/b/><img src=z>", &["asset /a/y", "page /b/x", "asset /b/z"]),
        ("<template><base href=/no/></template><a href=x>", &["page /a/x"]),
    ];
    for (html, want) in cases {
        assert_eq!(lines(html), want, "{html}");
    }
}

#[test]
fn addresses_that_cannot_work() {
    use LinkClass::{LocalAddress, Malformed};
    let cases = [
        ("http://[", Malformed),
        ("http://", Malformed),
        ("https://www.x.cn:99999/", Malformed),
        ("http://a b/", Malformed),
        ("htp://www.x.cn/", Malformed),
        ("file:///C:/x.doc", LocalAddress),
        ("C:\\Users\\x.doc", LocalAddress),
        ("d:/x.doc", LocalAddress),
        ("\\\\server\\share\\x.doc", LocalAddress),
        ("\\\\192.168.1.5\\x.doc", LocalAddress),
        ("http://localhost:8080/x", LocalAddress),
        ("http://127.0.0.1/x", LocalAddress),
        ("https://[::1]/x", LocalAddress),
    ];
    for (written, class) in cases {
        let reading = read(&format!("办<a href='{written}'>附件</a>"));
        assert!(reading.links.is_empty(), "{written}: {:?}", reading.links);
        let wrong = &reading.wrong[0];
        assert_eq!((wrong.written.as_str(), wrong.class), (written, class));
        assert_eq!((wrong.element, wrong.attribute, wrong.text.as_str()), ("a", "href", "附件"));
        assert_eq!((wrong.line, wrong.column), (1, 2));
    }
    let local =
        page("<a href=http://localhost:1/x>", &url("http://127.0.0.1:8600/"), UTF_8, &Limits::default());
    assert_eq!((local.links.len(), local.wrong.len()), (1, 0), "a local portal may lead to itself");
    let long = read(&format!("<a href='http://[{}\u{7}'>", "x".repeat(900)));
    assert_eq!(long.wrong[0].written.chars().count(), 500);
    assert!(read("<a href='x:y'><a href='T:x'><a href='ftp://x/'>").wrong.is_empty());
}

#[test]
fn positions_are_those_of_the_element() {
    let html = "<!doctype html>\r\n市政务<b>服务</b><a\n href=/1>一</a>\n\n  <p>办&amp;事&#x4e2d;<&<中<img\tsrc=/2>\
        <script>if(a<b){'&amp;'}</script><a href=/3>\u{0}\r<a href=/4>";
    let found: Vec<_> =
        read(html).links.iter().map(|l| (l.url.path().to_owned(), l.line, l.column)).collect();
    let want = [("/1", 2, 13), ("/2", 5, 25), ("/3", 5, 70), ("/4", 5, 83)];
    assert_eq!(found, want.map(|(path, line, column)| (path.to_owned(), line, column)));
}

#[test]
fn the_words_on_a_link() {
    let cases = [
        ("<a href=/x> 办事 <b>指\n南</b></a>after", "办事 指 南"),
        ("<a href=/x>one<a href=/y>two", "one"),
        ("<a href=/x title=名><img alt=图></a>", "名"),
        ("<a href=/x><img src=/i><img alt=图></a>", "图"),
        ("<a href=/x aria-label=名></a>", "名"),
        ("<a href=/x></a>after", "<a>"),
        ("<a href=/x><script>no</script><style>no</style></a>", "<a>"),
        ("<a href=/x><svg><title>微信</title></svg></a>", "微信"),
        ("<div hidden><a href=/x>菜单</a></div>", "菜单"),
        ("<ul><li><a href=/x>one<li>two</ul>", "one"),
        ("<p><a href=/x>one<p>two", "one"),
        ("<a href=/x><div>one</a>two</div>", "one"),
        ("<li onclick=\"location='/x'\"><a href=/y>one</a> two</li>", "one two"),
        ("<img alt=图 src=/x>", "图"),
        ("<button formaction=/x>提交</button>", "提交"),
        ("<a href=/x>甲</a><a href=/x>乙</a>", "甲"),
    ];
    for (html, want) in cases {
        let reading = read(html);
        let link = reading.links.iter().find(|link| link.url.path() == "/x").unwrap();
        assert_eq!(link.text, want, "{html}");
    }
    let long = read(&format!("<a href=/x>{}</a>", "字".repeat(500)));
    assert_eq!(long.links[0].text.chars().count(), 80);
}

#[test]
fn sets_of_pictures() {
    let cases: [(&str, &[&str]); 6] = [
        ("a.png", &["/a/a.png"]),
        (" a.png 1x , b.png 2x,", &["/a/a.png", "/a/b.png"]),
        ("a.png, b.png 100w,c.png 2x", &["/a/a.png", "/a/b.png", "/a/c.png"]),
        ("a,b.png 1x", &["/a/a,b.png"]),
        ("data:image/png;base64,x,y 1x, a.png f(1, 2) , b.png", &["/a/a.png", "/a/b.png"]),
        (" , ,", &[]),
    ];
    for (set, want) in cases {
        let found = read(&format!("<img srcset='{set}'>")).links;
        assert_eq!(found.iter().map(|link| link.url.path()).collect::<Vec<_>>(), want, "{set}");
    }
}

#[test]
fn style_sheets() {
    let sheet = css(
        "图{}\n a{b:url(../i.png)}\n@import 'http://localhost/x';@import 'y.css'",
        &url(HERE),
        &Limits::default(),
    );
    let found: Vec<_> = sheet.links.iter().map(|l| (line(l), l.attribute, l.line, l.column)).collect();
    assert_eq!(
        found,
        [("asset /i.png".to_owned(), "url", 2, 6), ("style /a/y.css".to_owned(), "@import", 3, 38),]
    );
    assert_eq!((sheet.wrong.len(), sheet.wrong[0].line, sheet.cut), (1, 3, false));
    assert_eq!((sheet.links[0].element, sheet.links[0].kind), ("css", Kind::Asset));
}
