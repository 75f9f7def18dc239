//! Hashes that stay the same over builds, machines and years.

/// The hash by which a place of a page (`id`, or `name` of `<a>`) is known: 64 bit FNV-1a of its
/// UTF-8, stirred by the finisher of MurmurHash3. It is written to files; do not change it.
pub fn place(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash)
}

/// Spreads what is in a number over all its bits (MurmurHash3's `fmix64`).
#[inline]
pub(super) fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

/// A quick hash that may differ from build to build: eight bytes at a time.
#[inline]
pub(super) fn quick(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let step = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(step(hash, last))
}

/// A hasher for what is a hash already.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Hashed(u64);

impl std::hash::Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = mix(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_place_never_changes() {
        assert_eq!(place(""), 0xefd0_1f60_ba99_2926);
        assert_eq!(place("top"), 0xe24b_19fb_18ad_f148);
        assert_eq!(place("第一章"), 0x9b30_cb20_720b_2aea);
    }
}
