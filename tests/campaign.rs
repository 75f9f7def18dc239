//! The fault campaign: every fault that `docs/reliability.md` lists, done to the program as it is
//! shipped, with a real browser, a real mail server and real disks.
//!
//! `script/test` builds the release and names it in `SHOPPER_UNDER_TEST`; without that the debug build
//! is used. Faults of networks, mounts and limits are made in namespaces of the test's own, so that
//! nothing of the machine is touched. `script/campaign` runs the long ones.

#[path = "campaign/clock.rs"]
mod clock;
#[path = "campaign/disk.rs"]
mod disk;
#[path = "campaign/input.rs"]
mod input;
#[path = "campaign/limits.rs"]
mod limits;
#[path = "campaign/network.rs"]
mod network;
#[path = "campaign/pages.rs"]
mod pages;
#[path = "campaign/post.rs"]
mod post;
#[path = "campaign/processes.rs"]
mod processes;
#[path = "campaign/rig.rs"]
mod rig;
#[path = "campaign/table.rs"]
mod table;
