//! A fresh user context with its first page, set up as a journey wants it: what a citizen's own
//! browser would be on that screen, in that language and place.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::json;

use crate::clock::Deadline;
use crate::domain::place::{Proxy, ProxyKind, Screen};
use crate::domain::scenario::Channel;

use super::bidi::command::{
    Activate, AddDataCollector, AddIntercept, Command, Coordinates, Create, CreateUserContext,
    DownloadBehavior, Evaluate, Evaluated, Nothing, PermissionDescriptor, ProxyConfiguration,
    RemoveDataCollector, RemoveIntercept, RemoveUserContext, SetDownloadBehavior, SetGeolocationOverride,
    SetLocaleOverride, SetPermission, SetTimezoneOverride, SetTouchOverride, SetUserAgentOverride,
    SetViewport, Size, Target, UrlPattern,
};
use super::bidi::{CallError, Wire};
use super::engine::{Ability, can, phone_agent};
use super::filter::{self, Teller};
use super::page::SANDBOX;
use super::session::{Browser, fault};
use super::spare::Spare;
use super::{BrowserError, Guard, JourneyOptions};

/// How exact a place is told to be, in metres: a phone in a town.
const ACCURACY: f64 = 30.0;

/// A fresh user context and its first page.
#[derive(Debug)]
pub struct Prepared {
    user_context: String,
    /// The first page.
    page: String,
    /// What has to be undone in the browser itself before the next journey.
    undo: Vec<Undo>,
    emptied: bool,
}

/// Something that outlives a user context.
#[derive(Debug)]
enum Undo {
    Intercept(String),
    Collector(String),
}

impl Prepared {
    /// The user context, for commands that concern all of its pages.
    pub fn user_context(&self) -> &str {
        &self.user_context
    }

    /// Whether the clipboard was emptied for it.
    pub fn has_empty_clipboard(&self) -> bool {
        self.emptied
    }

    /// The first page.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Removes the user context and everything that was set up for it. The commands go out together;
    /// what is gone already is well.
    pub async fn undo(&self, wire: &Wire, deadline: Deadline) -> Result<(), CallError> {
        let mut calls: Vec<BoxFuture<'_, Result<Nothing, CallError>>> = Vec::new();
        for undo in &self.undo {
            calls.push(match undo {
                Undo::Intercept(id) => {
                    async move { wire.call(&RemoveIntercept { intercept: id }, deadline).await }.boxed()
                }
                Undo::Collector(id) => {
                    async move { wire.call(&RemoveDataCollector { collector: id }, deadline).await }.boxed()
                }
            });
        }
        let remove = RemoveUserContext { user_context: &self.user_context };
        calls.push(async move { wire.call(&remove, deadline).await }.boxed());
        let mut failed = join_all(calls).await.into_iter().filter_map(Result::err);
        let is_gone = |error: &CallError| {
            matches!(error, CallError::Refused { code, .. }
                if ["no such user context", "no such intercept", "no such network collector"].contains(&code.as_str()))
        };
        failed.find(|error| !is_gone(error)).map_or(Ok(()), Err)
    }
}

/// Opens a user context with one empty page, or takes the one that is there, and sets it up as the
/// journey wants it.
pub async fn prepare(
    browser: &mut Browser,
    options: &JourneyOptions,
    deadline: Deadline,
) -> Result<Prepared, BrowserError> {
    // A context with a proxy has to be made with it.
    let spare = if options.place.proxy.is_none() { browser.spare.take() } else { None };
    let browser = &*browser;
    let wire = browser.wire();
    let fault = |error: CallError| fault(wire, error);
    if browser.classic && !options.guard.loopback && !can(options.engine, Ability::Resolver) {
        // Pages could reach the driver's own port.
        return Err(BrowserError::Command {
            command: "walk".to_owned(),
            reason: "without BiDi nothing keeps the pages of other machines away from this one".to_owned(),
        });
    }
    let proxy = options.place.proxy.as_ref().map(proxied);
    let mut emptied = false;
    let (user_context, page, undo) = match spare {
        Some(spare) => {
            let Spare { user_context, page, emptied: already } = spare.end().await?;
            emptied = already;
            browser.tracker.begin(user_context.clone(), options.guard.clone());
            browser.tracker.with(|state| state.adopt(&page));
            let undo = set_up(browser, options, &user_context, deadline).await.map_err(fault)?;
            (user_context, page, undo)
        }
        None => open(browser, options, proxy, deadline).await?,
    };
    if options.channel == Channel::Mobile && !browser.classic && can(options.engine, Ability::PhoneViewport) {
        make_mobile(wire, options, &page, deadline).await?;
    }
    if let Some(teller) = &browser.teller {
        prove_filter(browser, teller, &options.guard, &page, deadline).await?;
    }
    Ok(Prepared { user_context, page, undo, emptied })
}

