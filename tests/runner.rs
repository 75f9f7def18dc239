//! The runner against real Chromium and small servers of its own: every way in which a journey can
//! end, by its outcome, its verdict and its time.
//!
//! Scenarios are written here as authors write them, as TOML.

#[path = "runner/doubt.rs"]
mod doubt;
#[path = "runner/evidence.rs"]
mod evidence;
#[path = "runner/eyes.rs"]
mod eyes;
#[path = "runner/hostile.rs"]
mod hostile;
#[path = "runner/journey.rs"]
mod journey;
#[path = "runner/live.rs"]
mod live;
#[path = "runner/ours.rs"]
mod ours;
#[path = "runner/privacy.rs"]
mod privacy;
#[path = "runner/town.rs"]
mod town;
#[path = "runner/words.rs"]
mod words;
