//! Messages: a notice as the bytes that go to the server.
//!
//! Invariant: ASCII only, unless the mail's own sender or recipient is not; lines end in CRLF and are
//! short; every body is base64 or quoted-printable; and every value in a header was checked or cleaned
//! before.

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, message::MessageBuilder};
use url::Url;

use crate::domain::language::Language;
use crate::domain::notice::Outgoing;

use super::render::{Extras, Picture, content_id, render_with, token};

/// No screenshot larger than this is sent, in bytes: many servers refuse mails above 10 MB, and
/// base64 adds a third.
const LARGEST_PICTURE: usize = 5_000_000;

/// Why no message can be made. It is for good: the same notice never fits.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
    /// A recipient is no mail address.
    #[error("address a mail to `{0}`: it is not a mail address")]
    Recipient(String),
    /// An id could not stand in a header.
    #[error("use `{0}` as a Message-ID")]
    Id(String),
    /// A body could not be encoded.
    #[error("encode the message")]
    Encoding,
    /// The parts do not fit together.
    #[error("put the message together")]
    Build(#[source] lettre::error::Error),
}

/// A message with its envelope.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

/// What goes with a notice: a picture with its media type, and the page on which the reader says that
/// he takes care of it.
#[derive(Debug, Clone, Default)]
pub struct Enclosed {
    /// The screenshot.
    pub screenshot: Option<(Vec<u8>, String)>,
    /// The page.
    pub acknowledge: Option<Url>,
}

/// Builds the message of one outgoing mail.
pub(super) fn compose(
    item: &Outgoing,
    from: &Mailbox,
    language: Language,
    enclosed: Enclosed,
) -> Result<Composed, MessageError> {
    let notice = &item.notice;
    let address = item.to.to_string();
    let to = recipient(&address).ok_or_else(|| MessageError::Recipient(shown(&address)))?;
    let picture =
        enclosed.screenshot.filter(|(bytes, _)| !bytes.is_empty() && bytes.len() <= LARGEST_PICTURE);
    let picture = picture.and_then(|(bytes, mime)| Some((bytes, picture_type(&mime)?)));
    let state = match (&picture, &notice.facts().and_then(|facts| facts.screenshot.as_ref())) {
        (Some(_), _) => Picture::Inline,
        (None, Some(_)) => Picture::Missing,
        (None, None) => Picture::None,
    };
    let extras = Extras { picture: state, acknowledge: enclosed.acknowledge.as_ref() };
    let words = render_with(notice, language, extras);
    let id = message_id(&notice.message_id)?;

    let mut builder = Message::builder()
        .from(from.clone())
        .subject(words.subject)
        // A mail of before 1970 cannot be written, and a clock that has lost its battery says such times.
        .date(Timestamp::into(notice.created_at.max(Timestamp::UNIX_EPOCH)))
        .message_id(Some(id))
        .envelope(Envelope::new(Some(from.email.clone()), vec![to.clone()]).map_err(MessageError::Build)?);
    let mut shown_to: Vec<Address> = item.all.iter().filter_map(|to| recipient(&to.to_string())).collect();
    if !shown_to.contains(&to) {
        shown_to.push(to.clone());
    }
    // Only servers that announce it take headers that are not ASCII, and they are asked only for the
    // sake of a mail's own addresses: the others' must not keep it from arriving.
    let plain = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if plain(&from.email) && plain(&to) {
        shown_to.retain(plain);
    }
    builder = builder.raw_header(recipients(&shown_to));
    if let Some(root) = &notice.in_reply_to {
        let root = message_id(root)?;
        builder = builder.in_reply_to(root.clone()).references(root);
    }
    builder = manners(builder, from.email.domain());

    let mark = token(notice.id.as_str());
    let text = part(words.text, ContentType::TEXT_PLAIN)?;
    let html = part(words.html, ContentType::TEXT_HTML)?;
    let both = MultiPart::alternative().boundary(format!("=_alternative-{mark}")).singlepart(text);
    let both = match picture {
        Some((bytes, kind)) => {
            let name = format!("screenshot.{}", extension(kind));
            let kind = ContentType::parse(kind).map_err(|_| MessageError::Encoding)?;
            let body = encoded(bytes, ContentTransferEncoding::Base64)?;
            let inline = Attachment::new_inline_with_name(content_id(notice), name).body(body, kind);
            let related = MultiPart::related().boundary(format!("=_related-{mark}"));
            both.multipart(related.singlepart(html).singlepart(inline))
        }
        None => both.singlepart(html),
    };
    let message = builder.multipart(both).map_err(MessageError::Build)?;
    Ok(Composed { envelope: message.envelope().clone(), bytes: message.formatted() })
}

/// The To header, an address a line: lettre writes them all on one, and servers refuse lines of more
/// than 998 octets.
fn recipients(addresses: &[Address]) -> HeaderValue {
    let folded = addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(",\r\n ");
    let raw = folded.replace("\r\n", "");
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str("To"), raw, folded)
}

/// Headers that keep other machines from answering and let people sort.
fn manners(builder: MessageBuilder, domain: &str) -> MessageBuilder {
    let header = |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    builder
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("X-Auto-Response-Suppress", "All".to_owned()))
        .raw_header(header("List-Id", format!("Mystery shopper <mystery-shopper.{domain}>")))
}

/// A text part. Chinese is smallest and safest as base64; English stays readable as
/// quoted-printable, which is stuffed correctly because its lines end in CRLF.
fn part(text: String, kind: ContentType) -> Result<SinglePart, MessageError> {
    let foreign = text.chars().filter(|c| !c.is_ascii()).count();
    let encoding = if foreign * 10 > text.len() {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    };
    Ok(SinglePart::builder().header(kind).body(encoded(text, encoding)?))
}

/// Encodes a body, never by leaving it as it is.
fn encoded(
    content: impl Into<lettre::message::MaybeString>,
    encoding: ContentTransferEncoding,
) -> Result<Body, MessageError> {
    Body::new_with_encoding(content, encoding).map_err(|_| MessageError::Encoding)
}

/// An address that can stand in a command and a header: one line, no brackets, no blanks.
fn recipient(text: &str) -> Option<Address> {
    let harmless = !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>'));
    harmless.then(|| text.parse().ok()).flatten()
}

/// A Message-ID in angle brackets: printable ASCII with one `@`.
fn message_id(text: &str) -> Result<String, MessageError> {
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or_default();
    let harmless = inner.len() <= 250
        && inner.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b',' | b'"'))
        && inner
            .split_once('@')
            .is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'));
    if harmless { Ok(text.to_owned()) } else { Err(MessageError::Id(shown(text))) }
}

/// The pictures that mail programs show.
fn picture_type(mime: &str) -> Option<&'static str> {
    ["image/jpeg", "image/png", "image/webp", "image/gif"].into_iter().find(|known| *known == mime)
}

fn extension(mime: &str) -> &str {
    match mime {
        "image/jpeg" => "jpg",
        other => other.strip_prefix("image/").unwrap_or("bin"),
    }
}

fn shown(text: &str) -> String {
    super::clean::line(text, 100)
}