/// Opens a user context with one empty page.
async fn open(
    browser: &Browser,
    options: &JourneyOptions,
    proxy: Option<ProxyConfiguration>,
    deadline: Deadline,
) -> Result<(String, String, Vec<Undo>), BrowserError> {
    let wire = browser.wire();
    let fault = |error: CallError| fault(wire, error);
    let made = wire.call(&CreateUserContext { proxy: proxy.as_ref() }, deadline).await.map_err(fault)?;
    let user_context = made.user_context;
    browser.tracker.begin(user_context.clone(), options.guard.clone());
    // Sent one behind the other without waiting; the browser keeps the order.
    let create = Create { kind: "tab", user_context: &user_context };
    let (undo, page) = futures_util::future::join(
        set_up(browser, options, &user_context, deadline),
        wire.call(&create, deadline),
    )
    .await;
    let undo = undo.map_err(fault)?;
    let page = page.map_err(fault)?.context;
    let known = browser.tracker.wait(deadline, |state| {
        state.current.clone_from(&page);
        state.contexts.contains_key(&page).then_some(())
    });
    known.await.ok_or_else(|| BrowserError::Hung(Create::METHOD.to_owned()))?;
    Ok((user_context, page, undo))
}

/// Gives the filter the journey's rules and sends a request that it must refuse, from the
/// journey's own page.
async fn prove_filter(
    browser: &Browser,
    teller: &Teller,
    guard: &Guard,
    page: &str,
    deadline: Deadline,
) -> Result<(), BrowserError> {
    let wire = browser.wire();
    let unguarded = |reason: String| BrowserError::Unguarded { reason, hint: filter::HINT };
    teller.obey(wire, guard, deadline).await.map_err(|error| match error {
        CallError::Refused { message, .. } => BrowserError::Unguarded {
            reason: format!("it does not take the rules: {message}"),
            hint: filter::RULES_HINT,
        },
        gone => fault(wire, gone),
    })?;
    let send = Evaluate {
        expression: &format!(
            "fetch({:?}, {{ method: 'POST', mode: 'no-cors' }}).catch(() => null)",
            filter::PROOF
        ),
        await_promise: true,
        target: Target { context: page, sandbox: None },
        user_activation: false,
    };
    wire.call(&send, deadline).await.map_err(|error| fault(wire, error))?;
    let said = browser.tracker.wait(deadline, |state| state.proof.clone()).await;
    // What it refused until now belongs to nobody.
    teller.take(wire, deadline).await.map_err(|error| unguarded(error.to_string()))?;
    match said.as_deref() {
        Some(filter::REFUSED) => Ok(()),
        other => {
            Err(unguarded(format!("a request that must be refused met {}", other.unwrap_or("no answer"))))
        }
    }
}

/// Writes an empty text; the clipboard of a browser without a window is the browser's own, and all of
/// its user contexts share it. `beforecopy` says that there is something to copy.
const EMPTY: &str = "(() => {
    const take = (event) => event.preventDefault();
    const copy = (event) => { event.clipboardData.setData('text/plain', ''); event.preventDefault(); };
    addEventListener('beforecopy', take); addEventListener('copy', copy);
    const copied = document.execCommand('copy');
    removeEventListener('beforecopy', take); removeEventListener('copy', copy);
    return copied;
})()";

/// Empties the clipboard of a browser that another journey has used. Not for one with a window: that
/// clipboard is the watching person's.
pub async fn forget_clipboard(wire: &Wire, page: &str, deadline: Deadline) -> Result<(), BrowserError> {
    let target = Target { context: page, sandbox: Some(SANDBOX) };
    let empty = Evaluate { expression: EMPTY, await_promise: false, target, user_activation: true };
    let mut said = wire.call(&empty, deadline).await;
    if !is_true(&said) {
        // Only the page in front may copy.
        wire.call(&Activate { context: page }, deadline).await.map_err(|error| fault(wire, error))?;
        said = wire.call(&empty, deadline).await;
    }
    if is_true(&said) {
        return Ok(());
    }
    let answer = said.map_err(|error| fault(wire, error))?;
    Err(BrowserError::Command {
        command: "empty the clipboard".to_owned(),
        reason: format!("{answer:?}").chars().take(200).collect(),
    })
}

fn is_true(said: &Result<Evaluated, CallError>) -> bool {
    matches!(said, Ok(Evaluated::Success { result }) if result.value.as_bool() == Some(true))
}

type Setting<'a> = BoxFuture<'a, Result<Option<Undo>, CallError>>;

/// A command that leaves nothing to undo.
fn set<'a, C>(wire: &'a Wire, command: C, deadline: Deadline) -> Setting<'a>
where
    C: Command<Answer = Nothing> + Send + Sync + 'a,
{
    async move { wire.call(&command, deadline).await.map(|_| None) }.boxed()
}

