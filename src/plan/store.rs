//! `[store]`: how long what is recorded is kept, and how much room it may take.

use std::time::Duration;

use super::table::{Fields, Item};

/// A day.
const DAY: Duration = Duration::from_hours(24);

/// What is kept, and for how long; for ever where nothing is said. Incidents and what is rolled up by
/// the hour always stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// Evidence files.
    pub evidence: Option<Duration>,
    /// Runs with their steps and facts, and gaps.
    pub runs: Option<Duration>,
    /// So many bytes may be kept in all; when it is more, the oldest evidence goes first, then the
    /// oldest runs.
    pub size: Option<u64>,
}

/// Reads `[store]`.
pub(super) fn read(fields: &Fields<'_>) -> Keep {
    let mut keep = Keep::default();
    let Some(fields) = fields.get("store").and_then(|item| item.table("[store]")) else { return keep };
    if let Some(table) = fields.get("keep").and_then(|item| item.table("`keep`")) {
        let age = |key| {
            let item: Option<Item<'_>> = table.get(key);
            item.and_then(|item| Some((item.duration(DAY..=3650 * DAY)?, item)))
        };
        let (evidence, runs) = (age("evidence"), age("runs"));
        if let (Some((evidence, item)), Some((runs, _))) = (&evidence, &runs)
            && evidence > runs
        {
            let hint = "a file is removed with the last run that shows it: give `runs` at least as long";
            item.error("evidence cannot be kept longer than its runs", hint.to_owned());
        }
        keep.evidence = evidence.map(|(age, _)| age);
        keep.runs = runs.map(|(age, _)| age);
        keep.size = table.get("size").and_then(|item| size(&item));
        table.finish();
    }
    fields.finish();
    keep
}

fn size(item: &Item<'_>) -> Option<u64> {
    let text = item.filled()?;
    let bytes = parse_size(text.value);
    if bytes.is_none() {
        let hint = "write a number and MB, GB or TB, such as \"20GB\": from 100MB to 100TB".to_owned();
        text.error(format!("`{}` is no amount of room", text.value), hint);
    }
    bytes
}

/// `"20GB"`, `"500 MiB"` in bytes.
fn parse_size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] = [
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let bytes = number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)?;
    (100_000_000..=100_000_000_000_000).contains(&bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn room_is_written_with_its_unit() {
        let cases = [
            ("20GB", Some(20_000_000_000)),
            ("100 MB", Some(100_000_000)),
            ("1GiB", Some(1 << 30)),
            ("2TB", Some(2_000_000_000_000)),
            ("99MB", None),
            ("101TB", None),
            ("20", None),
            ("20gb", None),
            ("-1GB", None),
            ("1.5GB", None),
            ("99999999999999999999TB", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_size(text), want, "{text}");
        }
    }
}
