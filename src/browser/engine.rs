//! What the engines can do: the one place that says what a browser lacks, and what follows from it.
//!
//! Invariant: what an engine lacks is left out and said, never imitated: the facts that would need
//! it stay absent.

use crate::domain::engine::Engine;

use super::bidi::event;

/// Something that not every engine can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// A request filter inside the browser that can be shown to hold.
    RequestFilter,
    /// Pages that see a touch screen.
    Touch,
    /// Pages whose `<meta name=viewport>` counts, as on a phone.
    PhoneViewport,
    /// Names that lead to this machine are known to nobody, whatever asks for them.
    Resolver,
    /// Events of navigations that were given up for another.
    Aborted,
    /// Shifts of the layout and long tasks of the page, measured by the page's own clock.
    Shifts,
    /// Servers that ask for a password are not even listened to.
    NoPasswords,
    /// A protocol of its own beside BiDi, for what BiDi has no words for.
    Devtools,
}

/// What an engine lacks, as Firefox 153 does.
const FIREFOX: &[(Ability, &str)] = &[
    (Ability::RequestFilter, "no proof that nothing can be submitted, so it walks no live target"),
    (Ability::Touch, "pages of phone journeys see a small window without a touch screen"),
    (Ability::PhoneViewport, "pages of phone journeys are laid out as in a small window"),
    (Ability::Resolver, "requests to this machine are held back over BiDi alone"),
    (Ability::Aborted, "a navigation that was given up for another is told by that other one"),
    (Ability::Shifts, "layout shifts and long tasks are not measured, so they are not billed to scripts"),
    (Ability::NoPasswords, "servers that ask for a password are told over BiDi that there is none"),
    (Ability::Devtools, "a blocked session is freed with its process only"),
];

/// What `engine` lacks, with what follows from each.
pub fn lacks(engine: Engine) -> &'static [(Ability, &'static str)] {
    match engine {
        Engine::Chromium => &[],
        Engine::Firefox => FIREFOX,
    }
}

/// Whether `engine` can do it.
pub fn can(engine: Engine, ability: Ability) -> bool {
    lacks(engine).iter().all(|(lacked, _)| *lacked != ability)
}

/// The events that `engine` knows: a far end refuses a list with one that it does not.
pub fn events(engine: Engine) -> Vec<&'static str> {
    let follows = |name: &str| match name {
        "browsingContext.navigationAborted" => can(engine, Ability::Aborted),
        // Chromium holds every request back for the sake of this one.
        "network.authRequired" => !can(engine, Ability::NoPasswords),
        _ => true,
    };
    event::NAMES.iter().copied().filter(|name| follows(name)).collect()
}

/// Says once for each engine what it lacks.
pub fn say(engine: Engine) {
    static SAID: std::sync::Once = std::sync::Once::new();
    if lacks(engine).is_empty() {
        return;
    }
    SAID.call_once(|| {
        for (_, therefore) in lacks(engine) {
            tracing::info!(engine = engine.title(), "{therefore}");
        }
    });
}

/// Says that a far end has no BiDi, and what follows.
pub fn say_classic(url: &str) {
    tracing::warn!(
        url,
        "the WebDriver offers no BiDi, so classic commands are used: requests, answers, script errors and downloads are not seen, frames are not read, and language, time zone and User-Agent stay the browser's own"
    );
}

/// A phone's User-Agent with this browser's own version.
pub fn phone_agent(engine: Engine, own: &str) -> String {
    let after = |what: &str| own.split_whitespace().find_map(|word| word.strip_prefix(what));
    match engine {
        Engine::Chromium => {
            let version = after("Chrome/").unwrap_or("0.0.0.0");
            format!(
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Mobile Safari/537.36"
            )
        }
        Engine::Firefox => {
            let version = after("Firefox/").unwrap_or("0.0");
            format!("Mozilla/5.0 (Android 10; Mobile; rv:{version}) Gecko/{version} Firefox/{version}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_has_the_version_of_the_browser() {
        let cases = [
            (
                Engine::Chromium,
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
            ),
            (
                Engine::Firefox,
                "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
                "Mozilla/5.0 (Android 10; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0",
            ),
        ];
        for (engine, own, want) in cases {
            assert_eq!(phone_agent(engine, own), want);
        }
    }

    #[test]
    fn only_chromium_lacks_nothing() {
        assert!(lacks(Engine::Chromium).is_empty());
        assert!(!can(Engine::Firefox, Ability::RequestFilter));
        for (engine, left_out) in [
            (Engine::Chromium, "network.authRequired"),
            (Engine::Firefox, "browsingContext.navigationAborted"),
        ] {
            let events = events(engine);
            assert_eq!(events.len(), event::NAMES.len() - 1);
            assert!(!events.contains(&left_out), "{events:?}");
        }
    }
}
