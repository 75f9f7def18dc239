//! What else is read of a page.

use super::*;
use crate::crawl::read::place;

#[test]
fn only_what_can_be_seen_is_text() {
    let cases = [
        (
            "the page of `http::page`",
            "<head><title>no</title></head><body><p>请<b>到窗口</b></p><p>办理</p>\
            <script>no</script><style>x{}</style><noscript>no</noscript><div hidden>no</div>\
            <div style='Display : None'>no<div>no</div></div><input type=submit value=在线办理><input placeholder=请输入>\
            <img alt=徽标><svg><title>no</title></svg><br>尾",
            "请到窗口 办理 在线办理 请输入 徽标 尾",
        ),
        ("hidden to its end", "<div hidden>no<p>no</div>甲", "甲"),
        ("hidden without an end", "<ul><li hidden>no<li>甲</ul>乙", "甲 乙"),
        ("hidden within a paragraph", "<p>甲<span hidden>no<p>乙", "甲 乙"),
        ("void elements have no end", "<input hidden>甲<img hidden alt=no>乙", "甲 乙"),
        ("a drawing without an end", "<svg><g><text>no<div>甲</div>", "甲"),
        ("a drawing that ends itself", "<svg/>甲<svg><path/></svg>乙", "甲 乙"),
        ("words in a drawing's markup", "<svg><style>no</style><script>no</script></svg>甲", "甲"),
        ("templates", "<template><p>no</p></template>甲", "甲"),
        ("frames", "<iframe>no</iframe>甲<object>no</object>乙", "甲 乙"),
        ("fields", "<textarea>甲</textarea><select><option>乙<option>丙</select>", "甲 乙 丙"),
        ("references and broken markup", "<<<>>>甲&lt;&#20057;</ <!-- no -->&nbsp;丙", "<<<>>>甲<乙 丙"),
        ("control characters", "甲\u{7}\u{1b}乙", "甲乙"),
        ("characters in pieces", "<中文<\u{20000}x", "<中文<\u{20000}x"),
    ];
    for (name, html, want) in cases {
        assert_eq!(read(html).text, want, "{name}");
    }
    let long = page(&"甲 乙".repeat(5_000), &url(HERE), UTF_8, &Limits { text: 50, links: 9 });
    assert_eq!((long.text.chars().count(), long.text_chars), (49, 10_000));
}

#[test]
fn what_a_page_is() {
    let reading = read(
        "<html lang=' zh-CN '><svg><title>图</title></svg><title> 市政务\n\u{1b} 服务网 </title><title>no</title>\
         <meta name=Viewport content=x><meta http-equiv=refresh content='3;URL=\"/next\"'>\
         <script src=/x.js></script><script>x()</script><script type=module>y()</script><script> </script>\
         <script type=application/ld+json>{}</script><script type=text/x-template><p></script>\
         <form><input><input type=PASSWORD><select></select><textarea></textarea><input type=hidden>\
         <input type=submit><input type=password hidden><div style=display:none><input type=password></div></form>\
         <a href=/x>1</a><a href=/x>2</a><a href=#p>3</a><a href=javascript:x>4</a><a>5</a><a href='htp://x'>6</a>",
    );
    assert_eq!(reading.title, "市政务 服务网");
    assert_eq!(reading.lang.as_deref(), Some("zh-CN"));
    assert!(reading.viewport);
    assert_eq!(reading.refresh, Some((3, url("http://portal.cn/next"))));
    assert_eq!((reading.scripts, reading.inputs, reading.passwords, reading.anchors), (3, 4, 1, 2));
    assert_eq!(read("<title>第一</title>").title, "第一");
    assert_eq!(read(&format!("<title>{}", "字".repeat(10_000_000 / 3))).title.chars().count(), 300);
}

#[test]
fn where_a_page_leads_by_itself() {
    let cases = [
        ("0;url=/x", Some((0, "/x"))),
        ("5", None),
        (" 5 ; URL = '/x y' z", Some((5, "/x%20y"))),
        ("5,/x", Some((5, "/x"))),
        ("5 /x", Some((5, "/x"))),
        ("1.5;url=/x", Some((1, "/x"))),
        (".5;url=/x", Some((0, "/x"))),
        ("url=/x", None),
        ("99999999999;url=/x", Some((u32::MAX, "/x"))),
        ("5;url=", None),
        ("5x;url=/x", None),
        ("3;url=javascript:x", None),
    ];
    for (content, want) in cases {
        let refresh = read(&format!("<meta http-equiv=refresh content=\"{content}\">")).refresh;
        let found = refresh.map(|(seconds, to)| (seconds, to.path().to_owned()));
        assert_eq!(found, want.map(|(seconds, path)| (seconds, path.to_owned())), "{content}");
    }
}

#[test]
fn places_that_a_fragment_can_name() {
    let reading = read(
        "<p id=one><a name=two><img name=no><div hidden id=三><svg><g id=four></svg><p id=a%20b>\
         <!-- <p id=no> --><template><p id=no></template><script>'<p id=no>'</script><p id=one>",
    );
    for (name, there) in [
        ("one", true),
        ("two", true),
        ("三", true),
        ("four", true),
        ("a%20b", true),
        ("a b", true),
        ("no", false),
        ("One", false),
    ] {
        assert_eq!(reading.has_place(name), there, "{name}");
    }
    assert_eq!(reading.places.len(), 6);
    assert!(reading.places.is_sorted());
    assert_eq!(place("one"), place("one"));
}

#[test]
fn bot_checks_are_known_by_scripts_alone() {
    let reading = read("<p>__jsl_clearance</p><a href='/acw_sc__v2'>$_ts=1</a><!-- _cf_chl_ -->");
    assert!(reading.marks.is_empty());
    let reading = read("<script>if(a<__jsl_clearance){}</script><script src=https://x.cn/gt.js></script>");
    assert_eq!(reading.marks, ["jsl", "geetest"]);
    assert_eq!(read("<script>$_ts=1;").marks, ["ruishu"], "an unclosed script");
}
