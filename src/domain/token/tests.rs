use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn key() -> Key {
    Key::new([7; 32])
}

fn claim() -> Claim {
    Claim {
        incident: "01936a5e-7c00-7000-8000-000000000001".into(),
        recipient: "值班@例子.中国".into(),
        expires_at: at(1_795_924_800),
    }
}

#[test]
fn a_token_is_taken_until_it_expires_and_by_its_own_key_only() {
    let token = seal(&key(), &claim());
    let hook = Claim { recipient: "hook:wecom".into(), ..claim() };
    let cases = [
        ("in time", open(&key(), &token, at(1_795_924_799)), Ok(claim())),
        ("in its last second", open(&key(), &token, at(1_795_924_800)), Ok(claim())),
        (
            "a second late",
            open(&key(), &token, at(1_795_924_801)),
            Err(Refused::Expired { incident: claim().incident }),
        ),
        ("of another agent", open(&Key::new([8; 32]), &token, at(0)), Err(Refused::Altered)),
        // An altered token must not tell whether it would have expired.
        (
            "of another agent, late",
            open(&Key::new([8; 32]), &token, at(1_999_999_999)),
            Err(Refused::Altered),
        ),
        ("nothing", open(&key(), "", at(0)), Err(Refused::Altered)),
        ("short", open(&key(), "AQ", at(0)), Err(Refused::Altered)),
        ("endless", open(&key(), &"A".repeat(100_000), at(0)), Err(Refused::Altered)),
        ("with padding", open(&key(), &format!("{token}=="), at(0)), Err(Refused::Altered)),
        ("for a webhook", open(&key(), &seal(&key(), &hook), at(0)), Ok(hook.clone())),
    ];
    for (name, got, want) in cases {
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn a_token_of_which_anything_is_altered_is_refused() {
    let token = seal(&key(), &claim());
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[place] ^= 1 << bit;
            let altered = URL_SAFE_NO_PAD.encode(altered);
            assert_eq!(open(&key(), &altered, at(0)), Err(Refused::Altered), "byte {place}, bit {bit}");
        }
    }
    for cut in 0..token.len() {
        assert_eq!(open(&key(), &token[..cut], at(0)), Err(Refused::Altered), "cut at {cut}");
    }
    // The spelling is no second way in: the last letter carries bits that stand for nothing.
    for letter in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_', '+', '/', '%', ' ']) {
        let other = format!("{}{letter}", &token[..token.len() - 1]);
        assert!(other == token || open(&key(), &other, at(0)).is_err(), "{other}");
    }
}

#[test]
fn the_border_between_incident_and_recipient_is_signed_too() {
    let shifted = Claim { incident: "ab".into(), recipient: "c@d".into(), ..claim() };
    let other = Claim { incident: "a".into(), recipient: "bc@d".into(), ..claim() };
    assert_ne!(seal(&key(), &shifted), seal(&key(), &other));
    assert_eq!(open(&key(), &seal(&key(), &shifted), at(0)), Ok(shifted));
}

#[test]
fn a_form_belongs_to_one_link() {
    let (one, other) = (seal(&key(), &claim()), seal(&key(), &Claim { incident: "i2".into(), ..claim() }));
    assert!(is_form(&key(), &one, &form(&key(), &one)));
    assert!(!is_form(&key(), &other, &form(&key(), &one)));
    assert!(!is_form(&Key::new([8; 32]), &one, &form(&key(), &one)));
    assert!(!is_form(&key(), &one, ""));
    let signature = URL_SAFE_NO_PAD.encode(&URL_SAFE_NO_PAD.decode(&one).unwrap()[claim_len()..]);
    assert!(!is_form(&key(), &one, &signature), "a link's signature is none of a form");
}

fn claim_len() -> usize {
    HEAD + claim().incident.as_str().len() + claim().recipient.to_string().len()
}

#[test]
fn links_stand_below_the_public_address_and_last_a_week() {
    let now = at(1_795_320_000);
    let cases = [
        ("https://watch.example.org", "https://watch.example.org/ack/"),
        ("https://watch.example.org/", "https://watch.example.org/ack/"),
        ("https://example.org/shopper/?a=b#c", "https://example.org/shopper/ack/"),
        ("http://[::1]:8787", "http://[::1]:8787/ack/"),
    ];
    for (public, want) in cases {
        let claim = claim();
        let url = link(&Url::parse(public).unwrap(), &key(), &claim.incident, &claim.recipient, now);
        let token = url.as_str().strip_prefix(want).unwrap_or_else(|| panic!("{url} is not below {want}"));
        let read = open(&key(), token, now).unwrap();
        assert_eq!((read.incident, read.recipient), (claim.incident, claim.recipient));
        assert_eq!(read.expires_at, now + LASTS);
    }
}

#[test]
fn a_key_does_not_show_itself() {
    assert_eq!(format!("{:?}", Key::new([42; 32])), "Key(…)");
}

proptest! {
    #[test]
    fn what_is_sealed_opens_as_it_was(incident in "[0-9a-f-]{1,40}", to in "(hook:)?\\PC{0,80}", expires in 0_i64..4_000_000_000, key in any::<[u8; 32]>()) {
        let claim = Claim { incident: incident.as_str().into(), recipient: to.as_str().into(), expires_at: at(expires) };
        let token = seal(&Key::new(key), &claim);
        prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(open(&Key::new(key), &token, at(0)), Ok(claim));
    }

    #[test]
    fn no_text_that_anybody_makes_up_opens(text in "[A-Za-z0-9_-]{0,300}") {
        prop_assert_eq!(open(&key(), &text, at(0)), Err(Refused::Altered));
    }
}
