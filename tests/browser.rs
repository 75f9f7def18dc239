//! The browser room against real Chromium and small servers of its own.

#[path = "browser/cgroup.rs"]
mod cgroup;
#[path = "browser/classic.rs"]
mod classic;
#[path = "browser/emulation.rs"]
mod emulation;
#[path = "browser/faults.rs"]
mod faults;
#[path = "browser/files.rs"]
mod files;
#[path = "browser/firefox.rs"]
mod firefox;
#[path = "browser/gate.rs"]
mod gate;
#[path = "browser/guard.rs"]
mod guard;
#[path = "browser/hostile.rs"]
mod hostile;
#[path = "browser/isolation.rs"]
mod isolation;
#[path = "browser/locators.rs"]
mod locators;
#[path = "browser/password.rs"]
mod password;
#[path = "browser/shared.rs"]
mod shared;
#[path = "browser/submitting.rs"]
mod submitting;
#[path = "browser/trial.rs"]
mod trial;
#[path = "browser/veil.rs"]
mod veil;
#[path = "browser/verbs.rs"]
mod verbs;
#[path = "browser/windows.rs"]
mod windows;
#[path = "browser/world.rs"]
mod world;
