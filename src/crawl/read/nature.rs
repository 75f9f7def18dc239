//! What the HTML standard says of elements.
//!
//! Invariant: questions about a name alone; nothing here knows the page.

use html5gum::State;

use super::tag::Tag;

impl Tag {
    /// Whether it has no end tag and nothing in it.
    pub(super) fn is_void(self) -> bool {
        use Tag::{
            Area, Base, Br, Col, Embed, Frame, Hr, Image, Img, Input, Link, Meta, Param, Source, Track, Wbr,
        };
        matches!(
            self,
            Area | Base
                | Br
                | Col
                | Embed
                | Frame
                | Hr
                | Image
                | Img
                | Input
                | Link
                | Meta
                | Param
                | Source
                | Track
                | Wbr
        )
    }

    /// Whether words go on through it; the same list as `http::page`.
    pub(super) fn is_inline(self) -> bool {
        use Tag::{
            A, Abbr, B, Bdi, Bdo, Big, Code, Em, Font, I, Label, Mark, S, Small, Span, Strong, Sub, Sup, U,
        };
        matches!(
            self,
            A | Abbr
                | B
                | Bdi
                | Bdo
                | Big
                | Code
                | Em
                | Font
                | I
                | Label
                | Mark
                | S
                | Small
                | Span
                | Strong
                | Sub
                | Sup
                | U
        )
    }

    /// Whether its end tag reaches through whatever stands in between (the standard's formatting
    /// elements).
    pub(super) fn is_formatting(self) -> bool {
        use Tag::{A, B, Big, Code, Em, Font, I, Nobr, S, Small, Strike, Strong, Tt, U};
        matches!(self, A | B | Big | Code | Em | Font | I | Nobr | S | Small | Strike | Strong | Tt | U)
    }

    /// Whether an end tag of an unknown element does not reach through it (the standard's special
    /// elements, as far as they are in the table).
    pub(super) fn is_special(self) -> bool {
        !(self.is_inline() || self.is_formatting() || matches!(self, Self::Other))
    }

    /// Whether its start ends an open paragraph.
    pub(super) fn ends_paragraph(self) -> bool {
        use Tag::{
            Address, Article, Aside, Blockquote, Center, Dd, Details, Dialog, Dir, Div, Dl, Dt, Fieldset,
            Figcaption, Figure, Footer, Form, H1, H2, H3, H4, H5, H6, Header, Hr, Li, Main, Menu, Nav, Ol, P,
            Pre, Section, Summary, Table, Ul,
        };
        matches!(
            self,
            Address
                | Article
                | Aside
                | Blockquote
                | Center
                | Dd
                | Details
                | Dialog
                | Dir
                | Div
                | Dl
                | Dt
                | Fieldset
                | Figcaption
                | Figure
                | Footer
                | Form
                | H1
                | H2
                | H3
                | H4
                | H5
                | H6
                | Header
                | Hr
                | Li
                | Main
                | Menu
                | Nav
                | Ol
                | P
                | Pre
                | Section
                | Summary
                | Table
                | Ul
        )
    }

    /// Whether end tags inside it do not reach beyond it (the standard's scope).
    pub(super) fn is_scope(self) -> bool {
        use Tag::{Applet, Caption, Html, Marquee, Object, Table, Td, Template, Th};
        matches!(self, Applet | Caption | Html | Marquee | Object | Table | Td | Template | Th)
    }

    /// Whether nothing in it can be seen; the same list as `http::page`, and raw text that only old
    /// browsers would show.
    pub(super) fn is_hidden(self) -> bool {
        use Tag::{Iframe, Noembed, Noframes, Noscript, Object, Script, Style, Svg, Template};
        matches!(self, Iframe | Noembed | Noframes | Noscript | Object | Script | Style | Svg | Template)
    }

    /// Whether it cannot stand in a drawing: its start ends an open `<svg>` or `<math>`.
    pub(super) fn ends_drawing(self) -> bool {
        use Tag::{
            B, Big, Blockquote, Body, Br, Center, Code, Dd, Div, Dl, Dt, Em, Embed, H1, H2, H3, H4, H5, H6,
            Head, Hr, I, Img, Li, Menu, Meta, Nobr, Ol, P, Pre, S, Small, Span, Strike, Strong, Sub, Sup,
            Table, Tt, U, Ul,
        };
        matches!(
            self,
            B | Big
                | Blockquote
                | Body
                | Br
                | Center
                | Code
                | Dd
                | Div
                | Dl
                | Dt
                | Em
                | Embed
                | H1
                | H2
                | H3
                | H4
                | H5
                | H6
                | Head
                | Hr
                | I
                | Img
                | Li
                | Menu
                | Meta
                | Nobr
                | Ol
                | P
                | Pre
                | S
                | Small
                | Span
                | Strike
                | Strong
                | Sub
                | Sup
                | Table
                | Tt
                | U
                | Ul
        )
    }

    /// How the tokenizer goes on after its start tag, outside of drawings. Scripts run, as in a
    /// browser, and so what is in `<noscript>` is text that nobody sees.
    pub(super) fn state(self) -> Option<State> {
        match self {
            Self::Textarea | Self::Title => Some(State::RcData),
            Self::Plaintext => Some(State::PlainText),
            Self::Script => Some(State::ScriptData),
            Self::Style | Self::Iframe | Self::Xmp | Self::Noembed | Self::Noframes | Self::Noscript => {
                Some(State::RawText)
            }
            _ => None,
        }
    }
}
