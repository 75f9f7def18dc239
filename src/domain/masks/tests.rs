use proptest::prelude::*;

use super::*;
use crate::domain::observation::{DialogFact, Facts, PhraseFact, PhrasePlace, Transport, TransportClass};

fn masks(values: &[&str]) -> Masks {
    let mut masks = Masks::new();
    for value in values {
        masks.hide(value);
    }
    masks
}

#[test]
fn values_are_found_however_they_are_written() {
    let masks = masks(&["张示范", "Ab 12", "0800-0000000", "A & B <C>", "12"]);
    let cases = [
        ("as typed", "申请人：张示范，您好", "申请人：███，您好"),
        ("twice", "张示范和张示范", "███和███"),
        ("with blanks", "张 示\n范", "███"),
        ("in other letters", "编号ＡＢ12。", "编号███。"),
        ("a number in other groups", "电话 0800 0000-000", "电话 ███"),
        ("a number inside a longer one", "108000000000", "108000000000"),
        ("a word inside a longer one", "grab 12x", "grab 12x"),
        ("numbers of two digits are everywhere", "12:12", "12:12"),
        ("what was cut off", "您好，张示…", "您好，███…"),
        ("known by its form", "13800138000", "███"),
        ("two that touch", "张示范13800138000", "███"),
        ("nothing", "药品经营许可证", "药品经营许可证"),
        ("masked already", "███", "███"),
    ];
    for (name, text, want) in cases {
        assert_eq!(masks.text(text), want, "{name}");
    }
    assert_eq!(masks.html("<p>A &amp; B &lt;C&gt;</p>"), "<p>███</p>");
}

#[test]
fn what_is_public_stays() {
    let mut masks = Masks::new();
    masks.publish("药品经营许可证核发（零售）");
    masks.hide("药品经营许可证");
    masks.hide("张示范");
    assert_eq!(masks.text("药品经营许可证 张示范"), "药品经营许可证 ███");
}

#[test]
fn long_values_are_found_in_pieces() {
    let long = "本店位于示范市示范区示范路一号，营业面积一百二十平方米，另有仓库两间和冷藏设备一套。";
    let masks = masks(&[long]);
    let cut: String = long.chars().take(37).collect();
    let masked = masks.text(&cut).into_owned();
    assert!(masked.starts_with(MARK) && masked.chars().count() < 10, "{masked}");
    assert_eq!(masks.piece(&cut), MARK);
}

#[test]
fn pieces_lose_what_is_torn_at_their_edges() {
    let masks = masks(&["张示范有限公司"]);
    let cases = [
        ("有限公司请到窗口", "███请到窗口"),
        ("请到窗口张示", "请到窗口███"),
        ("9491231002 请到窗口 110105", "███ 请到窗口 ███"),
        ("司请到窗口张", "司请到窗口张"),
    ];
    for (text, want) in cases {
        assert_eq!(masks.piece(text), want, "{text}");
    }
}

#[test]
fn addresses_keep_what_is_not_personal() {
    let masks = masks(&["张示范", "2020-01-02", "a/b"]);
    let cases = [
        (
            "UTF-8",
            "http://a.example/r?name=%E5%BC%A0%E7%A4%BA%E8%8C%83&n=1",
            "http://a.example/r?name=███&n=1",
        ),
        ("GB 18030", "http://a.example/r?name=%D5%C5%CA%BE%B7%B6", "http://a.example/r?name=███"),
        (
            "escaped twice",
            "http://a.example/r?to=%252Fx%253Fn%253D%25E5%25BC%25A0%25E7%25A4%25BA%25E8%258C%2583",
            "http://a.example/r?to=%2Fx%3Fn%3D███",
        ),
        ("as it is", "http://a.example/张示范/r", "http://a.example/███/r"),
        (
            "behind the #",
            "http://a.example/#/r?name=%E5%BC%A0%E7%A4%BA%E8%8C%83",
            "http://a.example/#/r?name=███",
        ),
        ("with dividers in it", "http://a.example/?d=a%2Fb&e=a/b", "http://a.example/?d=███&e=███"),
        ("a date", "http://a.example/2020-01-02/x", "http://a.example/███/x"),
        (
            "a number in the query",
            "http://a.example/?id=11010519491231002X&m=13800138000",
            "http://a.example/?id=███&m=███",
        ),
        ("a mail address", "http://a.example/?to=a%40b.cn", "http://a.example/?to=███"),
        (
            "a number that is a whole part",
            "http://a.example/user/13800138000/home",
            "http://a.example/user/███/home",
        ),
        (
            "the number of an article",
            "http://a.example/art/art_13912345678_99.html",
            "http://a.example/art/art_13912345678_99.html",
        ),
        (
            "a long number of an article",
            "http://a.example/art/4111111111111111.html",
            "http://a.example/art/4111111111111111.html",
        ),
        (
            "an ID number wherever it stands",
            "http://a.example/f/11010519491231002X.pdf",
            "http://a.example/f/███.pdf",
        ),
        ("nothing", "http://127.0.0.1:8600/a?b=%E8%8D%AF+1#c", "http://127.0.0.1:8600/a?b=%E8%8D%AF+1#c"),
        ("no address", "about:blank", "about:blank"),
    ];
    for (name, url, want) in cases {
        assert_eq!(masks.url(url), want, "{name}");
    }
}

