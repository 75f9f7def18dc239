//! ZIP archives, written.
//!
//! Everything is stored, nothing compressed: the files are small, and no compressor is needed.
//! Format: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.16 (end).

/// An archive of these files, names and contents.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let offset = len32(out.len());
        let mut entry = Vec::new();
        push16(&mut entry, 20); // version 2.0 is needed to extract
        push16(&mut entry, 1 << 11); // names are in UTF-8
        push16(&mut entry, 0); // stored
        push16(&mut entry, 0); // 00:00
        push16(&mut entry, (46 << 9) | (1 << 5) | 1); // 1 January 2026
        push32(&mut entry, crc32(content));
        push32(&mut entry, len32(content.len()));
        push32(&mut entry, len32(content.len()));
        push16(&mut entry, u16::try_from(name.len()).unwrap_or(u16::MAX));
        push16(&mut entry, 0); // no extra field

        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&entry);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);

        directory.extend_from_slice(b"PK\x01\x02");
        push16(&mut directory, 20);
        directory.extend_from_slice(&entry);
        // No comment, first disk, no attributes.
        directory.extend_from_slice(&[0; 10]);
        push32(&mut directory, offset);
        directory.extend_from_slice(name.as_bytes());
    }
    let start = len32(out.len());
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    push16(&mut out, count);
    push16(&mut out, count);
    push32(&mut out, len32(directory.len()));
    push32(&mut out, start);
    push16(&mut out, 0);
    out
}

fn push16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn push32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// CRC-32 as ZIP wants it: polynomial `EDB88320`, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_end_record_points_at_the_directory() {
        let zip = archive(&[("一.txt", "甲".as_bytes()), ("b.txt", b"")]);
        let end = zip.len() - 22;
        assert_eq!(&zip[end..end + 4], b"PK\x05\x06");
        let start = u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize;
        assert_eq!(&zip[start..start + 4], b"PK\x01\x02");
    }
}
