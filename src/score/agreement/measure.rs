//! Cohen's κ and Krippendorff's α.
//!
//! A value is the number of its category; what categories are to each other is the metric's affair.
//! Sources: J. Cohen, "A coefficient of agreement for nominal scales", 1960; K. Krippendorff, "Computing
//! Krippendorff's Alpha-Reliability", 2011, with any number of coders and with values missing.
//!
//! Invariant: what is not defined (nothing was coded twice, or all said the same everywhere) is absent
//! and never 1 or 0.

/// How far two categories are from each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric<'a> {
    /// Equal, or not.
    Nominal,
    /// By how many values lie between them; categories stand in their order.
    Ordinal,
    /// By the difference of the numbers that belong to the categories.
    Interval(&'a [f64]),
}

/// Krippendorff's α: one list for each unit, with the categories that its coders chose. Units with fewer than
/// two values say nothing.
pub fn alpha(units: &[Vec<usize>], metric: Metric<'_>) -> Option<f64> {
    let size = units.iter().flatten().max()? + 1;
    // The coincidence matrix: each ordered pair of values in a unit of m counts 1 / (m − 1).
    let mut coincide = vec![vec![0.0; size]; size];
    for unit in units.iter().filter(|unit| unit.len() > 1) {
        let share = 1.0 / (unit.len() - 1) as f64;
        for (i, &one) in unit.iter().enumerate() {
            for (j, &other) in unit.iter().enumerate() {
                if i != j {
                    coincide[one][other] += share;
                }
            }
        }
    }
    let sums: Vec<f64> = coincide.iter().map(|row| row.iter().sum()).collect();
    let total: f64 = sums.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for one in 0..size {
        for other in one + 1..size {
            let distance = squared(one, other, &sums, metric);
            observed += coincide[one][other] * distance;
            expected += sums[one] * sums[other] * distance;
        }
    }
    (expected > 0.0).then(|| 1.0 - (total - 1.0) * observed / expected)
}

/// The squared distance of two categories, `one` before `other`.
fn squared(one: usize, other: usize, sums: &[f64], metric: Metric<'_>) -> f64 {
    let distance = match metric {
        Metric::Nominal => 1.0,
        Metric::Ordinal => sums[one..=other].iter().sum::<f64>() - f64::midpoint(sums[one], sums[other]),
        Metric::Interval(numbers) => {
            let at = |category: usize| numbers.get(category).copied().unwrap_or_default();
            at(one) - at(other)
        }
    };
    distance * distance
}

/// Cohen's κ of two coders: the categories that they chose for each unit that both coded.
pub fn kappa(pairs: &[(usize, usize)]) -> Option<f64> {
    let size = pairs.iter().flat_map(|(one, other)| [one, other]).max()? + 1;
    let n = pairs.len() as f64;
    let (mut first, mut second) = (vec![0.0; size], vec![0.0; size]);
    for &(one, other) in pairs {
        first[one] += 1.0 / n;
        second[other] += 1.0 / n;
    }
    let same = pairs.iter().filter(|(one, other)| one == other).count() as f64 / n;
    let chance: f64 = first.iter().zip(&second).map(|(one, other)| one * other).sum();
    // Two coders who both know one word only agree by chance, always.
    (chance < 1.0 - f64::EPSILON).then(|| (same - chance) / (1.0 - chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Krippendorff 2011, section C: four observers, twelve units, values missing.
    fn krippendorff() -> Vec<Vec<usize>> {
        let mut units = vec![Vec::new(); 12];
        for observer in ["123321412...", "1233224125.3", ".3332342251.", "12332441251."] {
            for (unit, value) in units.iter_mut().zip(observer.chars()) {
                unit.extend(value.to_digit(10).map(|digit| digit as usize - 1));
            }
        }
        units
    }

    fn near(got: Option<f64>, want: f64) {
        assert!(got.is_some_and(|got| (got - want).abs() < 0.0005), "{got:?} is not {want}");
    }

    #[test]
    fn alpha_is_that_of_krippendorffs_own_example() {
        let units = krippendorff();
        near(alpha(&units, Metric::Nominal), 0.743);
        near(alpha(&units, Metric::Ordinal), 0.815);
        near(alpha(&units, Metric::Interval(&[1.0, 2.0, 3.0, 4.0, 5.0])), 0.849);
    }

    #[test]
    fn alpha_of_two_coders_and_two_words_is_that_of_krippendorffs_first_example() {
        // Krippendorff 2011, section A: ten units, 0 or 1, no value missing.
        let (one, other) = ([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]);
        let units: Vec<_> = one.iter().zip(other).map(|(one, other)| vec![*one, other]).collect();
        near(alpha(&units, Metric::Nominal), 0.095);
        // Two words have one order and one distance only.
        near(alpha(&units, Metric::Ordinal), 0.095);
        near(alpha(&units, Metric::Interval(&[0.0, 1.0])), 0.095);
    }

    #[test]
    fn kappa_is_that_of_the_textbooks() {
        // Fifty applications for grants read by two readers: both yes 20, both no 15, the first alone 5, the second
        // alone 10 (the worked example of Wikipedia, "Cohen's kappa").
        let table = [((1, 1), 20), ((1, 0), 5), ((0, 1), 10), ((0, 0), 15)];
        let pairs: Vec<_> = table.iter().flat_map(|(pair, count)| vec![*pair; *count]).collect();
        near(kappa(&pairs), 0.4);
    }

    #[test]
    fn what_is_not_defined_is_absent() {
        assert_eq!(alpha(&[], Metric::Nominal), None, "nothing was coded");
        assert_eq!(alpha(&[vec![0], vec![1]], Metric::Nominal), None, "nothing was coded twice");
        assert_eq!(alpha(&[vec![0, 0], vec![0, 0]], Metric::Nominal), None, "there is no variation");
        assert_eq!(kappa(&[]), None);
        assert_eq!(kappa(&[(0, 0), (0, 0)]), None);
        assert_eq!(alpha(&[vec![0, 0], vec![1, 1]], Metric::Nominal), Some(1.0));
    }
}
