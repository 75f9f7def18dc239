//! What comes and goes: how much a pair flaps, by the weighted formula of Nagios.
//!
//! Of the newest 21 states each change counts, the newest most:
//! `P = 100/20 · Σᵢ cᵢ · (0.75 + 0.5·(i−1)/19)`, with i from 1 (the oldest change) to 20 (the newest).
//! It begins at 20 % and ends at 5 %, so that it does not flap itself.
//!
//! Invariant: only runs that say up or down are states; what is not known yet is no change.

use serde::{Deserialize, Serialize};

/// How many states are remembered.
pub const STATES: usize = 21;

/// Flapping begins here, in percent.
pub const BEGINS: f64 = 20.0;

/// And ends here.
pub const ENDS: f64 = 5.0;

/// The newest states of a pair, oldest first: `u` for up, `d` for down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(String);

impl History {
    /// Reads what was kept; a letter of another kind counts as up.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds the newest state.
    pub fn push(&mut self, down: bool) {
        self.0.push(if down { 'd' } else { 'u' });
        let surplus = self.0.chars().count().saturating_sub(STATES);
        self.0 = self.0.chars().skip(surplus).collect();
    }

    /// How much it flaps, in percent.
    pub fn percent(&self) -> f64 {
        let down: Vec<bool> = self.0.chars().map(|state| state == 'd').collect();
        let changes = down.windows(2).map(|pair| pair[0] != pair[1]);
        // The newest change is the twentieth, however few there are.
        let weights = (0..STATES - 1).skip((STATES - 1).saturating_sub(changes.len()));
        let weight = |i: usize| 0.75 + 0.5 * i as f64 / 19.0;
        changes.zip(weights).filter(|(changed, _)| *changed).map(|(_, i)| weight(i)).sum::<f64>() * 5.0
    }

    /// Whether so much happened that it flaps.
    pub fn begins(&self) -> bool {
        self.percent() >= BEGINS
    }

    /// Whether so little happened that it flaps no more.
    pub fn ends(&self) -> bool {
        self.percent() <= ENDS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(states: &str) -> History {
        let mut history = History::default();
        for state in states.chars() {
            history.push(state == 'd');
        }
        history
    }

    #[test]
    fn how_much_it_flaps_is_told_by_what_changed_and_when() {
        let cases = [
            ("nothing happened", "", false, true),
            ("it was always up", "uuuuuuuuuuuuuuuuuuuuu", false, true),
            ("it was always down", "ddddd", false, true),
            ("an outage", "uuuuuuuuuuddd", false, false),
            ("an outage and its end", "uuuuuudduu", false, false),
            ("an outage of one run, just now", "uuuud", false, false),
            ("three changes in a row", "uudud", false, false),
            ("three outages of a run each", "uudududuuu", true, false),
            ("four changes in a row, just now", "ududu", true, false),
            ("a change that is twenty runs old", "duuuuuuuuuuuuuuuuuuuu", false, true),
            ("two changes, eighteen runs ago", "uduuuuuuuuuuuuuuuuuuu", false, false),
        ];
        for (name, states, begins, ends) in cases {
            let history = of(states);
            assert_eq!((history.begins(), history.ends()), (begins, ends), "{name}: {}", history.percent());
        }
        // Changing with every run is everything: 100 %.
        let all = of("ududududududududududu").percent();
        assert!((all - 100.0).abs() < 1e-9, "{all}");
    }

    proptest! {
        #[test]
        fn the_percentage_is_the_formula(states in proptest::collection::vec(any::<bool>(), 0..60)) {
            let mut history = History::default();
            for down in &states { history.push(*down); }
            // Straight from the definition, over 21 states of which the missing ones are like the first.
            let first = states.first().copied().unwrap_or_default();
            let mut padded = vec![first; STATES];
            padded.extend(&states);
            let last = &padded[padded.len() - STATES..];
            let mut sum = 0.0;
            for i in 1..=20_u32 {
                let at = i as usize;
                let changed = last[at] != last[at - 1];
                sum += if changed { 0.75 + 0.5 * f64::from(i - 1) / 19.0 } else { 0.0 };
            }
            prop_assert!((history.percent() - 100.0 / 20.0 * sum).abs() < 1e-9);
            prop_assert!(history.as_str().len() <= STATES);
        }

        #[test]
        fn whoever_is_steady_for_21_runs_flaps_no_more(
            before in proptest::collection::vec(any::<bool>(), 0..40), down: bool,
        ) {
            let mut history = History::default();
            for down in &before { history.push(*down); }
            for _ in 0..STATES { history.push(down); }
            prop_assert!(history.ends() && !history.begins());
        }
    }
}