#[test]
fn documents_lose_what_stands_in_fields() {
    let masks = masks(&["张示范"]);
    let cases = [
        ("<input name=\"a\" value=\"甲\">", "<input name=\"a\" value=\"███\">"),
        ("<INPUT VALUE='甲>乙' type='tel'/>", "<INPUT VALUE='███' type='tel'/>"),
        ("<input type=\"submit\" value=\"提交\">", "<input type=\"submit\" value=\"提交\">"),
        ("<input value=\"\" disabled>", "<input value=\"\" disabled>"),
        ("<textarea rows=\"2\">甲</textarea>乙", "<textarea rows=\"2\">███</textarea>乙"),
        ("<textarea></textarea>", "<textarea></textarea>"),
        ("<textarea>甲", "<textarea>███"),
        ("<p title=\"张示范\">张示范</p>", "<p title=\"███\">███</p>"),
        ("<input", "<input"),
        ("a < b", "a < b"),
    ];
    for (html, want) in cases {
        assert_eq!(masks.html(html), want, "{html}");
    }
}

#[test]
fn facts_lose_what_is_personal() {
    let masks = masks(&["张示范"]);
    let mut facts = Facts {
        url: "http://a.example/?n=%E5%BC%A0%E7%A4%BA%E8%8C%83".to_owned(),
        title: "张示范的申请".to_owned(),
        dialogs: vec![DialogFact {
            kind: "alert".to_owned(),
            text: "张示范，提交失败".to_owned(),
            accepted: true,
        }],
        phrase: Some(PhraseFact {
            phrase: "请到窗口".to_owned(),
            context: "示范，请到窗口".to_owned(),
            place: PhrasePlace::Page,
            area: None,
        }),
        windows: vec!["http://a.example/张示范".to_owned()],
        ..Facts::default()
    };
    masks.facts(&mut facts);
    let kept = serde_json::to_string(&facts).unwrap();
    assert!(!kept.contains("示范") && !kept.contains("%E5"), "{kept}");
    assert!(kept.contains("提交失败") && kept.contains("请到窗口"), "{kept}");
}

/// A number whose check digit is right.
#[test]
fn visits_lose_what_is_personal() {
    use crate::domain::visit::{Certificate, Hop, SecondLook, Visit};
    let masks = masks(&["张示范"]);
    let url = || "http://a.example/?n=%E5%BC%A0%E7%A4%BA%E8%8C%83".to_owned();
    let name = || "张示范".to_owned();
    let transport = || Some(Transport { class: TransportClass::Other, detail: name() });
    let certificate = Certificate {
        subject: format!("CN={}", name()),
        issuer: name(),
        names: vec![name(), "a.example".to_owned()],
        not_before: None,
        not_after: None,
        days_left: 0,
        key: String::new(),
        signature: String::new(),
        chain: 1,
        valid: true,
        faults: Vec::new(),
    };
    let mut visit = Visit {
        url: url(),
        final_url: url(),
        redirects: vec![(url(), 302)],
        title: name(),
        lang: Some(name()),
        transport: transport(),
        hops: vec![Hop {
            url: url(),
            location: Some(url()),
            certificate: Some(Box::new(certificate)),
            ..Hop::default()
        }],
        second_look: Some(SecondLook {
            url: url(),
            title: name(),
            transport: transport(),
            ..SecondLook::default()
        }),
        ..Visit::default()
    };
    masks.visit(&mut visit);
    let kept = serde_json::to_string(&visit).unwrap();
    assert!(!kept.contains("示范") && !kept.contains("%E5"), "{kept}");
    assert!(kept.contains("a.example"), "{kept}");
}

fn resident_id() -> impl Strategy<Value = String> {
    (110_000u32..660_000, 1900u32..2020, 1u32..13, 1u32..29, 0u32..1000).prop_map(
        |(area, year, month, day, n)| {
            let body = format!("{area:06}{year:04}{month:02}{day:02}{n:03}");
            let weights = [7u32, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
            let sum: u32 = weights.iter().zip(body.bytes()).map(|(w, b)| w * u32::from(b - b'0')).sum();
            let check = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][(sum % 11) as usize];
            format!("{body}{check}")
        },
    )
}

proptest! {
    #[test]
    fn every_right_number_is_masked(id in resident_id(), before in "[药品：，。a-z ]{0,9}", small in any::<bool>(), wide in any::<bool>()) {
        let mut written = if small { id.to_lowercase() } else { id.clone() };
        if wide {
            written = written.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
        }
        let text = format!("{before}{written}，请核对");
        let masked = Masks::new().text(&text).into_owned();
        prop_assert_eq!(masked, format!("{before}{MARK}，请核对"));
    }

    #[test]
    fn no_text_breaks_it_and_no_value_is_left(text in any::<String>(), value in "[\u{4e00}-\u{4eff}a-z0-9 &-]{2,40}", glue in "[，。 <>\"]{0,3}") {
        let mut masks = Masks::new();
        masks.hide(&value);
        let whole = format!("{text}{glue}\n{value}\n{glue}{text}");
        let masked = masks.text(&whole).into_owned();
        if masks.has_values() && !fold(&value).is_ascii() {
            prop_assert!(!fold(&masked).contains(&fold(&value)), "{:?}", masked);
        }
        prop_assert_eq!(masks.text(&masked).into_owned(), masked.clone());
        let _ = (masks.piece(&whole), masks.url(&whole), masks.html(&whole));
    }

    #[test]
    fn addresses_never_keep_a_value(value in "[\u{4e00}-\u{4eff}]{2,8}", path in "[a-z0-9/_.]{0,20}") {
        let mut masks = Masks::new();
        masks.hide(&value);
        let mut url = url::Url::parse(&format!("http://a.example/{path}")).unwrap();
        url.query_pairs_mut().append_pair("n", &value).append_pair("q", &format!("x{value}y"));
        let masked = masks.url(url.as_str()).into_owned();
        let plain: String = url::form_urlencoded::parse(masked.as_bytes()).flat_map(|(a, b)| [a.into_owned(), b.into_owned()]).collect();
        prop_assert!(!plain.contains(&value), "{}", masked);
        prop_assert!(url::Url::parse(&masked).is_ok());
    }
}
