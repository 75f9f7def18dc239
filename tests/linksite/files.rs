//! The bytes of everything that is no page: attachments, pictures, sheets.
//!
//! Each healthy attachment is the smallest that its own programs would call one of theirs by its
//! magic bytes and its container; each broken one is a healthy one with one thing done to it.

use std::fmt::Write as _;

use mystery_shopper::zip::archive;

/// The kinds of attachments that portals hand out.
pub const ATTACHMENTS: [&str; 8] = ["doc", "docx", "xls", "xlsx", "pdf", "zip", "ofd", "wps"];

/// The `Content-Type` of a path, by its ending.
pub fn type_of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("html", |(_, ending)| ending);
    TYPES.iter().find(|(known, _)| *known == ending).map_or("application/octet-stream", |(_, kind)| kind)
}

/// Endings and their types, also the `types` block of the web server.
pub const TYPES: [(&str, &str); 19] = [
    ("html", "text/html"),
    ("css", "text/css"),
    ("js", "application/javascript"),
    ("txt", "text/plain"),
    ("xml", "text/xml"),
    ("vtt", "text/vtt"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("mp4", "video/mp4"),
    ("mp3", "audio/mpeg"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("doc", "application/msword"),
    ("wps", "application/vnd.ms-works"),
    ("xls", "application/vnd.ms-excel"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ofd", "application/ofd"),
    ("rar", "application/vnd.rar"),
];

/// A healthy attachment of a kind; `n` makes each different.
pub fn attachment(kind: &str, n: usize) -> Vec<u8> {
    let note = format!("attachment {n}");
    match kind {
        "doc" | "xls" | "wps" => compound(&note),
        "pdf" => pdf(&note, 0),
        "docx" => archive(&[
            (
                "[Content_Types].xml",
                b"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>",
            ),
            (
                "_rels/.rels",
                b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"/>",
            ),
            ("word/document.xml", note.as_bytes()),
        ]),
        "xlsx" => archive(&[
            (
                "[Content_Types].xml",
                b"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>",
            ),
            ("xl/workbook.xml", note.as_bytes()),
        ]),
        "ofd" => archive(&[
            ("OFD.xml", b"<ofd:OFD xmlns:ofd=\"http://www.ofdspec.org/2016\"/>"),
            ("Doc_0/Document.xml", note.as_bytes()),
        ]),
        _ => archive(&[("readme.txt", note.as_bytes())]),
    }
}

/// A PDF that is larger than what a checker looks at first: its end stands far behind.
pub fn large_pdf(n: usize) -> Vec<u8> {
    pdf(&format!("large {n}"), 200_000)
}

/// An archive that is larger than what a checker looks at first.
pub fn large_zip(n: usize) -> Vec<u8> {
    let filling: Vec<u8> =
        (0..300_000_usize).map(|at| u8::try_from((at * 31 + n) % 251).unwrap_or(0)).collect();
    archive(&[("data.bin", &filling)])
}

/// What arrives when a transfer has been cut: the first two thirds.
pub fn cut(mut whole: Vec<u8>) -> Vec<u8> {
    whole.truncate(whole.len() * 2 / 3);
    whole
}

/// A PDF of one empty page, with a table of objects that is right, and `filling` bytes of stream.
fn pdf(note: &str, filling: usize) -> Vec<u8> {
    let stream = format!("% {note}\n{}", "0 0 m 1 1 l S\n".repeat(filling / 14));
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>".to_owned(),
        format!("<</Length {}>>\nstream\n{stream}endstream", stream.len()),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let start = out.len();
    let _ = write!(
        out,
        "{table}trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    );
    out.into_bytes()
}

/// An OLE compound file, what `doc`, `xls` and `wps` are: a header, one sector of allocation
/// table, one of directory ([MS-CFB] 2.2, 2.3, 2.6).
fn compound(note: &str) -> Vec<u8> {
    const SECTOR: usize = 512;
    const FREE: [u8; 4] = [0xFF; 4];
    const END: [u8; 4] = [0xFE, 0xFF, 0xFF, 0xFF];
    let mut out = vec![0; SECTOR * 3];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    put(24, &[0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0, 6, 0]); // versions, byte order, sector sizes
    put(44, &[1, 0, 0, 0, 1, 0, 0, 0]); // one sector of table, directory in sector 1
    put(57, &[0x10]); // streams below 4,096 bytes are small ones
    put(60, &END);
    put(68, &END);
    for at in (76..SECTOR).step_by(4) {
        put(at, &FREE);
    }
    put(76, &[0; 4]); // the table stands in sector 0
    for at in (SECTOR..SECTOR * 2).step_by(4) {
        put(at, &FREE);
    }
    put(SECTOR, &[0xFD, 0xFF, 0xFF, 0xFF]);
    put(SECTOR + 4, &END);
    for (at, unit) in "Root Entry".bytes().enumerate() {
        put(SECTOR * 2 + at * 2, &[unit]);
    }
    put(SECTOR * 2 + 64, &[22, 0, 5, 1]); // length of the name, kind of entry, colour
    for at in [68, 72, 76] {
        put(SECTOR * 2 + at, &FREE);
    }
    put(SECTOR * 2 + 116, &END);
    put(SECTOR * 2 + 128, note.as_bytes());
    out
}

/// A picture of one pixel.
pub const PNG: &[u8] = b"\x89PNG\x0D\x0A\x1A\x0A\x00\x00\x00\x0DIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3A\x7E\x9B\
    U\x00\x00\x00\x0AIDATx\x9Cc\x60\x00\x00\x00\x02\x00\x01H\xAF\xA4q\x00\x00\x00\x00IEND\xAEB\x60\x82";

/// The sheet that every page loads. What stands in its comment is no link.
pub const SHEET: &str = "/* url(/nowhere/comment.png) */\n\
    body { font: 14px/1.8 'Microsoft YaHei', sans-serif; background: #fff url(\"../images/bg.png\") repeat-x; }\n\
    .header { background: url( '../images/header.png' ) no-repeat; height: 120px; }\n\
    .nav li { display: inline-block; background-image: url(data:image/png;base64,iVBORw0KGgo=); }\n\
    .icon { fill: url(#gradient); }\n";

/// The script that every page loads. Nobody clicks on a text in a script.
pub const SCRIPT: &str = "function openWin(address) { return false; }\n\
    var unused = \"<a href='/nowhere/script.html'>x</a>\"; // location.href = '/nowhere/script-2.html'\n";
