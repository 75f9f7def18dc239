//! The commands that we use, each with the type of its answer.
//!
//! Names and fields are those of the specification; a field that we never send is left out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::ContextId;

/// A command of the protocol.
pub trait Command: Serialize {
    /// Its name.
    const METHOD: &'static str;
    /// What it answers.
    type Answer: DeserializeOwned;
}

/// An answer that says nothing but "done"; whatever it holds is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Nothing {}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $method:literal -> $answer:ty {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Serialize)]
            #[serde(rename_all = "camelCase")]
            pub struct $name $(<$life>)? {
                $($(#[$field_doc])* pub $field: $kind,)*
            }

            impl $(<$life>)? Command for $name $(<$life>)? {
                const METHOD: &'static str = $method;
                type Answer = $answer;
            }
        )*
    };
}

commands! {
    /// Follows events of these names, everywhere.
    Subscribe<'a> = "session.subscribe" -> Nothing {
        /// Their names.
        events: &'a [&'a str],
    }

    /// Makes a user context: cookies, storage and cache of its own.
    CreateUserContext<'a> = "browser.createUserContext" -> MadeUserContext {
        /// How its pages reach the network; the browser's own way when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        proxy: Option<&'a ProxyConfiguration>,
    }

    /// Removes a user context with all of its pages.
    RemoveUserContext<'a> = "browser.removeUserContext" -> Nothing {
        /// Which.
        user_context: &'a str,
    }

    /// What becomes of downloads.
    SetDownloadBehavior<'a> = "browser.setDownloadBehavior" -> Nothing {
        /// What.
        download_behavior: DownloadBehavior<'a>,
        /// Where.
        user_contexts: [&'a str; 1],
    }

    /// The User-Agent of a user context.
    SetUserAgentOverride<'a> = "emulation.setUserAgentOverride" -> Nothing {
        /// The whole text.
        user_agent: &'a str,
        /// Where.
        user_contexts: [&'a str; 1],
    }

    /// The locale of a user context, `Accept-Language` included.
    SetLocaleOverride<'a> = "emulation.setLocaleOverride" -> Nothing {
        /// A language tag.
        locale: &'a str,
        /// Where.
        user_contexts: [&'a str; 1],
    }

    /// The time zone of a user context.
    SetTimezoneOverride<'a> = "emulation.setTimezoneOverride" -> Nothing {
        /// An IANA name.
        timezone: &'a str,
        /// Where.
        user_contexts: [&'a str; 1],
    }

    /// The place that pages of a user context are told.
    SetGeolocationOverride<'a> = "emulation.setGeolocationOverride" -> Nothing {
        /// Where they are.
        coordinates: Coordinates,
        /// Where this holds.
        user_contexts: [&'a str; 1],
    }

    /// Grants a permission without asking.
    SetPermission<'a> = "permissions.setPermission" -> Nothing {
        /// Which.
        descriptor: PermissionDescriptor<'a>,
        /// `granted`, `denied` or `prompt`.
        state: &'a str,
        /// To whom.
        origin: &'a str,
        /// Where.
        user_context: &'a str,
    }

    /// Whether pages of a user context see a touch screen.
    SetTouchOverride<'a> = "emulation.setTouchOverride" -> Nothing {
        /// For how many fingers.
        max_touch_points: u8,
        /// Where.
        user_contexts: [&'a str; 1],
    }

    /// The size of pages and of their pixels.
    SetViewport<'a> = "browsingContext.setViewport" -> Nothing {
        /// In CSS pixels.
        viewport: Size,
        /// Pixels of the screen for each of CSS.
        device_pixel_ratio: f64,
        /// Where.
        user_contexts: [&'a str; 1],
    }

    /// Opens a tab.
    Create<'a> = "browsingContext.create" -> MadeContext {
        /// `tab` or `window`.
        #[serde(rename = "type")]
        kind: &'a str,
        /// In which user context.
        user_context: &'a str,
    }

    /// Closes a page.
    Close<'a> = "browsingContext.close" -> Nothing {
        /// Which.
        context: &'a str,
    }

    /// Brings a page to the front.
    Activate<'a> = "browsingContext.activate" -> Nothing {
        /// Which.
        context: &'a str,
    }

    /// Opens an address in a page.
    Navigate<'a> = "browsingContext.navigate" -> Nothing {
        /// Which page.
        context: &'a str,
        /// Where to.
        url: &'a str,
        /// `none`, `interactive` or `complete`.
        wait: &'a str,
    }

    /// Pages and frames.
    GetTree = "browsingContext.getTree" -> Tree {
        /// How many levels below the pages.
        max_depth: u8,
    }

    /// A picture of a page.
    CaptureScreenshot<'a> = "browsingContext.captureScreenshot" -> Screenshot {
        /// Which page.
        context: &'a str,
        /// In which format.
        format: ImageFormat<'a>,
        /// `viewport` or `document`.
        origin: &'a str,
        /// Only this part of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        clip: Option<Clip>,
    }

    /// A page as PDF.
    Print<'a> = "browsingContext.print" -> Printed {
        /// Which page.
        context: &'a str,
        /// Whether backgrounds are printed.
        background: bool,
        /// Whether the page is made smaller to fit; otherwise its own style says what a sheet is like.
        shrink_to_fit: bool,
    }

    /// Answers a dialog.
    HandleUserPrompt<'a> = "browsingContext.handleUserPrompt" -> Nothing {
        /// On which page.
        context: &'a str,
        /// OK or Cancel.
        accept: bool,
        /// What is typed into a `prompt`.
        #[serde(skip_serializing_if = "Option::is_none")]
        user_text: Option<&'a str>,
    }

    /// Holds requests back until they are answered.
    AddIntercept<'a> = "network.addIntercept" -> Intercept {
        /// At which point.
        phases: [&'a str; 1],
        /// Only those to these addresses.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        url_patterns: Vec<UrlPattern<'a>>,
    }

    /// Lets requests go on.
    RemoveIntercept<'a> = "network.removeIntercept" -> Nothing {
        /// Which interception.
        intercept: &'a str,
    }

    /// Has bodies kept, so that they can be asked for.
    AddDataCollector<'a> = "network.addDataCollector" -> Collector {
        /// `request` or `response`.
        data_types: [&'a str; 1],
        /// The largest body, in bytes.
        max_encoded_data_size: u32,
    }

    /// Keeps bodies no longer.
    RemoveDataCollector<'a> = "network.removeDataCollector" -> Nothing {
        /// Which.
        collector: &'a str,
    }

    /// The body of a request.
    GetData<'a> = "network.getData" -> Data {
        /// `request` or `response`.
        data_type: &'a str,
        /// Of which request.
        request: &'a str,
    }

    /// Lets a held request go.
    ContinueRequest<'a> = "network.continueRequest" -> Nothing {
        /// Which.
        request: &'a str,
    }

    /// Fails a held request.
    FailRequest<'a> = "network.failRequest" -> Nothing {
        /// Which.
        request: &'a str,
    }

    /// Answers a server that asks for a password.
    ContinueWithAuth<'a> = "network.continueWithAuth" -> Nothing {
        /// In answer to which request.
        request: &'a str,
        /// `cancel` shows the page what the server said.
        action: &'a str,
    }

    /// Answers a held request without the network.
    ProvideResponse<'a> = "network.provideResponse" -> Nothing {
        /// Which.
        request: &'a str,
        /// With which status.
        status_code: u16,
        /// In words.
        reason_phrase: &'a str,
        /// None; without the list chromedriver 156 takes the answer for an empty page.
        headers: [(); 0],
    }

    /// Has a function run in every new document.
    AddPreloadScript<'a> = "script.addPreloadScript" -> Nothing {
        /// The function.
        function_declaration: &'a str,
        /// The world that it runs in.
        sandbox: &'a str,
    }

    /// Runs a function.
    CallFunction<'a> = "script.callFunction" -> Evaluated {
        /// The function.
        function_declaration: &'a str,
        /// Whether its promise is waited for.
        await_promise: bool,
        /// Where.
        target: Target<'a>,
        /// What it is given.
        arguments: Vec<LocalValue<'a>>,
        /// How deep its answer is described.
        #[serde(skip_serializing_if = "Option::is_none")]
        serialization_options: Option<SerializationOptions>,
    }

    /// Evaluates an expression.
    Evaluate<'a> = "script.evaluate" -> Evaluated {
        /// The expression.
        expression: &'a str,
        /// Whether its promise is waited for.
        await_promise: bool,
        /// Where.
        target: Target<'a>,
        /// Whether it runs as if a person had just done something on the page.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        user_activation: bool,
    }

    /// Trusted input: keys and pointer.
    PerformActions<'a> = "input.performActions" -> Nothing {
        /// On which page.
        context: &'a str,
        /// Sources of input with what each does, as WebDriver describes them.
        actions: &'a Value,
    }

    /// Puts files into a file field.
    SetFiles<'a> = "input.setFiles" -> Nothing {
        /// On which page.
        context: &'a str,
        /// The field.
        element: SharedReference<'a>,
        /// Where they are, for the browser.
        files: [&'a str; 1],
    }
}

