//! The elements and attributes that mean something to a reader of links.
//!
//! Invariant: a name that is not in the tables is [`Tag::Other`] or no attribute at all; no name
//! of the page is kept.

/// Declares names with their variants in one place.
macro_rules! names {
    ($(#[$doc:meta])* $kind:ident $($variant:ident $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum $kind {
            $($variant,)*
            /// Any other name.
            Other,
        }

        impl $kind {
            /// What a name in lower case stands for.
            pub(super) fn of(name: &[u8]) -> Self {
                // Patterns of bytes become a decision by length and then by single bytes.
                match name {
                    $($name => Self::$variant,)*
                    _ => Self::Other,
                }
            }

            /// The name.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => const {
                        match std::str::from_utf8($name) {
                            Ok(name) => name,
                            Err(_) => "other",
                        }
                    },)*
                    Self::Other => "other",
                }
            }
        }
    };
}

names! {
    /// An element's name.
    Tag
    A b"a", Abbr b"abbr", Address b"address", Applet b"applet", Area b"area", Article b"article",
    Aside b"aside", Audio b"audio", B b"b", Base b"base", Bdi b"bdi", Bdo b"bdo", Big b"big",
    Blockquote b"blockquote", Body b"body", Br b"br", Button b"button", Caption b"caption", Center b"center",
    Code b"code", Col b"col", Dd b"dd", Desc b"desc", Details b"details", Dialog b"dialog", Dir b"dir",
    Div b"div", Dl b"dl", Dt b"dt", Em b"em", Embed b"embed", Fieldset b"fieldset", Figcaption b"figcaption",
    Figure b"figure", Font b"font", Footer b"footer", ForeignObject b"foreignobject", Form b"form",
    Frame b"frame", Frameset b"frameset", H1 b"h1", H2 b"h2", H3 b"h3", H4 b"h4", H5 b"h5", H6 b"h6",
    Head b"head", Header b"header", Hr b"hr", Html b"html", I b"i", Iframe b"iframe", Image b"image",
    Img b"img", Input b"input", Label b"label", Li b"li", Link b"link", Main b"main", Mark b"mark",
    Marquee b"marquee", Math b"math", Menu b"menu", Meta b"meta", Nav b"nav", Nobr b"nobr", Noembed b"noembed",
    Noframes b"noframes", Noscript b"noscript", Object b"object", Ol b"ol", Optgroup b"optgroup",
    Option b"option", P b"p", Param b"param", Plaintext b"plaintext", Pre b"pre", S b"s", Script b"script",
    Section b"section", Select b"select", Small b"small", Source b"source", Span b"span", Strike b"strike",
    Strong b"strong", Style b"style", Sub b"sub", Summary b"summary", Sup b"sup", Svg b"svg", Table b"table",
    Tbody b"tbody", Td b"td", Template b"template", Textarea b"textarea", Tfoot b"tfoot", Th b"th",
    Thead b"thead", Title b"title", Tr b"tr", Track b"track", Tt b"tt", U b"u", Ul b"ul", Video b"video",
    Wbr b"wbr", Xmp b"xmp",
}

names! {
    /// An attribute's name.
    Attribute
    Action b"action", Alt b"alt", AriaLabel b"aria-label", Background b"background", Content b"content",
    Data b"data", Formaction b"formaction", Formmethod b"formmethod", Hidden b"hidden", Href b"href",
    HttpEquiv b"http-equiv", Id b"id", Lang b"lang", Method b"method", Name b"name",
    Placeholder b"placeholder", Poster b"poster", Rel b"rel", Src b"src", Srcset b"srcset", Style b"style",
    Title b"title", Type b"type", Value b"value", XlinkHref b"xlink:href", Onchange b"onchange",
    Onclick b"onclick", Ondblclick b"ondblclick", Onkeydown b"onkeydown", Onload b"onload",
    Onmousedown b"onmousedown", Onmouseup b"onmouseup", Onsubmit b"onsubmit", Ontouchend b"ontouchend",
    Ontouchstart b"ontouchstart",
}

impl Attribute {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Other as usize;

    /// The handlers whose code is read. Others (`onerror`, `onscroll` …) are not a citizen's doing.
    pub(super) const HANDLERS: [Self; 10] = [
        Self::Onclick,
        Self::Ondblclick,
        Self::Onmousedown,
        Self::Onmouseup,
        Self::Ontouchstart,
        Self::Ontouchend,
        Self::Onkeydown,
        Self::Onchange,
        Self::Onsubmit,
        Self::Onload,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        assert_eq!(Tag::of(b"a"), Tag::A);
        assert_eq!(Tag::of(b"foreignobject").name(), "foreignobject");
        assert_eq!(Tag::of(b"x-app"), Tag::Other);
        assert_eq!(Attribute::of(b"xlink:href"), Attribute::XlinkHref);
        assert_eq!(Attribute::of(b"data-href"), Attribute::Other);
        assert_eq!(Attribute::Ontouchstart as usize + 1, Attribute::COUNT);
    }
}