async fn set_up(
    browser: &Browser,
    options: &JourneyOptions,
    user_context: &str,
    deadline: Deadline,
) -> Result<Vec<Undo>, CallError> {
    let wire = browser.wire();
    let user_contexts = [user_context];
    let mobile = options.channel == Channel::Mobile;
    let mut agent =
        if mobile { phone_agent(options.engine, &browser.user_agent) } else { browser.user_agent.clone() };
    if !options.user_agent.is_empty() {
        agent.push(' ');
        agent.push_str(&options.user_agent);
    }
    let Screen { width, height, scale, touch } = screen(options);
    let (viewport, device_pixel_ratio) = (Size { width, height }, f64::from(scale));
    let place = &options.place;
    let locale = place.locale.as_deref().unwrap_or_else(|| options.language.tag());
    let timezone = place.timezone.as_deref().unwrap_or(&options.timezone);
    let mut calls = vec![
        set(wire, SetUserAgentOverride { user_agent: &agent, user_contexts }, deadline),
        set(wire, SetLocaleOverride { locale, user_contexts }, deadline),
        set(wire, SetTimezoneOverride { timezone, user_contexts }, deadline),
        set(
            wire,
            SetDownloadBehavior { download_behavior: DownloadBehavior::Denied, user_contexts },
            deadline,
        ),
        set(wire, SetViewport { viewport, device_pixel_ratio, user_contexts }, deadline),
    ];
    if touch && !browser.classic && can(options.engine, Ability::Touch) {
        calls.push(set(wire, SetTouchOverride { max_touch_points: 5, user_contexts }, deadline));
    }
    if let Some(at) = place.geolocation {
        let coordinates = Coordinates { latitude: at.latitude, longitude: at.longitude, accuracy: ACCURACY };
        calls.push(set(wire, SetGeolocationOverride { coordinates, user_contexts }, deadline));
        let descriptor = PermissionDescriptor { name: "geolocation" };
        let grant = SetPermission { descriptor, state: "granted", origin: &options.origin, user_context };
        calls.push(set(wire, grant, deadline));
    }
    calls.extend(intercepts(wire, &options.guard, deadline));
    let undo: Result<Vec<Option<Undo>>, CallError> = join_all(calls).await.into_iter().collect();
    Ok(undo?.into_iter().flatten().collect())
}

/// The screen of a journey: an ordinary desktop's or phone's, unless the scenario names another.
fn screen(options: &JourneyOptions) -> Screen {
    options.screen.unwrap_or(match options.channel {
        Channel::Desktop => Screen { width: 1280, height: 800, scale: 1, touch: false },
        Channel::Mobile => Screen { width: 390, height: 844, scale: 3, touch: true },
    })
}

/// The proxy as WebDriver writes it.
fn proxied(proxy: &Proxy) -> ProxyConfiguration {
    let address = || Some(proxy.address.clone());
    let is_http = proxy.kind == ProxyKind::Http;
    ProxyConfiguration {
        proxy_type: "manual",
        http_proxy: is_http.then(address).flatten(),
        ssl_proxy: is_http.then(address).flatten(),
        socks_proxy: (!is_http).then(address).flatten(),
        socks_version: (!is_http).then_some(5),
    }
}

/// Requests are held back only where something may have to be stopped: each costs a round trip.
fn intercepts<'a>(wire: &'a Wire, guard: &Guard, deadline: Deadline) -> Vec<Setting<'a>> {
    const INNER: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"];
    let hold = |url_patterns: Vec<UrlPattern<'static>>| -> Setting<'a> {
        async move {
            let hold = AddIntercept { phases: ["beforeRequestSent"], url_patterns };
            Ok(Some(Undo::Intercept(wire.call(&hold, deadline).await?.intercept)))
        }
        .boxed()
    };
    if guard.live {
        let collect = async move {
            let collect = AddDataCollector { data_types: ["request"], max_encoded_data_size: 1 << 20 };
            Ok(Some(Undo::Collector(wire.call(&collect, deadline).await?.collector)))
        };
        vec![hold(Vec::new()), collect.boxed()]
    } else if guard.loopback {
        Vec::new()
    } else {
        vec![hold(INNER.iter().map(|hostname| UrlPattern { hostname }).collect())]
    }
}

/// Makes one page a phone's: BiDi's viewport leaves `<meta name=viewport>` aside. Chromium only.
pub async fn make_mobile(
    wire: &Wire,
    options: &JourneyOptions,
    page: &str,
    deadline: Deadline,
) -> Result<(), BrowserError> {
    let fault = |error: CallError| fault(wire, error);
    let session = wire.cdp_session(page, deadline).await.map_err(fault)?;
    let Screen { width, height, scale, .. } = screen(options);
    let phone = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": true });
    wire.cdp(Some(&session), "Emulation.setDeviceMetricsOverride", &phone, deadline).await.map_err(fault)?;
    Ok(())
}
