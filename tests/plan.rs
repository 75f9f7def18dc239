//! The plan from files on disk: good configurations, faults as people see them, schemas.

#[path = "plan/good.rs"]
mod good;
