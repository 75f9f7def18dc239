//! In-room tests.
