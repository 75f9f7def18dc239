//! `--period`: the period that is asked for.

use crate::domain::period::Period;
use crate::plan::read_period;

use super::Fault;

/// Reads a period in a time zone.
pub(super) fn period(text: &str, timezone: &str) -> Result<Period, Fault> {
    read_period(text, timezone).map_err(|fault| Fault::input(fault.message, fault.hint))
}