/// How a user context reaches the network (WebDriver, "proxy configuration").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfiguration {
    /// `manual` for the fields below.
    pub proxy_type: &'static str,
    /// Host and port for http.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_proxy: Option<String>,
    /// Host and port for https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_proxy: Option<String>,
    /// Host and port of a SOCKS proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socks_proxy: Option<String>,
    /// 4 or 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socks_version: Option<u8>,
}

/// What becomes of downloads.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum DownloadBehavior<'a> {
    /// They are refused.
    Denied,
    /// They are kept.
    Allowed {
        /// In this folder.
        #[serde(rename = "destinationFolder")]
        destination_folder: &'a str,
    },
}

/// A place on earth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coordinates {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// How exact, in metres.
    pub accuracy: f64,
}

/// A permission.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PermissionDescriptor<'a> {
    /// Its name, such as `geolocation`.
    pub name: &'a str,
}

/// A size in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Size {
    /// How wide.
    pub width: u32,
    /// How high.
    pub height: u32,
}

/// A part of a picture.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename = "box")]
pub struct Clip {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// How wide.
    pub width: f64,
    /// How high.
    pub height: f64,
}

/// The format of a picture.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ImageFormat<'a> {
    /// The media type.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// From 0 to 1.
    pub quality: f64,
}

