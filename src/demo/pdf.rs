//! A one-page PDF with Chinese text.
//!
//! The font is not embedded: `STSong-Light` with the predefined CMap `UniGB-UCS2-H` (ISO 32000-1,
//! 9.7.5.2) is one that every viewer has to replace by a Chinese font of its own.

use std::fmt::Write as _;

/// A4 in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
/// Full-width characters on a line of the body.
const LINE: f32 = 26.0;

/// A certificate: a frame, a title, one paragraph per line of `body`, and a note at the bottom.
pub(super) fn document(title: &str, body: &str, note: &str) -> Vec<u8> {
    let mut content = String::new();
    // A double frame, as certificates have it.
    content.push_str("0.75 0.1 0.1 RG 3 w 30 30 535 782 re S 1 w 37 37 521 768 re S\n");
    content.push_str("0.75 0.1 0.1 rg\n");
    line(&mut content, 34.0, (WIDTH - width(title) * 34.0) / 2.0, HEIGHT - 130.0, title);
    content.push_str("0.1 0.1 0.1 rg\n");
    let mut y = HEIGHT - 220.0;
    for paragraph in body.lines() {
        for part in wrap(paragraph) {
            line(&mut content, 17.0, 80.0, y, &part);
            y -= 28.0;
        }
        y -= 10.0;
    }
    content.push_str("0.5 0.5 0.5 rg\n");
    line(&mut content, 12.0, (WIDTH - width(note) * 12.0) / 2.0, 64.0, note);

    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"
        ),
        format!("<</Length {}>>\nstream\n{content}endstream", content.len()),
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light-UniGB-UCS2-H/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>"
            .to_owned(),
        // CIDs 1 to 95 of Adobe-GB1 are ASCII; half an em is close enough without the font.
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)\
         /Supplement 2>>/FontDescriptor 7 0 R/DW 1000/W[1 95 500]>>"
            .to_owned(),
        "<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880\
         /Descent -120/CapHeight 880/StemV 93>>"
            .to_owned(),
    ];
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = Vec::with_capacity(objects.len());
    for (i, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", i + 1).as_bytes());
    }
    let start = out.len();
    let mut tail = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        let _ = writeln!(tail, "{offset:010} 00000 n ");
    }
    let _ = write!(tail, "trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    out.extend_from_slice(tail.as_bytes());
    out
}

/// One line of text at a place.
fn line(content: &mut String, size: f32, x: f32, y: f32, text: &str) {
    let _ = write!(content, "BT /F1 {size} Tf {x:.1} {y:.1} Td <");
    // UCS-2 knows the basic plane only; what lies outside becomes a full-width space.
    for c in text.chars() {
        let _ = write!(content, "{:04X}", u16::try_from(u32::from(c)).unwrap_or(0x3000));
    }
    content.push_str("> Tj ET\n");
}

/// The width of a text in ems.
fn width(text: &str) -> f32 {
    text.chars().map(|c| if c.is_ascii() { 0.5 } else { 1.0 }).sum()
}

/// Cuts a paragraph into lines that fit.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0.0;
    for c in text.chars() {
        let w = if c.is_ascii() { 0.5 } else { 1.0 };
        if used + w > LINE {
            lines.push(String::new());
            used = 0.0;
        }
        if let Some(last) = lines.last_mut() {
            last.push(c);
        }
        used += w;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_of_the_table_meets_its_object() {
        let pdf = document("证", &"很长的一行".repeat(20), "注");
        let text = String::from_utf8_lossy(&pdf);
        let start: usize =
            text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        let table = std::str::from_utf8(&pdf[start..]).unwrap();
        let mut count = 0;
        for (i, row) in table.lines().skip(3).take_while(|row| row.ends_with("n ")).enumerate() {
            let offset: usize = row[..10].parse().unwrap();
            assert!(pdf[offset..].starts_with(format!("{} 0 obj", i + 1).as_bytes()), "object {}", i + 1);
            count += 1;
        }
        assert_eq!(count, 7);
    }

    #[test]
    fn long_paragraphs_are_cut_and_nothing_is_lost() {
        let text = "药品经营许可证 ABC ".repeat(9);
        let lines = wrap(&text);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line) <= LINE));
        assert_eq!(lines.concat(), text);
    }
}
