//! The browser room against real Chromium and small servers of its own.

#[path = "browser/verbs.rs"]
mod verbs;
#[path = "browser/world.rs"]
mod world;
