//! Times as histograms that hold only what was counted: an hour has a handful of values, and a whole HDR
//! histogram is an array of thirteen thousand.
//!
//! They are written and read in HDR's own V2 encoding (1 ms to 1 h, three digits; longer times count as
//! an hour): the header, then counts in ZigZag LEB128, negative ones for runs of zeros. Test: byte for
//! byte what the crate `hdrhistogram` writes.
//!
//! Invariant: indices rise and no count is zero.

/// The longest time that is told apart, in milliseconds.
pub(super) const LONGEST_MS: u64 = 3_600_000;

/// Significant digits.
pub(super) const DIGITS: u8 = 3;

/// Values below twice this have a slot each; from there on slots double in width (three digits want
/// 2,048).
const HALF: u32 = 1024;

const COOKIE: u32 = 0x1c84_9313;
/// Cookie, length, offset, digits, lowest, highest, ratio.
const HEADER: usize = 4 + 4 + 4 + 4 + 8 + 8 + 8;

/// A histogram.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// Slot and count.
    counts: Vec<(u32, u64)>,
}

impl Times {
    /// Reads the V2 encoding.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut counts = Vec::new();
        each(bytes, |slot, count| counts.push((slot, count)))?;
        Ok(Self { counts })
    }

    /// Counts a time.
    pub(super) fn record(&mut self, ms: u64) {
        let slot = slot_of(ms);
        match self.counts.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(place) => self.counts[place].1 += 1,
            Err(place) => self.counts.insert(place, (slot, 1)),
        }
    }

    /// Writes the V2 encoding.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        let mut next = 0;
        for (slot, count) in &self.counts {
            match i64::from(slot - next) {
                0 => {}
                // A single zero is written as what it is.
                1 => put(&mut bytes, 0),
                zeros => put(&mut bytes, -zeros),
            }
            put(&mut bytes, i64::try_from(*count).unwrap_or(i64::MAX));
            next = slot + 1;
        }
        if self.counts.is_empty() {
            put(&mut bytes, 0);
        }
        let length = u32::try_from(bytes.len() - HEADER).unwrap_or(u32::MAX);
        bytes[0..4].copy_from_slice(&COOKIE.to_be_bytes());
        bytes[4..8].copy_from_slice(&length.to_be_bytes());
        bytes[12..16].copy_from_slice(&u32::from(DIGITS).to_be_bytes());
        bytes[16..24].copy_from_slice(&1_u64.to_be_bytes());
        bytes[24..32].copy_from_slice(&LONGEST_MS.to_be_bytes());
        bytes[32..40].copy_from_slice(&1.0_f64.to_bits().to_be_bytes());
        bytes
    }
}

/// Hands every time of an encoded histogram to `take`, rising: the largest number of milliseconds that
/// its slot stands for, as percentiles are told, and how often.
pub(super) fn times(bytes: &[u8], mut take: impl FnMut(u32, u64)) -> Result<(), &'static str> {
    each(bytes, |slot, count| take(value_of(slot), count))
}

/// The number of milliseconds that a time is told as.
#[cfg(test)]
pub(super) fn rounded(ms: u64) -> u32 {
    value_of(slot_of(ms))
}

fn each(bytes: &[u8], mut take: impl FnMut(u32, u64)) -> Result<(), &'static str> {
    let (header, mut rest) = bytes.split_at_checked(HEADER).ok_or("it is cut short")?;
    let word = |at: usize| header.get(at..at + 4).and_then(|it| it.try_into().ok()).map(u32::from_be_bytes);
    let long = |at: usize| header.get(at..at + 8).and_then(|it| it.try_into().ok()).map(u64::from_be_bytes);
    if word(0) != Some(COOKIE) {
        return Err("it is no histogram in V2 encoding");
    }
    let expected = (Some(0), Some(u32::from(DIGITS)), Some(1), Some(LONGEST_MS));
    if (word(8), word(12), long(16), long(24)) != expected {
        return Err("it is a histogram of another kind");
    }
    if word(4).map(|length| length as usize) != Some(rest.len()) {
        return Err("it is not as long as it says");
    }
    let mut slot = 0_u32;
    while !rest.is_empty() {
        let count = get(&mut rest).ok_or("it ends inside a number")?;
        if count < 0 {
            let zeros = u32::try_from(count.unsigned_abs()).map_err(|_| "it has too many slots")?;
            slot = slot.checked_add(zeros).ok_or("it has too many slots")?;
        } else {
            if slot > slot_of(LONGEST_MS) {
                return Err("it has too many slots");
            }
            if count > 0 {
                take(slot, count.unsigned_abs());
            }
            slot += 1;
        }
    }
    Ok(())
}

