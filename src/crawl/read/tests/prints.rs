//! How alike pages are.

use super::*;
use crate::crawl::read::Print;

/// A page of a template like those of portals: a long head, navigation and foot around the content.
fn portal(title: &str, content: &str) -> String {
    let menu = (0..40)
        .map(|n| format!("<li><a href=/c{n}>栏目{}之{n}</a></li>", "政务公开办事服务".repeat(2)))
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<html><head><title>{title}</title></head><body><h1>示范市人民政府门户网站</h1><ul>{menu}</ul>\
         <div class=content>{content}</div><footer>主办单位：示范市人民政府办公室 网站标识码 5100000001 备案号 蜀ICP备1号</footer>"
    )
}

fn missing(path: &str) -> String {
    portal(
        "页面不存在",
        &format!("<h2>404</h2><p>抱歉，您访问的页面 {path} 不存在或已被删除。</p><p>{}</p>", path.len()),
    )
}

fn print(address: &str, html: &str) -> Print {
    page(html, &url(address), UTF_8, &Limits::default()).print
}

#[test]
fn answers_that_name_another_path_are_alike() {
    let english = |path: &str| {
        format!(
            "<title>Not Found</title><h1>Not Found</h1><p>The requested URL {path} was not found on this server."
        )
    };
    let word = |word: &str| format!("<h1>Cannot find “{word}”</h1><p>Try the search instead.</p>");
    let cases = [
        ("in a template", missing("/a/gone.html"), missing("/art/2024/5/1/art_12_9.html")),
        (
            "as a whole address",
            missing("http://portal.cn/a/gone.html?x=1"),
            missing("http://portal.cn/b/x-y_z"),
        ),
        ("a short page in English", english("/a/gone.html"), english("/other/place")),
        ("one word", word("gone"), word("other")),
        (
            "a time and a number",
            portal("错误", "2024年5月1日 12:03:04 请求号 8f3a-11e9"),
            portal("错误", "2025年11月12日 9:01:59 请求号 77b1-02cc"),
        ),
    ];
    for (name, one, other) in cases {
        let (one, other) =
            (print("http://portal.cn/a/gone.html", &one), print("http://portal.cn/art/other.html", &other));
        let alike = one.similarity(&other);
        assert!(alike >= 0.9, "{name}: {alike}");
    }
}

#[test]
fn other_articles_in_the_same_template_are_not_alike() {
    let notice =
        portal("关于放假安排的通知", "<p>根据国务院办公厅通知，现将放假安排公布如下，请各单位遵照执行。</p>");
    let guide = portal(
        "药品经营许可证核发办事指南",
        "<p>申请人应当具备下列条件，并在线提交申请材料，窗口收到后五日内受理。</p>",
    );
    let long =
        portal("政府工作报告", &format!("<p>{}</p>", "过去一年全市经济稳中有进民生持续改善".repeat(80)));
    let picture = portal("市民广场夜景", "<img src=/x.jpg>");
    let pages = [
        ("notice", &notice),
        ("guide", &guide),
        ("long", &long),
        ("picture", &picture),
        ("missing", &missing("/x")),
    ];
    for (i, (name, html)) in pages.iter().enumerate() {
        for (other_name, other) in &pages[i + 1..] {
            let alike = print("http://portal.cn/x", html).similarity(&print("http://portal.cn/y", other));
            assert!(alike < 0.9, "{name} and {other_name}: {alike}");
        }
    }
}

#[test]
fn alike_is_between_nothing_and_everything() {
    let empty = print(HERE, "");
    let some = print(HERE, "<p>市政务服务网</p>");
    let many = print(HERE, &"办事指南在线办理咨询投诉 word ".repeat(20_000));
    assert!((empty.similarity(&empty) - 1.0).abs() < 1e-9);
    assert!((many.similarity(&many) - 1.0).abs() < 1e-9);
    assert!(empty.similarity(&some) < 1e-9);
    assert!(some.similarity(&many) < 0.1);
    assert_eq!((empty.units(), some.units()), (0, 6));
    assert!((some.similarity(&many) - many.similarity(&some)).abs() < 1e-9);
    // Markup does not count, words in several pieces do.
    let split = print(HERE, "<p>市<b>政务</b>服<!-- x -->务&#32593;</p>");
    assert_eq!(split, some);
}