/// Which addresses are meant.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename = "pattern")]
pub struct UrlPattern<'a> {
    /// Those of this host.
    pub hostname: &'a str,
}

/// Where a script runs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Target<'a> {
    /// The page or frame.
    pub context: &'a str,
    /// The world, apart from the page's own; the page's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<&'a str>,
}

/// A value that a script is given.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum LocalValue<'a> {
    /// A text.
    String {
        /// The text.
        value: &'a str,
    },
}

/// How deep an answer is described.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SerializationOptions {
    /// Elements: how many levels of children.
    pub max_dom_depth: u8,
    /// Objects: how many levels of properties.
    pub max_object_depth: u8,
}

/// An element, by the id that a script's answer gave it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedReference<'a> {
    /// The id.
    pub shared_id: &'a str,
}

/// A user context that was made.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeUserContext {
    /// Its id.
    pub user_context: String,
}

/// A page that was opened.
#[derive(Debug, Clone, Deserialize)]
pub struct MadeContext {
    /// Its id.
    pub context: String,
}

/// Pages and frames.
#[derive(Debug, Clone, Deserialize)]
pub struct Tree {
    /// The pages.
    pub contexts: Vec<TreeEntry>,
}

/// A page.
#[derive(Debug, Clone, Deserialize)]
pub struct TreeEntry {
    /// Its id.
    pub context: ContextId,
}

/// A printed page.
#[derive(Debug, Deserialize)]
pub struct Printed {
    /// The PDF in base64.
    pub data: String,
}

/// A picture.
#[derive(Debug, Clone, Deserialize)]
pub struct Screenshot {
    /// In base64.
    pub data: String,
}

/// An interception.
#[derive(Debug, Clone, Deserialize)]
pub struct Intercept {
    /// Its id.
    pub intercept: String,
}

/// Bodies that are kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Collector {
    /// Its id.
    pub collector: String,
}

/// A body.
#[derive(Debug, Clone, Deserialize)]
pub struct Data {
    /// Its bytes.
    pub bytes: Bytes,
}

/// Bytes as the protocol writes them.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "camelCase")]
pub enum Bytes {
    /// As a text.
    String(String),
    /// In base64.
    Base64(String),
}

/// What a script came to.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Evaluated {
    /// It answered.
    Success {
        /// The answer.
        result: RemoteValue,
    },
    /// It threw.
    Exception {
        /// What.
        #[serde(rename = "exceptionDetails")]
        details: ExceptionDetails,
    },
}

/// A value of a page, as far as we look at it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteValue {
    /// A text, a list or an object, by its own description.
    pub value: Value,
    /// The id of an element.
    pub shared_id: Option<String>,
}

/// What a script threw.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ExceptionDetails {
    /// In words.
    pub text: super::Cut<500>,
}
