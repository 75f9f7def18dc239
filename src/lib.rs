//! mystery-shopper: walks citizen journeys through government portals in real browsers, records
//! what can really be done online, mails outages and scores portals.
//!
//! `ARCHITECTURE.md` is the map; `tests/floors.rs` keeps the floors apart.

pub mod app;
pub mod browser;
pub mod cli;
pub mod clock;
pub mod crawl;
pub mod demo;
pub mod domain;
pub mod files;
pub mod filetype;
pub mod http;
pub mod judge;
pub mod mail;
pub mod plan;
pub mod report;
pub mod runner;
pub mod scheduler;
pub mod score;
pub mod store;
pub mod visit;
pub mod web;
pub mod webhook;
pub mod zip;
