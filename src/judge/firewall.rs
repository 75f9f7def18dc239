//! Marks of firewalls, bot checks and captchas: one list for pages that a browser shows and for pages
//! that only their source is known of.
//!
//! Invariant: a mark says that something of the kind is on the page, never that it stands in the way.

use std::sync::LazyLock;

use regex::Regex;

/// Scripts of captchas and firewalls, by what only they contain. `browser/inject/read.js` has the same
/// list for pages that it stands in; a test holds them together.
const MARKS: [(&str, &str); 11] = [
    ("jsl", r"__jsl_clearance|\('j'\)\+\('s'\)\+\('l'\)"),
    ("acw", r"acw_sc__v[23]"),
    ("ruishu", r"\$_ts\s*[=.\[]"),
    ("cloudflare", r"challenges\.cloudflare\.com|cdn-cgi\/challenge-platform|_cf_chl_"),
    ("aliyun-waf", r"_waf_[0-9a-z]{6,}"),
    ("client-check", r"window\.__chl\b"),
    ("tencent-captcha", r"TCaptcha|TencentCaptcha"),
    ("geetest", r"initGeetest|gt4?\.js|geetest"),
    ("netease-captcha", r"initNECaptcha|NECaptcha"),
    ("aliyun-captcha", r"AliyunCaptcha|AWSC\.use|noCaptcha"),
    ("recaptcha", r"recaptcha\/api\.js|hcaptcha\.com"),
];

/// How many of the marks are those of scripts that have to run before a firewall lets anybody through;
/// no ordinary page has them.
const CHECKS: usize = 6;

/// How far into a script a mark is looked for, in bytes, and in how many scripts of a page.
const FAR: usize = 20_000;
/// The scripts of a page that are looked at.
pub const MOST_SCRIPTS: usize = 200;

/// The marks of a page, by its scripts: the address of each, or its text.
pub fn marks<'a>(scripts: impl Iterator<Item = &'a str>) -> Vec<String> {
    static FOUND: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
        let compiled = MARKS.iter().filter_map(|(name, mark)| {
            // Only this one is looked for in any case, as in read.js.
            let flags = if *name == "geetest" { "(?i)" } else { "" };
            Regex::new(&format!("{flags}{mark}")).ok().map(|mark| (*name, mark))
        });
        compiled.collect()
    });
    let scripts: Vec<&str> =
        scripts.take(MOST_SCRIPTS).map(|script| &script[..script.floor_char_boundary(FAR)]).collect();
    let named = FOUND.iter().filter(|(_, mark)| scripts.iter().any(|script| mark.is_match(script)));
    named.map(|(name, _)| (*name).to_owned()).collect()
}

/// Whether a mark is that of a script that stands before a whole site.
pub fn is_check(mark: &str) -> bool {
    MARKS[..CHECKS].iter().any(|(name, _)| *name == mark)
}

/// Whether a mark is that of a captcha.
pub fn is_captcha(mark: &str) -> bool {
    MARKS[CHECKS..].iter().any(|(name, _)| *name == mark)
}

/// A header by which a firewall gives itself away, as `name: value`. Products name themselves in
/// `server`, or in headers of their own; Cloudflare says in `cf-mitigated` that it answers itself.
pub fn header<'a>(mut headers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    const PRODUCTS: [&str; 9] =
        ["waf", "safedog", "yunsuo", "yunjiasu", "anquanbao", "safeline", "knownsec", "sucuri", "imperva"];
    let telling = |name: &str, value: &str| {
        let (name, value) = (name.to_ascii_lowercase(), value.to_ascii_lowercase());
        name == "cf-mitigated"
            || PRODUCTS.iter().any(|product| name.contains(product))
            || ["server", "x-powered-by", "via"].contains(&name.as_str())
                && PRODUCTS.iter().any(|product| value.contains(product))
    };
    let (name, value) = headers.find(|(name, value)| telling(name, value))?;
    Some(format!("{name}: {value}").chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firewall_gives_itself_away() {
        let cases = [
            ("server", "nginx", false),
            ("Server", "CloudWAF", true),
            ("X-WAF-Event", "block", true),
            ("cf-mitigated", "challenge", true),
            ("x-frame-options", "deny", false),
        ];
        for (name, value, want) in cases {
            assert_eq!(header([(name, value)].into_iter()).is_some(), want, "{name}: {value}");
        }
    }

    #[test]
    fn scripts_have_marks() {
        let cases = [
            ("document.cookie='__jsl_clearance_s=1'", "jsl"),
            ("var arg1='…';setCookie('acw_sc__v2',x)", "acw"),
            ("$_ts=window['$_ts']", "ruishu"),
            ("$_ts['x']", "ruishu"),
            ("/cdn-cgi/challenge-platform/h/b/orchestrate", "cloudflare"),
            ("https://static.GEETEST.com/v4/gt4.js", "geetest"),
            ("https://www.google.com/recaptcha/api.js", "recaptcha"),
        ];
        for (script, want) in cases {
            assert_eq!(marks([script].into_iter()), [want], "{script}");
        }
        assert!(marks(["function init(){}", "/js/jquery.js"].into_iter()).is_empty());
        assert!(
            is_check("acw") && !is_check("geetest") && is_captcha("geetest") && !is_captcha("login-form")
        );
    }

    #[test]
    fn the_list_in_the_browser_is_the_same() {
        let script = include_str!("../browser/inject/read.js");
        let list = script.split("const CHALLENGES = [").nth(1).unwrap().split("];").next().unwrap();
        let lines: Vec<&str> = list.lines().map(str::trim).filter(|line| line.starts_with("['")).collect();
        assert_eq!(lines.len(), MARKS.len());
        for ((name, mark), line) in MARKS.iter().zip(lines) {
            let flag = if *name == "geetest" { "i" } else { "" };
            assert_eq!(line, format!("['{name}', /{mark}/{flag}],"));
        }
    }
}
