//! Firefox: where it is found, and how geckodriver is told to start it.
//!
//! Invariant: a Firefox of ours talks to the portal and to nobody else; what it would fetch, send
//! or look up by itself is switched off.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::driver::Launch;
use super::find::{Wanted, program};
use super::{BrowserError, Settings};

/// Debian's wrapper in `/usr/bin` is a link to the program itself.
const FIREFOX: &[&str] = &[
    "/usr/lib/firefox-esr/firefox-esr",
    "/usr/lib/firefox/firefox",
    "/opt/firefox/firefox",
    "/usr/bin/firefox-esr",
    "/usr/bin/firefox",
];

const GECKODRIVER: &[&str] = &["/usr/bin/geckodriver", "/usr/local/bin/geckodriver"];

/// What to do when one of the two is missing.
pub const INSTALL: &str =
    "install it with `apt install firefox-esr` and `cargo install geckodriver`, or name it under [browser]";

/// Firefox and its driver, with their versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The browser.
    pub firefox: PathBuf,
    /// The driver.
    pub geckodriver: PathBuf,
}

/// A program and its version, or why there is none.
pub type Found = Result<(PathBuf, String), BrowserError>;

/// Looks for Firefox and geckodriver.
pub async fn look(settings: &Settings) -> (Found, Found) {
    let browser = Wanted { name: "Firefox", known_by: "Firefox", usual: FIREFOX, install: INSTALL };
    let driver =
        Wanted { name: "geckodriver", known_by: "geckodriver", usual: GECKODRIVER, install: INSTALL };
    tokio::join!(
        program(browser, settings.firefox.as_deref()),
        program(driver, settings.geckodriver.as_deref()),
    )
}

/// The programs, when both are there.
pub async fn find(settings: &Settings) -> Result<Programs, BrowserError> {
    let (firefox, geckodriver) = look(settings).await;
    Ok(Programs { firefox: firefox?.0, geckodriver: geckodriver?.0 })
}

/// How geckodriver is started; it makes profiles in its own folder.
pub fn launch(programs: &Programs) -> Launch<'_> {
    Launch {
        program: &programs.geckodriver,
        name: "geckodriver",
        args: &["--host", "127.0.0.1", "--port", "0", "--websocket-port", "0", "--profile-root", "."],
        // It refuses whoever names an origin.
        hidden: false,
        port_in,
    }
}

/// The time, `geckodriver`, `INFO`, `Listening on 127.0.0.1:42163`, apart by tabs.
fn port_in(line: &str) -> Option<u16> {
    let (head, address) = line.split_once("Listening on ")?;
    head.contains("geckodriver").then(|| address.trim().rsplit_once(':')?.1.parse().ok()).flatten()
}

/// `moz:firefoxOptions`.
pub fn options(programs: Option<&Programs>, headed: bool) -> Value {
    let args: &[&str] = if headed { &[] } else { &["-headless"] };
    let mut options = json!({ "args": args, "prefs": preferences() });
    if let Some(programs) = programs {
        options["binary"] = json!(programs.firefox);
        // Nothing of the service's own surroundings reaches the browser's crash reports.
        options["env"] = json!({ "MOZ_CRASHREPORTER_DISABLE": "1" });
    }
    options
}

/// What Firefox would do by itself. geckodriver's own defaults switch off more.
const OFF: &[&str] = &[
    "app.normandy.enabled",
    "app.shield.optoutstudies.enabled",
    "app.update.auto",
    "app.update.enabled",
    "browser.aboutConfig.showWarning",
    "browser.discovery.enabled",
    "browser.download.alwaysOpenPanel",
    "browser.formfill.enable",
    "browser.newtabpage.enabled",
    "browser.newtabpage.activity-stream.feeds.topsites",
    "browser.newtabpage.activity-stream.feeds.system.topstories",
    "browser.newtabpage.activity-stream.feeds.weatherfeed",
    "browser.newtabpage.activity-stream.telemetry",
    "browser.ping-centre.telemetry",
    "browser.region.update.enabled",
    "browser.safebrowsing.downloads.enabled",
    "browser.safebrowsing.malware.enabled",
    "browser.safebrowsing.phishing.enabled",
    "browser.search.update",
    "browser.sessionstore.resume_from_crash",
    "browser.shell.checkDefaultBrowser",
    "browser.tabs.crashReporting.sendReport",
    "browser.topsites.contile.enabled",
    "browser.urlbar.quicksuggest.enabled",
    "browser.urlbar.suggest.searches",
    "datareporting.healthreport.uploadEnabled",
    "datareporting.policy.dataSubmissionEnabled",
    "dom.push.connection.enabled",
    "dom.push.enabled",
    "dom.security.https_first",
    "dom.security.https_only_mode",
    "extensions.blocklist.enabled",
    "extensions.getAddons.cache.enabled",
    "extensions.systemAddon.update.enabled",
    "extensions.update.enabled",
    "identity.fxaccounts.enabled",
    "media.gmp-manager.updateEnabled",
    "media.gmp-provider.enabled",
    "messaging-system.rsexperimentloader.enabled",
    "network.captive-portal-service.enabled",
    "network.connectivity-service.enabled",
    "network.prefetch-next",
    "nimbus.telemetry.targetingContextEnabled",
    "privacy.trackingprotection.enabled",
    "security.remote_settings.crlite_filters.enabled",
    "security.remote_settings.intermediates.enabled",
    "signon.autofillForms",
    "signon.rememberSignons",
    "toolkit.telemetry.enabled",
    "toolkit.telemetry.unified",
    "webapps.update",
];

/// Addresses that Firefox would ask by itself, and kinds of files that it would show.
const NOWHERE: &[&str] = &[
    "browser.download.viewableInternally.enabledTypes",
    "browser.region.network.url",
    "browser.safebrowsing.provider.google4.updateURL",
    "browser.safebrowsing.provider.mozilla.updateURL",
    "captivedetect.canonicalURL",
    "geo.provider.network.url",
    "toolkit.telemetry.server",
];

/// Settings that are numbers.
const NUMBERS: &[(&str, u8)] = &[
    ("browser.startup.page", 0),
    ("network.http.speculative-parallel-limit", 0),
    ("network.trr.mode", 5),
    ("security.OCSP.enabled", 0),
];

/// What is switched off.
fn preferences() -> Value {
    let off = OFF.iter().map(|name| (*name, json!(false)));
    let nowhere = NOWHERE.iter().map(|name| (*name, json!("")));
    let numbers = NUMBERS.iter().map(|(name, number)| (*name, json!(number)));
    let others = [
        ("browser.contentblocking.category", json!("custom")),
        ("browser.startup.homepage", json!("about:blank")),
        ("services.settings.server", json!("data:,#remote-settings-dummy/v1")),
        ("network.dns.disablePrefetch", json!(true)),
    ];
    let all = off.chain(nowhere).chain(numbers).chain(others);
    all.map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_drivers_own_words() {
        let cases = [
            ("1795594482486\tgeckodriver\tINFO\tListening on 127.0.0.1:42163", Some(42163)),
            ("1795594482815\tMarionette\tINFO\tListening on port 38389", None),
            ("1\tgeckodriver\tINFO\tListening on [::1]:4444\n", Some(4444)),
            ("", None),
        ];
        for (line, want) in cases {
            assert_eq!(port_in(line), want, "{line}");
        }
    }
}
