//! What a file is, by its bytes, and whether it opens.
//!
//! A base file of floor 3: walks look at downloads with it, link checks at attachments.
//!
//! Invariant: total functions over bytes; a file is only called unreadable when what every reader
//! needs is missing.

/// Whether a file of type `is` is what `wanted`, a type as scenarios write it, asks for.
pub fn same_kind(wanted: &str, is: &str) -> bool {
    let wanted = wanted.trim_start_matches('.').to_ascii_lowercase();
    match wanted.as_str() {
        "jpeg" => is == "jpg",
        // Each of these is a ZIP archive too.
        "zip" => matches!(is, "zip" | "docx" | "xlsx" | "pptx" | "ofd" | "odt" | "ods"),
        // The old formats of Office share one container.
        "doc" | "xls" | "ppt" | "wps" | "et" => is == wanted || is == "ole",
        other => is == other,
    }
}

/// Types that a link to a document claims by the end of its name.
pub const ATTACHMENTS: [&str; 12] =
    ["doc", "docx", "xls", "xlsx", "ppt", "pptx", "pdf", "zip", "rar", "7z", "ofd", "wps"];

/// Whether the programs that open files called `claimed` open one of type `is`. Wider than
/// [`same_kind`]: word processors save RTF and the new format under the old name, and a file with
/// a password is an OLE container whatever its name.
pub fn passes_for(claimed: &str, is: &str) -> bool {
    match claimed {
        "doc" | "wps" => matches!(is, "doc" | "ole" | "docx" | "rtf" | "odt" | "xml"),
        "docx" => matches!(is, "docx" | "ole" | "doc"),
        "xls" => matches!(is, "xls" | "ole" | "xlsx" | "ods" | "xml"),
        "xlsx" => matches!(is, "xlsx" | "ole" | "xls"),
        "ppt" => matches!(is, "ppt" | "ole" | "pptx"),
        "pptx" => matches!(is, "pptx" | "ole" | "ppt"),
        other => same_kind(other, is),
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The type by the first bytes (and a ZIP's directory, which stands at its end).
pub fn kind_of(head: &[u8], tail: &[u8]) -> &'static str {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff", "jpg"),
        (b"GIF8", "gif"),
        (b"BM", "bmp"),
        (b"Rar!\x1a\x07", "rar"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"\x1f\x8b", "gz"),
        (b"{\\rtf", "rtf"),
    ];
    // A PDF may begin up to a kilobyte late.
    if holds(&head[..head.len().min(1024)], b"%PDF-") {
        return "pdf";
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        let has = |name: &[u8]| holds(head, name) || holds(tail, name);
        return match () {
            () if has(b"OFD.xml") => "ofd",
            () if has(b"word/document") => "docx",
            () if has(b"xl/workbook") => "xlsx",
            () if has(b"ppt/presentation") => "pptx",
            () if has(b"opendocument.text") => "odt",
            () if has(b"opendocument.spreadsheet") => "ods",
            () => "zip",
        };
    }
    if head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        // Names of streams are UTF-16.
        let wide = |name: &str| name.bytes().flat_map(|b| [b, 0]).collect::<Vec<u8>>();
        let has = |name: &str| holds(head, &wide(name)) || holds(tail, &wide(name));
        return match () {
            () if has("WordDocument") => "doc",
            () if has("Workbook") || has("Book") => "xls",
            () if has("PowerPoint Document") => "ppt",
            () => "ole",
        };
    }
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return kind;
    }
    let start = String::from_utf8_lossy(&head[..head.len().min(512)]).trim_start().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") || start.contains("<html ") {
        return "html";
    }
    if start.starts_with("<?xml") { "xml" } else { "unknown" }
}

/// Whether it has what a reader needs: a PDF's trailer, a ZIP's directory, a picture's end.
pub fn opens(kind: &str, head: &[u8], tail: &[u8]) -> bool {
    match kind {
        "pdf" => holds(tail, b"%%EOF") && (holds(tail, b"startxref") || holds(head, b"startxref")),
        "zip" | "docx" | "xlsx" | "pptx" | "ofd" | "odt" | "ods" => holds(tail, b"PK\x05\x06"),
        "png" => holds(tail, b"IEND"),
        "jpg" => holds(tail, b"\xff\xd9"),
        "gif" => tail.last() == Some(&0x3b),
        "unknown" => false,
        _ => tail.len() > 16,
    }
}

/// Whether a file of which every byte is at hand opens. Closer than [`opens`]: a ZIP's directory
/// has to stand where its end says (PKWARE APPNOTE 6.3, section 4.3.16).
pub fn opens_whole(kind: &str, bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(64 << 10)..];
    let head = &bytes[..bytes.len().min(64 << 10)];
    match kind {
        "zip" | "docx" | "xlsx" | "pptx" | "ofd" | "odt" | "ods" => has_directory(bytes),
        _ => opens(kind, head, tail),
    }
}

fn has_directory(bytes: &[u8]) -> bool {
    // The end record may be followed by a comment of up to 64 KiB.
    let from = bytes.len().saturating_sub(22 + 0xffff);
    let Some(at) = bytes[from..].windows(4).rposition(|w| w == b"PK\x05\x06").map(|at| from + at) else {
        return false;
    };
    let number = |offset: usize, length: usize| {
        let field = bytes.get(at + offset..at + offset + length)?;
        Some(field.iter().rev().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte)))
    };
    let (Some(entries), Some(size), Some(start), Some(_)) =
        (number(10, 2), number(12, 4), number(16, 4), number(20, 2))
    else {
        return false;
    };
    // ZIP64 keeps the real numbers elsewhere.
    if start == 0xffff_ffff || size == 0xffff_ffff {
        return true;
    }
    let (Ok(start), Ok(size)) = (usize::try_from(start), usize::try_from(size)) else { return false };
    // A prefix, such as a self-extracting program, moves everything: the directory is then where
    // its own size says, right before its end.
    let Some(real) = at.checked_sub(size) else { return false };
    start <= real && (entries == 0 || bytes[real..].starts_with(b"PK\x01\x02"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_what_their_bytes_say() {
        let mut zip = b"PK\x03\x04....word/document.xml....".to_vec();
        zip.extend(b"PK\x05\x06");
        let cases: [(&[u8], &str, bool); 7] = [
            (b"%PDF-1.4\n...startxref\n9\n%%EOF\n", "pdf", true),
            (b"%PDF-1.4\n...", "pdf", false),
            (&zip, "docx", true),
            (b"PK\x03\x04half", "zip", false),
            (b"\x89PNG\r\n\x1a\n....IEND....", "png", true),
            (b"  <!DOCTYPE html><title>404</title>", "html", true),
            (b"hello", "unknown", false),
        ];
        for (bytes, kind, opening) in cases {
            assert_eq!(kind_of(bytes, bytes), kind);
            assert_eq!(opens(kind, bytes, bytes), opening, "{kind}");
        }
    }

    #[test]
    fn an_archive_without_its_directory_does_not_open() {
        let whole = crate::zip::archive(&[("word/document.xml", b"<w/>"), ("b.txt", b"x")]);
        assert!(opens_whole("docx", &whole));
        assert!(opens_whole("zip", &[b"MZ stub".as_slice(), &whole].concat()));
        for length in [whole.len() - 1, whole.len() / 2, 30, 4, 0] {
            assert!(!opens_whole("docx", &whole[..length]), "{length} bytes");
        }
        let mut hollow = whole.clone();
        let directory = hollow.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        hollow.drain(directory - 10..directory);
        assert!(!opens_whole("docx", &hollow), "bytes are missing in the middle");
    }
}
