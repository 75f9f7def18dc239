//! The demo: a believable city portal with faults to switch, and a mail sink.

pub mod sink;
