//! Marks of bot checks and captchas in the scripts of a page.
//!
//! Invariant: the names are those of `browser/inject/read.js` and of `judge::classify`; what a page
//! says in words leaves no mark.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// What only the scripts of one product contain; whether letter case counts is in the last field.
const SIGNS: [(&str, &str, bool); 23] = [
    ("jsl", "__jsl_clearance", true),
    ("jsl", "('j')+('s')+('l')", true),
    ("acw", "acw_sc__v2", true),
    ("acw", "acw_sc__v3", true),
    ("ruishu", "$_ts", true),
    ("cloudflare", "challenges.cloudflare.com", true),
    ("cloudflare", "cdn-cgi/challenge-platform", true),
    ("cloudflare", "_cf_chl_", true),
    ("aliyun-waf", "_waf_", true),
    ("client-check", "window.__chl", true),
    ("tencent-captcha", "TCaptcha", true),
    ("tencent-captcha", "TencentCaptcha", true),
    ("geetest", "initGeetest", false),
    ("geetest", "gt.js", false),
    ("geetest", "gt4.js", false),
    ("geetest", "geetest", false),
    ("netease-captcha", "initNECaptcha", true),
    ("netease-captcha", "NECaptcha", true),
    ("aliyun-captcha", "AliyunCaptcha", true),
    ("aliyun-captcha", "AWSC.use", true),
    ("aliyun-captcha", "noCaptcha", true),
    ("recaptcha", "recaptcha/api.js", true),
    ("recaptcha", "hcaptcha.com", true),
];

static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(SIGNS.iter().map(|(_, sign, _)| sign))
        .ok()
});

/// Adds the marks that a script's source or address bears to `found`, each once.
pub(super) fn look(script: &[u8], found: &mut Vec<&'static str>) {
    let Some(automaton) = AUTOMATON.as_ref() else { return };
    for hit in automaton.find_overlapping_iter(script) {
        let (mark, sign, exact) = SIGNS[hit.pattern().as_usize()];
        if exact && &script[hit.range()] != sign.as_bytes() {
            continue;
        }
        let after = &script[hit.end()..];
        let holds = match mark {
            "ruishu" => {
                let next = after.iter().find(|byte| !byte.is_ascii_whitespace());
                next.is_some_and(|byte| matches!(byte, b'=' | b'.' | b'['))
            }
            "aliyun-waf" => {
                let name = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
                after.iter().take_while(|byte| name(byte)).take(6).count() == 6
            }
            "client-check" => {
                !after.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            }
            _ => true,
        };
        if holds && !found.contains(&mark) {
            found.push(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_known_by_their_marks() {
        let cases: [(&str, &[&str]); 14] = [
            ("document.cookie='__jsl_clearance=1'", &["jsl"]),
            ("('_')+('j')+('s')+('l')", &["jsl"]),
            ("var arg1; setCookie('acw_sc__v2', x)", &["acw"]),
            ("$_ts = window['$_ts']", &["ruishu"]),
            ("$_tsx = 1", &[]),
            ("$_ts", &[]),
            ("a.src='/cdn-cgi/challenge-platform/h'", &["cloudflare"]),
            ("_waf_bd8ce2ce37", &["aliyun-waf"]),
            ("_waf_x", &[]),
            ("window.__chl={}", &["client-check"]),
            ("window.__chlx", &[]),
            ("new TencentCaptcha(a); INITGEETEST()", &["tencent-captcha", "geetest"]),
            ("initNECaptcha()", &["netease-captcha"]),
            ("tcaptcha", &[]),
        ];
        for (script, want) in cases {
            let mut found = Vec::new();
            look(script.as_bytes(), &mut found);
            assert_eq!(found, want, "{script}");
        }
    }

    #[test]
    fn the_names_are_those_that_the_browser_reads() {
        let read = include_str!("../../browser/inject/read.js");
        for (mark, ..) in SIGNS {
            assert!(read.contains(&format!("['{mark}', /")), "{mark}");
        }
    }

    #[test]
    fn both_lists_know_the_same_marks() {
        let further = [
            "var $_ts = {}",
            "x_waf_1a2b3c=",
            "window.__chl=1",
            "INITGEETEST",
            "an ordinary script",
            "_waf_x",
        ];
        for script in SIGNS.iter().map(|(_, sign, _)| *sign).chain(further) {
            let mut found = Vec::new();
            look(script.as_bytes(), &mut found);
            found.sort_unstable();
            let mut judged = crate::judge::firewall::marks(std::iter::once(script));
            judged.sort_unstable();
            assert_eq!(found, judged, "{script}");
        }
    }
}
