//! Link checks against portals and hosts of every temper.

mod linksite;
mod net;

#[path = "crawl/eyes.rs"]
mod eyes;
#[path = "crawl/hostile.rs"]
mod hostile;
#[path = "crawl/journal.rs"]
mod journal;
#[path = "crawl/judged.rs"]
mod judged;
#[path = "crawl/manners.rs"]
mod manners;
#[path = "crawl/soft.rs"]
mod soft;
#[path = "crawl/world.rs"]
mod world;