/// The slot of a time.
fn slot_of(ms: u64) -> u32 {
    let ms = u32::try_from(ms.clamp(1, LONGEST_MS)).unwrap_or(u32::MAX);
    let doubled = (ms | (2 * HALF - 1)).ilog2() - HALF.ilog2();
    doubled * HALF + (ms >> doubled)
}

/// The largest time of a slot.
fn value_of(slot: u32) -> u32 {
    let doubled = (slot / HALF).saturating_sub(1);
    ((slot - doubled * HALF + 1) << doubled) - 1
}

/// Writes a number in ZigZag LEB128 of at most nine bytes.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    for _ in 0..8 {
        let low = (rest & 0x7f).to_le_bytes()[0];
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
    bytes.push(rest.to_le_bytes()[0]);
}

/// Reads a number in ZigZag LEB128 of at most nine bytes.
fn get(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if place == 8 {
            number |= u64::from(byte) << 56;
            break;
        }
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Serializer as _, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    fn theirs(values: &[(u64, u32)]) -> (Histogram<u64>, Vec<u8>) {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST_MS, DIGITS).unwrap();
        for (value, times) in values {
            histogram.saturating_record_n((*value).max(1), u64::from(*times));
        }
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        (histogram, bytes)
    }

    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..20_u64,
            0..2_100_u64,
            2_000..9_000_u64,
            0..LONGEST_MS,
            Just(LONGEST_MS),
            Just(u64::MAX)
        ]
    }

    proptest! {
        #[test]
        fn histograms_are_written_and_read_as_the_crate_does(
            values in prop::collection::vec((value(), prop_oneof![1..4_u32, 1..5_000_u32]), 0..60),
        ) {
            let (histogram, bytes) = theirs(&values);
            let mut ours = Times::default();
            for (value, times) in &values {
                for _ in 0..(*times).min(50) {
                    ours.record(*value);
                }
            }
            let few: Vec<(u64, u32)> = values.iter().map(|(value, times)| (*value, (*times).min(50))).collect();
            prop_assert_eq!(ours.encode(), theirs(&few).1);

            let mut read = Vec::new();
            times(&bytes, |value, count| read.push((u64::from(value), count))).unwrap();
            let want: Vec<(u64, u64)> = histogram
                .iter_recorded()
                .map(|step| (histogram.highest_equivalent(step.value_iterated_to()), step.count_at_value()))
                .collect();
            prop_assert_eq!(read, want);
            prop_assert_eq!(Times::decode(&bytes).unwrap().encode(), bytes);
        }

        #[test]
        fn whatever_the_bytes_are_reading_them_ends(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Times::decode(&bytes);
            let (_, whole) = theirs(&[(3, 1), (4_000, 2), (90_000, 300)]);
            for cut in 0..whole.len() {
                prop_assert!(Times::decode(&whole[..cut]).is_err());
            }
            // A good header before whatever.
            let mut odd = whole[..HEADER].to_vec();
            odd[4..8].copy_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
            odd.extend(bytes);
            let _ = Times::decode(&odd);
        }
    }

    #[test]
    fn numbers_of_any_size_are_kept() {
        for number in [0, 1, -1, 63, -64, 64, -65, 1 << 20, -(1 << 40), i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            assert_eq!(get(&mut bytes.as_slice()), Some(number));
        }
    }
}
