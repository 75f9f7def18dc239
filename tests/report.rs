//! Reports of synthetic assessments, in every format and both languages.

#[path = "report/formats.rs"]
mod formats;
#[path = "report/page.rs"]
mod page;
#[path = "report/pdf.rs"]
mod pdf;
#[path = "report/world.rs"]
mod world;
