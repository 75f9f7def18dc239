//! The plan from files: good configurations, faults as people see them, schemas.

#[path = "plan/docs.rs"]
mod docs;
#[path = "plan/faults.rs"]
mod faults;
#[path = "plan/good.rs"]
mod good;
#[path = "plan/memory.rs"]
mod memory;
#[path = "plan/schemas.rs"]
mod schemas;
