//! Two digits: as assessments are published, so as ranks and grades are decided.
//!
//! Invariant: what is printed alike is ranked alike; noise of the sixteenth digit decides nothing.

use std::cmp::Ordering;

/// A number to two digits behind the point, halves away from zero.
///
/// It is rounded to eight digits first: 85.125 that came out as 85.124999999999986 is 85.13 as well.
pub fn two_digits(number: f64) -> f64 {
    ((number * 1e8).round() / 1e6).round() / 100.0
}

/// The order of two numbers as they are published.
pub(super) fn published_order(one: f64, other: f64) -> Ordering {
    two_digits(one).total_cmp(&two_digits(other))
}

/// The mean; absent of nothing.
pub(super) fn mean(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, n) = numbers.into_iter().fold((0.0, 0_u64), |(sum, n), number| (sum + number, n + 1));
    (n > 0).then(|| sum / n as f64)
}

/// So many of so many in percent; absent of nothing.
pub(super) fn percent(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| 100.0 * part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_are_those_of_the_published_tables() {
        let cases = [
            ("the published total", 88.5375, "88.54"),
            ("23 of 55", 2300.0 / 55.0, "41.82"),
            ("30 of 55", 3000.0 / 55.0, "54.55"),
            ("2 of 55", 200.0 / 55.0, "3.64"),
            ("a half goes up", 85.125, "85.13"),
            ("a half with noise goes up as well", 85.125 - 1.5e-14, "85.13"),
            ("less than a half does not", 85.1249, "85.12"),
        ];
        for (name, number, want) in cases {
            assert_eq!(format!("{:.2}", two_digits(number)), want, "{name}");
        }
        assert_eq!(published_order(90.001, 90.004), Ordering::Equal);
        assert_eq!(published_order(90.004, 90.006), Ordering::Less);
    }
}
