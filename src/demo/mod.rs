//! The demo: a believable portal of three cities with faults to switch, and a mail sink.
//!
//! The portal is what a newcomer's first walk meets, what the tests walk, and what the benchmark
//! measures. Its three cities look different and, above all, tell different truths about the same
//! two items (`docs/demo.md` lists them).
//!
//! Invariant: nothing here leaves this machine's memory. Uploads are looked at and dropped, forms
//! live in bounded sessions, and no number that is printed could belong to a person.

mod assets;
mod beishan;
mod catalogue;
mod city;
mod control;
mod docx;
mod fault;
mod files;
mod form;
mod linhai;
mod listener;
mod page;
mod pdf;
mod portal;
mod session;
mod shifan;
pub mod sink;
mod switch;
mod temporary;

pub use city::City;
pub use fault::Fault;
pub use portal::{Portal, PortalError, PortalState, router};
pub use switch::{SwitchError, faults, switch};
