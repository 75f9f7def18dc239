//! One visit against servers of every temper. Each test brings its own.

mod net;

#[path = "visit/bodies.rs"]
mod bodies;
#[path = "visit/certificates.rs"]
mod certificates;
#[path = "visit/command.rs"]
mod command;
#[path = "visit/pages.rs"]
mod pages;
#[path = "visit/phases.rs"]
mod phases;
#[path = "visit/redirects.rs"]
mod redirects;
#[path = "visit/world.rs"]
mod world;
