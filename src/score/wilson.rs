//! Wilson's interval: how sure a share is.
//!
//! Invariant: the interval contains the share and stays within 0–100 %, also at 0 and at 100.

use super::card::Interval;

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of `good` of `of`, in percent, without continuity correction (Wilson 1927; method 3
/// of Newcombe 1998). Of nothing it is everything: 0–100 %.
pub fn wilson(good: u64, of: u64) -> Interval {
    if of == 0 {
        return Interval { low: 0.0, high: 100.0 };
    }
    let (n, share) = (of as f64, good as f64 / of as f64);
    let square = Z * Z;
    let middle = share + square / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 100.0 / (1.0 + square / n);
    // At the ends the formula gives 0 and 1 up to noise.
    let low = if good == 0 { 0.0 } else { ((middle - half) * scale).max(0.0) };
    let high = if good >= of { 100.0 } else { ((middle + half) * scale).min(100.0) };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe, R. G. (1998): Two-sided confidence intervals for the single proportion, Statistics in
    /// Medicine 17, 857–872, table I, method 3; the last is the rule of the site checks: n / (n + z²).
    #[test]
    fn wilson_is_newcombes_table() {
        let cases = [
            (81, 263, "25.53", "36.62"),
            (15, 148, "6.24", "16.05"),
            (0, 20, "0.00", "16.11"),
            (1, 29, "0.61", "17.18"),
            (288, 288, "98.68", "100.00"),
        ];
        for (good, of, low, high) in cases {
            let interval = wilson(good, of);
            assert_eq!(format!("{:.2}", interval.low), low, "{good} of {of}");
            assert_eq!(format!("{:.2}", interval.high), high, "{good} of {of}");
        }
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        assert_eq!(wilson(0, 0), Interval { low: 0.0, high: 100.0 });
    }
}
